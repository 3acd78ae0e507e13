//! What is written is read again as it was meant: unchanged, edited, answered, built.

use std::net::SocketAddr;

use bytes::Bytes;
use sip_message::{
    BuildError, BuildErrorKind, Edit, HeaderName, Headers, Limits, Message, Method, Request,
    Response, StatusCode, validate,
};

use crate::naive;

/// Any bytes.
pub fn run(input: &[u8]) {
    let bytes = Bytes::copy_from_slice(input);
    match Message::parse_datagram(bytes, &Limits::default()) {
        Ok(message) => {
            printed(&message);
            match &message {
                Message::Request(request) => {
                    edited(&message);
                    moved(request);
                    pushed(request);
                    answered(request.clone(), true);
                }
                Message::Response(_) => edited(&message),
            }
        }
        Err(error) => {
            if let Some(request) = error.into_answerable() {
                answered(request, false);
            }
        }
    }
    built(input);
}

fn parse(bytes: &Bytes) -> Message {
    let parsed = Message::parse_datagram(bytes.clone(), &crate::wide());
    parsed.unwrap_or_else(|error| panic!("{error}: {}", bytes.escape_ascii()))
}

/// Names and values.
fn list(headers: &Headers) -> Vec<(HeaderName, Vec<u8>)> {
    let all = headers.iter();
    all.map(|(name, value)| (name, value.to_vec())).collect()
}

/// The index of a message says what a second parse of its bytes says.
fn indexed(message: &Message) {
    let again = parse(message.as_bytes());
    assert_eq!(again.as_bytes(), message.as_bytes());
    assert_eq!(list(again.headers()), list(message.headers()));
    assert_eq!(again.body(), message.body());
    assert_eq!(again.truncated(), message.truncated());
}

fn printed(message: &Message) {
    indexed(message);
}

