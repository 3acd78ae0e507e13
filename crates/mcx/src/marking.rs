//! Messages that are marked to be logged (RFC 8497): `logme` in Session-ID asks everybody on the way to keep the message and
//! what belongs to it, so that several operators can trace one procedure together.
//!
//! A mark makes others write down what their users do. So it counts only from partners that the configuration trusts for it, and is
//! shown to these alone (RFC 8497 §5, §8).

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use sip_message::Headers;

use crate::{Decision, McId, ProcedureId};

/// Requirement id of decisions about marks; a watch for marked procedures looks for it.
pub const REQUIREMENT: &str = "RFC 8497";
/// Verdict of the decision that a mark counts.
pub const MARKED: &str = "marked";

/// Users whose requests are marked, for as long as an operator watches them. All clones are one list.
#[derive(Clone, Debug, Default)]
pub struct Watched(Arc<RwLock<HashMap<u64, McId>>>);

impl Watched {
    /// The user is watched from now on; `watch` names whose wish that is.
    pub fn begin(&self, watch: u64, user: McId) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(watch, user);
    }

    /// That watch has ended.
    pub fn end(&self, watch: u64) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.remove(&watch);
    }

    /// Whether a watch is for this user.
    #[must_use]
    pub fn has(&self, user: &McId) -> bool {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.values().any(|watched| watched == user)
    }
}

/// Whether a message is marked: the parameter stands there, without a value (RFC 8497 §4.2).
pub(crate) fn is_marked(headers: &Headers) -> bool {
    let id = headers.session_id().ok().flatten();
    id.is_some_and(|id| id.params().get("logme") == Some(None))
}

/// A Session-ID with a mark.
pub(crate) fn marked(mut session_id: String) -> String {
    session_id.push_str(";logme");
    session_id
}

/// That a mark of `from` counts, or that it does not, or does not go there.
pub(crate) fn decision(
    counts: bool,
    from: &str,
    procedure: Option<ProcedureId>,
    user: &McId,
) -> Decision {
    let (verdict, why) = match counts {
        true => (MARKED, format!("{from} wants the procedure logged")),
        false => (
            "mark left out",
            format!("{from} is not trusted with marks: logme is not set for it"),
        ),
    };
    Decision::new(REQUIREMENT, verdict, why)
        .by("trust")
        .of(procedure)
        .about(user)
}
