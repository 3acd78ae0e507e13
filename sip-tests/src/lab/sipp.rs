//! SIPp as a peer.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::fixtures::ALICE;
use super::{Lab, Listening, project, wait_until_listening};

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

/// What SIPp's built-in scenarios lack where messages get lost: the scenario, what is there, what has to be.
const FOR_LOSS: [(&str, &str, &str); 3] = [
    // A call is forgotten after 4 s: too early where 200s of BYEs get lost, which the client asks for again after 0.5,
    // 1.5, 3.5, 7.5 … s.
    (
        "uas",
        "<timewait milliseconds=\"4000\"/>",
        "<timewait milliseconds=\"32000\"/>",
    ),
    // The first answer always goes out: SIPp knows an INVITE for a repeated one by what it sent for it, and gives the
    // call up when that was nothing.
    ("uas", "<send>", "<send lost=\"0\">"),
    // A BYE that takes a relay longer is answered 100 (RFC 4320 §4.2).
    (
        "uac",
        "<recv response=\"200\" crlf=\"true\">",
        "<recv response=\"100\" optional=\"true\"/><recv response=\"200\" crlf=\"true\">",
    ),
];

/// What SIPp does to messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// None gets lost.
    None,
    /// Every fifth that it sends or receives does, and it tries for as long as it takes.
    EveryFifth,
}

/// A run of SIPp.
#[derive(Debug)]
pub struct Sipp {
    name: String,
    child: Child,
    errors: PathBuf,
    messages: PathBuf,
    counts: PathBuf,
}

/// How SIPp carries its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// One UDP socket.
    Udp,
    /// One TCP connection for all calls.
    Tcp,
    /// A TCP connection for each call, at most so many at a time.
    TcpEach(u32),
}

impl Over {
    fn arguments(self) -> Vec<String> {
        match self {
            Self::Udp => Vec::new(),
            Self::Tcp => vec!["-t".into(), "t1".into()],
            Self::TcpEach(most) => ["-t", "tn", "-max_socket", &most.to_string()]
                .map(str::to_owned)
                .to_vec(),
        }
    }
}

impl Sipp {
    /// Starts the scenario `sip-tests/sipp/templates/SCENARIO.xml` at the address of `at`, with every
    /// `@NAME@` in it replaced, towards `to` when it is a client, over UDP.
    #[must_use]
    pub fn start(
        lab: &Lab,
        scenario: &str,
        at: &str,
        to: Option<&str>,
        replace: &[(&str, &str)],
    ) -> Self {
        Self::start_over(lab, Over::Udp, scenario, at, to, replace)
    }

    /// The same over any transport.
    #[must_use]
    pub fn start_over(
        lab: &Lab,
        over: Over,
        scenario: &str,
        at: &str,
        to: Option<&str>,
        replace: &[(&str, &str)],
    ) -> Self {
        let template = project().join(format!("sip-tests/sipp/templates/{scenario}.xml"));
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
        let name = run_name(scenario, at);
        let file = |end: &str| lab.folder().join(format!("{name}.{end}"));
        std::fs::write(file("xml"), text).expect("a scenario file");
        let arguments = ["-sf", &format!("{name}.xml"), "-m", "1", "-l", "1", "-nd"];
        Self::run(lab, name.clone(), at, to, over, &arguments)
    }

    /// Starts a call of the scenario for each of `rows`, so many a second, over UDP; its log is what
    /// [`Sipp::logged`] gives.
    #[must_use]
    pub fn load(
        lab: &Lab,
        scenario: &str,
        (at, to): (&str, &str),
        replace: &[(&str, &str)],
        rows: &[String],
        rate: u32,
    ) -> Self {
        let template = project().join(format!("sip-tests/sipp/templates/{scenario}.xml"));
        let mut text = std::fs::read_to_string(&template).expect("a scenario");
        for (name, value) in replace {
            text = text.replace(&format!("@{name}@"), value);
        }
        let name = run_name(scenario, at);
        let file = |end: &str| lab.folder().join(format!("{name}.{end}"));
        std::fs::write(file("xml"), text).expect("a scenario file");
        let lines = rows.join("\n");
        std::fs::write(file("csv"), format!("SEQUENTIAL\n{lines}\n")).expect("a file of rows");
        let (xml, csv, log) = (file("xml"), file("csv"), file("log"));
        let (calls, rate) = (rows.len().to_string(), rate.to_string());
        let mut command = Command::new("sipp");
        let address = lab.address(at);
        command
            .arg(lab.address(to).to_string())
            .args(["-m", &calls, "-r", &rate, "-l", &calls])
            .args(["-i", &address.ip().to_string()])
            .args(["-p", &address.port().to_string()])
            // Whoever is answered late is answered: what counts is what becomes of those who were. What comes again after
            // the answer, from a node that was killed in between, is nothing to give up for.
            .args(["-max_non_invite_retrans", "60", "-max_retrans", "60"])
            .args(["-default_behaviors", "all,-abortunexp"])
            .args(["-nostdin", "-timeout", "600", "-timeout_error"])
            .arg("-sf")
            .arg(xml)
            .arg("-inf")
            .arg(csv)
            .args(["-trace_logs", "-log_file"])
            .arg(log)
            .args(["-trace_err", "-error_file"])
            .arg(file("errors"))
            .current_dir(lab.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self {
            child: command.spawn().expect("SIPp starts"),
            errors: file("errors"),
            messages: file("messages"),
            counts: file("counts"),
            name,
        }
    }

    /// Whether calls are still going on.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|ended| ended.is_none())
    }

