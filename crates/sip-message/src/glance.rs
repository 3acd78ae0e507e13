//! A request at a glance: as much as an answer copies from it, read without an index of its header fields.

use std::net::SocketAddr;

use bytes::Bytes;
use memchr::memchr;

use crate::build::{Copied, has_control};
use crate::class::TOKEN;
use crate::error::BuildError;
use crate::grammar::trim;
use crate::list::List;
use crate::name::HeaderName;
use crate::reply::{Origin, bytes_of};
use crate::status::StatusCode;
use crate::value::Via;

/// Most Via fields; who has more is looked at properly.
const MOST_VIAS: usize = 16;

/// A request at a glance, for whoever refuses more than there is time to parse: method, Via, From, To, Call-ID and CSeq,
/// which is all that an answer copies (RFC 3261 §8.2.6.2). Nothing is allocated, and nothing else is looked at.
///
/// ```
/// use sip_message::{Glance, HeaderName, StatusCode};
///
/// let datagram = b"MESSAGE sip:server@home1.example SIP/2.0\r\n\
///     Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
///     f: <sip:ann@home1.example>;tag=1\r\n\
///     t: <sip:server@home1.example>\r\n\
///     Call-ID: 1@192.0.2.1\r\n\
///     CSeq: 1 MESSAGE\r\n\
///     Subject: whatever\r\n\r\n";
/// let glance = Glance::of(datagram).ok_or("it has to be parsed")?;
/// assert_eq!(glance.method(), b"MESSAGE");
/// let status = StatusCode::SERVICE_UNAVAILABLE;
/// let answer = glance.answer(None, status, Some("b0b"), &[], &[(HeaderName::RetryAfter, b"5")])?;
/// assert!(answer.ends_with(b"CSeq: 1 MESSAGE\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Glance<'a> {
    method: &'a [u8],
    top_via: Via<'a>,
    vias: [&'a [u8]; MOST_VIAS],
    count: usize,
    from: &'a [u8],
    to: &'a [u8],
    call_id: &'a [u8],
    cseq: &'a [u8],
}

/// The fields that are copied.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    Via,
    From,
    To,
    CallId,
    CSeq,
}

impl<'a> Glance<'a> {
    /// Looks at a datagram. `None` for whatever is not plainly a request that an answer can be made of: a response, line
    /// folding, blanks before a colon, a field twice, none where one is due, a Via that cannot be read. It has to be parsed
    /// to know what it is. What is wrong with other header fields and with the body is not seen.
    ///
    /// ```
    /// use sip_message::Glance;
    ///
    /// assert!(Glance::of(b"SIP/2.0 200 OK\r\nCSeq: 1 MESSAGE\r\n\r\n").is_none());
    /// ```
    #[must_use]
    pub fn of(datagram: &'a [u8]) -> Option<Self> {
        let (line, mut rest) = line(datagram)?;
        let method = line.get(..memchr(b' ', line)?)?;
        if !TOKEN.fills(method) || !line.ends_with(b" SIP/2.0") {
            return None;
        }
        let (mut vias, mut count) = ([&b""[..]; MOST_VIAS], 0);
        let [mut from, mut to, mut call_id, mut cseq] = [None; 4];
        loop {
            let (line, next) = self::line(rest)?;
            rest = next;
            let (name, value) = match line.first() {
                None => break,
                // What stands on the line before goes on here.
                Some(b' ' | b'\t') => return None,
                Some(first) => match name(*first, line)? {
                    Some(found) => found,
                    None => continue,
                },
            };
            let value = trim(value);
            if has_control(value) {
                return None;
            }
            let place = match name {
                Name::Via => {
                    *vias.get_mut(count)? = value;
                    count += 1;
                    continue;
                }
                Name::From => &mut from,
                Name::To => &mut to,
                Name::CallId => &mut call_id,
                Name::CSeq => &mut cseq,
            };
            if place.replace(value).is_some() {
                return None;
            }
        }
        let (_, top_via) = List::new(vias.first()?).next()?;
        Some(Self {
            method,
            top_via: Via::parse(top_via).ok()?,
            vias,
            count,
            from: from?,
            to: to?,
            call_id: call_id?,
            cseq: cseq?,
        })
    }

