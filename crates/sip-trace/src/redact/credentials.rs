//! Credentials and challenges (RFC 3261 §22, RFC 3310, RFC 8898): which scheme, which parameters, and no value that could
//! help anybody.

use super::address::pieces;
use super::uri::split;
use super::{MASKED, Walk};

/// Parameters whose values are no secret and name nobody.
const SHOWN: [&[u8]; 5] = [b"realm", b"algorithm", b"qop", b"stale", b"nc"];

impl Walk<'_> {
    /// `Digest username="masked", realm="home1.example", …`; `Bearer masked`. Without a scheme (Authentication-Info) the
    /// parameters alone.
    pub(super) fn credentials(&self, value: &[u8]) -> Vec<u8> {
        let value = value.trim_ascii();
        let blank = value.iter().position(u8::is_ascii_whitespace);
        let (scheme, rest) = value.split_at(blank.unwrap_or(0));
        let is_scheme = !scheme.is_empty()
            && scheme
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b));
        let (scheme, rest) = if is_scheme {
            (scheme, rest)
        } else {
            (&[][..], value)
        };
        let mut out = scheme.to_vec();
        if is_scheme {
            out.push(b' ');
        }
        let all = pieces(rest.trim_ascii(), b',');
        let all: Option<Vec<Vec<u8>>> =
            all.and_then(|all| all.into_iter().map(parameter).collect());
        match all {
            Some(all) => out.extend(all.join(&b", "[..])),
            None => out.extend_from_slice(MASKED),
        }
        out
    }
}

/// `name=value` with the value masked, quoted as it was; `None` when it is something else.
fn parameter(text: &[u8]) -> Option<Vec<u8>> {
    let (name, value) = split(text.trim_ascii(), b'=')?;
    let name = name.trim_ascii();
    let token = |b: &u8| b.is_ascii_alphanumeric() || b"-_.".contains(b);
    // The padding of base64 looks like a parameter without a value.
    if name.is_empty() || !name.iter().all(token) || value.is_empty() || value.starts_with(b"=") {
        return None;
    }
    let value = value.trim_ascii();
    if SHOWN.contains(&&name.to_ascii_lowercase()[..]) && !value.contains(&b'@') {
        return Some([name, b"=", value].concat());
    }
    let quote: &[u8] = if value.starts_with(b"\"") { b"\"" } else { b"" };
    Some([name, b"=", quote, MASKED, quote].concat())
}
