//! A node under test: `mcx run` as a process.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Once;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use mcx_node::process::NodeProcess;
use sip_trace::{Direction, Record, What, ndjson};

use super::Lab;
use crate::leak::Inside;

/// How long a test waits for something that must happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// A node under test.
#[derive(Debug)]
pub struct Node {
    process: NodeProcess,
    lines: Receiver<String>,
    trace: PathBuf,
    /// Of a gateway: who is behind it, and its name.
    inside: Option<(Vec<SocketAddr>, String)>,
}

impl Node {
    /// Starts `name` with an example configuration of that name (`gateways/a-server`), changed by
    /// `edit`.
    #[must_use]
    pub fn start(lab: &Lab, example: &str, edit: impl FnOnce(String) -> String) -> Self {
        let name = example.rsplit('/').next().expect("a name");
        let mut node = Self::with_text(lab, name, &edit(lab.example(example)));
        node.inside = name.strip_suffix("-gateway").map(|system| {
            let behind = ["server", "core"].map(|kind| lab.address(&format!("{system}-{kind}")));
            (behind.into(), name.to_owned())
        });
        node
    }

    /// Starts `name` with this configuration, and a trace.
    #[must_use]
    pub fn with_text(lab: &Lab, name: &str, text: &str) -> Self {
        let text = format!("{text}\n[trace]\nfile = \"{name}.ndjson\"\n");
        Self::untraced(lab, name, &text)
    }

    /// Starts `name` with this configuration as it is; without a trace file it cannot [`Node::stop`].
    #[must_use]
    pub fn untraced(lab: &Lab, name: &str, text: &str) -> Self {
        let trace = lab.folder().join(format!("nodes/{name}.ndjson"));
        let config = lab.folder().join(format!("nodes/{name}.toml"));
        std::fs::write(&config, text).expect("a configuration file");
        let logs = lab.folder().join("nodes");
        let mut process = NodeProcess::new(program(), name, config, &logs);
        let (sender, lines) = channel();
        process.follow_log(sender);
        process.start().expect("the node starts");
        Self {
            process,
            lines,
            trace,
            inside: None,
        }
    }

    /// Waits until the node logs a line that contains every one of `parts`; answers the line.
    pub fn wait_for(&self, parts: &[&str]) -> String {
        let limit = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        loop {
            let left = limit.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if parts.iter().all(|part| line.contains(part)) => return line,
                Ok(line) => seen.push(line),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!(
                        "the node never logged {parts:?}; it logged:\n{}",
                        seen.join("\n")
                    )
                }
            }
        }
    }

    /// The process.
    ///
    /// # Panics
    /// It does not run.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id().expect("it runs")
    }

    /// Tells the process to read its certificates anew, as `kill -HUP` does.
    pub fn hang_up(&self) {
        self.signal("HUP");
    }

    /// Sends the process a signal, `TERM` or `HUP`.
    pub fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.is_ok_and(|s| s.success()), "{kill}");
    }

    /// What the node logged so far is not waited for any more.
    pub fn forget_log(&self) {
        self.lines.try_iter().for_each(drop);
    }

    /// What the node logged so far.
    #[must_use]
    pub fn logged(&self) -> String {
        self.process.logged()
    }

    /// Ends the process at once.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Waits until the process ends by itself; its exit code.
    pub fn wait_for_end(&mut self) -> Option<i32> {
        self.process.wait()
    }

    /// Ends the process in order and starts it again.
    pub fn restart(&mut self) {
        self.process.stop();
        self.start_again();
    }

    /// Starts it again.
    pub fn start_again(&mut self) {
        self.process.start().expect("the node starts again");
    }

    /// Ends the node in order; answers everything that it logged and recorded. A gateway has told nobody outside
    /// anything of its inside (L6).
    #[must_use]
    pub fn stop(mut self) -> (String, Vec<Record>) {
        self.process.stop();
        // The log is complete when the process closed it.
        let rest: Vec<String> = self
            .lines
            .iter()
            .take_while(|l| !l.contains("stopped"))
            .collect();
        drop(rest);
        let records = ndjson::read_file(&self.trace).expect("the trace file");
        if let Some((inside, gateway)) = &self.inside {
            watch_over_topology(inside, gateway, &records);
        }
        (self.process.logged(), records)
    }
}

/// Searches everything that a gateway sent outside for what was said inside.
fn watch_over_topology(behind: &[SocketAddr], gateway: &str, records: &[Record]) {
    let system = &gateway[..1];
    let name = format!("mc-server@{system}.mcx.example");
    let mut inside = Inside::new(&[&name], behind);
    let messages = || {
        records.iter().filter_map(|record| match &record.what {
            What::Message(message) => Some(message),
            What::Decision(_) => None,
        })
    };
    for message in messages().filter(|m| behind.contains(&m.peer)) {
        inside.hears(&message.bytes);
    }
    for message in messages() {
        let sent = message.direction == Direction::Sent;
        if sent
            && !behind.contains(&message.peer)
            && let Some(told) = inside.told_by(&message.bytes)
        {
            panic!(
                "{gateway} tells of its inside: {told} in\n{}",
                message.bytes.escape_ascii()
            );
        }
    }
}

/// The bytes of every message that a node sent.
#[must_use]
pub fn sent(records: &[Record]) -> Vec<bytes::Bytes> {
    records
        .iter()
        .filter_map(|record| match &record.what {
            What::Message(m) if m.direction == Direction::Sent => Some(m.bytes.clone()),
            _ => None,
        })
        .collect()
}

/// The program `mcx`, built if it is not there.
#[must_use]
pub fn program() -> PathBuf {
    static BUILD: Once = Once::new();
    built(&BUILD, &["--bin", "mcx"]).join("mcx")
}

/// Builds what `what` asks cargo for, once; answers the folder of this test's profile.
pub(super) fn built(once: &Once, what: &[&str]) -> PathBuf {
    let test = std::env::current_exe().expect("this test's path");
    let profile = test.ancestors().nth(2).expect("target/PROFILE/deps/TEST");
    once.call_once(|| {
        let mut build = Command::new(env!("CARGO"));
        build
            .args(["build", "--quiet", "-p", "mcx-node"])
            .args(what);
        if profile.ends_with("release") {
            build.arg("--release");
        }
        if let Some(target) = profile.parent() {
            build.arg("--target-dir").arg(target);
        }
        let built = build.current_dir(super::project()).status();
        assert!(built.is_ok_and(|s| s.success()), "mcx-node cannot be built");
    });
    profile.to_owned()
}
