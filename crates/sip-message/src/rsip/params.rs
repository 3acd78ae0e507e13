//! Parameters of URIs and of header fields, which rsip holds in one type.

use ::rsip::{Param, Transport, param};

use super::error::{ConversionError, ConversionErrorKind};
use super::start_line;
use super::text::text;
use crate::error::Subject;
use crate::value::Params;

/// All parameters, in order.
pub(super) fn params(subject: &Subject, all: Params<'_>) -> Result<Vec<Param>, ConversionError> {
    all.iter()
        .map(|(name, value)| param(subject, name, value))
        .collect()
}

/// Parameters that rsip has a type for become that, if they have a value; `lr`, if it has none.
fn param(subject: &Subject, name: &[u8], value: Option<&[u8]>) -> Result<Param, ConversionError> {
    let name = text(subject, name)?;
    let value = value.map(|value| text(subject, value)).transpose()?;
    let lower = name.to_ascii_lowercase();
    Ok(match (lower.as_str(), value) {
        ("transport", Some(value)) => Param::Transport(transport(value.as_bytes()).map_err(
            |error| ConversionError {
                subject: subject.clone(),
                ..error
            },
        )?),
        ("method", Some(value)) => Param::Method(
            start_line::method(value.as_bytes()).map_err(|error| error.within(subject.clone()))?,
        ),
        ("user", Some(value)) => Param::User(param::User::new(value)),
        ("ttl", Some(value)) => Param::Ttl(param::Ttl::new(value)),
        ("maddr", Some(value)) => Param::Maddr(param::Maddr::new(value)),
        ("branch", Some(value)) => Param::Branch(param::Branch::new(value)),
        ("received", Some(value)) => Param::Received(param::Received::new(value)),
        ("tag", Some(value)) => Param::Tag(param::Tag::new(value)),
        ("expires", Some(value)) => Param::Expires(param::Expires::new(value)),
        ("q", Some(value)) => Param::Q(param::Q::new(value)),
        ("lr", None) => Param::Lr,
        (_, value) => Param::Other(
            param::OtherParam::new(name),
            value.map(param::OtherParamValue::new),
        ),
    })
}

/// The transport with this name, in any case.
pub(super) fn transport(name: &[u8]) -> Result<Transport, ConversionError> {
    Transport::all()
        .into_iter()
        .find(|transport| name.eq_ignore_ascii_case(transport.to_string().as_bytes()))
        .ok_or_else(|| ConversionError::value("transport", ConversionErrorKind::Transport))
}

/// Appends the parameters as they are written. `allowed` says what a name and a value may be.
pub(super) fn write(
    out: &mut String,
    subject: &Subject,
    params: &[Param],
    allowed: impl Fn(&str, Option<&str>) -> bool,
) -> Result<(), ConversionError> {
    for param in params {
        let (name, value) = pair(param);
        if !allowed(&name, value.as_deref()) {
            let kind = ConversionErrorKind::Value(crate::ValueErrorKind::Malformed);
            return Err(ConversionError::new(subject.clone(), kind));
        }
        out.push(';');
        out.push_str(&name);
        if let Some(value) = value {
            out.push('=');
            out.push_str(&value);
        }
    }
    Ok(())
}

fn pair(param: &Param) -> (String, Option<String>) {
    let (name, value) = match param {
        Param::Transport(transport) => ("transport", transport.to_string().to_ascii_lowercase()),
        Param::Method(method) => ("method", method.to_string()),
        Param::User(user) => ("user", user.value().to_owned()),
        Param::Ttl(ttl) => ("ttl", ttl.value().to_owned()),
        Param::Maddr(maddr) => ("maddr", maddr.value().to_owned()),
        Param::Branch(branch) => ("branch", branch.value().to_owned()),
        Param::Received(received) => ("received", received.value().to_owned()),
        Param::Tag(tag) => ("tag", tag.value().to_owned()),
        Param::Expires(expires) => ("expires", expires.value().to_owned()),
        Param::Q(q) => ("q", q.value().to_owned()),
        Param::Lr => return ("lr".to_owned(), None),
        Param::Other(name, value) => {
            let value = value.as_ref().map(|value| value.value().to_owned());
            return (name.value().to_owned(), value);
        }
    };
    (name.to_owned(), Some(value))
}
