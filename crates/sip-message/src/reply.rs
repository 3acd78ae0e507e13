//! What a response copies from its request.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use memchr::{memchr, memchr2, memchr3};

use crate::build::{Copied, Draft, ResponseBuilder, decimal};
use crate::class::{LWS, TOKEN};
use crate::error::{BuildError, BuildErrorKind, Subject};
use crate::grammar::{trim, trim_end};
use crate::list::List;
use crate::message::{Request, Response};
use crate::name::HeaderName;
use crate::status::StatusCode;
use crate::value::is_param_value;
use crate::value::{NameAddr, Via};
use crate::writer::Writer;

impl Response {
    /// Begins the response to a request (RFC 3261 §8.2.6.2): copies Via, From, To, Call-ID and CSeq, and Timestamp into
    /// a 100.
    ///
    /// The top Via gets `received` when [`Request::source`] is known and differs from its host or it asks for `rport`,
    /// and `rport` is filled in (§18.2.1, RFC 3581 §4). What the sender itself wrote there is replaced, also in a Via that
    /// is malformed. To gets `to_tag` unless it has a tag or is malformed, or the response is a 100.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request, Response, StatusCode};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::Via, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1")
    ///     .header(HeaderName::From, "<sip:ann@home1.example>;tag=1")
    ///     .header(HeaderName::To, "<sip:mcptt-server@home1.example>")
    ///     .header(HeaderName::CallId, "1@192.0.2.1")
    ///     .header(HeaderName::CSeq, "1 MESSAGE")
    ///     .finish()?;
    /// let response = Response::to(&request, StatusCode::OK, Some("b0b")).finish()?;
    /// assert_eq!(response.headers().to()?.tag(), Some(&b"b0b"[..]));
    /// assert_eq!(response.headers().cseq()?, request.headers().cseq()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to(request: &Request, status: StatusCode, to_tag: Option<&str>) -> ResponseBuilder {
        let mut builder = ResponseBuilder::new(status, request.raw.head_end() + ADDED);
        copy(&mut builder.draft, origin(request), status, to_tag, &[]);
        builder
    }

    /// The bytes of a response without a body, for whoever answers without looking back, and often: nothing is allocated
    /// but them. `via` are parameters of the topmost Via, instead of those of that name that are there, and `headers`
    /// header fields that follow what is copied.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request, Response, StatusCode};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::Via, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;oc")
    ///     .header(HeaderName::CSeq, "1 MESSAGE")
    ///     .finish()?;
    /// let (status, later) = (StatusCode::SERVICE_UNAVAILABLE, [(HeaderName::RetryAfter, &b"5"[..])]);
    /// let bytes = Response::bytes_to(&request, status, Some("b0b"), &[(b"oc", b"20")], &later)?;
    /// assert_eq!(
    ///     bytes.as_ref(),
    ///     b"SIP/2.0 503 Service Unavailable\r\n\
    ///       Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;oc=20\r\n\
    ///       CSeq: 1 MESSAGE\r\n\
    ///       Retry-After: 5\r\n\
    ///       Content-Length: 0\r\n\r\n"
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// What cannot be written: a tag that is no token, a parameter's value that would be more than one, line ends in a
    /// value, a second From, To, Call-ID or CSeq.
    pub fn bytes_to(
        request: &Request,
        status: StatusCode,
        to_tag: Option<&str>,
        via: &[(&[u8], &[u8])],
        headers: &[(HeaderName, &[u8])],
    ) -> Result<Bytes, BuildError> {
        let room = request.raw.head_end();
        bytes_of(origin(request), room, status, to_tag, via, headers)
    }
}

/// What a response copies from its request.
pub(crate) struct Origin<'a, V> {
    pub vias: V,
    pub from: Option<Copied<'a>>,
    pub to: Option<Copied<'a>>,
    pub call_id: Option<Copied<'a>>,
    pub cseq: Option<Copied<'a>>,
    pub timestamp: Option<Copied<'a>>,
    /// Where the request came from.
    pub source: Option<SocketAddr>,
}

fn origin(request: &Request) -> Origin<'_, impl Iterator<Item = Copied<'_>>> {
    let headers = request.headers();
    let all = |name: &'static HeaderName| {
        headers.named(name).map(|(_, field)| Copied {
            value: headers.value(field),
            folded: field.is_folded(),
        })
    };
    Origin {
        vias: all(&HeaderName::Via),
        from: all(&HeaderName::From).next(),
        to: all(&HeaderName::To).next(),
        call_id: all(&HeaderName::CallId).next(),
        cseq: all(&HeaderName::CSeq).next(),
        timestamp: all(&HeaderName::Timestamp).next(),
        source: request.source(),
    }
}

