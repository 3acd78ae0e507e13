//! Real nodes and real peers on loopback: `mcx run` processes with the example configurations,
//! SIPp beside them.

mod certificates;
mod example;
mod faults;
mod fixtures;
mod kamailio;
mod node;
mod pack;
mod partner;
mod schema;
mod sipp;
mod stunnel;
mod visitors;
mod waiting;
mod wire;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use mcx::state::{Command, Event};
use mcx_store::{Snapshot, SqliteReader, SqliteStore, Store as _};

pub use certificates::Authority;
pub use example::Example;
pub use faults::{Calls, Disk, Faults, strace_works};
pub use fixtures::{
    ALICE, ALICE_AT_B, alice, mapping_at_b, receive_deauthorization, receive_deauthorization_over,
    stay_at_b,
};
pub use kamailio::{Kamailio, kamailio_installed};
pub use node::{Node, program, sent};
pub use pack::Scenario;
pub use partner::{Notified, Partner};
pub use schema::assert_schema_valid;
pub use sipp::{Loss, Over, Sipp, alice_returns, sipp_installed};
pub use stunnel::{Stunnel, stunnel_installed};
pub use visitors::{
    deauthorization, options, stays_at, visitor, visitor_id, visitor_id_at_b, visitors_at_b,
};
pub use waiting::{Listening, wait_until_let_go, wait_until_listening};
pub use wire::Wire;

/// The project's folder.
#[must_use]
pub fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the member has a parent folder")
        .to_owned()
}

/// Every Rust source file below a folder.
#[must_use]
pub fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files
}

/// Addresses in the example configurations and who they belong to.
const EXAMPLE_ADDRESSES: [(&str, &str); 11] = [
    ("127.0.0.1:5060", "a-core"),
    ("127.0.0.1:5061", "a-server"),
    ("127.0.0.1:5062", "a-gateway"),
    ("127.0.0.1:5070", "b-core"),
    ("127.0.0.1:5071", "b-server"),
    ("127.0.0.1:5072", "b-gateway"),
    ("127.0.0.1:5080", "c-core"),
    ("127.0.0.1:5081", "c-server"),
    ("127.0.0.1:5082", "c-gateway"),
    ("127.0.0.1:5162", "a-gateway-tls"),
    ("127.0.0.1:5172", "b-gateway-tls"),
];

/// First port of a lab: below those that the system hands out by itself.
const FIRST_PORT: u16 = 20_001;

/// A folder and a loopback address of its own for one test; everything in it ends with it.
///
/// Ports are counted up from a fixed one instead of taken from the system: nobody else uses the
/// address, and a port that was reserved by binding it stays in use for a moment when another
/// thread starts a process, which has a copy of the socket until it runs its own program.
#[derive(Debug)]
pub struct Lab {
    folder: PathBuf,
    ip: IpAddr,
    addresses: RefCell<BTreeMap<String, SocketAddr>>,
}

impl Lab {
    /// A lab for the test of that name.
    #[must_use]
    pub fn new(test: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let pid = std::process::id();
        let octet = |n: u32| u8::try_from(n).expect("below 256");
        let ip = Ipv4Addr::new(
            127,
            octet(16 + pid % 200),
            octet(pid / 200 % 256),
            octet(count),
        );
        let folder = std::env::temp_dir().join(format!("mcx-{test}-{pid}-{count}"));
        // A process of that number may have left one behind.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(folder.join("keys")).expect("a temporary folder");
        std::fs::create_dir_all(folder.join("nodes")).expect("a temporary folder");
        for system in ["a", "b", "c"] {
            let key = format!("idms-{system}.pub.pem");
            let from = project().join("docs/loopback/keys").join(&key);
            std::fs::copy(from, folder.join("keys").join(key)).expect("an example key");
        }
        Self {
            folder,
            ip: ip.into(),
            addresses: RefCell::default(),
        }
    }

    /// The lab's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The address of `name`.
    pub fn address(&self, name: &str) -> SocketAddr {
        let mut addresses = self.addresses.borrow_mut();
        let next = FIRST_PORT + u16::try_from(addresses.len()).expect("a handful");
        let free = SocketAddr::new(self.ip, next);
        *addresses.entry(name.to_owned()).or_insert(free)
    }

    /// The socket of `name`, bound.
    pub fn socket(&self, name: &str) -> UdpSocket {
        UdpSocket::bind(self.address(name)).expect("a port of this lab's own")
    }

    /// A configuration (`gateways/a-server` of `docs/loopback`, `tls/a-gateway` of `docs/examples`) with this lab's addresses.
    pub fn example(&self, example: &str) -> String {
        let folder = match example.starts_with("tls/") {
            true => "examples",
            false => "loopback",
        };
        let path = project().join(format!("docs/{folder}/{example}.toml"));
        let text = std::fs::read_to_string(&path).expect("an example configuration");
        self.with_addresses(text)
    }

    /// A text with this lab's addresses instead of those in the example configurations.
    pub fn with_addresses(&self, mut text: String) -> String {
        for (_, name) in EXAMPLE_ADDRESSES {
            let old = EXAMPLE_ADDRESSES.iter().find(|(_, n)| *n == name);
            let (old, _) = old.expect("it is in the table");
            text = text.replace(old, &format!("@{name}@"));
        }
        for (_, name) in EXAMPLE_ADDRESSES {
            text = text.replace(&format!("@{name}@"), &self.address(name).to_string());
        }
        text
    }

    /// Makes changes durable in the database of a node that is not running.
    pub fn seed(&self, node: &str, batch: Vec<Command>) {
        let store = SqliteStore::open(&self.database(node)).expect("a database");
        drop(store.apply(batch));
        // Dropping the store waits until everything is committed.
        drop(store);
    }

    /// What a node has stored.
    #[must_use]
    pub fn stored(&self, node: &str) -> Snapshot {
        SqliteReader::open(&self.database(node))
            .expect("a database")
            .snapshot()
            .expect("its rows")
    }

    /// The events that a node has stored.
    #[must_use]
    pub fn events(&self, node: &str) -> Vec<Event> {
        let reader = SqliteReader::open(&self.database(node)).expect("a database");
        reader.events(0, usize::MAX).expect("its events")
    }

    fn database(&self, node: &str) -> PathBuf {
        self.folder.join(format!("nodes/{node}.sqlite"))
    }

    /// An access token of the identity management server of `system`, valid for `seconds`.
    #[must_use]
    pub fn token(&self, system: &str, claims: &[(&str, &str)], seconds: i64) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = i64::try_from(now.expect("after 1970").as_secs()).expect("before 2262");
        let mut all = serde_json::json!({
            "iss": format!("https://idms.{system}.mcx.example"),
            "aud": "mcx",
            "exp": now + seconds,
        });
        for (name, value) in claims {
            all[name] = (*value).into();
        }
        let key = project().join(format!("docs/loopback/keys/idms-{system}.key.pem"));
        let pem = std::fs::read(key).expect("an example key");
        let key = EncodingKey::from_ec_pem(&pem).expect("a private key");
        encode(&Header::new(Algorithm::ES256), &all, &key).expect("a token")
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if std::env::var_os("MCX_KEEP_LABS").is_none() && !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}