/// One change.
enum Change {
    Push(HeaderName, &'static str),
    Append(HeaderName, &'static str),
    Set(HeaderName, &'static str),
    Remove(HeaderName),
    Pop(HeaderName),
}

impl Change {
    fn to<'a, M>(&self, edit: Edit<'a, M>) -> Edit<'a, M> {
        match self {
            Change::Push(name, value) => edit.push(name.clone(), value),
            Change::Append(name, value) => edit.append(name.clone(), value),
            Change::Set(name, value) => edit.set(name.clone(), value),
            Change::Remove(name) => edit.remove(name),
            Change::Pop(name) => edit.pop(name),
        }
    }
}

fn change(message: &Message, changes: &[Change]) -> Result<Message, BuildError> {
    match message {
        Message::Request(request) => {
            let edit = request.edit();
            let edit = changes.iter().fold(edit, |edit, change| change.to(edit));
            edit.finish().map(Into::into)
        }
        Message::Response(response) => {
            let edit = response.edit();
            let edit = changes.iter().fold(edit, |edit, change| change.to(edit));
            edit.finish().map(Into::into)
        }
    }
}

fn edited(old: &Message) {
    let done = |changes: &[Change]| change(old, changes).expect("what was parsed can be edited");
    let fields = list(old.headers());
    let without = |name: &HeaderName| -> Vec<_> {
        fields
            .iter()
            .filter(|(other, _)| other != name)
            .cloned()
            .collect()
    };

    let same = done(&[]);
    assert!(
        same.as_bytes() == old.as_bytes(),
        "nothing changed: {}",
        same.as_bytes().escape_ascii()
    );

    let name = HeaderName::MaxForwards;
    let set = done(&[Change::Set(name.clone(), " 17 ")]);
    indexed(&set);
    assert_eq!(set.headers().all(&name).collect::<Vec<_>>(), [b"17"]);
    let others: Vec<_> = list(set.headers())
        .into_iter()
        .filter(|(n, _)| *n != name)
        .collect();
    assert_eq!(others, without(&name), "all else stays");
    assert_eq!(set.body(), old.body());

    let around = done(&[
        Change::Push(HeaderName::Via, "top"),
        Change::Append(HeaderName::Subject, "end"),
    ]);
    indexed(&around);
    let mut expected = vec![(HeaderName::Via, b"top".to_vec())];
    expected.extend(fields.iter().cloned());
    expected.push((HeaderName::Subject, b"end".to_vec()));
    assert_eq!(list(around.headers()), expected);

    // One of them for each input: there are many inputs.
    let lists = [HeaderName::Via, HeaderName::Route, HeaderName::Contact];
    let which = old.as_bytes().len() % lists.len();
    for name in lists.into_iter().skip(which).take(1) {
        let popped = done(&[Change::Pop(name.clone())]);
        indexed(&popped);
        // An empty item is none of the grammar, and an empty value has no items.
        let filled = |item: &&[u8]| !item.is_empty();
        let before: Vec<_> = old.headers().items(&name).skip(1).filter(filled).collect();
        let after: Vec<_> = popped.headers().items(&name).filter(filled).collect();
        assert_eq!(after, before, "the first {name} is gone");
        let others: Vec<_> = list(popped.headers())
            .into_iter()
            .filter(|(n, _)| *n != name)
            .collect();
        assert_eq!(others, without(&name), "all else stays");

        let removed = done(&[Change::Remove(name.clone())]);
        indexed(&removed);
        assert_eq!(list(removed.headers()), without(&name));
    }
    let kept = done(&[Change::Remove(HeaderName::ContentLength)]);
    assert_eq!(list(kept.headers()), fields, "Content-Length stays");
    let injected = change(old, &[Change::Set(HeaderName::Subject, "a\r\nVia: b")]);
    assert!(injected.is_err());
}

/// Another Request-URI.
fn moved(request: &Request) {
    let moved = request.edit().uri("sip:next@hop.example").finish();
    let moved = moved.expect("a URI can be replaced");
    indexed(&moved.clone().into());
    assert_eq!(moved.uri_bytes(), b"sip:next@hop.example");
    assert_eq!(moved.method(), request.method());
    assert_eq!(list(moved.headers()), list(request.headers()));
    assert_eq!(moved.body(), request.body());
}

/// A Via on top.
fn pushed(request: &Request) {
    let pushed = request.with_via("SIP/2.0/UDP h;branch=z9hG4bK\r\nX: y");
    indexed(&pushed.clone().into());
    let mut expected = vec![(
        HeaderName::Via,
        b"SIP/2.0/UDP h;branch=z9hG4bKX: y".to_vec(),
    )];
    expected.extend(list(request.headers()));
    assert_eq!(list(pushed.headers()), expected);
    assert_eq!(pushed.uri_bytes(), request.uri_bytes());
    assert_eq!(pushed.body(), request.body());
}

/// A response copies what the RFC says, and nothing else; it is right where the request is.
fn answered(mut request: Request, whole: bool) {
    let valid = validate::request(&request).is_ok();
    assert!(whole || !request.headers().is_empty());
    let sources: [Option<SocketAddr>; 3] = [
        None,
        Some(([192, 0, 2, 99], 5099).into()),
        Some((std::net::Ipv6Addr::LOCALHOST, 5060).into()),
    ];
    let codes = [100, 200, 699];
    let which = request.as_bytes().len();
    for (place, source) in sources.into_iter().enumerate() {
        let status = StatusCode::new(codes[(which + place) % codes.len()]).unwrap();
        if let Some(source) = source {
            request.set_source(source);
        }
        let response = Response::to(&request, status, Some("t4g")).finish();
        let response = response.expect("what was parsed can be answered");
        indexed(&response.clone().into());
        assert_eq!(response.status(), status);
        assert!(response.body().is_empty() && !response.truncated());
        copied(&request, &response, source);
        if valid {
            assert_eq!(validate::response(&response), Ok(()));
            let tag = response.headers().to().unwrap().tag().map(<[u8]>::to_vec);
            let own = request.headers().to().unwrap();
            let added = !own.params().contains("tag") && status != StatusCode::TRYING;
            assert_eq!(
                tag.as_deref(),
                if added { Some(&b"t4g"[..]) } else { own.tag() }
            );
            assert_eq!(response.headers().cseq(), request.headers().cseq());
        }
    }
}

fn copied(request: &Request, response: &Response, source: Option<SocketAddr>) {
    let (asked, said) = (request.headers(), response.headers());
    let first = |headers: &Headers, name: &HeaderName| headers.first(name).map(naive::unfold);
    for name in [HeaderName::From, HeaderName::CallId, HeaderName::CSeq] {
        assert_eq!(first(asked, &name), first(said, &name), "{name}");
        assert!(said.count(&name) <= 1, "{name}");
    }
    assert_eq!(said.count(&HeaderName::ContentLength), 1);
    assert_eq!(said.count(&HeaderName::Via), asked.count(&HeaderName::Via));
    let items = |headers: &Headers| -> Vec<Vec<u8>> {
        headers.items(&HeaderName::Via).map(naive::unfold).collect()
    };
    let (asked_vias, vias) = (items(asked), items(said));
    assert_eq!(asked_vias.len(), vias.len(), "as many hops");
    let changed = usize::from(source.is_some());
    assert_eq!(asked_vias.get(changed..), vias.get(changed..), "hops");
    if let (Ok(own), Ok(top), Some(source)) = (asked.top_via(), said.top_via(), source) {
        assert_eq!(own.branch(), top.branch());
        assert_eq!((own.host(), own.port()), (top.host(), top.port()));
        assert_eq!(own.rport().is_some(), top.rport().is_some());
        if top.rport().is_some() {
            assert_eq!(
                top.rport(),
                Some(Some(source.port())),
                "the port that was seen"
            );
        }
        let address = source.ip().to_string();
        match top.received() {
            Some(received) => assert_eq!(received, address.as_bytes(), "what was seen"),
            None => assert_eq!(own.host().ip(), Some(source.ip())),
        }
    }
    let known = [
        HeaderName::Via,
        HeaderName::From,
        HeaderName::To,
        HeaderName::CallId,
        HeaderName::CSeq,
        HeaderName::ContentLength,
        HeaderName::Timestamp,
    ];
    assert!(said.iter().all(|(name, _)| known.contains(&name)));
}

/// A value from anywhere stays one value of one field, or is refused.
fn built(input: &[u8]) {
    let value = &input[..input.len().min(200)];
    let control = value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
    let draft = Request::build(Method::Message, "sip:a@b")
        .header(HeaderName::Subject, value)
        .body("text/plain", Bytes::copy_from_slice(input));
    match draft.finish() {
        Ok(request) => {
            assert!(!control);
            indexed(&request.clone().into());
            assert_eq!(request.headers().len(), 3);
            let subject = request.headers().one(&HeaderName::Subject).unwrap();
            assert_eq!(subject, naive::trim(value));
            assert_eq!(request.body(), input);
        }
        Err(error) => {
            assert!(control, "{error}");
            assert_eq!(error.kind, BuildErrorKind::ControlCharacter);
        }
    }
    let text = String::from_utf8_lossy(value);
    if let Ok(request) = Request::build(Method::Info, &text).finish() {
        indexed(&request.clone().into());
        assert_eq!(request.uri_bytes(), text.as_bytes());
        assert_eq!(
            (request.method(), request.headers().len()),
            (&Method::Info, 1)
        );
    }
    if let Some(method) = Method::from_bytes(value) {
        let request = Request::build(method.clone(), "sip:a@b").finish();
        assert_eq!(request.expect("any token").method(), &method);
    }
}
