//! Watches: an operator switches them on and off while the node runs; each copies what matches, and what belongs to it from then
//! on, into files of its own until its time is over. They do not outlive the process.

mod files;
mod wish;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mcx::System;
use serde::{Deserialize, Serialize};
use sip_trace::Reader;
use sip_trace::watch::Watch;
use tracing::{info, warn};

use crate::clock;
use files::Files;
pub use wish::Wish;

/// Most watches that run at once: each looks at every record in a thread of its own.
pub const MOST_RUNNING: usize = 8;
/// Most watches that ended and are still listed.
const MOST_ENDED: usize = 16;
/// Why there can be none.
const NO_FOLDER: &str = "there is no folder for watches: write watches = \"FOLDER\" into [trace]";
/// How long a watch waits for records before it looks whether it is to end.
const PATIENCE: Duration = Duration::from_millis(100);

/// The watches of a node.
pub struct Watches {
    node: String,
    reader: Reader,
    place: Mutex<Place>,
    state: Mutex<State>,
}

/// What the configuration says.
#[derive(Clone)]
struct Place {
    /// Where files go; `None` where there may be none.
    folder: Option<PathBuf>,
    partners: Vec<System>,
}

#[derive(Default)]
struct State {
    last: u64,
    /// In the order of their ids.
    all: Vec<Running>,
}

/// A watch and what became of it.
struct Running {
    id: u64,
    looks_for: Vec<String>,
    until_ms: u64,
    size_mib: u64,
    files: PathBuf,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What a watch's thread tells, and is told.
#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    records: AtomicU64,
    lost: AtomicU64,
    ended: Mutex<Option<String>>,
}

/// A watch as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchLine {
    /// Its id, from 1 at each start of the node.
    pub id: u64,
    /// What it looks for; users are not named.
    pub looks_for: Vec<String>,
    /// When it ends, in ms since the Unix epoch.
    pub until_ms: u64,
    /// Most that its files hold, in MiB.
    pub size_mib: u64,
    /// How many records it copied.
    pub records: u64,
    /// How many records went by before it came to them.
    pub lost: u64,
    /// How its files begin: `-1.ndjson` and so on follow.
    pub files: PathBuf,
    /// Why it ended, if it did.
    pub ended: Option<String>,
}

impl Watches {
    /// None yet. Files go to `folder`, which is made when it is needed, and there are no watches without one; they look at what
    /// `reader` reads.
    #[must_use]
    pub fn new(folder: Option<PathBuf>, node: &str, reader: Reader, partners: Vec<System>) -> Self {
        Self {
            node: node.to_owned(),
            reader,
            place: Mutex::new(Place { folder, partners }),
            state: Mutex::default(),
        }
    }

