//! The answers of the wire profile's table "Answers".

use std::borrow::Cow;
use std::fmt;

use crate::outgoing::host_of;
use crate::{Decision, Effect, Random, RequestId, Weight};
use sip_message::{HeaderName, Request, Response, ResponseBuilder, StatusCode};

/// A Warning of TS 24.379 clause 4.4: code 399 of RFC 3261 with the 3GPP code and text inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warning {
    /// 3GPP warning code.
    pub code: u16,
    /// 3GPP warning text.
    pub text: &'static str,
}

impl Warning {
    /// The function is not allowed by the policy of this system.
    pub const LOCAL_POLICY: Self = Self {
        code: 100,
        text: "function not allowed due to local policy",
    };
    /// The access token does not prove that user.
    pub const SERVICE_AUTHORISATION_FAILED: Self = Self {
        code: 101,
        text: "service authorisation failed",
    };
    /// No such user here.
    pub const USER_UNKNOWN: Self = Self {
        code: 141,
        text: "user unknown to the participating function",
    };
    /// The sender may not say that.
    pub const NOT_AUTHORIZED_INTERCONNECTED: Self = Self {
        code: 179,
        text: "service not authorized with the interconnected system",
    };

    /// The value of the Warning header field, with `host` as the agent (RFC 3261 §20.43).
    #[must_use]
    pub fn value(self, host: &str) -> String {
        format!("399 {host} \"{} {}\"", self.code, self.text)
    }

    /// The one of these that a Warning text received from a peer says: a peer's own words are
    /// not for logs.
    #[must_use]
    pub fn known(text: &[u8]) -> Option<Self> {
        [
            Self::LOCAL_POLICY,
            Self::SERVICE_AUTHORISATION_FAILED,
            Self::USER_UNKNOWN,
            Self::NOT_AUTHORIZED_INTERCONNECTED,
        ]
        .into_iter()
        .find(|warning| warning.is_in(text))
    }

    /// Whether a Warning text received from a peer carries this code.
    #[must_use]
    pub fn is_in(self, text: &[u8]) -> bool {
        let code = self.code.to_string();
        text.strip_prefix(code.as_bytes())
            .is_some_and(|rest| rest.first().is_none_or(|b| !b.is_ascii_digit()))
    }
}

/// Why a request is refused, and with which answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Status code.
    pub status: StatusCode,
    /// Reason phrase; names the culprit of a 400.
    pub reason: Option<Cow<'static, str>>,
    /// Warning.
    pub warning: Option<Warning>,
    /// Further header fields of the answer (Allow, Accept, Unsupported, Retry-After).
    pub headers: Vec<(HeaderName, String)>,
    /// Requirement that it comes from, for decisions.
    pub requirement: &'static str,
    /// More than the answer tells the sender, for decisions.
    pub detail: Option<Cow<'static, str>>,
    /// Whom the decision concerns.
    pub weight: Weight,
}

impl Refusal {
    /// A refusal with that status and nothing else.
    #[must_use]
    pub fn new(status: StatusCode, requirement: &'static str) -> Self {
        Self {
            status,
            reason: None,
            warning: None,
            headers: Vec::new(),
            requirement,
            detail: None,
            weight: Weight::Normal,
        }
    }

