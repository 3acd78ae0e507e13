//! When each row of the outbox is sent: in order within a lane, lanes independent of each
//! other, retried with back-off until the partner has it or refuses it (L4).

mod left;
mod partner;
mod schedule;

use std::time::Duration;

use sip_message::{Response, StatusCode};

use crate::{Random, SendFailure, Warning};

pub(crate) use schedule::Schedule;

/// How a row is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Wait after the first attempt.
    pub first: Duration,
    /// Longest wait; a partner's Retry-After may ask for more.
    pub longest: Duration,
    /// Longest Retry-After that is believed.
    pub longest_retry_after: Duration,
    /// Most requests of the outbox under way to one partner at once.
    pub in_flight: usize,
    /// Most rows of one partner that are kept in memory; others wait in the store alone until there is room.
    pub in_memory: usize,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(300),
            longest_retry_after: Duration::from_secs(3600),
            in_flight: 1000,
            in_memory: 20_000,
        }
    }
}

impl Retry {
    /// Wait before attempt `attempts + 1`: doubled each time up to the cap, the upper half of it
    /// jittered, and never less than the partner's Retry-After.
    fn wait(&self, attempts: u32, retry_after: Option<u32>, random: &mut Random) -> Duration {
        let doublings = attempts.saturating_sub(1).min(30);
        let full = self.first.saturating_mul(1 << doublings).min(self.longest);
        let millis = u64::try_from(full.as_millis()).unwrap_or(u64::MAX);
        let jittered = Duration::from_millis(millis - random.below(millis / 2 + 1));
        let asked = retry_after.map_or(Duration::ZERO, |secs| {
            Duration::from_secs(secs.into()).min(self.longest_retry_after)
        });
        if asked > jittered {
            // Not before Retry-After, and not all at once after it.
            asked + Duration::from_millis(random.below(millis / 4 + 1))
        } else {
            jittered
        }
    }
}

/// Whom a row that was sent in vain speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The partner, which nobody reaches: others would fare no better, until it is heard of.
    Silence,
    /// The partner, which says so itself: others would fare no better.
    Partner,
    /// The row alone.
    Row,
}

impl Trouble {
    /// What a request that got no answer says.
    pub(crate) fn of(why: SendFailure) -> Self {
        match why {
            SendFailure::Timeout | SendFailure::Transport | SendFailure::NotProven(_) => {
                Self::Silence
            }
            // We ourselves had no room for it.
            SendFailure::Overload => Self::Row,
        }
    }
}

/// How a row came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The partner answered.
    Answered,
    /// It was not sent, which says nothing of the partner.
    Unsent,
}

/// What the answer to a row means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The partner has it.
    Delivered,
    /// The partner does not know the user: nothing is left to be ended.
    UserUnknown,
    /// To be sent again; not before so many seconds.
    Retry(Option<u32>, Trouble),
    /// Refused: waits for an operator.
    Park(u16, String),
}

/// The column "what the sender's queue does" of the wire profile's table.
pub(crate) fn fate(response: &Response) -> Fate {
    let status = response.status();
    let warnings = response.headers().warnings().unwrap_or_default();
    if status.is_success() {
        return Fate::Delivered;
    }
    // A bare 404 may be a SIP core that lost its route: only the partner's own word counts.
    if status == StatusCode::NOT_FOUND
        && warnings
            .iter()
            .any(|w| Warning::USER_UNKNOWN.is_in(&w.text))
    {
        return Fate::UserUnknown;
    }
    let retried = matches!(
        status.as_u16(),
        408 | 480 | 486 | 491 | 500 | 502 | 503 | 504
    );
    if retried {
        let trouble = match status.as_u16() {
            408 | 504 => Trouble::Silence,
            503 => Trouble::Partner,
            _ => Trouble::Row,
        };
        return Fate::Retry(response.headers().retry_after().ok().flatten(), trouble);
    }
    let text = match warnings.first() {
        Some(warning) => String::from_utf8_lossy(&warning.text).into_owned(),
        None => String::from_utf8_lossy(response.reason()).into_owned(),
    };
    Fate::Park(status.as_u16(), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_respect_retry_after() {
        let mut random = Random::new([7; 32]);
        let retry = Retry::default();
        for attempts in 1..40 {
            let full = Duration::from_secs(1 << (attempts - 1).min(10)).min(retry.longest);
            let wait = retry.wait(attempts, None, &mut random);
            assert!(wait <= full && wait >= full / 2, "{attempts}: {wait:?}");
        }
        assert!(retry.wait(1, Some(30), &mut random) >= Duration::from_secs(30));
        assert!(retry.wait(1, Some(u32::MAX), &mut random) <= Duration::from_secs(3601));
    }
}
