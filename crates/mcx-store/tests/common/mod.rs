//! What the tests of the stores share.
#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

pub mod random;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake};
use std::thread::Thread;
use std::time::{Duration, Instant};

use mcx::state::{Authorization, Command, Outcome, UserKey};
use mcx::{McId, ProcedureId, Service, SystemId, Timestamp};
use mcx_store::{Snapshot, SqliteStore, Store, StoreError};

/// A folder of its own for one test, removed in the end.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("mcx-store-test-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Where the database of the test is.
    pub fn database(&self) -> PathBuf {
        self.0.join("mcx.db")
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn open(&self) -> SqliteStore {
        SqliteStore::open(&self.database()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future, without a runtime.
pub fn wait<T>(mut future: Pin<Box<dyn Future<Output = T> + Send>>) -> T {
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// Applies a batch and waits until it is durable.
pub fn apply(store: &impl Store, batch: Vec<Command>) -> Result<Vec<Outcome>, StoreError> {
    wait(store.apply(batch))
}

/// What is stored, lists sorted by their keys.
pub fn snapshot(store: &impl Store) -> Snapshot {
    let mut snapshot = store.snapshot().unwrap();
    snapshot.homes.sort_by(|a, b| a.0.cmp(&b.0));
    snapshot.visitors.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(store.outbox().unwrap(), snapshot.outbox);
    assert!(snapshot.outbox.is_sorted_by_key(|row| row.id));
    snapshot
}

pub fn at(seconds: u64) -> Timestamp {
    Timestamp(1_750_000_000_000 + seconds * 1000)
}

pub fn id(text: &str) -> McId {
    McId::parse(text).unwrap()
}

pub fn user(number: u64) -> UserKey {
    UserKey {
        service: Service::Mcptt,
        primary_id: id(&format!("sip:user-{number}@a.mcx.example")),
    }
}

pub fn system(name: &str) -> SystemId {
    SystemId::new(&format!("{name}.mcx.example"))
}

pub fn procedure(number: u8) -> ProcedureId {
    ProcedureId::new(at(0), [number; 10])
}

pub fn authorization(etag: Option<&str>) -> Authorization {
    Authorization {
        until: at(3600),
        etag: etag.map(str::to_owned),
        registration: etag.map(|tag| format!("call-{tag}")),
    }
}

pub fn allow(key: UserKey, to: &str, number: u8) -> Command {
    Command::AllowMigration {
        key,
        system: system(to),
        partner_id: id(&format!("sip:guest@{to}.mcx.example")),
        procedure: procedure(number),
        in_reply_to: format!("request-{number}"),
        at: at(0),
        expires: at(32),
    }
}

pub fn map(key: UserKey, number: Option<u64>) -> Command {
    Command::StoreMapping {
        heard: None,
        key,
        primary: system("a"),
        partner_id: id("sip:guest@b.mcx.example"),
        number,
        procedure: procedure(1),
        authorization: authorization(Some("t1")),
        at: at(0),
    }
}

pub fn end(key: UserKey, number: Option<u64>, purge_at: Timestamp) -> Command {
    Command::EndStay {
        key,
        partner_id: None,
        number,
        procedure: Some(procedure(2)),
        at: at(5),
        stop_at: at(5),
        purge_at,
    }
}

pub fn returns(key: UserKey, number: u8) -> Command {
    Command::AuthorizeHome {
        key,
        authorization: authorization(Some("home")),
        if_match: None,
        heard: None,
        procedure: procedure(number),
        at: at(1),
    }
}

/// Waits until the store has found by itself that it can commit.
pub fn wait_until_usable(store: &SqliteStore) {
    let limit = Instant::now() + Duration::from_secs(30);
    while let Err(why) = store.usable() {
        assert!(Instant::now() < limit, "{why}");
        std::thread::yield_now();
    }
}