    /// The method, as it is written.
    ///
    /// ```
    /// # let datagram = b"MESSAGE sip:b@home1.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
    /// #     From: <sip:a@home1.example>;tag=1\r\nTo: <sip:b@home1.example>\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\n\r\n";
    /// let glance = sip_message::Glance::of(datagram).ok_or("it has to be parsed")?;
    /// assert_eq!(glance.method(), b"MESSAGE");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn method(&self) -> &'a [u8] {
        self.method
    }

    /// The topmost Via.
    ///
    /// ```
    /// # let datagram = b"MESSAGE sip:b@home1.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
    /// #     From: <sip:a@home1.example>;tag=1\r\nTo: <sip:b@home1.example>\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\n\r\n";
    /// let glance = sip_message::Glance::of(datagram).ok_or("it has to be parsed")?;
    /// assert_eq!(glance.top_via().branch(), Some(&b"z9hG4bK1"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn top_via(&self) -> &Via<'a> {
        &self.top_via
    }

    /// The bytes of a response: what [`Response::bytes_to`](crate::Response::bytes_to) makes of the request once it is
    /// parsed. `source` is where it came from.
    ///
    /// ```
    /// # use sip_message::StatusCode;
    /// # let datagram = b"MESSAGE sip:b@home1.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
    /// #     From: <sip:a@home1.example>;tag=1\r\nTo: <sip:b@home1.example>\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\n\r\n";
    /// let glance = sip_message::Glance::of(datagram).ok_or("it has to be parsed")?;
    /// let answer = glance.answer(None, StatusCode::SERVICE_UNAVAILABLE, None, &[], &[])?;
    /// assert!(answer.starts_with(b"SIP/2.0 503 Service Unavailable\r\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// What cannot be written: a tag that is no token, line ends in a value.
    pub fn answer(
        &self,
        source: Option<SocketAddr>,
        status: StatusCode,
        to_tag: Option<&str>,
        via: &[(&[u8], &[u8])],
        headers: &[(HeaderName, &[u8])],
    ) -> Result<Bytes, BuildError> {
        let copied = |value: &'a [u8]| Copied {
            value,
            folded: false,
        };
        let vias = self.vias.get(..self.count).unwrap_or_default();
        let all = [self.from, self.to, self.call_id, self.cseq];
        let room = vias.iter().chain(&all).map(|value| value.len() + 12).sum();
        let [from, to, call_id, cseq] = all.map(|value| Some(copied(value)));
        let origin = Origin {
            vias: vias.iter().map(|value| copied(value)),
            from,
            to,
            call_id,
            cseq,
            timestamp: None,
            source,
        };
        bytes_of(origin, room, status, to_tag, via, headers)
    }
}

/// A line without its line end, and what follows. Nothing but CR LF will do.
#[inline]
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (line, rest) = bytes.split_at_checked(memchr(b'\n', bytes)?)?;
    Some((line.strip_suffix(b"\r")?, rest.get(1..)?))
}

