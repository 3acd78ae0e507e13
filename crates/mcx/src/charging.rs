//! P-Charging-Vector (RFC 7315 §4.6) of answers: what the request said, and who answers.

use sip_message::Request;

use crate::SystemId;

/// Longest `icid-value` and `orig-ioi` that are given back.
const LONGEST: usize = 128;

/// P-Charging-Vector of an answer to `request` by `own` (TS 24.229 clause 5.7.1.2, as terminating user agent): `icid-value` and
/// `orig-ioi` as they came, `term-ioi` the own system. `None` where the request has none that can be given back.
pub(crate) fn of_answer(request: &Request, own: &SystemId) -> Option<String> {
    let received = request.headers().charging_vector().ok().flatten()?;
    let icid = quoted(&received.icid_value()?)?;
    let orig = match received.orig_ioi() {
        Some(orig) => format!(";orig-ioi={}", quoted(&orig)?),
        None => String::new(),
    };
    Some(format!("icid-value={icid}{orig};term-ioi={own}"))
}

/// A value as a parameter holds it, in quotes where it is no token (RFC 3261 §25.1).
fn quoted(value: &[u8]) -> Option<String> {
    let printable = |b: &u8| matches!(b, 0x20..=0x7e) && !matches!(b, b'"' | b'\\');
    if value.is_empty() || value.len() > LONGEST || !value.iter().all(printable) {
        return None;
    }
    let text = std::str::from_utf8(value).ok()?;
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b);
    Some(match text.bytes().all(is_token) {
        true => text.to_owned(),
        false => format!("\"{text}\""),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_stays_bare_and_what_breaks_a_quoted_string_is_not_given_back() {
        assert_eq!(quoted(b"1234bc.9").as_deref(), Some("1234bc.9"));
        assert_eq!(quoted(b"a=b c").as_deref(), Some("\"a=b c\""));
        for wrong in [&b""[..], b"a\"b", b"a\\b", b"a\r\nVia: x", &[b'x'; 129]] {
            assert_eq!(quoted(wrong), None);
        }
    }
}
