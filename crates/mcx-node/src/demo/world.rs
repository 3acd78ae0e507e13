//! The three systems: folders, ports, configurations, processes, SIP cores.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use mcx_store::{Snapshot, SqliteReader};
use sip_message::Response;
use sip_trace::{
    Capacity, Direction, MessageRecord, Record, Recorder, Redactor, Transport, pcapng,
};
use sip_transaction::Timers;

use super::client::{TokenSigner, Wish};
use super::core::Core;
use super::folder;
use super::records::Recordings;
use super::show::Screen;
use crate::clock;
use crate::config;
use crate::process::NodeProcess;
use crate::pseudonym_key;

/// The systems, by the letter in the names of their nodes.
pub(super) const SYSTEMS: [char; 3] = ['a', 'b', 'c'];

/// Addresses in the configurations, which the demo replaces by free ones.
const EXAMPLE_ADDRESSES: [(&str, char, &str); 9] = [
    ("127.0.0.1:5060", 'a', "core"),
    ("127.0.0.1:5061", 'a', "server"),
    ("127.0.0.1:5062", 'a', "gateway"),
    ("127.0.0.1:5070", 'b', "core"),
    ("127.0.0.1:5071", 'b', "server"),
    ("127.0.0.1:5072", 'b', "gateway"),
    ("127.0.0.1:5080", 'c', "core"),
    ("127.0.0.1:5081", 'c', "server"),
    ("127.0.0.1:5082", 'c', "gateway"),
];

/// The demo runs what there is for one machine.
const EXAMPLES: [(&str, &str); 6] = [
    (
        "a-server",
        include_str!("../../../../docs/loopback/gateways/a-server.toml"),
    ),
    (
        "a-gateway",
        include_str!("../../../../docs/loopback/gateways/a-gateway.toml"),
    ),
    (
        "b-server",
        include_str!("../../../../docs/loopback/gateways/b-server.toml"),
    ),
    (
        "b-gateway",
        include_str!("../../../../docs/loopback/gateways/b-gateway.toml"),
    ),
    (
        "c-server",
        include_str!("../../../../docs/loopback/gateways/c-server.toml"),
    ),
    (
        "c-gateway",
        include_str!("../../../../docs/loopback/gateways/c-gateway.toml"),
    ),
];

/// Public and private key of the identity management server of each system.
const KEYS: [(char, &str, &str); 3] = [
    (
        'a',
        include_str!("../../../../docs/loopback/keys/idms-a.pub.pem"),
        include_str!("../../../../docs/loopback/keys/idms-a.key.pem"),
    ),
    (
        'b',
        include_str!("../../../../docs/loopback/keys/idms-b.pub.pem"),
        include_str!("../../../../docs/loopback/keys/idms-b.key.pem"),
    ),
    (
        'c',
        include_str!("../../../../docs/loopback/keys/idms-c.pub.pem"),
        include_str!("../../../../docs/loopback/keys/idms-c.key.pem"),
    ),
];

/// SIP timers on loopback: a twentieth of the usual ones, so that "no answer" is known after
/// 1.6 s instead of 32 s.
const TIMERS: &str = "[timers]\nt1 = \"25 ms\"\nt2 = \"200 ms\"\nt4 = \"250 ms\"\n";
/// Timer J at that T1 (64·T1), and a little more.
pub(super) const TIMER_J: Duration = Duration::from_millis(1700);
/// How long a step may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);
/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(5);
/// When nothing was recorded for so long, a step is over.
const QUIET: Duration = Duration::from_millis(40);
/// How often all processes are started anew with other ports when one was taken in between.
const START_ATTEMPTS: usize = 3;

/// The capture file.
const CAPTURE: &str = "demo.pcapng";
/// How the files of a node end.
const NODE_FILES: [&str; 6] = [
    "toml",
    "log",
    "ndjson",
    "sqlite",
    "sqlite-wal",
    "sqlite-shm",
];

fn key_file(system: char) -> String {
    format!("keys/idms-{system}.pub.pem")
}

