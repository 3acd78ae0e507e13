//! MC info documents (TS 24.379 Annex F.1 and its siblings of MCVideo and MCData): read
//! leniently within bounds, written exactly.

mod error;
mod find;
mod read;
mod tree;
mod wellformed;
mod write;

pub use error::DocumentError;
pub use find::{FindError, client_register, documents};
pub use tree::Bounds;
pub(crate) use tree::says;

use bytes::Bytes;

use crate::{MessageKind, ProcedureId, Service};

/// Namespace of the stay element: the project's own (wire profile, L2).
pub const STAY_NAMESPACE: &str = "urn:mcx-sip:migration:1";

/// What an MC info document says, as far as the procedures use it.
///
/// Identities are text here: whether they are well-formed ids is asked where they are used, so
/// that the answer can name the element.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// Access token, on service authorization.
    pub access_token: Option<String>,
    /// Target user.
    pub request_uri: Option<String>,
    /// Kind of message; absent on service authorization.
    pub kind: Option<MessageKind>,
    /// A kind that this profile does not know, as it stood there.
    pub unknown_kind: Option<String>,
    /// Id in the primary system.
    pub primary_id: Option<String>,
    /// Id in the partner system.
    pub partner_id: Option<String>,
    /// Outcome of a migration service authorization.
    pub result: Option<bool>,
    /// Index of the user profile to be used.
    pub profile_index: Option<u32>,
    /// Number and procedure of the stay.
    pub stay: Option<Stay>,
}

/// The stay element (L2, L7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stay {
    /// Number of the stay, from the primary; absent in the request for one.
    pub number: Option<u64>,
    /// Joins all legs.
    pub procedure: Option<ProcedureId>,
}

impl Document {
    /// Number of the stay, if there is one.
    #[must_use]
    pub fn stay_number(&self) -> Option<u64> {
        self.stay.and_then(|s| s.number)
    }

    /// The procedure, if the document names one.
    #[must_use]
    pub fn procedure(&self) -> Option<ProcedureId> {
        self.stay.and_then(|s| s.procedure)
    }
}

/// Shows which elements are there, not what they say: tokens and identities are no log text.
impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Document")
            .field("kind", &self.kind)
            .field("access_token", &self.access_token.is_some())
            .field("request_uri", &self.request_uri.is_some())
            .field("primary_id", &self.primary_id.is_some())
            .field("partner_id", &self.partner_id.is_some())
            .field("result", &self.result)
            .field("stay", &self.stay)
            .finish_non_exhaustive()
    }
}

/// A document and the service that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceDocument {
    /// The service, from the media type.
    pub service: Service,
    /// What it says.
    pub document: Document,
    /// The bytes that it was read from, a slice of the body.
    pub bytes: Bytes,
}
