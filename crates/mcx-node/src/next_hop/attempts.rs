//! One request and its targets, tried one after the other (RFC 3263 §4.3).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use mcx::{SendFailure, SendId};
use sip_message::{Request, Response};
use sip_transaction::Transport;

use super::{Down, Target};

/// RFC 3261 §18.1.1: a request within 200 bytes of the path MTU, or larger than this where the MTU is not known, goes over
/// a transport with congestion control.
const LARGEST_OVER_UDP: usize = 1_300;
/// What the Via that is still to be added takes, about.
const VIA: usize = 100;
/// Most targets that are tried for one request.
const MOST: usize = 8;

/// A request that is under way to one of its targets.
#[derive(Debug)]
pub struct Attempt {
    /// The role's name of it.
    pub id: SendId,
    /// Without Via.
    pub request: Request,
    /// Where it is now.
    pub target: Target,
    rest: VecDeque<Target>,
}

/// How an attempt went.
#[derive(Debug)]
pub enum Outcome {
    /// A final answer.
    Answer(Response),
    /// None will come.
    Failed(SendFailure),
}

/// What comes next.
#[derive(Debug)]
pub enum Next {
    /// Another target.
    Try(Attempt),
    /// The outcome stands.
    Tell(SendId, Outcome),
}

/// Orders targets and decides when the next one is tried.
#[derive(Debug, Default)]
pub struct Attempts {
    down: Down,
    large_over_tcp: bool,
}

impl Attempts {
    /// No target is known to fail. `large_over_tcp`: requests too large for UDP go over TCP, and over UDP where that
    /// does not work (RFC 3261 §18.1.1); for those who listen on TCP themselves.
    #[must_use]
    pub fn new(large_over_tcp: bool) -> Self {
        Self {
            down: Down::default(),
            large_over_tcp,
        }
    }

    /// The first attempt of a request: `targets` in order of preference, `fixed` if their transport was written down and
    /// not found.
    #[must_use]
    pub fn begin(
        &self,
        now: Instant,
        id: SendId,
        request: Request,
        targets: Vec<Target>,
        fixed: bool,
    ) -> Next {
        let is_large = request.as_bytes().len() + VIA > LARGEST_OVER_UDP;
        let over_tcp = is_large && self.large_over_tcp && !fixed;
        let mut all = Vec::with_capacity(targets.len());
        for target in targets.into_iter().take(MOST) {
            if over_tcp && target.transport == Transport::Udp {
                let transport = Transport::Tcp;
                all.push(Target {
                    transport,
                    ..target.clone()
                });
            }
            all.push(target);
        }
        // Those that failed lately come last; nobody is left out for that.
        all.sort_by_key(|target| self.down.is_down(now, target));
        let mut rest = VecDeque::from(all);
        match rest.pop_front() {
            None => Next::Tell(id, Outcome::Failed(SendFailure::Transport)),
            Some(target) => Next::Try(Attempt {
                id,
                request,
                target,
                rest,
            }),
        }
    }

    /// Takes how an attempt went: 503, silence and transport errors go to the next target.
    #[must_use]
    pub fn ended(&mut self, now: Instant, attempt: Attempt, outcome: Outcome) -> Next {
        let failed = match &outcome {
            Outcome::Answer(response) => response.status().as_u16() == 503,
            Outcome::Failed(
                SendFailure::Timeout | SendFailure::Transport | SendFailure::NotProven(_),
            ) => true,
            Outcome::Failed(SendFailure::Overload) => false,
        };
        if !failed {
            if matches!(outcome, Outcome::Answer(_)) {
                self.down.clear(&attempt.target);
            }
            return Next::Tell(attempt.id, outcome);
        }
        let retry_after = match &outcome {
            Outcome::Answer(response) => retry_after(response),
            Outcome::Failed(_) => None,
        };
        self.down.mark(now, &attempt.target, retry_after);
        let Attempt {
            id,
            request,
            mut rest,
            ..
        } = attempt;
        match rest.pop_front() {
            None => Next::Tell(id, outcome),
            Some(target) => Next::Try(Attempt {
                id,
                request,
                target,
                rest,
            }),
        }
    }

    /// Targets that failed lately.
    #[must_use]
    pub fn down(&self) -> &Down {
        &self.down
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().retry_after().ok()??;
    Some(Duration::from_secs(u64::from(seconds)))
}
