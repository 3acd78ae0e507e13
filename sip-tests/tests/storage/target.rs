//! B's server with some visitors, and A's server as a peer that de-authorizes them.

use std::process::Command;

use mcx::state::VisitorPhase;
use mcx_store::Snapshot;
use sip_message::Response;
use sip_tests::lab::{Lab, Node, Wire, deauthorization, options, program, visitor, visitors_at_b};

/// How many visitors there are.
pub const VISITORS: u64 = 100;

pub struct Target {
    pub lab: Lab,
    pub node: Node,
    pub peer: Wire,
    store: &'static str,
}

impl Target {
    pub fn new(test: &str) -> Self {
        Self::with_store(Lab::new(test), "b-server")
    }

    /// The store being `nodes/STORE.sqlite` of the lab.
    pub fn with_store(lab: Lab, store: &'static str) -> Self {
        lab.seed(store, visitors_at_b(VISITORS));
        let node = Node::start(&lab, "direct/b-server", |text| {
            let text = text.replace(
                "store = \"b-server.sqlite\"",
                &format!("store = \"{store}.sqlite\""),
            );
            assert!(text.contains(&format!("\"{store}.sqlite\"")));
            text
        });
        let peer = Wire::new(&lab, "a-server", "b-server");
        Self {
            lab,
            node,
            peer,
            store,
        }
    }

    /// Kills the node and starts it again.
    pub fn kill(&mut self) {
        self.node.kill();
        self.node.start_again();
    }

    /// De-authorizes visitor `n`.
    pub fn deauthorize(&self, n: u64, branch: &str) -> Response {
        self.peer
            .ask(&deauthorization(self.peer.address(), n, branch))
    }

    /// Asks for the options.
    pub fn options(&self, branch: &str) -> Response {
        self.peer.ask(&options(self.peer.address(), branch))
    }

    /// Exit code of `mcx ready`, and what it says.
    pub fn ready(&self) -> (i32, String) {
        let socket = self
            .lab
            .folder()
            .join(format!("nodes/{}.sqlite.admin", self.store));
        let asked = Command::new(program())
            .args(["ready", "--socket"])
            .arg(socket)
            .output()
            .unwrap();
        let said = [asked.stdout, asked.stderr].concat();
        (
            asked.status.code().unwrap(),
            String::from_utf8(said).unwrap(),
        )
    }

    /// The visitors that the store says to have left.
    pub fn left(&self) -> Vec<u64> {
        Self::left_of(&self.lab.stored(self.store))
    }

    /// The same, were everything lost that is in the write-ahead log alone.
    pub fn left_without_the_log(&self) -> Vec<u64> {
        let database = |name: &str| self.lab.folder().join(format!("nodes/{name}.sqlite"));
        std::fs::copy(database(self.store), database("copy")).unwrap();
        Self::left_of(&self.lab.stored("copy"))
    }

    fn left_of(stored: &Snapshot) -> Vec<u64> {
        let visitors = &stored.visitors;
        let has_left = |n: &u64| {
            let found = visitors.iter().find(|(key, _)| *key == visitor(*n));
            matches!(found.unwrap().1.phase, VisitorPhase::WasMigrated { .. })
        };
        (0..VISITORS).filter(has_left).collect()
    }
}
