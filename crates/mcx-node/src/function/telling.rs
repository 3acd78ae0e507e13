//! What a function decided, as it is told to the log and to the recorder.

use mcx::{McId, ProcedureId, Role, Weight};
use sip_trace::{At, Procedure};
use tracing::{debug, info, trace, warn};

use super::Function;
use crate::driver::Decided;

/// Most decisions that are recorded together.
const MOST_DECIDED: usize = 64;

/// The id of a procedure in a line of log, or a dash.
struct Shown(Option<ProcedureId>);

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Some(id) => id.fmt(f),
            None => f.write_str("-"),
        }
    }
}

impl<R: Role> Function<R> {
    /// Tells decisions of a moment to whoever listens to `tracing`, without the user, and records them.
    pub(super) fn decided(&self, at: At, decided: &[Decided]) {
        for decided in decided {
            self.tell(decided);
        }
        if !self.recorder.is_on() {
            return;
        }
        let call = self.about.as_deref();
        for some in decided.chunks(MOST_DECIDED) {
            self.recorder
                .decisions(at, some.iter().map(|it| handed(it, call)));
        }
    }

    fn tell(&self, decided: &Decided) {
        let why = decided.why();
        let Decided {
            decision,
            transaction,
            ..
        } = decided;
        macro_rules! tell {
            ($level:ident) => {
                $level!(
                    // The recorder has it already: a layer that feeds one leaves it out.
                    recorded = true,
                    node = %self.node,
                    function = self.life.kind,
                    by = decision.target,
                    requirement = decision.requirement,
                    verdict = %decision.verdict,
                    procedure = %Shown(decision.procedure),
                    transaction = *transaction,
                    "{why}"
                )
            };
        }
        match decision.weight {
            Weight::Detail => tell!(trace),
            Weight::Minor => tell!(debug),
            Weight::Normal => tell!(info),
            Weight::Alarm => tell!(warn),
        }
    }
}

/// A decision as the recorder takes it.
fn handed<'a>(decided: &'a Decided, call: Option<&'a [u8]>) -> sip_trace::Decision<'a> {
    let decision = &decided.decision;
    sip_trace::Decision {
        requirement: decision.requirement.into(),
        verdict: (&decision.verdict).into(),
        why: decided.why(),
        procedure: decision.procedure.map(|p| Procedure::Uuid(p.as_bytes())),
        user: decision.user.as_ref().map(McId::as_str),
        target: decision.target.into(),
        detail: decision.weight == Weight::Detail,
        call,
        transaction: decided.transaction,
    }
}