/// The bytes of a response without a body; what is copied takes `room`.
pub(crate) fn bytes_of<'a>(
    origin: Origin<'a, impl Iterator<Item = Copied<'a>>>,
    room: usize,
    status: StatusCode,
    to_tag: Option<&str>,
    via: &[(&[u8], &[u8])],
    headers: &[(HeaderName, &[u8])],
) -> Result<Bytes, BuildError> {
    let mut draft = Draft::of_status(status, Writer::without_index(room + ADDED));
    copy(&mut draft, origin, status, to_tag, via);
    for (name, value) in headers {
        draft.header(name.clone(), value);
    }
    draft.finish_bytes()
}

/// Copies what a response has of its request.
fn copy<'a>(
    draft: &mut Draft,
    origin: Origin<'a, impl Iterator<Item = Copied<'a>>>,
    status: StatusCode,
    to_tag: Option<&str>,
    via: &[(&[u8], &[u8])],
) {
    let source = origin.source;
    // The topmost value is told where it came from; fields without any may stand above it.
    let mut told = source.is_none() && via.is_empty();
    for field in origin.vias {
        if told || LWS.span(field.value) == field.value.len() {
            draft.copy(&HeaderName::Via, field, &[]);
        } else {
            told = true;
            copy_told(draft, field, source, via);
        }
    }
    if let Some(from) = origin.from {
        draft.copy(&HeaderName::From, from, &[]);
    }
    if let Some(to) = origin.to {
        match to_tag.filter(|_| status != StatusCode::TRYING && is_untagged(to.value)) {
            Some(tag) if !TOKEN.fills(tag.as_bytes()) => {
                draft.fail(Subject::Header(HeaderName::To), BuildErrorKind::Malformed);
            }
            Some(tag) => draft.copy(&HeaderName::To, to, &[b";tag=", tag.as_bytes()]),
            None => draft.copy(&HeaderName::To, to, &[]),
        }
    }
    if let Some(call_id) = origin.call_id {
        draft.copy(&HeaderName::CallId, call_id, &[]);
    }
    if let Some(cseq) = origin.cseq {
        draft.copy(&HeaderName::CSeq, cseq, &[]);
    }
    if status == StatusCode::TRYING
        && let Some(timestamp) = origin.timestamp
    {
        draft.copy(&HeaderName::Timestamp, timestamp, &[]);
    }
}

/// Room for what a response has and its request has not.
const ADDED: usize = 192;

/// Whether a tag is to be added to a To. One that is malformed goes back as it is: what a tag would become behind it is
/// anybody's guess.
fn is_untagged(to: &[u8]) -> bool {
    NameAddr::parse(to).is_ok_and(|to| !to.params().contains("tag"))
}

/// Writes the field with `received`, `rport` and those parameters of its first value set.
fn copy_told(
    draft: &mut Draft,
    field: Copied<'_>,
    source: Option<SocketAddr>,
    set: &[(&[u8], &[u8])],
) {
    let first = List::new(field.value).next();
    let (offset, item) = first.unwrap_or((0, field.value));
    draft.begin_copy(&HeaderName::Via);
    match Via::parse(item) {
        Ok(via) => copy_first(draft, field, item, &via, source, set),
        Err(_) => copy_malformed(draft, field, item, source),
    }
    draft.piece(
        field,
        field.value.get(offset + item.len()..).unwrap_or_default(),
    );
    draft.end_copy();
}

/// Writes the first value of a field.
fn copy_first(
    draft: &mut Draft,
    field: Copied<'_>,
    item: &[u8],
    via: &Via<'_>,
    source: Option<SocketAddr>,
    set: &[(&[u8], &[u8])],
) {
    let params = via.params();
    if source.is_some() && set.is_empty() && as_written(params.as_bytes()) {
        // Nothing to leave out, and no blank to tidy up: what is there stays, but for a value behind rport.
        match via.rport().and_then(|_| ends_of_rport(params.as_bytes())) {
            Some((name, value)) => {
                let params = item.len() - params.as_bytes().len();
                draft.piece(field, item.get(..params + name).unwrap_or_default());
                put_port(draft, source);
                draft.piece(field, item.get(params + value..).unwrap_or_default());
            }
            None => draft.piece(field, item),
        }
    } else {
        let (before, _) = item
            .split_at_checked(item.len() - params.as_bytes().len())
            .unwrap_or_default();
        draft.piece(field, trim_end(before));
        copy_params(draft, field, params.iter(), source, set);
    }
    let host = via.host().ip().map(|host| host.to_canonical());
    let address = source.map(|source| source.ip().to_canonical());
    if let Some(address) = address.filter(|_| via.rport().is_some() || host != address) {
        draft.put(b";received=");
        put_address(draft, address);
    }
    for (name, value) in set {
        if !TOKEN.fills(name) || !is_param_value(value) {
            draft.fail(Subject::Header(HeaderName::Via), BuildErrorKind::Malformed);
        }
        for piece in [b";", *name, b"=", *value] {
            draft.put(piece);
        }
    }
}

