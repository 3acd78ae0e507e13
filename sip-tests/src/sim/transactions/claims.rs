//! What has to hold, said once more and otherwise than in the endpoint.

use sip_message::Request;
use sip_transaction::{Failure, Path};

use super::user::{Call, End, Serving};
use super::{Net, Node, STALL, branch_of};

/// How many of what a run had, so that a test sees that it tests something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Requests.
    pub requests: usize,
    /// Those with an answer.
    pub answered: usize,
    /// Those that failed.
    pub failed: usize,
    /// INVITEs that were cancelled.
    pub cancelled: usize,
    /// Copies of requests that were sent.
    pub copies: usize,
    /// INVITEs whose answer was never acknowledged.
    pub unacknowledged: usize,
}

impl Net {
    /// A request is handed up once. Its copies may come when the transaction is over, but only later than 64·T1 after the
    /// first was sent; nor is it handed up while it is being served after another way.
    pub(super) fn handed_up_once(&mut self, who: usize, path: Path, request: &Request) {
        let (now, give_up) = (self.now, self.give_up());
        let branch = branch_of(request.as_bytes());
        let begun = self.begun[&branch];
        let t4 = self.micros(self.scene.config.timers.t4);
        let node = &mut self.nodes[who];
        let id = request.headers().call_id().expect("a Call-ID").to_vec();
        let heard = node.heard.insert(id, now);
        if !node.stalled {
            let again = node.came.contains_key(&branch);
            assert!(!again || now > begun + give_up, "handed up twice");
            if let Some(before) = heard
                && !path.transport.is_reliable()
            {
                assert!(now >= before + t4.min(give_up), "merged, and handed up");
            }
        }
    }

    /// §17.1.4: a transport failure ends what waits on that hop, at once.
    pub(super) fn nothing_waits_on(&self, who: usize, path: Path) {
        let mut calls = self.nodes[who].calls.values();
        let waiting = calls.find(|call| call.path == path && call.end.is_none());
        assert!(waiting.is_none(), "the transport failed: {waiting:?}");
    }

    /// Holds what the users saw against the RFC, when nothing is left to happen.
    ///
    /// # Panics
    /// When it does not hold.
    pub fn check(&self) -> Totals {
        let mut totals = Totals::default();
        for (who, node) in self.nodes.iter().enumerate() {
            let left = (node.endpoint.clients(), node.endpoint.servers());
            assert_eq!(left, (0, 0), "{who}: left in memory");
            assert_eq!(node.endpoint.timers(), 0, "{who}: timers left");
            assert_eq!(node.endpoint.hops(), 0, "{who}: hops left");
            for call in node.calls.values() {
                self.check_call(node, call);
                totals.requests += 1;
                totals.copies += call.again.len();
                totals.cancelled += usize::from(call.cancel.is_some());
                match call.end {
                    Some((_, End::Answer(_))) => totals.answered += 1,
                    _ => totals.failed += 1,
                }
            }
            for serving in node.serving.values() {
                self.check_serving(node, serving);
                totals.unacknowledged += usize::from(serving.unacknowledged.is_some());
            }
        }
        totals
    }

    fn check_call(&self, node: &Node, call: &Call) {
        let (ended, how) = call.end.unwrap_or_else(|| panic!("no end: {call:?}"));
        let late = if node.stalled { STALL } else { 0 };
        let by = self.ends_by(call);
        assert!(ended <= by + late, "ended {ended}, not by {by}: {call:?}");
        match how {
            End::Failed(Failure::Timeout) => {
                assert!(ended >= by, "gave up at {ended}, before {by}: {call:?}");
            }
            End::Failed(Failure::Transport) => {
                assert!(call.path.transport.is_reliable(), "{call:?}");
            }
            End::Answer(_) => {}
        }
        if node.stalled {
            return;
        }
        assert_eq!(call.again, self.copies(call, ended), "{call:?}");
        self.check_cancel(call, ended);
    }

    /// When Timer C is due, if the INVITE is not answered: begun by the first 1xx and by each that is no 100 and comes a
    /// second or more later.
    fn timer_c(&self, call: &Call) -> Option<u64> {
        let mut begun: Option<u64> = None;
        for (at, status) in &call.provisional {
            if begun.is_none_or(|before| *status != 100 && *at >= before + 1_000_000) {
                begun = Some(*at);
            }
        }
        begun.map(|begun| begun + self.micros(self.scene.config.timer_c))
    }

