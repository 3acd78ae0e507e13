//! Requests that a transaction makes itself.

use sip_message::{BuildError, HeaderName, Method, Request, Response};

/// The ACK of a final answer that is no 2xx (RFC 3261 §17.1.1.3): the INVITE's top Via, Request-URI, From, Call-ID, CSeq
/// number and Route, the answer's To.
pub(crate) fn ack(invite: &Request, response: &Response) -> Result<Request, BuildError> {
    let to = response.headers().first(&HeaderName::To);
    like(invite, Method::Ack, to.unwrap_or_default())
}

/// The CANCEL of an INVITE (RFC 3261 §9.1): the same, with the INVITE's To.
pub(crate) fn cancel(invite: &Request) -> Result<Request, BuildError> {
    let to = invite.headers().first(&HeaderName::To);
    like(invite, Method::Cancel, to.unwrap_or_default())
}

fn like(invite: &Request, method: Method, to: &[u8]) -> Result<Request, BuildError> {
    let headers = invite.headers();
    let number = headers.cseq().map(|cseq| cseq.number).unwrap_or_default();
    let cseq = format!("{number} {method}");
    let uri = String::from_utf8_lossy(invite.uri_bytes());
    let mut builder = Request::build(method, &uri);
    // The first item of the first field is ours, and alone in it.
    if let Some(via) = headers.first(&HeaderName::Via) {
        builder = builder.header(HeaderName::Via, via);
    }
    builder = builder.header(HeaderName::MaxForwards, "70");
    for name in [HeaderName::From, HeaderName::CallId] {
        if let Some(value) = headers.first(&name) {
            builder = builder.header(name, unfolded(value));
        }
    }
    for route in headers.all(&HeaderName::Route) {
        builder = builder.header(HeaderName::Route, unfolded(route));
    }
    builder
        .header(HeaderName::To, unfolded(to))
        .header(HeaderName::CSeq, cseq)
        .finish()
}

/// Folding becomes blanks: what came in on several lines goes out on one.
fn unfolded(value: &[u8]) -> Vec<u8> {
    let line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    value
        .iter()
        .map(|byte| if line_end(byte) { b' ' } else { *byte })
        .collect()
}
