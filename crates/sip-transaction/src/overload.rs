//! Overload control (RFC 7339): what the caller says of it, and what previous hops are told.

use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use sip_message::{HeaderName, Response, Via};

/// New requests come faster than they can be served.
///
/// An OPTIONS of [`Sender::Known`] is never refused: it asks whether requests are taken (RFC 3261 §11), which the transaction user
/// answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overload {
    /// Of a hundred new requests, so many are refused.
    pub refuse: u8,
    /// The value of `oc`: of a hundred new requests, so many are held back by previous hops that offer it (RFC 7339 §4.1).
    /// More than `refuse` where others turn away some before they come here.
    pub oc: u8,
    /// The same as `refuse` for requests of previous hops that offer it, and so leave out `oc` of a hundred already: 0 trusts
    /// them to do so, `refuse` does not.
    pub refuse_offering: u8,
    /// The same for requests of [`Sender::Stranger`]s, whether they offer it or not: what nobody has to serve can make room
    /// before those whom one knows are refused anything.
    pub refuse_strangers: u8,
    /// Retry-After of the 503, in seconds. A previous hop sends nothing at all for so long (RFC 3261 §21.5.4), so one that
    /// offers to hold back a part is not sent it. `None`, and nobody is.
    pub retry_after: Option<u32>,
    /// How long previous hops hold back when they hear no more (`oc-validity`, RFC 7339 §4.3), on the wire in
    /// milliseconds. 500 ms by that RFC.
    pub validity: Duration,
}

impl Overload {
    /// Of a hundred new requests so many are refused, and who does not offer to hold back is to come again after 5 s.
    #[must_use]
    pub fn refusing(refuse: u8) -> Self {
        Self {
            refuse: refuse.min(100),
            oc: refuse.min(100),
            refuse_offering: refuse.min(100),
            refuse_strangers: refuse.min(100),
            retry_after: Some(5),
            validity: Duration::from_millis(500),
        }
    }
}

/// Who sent a message, as far as its receiver knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// Somebody who is expected.
    Known,
    /// Anybody else.
    Stranger,
}

/// The sequence number of what is told (`oc-seq`, RFC 7339 §4.4): a time in steps of 10 µs, as it has five digits behind
/// the point. It rises whenever what is told may change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sequence {
    /// Since 1970, when the endpoint was made.
    started: u64,
    /// When it was asked first, on the clock that knows no date.
    base: Option<Instant>,
    now: u64,
}

const STEPS_OF_A_SECOND: u64 = 100_000;
/// Twelve digits before the point.
const MOST: u64 = 1_000_000_000_000 * STEPS_OF_A_SECOND - 1;

fn steps(time: Duration) -> u64 {
    u64::try_from(time.as_micros() / 10).unwrap_or(MOST)
}

impl Sequence {
    pub fn starting_at(started: Duration) -> Self {
        let started = steps(started).min(MOST);
        Self {
            started,
            base: None,
            now: started,
        }
    }

    /// The next one. One that cannot rise any more begins anew, as §4.4 wants it.
    pub fn step(&mut self, now: Instant) {
        let base = *self.base.get_or_insert(now);
        let at = self.started + steps(now.saturating_duration_since(base));
        self.now = match at.max(self.now + 1) {
            next @ ..=MOST => next,
            _ => self.started.min(MOST / 2),
        };
    }
}

/// The parameters of Via that a previous hop is told of overload with.
#[derive(Clone, Debug)]
pub(crate) struct Oc {
    oc: String,
    validity: String,
    seq: String,
}

const OC: &[u8] = b"oc";
const ALGO: &[u8] = b"oc-algo";
const VALIDITY: &[u8] = b"oc-validity";
const SEQ: &[u8] = b"oc-seq";

impl Oc {
    /// §5.7: 0 for 0 ms says that it is supported and not needed.
    pub fn new(overload: Option<Overload>, seq: Sequence) -> Self {
        Self::of(overload.map(|o| (o.oc, o)), seq)
    }

    /// With another percentage than that of those who are known.
    pub fn of(overload: Option<(u8, Overload)>, seq: Sequence) -> Self {
        let (seconds, rest) = (seq.now / STEPS_OF_A_SECOND, seq.now % STEPS_OF_A_SECOND);
        let (oc, validity) = match overload {
            Some((refuse, overload)) => (refuse.min(100), overload.validity.as_millis()),
            None => (0, 0),
        };
        Self {
            oc: oc.to_string(),
            validity: validity.to_string(),
            seq: format!("{seconds}.{rest:05}"),
        }
    }