    /// Waits until all calls are over, and panics with SIPp's own words when one failed; answers what the scenario logged.
    #[must_use]
    pub fn logged(mut self, lab: &Lab) -> String {
        self.wait();
        std::fs::read_to_string(lab.folder().join(format!("{}.log", self.name)))
            .expect("SIPp's log")
    }

    /// Starts SIPp's built-in calls, INVITE-ACK-BYE, so many: scenario `uac` at the address of `at` calls `to`,
    /// scenario `uas` answers there. A `uas` that loses messages goes on after the last call for as long as BYEs may
    /// come again, which is longer than anybody wants to wait: whoever calls says how it went.
    #[must_use]
    pub fn calls(
        lab: &Lab,
        scenario: &str,
        over: Over,
        at: &str,
        to: Option<&str>,
        calls: u32,
        loss: Loss,
    ) -> Self {
        let (name, calls) = (format!("{scenario}-{at}"), calls.to_string());
        let file = format!("{name}.xml");
        let mut arguments = vec!["-m", &calls, "-r", "100"];
        match loss {
            Loss::None => arguments.extend(["-sn", scenario]),
            Loss::EveryFifth => {
                let text = fit_for_loss(scenario);
                std::fs::write(lab.folder().join(&file), text).expect("a scenario file");
                arguments.extend(["-sf", &file, "-lost", "20", "-max_retrans", "10"]);
            }
        }
        Self::run(lab, name.clone(), at, to, over, &arguments)
    }

    pub(super) fn run(
        lab: &Lab,
        name: String,
        at: &str,
        to: Option<&str>,
        over: Over,
        arguments: &[&str],
    ) -> Self {
        let file = |end: &str| lab.folder().join(format!("{name}.{end}"));
        let (errors, messages, counts) = (file("errors"), file("messages"), file("counts"));
        let address = lab.address(at);
        let mut command = Command::new("sipp");
        if let Some(to) = to {
            command.arg(lab.address(to).to_string());
        }
        command
            .args(arguments)
            .args(over.arguments())
            .args(["-i", &address.ip().to_string()])
            .args(["-p", &address.port().to_string()])
            .args(["-nostdin", "-timeout", "40", "-timeout_error"])
            .args(["-trace_err", "-error_file"])
            .arg(&errors)
            .args(["-trace_msg", "-message_file"])
            .arg(&messages)
            .args(["-trace_stat", "-stf"])
            .arg(&counts)
            .current_dir(lab.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = command.spawn().expect("SIPp starts");
        let listening = match over {
            Over::Udp => Listening::Udp,
            _ => Listening::Tcp,
        };
        if to.is_none() {
            wait_until_listening(&mut child, listening, address);
        }
        Self {
            name,
            child,
            errors,
            messages,
            counts,
        }
    }

    /// Waits until all calls are over, and panics with SIPp's own words unless `calls` succeeded and none failed.
    pub fn succeeds_with(mut self, calls: u32) {
        self.wait();
        let counts = std::fs::read_to_string(&self.counts).expect("SIPp's counts");
        let count = |name: &str| {
            let mut lines = counts.lines();
            let column = lines.next()?.split(';').position(|column| column == name)?;
            lines.next_back()?.split(';').nth(column)?.parse().ok()
        };
        let counted = (count("SuccessfulCall(C)"), count("FailedCall(C)"));
        assert_eq!(counted, (Some(calls), Some(0)), "{}: {counts}", self.name);
    }

    /// Waits until the scenario is over, and panics with SIPp's own words when it failed.
    pub fn succeeds(mut self) -> String {
        self.wait()
    }

    /// Waits until the scenario is over, and panics when it succeeded; answers SIPp's own words on what it misses.
    pub fn fails(mut self) -> String {
        let status = self.child.wait().expect("SIPp ends");
        let messages = std::fs::read_to_string(&self.messages).unwrap_or_default();
        let errors = std::fs::read_to_string(&self.errors).unwrap_or_default();
        assert!(
            !status.success(),
            "SIPp {} found nothing wrong\n{messages}",
            self.name
        );
        errors
    }

    fn wait(&mut self) -> String {
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

/// A name for a run's files.
pub(super) fn run_name(scenario: &str, at: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{scenario}-{at}-{count}")
}

/// A built-in scenario with what it lacks where messages get lost.
fn fit_for_loss(scenario: &str) -> String {
    let dumped = Command::new("sipp").args(["-sd", scenario]).output();
    let mut text = String::from_utf8(dumped.expect("SIPp runs").stdout).expect("text");
    for (_, built_in, instead) in FOR_LOSS.iter().filter(|(of, ..)| *of == scenario) {
        assert!(
            text.contains(built_in),
            "the built-in {scenario} is another one"
        );
        text = text.replacen(built_in, instead, 1);
    }
    text
}

/// alice comes home: SIPp's REGISTER towards A's server is answered 200.
///
/// # Panics
/// It is answered otherwise.
pub fn alice_returns(lab: &Lab) {
    let token = lab.token("a", &[("mcptt_id", ALICE)], 3600);
    let replace = [
        ("DOMAIN", "a.mcx.example"),
        ("EXPIRES", "3600"),
        ("SERVICE", "mcptt"),
        ("NAMESPACE", "mcpttInfo"),
        ("TOKEN", &*token),
        ("ELEMENTS", ""),
        ("STATUS", "200"),
        ("CHECKS", ""),
        ("REFERENCE", ""),
    ];
    Sipp::start(lab, "register", "a-core", Some("a-server"), &replace).succeeds();
}
