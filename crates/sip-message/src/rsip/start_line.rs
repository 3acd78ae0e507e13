//! What a start line is made of: methods, versions, status codes.

use super::error::{ConversionError, ConversionErrorKind};
use super::text::text;
use crate::error::Subject;
use crate::message::Response;
use crate::method::Method;
use crate::status::StatusCode;

macro_rules! methods {
    ($($ours:ident $theirs:ident,)*) => {
        impl From<::rsip::Method> for Method {
            /// The same method; there is one for each of rsip's.
            fn from(method: ::rsip::Method) -> Self {
                match method {
                    $(::rsip::Method::$theirs => Method::$ours,)*
                }
            }
        }

        impl TryFrom<&Method> for ::rsip::Method {
            type Error = ConversionError;

            /// The same method.
            ///
            /// # Errors
            /// A method outside rsip's list of them.
            fn try_from(method: &Method) -> Result<Self, ConversionError> {
                match Method::known(method.as_bytes()) {
                    $(Some(Method::$ours) => Ok(::rsip::Method::$theirs),)*
                    _ => Err(ConversionError::new(Subject::Method, ConversionErrorKind::Method)),
                }
            }
        }
    };
}

methods! {
    Ack Ack,
    Bye Bye,
    Cancel Cancel,
    Info Info,
    Invite Invite,
    Message Message,
    Notify Notify,
    Options Options,
    Prack PRack,
    Publish Publish,
    Refer Refer,
    Register Register,
    Subscribe Subscribe,
    Update Update,
}

/// The method with this name.
pub(super) fn method(name: &[u8]) -> Result<::rsip::Method, ConversionError> {
    let error = || ConversionError::new(Subject::Method, ConversionErrorKind::Method);
    ::rsip::Method::try_from(&Method::known(name).ok_or_else(error)?)
}

impl From<StatusCode> for ::rsip::StatusCode {
    /// The same code: rsip's name for it, or `Other` with the reason phrase of [`StatusCode::default_reason`].
    fn from(status: StatusCode) -> Self {
        match ::rsip::StatusCode::from(status.as_u16()) {
            ::rsip::StatusCode::Other(code, _) => {
                ::rsip::StatusCode::Other(code, status.default_reason().to_owned())
            }
            known => known,
        }
    }
}

impl TryFrom<&::rsip::StatusCode> for StatusCode {
    type Error = ConversionError;

    /// The same code.
    ///
    /// # Errors
    /// A code outside 100 to 699.
    fn try_from(status: &::rsip::StatusCode) -> Result<Self, ConversionError> {
        StatusCode::new(status.code()).ok_or_else(|| ConversionError::malformed("Status-Code"))
    }
}

/// Code and reason phrase, which rsip keeps for codes that it has no name for.
pub(super) fn status_line(response: &Response) -> Result<::rsip::StatusCode, ConversionError> {
    match ::rsip::StatusCode::from(response.status()) {
        ::rsip::StatusCode::Other(code, _) => {
            let reason = text(&Subject::ReasonPhrase, response.reason())?;
            Ok(::rsip::StatusCode::Other(code, reason))
        }
        known => Ok(known),
    }
}

/// rsip has names for two versions.
pub(super) fn version(version: &[u8]) -> Result<::rsip::Version, ConversionError> {
    match version {
        b"2.0" => Ok(::rsip::Version::V2),
        b"1.0" => Ok(::rsip::Version::V1),
        _ => Err(wrong_version()),
    }
}

pub(super) fn wrong_version() -> ConversionError {
    ConversionError::value("SIP-Version", ConversionErrorKind::Version)
}
