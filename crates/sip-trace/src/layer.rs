//! Decisions that are told by `tracing`, for the recorder: whatever in a process decides something says so in an event, and
//! has not to know of a recorder.
//!
//! A decision is an event with a field `verdict`. Its other fields:
//!
//! | field | becomes |
//! |---|---|
//! | `verdict`, `requirement`, `procedure` | the same of the [`DecisionRecord`] |
//! | `by` | its `target` |
//! | `transaction` (a number) | its `transaction` |
//! | the message | the beginning of `why` |
//! | `user`, as an [`Identity`] | its `user` |
//! | `node` | nothing: a recorder has its node's name |
//! | all others | `name value`, behind commas in `why` |
//!
//! An event that has a field `recorded` was recorded by who told it: the functions of a node hand their decisions to the
//! recorder themselves, which costs less, and tell them as events too, for any other subscriber.
//!
//! ```
//! use sip_trace::layer::{Identity, feed};
//! use sip_trace::{At, Capacity, Recorder};
//! use tracing_subscriber::layer::SubscriberExt as _;
//!
//! let recorder = Recorder::new("node", Capacity::default());
//! let (layer, feed) = feed(|| At::from(17));
//! feed.goes_to(&recorder);
//! let alice = Identity::from("sip:alice@a.example");
//! tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
//!     tracing::info!(verdict = "refused 403", by = "trust", user = alice.field(), "no partner");
//! });
//! assert_eq!(recorder.reader().take_all().len(), 1);
//! ```

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Debug, Write as _};
use std::sync::{Arc, PoisonError, RwLock};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::record::{At, DecisionRecord};
use crate::recorder::Recorder;

/// The identity of a user in an event: a recorder gets it, every other subscriber reads `(an identity)`.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity(String);

impl Identity {
    /// As the value of a field.
    pub fn field(&self) -> &(dyn Error + 'static) {
        self
    }
}

impl From<&str> for Identity {
    fn from(uri: &str) -> Self {
        Self(uri.to_owned())
    }
}

impl Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(an identity)")
    }
}

/// An error that is none: the one kind of field by which a type comes through `tracing` as itself.
impl Error for Identity {}

/// Where a layer's decisions go; nowhere until it is said.
#[derive(Clone, Debug, Default)]
pub struct Feed(Arc<RwLock<Option<Recorder>>>);

impl Feed {
    /// From now on they go to this recorder.
    pub fn goes_to(&self, recorder: &Recorder) {
        let recorder = recorder.is_on().then(|| recorder.clone());
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = recorder;
    }

    /// From now on they go nowhere: the layer keeps no ring open.
    pub fn ends(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// A layer that feeds a recorder, and the way to say which one. `at` reads the clocks. It looks at decisions alone, whatever
/// other layers look at.
pub fn feed<S>(at: fn() -> At) -> (impl Layer<S>, Feed)
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let feed = Feed::default();
    let layer = DecisionLayer {
        feed: feed.clone(),
        at,
    };
    (layer.with_filter(filter_fn(is_decision)), feed)
}

fn is_decision(metadata: &Metadata<'_>) -> bool {
    let fields = metadata.fields();
    metadata.is_event() && fields.field("verdict").is_some() && fields.field("recorded").is_none()
}

struct DecisionLayer {
    feed: Feed,
    at: fn() -> At,
}

impl<S: Subscriber> Layer<S> for DecisionLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let recorder = self.feed.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(recorder) = &*recorder else {
            return;
        };
        let mut decision = Decision::default();
        decision.record.detail = *event.metadata().level() == Level::TRACE;
        event.record(&mut decision);
        recorder.decision((self.at)(), &decision.finish());
    }
}

/// A decision, field by field.
#[derive(Default)]
struct Decision {
    record: DecisionRecord,
    why: String,
    others: String,
}

impl Decision {
    fn text(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let owned = || value.to_string();
        match field.name() {
            "verdict" => self.record.verdict = owned().into(),
            "requirement" => self.record.requirement = owned().into(),
            "by" => self.record.target = owned().into(),
            "procedure" => self.record.procedure = Some(owned()).filter(|id| id != "-"),
            "message" => self.why = owned(),
            "node" | "user" => {}
            name => {
                // Writing to a string does not fail.
                let _ = write!(self.others, ", {name} {value}");
            }
        }
    }

    fn finish(self) -> DecisionRecord {
        let why = match self.why.is_empty() {
            true => self.others.trim_start_matches(", ").to_owned(),
            false => self.why + &self.others,
        };
        DecisionRecord {
            why: Cow::Owned(why),
            ..self.record
        }
    }
}

impl Visit for Decision {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, format_args!("{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "transaction" => self.record.transaction = Some(value),
            _ => self.text(field, format_args!("{value}")),
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        match value.downcast_ref::<Identity>() {
            Some(Identity(uri)) if field.name() == "user" => {
                self.record.user = Some(uri.clone());
            }
            _ => self.text(field, format_args!("{value}")),
        }
    }
}
