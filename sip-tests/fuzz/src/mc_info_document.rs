//! MC info documents. The first line is a Content-Type, the rest the body: a document as it stands, or one that is found
//! in it.

use bytes::Bytes;
use mcx::document::{Bounds, Document, DocumentError, FindError, client_register, documents};
use mcx::{Profile, Service, ServiceProfile};
use sip_message::{Limits, Message};

use crate::naive;

/// Bounds so tight that small documents meet them.
const TIGHT: Bounds = Bounds {
    bytes: 500,
    elements: 8,
    depth: 4,
    attributes: 2,
};

/// Any bytes.
pub fn run(input: &[u8]) {
    let cut = input.iter().position(|byte| *byte == b'\n');
    let (head, body) = input.split_at(cut.map_or(0, |cut| cut + 1));
    let profile = Profile::default();
    for service in Service::ALL {
        document(body, profile.of(service));
    }
    found(naive::trim(head), body, &profile);
}

fn document(xml: &[u8], profile: &ServiceProfile) {
    let bounds = Bounds::default();
    let read = Document::read(xml, profile, bounds);
    let tight = Document::read(xml, profile, TIGHT);
    if let Ok(tight) = &tight {
        assert_eq!(read.as_ref().ok(), Some(tight), "bounds only refuse");
        assert!(xml.len() <= TIGHT.bytes);
    } else if tight != read {
        let over = matches!(
            tight,
            Err(DocumentError::TooLarge
                | DocumentError::TooManyElements
                | DocumentError::TooDeep
                | DocumentError::TooManyAttributes)
        );
        assert!(over, "bounds only refuse: {tight:?}");
    }
    let mut document = match read {
        Ok(document) => document,
        Err(error) => {
            let said = error.to_string();
            assert!(
                !said.is_empty() && !said.contains(['\r', '\n', '\0']),
                "{said:?}"
            );
            return;
        }
    };
    plain(xml, bounds);
    let shown = format!("{document:?}");
    let values = [
        &document.access_token,
        &document.request_uri,
        &document.primary_id,
        &document.partner_id,
    ];
    let mut total = 0;
    for value in values.into_iter().flatten() {
        total += value.len();
        assert!(!value.is_empty() && value.trim() == value);
        assert!(value.len() < 24 || !shown.contains(value.as_str()), "shown");
    }
    // Nothing grows: there are no entities but the five, each longer than what it means.
    assert!(total <= xml.len(), "values longer than the document");
    // A kind that nobody knows is not written.
    document.unknown_kind = None;
    let written = document.write(profile);
    let again = Document::read(written.as_bytes(), profile, grown());
    assert_eq!(
        again.as_ref().map(fields),
        Ok(fields(&document)),
        "written and read: {written:?}"
    );
}

/// For what was written: it is longer than what was read by the elements around the values.
fn grown() -> Bounds {
    Bounds {
        bytes: 1 << 20,
        ..Bounds::default()
    }
}

/// All that a document says; its `Debug` leaves out what is nobody's business.
fn fields(document: &Document) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        document.access_token.clone(),
        document.request_uri.clone(),
        document.kind,
        document.primary_id.clone(),
        document.partner_id.clone(),
        document.result,
        document.profile_index,
        document.stay,
    )
}

/// A document without comments and sections has no DTD, and no more tags than allowed: counted by their brackets.
fn plain(xml: &[u8], bounds: Bounds) {
    let text = std::str::from_utf8(xml).expect("UTF-8");
    assert!(xml.len() <= bounds.bytes);
    let body = text.trim_start_matches('\u{feff}');
    if body.contains("<!--") || body.contains("<![CDATA[") || body.matches("<?").count() > 1 {
        return;
    }
    assert!(!body.contains("<!"), "a DTD");
    if body.strip_prefix("<?").unwrap_or(body).contains("<?") {
        return;
    }
    names(body);
    // In an attribute `<` may not stand, in text it may not either.
    let tags = body.matches('<').count();
    let others = body.matches("</").count() + body.matches("<?").count();
    assert!(
        tags - others <= bounds.elements,
        "more elements than allowed"
    );
}

/// What follows each opening bracket is a name, and no bracket opens in a tag.
fn names(body: &str) {
    for tag in body.split('<').skip(1) {
        let tag = tag.strip_prefix(['/', '?']).unwrap_or(tag);
        assert!(tag.contains('>'), "a bracket inside a tag");
        let name: &str = tag
            .split([' ', '\t', '\r', '\n', '/', '>', '?'])
            .next()
            .unwrap();
        assert!(!name.is_empty());
        let other = |char: char| char.is_ascii() && !char.is_ascii_alphanumeric();
        let marks = name.matches(other).all(|mark| "-._:".contains(mark));
        assert!(marks && !name.starts_with(['-', '.', ':']), "{name:?}");
    }
}

/// The same body behind a Content-Type.
fn found(content_type: &[u8], body: &[u8], profile: &Profile) {
    let mut message = b"MESSAGE sip:a@b SIP/2.0\r\nContent-Type: ".to_vec();
    message.extend(content_type);
    message.extend(b"\r\n\r\n");
    message.extend(body);
    for limits in [Limits::default(), crate::tight()] {
        let Ok(message) = Message::parse_datagram(Bytes::from(message.clone()), &limits) else {
            continue;
        };
        let (headers, body) = (message.headers(), message.body());
        match documents(headers, body, profile, &limits, Bounds::default()) {
            Ok(all) => {
                assert!(!all.is_empty() && all.len() <= Service::ALL.len());
                for service in Service::ALL {
                    assert!(all.iter().filter(|one| one.service == service).count() <= 1);
                }
                if let Ok(Some(media)) = headers.content_type()
                    && media.top().eq_ignore_ascii_case(b"application")
                {
                    assert_eq!(all.len(), 1);
                    let names = profile.of(all[0].service);
                    let alone = Document::read(body, names, Bounds::default());
                    assert_eq!(alone.as_ref(), Ok(&all[0].document));
                }
            }
            Err(FindError::Broken(what)) => assert!(what.is_ascii()),
            Err(FindError::Document(error)) => assert!(!error.to_string().contains('\n')),
            Err(FindError::OtherType | FindError::TooDeep) => {}
        }
        if let Some(inside) = client_register(headers, body, &limits) {
            assert!(inside.as_bytes().len() <= body.len());
            crate::read::message(&inside, &limits);
        }
    }
}