/// Which field stands on a line, if it is one that is copied, and its value. `None` for a name with blanks behind it.
#[inline]
fn name(first: u8, line: &[u8]) -> Option<Option<(Name, &[u8])>> {
    let (name, long): (_, &HeaderName) = match first {
        b'V' | b'v' => (Name::Via, &HeaderName::Via),
        b'F' | b'f' => (Name::From, &HeaderName::From),
        b'T' | b't' => (Name::To, &HeaderName::To),
        b'I' | b'i' => (Name::CallId, &HeaderName::CallId),
        b'C' | b'c' if matches!(line.get(1), Some(b'S' | b's')) => (Name::CSeq, &HeaderName::CSeq),
        b'C' | b'c' => (Name::CallId, &HeaderName::CallId),
        _ => return Some(None),
    };
    let long = long.as_bytes();
    // A compact name is one letter; `c` is that of another header.
    let length = match line.get(1) {
        Some(b':' | b' ' | b'\t') if !first.eq_ignore_ascii_case(&b'c') => 1,
        _ => long.len(),
    };
    let Some((written, value)) = line.split_at_checked(length) else {
        return Some(None);
    };
    if length > 1 && !written.eq_ignore_ascii_case(long) {
        return Some(None);
    }
    match value.split_first() {
        Some((b':', value)) => Some(Some((name, value))),
        Some((b' ' | b'\t', _)) => None,
        _ => Some(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, Message, Request, Response};

    const HEAD: &str = "MESSAGE sip:server@home1.example SIP/2.0\r\n";
    const VIA: &str = "Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK1;rport, SIP/2.0/TCP a.example;branch=z9hG4bK2\r\n";
    const REST: &str = "From: \"Ann\" <sip:ann@home1.example>;tag=1\r\nTo: <sip:server@home1.example>\r\n\
        Call-ID: 1@192.0.2.1\r\nCSeq: 7 MESSAGE\r\n\r\nbody";

    fn parsed(text: &str) -> Request {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        let message = Message::parse_datagram(bytes, &Limits::default()).unwrap();
        message.into_request().unwrap()
    }

    #[test]
    fn the_answer_is_that_of_the_parsed_request() {
        let compact = "v:SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1;received=9.9.9.9\r\nv: SIP/2.0/UDP b.example\r\n\
            Contact: <sip:a@b>\r\nFeature-Caps: *\r\nTimestamp: 5\r\nVary: x\r\nf: sip:a@b.example;tag=2\r\n\
            T:  sip:c@d.example;TAG=3 \r\ni: 9\r\ncseq:\t7 MESSAGE\r\nContent-Length: 0\r\nCseqs: 1\r\n\r\n";
        let source: SocketAddr = "198.51.100.7:40000".parse().unwrap();
        let status = StatusCode::SERVICE_UNAVAILABLE;
        for text in [format!("{HEAD}{VIA}{REST}"), format!("{HEAD}{compact}")] {
            let glance = Glance::of(text.as_bytes()).unwrap();
            let mut request = parsed(&text);
            let top = request.headers().top_via().unwrap();
            assert_eq!(glance.top_via().branch(), top.branch());
            assert_eq!(glance.method(), b"MESSAGE");
            for source in [None, Some(source)] {
                if let Some(source) = source {
                    request.set_source(source);
                }
                let later = [(HeaderName::RetryAfter, &b"5"[..])];
                for via in [&[][..], &[(&b"oc"[..], &b"20"[..])]] {
                    let expected = Response::bytes_to(&request, status, Some("t1"), via, &later);
                    let answer = glance.answer(source, status, Some("t1"), via, &later);
                    assert_eq!(answer.unwrap(), expected.unwrap());
                }
            }
        }
    }

    #[test]
    fn what_is_not_plain_has_to_be_parsed() {
        let of = |text: &str| Glance::of(text.as_bytes()).is_some();
        let whole = format!("{HEAD}{VIA}{REST}");
        assert!(of(&whole));
        for (what, with) in [
            ("MESSAGE sip", "MESS(AGE sip"),
            ("SIP/2.0\r\nVia", "SIP/3.0\r\nVia"),
            ("SIP/2.0\r\nVia", "SIP/2.0\nVia"),
            ("\r\n\r\nbody", "\r\n"),
            ("Via: SIP/2.0/UDP", "Via: SIP/2.0/UDP\r\n "),
            ("To: ", "To : "),
            ("To: ", "t : "),
            ("To: ", "Tow: "),
            ("To: ", "To: <sip:a@b>\r\nt: "),
            ("From: ", "X-From: "),
            ("Call-ID", "Call-I"),
            ("CSeq", "X"),
            ("CSeq: 7", "CSeq: 7\r"),
            ("CSeq: 7", "CSeq: \0"),
            ("192.0.2.1:5070", "192.0.2.1:x"),
        ] {
            assert!(whole.contains(what));
            assert!(!of(&whole.replacen(what, with, 1)), "{with:?}");
        }
        assert!(!of("SIP/2.0 200 OK\r\n"));
        let (via, many) = ("Via: SIP/2.0/UDP a.example\r\n", MOST_VIAS);
        assert!(of(&format!("{HEAD}{}{REST}", via.repeat(many))));
        assert!(!of(&format!("{HEAD}{}{REST}", via.repeat(many + 1))));
        // However it is cut, it is no reason to panic.
        for end in 0..whole.len() - 4 {
            assert!(!of(&whole[..end]));
        }
    }
}
