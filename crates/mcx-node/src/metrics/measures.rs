//! What a function measures while it works.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use mcx::{Decision, RequestId, SendFailure, Timestamp, Warning};
use mcx_store::Histogram;
use sip_message::{HeaderName, Method, Response};

/// Most answers, and most decisions, that are told apart; what comes beyond is counted under `other`.
pub const MOST_SERIES: usize = 256;

/// Seconds of a request: from one that nothing is stored for, to one that waits for another system.
const OF_REQUESTS: [f64; 11] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0, 8.0, 32.0,
];
/// Seconds of a procedure: from a return over fast links, to one that waited for days until a partner was back.
const OF_PROCEDURES: [f64; 11] = [
    0.01, 0.025, 0.05, 0.1, 0.5, 2.0, 8.0, 60.0, 600.0, 3_600.0, 86_400.0,
];

/// How an answer is counted: method, status, 3GPP warning code or 0.
pub type Answer = (&'static str, u16, u16);

/// What a function has measured since its start.
#[derive(Clone, Debug, Default)]
pub struct Measures {
    /// Requests handed to the role, by method.
    pub requests: BTreeMap<&'static str, u64>,
    /// Answers given.
    pub answers: BTreeMap<Answer, u64>,
    /// Final answers to requests of its own, by class, and those that got none, by why.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Decisions by requirement and verdict.
    pub decisions: BTreeMap<(&'static str, String), u64>,
    /// Seconds from a request to its answer, by method.
    pub seconds: BTreeMap<&'static str, Histogram>,
    /// Seconds from the event that began a procedure until it came so far.
    pub procedures: BTreeMap<&'static str, Histogram>,
    /// Requests that are not answered yet.
    open: HashMap<RequestId, (Instant, &'static str)>,
}

impl Measures {
    /// A request came.
    pub fn came(&mut self, now: Instant, id: RequestId, method: &Method) {
        let method = name(method);
        *self.requests.entry(method).or_default() += 1;
        self.open.insert(id, (now, method));
    }

    /// It is answered.
    pub fn answered(&mut self, now: Instant, id: RequestId, response: &Response) {
        let Some((since, method)) = self.open.remove(&id) else {
            return;
        };
        let warning = response.headers().first(&HeaderName::Warning);
        let code = warning.and_then(code).unwrap_or_default();
        self.count_answer((method, response.status().as_u16(), code));
        let seconds = now.saturating_duration_since(since).as_secs_f64();
        let of_method = self.seconds.entry(method);
        of_method
            .or_insert_with(|| Histogram::new(&OF_REQUESTS))
            .add(seconds);
    }

    /// It will not be answered.
    pub fn abandoned(&mut self, id: RequestId) {
        self.open.remove(&id);
    }

    /// A request was answered before it came to the role.
    pub fn rejected(&mut self, status: u16) {
        self.count_answer(("any", status, 0));
    }

    /// A request of its own is answered.
    pub fn answer_came(&mut self, status: u16) {
        let class = match status / 100 {
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            5 => "5xx",
            _ => "6xx",
        };
        *self.outcomes.entry(class).or_default() += 1;
    }

    /// A request of its own gets no answer.
    pub fn failed(&mut self, why: SendFailure) {
        let why = match why {
            SendFailure::Timeout => "timeout",
            SendFailure::Transport | SendFailure::NotProven(_) => "transport",
            SendFailure::Overload => "overload",
        };
        *self.outcomes.entry(why).or_default() += 1;
    }

    /// Something was decided.
    pub fn decided(&mut self, now: Timestamp, decision: &Decision) {
        let key = (decision.requirement, decision.verdict.to_string());
        if self.decisions.len() < MOST_SERIES || self.decisions.contains_key(&key) {
            *self.decisions.entry(key).or_default() += 1;
        } else {
            let other = ("other", "other".to_owned());
            *self.decisions.entry(other).or_default() += 1;
        }
        let step = match &*decision.verdict {
            "mapped" => "mapped",
            "applied" => "applied",
            "delivered" => "delivered",
            _ => return,
        };
        if let Some(began) = decision.procedure.and_then(mcx::ProcedureId::began) {
            let of_step = self.procedures.entry(step);
            of_step
                .or_insert_with(|| Histogram::new(&OF_PROCEDURES))
                .add(now.since(began).as_secs_f64());
        }
    }

    fn count_answer(&mut self, answer: Answer) {
        let known = self.answers.len() < MOST_SERIES || self.answers.contains_key(&answer);
        let answer = if known { answer } else { ("other", 0, 0) };
        *self.answers.entry(answer).or_default() += 1;
    }
}

/// A method as a label: those that are handled.
fn name(method: &Method) -> &'static str {
    match method {
        Method::Message => "MESSAGE",
        Method::Register => "REGISTER",
        Method::Publish => "PUBLISH",
        Method::Options => "OPTIONS",
        _ => "other",
    }
}

/// The 3GPP warning code in a Warning of ours, `399 HOST "CODE TEXT"`.
fn code(warning: &[u8]) -> Option<u16> {
    let text = warning.split(|b| *b == b'"').nth(1)?;
    Warning::known(text).map(|warning| warning.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_are_told_apart_are_bounded() {
        let mut measures = Measures::default();
        for status in 300..699 {
            measures.rejected(status);
        }
        assert_eq!(measures.answers.len(), MOST_SERIES + 1);
        let other = measures.answers.get(&("other", 0, 0)).copied();
        assert_eq!(other, Some(399 - 256));
    }

    #[test]
    fn a_code_of_ours_is_read_and_no_other() {
        let of = |text: &str| code(text.as_bytes());
        assert_eq!(of("399 a \"141 user unknown\""), Some(141));
        assert_eq!(of("399 a \"999 x\""), None);
        assert_eq!(of("399 a"), None);
    }
}
