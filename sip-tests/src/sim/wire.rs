//! What happened, for assertions and for whoever looks into a failing seed.

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;
use mcx::Decision;

/// A datagram as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// When, in microseconds.
    pub at: u64,
    /// The sender.
    pub from: SocketAddr,
    /// The receiver.
    pub to: SocketAddr,
    /// What.
    pub bytes: Bytes,
    /// After how long each copy arrived; none when it was lost.
    pub delays: Vec<u64>,
}

impl Datagram {
    /// Whether these words are in it.
    #[must_use]
    pub fn says(&self, words: &str) -> bool {
        let words = words.as_bytes();
        self.bytes.windows(words.len()).any(|w| w == words)
    }

    /// Whether it is a request.
    #[must_use]
    pub fn is_request(&self) -> bool {
        !self.bytes.starts_with(b"SIP/2.0 ")
    }

    fn what(&self) -> String {
        let line = self.bytes.split(|b| *b == b'\r').next().unwrap_or_default();
        let mut what = String::from_utf8_lossy(line).into_owned();
        if self.is_request() {
            for kind in [
                "authorization-request",
                "authorization-response",
                "user-authorization-notification",
                "deauthorization-notification",
            ] {
                if self.says(&format!("-{kind}<")) {
                    what = format!("{what} [{kind}]");
                }
            }
            if let Some(number) = self.after("number=\"") {
                what = format!("{what} stay {number}");
            }
        }
        match self.after("branch=z9hG4bK") {
            Some(branch) => format!("{what} ({})", branch.get(16..).unwrap_or(&branch)),
            None => what,
        }
    }

    /// The word that follows `words`.
    fn after(&self, words: &str) -> Option<String> {
        let text = String::from_utf8_lossy(&self.bytes);
        let (_, rest) = text.split_once(words)?;
        let word = rest.split(['"', ';', '\r', ' ']).next()?;
        Some(word.to_owned())
    }
}

/// A line of the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A datagram.
    Sent(Datagram),
    /// A role decided something.
    Decided(u64, String, Decision),
    /// Something else.
    Happened(u64, String),
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |at: u64| format!("{:>6}.{:06}", at / 1_000_000, at % 1_000_000);
        match self {
            Self::Sent(sent) => {
                let (from, to) = (name(sent.from), name(sent.to));
                write!(f, "{} {from:>9} → {to:<9} {}", time(sent.at), sent.what())?;
                match sent.delays.as_slice() {
                    [] => f.write_str("  ✗ lost"),
                    [one] => write!(f, "  +{} ms", one / 1000),
                    [one, two, ..] => write!(f, "  +{} ms, +{} ms", one / 1000, two / 1000),
                }
            }
            Self::Decided(at, node, decision) => write!(
                f,
                "{} {node:>9} ! {} {}: {}",
                time(*at),
                decision.requirement,
                decision.verdict,
                decision.why
            ),
            Self::Happened(at, what) => write!(f, "{} ───────── {what}", time(*at)),
        }
    }
}

fn name(address: SocketAddr) -> String {
    let std::net::IpAddr::V4(ip) = address.ip() else {
        return address.to_string();
    };
    let [_, _, system, function] = ip.octets();
    let letter = char::from(b'A' + system.saturating_sub(1));
    let function = match function {
        1 => "server",
        2 => "gateway",
        _ => "core",
    };
    format!("{letter}-{function}")
}
