//! The log: on standard error, in lines for people or of JSON, from a level on that can change while the node runs.

use std::io::IsTerminal as _;

use serde::Deserialize;
use sip_trace::Recorder;
use sip_trace::layer::Feed;
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry, fmt, reload};

use crate::clock;

/// Goes before what the configuration says.
const VARIABLE: &str = "MCX_LOG";
/// What it may be; `trace` is what libraries have to say as well.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// From which level on events are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// What is wrong with the node.
    Error,
    /// What an operator has to look at.
    Warn,
    /// What happens.
    #[default]
    Info,
    /// What an engineer who looks for something wants to know.
    Debug,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// How an event is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// A line for people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// What a configuration says of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogConfig {
    /// From which level on.
    pub level: Level,
    /// How.
    pub format: Format,
}

/// What the environment variable says, if it says anything.
fn level_of_environment() -> Result<Option<&'static str>, String> {
    let said = std::env::var_os(VARIABLE).unwrap_or_default();
    let said = said.to_string_lossy();
    if said.is_empty() {
        return Ok(None);
    }
    let is_said = |level: &&&str| level.eq_ignore_ascii_case(&said);
    let level = LEVELS.iter().find(is_said).copied().map(Some);
    level.ok_or_else(|| {
        format!(
            "{VARIABLE}=`{said}` is no level of the log: write error, warn, info, debug or trace"
        )
    })
}

/// The log of this process.
///
/// Beside it, what is decided outside of the functions of a node goes to the flight recorder, whatever is logged.
#[derive(Debug)]
pub struct Log {
    /// Nothing where the environment says what is logged.
    level: Option<reload::Handle<EnvFilter, Registry>>,
    feed: Feed,
}

impl Log {
    /// Starts it; once a process.
    ///
    /// # Errors
    /// The environment variable is no level.
    pub fn start(config: LogConfig) -> Result<Self, String> {
        let said = level_of_environment()?;
        let fixed = said.is_some();
        let filter = EnvFilter::new(said.unwrap_or(config.level.as_str()));
        let (filter, handle) = reload::Layer::new(filter);
        let lines = fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false);
        let lines = match config.format {
            Format::Human => lines.boxed(),
            Format::Json => lines.json().flatten_event(true).with_ansi(false).boxed(),
        };
        let (records, feed) = sip_trace::layer::feed(clock::at);
        tracing_subscriber::registry()
            .with(lines.with_filter(filter))
            .with(records)
            .init();
        let level = (!fixed).then_some(handle);
        Ok(Self { level, feed })
    }

    /// What is decided outside of functions goes there from now on.
    pub fn records_to(&self, recorder: &Recorder) {
        self.feed.goes_to(recorder);
    }

    /// It goes nowhere any more: the thread that writes records ends with the last recorder.
    pub fn records_end(&self) {
        self.feed.ends();
    }

    /// Logs from this level on, unless the environment says otherwise.
    pub fn change(&self, level: Level) {
        if let Some(handle) = &self.level {
            let _ = handle.reload(EnvFilter::new(level.as_str()));
        }
    }
}