    /// When a request has its end at the latest.
    fn ends_by(&self, call: &Call) -> u64 {
        let give_up = self.give_up();
        match (call.invite, call.cancel, self.timer_c(call)) {
            (true, Some(cancel), _) => cancel + give_up,
            (true, None, Some(due)) => due + give_up,
            _ => call.begun + give_up,
        }
    }

    /// §9.1: the CANCEL goes out when it is wanted and a provisional answer is there, or by Timer C.
    fn check_cancel(&self, call: &Call, ended: u64) {
        match (call.cancel, self.timer_c(call)) {
            (Some(at), Some(due)) => {
                assert!(call.taken_back || at == due, "CANCEL at {at}: {call:?}");
                assert!(at <= due && at <= ended && at >= call.provisional[0].0);
            }
            (Some(_), None) => panic!("CANCEL before a provisional answer: {call:?}"),
            (None, Some(due)) => {
                assert!(call.taken_back || !call.invite || ended <= due, "{call:?}");
                assert!(!call.taken_back, "not cancelled: {call:?}");
            }
            (None, None) => {}
        }
    }

    /// When copies of a request are sent: by Timer A at doubled intervals until any answer (§17.1.1.2), by Timer E at
    /// intervals up to T2 until the final one, all of T2 after a 1xx (§17.1.2.2); over TCP not at all.
    fn copies(&self, call: &Call, ended: u64) -> Vec<u64> {
        let timers = self.scene.config.timers;
        let (t1, t2) = (self.micros(timers.t1), self.micros(timers.t2));
        let provisional = call.provisional.first().map_or(u64::MAX, |first| first.0);
        let failed = matches!(call.end, Some((_, End::Failed(_))));
        let mut copies = Vec::new();
        if call.path.transport.is_reliable() {
            return copies;
        }
        let (mut at, mut wait) = (call.begun + t1, t1);
        // What is due at the same time as an answer comes is sent before; not so at the end of Timer B or F.
        while at < ended || (at == ended && !failed) {
            if call.invite && at > provisional {
                break;
            }
            copies.push(at);
            wait = match call.invite {
                true => wait * 2,
                false if at > provisional => t2,
                false => (wait * 2).min(t2),
            };
            at += wait;
        }
        copies
    }

    fn check_serving(&self, node: &Node, serving: &Serving) {
        let timers = self.scene.config.timers;
        let give_up = self.give_up();
        let reliable = serving.path.transport.is_reliable();
        if node.stalled {
            return;
        }
        // §17.2.1, RFC 4320 §4.1: 100 in its time and only when there is nothing else.
        let wait = match serving.invite {
            true => 200_000,
            false => self.micros(timers.until_e_is_t2()),
        };
        let due = serving.came + wait;
        let trying = serving
            .first
            .is_none_or(|first| first >= due)
            .then_some(due);
        assert_eq!(serving.trying, trying, "{serving:?}");
        let (answered, status) = match serving.answered {
            Some(answered) => answered,
            None => {
                assert!(!serving.invite, "never answered");
                return;
            }
        };
        if !serving.invite || status < 300 {
            assert!(serving.again.is_empty(), "sent again: {serving:?}");
            assert_eq!(serving.unacknowledged, None);
            return;
        }
        // §17.2.1: Timer G until the ACK or Timer H.
        let (mut at, mut wait) = (answered, self.micros(timers.t1));
        let heard = serving.acknowledged.filter(|at| *at < answered + give_up);
        let end = heard.unwrap_or(answered + give_up);
        let mut again = Vec::new();
        while !reliable && (at + wait < end || (at + wait == end && heard.is_some())) {
            at += wait;
            again.push(at);
            wait = (wait * 2).min(self.micros(timers.t2));
        }
        assert_eq!(serving.again, again, "{serving:?}");
        let told = heard.is_none().then_some(answered + give_up);
        assert_eq!(serving.unacknowledged, told, "{serving:?}");
    }
}
