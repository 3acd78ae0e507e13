//! Bodies, by their media type. What is not known here is masked.

use bytes::Bytes;
use sip_message::{HeaderName, Headers, Limits, MediaType, Message, multipart};

use super::fields::{Class, class};
use super::{MASKED, MAX_DEPTH, Walk};

impl Walk<'_> {
    /// The body of a message or of a part, whose header fields say what it is.
    pub(super) fn body_of(&mut self, headers: &Headers, body: &Bytes) -> Vec<u8> {
        let plain = |name: &HeaderName, plain: &[&[u8]]| {
            let mut values = headers.all(name);
            values.all(|value| plain.iter().any(|p| value.eq_ignore_ascii_case(p)))
        };
        let readable = plain(&HeaderName::ContentEncoding, &[b"identity", b""])
            && plain(
                &HeaderName::ContentTransferEncoding,
                &[b"binary", b"8bit", b"7bit"],
            );
        let kind = headers.content_type().ok().flatten();
        match kind.filter(|_| readable && self.depth < MAX_DEPTH) {
            Some(kind) => {
                self.depth += 1;
                let redacted = self.body(&kind, body);
                self.depth -= 1;
                redacted
            }
            // Nobody can say what is in it.
            None if body.is_empty() => Vec::new(),
            None => MASKED.to_vec(),
        }
    }

    fn body(&mut self, kind: &MediaType<'_>, body: &Bytes) -> Vec<u8> {
        if body.is_empty() {
            return Vec::new();
        }
        let (top, sub) = (
            kind.top().to_ascii_lowercase(),
            kind.sub().to_ascii_lowercase(),
        );
        match (&top[..], &sub[..]) {
            (b"multipart", _) => self.parts(kind, body),
            (b"message", b"sip" | b"sipfrag") => self.enclosed(body),
            (b"application", b"sdp") => self.sdp(body),
            (_, b"xml") => self.xml(body),
            (_, sub) if sub.ends_with(b"+xml") => self.xml(body),
            (b"text", _) => self.hidden(body),
            // Keys (MIKEY), tokens in JSON, whatever else there is.
            _ => MASKED.to_vec(),
        }
    }

    fn enclosed(&mut self, body: &Bytes) -> Vec<u8> {
        match Message::parse_enclosed(body.clone(), &Limits::default()) {
            Ok(message) => self.parsed(&message),
            Err(_) => super::mask(body).to_vec(),
        }
    }

    /// The parts with the boundary that they had; preamble and epilogue go.
    fn parts(&mut self, kind: &MediaType<'_>, body: &Bytes) -> Vec<u8> {
        let parts = multipart::parts(kind, body, &Limits::default());
        let boundary = kind.params().unquoted("boundary");
        let (Ok(parts), Some(boundary)) = (parts, boundary) else {
            return super::mask(body).to_vec();
        };
        let mut out = Vec::with_capacity(body.len());
        for part in &parts {
            out.extend_from_slice(b"--");
            out.extend_from_slice(&boundary);
            out.extend_from_slice(b"\r\n");
            let new = self.body_of(&part.headers, &part.body);
            for (name, value) in part.headers.iter() {
                let value = match class(&name) {
                    Class::ContentLength => new.len().to_string().into(),
                    class => self.value(class, &unfolded(value)),
                };
                out.extend_from_slice(name.as_str().as_bytes());
                out.extend_from_slice(b": ");
                out.extend(value);
                out.extend_from_slice(b"\r\n");
            }
            out.extend_from_slice(b"\r\n");
            out.extend(new);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"--");
        out.extend_from_slice(&boundary);
        out.extend_from_slice(b"--\r\n");
        out
    }
}

fn unfolded(value: &[u8]) -> Vec<u8> {
    let lines = value.split(|b| *b == b'\n').map(<[u8]>::trim_ascii);
    lines.collect::<Vec<_>>().join(&b' ')
}
