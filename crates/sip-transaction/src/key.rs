//! What tells transactions apart.

use sip_message::{Method, Request};

/// Start of every branch of RFC 3261 (§8.1.1.7).
pub(crate) const MAGIC_COOKIE: &[u8] = b"z9hG4bK";

/// The key of a server transaction (RFC 3261 §17.2.3): branch, sent-by and method; for a client
/// of RFC 2543, whose branch lacks the magic cookie, Request-URI, tags, Call-ID, CSeq and the top
/// Via instead.
pub(crate) fn server(request: &Request, method: &Method) -> Option<Box<[u8]>> {
    let headers = request.headers();
    let via = headers.top_via().ok()?;
    let mut key = Vec::with_capacity(96);
    match via.branch() {
        Some(branch) if is_rfc3261(branch) => {
            // Compared without case, as tokens are (§7.3.1).
            push(&mut key, &branch.to_ascii_lowercase());
            push(&mut key, &via.sent_by().to_ascii_lowercase());
            push(&mut key, method.as_bytes());
        }
        _ => {
            push(&mut key, request.uri_bytes());
            push(&mut key, headers.from().ok()?.tag().unwrap_or_default());
            push(&mut key, headers.to().ok()?.tag().unwrap_or_default());
            push(&mut key, headers.call_id().ok()?);
            push(
                &mut key,
                headers.cseq().ok()?.number.to_be_bytes().as_slice(),
            );
            push(&mut key, headers.first(&sip_message::HeaderName::Via)?);
            push(&mut key, method.as_bytes());
        }
    }
    Some(key.into_boxed_slice())
}

pub(crate) fn is_rfc3261(branch: &[u8]) -> bool {
    branch
        .get(..MAGIC_COOKIE.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(MAGIC_COOKIE))
        && branch.len() > MAGIC_COOKIE.len()
}

/// Parts are separated by a byte that none of them contains.
fn push(key: &mut Vec<u8>, part: &[u8]) {
    key.extend_from_slice(part);
    key.push(0);
}