    /// 400 with a reason phrase that names what is wrong.
    #[must_use]
    pub fn bad_request(reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            reason: Some(reason.into()),
            ..Self::new(StatusCode::BAD_REQUEST, "wire:answers")
        }
    }

    /// 403 with `warning`.
    #[must_use]
    pub fn forbidden(warning: Warning, requirement: &'static str) -> Self {
        Self {
            warning: Some(warning),
            ..Self::new(StatusCode::FORBIDDEN, requirement)
        }
    }

    /// 403 with 179: the sender is no partner, or may not speak for this user (L5).
    #[must_use]
    pub fn not_entitled() -> Self {
        Self::forbidden(Warning::NOT_AUTHORIZED_INTERCONNECTED, "L5")
    }

    /// 404 with 141: the user never migrated here, or was purged (P1.4).
    #[must_use]
    pub fn unknown_user() -> Self {
        Self {
            warning: Some(Warning::USER_UNKNOWN),
            ..Self::new(StatusCode::NOT_FOUND, "P1.4")
        }
    }

    /// 503 with Retry-After: nothing was done, the sender is to try again.
    #[must_use]
    pub fn unavailable(retry_after_secs: u32) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "L4")
            .with(HeaderName::RetryAfter, retry_after_secs.to_string())
    }

    /// The same refusal of something that anybody can send: not worth an operator's eye.
    #[must_use]
    pub fn of_anybody(mut self) -> Self {
        self.weight = Weight::Minor;
        self
    }

    /// Adds a header field.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Why, in a sentence for decisions.
    #[must_use]
    pub fn why(&self) -> Cow<'static, str> {
        match (&self.detail, &self.reason, self.warning) {
            (Some(detail), _, _) => detail.clone(),
            (None, Some(reason), _) => reason.clone(),
            (None, None, Some(w)) => Cow::Owned(format!("{} {}", w.code, w.text)),
            (None, None, None) => Cow::Borrowed(self.status.default_reason()),
        }
    }

    /// The decision to refuse.
    #[must_use]
    pub fn decision(&self) -> Decision {
        let verdict = format!("refused {}", self.status.as_u16());
        Decision::new(self.requirement, verdict, self.why()).weighing(self.weight)
    }

    /// Records the decision and answers the request as the function `psi`, with `charging` as P-Charging-Vector.
    pub(crate) fn send(
        &self,
        id: RequestId,
        request: &Request,
        (psi, charging): (&str, Option<String>),
        random: &mut Random,
        out: &mut Vec<Effect>,
    ) {
        out.push(Effect::Decide(self.decision()));
        let mut builder = self.builder(request, &random.hex(8), host_of(psi));
        if let Some(vector) = charging {
            builder = builder.header(HeaderName::PChargingVector, vector);
        }
        if let Ok(response) = builder.finish() {
            out.push(Effect::Respond { id, response });
        }
    }

    /// The response to `request`, `host` being the agent of its Warning.
    #[must_use]
    pub fn response(&self, request: &Request, to_tag: &str, host: &str) -> Option<Response> {
        self.builder(request, to_tag, host).finish().ok()
    }

    fn builder(&self, request: &Request, to_tag: &str, host: &str) -> ResponseBuilder {
        let mut builder = Response::to(request, self.status, Some(to_tag));
        if let Some(reason) = &self.reason {
            builder = builder.reason(reason);
        }
        if let Some(warning) = self.warning {
            builder = builder.header(HeaderName::Warning, warning.value(host));
        }
        for (name, value) in &self.headers {
            builder = builder.header(name.clone(), value);
        }
        builder
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status.as_u16())?;
        if let Some(reason) = &self.reason {
            write!(f, " {reason}")?;
        }
        if let Some(warning) = self.warning {
            write!(f, " ({} {})", warning.code, warning.text)?;
        }
        Ok(())
    }
}

/// 405 with Allow (RFC 3261 §21.4.6).
pub(crate) fn method_not_allowed(allow: &str) -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "wire:answers")
        .with(HeaderName::Allow, allow)
        .of_anybody()
}

/// 416 for a Request-URI of another scheme (RFC 3261 §8.2.2.1), 415 for a body in a coding other
/// than identity (§8.2.3): the checks that need no role.
pub(crate) fn check_readable(request: &Request) -> Result<(), Refusal> {
    let scheme = request
        .uri()
        .map_err(|_| Refusal::bad_request("Malformed Request-URI").of_anybody())?
        .scheme()
        .to_ascii_lowercase();
    if scheme != b"sip" && scheme != b"sips" {
        return Err(Refusal::new(StatusCode::UNSUPPORTED_URI_SCHEME, "wire:answers").of_anybody());
    }
    let codings = request
        .headers()
        .tokens(&HeaderName::ContentEncoding)
        .map_err(|_| Refusal::bad_request("Malformed Content-Encoding").of_anybody())?;
    if codings.iter().any(|c| !c.eq_ignore_ascii_case(b"identity")) {
        let refusal = Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "wire:answers");
        return Err(refusal
            .with(HeaderName::AcceptEncoding, "identity")
            .of_anybody());
    }
    Ok(())
}

/// 420 with Unsupported when the request requires an extension: none is supported (RFC 3261
/// §8.2.2.3).
pub(crate) fn check_require(request: &Request) -> Result<(), Refusal> {
    let required = request
        .headers()
        .tokens(&HeaderName::Require)
        .map_err(|_| Refusal::bad_request("Malformed Require").of_anybody())?;
    if required.is_empty() {
        return Ok(());
    }
    let unsupported: Vec<_> = required
        .iter()
        .map(|t| String::from_utf8_lossy(t).into_owned())
        .collect();
    Err(Refusal::new(StatusCode::BAD_EXTENSION, "wire:answers")
        .with(HeaderName::Unsupported, unsupported.join(", "))
        .of_anybody())
}

/// 483 when the request has been forwarded as often as it may (wire profile, "Answers").
pub(crate) fn check_max_forwards(request: &Request) -> Result<u8, Refusal> {
    match request.headers().max_forwards() {
        Ok(Some(0)) => Err(Refusal::new(StatusCode::TOO_MANY_HOPS, "wire:answers").of_anybody()),
        Ok(left) => Ok(left.unwrap_or(crate::outgoing::MAX_FORWARDS)),
        Err(_) => Err(Refusal::bad_request("Malformed Max-Forwards").of_anybody()),
    }
}
