//! What tells transactions apart, as digests of 128 bits: nobody who does not know the endpoint's secret can make two alike.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher, Hasher};

use sip_message::{HeaderName, Method, Request};

/// Start of every branch of RFC 3261 (§8.1.1.7).
pub(crate) const MAGIC_COOKIE: &[u8] = b"z9hG4bK";

/// A digest of what tells a transaction apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(u128);

impl std::hash::Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(self.0);
    }
}

/// Transactions by their keys, which are as good as random already.
pub(crate) type ByKey<T> = HashMap<Key, T, BuildHasherDefault<Low>>;

/// The low half of a key.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Low(u64);

impl Hasher for Low {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = u64::try_from(key & u128::from(u64::MAX)).unwrap_or_default();
    }
}

/// Makes the keys of one endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    low: DefaultHasher,
    high: DefaultHasher,
}

/// A key under way.
struct Digest {
    low: DefaultHasher,
    high: DefaultHasher,
}

impl Digest {
    /// A part, told from the next one by its length.
    fn part(mut self, part: &[u8]) -> Self {
        for hasher in [&mut self.low, &mut self.high] {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
        self
    }

    /// A part that is compared without case, as tokens and hosts are (§7.3.1).
    fn caseless(mut self, part: &[u8]) -> Self {
        for hasher in [&mut self.low, &mut self.high] {
            hasher.write_usize(part.len());
            for eight in part.chunks(8) {
                let mut lower = [0; 8];
                for (to, from) in lower.iter_mut().zip(eight) {
                    *to = from.to_ascii_lowercase();
                }
                hasher.write(&lower);
            }
        }
        self
    }

    fn key(self) -> Key {
        Key((u128::from(self.high.finish()) << 64) | u128::from(self.low.finish()))
    }
}

impl Keys {
    /// Keys of an endpoint with this secret.
    pub fn new(secret: [u8; 16]) -> Self {
        let half = |which: u8| {
            let mut hasher = DefaultHasher::new();
            hasher.write_u8(which);
            hasher.write(&secret);
            hasher
        };
        Self {
            low: half(0),
            high: half(1),
        }
    }

    fn digest(&self, kind: u8) -> Digest {
        let mut digest = Digest {
            low: self.low.clone(),
            high: self.high.clone(),
        };
        digest.low.write_u8(kind);
        digest.high.write_u8(kind);
        digest
    }

    /// The key of a client transaction (RFC 3261 §17.1.3): branch and method. Branches are our own, compared as they
    /// are.
    pub fn client(&self, branch: &[u8], method: &[u8]) -> Key {
        self.digest(b'c').part(branch).part(method).key()
    }

    /// The key of a server transaction (RFC 3261 §17.2.3): branch, sent-by and method; for a client of RFC 2543, whose
    /// branch lacks the magic cookie, Request-URI, tags, Call-ID, CSeq and the top Via instead. A CANCEL looks for
    /// another `method` than its own.
    pub fn server(&self, request: &Request, method: &Method) -> Option<Key> {
        let to = request.headers().to().ok()?;
        self.server_with(request, method, to.tag().unwrap_or_default())
    }

    /// The keys that the INVITE of an ACK may have. For a client of RFC 2543 the ACK has the tag of the answer in To
    /// (§17.2.3), and the INVITE none, or inside a dialog the same.
    pub fn invite_of(&self, ack: &Request) -> [Option<Key>; 2] {
        [
            self.server_with(ack, &Method::Invite, b""),
            self.server(ack, &Method::Invite),
        ]
    }

    fn server_with(&self, request: &Request, method: &Method, to_tag: &[u8]) -> Option<Key> {
        let headers = request.headers();
        let via = headers.top_via().ok()?;
        if let Some(branch) = via.branch().filter(|branch| is_rfc3261(branch)) {
            let digest = self.digest(b's').caseless(branch).caseless(via.sent_by());
            return Some(digest.part(method.as_bytes()).key());
        }
        let digest = self
            .digest(b'o')
            .part(request.uri_bytes())
            .part(headers.from().ok()?.tag().unwrap_or_default())
            .part(to_tag)
            .part(headers.call_id().ok()?)
            .part(&headers.cseq().ok()?.number.to_be_bytes())
            .part(headers.first(&HeaderName::Via)?);
        Some(digest.part(method.as_bytes()).key())
    }

    /// What requests that came on several ways have in common (RFC 3261 §8.2.2.2): From tag, Call-ID and CSeq; nothing
    /// for a request inside a dialog.
    pub fn merged(&self, request: &Request) -> Option<Key> {
        let headers = request.headers();
        if headers.to().ok()?.tag().is_some() {
            return None;
        }
        let cseq = headers.cseq().ok()?;
        let digest = self
            .digest(b'm')
            .part(headers.from().ok()?.tag()?)
            .part(headers.call_id().ok()?)
            .part(&cseq.number.to_be_bytes());
        Some(digest.part(cseq.method).key())
    }
}

pub(crate) fn is_rfc3261(branch: &[u8]) -> bool {
    branch
        .get(..MAGIC_COOKIE.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(MAGIC_COOKIE))
        && branch.len() > MAGIC_COOKIE.len()
}