    /// The parameters.
    pub fn params(&self) -> [(&'static [u8], &[u8]); 4] {
        [
            (OC, self.oc.as_bytes()),
            (ALGO, b"\"loss\""),
            (VALIDITY, self.validity.as_bytes()),
            (SEQ, self.seq.as_bytes()),
        ]
    }
}

/// A number as it is written, without asking for memory.
pub(crate) struct Digits {
    digits: [u8; 10],
    start: usize,
}

impl Digits {
    pub fn of(mut number: u32) -> Self {
        let (mut digits, mut start) = ([0; 10], 10);
        for place in digits.iter_mut().rev() {
            *place = b'0' + u8::try_from(number % 10).unwrap_or_default();
            start -= 1;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        Self { digits, start }
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.digits.get(self.start..).unwrap_or_default()
    }
}

/// Whether a previous hop that wrote this Via wants to hear of overload: it has `oc`, and its algorithms, if it names any,
/// have `loss` among them, the only one we speak and every client's default (§4.2).
pub(crate) fn is_offered(via: &Via<'_>) -> bool {
    let (mut offered, mut loss) = (false, true);
    for (name, value) in via.params().iter() {
        if name.eq_ignore_ascii_case(OC) {
            offered = true;
        } else if name.eq_ignore_ascii_case(ALGO) {
            let names = value.unwrap_or_default();
            let names = names.strip_prefix(b"\"").unwrap_or(names);
            let names = names.strip_suffix(b"\"").unwrap_or(names);
            let mut names = names.split(|byte| *byte == b',');
            loss = names.any(|name| name.trim_ascii().eq_ignore_ascii_case(b"loss"));
        }
    }
    offered && loss
}

/// The bytes of a response with these parameters in its top Via, instead of those of that name that are there: they are for
/// the previous hop alone.
pub(crate) fn told(response: &Response, oc: &Oc) -> Bytes {
    let bytes = response.as_bytes();
    let Some((start, via)) = top_via(response) else {
        return bytes.clone();
    };
    let params = via.params();
    let end = start + params.as_bytes().len();
    let mut out = BytesMut::with_capacity(bytes.len() + ROOM);
    out.put_slice(bytes.get(..start).unwrap_or_default());
    let mut put = |name: &[u8], value: Option<&[u8]>| {
        out.put_u8(b';');
        out.put_slice(name);
        if let Some(value) = value {
            out.put_u8(b'=');
            out.put_slice(value);
        }
    };
    let ours = oc.params();
    for (name, value) in params.iter() {
        if !ours.iter().any(|(own, _)| name.eq_ignore_ascii_case(own)) {
            put(name, value);
        }
    }
    for (name, value) in ours {
        put(name, Some(value));
    }
    out.put_slice(bytes.get(end..).unwrap_or_default());
    out.freeze()
}

/// Room for the parameters.
const ROOM: usize = 96;

/// The topmost Via, and where its parameters begin in the message.
fn top_via(response: &Response) -> Option<(usize, Via<'_>)> {
    let item = response.headers().items(&HeaderName::Via).next()?;
    let via = Via::parse(item).ok()?;
    let bytes = response.as_bytes().as_ptr().addr();
    let item_start = item.as_ptr().addr().checked_sub(bytes)?;
    let params = item.len().checked_sub(via.params().as_bytes().len())?;
    Some((item_start + params, via))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn offered(params: &str) -> bool {
        let via = format!("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1{params}");
        is_offered(&Via::parse(via.as_bytes()).unwrap())
    }

    #[test]
    fn it_is_offered_with_oc_and_the_algorithm_loss() {
        assert!(offered(";oc;oc-algo=\"loss\""));
        assert!(offered(";OC;oc-algo=\"A, LOSS\""));
        assert!(offered(";oc"));
        assert!(!offered(""));
        assert!(!offered(";oc-algo=\"loss\""));
        assert!(!offered(";oc;oc-algo=\"rate\""));
        assert!(!offered(";oc;oc-algo"));
    }

    #[test]
    fn the_sequence_is_a_time_that_rises_with_every_step() {
        let start = Instant::now();
        let mut seq = Sequence::starting_at(Duration::from_millis(1_282_321_615_782));
        let shown = |seq| String::from_utf8(Oc::new(None, seq).params()[3].1.to_vec()).unwrap();
        assert_eq!(shown(seq), "1282321615.78200");
        seq.step(start);
        assert_eq!(shown(seq), "1282321615.78201");
        seq.step(start);
        assert_eq!(shown(seq), "1282321615.78202");
        seq.step(start + Duration::from_secs(2));
        assert_eq!(shown(seq), "1282321617.78200");
    }

    #[test]
    fn a_sequence_at_its_end_begins_anew() {
        let mut seq = Sequence::starting_at(Duration::from_secs(u64::MAX));
        seq.step(Instant::now());
        assert!(seq.now < MOST);
    }
}
