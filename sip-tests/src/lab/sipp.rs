//! SIPp as a peer.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use super::{Lab, project};

/// Whether SIPp is there; says loudly when it is not.
#[must_use]
pub fn sipp_installed() -> bool {
    static THERE: OnceLock<bool> = OnceLock::new();
    let there = *THERE.get_or_init(|| {
        let mut version = Command::new("sipp");
        version
            .arg("-v")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        version.status().is_ok()
    });
    if !there {
        eprintln!(
            "SKIPPED: SIPp is not installed (Debian package sip-tester); sip-tests/run installs it"
        );
    }
    there
}

/// A run of SIPp.
#[derive(Debug)]
pub struct Sipp {
    name: String,
    child: Child,
    errors: PathBuf,
    messages: PathBuf,
}

impl Sipp {
    /// Starts the scenario `sip-tests/sipp/SCENARIO.xml` at the address of `at`, with every
    /// `@NAME@` in it replaced, towards `to` when it is a client.
    #[must_use]
    pub fn start(
        lab: &Lab,
        scenario: &str,
        at: &str,
        to: Option<&str>,
        replace: &[(&str, &str)],
    ) -> Self {
        let template = project().join(format!("sip-tests/sipp/{scenario}.xml"));
        let mut text = std::fs::read_to_string(&template).expect("a scenario");
        for (name, value) in replace {
            text = text.replace(&format!("@{name}@"), value);
        }
        let open = text.match_indices('@').find_map(|(at, _)| {
            let name = text[at + 1..].split('@').next()?;
            let placeholder =
                !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
            placeholder.then(|| name.to_owned())
        });
        assert!(open.is_none(), "{scenario}: nothing given for {open:?}");
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("{scenario}-{at}-{count}");
        let file = |end: &str| lab.folder().join(format!("{name}.{end}"));
        let (errors, messages) = (file("errors"), file("messages"));
        std::fs::write(file("xml"), text).expect("a scenario file");
        let address = lab.address(at);
        let mut command = Command::new("sipp");
        if let Some(to) = to {
            command.arg(lab.address(to).to_string());
        }
        command
            .arg("-sf")
            .arg(file("xml"))
            .args(["-i", &address.ip().to_string()])
            .args(["-p", &address.port().to_string()])
            .args([
                "-m",
                "1",
                "-l",
                "1",
                "-nostdin",
                "-nd",
                "-timeout",
                "40",
                "-timeout_error",
            ])
            .args(["-trace_err", "-error_file"])
            .arg(&errors)
            .args(["-trace_msg", "-message_file"])
            .arg(&messages)
            .current_dir(lab.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().expect("SIPp starts");
        Self {
            name,
            child,
            errors,
            messages,
        }
    }

    /// Waits until the scenario is over, and panics with SIPp's own words when it failed.
    pub fn succeeds(mut self) -> String {
        let status = self.child.wait().expect("SIPp ends");
        let messages = std::fs::read_to_string(&self.messages).unwrap_or_default();
        let errors = std::fs::read_to_string(&self.errors).unwrap_or_default();
        assert!(
            status.success(),
            "SIPp {} failed with {status}\n{errors}\n{messages}",
            self.name
        );
        messages
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