/// Writes a value that cannot be parsed. Nobody knows where its parameters are: whatever stands behind a semicolon is taken
/// for one, so that no `received` of the sender's own goes back, and none is added that was not there.
fn copy_malformed(draft: &mut Draft, field: Copied<'_>, item: &[u8], source: Option<SocketAddr>) {
    let claimed = |(name, _): (&[u8], _)| {
        name.eq_ignore_ascii_case(b"received") || name.eq_ignore_ascii_case(b"rport")
    };
    let Some(source) = source.filter(|_| loose_params(item).any(claimed)) else {
        return draft.piece(field, item);
    };
    // One half of a quotation or of brackets may go with a parameter, and its comma would begin another value.
    let bare: Vec<u8> = item
        .iter()
        .copied()
        .filter(|byte| !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b',' | b'\0'))
        .collect();
    let before = bare.split(|byte| *byte == b';').next();
    draft.piece(field, trim(before.unwrap_or_default()));
    copy_params(draft, field, loose_params(&bare), Some(source), &[]);
    draft.put(b";received=");
    put_address(draft, source.ip().to_canonical());
}

/// Whatever stands behind a semicolon.
fn loose_params(item: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    let pieces = item.split(|byte| *byte == b';').skip(1);
    pieces.map(
        |piece| match memchr(b'=', piece).and_then(|at| piece.split_at_checked(at)) {
            Some((name, [_, value @ ..])) => (trim(name), Some(value)),
            _ => (trim(piece), None),
        },
    )
}

/// Whether parameters are written without blanks and quotes, and without a `received` of the sender's own.
fn as_written(params: &[u8]) -> bool {
    memchr3(b' ', b'\t', b'"', params).is_none()
        && memchr2(b'\r', b'\n', params).is_none()
        && !params
            .split(|byte| *byte == b';')
            .any(|param| begins_with(param, b"received"))
}

fn begins_with(param: &[u8], name: &[u8]) -> bool {
    let start = param.get(..name.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(name))
}

/// Where the name `rport` ends, and its value.
fn ends_of_rport(params: &[u8]) -> Option<(usize, usize)> {
    let (name, mut start) = (b"rport", 0);
    for param in params.split(|byte| *byte == b';') {
        let behind = param.get(name.len());
        if begins_with(param, name) && matches!(behind, None | Some(b'=')) {
            return Some((start + name.len(), start + param.len()));
        }
        start += param.len() + 1;
    }
    None
}

fn put_port(draft: &mut Draft, source: Option<SocketAddr>) {
    if let Some(source) = source {
        draft.put(b"=");
        draft.put(decimal(source.port().into(), &mut [0; 20]));
    }
}

/// Parameters one by one.
fn copy_params<'a>(
    draft: &mut Draft,
    field: Copied<'_>,
    params: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    source: Option<SocketAddr>,
    set: &[(&[u8], &[u8])],
) {
    for (name, value) in params {
        let is_set = |(other, _): &(&[u8], _)| name.eq_ignore_ascii_case(other);
        if (source.is_some() && name.eq_ignore_ascii_case(b"received")) || set.iter().any(is_set) {
            continue;
        }
        draft.put(b";");
        draft.piece(field, name);
        if source.is_some() && name.eq_ignore_ascii_case(b"rport") {
            put_port(draft, source);
        } else if let Some(value) = value {
            draft.put(b"=");
            draft.piece(field, value);
        }
    }
}

fn put_address(draft: &mut Draft, address: IpAddr) {
    let IpAddr::V4(v4) = address else {
        return draft.put(address.to_string().as_bytes());
    };
    for (place, octet) in v4.octets().into_iter().enumerate() {
        if place > 0 {
            draft.put(b".");
        }
        draft.put(decimal(octet.into(), &mut [0; 20]));
    }
}
