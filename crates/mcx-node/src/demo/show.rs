//! What a person sees: ladders, tables, progress, the summary.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sip_trace::Record;
use sip_trace::ladder::{self, Notes, Options, text};
use sip_trace::summary::Labels;

use super::scenario::Step;
use super::tables::Stored;
use crate::cli::out::{say, sayln};

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
        sayln!(
            "{}",
            self.bold("mcx demo: three MC systems on loopback, real SIP over UDP")
        );
        sayln!();
        for system in ["a", "b", "c"] {
            let of = addresses
                .iter()
                .filter(|(name, _)| name.starts_with(system));
            let of = of.map(|(name, address)| format!("{name} {address}"));
            let first = format!("  system {}   ", system.to_uppercase());
            self.wrapped(&first, of, "   ");
        }
        sayln!();
        let text = "A is alice's primary system, B and C are partners. Each server and gateway is a process of its own (`mcx run`); the SIP cores, which send the clients' events, are simulated.";
        self.wrapped("  ", text.split(' ').map(str::to_owned), " ");
    }

    /// Writes `items`, as many on a line as there is room for, the first line after `first`.
    fn wrapped(&self, first: &str, items: impl Iterator<Item = String>, between: &str) {
        for line in wrap(first, items, between, self.width) {
            sayln!("{line}");
        }
    }

    /// Announces a step.
    pub fn step(&mut self, number: usize, title: &str) {
        self.progress_done();
        sayln!();
        sayln!("{}", self.bold(&format!("━━ {number}. {title}")));
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
        sayln!();
        sayln!("{}", self.ladder(records, addresses).trim_end());
        sayln!();
        self.tables(before, after);
        for (check, held) in &step.checks {
            let mark = if *held {
                self.green("✓")
            } else {
                self.red("✗")
            };
            sayln!("  {mark} {check}");
        }
        if let Some(error) = &step.error {
            sayln!("  {} {error}", self.red("✗"));
        }
    }

    /// Something happened that nobody planned.
    pub fn notice(&mut self, text: &str) {
        self.progress_done();
        sayln!("  ! {text}");
    }

    /// Says what is waited for, once it takes a while.
    pub fn progress(&mut self, what: &str, since: Duration) {
        if since < PATIENT {
            return;
        }
        if self.terminal {
            let seconds = since.as_secs_f64();
            say(format_args!("\r  … waiting for {what} ({seconds:.1} s) "));
        } else if !self.in_progress {
            sayln!("  … waiting for {what}");
        }
        self.in_progress = true;
    }

    pub fn progress_done(&mut self) {
        if self.in_progress && self.terminal {
            say(format_args!(
                "\r{:width$}\r",
                "",
                width = self.width.min(78)
            ));
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
            sayln!("  stored: nothing, before and after");
            sayln!();
            return;
        }
        let widest = |column: &dyn Fn(&str) -> usize| whats.iter().map(|w| column(w)).max();
        let first = widest(&|w| w.chars().count()).unwrap_or(0).max(6);
        let second = widest(&|w| state(&before, w).chars().count())
            .unwrap_or(0)
            .max(6);
        let third = widest(&|w| state(&after, w).chars().count()).unwrap_or(0);
        if 2 + first + 3 + second + 3 + third.max(5) > self.width {
            self.narrow_table(&whats, |what| (state(&before, what), state(&after, what)));
            return;
        }
        sayln!("  {:first$}   {:second$}   after", "stored", "before");
        for what in whats {
            let (old, new) = (state(&before, what), state(&after, what));
            let shown = if old == new {
                new.clone()
            } else {
                self.bold(&new)
            };
            sayln!("  {what:first$}   {old:second$}   {shown}");
        }
        sayln!();
    }

    /// The table where its columns have no room: two lines an entry.
    fn narrow_table(&self, whats: &[&str], states: impl Fn(&str) -> (String, String)) {
        sayln!("  stored: before → after");
        for what in whats {
            let (old, new) = states(what);
            let shown = if old == new {
                format!("{new} (as before)")
            } else {
                format!("{old} → {}", self.bold(&new))
            };
            sayln!("  {}", shortened(what, self.width - 2));
            sayln!("      {shown}");
        }
        sayln!();
    }

    /// One screen at the end.
    pub fn summary(
        &self,
        steps: &[Step],
        capture: &Result<PathBuf, String>,
        folder: &Path,
        took: Duration,
    ) {
        sayln!();
        sayln!("{}", self.bold("━━ Summary"));
        sayln!();
        for step in steps {
            let mark = match step.failed() {
                None => self.green("✓"),
                Some(_) => self.red("✗"),
            };
            sayln!(
                "  {mark} {:>5.2} s  {}",
                step.took.as_secs_f64(),
                step.title
            );
        }
        sayln!();
        match capture {
            Ok(path) => {
                sayln!("  capture   {}", path.display());
                sayln!(
                    "            open it with: tshark -r FILE -o udp.try_heuristic_first:TRUE -Y sip"
                );
                sayln!("            or:           sngrep -I FILE");
            }
            Err(error) => sayln!("  {} no capture file: {error}", self.red("✗")),
        }
        sayln!(
            "  nodes     {} (configurations, databases, traces, logs)",
            folder.join("nodes").display()
        );
        sayln!("  time      {:.1} s", took.as_secs_f64());
        sayln!();
        let failed: Vec<_> = steps
            .iter()
            .filter_map(|s| Some((s, s.failed()?)))
            .collect();
        if failed.is_empty() {
            sayln!("  {}", self.green("everything held"));
        }
        for (step, what) in failed {
            sayln!("  {} {}: {what}", self.red("did not hold:"), step.title);
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

/// Lines of at most `width` characters where that is possible; later ones are indented as the
/// first.
fn wrap(
    first: &str,
    items: impl Iterator<Item = String>,
    between: &str,
    width: usize,
) -> Vec<String> {
    let indent = first.chars().count();
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for item in items {
        let more = between.chars().count() + item.chars().count();
        if !empty && line.chars().count() + more > width {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            empty = true;
        }
        if !empty {
            line.push_str(between);
        }
        line.push_str(&item);
        empty = false;
    }
    lines.push(line);
    lines
}

/// The text, its end replaced by `…` where there is no room for it.
fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept = text.chars().take(width.saturating_sub(1));
    kept.chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_to_the_width() {
        let items = ["one 1", "two 22", "three 333"].map(str::to_owned);
        let lines = wrap("  A  ", items.into_iter(), "   ", 20);
        assert_eq!(lines, ["  A  one 1   two 22", "     three 333"]);
        assert_eq!(shortened("gateway", 7), "gateway");
        assert_eq!(shortened("gateways", 7), "gatewa…");
    }
}