/// Every file that the demo writes.
pub(super) fn files() -> Vec<String> {
    let of_node = |(name, _): &(&str, &str)| {
        let name = (*name).to_owned();
        NODE_FILES.map(|end| format!("nodes/{name}.{end}"))
    };
    let nodes = EXAMPLES.iter().flat_map(of_node);
    let keys = KEYS.iter().map(|(system, _, _)| key_file(*system));
    nodes.chain(keys).chain([CAPTURE.to_owned()]).collect()
}

/// The three systems, running.
pub(super) struct World {
    folder: PathBuf,
    nodes: Vec<NodeProcess>,
    cores: Vec<Core>,
    addresses: Vec<(String, SocketAddr)>,
    records: Recordings,
    recorder: Recorder,
}

impl World {
    /// Writes the configurations below `folder` and starts everything.
    pub fn start(folder: &Path, screen: &mut Screen) -> Result<Self, String> {
        let cannot = |what: &Path, error: std::io::Error| format!("{}: {error}", what.display());
        for sub in ["keys", "nodes"] {
            let sub = folder.join(sub);
            folder::private()
                .recursive(true)
                .create(&sub)
                .map_err(|e| cannot(&sub, e))?;
        }
        for (system, public, _) in KEYS {
            let path = folder.join(key_file(system));
            fs::write(&path, public).map_err(|e| cannot(&path, e))?;
        }
        let mut attempts = 0;
        loop {
            attempts += 1;
            match Self::start_once(folder) {
                Ok(world) => {
                    screen.started(&world.addresses);
                    return Ok(world);
                }
                Err(error) if attempts < START_ATTEMPTS => screen.notice(&error),
                Err(error) => return Err(error),
            }
        }
    }

