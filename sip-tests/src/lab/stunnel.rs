//! stunnel: OpenSSL's TLS, independent of ours, in front of peers that speak TCP alone (Debian's SIPp is one).

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use mcx_node::transport::tls::TlsFiles;

use super::{Lab, Listening, wait_until_listening};

/// Whether stunnel is there; says loudly when it is not.
#[must_use]
pub fn stunnel_installed() -> bool {
    static THERE: OnceLock<bool> = OnceLock::new();
    let there = *THERE.get_or_init(|| {
        let mut version = Command::new("stunnel4");
        version
            .arg("-version")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        version.status().is_ok()
    });
    if !there {
        eprintln!(
            "SKIPPED: stunnel is not installed (Debian package stunnel4); sip-tests/run installs it"
        );
    }
    there
}

/// A running stunnel; it ends with this.
#[derive(Debug)]
pub struct Stunnel {
    child: Child,
}

impl Stunnel {
    /// TCP at the address of `at` becomes TLS towards `to`, whose certificate has to lead to the roots in `files` and
    /// to name `domain` as DNS name.
    #[must_use]
    pub fn client(lab: &Lab, at: &str, to: &str, files: &TlsFiles, domain: &str) -> Self {
        Self::start(
            lab,
            at,
            to,
            files,
            &format!("client = yes\ncheckHost = {domain}\n"),
        )
    }

    /// TLS at the address of `at`, of clients whose certificates lead to the roots in `files`, becomes TCP towards
    /// `to`.
    #[must_use]
    pub fn server(lab: &Lab, at: &str, to: &str, files: &TlsFiles) -> Self {
        Self::start(lab, at, to, files, "client = no\n")
    }

    fn start(lab: &Lab, at: &str, to: &str, files: &TlsFiles, side: &str) -> Self {
        let address = lab.address(at);
        let text = format!(
            "foreground = yes\npid =\nsyslog = no\n[sip]\naccept = {address}\nconnect = {}\n\
             cert = {}\nkey = {}\nCAfile = {}\nverifyChain = yes\n{side}",
            lab.address(to),
            files.certificate.display(),
            files.key.display(),
            files.roots.display(),
        );
        let file = |end: &str| lab.folder().join(format!("stunnel-{at}.{end}"));
        std::fs::write(file("conf"), text).expect("a configuration file");
        let log = File::create(file("log")).expect("a log file");
        let mut child = Command::new("stunnel4")
            .arg(file("conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("stunnel starts");
        wait_until_listening(&mut child, Listening::Tcp, address);
        Self { child }
    }
}

impl Drop for Stunnel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
