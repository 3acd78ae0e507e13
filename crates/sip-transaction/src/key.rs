//! What tells transactions apart, as digests of 128 bits: nobody who does not know the endpoint's secret can make two alike.

use std::hash::{DefaultHasher, Hasher};

use sip_message::validate::Essentials;
use sip_message::{HeaderName, Method, Request, Via};

/// Start of every branch of RFC 3261 (§8.1.1.7).
pub(crate) const MAGIC_COOKIE: &[u8] = b"z9hG4bK";

/// A digest of what tells a transaction apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key([u64; 2]);

impl Key {
    /// The key of what has none.
    pub const NONE: Self = Self([0; 2]);

    /// A part of it, to look for it.
    #[inline]
    pub fn short(self) -> u32 {
        u32::try_from(self.0[0] >> 32).unwrap_or_default()
    }

    /// A tag for an answer that nothing is kept of: the same for a request that comes again (RFC 3261 §8.2.7).
    pub fn tag(self) -> [u8; 16] {
        let mut tag = [0; 16];
        for (place, digit) in tag.iter_mut().zip((0..64).step_by(4)) {
            let value = u8::try_from(self.0[1] >> digit & 15).unwrap_or_default();
            *place = if value < 10 {
                b'0' + value
            } else {
                b'a' + value - 10
            };
        }
        tag
    }

    #[cfg(test)]
    pub fn from_halves(one: u64, other: u64) -> Self {
        Self([one, other])
    }
}

/// Makes the keys of one endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    low: DefaultHasher,
    high: DefaultHasher,
}

/// A key under way. Its parts are gathered first and digested many at a time.
struct Digest {
    low: DefaultHasher,
    high: DefaultHasher,
    gathered: [u8; ROOM],
    used: usize,
}

/// The parts of a usual key have room in this many bytes.
const ROOM: usize = 256;

impl Digest {
    fn digest(&mut self) {
        let gathered = self.gathered.get(..self.used).unwrap_or_default();
        self.low.write(gathered);
        self.high.write(gathered);
        self.used = 0;
    }

    /// Adds bytes, each changed by `change`.
    #[inline(always)]
    fn gather(&mut self, mut bytes: &[u8], change: impl Fn(u8) -> u8) {
        while !bytes.is_empty() {
            if self.used == ROOM {
                self.digest();
            }
            let room = self.gathered.get_mut(self.used..).unwrap_or_default();
            let (now, later) = bytes.split_at(bytes.len().min(room.len()));
            for (to, from) in room.iter_mut().zip(now) {
                *to = change(*from);
            }
            self.used += now.len();
            bytes = later;
        }
    }

    fn length(&mut self, of: &[u8]) {
        let length = u32::try_from(of.len()).unwrap_or(u32::MAX);
        self.gather(&length.to_le_bytes(), |byte| byte);
    }

    /// A part, told from the next one by its length.
    fn part(mut self, part: &[u8]) -> Self {
        self.length(part);
        self.gather(part, |byte| byte);
        self
    }

    /// A part that is compared without case, as tokens and hosts are (§7.3.1).
    fn caseless(mut self, part: &[u8]) -> Self {
        self.length(part);
        self.gather(part, |byte| byte.to_ascii_lowercase());
        self
    }

    fn key(mut self) -> Key {
        self.digest();
        let key = Key([self.high.finish(), self.low.finish()]);
        // One in 2^128.
        match key == Key::NONE {
            true => Key([0, 1]),
            false => key,
        }
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
        let mut gathered = [0; ROOM];
        gathered[0] = kind;
        Digest {
            low: self.low.clone(),
            high: self.high.clone(),
            gathered,
            used: 1,
        }
    }

    /// The key of a client transaction (RFC 3261 §17.1.3): branch and method. Branches are our own, compared as they
    /// are.
    pub fn client(&self, branch: &[u8], method: &[u8]) -> Key {
        self.digest(b'c').part(branch).part(method).key()
    }

    /// The key of a server transaction (RFC 3261 §17.2.3): branch, sent-by and method; for a client of RFC 2543, whose
    /// branch lacks the magic cookie, Request-URI, tags, Call-ID, CSeq and the top Via instead. A CANCEL looks for
    /// another `method` than its own. `via` is its top Via.
    pub fn server(&self, request: &Request, via: &Via<'_>, method: &Method) -> Option<Key> {
        self.server_with(request, via, method, None)
    }

    /// The same without the rest of the request; none for a client of RFC 2543.
    pub fn by_branch(&self, via: &Via<'_>, method: &[u8]) -> Option<Key> {
        let branch = via.branch().filter(|branch| is_rfc3261(branch))?;
        let digest = self.digest(b's').caseless(branch).caseless(via.sent_by());
        Some(digest.part(method).key())
    }

    /// The keys that the INVITE of an ACK may have. For a client of RFC 2543 the ACK has the tag of the answer in To
    /// (§17.2.3), and the INVITE none, or inside a dialog the same.
    pub fn invite_of(&self, ack: &Request, via: &Via<'_>) -> [Option<Key>; 2] {
        [Some(&b""[..]), None].map(|tag| self.server_with(ack, via, &Method::Invite, tag))
    }

    fn server_with(
        &self,
        request: &Request,
        via: &Via<'_>,
        method: &Method,
        to_tag: Option<&[u8]>,
    ) -> Option<Key> {
        if let Some(key) = self.by_branch(via, method.as_bytes()) {
            return Some(key);
        }
        let headers = request.headers();
        let to_tag = match to_tag {
            Some(tag) => tag,
            None => headers.to().ok()?.tag().unwrap_or_default(),
        };
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
    pub fn merged(&self, of: &Essentials<'_>) -> Option<Key> {
        if of.to.tag().is_some() {
            return None;
        }
        let digest = self
            .digest(b'm')
            .part(of.from.tag()?)
            .part(of.call_id)
            .part(&of.cseq.number.to_be_bytes());
        Some(digest.part(of.cseq.method).key())
    }
}

pub(crate) fn is_rfc3261(branch: &[u8]) -> bool {
    branch
        .get(..MAGIC_COOKIE.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(MAGIC_COOKIE))
        && branch.len() > MAGIC_COOKIE.len()
}
