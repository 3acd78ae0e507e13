//! Finds the MC info documents in the body of a SIP message: alone, as a part of
//! `multipart/mixed`, or inside the client's REGISTER that a third-party REGISTER carries as
//! `message/sip` (TS 24.229 clause 5.4.1.7).

use bytes::Bytes;
use sip_message::{Headers, Limits, MediaType, Message, multipart};

use super::{Bounds, Document, DocumentError, ServiceDocument};
use crate::{Profile, Service};

/// Why no document could be had from a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FindError {
    /// There is a body, of a type that holds no MC info document, or there is none.
    OtherType,
    /// The body's structure is broken; the text names what.
    Broken(&'static str),
    /// Parts inside parts inside parts.
    TooDeep,
    /// A document is there and is refused.
    Document(DocumentError),
}

/// The documents in `body`, in order of their appearance; at least one.
///
/// # Errors
/// Says why there is none, or what is wrong with one.
pub fn documents(
    headers: &Headers,
    body: &Bytes,
    profile: &Profile,
    limits: &Limits,
    bounds: Bounds,
) -> Result<Vec<ServiceDocument>, FindError> {
    let mut search = Search {
        profile,
        limits,
        bounds,
        found: Vec::new(),
    };
    search.collect(headers, body, limits.depth)?;
    let found = search.found;
    if found.is_empty() {
        return Err(FindError::OtherType);
    }
    for service in Service::ALL {
        if found.iter().filter(|d| d.service == service).count() > 1 {
            return Err(FindError::Broken("Two MC info documents of one service"));
        }
    }
    Ok(found)
}

/// The client's REGISTER inside a third-party REGISTER, where the SIP core put one.
pub fn client_register(headers: &Headers, body: &Bytes, limits: &Limits) -> Option<Message> {
    enclosed(headers, body, limits, limits.depth)
}

fn enclosed(headers: &Headers, body: &Bytes, limits: &Limits, depth: usize) -> Option<Message> {
    let depth = depth.checked_sub(1)?;
    let media = headers.content_type().ok()??;
    if media.top().eq_ignore_ascii_case(b"multipart") {
        let parts = multipart::parts(&media, body, limits).ok()?;
        return parts
            .iter()
            .find_map(|part| enclosed(&part.headers, &part.body, limits, depth));
    }
    if media.is("message", "sip") {
        return Message::parse_enclosed(body.clone(), limits).ok();
    }
    None
}

/// What is looked for, within which bounds, and what was found.
struct Search<'a> {
    profile: &'a Profile,
    limits: &'a Limits,
    bounds: Bounds,
    found: Vec<ServiceDocument>,
}

impl Search<'_> {
    fn collect(&mut self, headers: &Headers, body: &Bytes, depth: usize) -> Result<(), FindError> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(FindError::TooDeep);
        };
        let media = headers
            .content_type()
            .map_err(|_| FindError::Broken("Malformed Content-Type"))?;
        let Some(media) = media else {
            return Ok(());
        };
        if media.top().eq_ignore_ascii_case(b"multipart") {
            let parts = multipart::parts(&media, body, self.limits)
                .map_err(|_| FindError::Broken("Malformed multipart body"))?;
            for part in parts {
                self.collect(&part.headers, &part.body, depth)?;
            }
            return Ok(());
        }
        if media.is("message", "sip") {
            let message = Message::parse_enclosed(body.clone(), self.limits)
                .map_err(|_| FindError::Broken("Malformed message/sip body"))?;
            return self.collect(message.headers(), message.body(), depth);
        }
        if let Some(service) = service_of(&media, self.profile) {
            let document = Document::read(body, self.profile.of(service), self.bounds)
                .map_err(FindError::Document)?;
            self.found.push(ServiceDocument {
                service,
                document,
                bytes: body.clone(),
            });
        }
        Ok(())
    }
}

fn service_of(media: &MediaType<'_>, profile: &Profile) -> Option<Service> {
    if !media.top().eq_ignore_ascii_case(b"application") {
        return None;
    }
    profile.service_of_media(media.sub())
}
