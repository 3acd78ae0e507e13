//! What a received request says, read the same way by server and gateway; what is wrong with it
//! is refused in the words of the wire profile's table.

use std::fmt::Write as _;

use bytes::Bytes;
use sip_message::{HeaderName, Headers, Limits, StatusCode};

use crate::document::{Bounds, Document, FindError, ServiceDocument, documents};
use crate::{Decision, McId, MessageKind, Profile, Refusal, Service, Weight};

/// A MESSAGE of the procedures.
pub(crate) struct Said {
    /// The service.
    pub service: Service,
    /// What kind of message it is.
    pub kind: MessageKind,
    /// The user, by his id in the primary system.
    pub primary_id: McId,
    /// His id in the partner system; always there but for a de-authorization.
    pub partner_id: Option<McId>,
    /// The whole document.
    pub document: Document,
    /// The bytes that the document was read from, a slice of the body.
    pub bytes: Bytes,
}

impl Said {
    /// That this was read: the fields that decide, without identities.
    pub fn decision(&self) -> Decision {
        let mut why = format!("{} of {}", self.kind, self.service);
        if let Some(number) = self.document.stay_number() {
            let _ = write!(why, ", stay {number}");
        }
        if let Some(allowed) = self.document.result {
            let _ = write!(why, ", result {allowed}");
        }
        if let Some(index) = self.document.profile_index {
            let _ = write!(why, ", profile {index}");
        }
        why.push_str(match self.partner_id {
            Some(_) => ", with both ids of the user",
            None => ", with the user's id in the primary system alone",
        });
        Decision::new("wire:documents", "reads", why)
            .by("document")
            .of(self.document.procedure())
            .about(&self.primary_id)
            .weighing(Weight::Detail)
    }
}

/// Reads a MESSAGE of the procedures, its header fields and its body; `accept` writes what a 415 answers.
pub(crate) fn message(
    (headers, body): (&Headers, &Bytes),
    profile: &Profile,
    bounds: (&Limits, Bounds),
    accept: impl Fn() -> String,
) -> Result<Said, Refusal> {
    let found = find((headers, body), profile, bounds, accept)?;
    let [found] = found
        .try_into()
        .map_err(|_| Refusal::bad_request("More than one MC info document"))?;
    of_document(found, profile)
}

/// What the one document of a MESSAGE says.
pub(crate) fn of_document(found: ServiceDocument, profile: &Profile) -> Result<Said, Refusal> {
    let ServiceDocument {
        service,
        document,
        bytes,
    } = found;
    let names = profile.of(service);
    let kind = document.kind.ok_or_else(|| match document.unknown_kind {
        Some(_) => Refusal::bad_request("Unknown kind of message"),
        None => missing("req-type"),
    })?;
    let primary_id = identity(&names.primary_id, document.primary_id.as_deref())?
        .ok_or_else(|| missing(&names.primary_id))?;
    let partner_id = identity(&names.partner_id, document.partner_id.as_deref())?;
    let target = identity(&names.request_uri, document.request_uri.as_deref())?;
    if target.is_some_and(|target| target != primary_id) {
        return Err(Refusal::bad_request(format!(
            "{} is another user than {}",
            names.request_uri, names.primary_id
        )));
    }
    if kind != MessageKind::DeauthorizationNotification && partner_id.is_none() {
        return Err(missing(&names.partner_id));
    }
    Ok(Said {
        service,
        kind,
        primary_id,
        partner_id,
        document,
        bytes,
    })
}

/// The MC info documents of a request; `accept` writes what a 415 answers.
pub(crate) fn find(
    (headers, body): (&Headers, &Bytes),
    profile: &Profile,
    bounds: (&Limits, Bounds),
    accept: impl Fn() -> String,
) -> Result<Vec<ServiceDocument>, Refusal> {
    let (limits, bounds) = bounds;
    documents(headers, body, profile, limits, bounds).map_err(|error| match error {
        FindError::OtherType => other_type(accept()),
        FindError::Broken(what) => Refusal::bad_request(what),
        FindError::TooDeep => Refusal::bad_request("Body parts nested too deeply"),
        FindError::Document(error) => Refusal::bad_request(error.to_string()),
    })
}

/// 415 with Accept.
pub(crate) fn other_type(accept: String) -> Refusal {
    Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "wire:answers")
        .with(HeaderName::Accept, accept)
}

/// The value of Accept: the documents of `services`, and what may be around them.
pub(crate) fn accept(
    profile: &Profile,
    services: impl IntoIterator<Item = Service>,
    around: &[&str],
) -> String {
    let documents = services.into_iter().map(|s| profile.of(s).media_type());
    let around = around.iter().map(|media| (*media).to_owned());
    documents.chain(around).collect::<Vec<_>>().join(", ")
}

/// The id in an element, if the element is there.
pub(crate) fn identity(element: &str, value: Option<&str>) -> Result<Option<McId>, Refusal> {
    match value {
        None => Ok(None),
        Some(value) => McId::parse(value)
            .map(Some)
            .map_err(|error| Refusal::bad_request(format!("Element {element}: {error}"))),
    }
}

/// 400 for an element that is not there.
pub(crate) fn missing(element: &str) -> Refusal {
    Refusal::bad_request(format!("Missing element {element}"))
}
