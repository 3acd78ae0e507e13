//! SDP (RFC 8866): media and addresses of hosts stay; who, what about, and keys go.

use super::uri::split;
use super::{MASKED, Walk};

/// Attributes that describe media.
const MEDIA: [&[u8]; 16] = [
    b"rtpmap",
    b"fmtp",
    b"ptime",
    b"maxptime",
    b"sendrecv",
    b"sendonly",
    b"recvonly",
    b"inactive",
    b"rtcp",
    b"rtcp-mux",
    b"setup",
    b"mid",
    b"group",
    b"framerate",
    b"label",
    b"floorid",
];

impl Walk<'_> {
    /// Line by line; what is no line of SDP is masked.
    pub(super) fn sdp(&mut self, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(body.len());
        for line in body.split_inclusive(|b| *b == b'\n') {
            let text = line.trim_ascii_end();
            let end = line.get(text.len()..).unwrap_or_default();
            match split(text, b'=') {
                Some((kind, value)) => {
                    out.extend_from_slice(kind);
                    out.push(b'=');
                    out.extend(self.sdp_value(kind, value));
                }
                None => out.extend(self.hidden(text)),
            }
            out.extend_from_slice(end);
        }
        out
    }

    fn sdp_value(&mut self, kind: &[u8], value: &[u8]) -> Vec<u8> {
        match kind {
            b"v" | b"c" | b"m" | b"b" | b"t" | b"r" | b"z" => self.redactor.known.sweep(value),
            // The user name of the origin; the rest are numbers and a host.
            b"o" => match split(value, b' ') {
                Some((name, rest)) if name != b"-" => [&self.hidden(name)[..], b" ", rest].concat(),
                _ => value.to_vec(),
            },
            b"s" if value.trim_ascii().is_empty() || value == b"-" => value.to_vec(),
            b"k" => MASKED.to_vec(),
            b"a" => {
                let (name, value) = split(value, b':').unwrap_or((value, &[]));
                let lower = name.to_ascii_lowercase();
                match &lower[..] {
                    b"crypto" | b"key-mgmt" | b"ice-pwd" | b"fingerprint" => {
                        [name, b":", MASKED].concat()
                    }
                    known if MEDIA.contains(&known) => {
                        self.redactor.known.sweep(&joined(name, value))
                    }
                    _ if value.is_empty() => self.redactor.known.sweep(name),
                    _ => joined(name, &self.hidden(value)),
                }
            }
            _ => self.hidden(value),
        }
    }
}

fn joined(name: &[u8], value: &[u8]) -> Vec<u8> {
    if value.is_empty() {
        return name.to_vec();
    }
    [name, b":", value].concat()
}