    /// Where files of later watches go, and which partners these may name.
    pub fn change(&self, folder: Option<PathBuf>, partners: Vec<System>) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = Place { folder, partners };
    }

    /// Begins one; says what it is called and where its files are.
    ///
    /// # Errors
    /// It makes no sense, there are enough, or its files cannot be written.
    pub fn add(&self, wish: Wish, by: &str) -> Result<String, String> {
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        let Place { folder, partners } = place.clone();
        drop(place);
        let folder = folder.ok_or(NO_FOLDER)?;
        let selection = wish.selection(&partners)?;
        let (lasts, size_mib) = wish.bounds()?;
        let mut state = self.lock();
        let running = state.all.iter().filter(|w| w.ended().is_none()).count();
        if running >= MOST_RUNNING {
            return Err(format!(
                "{MOST_RUNNING} watches run already: stop one of them"
            ));
        }
        let id = state.last + 1;
        let now = clock::wall_us() / 1000;
        let begin = folder.join(format!("{}-{now}-watch-{id}", self.node));
        let mut files = Files::create(&begin, size_mib * 1024 * 1024)
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut reader = self.reader.clone();
        if !wish.past {
            reader.skip_to_end();
        }
        let shared = Arc::new(Shared::default());
        let of_thread = shared.clone();
        let ends = Instant::now() + lasts;
        let thread = std::thread::Builder::new().name("mcx-watch".into());
        let thread = thread.spawn(move || {
            let watch = Watch::new(selection);
            let why = copy(watch, &mut reader, &mut files, &of_thread, ends);
            info!(watch = id, why, "a watch ended");
            *of_thread.lock() = Some(why);
        });
        let thread = thread.map_err(|error| error.to_string())?;
        state.last = id;
        let seconds = lasts.as_secs();
        let kinds = wish.kinds().join(", ");
        info!(
            watch = id,
            kinds, seconds, size_mib, "a watch begins; ordered by {by}"
        );
        state.all.push(Running {
            id,
            looks_for: wish.words(),
            until_ms: now + seconds * 1000,
            size_mib,
            files: begin.clone(),
            shared,
            thread: Some(thread),
        });
        while state.all.len() > MOST_RUNNING + MOST_ENDED {
            let Some(at) = state.all.iter().position(|w| w.ended().is_some()) else {
                break;
            };
            state.all.remove(at);
        }
        Ok(format!("watch {id} writes {}-*.ndjson", begin.display()))
    }

    /// All that run, and the last ones that ended.
    #[must_use]
    pub fn list(&self) -> Vec<WatchLine> {
        self.lock().all.iter().map(Running::line).collect()
    }

    /// Ends one; its files are whole when this returns.
    ///
    /// # Errors
    /// There is no such watch, or it ended.
    pub fn end(&self, id: u64, by: &str) -> Result<String, String> {
        let mut state = self.lock();
        let watch = state.all.iter_mut().find(|watch| watch.id == id);
        let watch = watch.ok_or_else(|| format!("there is no watch {id}"))?;
        if let Some(why) = watch.ended() {
            return Err(format!("watch {id} ended: {why}"));
        }
        info!(watch = id, "a watch is stopped; ordered by {by}");
        watch.shared.stop.store(true, Ordering::Relaxed);
        let thread = watch.thread.take();
        drop(state);
        if let Some(thread) = thread {
            let _ = thread.join();
        }
        Ok(format!("watch {id} is stopped"))
    }

    /// Ends all of them, with what was recorded so far.
    pub fn end_all(&self) {
        let mut state = self.lock();
        for watch in &state.all {
            watch.shared.stop.store(true, Ordering::Relaxed);
        }
        let threads: Vec<_> = state
            .all
            .iter_mut()
            .filter_map(|w| w.thread.take())
            .collect();
        drop(state);
        for thread in threads {
            let _ = thread.join();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn ended(&self) -> Option<String> {
        self.shared.lock().clone()
    }

    fn line(&self) -> WatchLine {
        WatchLine {
            id: self.id,
            looks_for: self.looks_for.clone(),
            until_ms: self.until_ms,
            size_mib: self.size_mib,
            records: self.shared.records.load(Ordering::Relaxed),
            lost: self.shared.lost.load(Ordering::Relaxed),
            files: self.files.clone(),
            ended: self.ended(),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Copies until it is to end; says why it ended.
fn copy(
    mut watch: Watch,
    reader: &mut Reader,
    files: &mut Files,
    shared: &Shared,
    ends: Instant,
) -> String {
    // Once it is told to end: where the records end that it still takes.
    let mut end = None;
    loop {
        if end.is_none() && shared.stop.load(Ordering::Relaxed) {
            end = Some(reader.end());
        }
        if end.is_some_and(|end| reader.next_seq() >= end) {
            return "stopped".into();
        }
        if Instant::now() >= ends {
            return "its time was over".into();
        }
        let records = reader.wait(PATIENCE);
        shared.lost.store(reader.missed(), Ordering::Relaxed);
        for record in records.iter().flat_map(|record| watch.take(record)) {
            if let Err(error) = files.write(&record) {
                warn!(%error, "a watch cannot write");
                return format!("its files cannot be written: {error}");
            }
            shared.records.fetch_add(1, Ordering::Relaxed);
        }
        if let Err(error) = files.flush() {
            warn!(%error, "a watch cannot write");
            return format!("its files cannot be written: {error}");
        }
        if records.is_empty() && reader.closed() {
            return "the node ended".into();
        }
    }
}