    fn start_once(folder: &Path) -> Result<Self, String> {
        let io = |error: std::io::Error| error.to_string();
        // Every port is held until all are known, so that they differ.
        let held: Vec<UdpSocket> = EXAMPLE_ADDRESSES
            .iter()
            .map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)))
            .collect::<Result<_, _>>()
            .map_err(io)?;
        let recorder = Recorder::new("sip-core", Capacity::default());
        let mut addresses = Vec::new();
        let mut cores = Vec::new();
        let mut sockets = Vec::new();
        for ((_, system, kind), socket) in EXAMPLE_ADDRESSES.iter().zip(held) {
            let address = socket.local_addr().map_err(io)?;
            addresses.push((format!("{system}-{kind}"), address));
            if *kind == "core" {
                sockets.push((*system, socket));
            }
        }
        let address = |name: String| {
            let found = addresses.iter().find(|(n, _)| *n == name);
            found.map(|(_, a)| *a).ok_or(name)
        };
        for ((system, socket), (_, _, key)) in sockets.into_iter().zip(KEYS) {
            let name = format!("{system}-core");
            let domain = format!("{system}.mcx.example");
            let server = address(format!("{system}-server"))?;
            let signer = TokenSigner::new(&domain, key.as_bytes())?;
            let own = recorder.for_node(&name);
            let timers = Timers::default();
            let core = Core::new(&name, &domain, socket, server, signer, own, timers);
            cores.push(core.map_err(io)?);
        }
        let program = std::env::current_exe().map_err(io)?;
        let mut nodes = Vec::new();
        for (name, _) in EXAMPLES {
            let config = folder.join(format!("nodes/{name}.toml"));
            let logs = folder.join("nodes");
            nodes.push(NodeProcess::new(program.clone(), name, config, &logs));
        }
        let traces = EXAMPLES.map(|(name, _)| folder.join(format!("nodes/{name}.ndjson")));
        let mut world = Self {
            folder: folder.to_owned(),
            nodes,
            cores,
            addresses,
            records: Recordings::new(traces.into(), recorder.reader()),
            recorder,
        };
        for (name, example) in EXAMPLES {
            world.configure(name, example)?;
        }
        for node in &mut world.nodes {
            node.spawn()?;
        }
        for node in &mut world.nodes {
            node.wait_ready()?;
        }
        Ok(world)
    }

    /// Writes a node's configuration: the example with this run's ports, timers and trace file.
    fn configure(&self, name: &str, example: &str) -> Result<(), String> {
        let mut text = String::new();
        // Addresses are replaced through placeholders, for a new one may look like an old one.
        let mut with_names = example.to_owned();
        for (old, system, kind) in EXAMPLE_ADDRESSES {
            with_names = with_names.replace(old, &format!("@{system}-{kind}@"));
        }
        for (node, address) in &self.addresses {
            with_names = with_names.replace(&format!("@{node}@"), &address.to_string());
        }
        text.push_str(&with_names.replace("first = \"1 s\"", "first = \"300 ms\""));
        text.push('\n');
        text.push_str(TIMERS);
        text.push_str(&format!("[trace]\nfile = \"{name}.ndjson\"\n"));
        let path = self.folder.join(format!("nodes/{name}.toml"));
        fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))
    }

    /// Restarts the servers of A and B with topology hiding off between them.
    pub fn hide_no_more(&mut self) -> Result<(), String> {
        for (name, other) in [("a-server", 'b'), ("b-server", 'a')] {
            let example = EXAMPLES
                .iter()
                .find(|(n, _)| *n == name)
                .map_or("", |(_, e)| e);
            let address = self.address(&format!("{other}-server"));
            let section = format!("system = \"{other}.mcx.example\"\n");
            let direct = format!(
                "{section}server = {{ psi = \"sip:mc-server@{other}.mcx.example\", next-hop = \"sip:{address}\" }}\n"
            );
            let (before, after) = example.split_once(&section).unwrap_or((example, ""));
            let after = after.replacen("topology-hiding = true", "topology-hiding = false", 1);
            self.configure(name, &format!("{before}{direct}{after}"))?;
            let node = self.node(name)?;
            node.stop();
            node.start()?;
        }
        Ok(())
    }

    pub fn node(&mut self, name: &str) -> Result<&mut NodeProcess, String> {
        let found = self.nodes.iter_mut().find(|n| n.name == name);
        found.ok_or_else(|| format!("no node {name}"))
    }

    pub fn address(&self, name: &str) -> SocketAddr {
        let found = self.addresses.iter().find(|(n, _)| n == name);
        found.map_or(SocketAddr::from(([0, 0, 0, 0], 0)), |(_, a)| *a)
    }

    pub fn addresses(&self) -> &[(String, SocketAddr)] {
        &self.addresses
    }

    /// What the service server of `system` has stored.
    pub fn stored(&self, system: char) -> Snapshot {
        let path = self.folder.join(format!("nodes/{system}-server.sqlite"));
        SqliteReader::open(&path)
            .and_then(|reader| {
                reader.snapshot().map_err(|e| mcx_store::OpenError::Failed {
                    path: path.clone(),
                    why: e.to_string(),
                })
            })
            .unwrap_or_default()
    }

    /// Whether nothing is owed anywhere.
    pub fn nothing_owed(&self) -> bool {
        SYSTEMS.iter().all(|s| self.stored(*s).outbox.is_empty())
    }

    /// Sends a client's event and waits for its answer, as a client does: again when there is no
    /// answer, or a 5xx.
    pub fn register(
        &mut self,
        system: char,
        wish: Wish,
        screen: &mut Screen,
    ) -> Result<Response, String> {
        let name = format!("{system}-core");
        let limit = Instant::now() + PATIENCE;
        while Instant::now() < limit {
            let core = self.core(&name)?;
            let client = core.register(wish)?;
            let mut answer = None;
            self.wait(screen, "the answer to the client", PATIENCE, |world| {
                answer = world.core(&name).ok().and_then(|c| c.answer(client));
                answer.is_some()
            });
            match answer.flatten() {
                Some(response) if response.status().as_u16() < 500 => return Ok(response),
                Some(response) => screen.notice(&format!(
                    "{name}: {} {}, the client tries again",
                    response.status().as_u16(),
                    String::from_utf8_lossy(response.reason())
                )),
                None => screen.notice(&format!("{name}: no answer, the client tries again")),
            }
        }
        Err("the client gave up".into())
    }

    fn core(&mut self, name: &str) -> Result<&mut Core, String> {
        let found = self.cores.iter_mut().find(|c| c.name == name);
        found.ok_or_else(|| format!("no SIP core {name}"))
    }

    /// Waits until `holds`, keeping everything going; answers whether it came to hold.
    pub fn wait(
        &mut self,
        screen: &mut Screen,
        what: &str,
        limit: Duration,
        mut holds: impl FnMut(&mut Self) -> bool,
    ) -> bool {
        let begin = Instant::now();
        loop {
            self.keep_going(screen);
            if holds(self) {
                screen.progress_done();
                return true;
            }
            if begin.elapsed() > limit {
                screen.progress_done();
                return false;
            }
            screen.progress(what, begin.elapsed());
            std::thread::sleep(POLL);
        }
    }

    /// Waits until nobody records anything any more.
    pub fn settle(&mut self, screen: &mut Screen) {
        let mut last = Instant::now();
        self.wait(screen, "quiet", PATIENCE, |world| {
            if world.records.poll() > 0 {
                last = Instant::now();
            }
            last.elapsed() > QUIET
        });
    }

    /// Lets the SIP cores work, and starts again what somebody killed.
    fn keep_going(&mut self, screen: &mut Screen) {
        for core in &mut self.cores {
            core.pump();
        }
        for node in &mut self.nodes {
            if let Some(how) = node.ended() {
                screen.notice(&format!("{} {how}: it is started again", node.name));
                if let Err(error) = node.start() {
                    screen.notice(&error);
                }
            }
        }
    }

    /// What was recorded since `from_us`.
    pub fn records(&mut self, from_us: u64) -> Vec<Record> {
        self.records.poll();
        self.records.since(from_us)
    }

    /// Sends a datagram that a node sent before once more, from that node's own address: the node
    /// is stopped for as long as its port is needed. Answers what came back.
    pub fn replay(
        &mut self,
        node: &str,
        to: SocketAddr,
        bytes: &Bytes,
        screen: &mut Screen,
    ) -> Result<Option<Bytes>, String> {
        let io = |error: std::io::Error| error.to_string();
        let from = self.address(node);
        self.node(node)?.stop();
        let socket = UdpSocket::bind(from).map_err(io)?;
        socket.set_nonblocking(true).map_err(io)?;
        let recorder = self.recorder.for_node(node);
        recorder.message(
            clock::at(),
            MessageRecord::new(Direction::Sent, Transport::Udp, from, to, bytes.clone()),
        );
        socket.send_to(bytes, to).map_err(io)?;
        let mut buffer = vec![0; 65_535];
        let mut answer = None;
        self.wait(
            screen,
            "the answer to the late notification",
            PATIENCE,
            |_| {
                if let Ok((length, _)) = socket.recv_from(&mut buffer) {
                    answer = buffer.get(..length).map(Bytes::copy_from_slice);
                }
                answer.is_some()
            },
        );
        if let Some(answer) = &answer {
            recorder.message(
                clock::at(),
                MessageRecord::new(
                    Direction::Received,
                    Transport::Udp,
                    from,
                    to,
                    answer.clone(),
                ),
            );
        }
        drop(socket);
        self.node(node)?.start()?;
        Ok(answer)
    }

    /// What takes identities out of the capture file: it is an export like any other, invented users or not.
    fn redactor(&self) -> Result<Redactor, String> {
        let key = pseudonym_key::of(None)?;
        let mut keep = Vec::new();
        for (name, _) in EXAMPLES {
            let file = self.folder.join(format!("nodes/{name}.toml"));
            let config = config::load(&file).map_err(|problems| problems.to_string())?;
            keep.extend(config.service_identities().map(str::to_owned));
        }
        Ok(Redactor::new(&key).keeping(keep.iter().map(String::as_str)))
    }

    /// Stops everything and writes the capture file.
    pub fn finish(mut self) -> Result<PathBuf, String> {
        for node in &mut self.nodes {
            node.stop();
        }
        self.records.poll();
        let path = self.folder.join(CAPTURE);
        let of = |e: std::io::Error| format!("{}: {e}", path.display());
        let records = self.redactor()?.all(&self.records.since(0));
        let file = fs::File::create(&path).map_err(of)?;
        pcapng::write_merged(&records, std::io::BufWriter::new(file)).map_err(of)?;
        Ok(path)
    }
}
