//! Kamailio (Debian's) as SIP core, load balancer, trusted edge: with the configurations in `docs/examples/kamailio`.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use super::{Listening, wait_until_listening};

/// Whether Kamailio is there, with its TLS; says loudly when it is not.
#[must_use]
pub fn kamailio_installed() -> bool {
    static THERE: OnceLock<bool> = OnceLock::new();
    let there = *THERE.get_or_init(|| {
        let check = "command -v kamailio && ls /usr/lib/*/kamailio/modules/tls.so";
        let mut found = Command::new("sh");
        found
            .args(["-c", check])
            .env("PATH", path())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        found.status().is_ok_and(|status| status.success())
    });
    if !there {
        eprintln!(
            "SKIPPED: Kamailio is not installed (Debian packages kamailio and kamailio-tls-modules); sip-tests/run installs it"
        );
    }
    there
}

/// Debian has servers in /usr/sbin, which is not on every user's path.
fn path() -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{path}:/usr/sbin")
}

/// A running Kamailio; it ends with this.
#[derive(Debug)]
pub struct Kamailio {
    child: Child,
    log: PathBuf,
}

impl Kamailio {
    /// Starts it in `folder`, which has `configuration` and what that includes, and waits until it listens on each of these.
    #[must_use]
    pub fn start(folder: &Path, configuration: &str, listens: &[(Listening, SocketAddr)]) -> Self {
        Self::start_with(folder, configuration, listens, &["-m", "64"])
    }

    /// The same with memory for as many transactions as come in seconds of much traffic, and with sockets that hold what comes while
    /// its processes wait for the processor.
    #[must_use]
    pub fn start_for_much(
        folder: &Path,
        configuration: &str,
        listens: &[(Listening, SocketAddr)],
    ) -> Self {
        let more = ["-m", "1024", "-b", "4194304", "-x", "tlsf"];
        Self::start_with(folder, configuration, listens, &more)
    }

    fn start_with(
        folder: &Path,
        configuration: &str,
        listens: &[(Listening, SocketAddr)],
        options: &[&str],
    ) -> Self {
        let log = folder.join(format!("{configuration}.log"));
        let (out, error) = (File::create(&log), File::options().append(true).open(&log));
        let mut child = Command::new("kamailio")
            .args(["-DD", "-E", "-M", "8", "-f", configuration])
            .args(options)
            .args(["-w".as_ref(), folder.as_os_str()])
            .args(["-Y".as_ref(), folder.as_os_str()])
            .current_dir(folder)
            .env("PATH", path())
            .stdin(Stdio::null())
            .stdout(out.expect("a log file"))
            .stderr(error.expect("the log file"))
            .spawn()
            .expect("Kamailio starts");
        for (listening, address) in listens {
            wait_until_listening(&mut child, *listening, *address);
        }
        Self { child, log }
    }

    /// What it logged so far.
    #[must_use]
    pub fn logged(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        // It has children, which it ends when it is asked to.
        let kill = format!("kill -TERM {}", self.child.id());
        let _ = Command::new("sh").args(["-c", &kill]).status();
        let _ = self.child.wait();
    }
}
