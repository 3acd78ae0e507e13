//! Where in a body the documents are found.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use bytes::Bytes;
use common::documents::EXAMPLE;
use common::world::Incoming;
use mcx::document::{Bounds, DocumentError, FindError, ServiceDocument, documents};
use mcx::{Profile, Service};
use sip_message::{HeaderName, Limits, multipart};

const MCPTT: &str = "application/vnd.3gpp.mcptt-info+xml";

fn find(content_type: &str, body: impl Into<Bytes>) -> Result<Vec<ServiceDocument>, FindError> {
    let message = Incoming {
        content_type: content_type.into(),
        ..Incoming::message("sip:x@y", "")
    };
    let request = message.request();
    documents(
        request.headers(),
        &body.into(),
        &Profile::default(),
        &Limits::default(),
        Bounds::default(),
    )
}

fn services(found: Result<Vec<ServiceDocument>, FindError>) -> Vec<Service> {
    found.unwrap().into_iter().map(|d| d.service).collect()
}

fn video() -> String {
    EXAMPLE.replace("mcptt", "mcvideo")
}

fn mixed(parts: &[(&str, &str)]) -> (String, Bytes) {
    let mut builder = multipart::Builder::new("b0undary");
    for (content_type, body) in parts {
        builder = builder.part(content_type, &[], body);
    }
    builder.finish().unwrap()
}

#[test]
fn alone() {
    let found = find(MCPTT, EXAMPLE).unwrap();
    let [
        ServiceDocument {
            service, document, ..
        },
    ] = found.as_slice()
    else {
        panic!("one document");
    };
    assert_eq!(*service, Service::Mcptt);
    assert_eq!(document.stay_number(), Some(7));
    for spelled in [
        "Application/VND.3GPP.MCPTT-info+XML",
        "application/vnd.3gpp.mcptt-info+xml;charset=utf-8",
    ] {
        assert_eq!(services(find(spelled, EXAMPLE)), [Service::Mcptt]);
    }
}

#[test]
fn among_other_parts() {
    let (media, body) = mixed(&[
        ("text/plain", "hello"),
        (MCPTT, EXAMPLE),
        ("application/poc-settings+xml", "<poc-settings/>"),
        ("application/vnd.3gpp.mcvideo-info+xml", &video()),
    ]);
    assert_eq!(
        services(find(&media, body)),
        [Service::Mcptt, Service::McVideo]
    );
}

#[test]
fn with_bare_line_feeds_a_preamble_and_an_epilogue() {
    let body = format!(
        "\n\nThis is a preamble.\n--x\nContent-Type: {MCPTT}\n\n{EXAMPLE}\n--x--\nAnd an epilogue.\n"
    );
    assert_eq!(
        services(find("multipart/mixed; boundary=\"x\"", body.clone())),
        [Service::Mcptt]
    );
    let crlf = body.replace('\n', "\r\n");
    assert_eq!(
        services(find("multipart/mixed;boundary=x", crlf)),
        [Service::Mcptt]
    );
}

/// The client's REGISTER, as the SIP core hands it on.
fn register(content_type: &str, body: &str) -> String {
    let inner = Incoming {
        method: "REGISTER",
        content_type: content_type.into(),
        ..Incoming::message("sip:x@y", body)
    };
    String::from_utf8(inner.request().as_bytes().to_vec()).unwrap()
}

#[test]
fn inside_the_clients_register() {
    assert_eq!(
        services(find("message/sip", register(MCPTT, EXAMPLE))),
        [Service::Mcptt]
    );
    let (media, body) = mixed(&[(MCPTT, EXAMPLE), ("text/plain", "x")]);
    let inner = register(&media, std::str::from_utf8(&body).unwrap());
    assert_eq!(
        services(find("message/sip", inner.clone())),
        [Service::Mcptt]
    );
    let outer = multipart::Builder::new("outer").part("message/sip", &[], &inner);
    let (media, body) = outer.finish().unwrap();
    assert_eq!(services(find(&media, body)), [Service::Mcptt]);
}

#[test]
fn nested_too_deep() {
    let deepest = Limits::default().depth;
    let mut media = MCPTT.to_owned();
    let mut body = Bytes::from(EXAMPLE);
    for level in 1..deepest {
        let boundary = format!("level{level}");
        let builder = multipart::Builder::new(&boundary).part(&media, &[], &body);
        (media, body) = builder.finish().unwrap();
        assert_eq!(services(find(&media, body.clone())), [Service::Mcptt]);
    }
    let builder = multipart::Builder::new("more").part(&media, &[], &body);
    let (media, body) = builder.finish().unwrap();
    assert_eq!(find(&media, body), Err(FindError::TooDeep));
}

#[test]
fn nowhere() {
    assert_eq!(find("text/plain", "hello"), Err(FindError::OtherType));
    assert_eq!(find("application/xml", EXAMPLE), Err(FindError::OtherType));
    assert_eq!(
        find("text/vnd.3gpp.mcptt-info+xml", EXAMPLE),
        Err(FindError::OtherType)
    );
    assert_eq!(find("", EXAMPLE), Err(FindError::OtherType));
    let (media, body) = mixed(&[("text/plain", EXAMPLE)]);
    assert_eq!(find(&media, body), Err(FindError::OtherType));
    assert_eq!(
        find("message/sip", register("", "")),
        Err(FindError::OtherType)
    );
}

#[test]
fn two_of_one_service() {
    let (media, body) = mixed(&[(MCPTT, EXAMPLE), (MCPTT, EXAMPLE)]);
    let Err(FindError::Broken(what)) = find(&media, body) else {
        panic!("which of them counts?");
    };
    assert!(what.contains("Two MC info documents"));
}

#[test]
fn broken() {
    let broken = |media: &str, body: &str| match find(media, body.to_owned()) {
        Err(FindError::Broken(what)) => what,
        other => panic!("{media}: {other:?}"),
    };
    assert!(broken("multipart/mixed", EXAMPLE).contains("multipart"));
    assert!(broken("multipart/mixed;boundary=x", "--x\r\n\r\n").contains("multipart"));
    assert!(broken("multipart/mixed;boundary=x", EXAMPLE).contains("multipart"));
    assert!(broken("message/sip", "hello").contains("message/sip"));
    assert!(broken("nonsense", EXAMPLE).contains("Content-Type"));
    let many = vec![("text/plain", "x"); Limits::default().parts + 1];
    let (media, body) = mixed(&many);
    assert!(broken(&media, std::str::from_utf8(&body).unwrap()).contains("multipart"));
}

#[test]
fn a_document_that_is_refused_is_not_passed_over() {
    let (media, body) = mixed(&[
        (MCPTT, "<mcpttinfo"),
        ("application/vnd.3gpp.mcvideo-info+xml", &video()),
    ]);
    let Err(FindError::Document(DocumentError::NotWellFormed(_))) = find(&media, body) else {
        panic!("the broken one must not be ignored");
    };
}

#[test]
fn the_media_type_is_configuration() {
    let mut profile = Profile::default();
    profile.of_mut(Service::Mcptt).media_subtype = "vnd.example+xml".into();
    let message = Incoming {
        content_type: "application/vnd.example+xml".into(),
        ..Incoming::message("sip:x@y", EXAMPLE)
    };
    let request = message.request();
    assert!(request.headers().contains(&HeaderName::ContentType));
    let found = documents(
        request.headers(),
        request.body(),
        &profile,
        &Limits::default(),
        Bounds::default(),
    );
    assert_eq!(services(found), [Service::Mcptt]);
}
