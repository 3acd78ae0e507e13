//! What a person sees: ladders, tables, progress, the summary.

use std::collections::HashMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sip_trace::Record;
use sip_trace::ladder::{self, Notes, Options, text};
use sip_trace::summary::Labels;

use super::scenario::Step;
use super::tables::Stored;

/// From how long a wait on there is a progress line.
const PATIENT: Duration = Duration::from_millis(300);
/// Width where no terminal says another.
const DEFAULT_WIDTH: usize = 110;

/// Standard output.
pub(super) struct Screen {
    terminal: bool,
    width: usize,
    in_progress: bool,
}

impl Screen {
    pub fn new(terminal: bool, width: Option<u16>) -> Self {
        let columns = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
        Self {
            terminal,
            width: width
                .map(usize::from)
                .or(columns)
                .unwrap_or(DEFAULT_WIDTH)
                .clamp(60, 400),
            in_progress: false,
        }
    }

    pub fn started(&mut self, addresses: &[(String, SocketAddr)]) {
        println!(
            "{}",
            self.bold("mcx demo: three MC systems on loopback, real SIP over UDP")
        );
        println!();
        for system in ["a", "b", "c"] {
            let of: Vec<_> = addresses
                .iter()
                .filter(|(name, _)| name.starts_with(system))
                .map(|(name, address)| format!("{name} {address}"))
                .collect();
            println!("  system {}   {}", system.to_uppercase(), of.join("   "));
        }
        println!();
        println!(
            "  A is alice's primary system, B and C are partners. Each server and gateway is a process"
        );
        println!(
            "  of its own (`mcx run`); the SIP cores, which send the clients' events, are simulated."
        );
    }

    /// Announces a step.
    pub fn step(&mut self, number: usize, title: &str) {
        self.progress_done();
        println!();
        println!("{}", self.bold(&format!("━━ {number}. {title}")));
    }

    /// The step: ladder, tables, what held.
    pub fn step_done(
        &mut self,
        step: &Step,
        records: &[Record],
        addresses: &[(String, SocketAddr)],
        before: &Stored,
        after: &Stored,
    ) {
        self.progress_done();
        println!();
        println!("{}", self.ladder(records, addresses).trim_end());
        println!();
        self.tables(before, after);
        for (check, held) in &step.checks {
            let mark = if *held {
                self.green("✓")
            } else {
                self.red("✗")
            };
            println!("  {mark} {check}");
        }
        if let Some(error) = &step.error {
            println!("  {} {error}", self.red("✗"));
        }
    }

    /// Something happened that nobody planned.
    pub fn notice(&mut self, text: &str) {
        self.progress_done();
        println!("  ! {text}");
    }

    /// Says what is waited for, once it takes a while.
    pub fn progress(&mut self, what: &str, since: Duration) {
        if since < PATIENT {
            return;
        }
        if self.terminal {
            print!("\r  … waiting for {what} ({:.1} s) ", since.as_secs_f64());
            let _ = std::io::stdout().flush();
        } else if !self.in_progress {
            println!("  … waiting for {what}");
        }
        self.in_progress = true;
    }

    pub fn progress_done(&mut self) {
        if self.in_progress && self.terminal {
            print!("\r{:width$}\r", "", width = self.width.min(78));
        }
        self.in_progress = false;
    }

    fn ladder(&self, records: &[Record], addresses: &[(String, SocketAddr)]) -> String {
        let order = [
            "a-core",
            "a-server",
            "a-gateway",
            "b-gateway",
            "b-server",
            "b-core",
            "c-gateway",
            "c-server",
            "c-core",
        ];
        let names: HashMap<SocketAddr, String> =
            addresses.iter().map(|(n, a)| (*a, n.clone())).collect();
        let labels = [
            (
                "migration-service-authorization-request",
                "migration request",
            ),
            (
                "migration-service-authorization-response",
                "migration response",
            ),
            (
                "mc-service-user-authorization-notification",
                "user authorisation",
            ),
            (
                "migration-service-deauthorization-notification",
                "de-authorization",
            ),
        ];
        let labels = labels.map(|(wire, short)| (wire.to_owned(), short.to_owned()));
        let options = Options {
            order: order.map(str::to_owned).into(),
            names,
            recording: order.map(str::to_owned).into(),
            notes: Notes::WithRequirement,
            labels: Labels(labels.into()),
            ..Options::default()
        };
        let style = text::Style {
            colour: self.terminal,
            width: self.width,
            ascii: false,
        };
        text::render(&ladder::build(records, &options), &style)
    }

    fn tables(&self, before: &Stored, after: &Stored) {
        let (before, after) = (before.lines(), after.lines());
        let state = |lines: &[super::tables::Line], what: &str| {
            let found = lines.iter().find(|l| l.what == what);
            found.map_or_else(|| "–".to_owned(), |l| l.state.clone())
        };
        let mut whats: Vec<&str> = after
            .iter()
            .chain(&before)
            .map(|l| l.what.as_str())
            .collect();
        whats.sort_unstable();
        whats.dedup();
        if whats.is_empty() {
            println!("  stored: nothing, before and after");
            println!();
            return;
        }
        let widest = |column: &dyn Fn(&str) -> usize| whats.iter().map(|w| column(w)).max();
        let first = widest(&|w| w.chars().count()).unwrap_or(0).max(6);
        let second = widest(&|w| state(&before, w).chars().count())
            .unwrap_or(0)
            .max(6);
        println!("  {:first$}   {:second$}   after", "stored", "before");
        for what in whats {
            let (old, new) = (state(&before, what), state(&after, what));
            let shown = if old == new {
                new.clone()
            } else {
                self.bold(&new)
            };
            println!("  {what:first$}   {old:second$}   {shown}");
        }
        println!();
    }

    /// One screen at the end.
    pub fn summary(
        &self,
        steps: &[Step],
        capture: &Result<PathBuf, String>,
        folder: &Path,
        took: Duration,
    ) {
        println!();
        println!("{}", self.bold("━━ Summary"));
        println!();
        for step in steps {
            let mark = match step.failed() {
                None => self.green("✓"),
                Some(_) => self.red("✗"),
            };
            println!(
                "  {mark} {:>5.2} s  {}",
                step.took.as_secs_f64(),
                step.title
            );
        }
        println!();
        match capture {
            Ok(path) => {
                println!("  capture   {}", path.display());
                println!(
                    "            open it with: tshark -r FILE -o udp.try_heuristic_first:TRUE -Y sip"
                );
                println!("            or:           sngrep -I FILE");
            }
            Err(error) => println!("  {} no capture file: {error}", self.red("✗")),
        }
        println!(
            "  nodes     {} (configurations, databases, traces, logs)",
            folder.join("nodes").display()
        );
        println!("  time      {:.1} s", took.as_secs_f64());
        println!();
        let failed: Vec<_> = steps
            .iter()
            .filter_map(|s| Some((s, s.failed()?)))
            .collect();
        if failed.is_empty() {
            println!("  {}", self.green("everything held"));
        }
        for (step, what) in failed {
            println!("  {} {}: {what}", self.red("did not hold:"), step.title);
        }
    }

    fn bold(&self, text: &str) -> String {
        self.painted("1", text)
    }

    fn green(&self, text: &str) -> String {
        self.painted("32", text)
    }

    fn red(&self, text: &str) -> String {
        self.painted("31", text)
    }

    /// Colour only on a terminal.
    fn painted(&self, code: &str, text: &str) -> String {
        if self.terminal {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}
