//! Whether a function takes requests. Its node knows; the function says so to whoever asks with OPTIONS (RFC 3261 §11), as
//! a load balancer does before it sends anything else.

use sip_message::{BuildError, HeaderName, Request, Response, StatusCode};

use crate::{Refusal, Weight};

/// Retry-After of the 503 of a function that is not available, in seconds.
const RETRY_AFTER: u32 = 5;

/// Whether a function takes requests, as its node sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Availability {
    /// It does.
    #[default]
    Ready,
    /// It does not yet.
    Starting,
    /// It does, and most of them are refused.
    Overloaded,
    /// It has a store, which cannot commit.
    WithoutStore,
    /// It does still, and soon will not: whoever asks is to send the next ones elsewhere.
    Leaving,
    /// It takes no new ones, and ends when those that it has are answered.
    Draining,
}

impl Availability {
    /// In a word or two, for operators.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Starting => "starting",
            Self::Overloaded => "overloaded",
            Self::WithoutStore => "the store cannot commit",
            Self::Leaving => "leaving: still serves, and soon will not",
            Self::Draining => "draining: takes no new requests",
        }
    }

    /// Lets an OPTIONS be answered 200, or says with which 503.
    pub(crate) fn check_options(self) -> Result<(), Refusal> {
        match self {
            Self::Ready => Ok(()),
            _ => Err(self.refusal()),
        }
    }

    /// Lets any other request be looked at, or says with which 503 it is refused; `finishes`: whether something that waits
    /// here ends with it.
    pub(crate) fn check(self, finishes: bool) -> Result<(), Refusal> {
        match self {
            Self::Starting => Err(self.refusal()),
            Self::Draining if !finishes => Err(self.refusal()),
            _ => Ok(()),
        }
    }

    /// Whether requests of its own are begun.
    pub(crate) fn begins(self) -> bool {
        self != Self::Draining
    }

    /// 503; why stays inside.
    fn refusal(self) -> Refusal {
        Refusal {
            detail: Some(self.as_str().into()),
            weight: Weight::Minor,
            ..Refusal::unavailable(RETRY_AFTER)
        }
    }
}

/// 200 for an OPTIONS (RFC 3261 §11.2): what is handled here. No extension is supported, which an empty Supported says (§20.37).
pub(crate) fn capabilities(
    request: &Request,
    to_tag: &str,
    allow: &str,
    accept: String,
) -> Result<Response, BuildError> {
    Response::to(request, StatusCode::OK, Some(to_tag))
        .header(HeaderName::Allow, allow)
        .header(HeaderName::Accept, accept)
        .header(HeaderName::AcceptEncoding, "identity")
        .header(HeaderName::AcceptLanguage, "en")
        .header(HeaderName::Supported, "")
        .finish()
}
