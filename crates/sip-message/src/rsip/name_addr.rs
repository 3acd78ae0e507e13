//! Addresses: From, To, Contact with a display name; Reply-To, Route and Record-Route without.

use ::rsip::{Param, UriWithParams, UriWithParamsList, typed};

use super::error::{ConversionError, ConversionErrorKind};
use super::header::HeaderField;
use super::params;
use super::text::{is_generic, is_quoted, text};
use super::uri::UriBuf;
use crate::class::DISPLAY;
use crate::error::{Subject, ValueErrorKind};
use crate::headers::Headers;
use crate::name::HeaderName;
use crate::value::NameAddr;

/// The value of a field, from its parts.
fn write(
    name: HeaderName,
    display_name: Option<&str>,
    uri: &::rsip::Uri,
    params: &[Param],
) -> Result<HeaderField, ConversionError> {
    let subject = Subject::Header(name.clone());
    let uri = UriBuf::try_from(uri).map_err(|error| error.within(subject.clone()))?;
    let mut value = match display_name {
        Some(text) if is_quoted(text) || DISPLAY.fills(text.as_bytes()) => {
            format!("{text} <{uri}>")
        }
        Some(_) => return Err(ConversionError::malformed("display-name").within(subject)),
        None => format!("<{uri}>"),
    };
    params::write(&mut value, &subject, params, is_generic)?;
    HeaderField::checked(name, value, |value| NameAddr::parse(value).map(drop))
}

macro_rules! with_display_name {
    ($($name:ident)*) => {$(
        impl TryFrom<&NameAddr<'_>> for typed::$name {
            type Error = ConversionError;

            /// The same address. The display name keeps its quotes, as rsip prints it as it is.
            ///
            /// # Errors
            /// A URI that rsip cannot hold; bytes that are not UTF-8.
            fn try_from(from: &NameAddr<'_>) -> Result<Self, ConversionError> {
                let subject = Subject::Header(HeaderName::$name);
                Ok(typed::$name {
                    display_name: from
                        .display_name_bytes()
                        .map(|name| text(&subject, name))
                        .transpose()?,
                    uri: ::rsip::Uri::try_from(from.uri())
                        .map_err(|error| error.within(subject.clone()))?,
                    params: params::params(&subject, from.params())?,
                })
            }
        }

        impl TryFrom<&typed::$name> for HeaderField {
            type Error = ConversionError;

            /// A field with this one address.
            ///
            /// # Errors
            /// A part that is malformed: a display name that is neither quoted nor tokens, for one.
            fn try_from(from: &typed::$name) -> Result<Self, ConversionError> {
                write(HeaderName::$name, from.display_name.as_deref(), &from.uri, &from.params)
            }
        }
    )*};
}

with_display_name!(From To Contact);

impl TryFrom<&NameAddr<'_>> for UriWithParams {
    type Error = ConversionError;

    /// The same address.
    ///
    /// # Errors
    /// A display name; a URI that rsip cannot hold; bytes that are not UTF-8.
    fn try_from(from: &NameAddr<'_>) -> Result<Self, ConversionError> {
        let subject = Subject::Value("name-addr");
        if from.display_name().is_some() {
            let kind = ConversionErrorKind::DisplayName;
            return Err(ConversionError::new(subject, kind));
        }
        Ok(UriWithParams {
            uri: ::rsip::Uri::try_from(from.uri())?,
            params: params::params(&subject, from.params())?,
        })
    }
}

impl TryFrom<&NameAddr<'_>> for typed::ReplyTo {
    type Error = ConversionError;

    /// The same address.
    ///
    /// # Errors
    /// A display name; a URI that rsip cannot hold; bytes that are not UTF-8.
    fn try_from(from: &NameAddr<'_>) -> Result<Self, ConversionError> {
        let within = |error: ConversionError| error.within(Subject::Header(HeaderName::ReplyTo));
        UriWithParams::try_from(from)
            .map(Into::into)
            .map_err(within)
    }
}

impl TryFrom<&typed::ReplyTo> for HeaderField {
    type Error = ConversionError;

    /// A field with this one address.
    ///
    /// # Errors
    /// A part that is malformed.
    fn try_from(from: &typed::ReplyTo) -> Result<Self, ConversionError> {
        write(HeaderName::ReplyTo, None, &from.0.uri, &from.0.params)
    }
}

macro_rules! lists {
    ($($name:ident $all:ident,)*) => {$(
        impl TryFrom<&Headers> for typed::$name {
            type Error = ConversionError;

            /// All addresses of this name, over several fields and comma lists.
            ///
            /// # Errors
            /// No such field; malformed; a display name; a URI that rsip cannot hold.
            fn try_from(headers: &Headers) -> Result<Self, ConversionError> {
                let subject = Subject::Header(HeaderName::$name);
                let all = headers.$all()?;
                if all.is_empty() {
                    let kind = ConversionErrorKind::Value(ValueErrorKind::Missing);
                    return Err(ConversionError::new(subject, kind));
                }
                let all = all.iter().map(UriWithParams::try_from).collect::<Result<Vec<_>, _>>();
                let all = all.map_err(|error| error.within(subject))?;
                Ok(UriWithParamsList::from(all).into())
            }
        }

        impl TryFrom<&typed::$name> for HeaderField {
            type Error = ConversionError;

            /// One field with all addresses.
            ///
            /// # Errors
            /// None at all; a part that is malformed.
            fn try_from(from: &typed::$name) -> Result<Self, ConversionError> {
                let mut value = Vec::new();
                for address in from.uris() {
                    let one = write(HeaderName::$name, None, &address.uri, &address.params)?;
                    if !value.is_empty() {
                        value.extend_from_slice(b", ");
                    }
                    value.extend(one.value);
                }
                if value.is_empty() {
                    let kind = ConversionErrorKind::Value(ValueErrorKind::Missing);
                    return Err(ConversionError::new(Subject::Header(HeaderName::$name), kind));
                }
                Ok(HeaderField { name: HeaderName::$name, value })
            }
        }
    )*};
}

lists! {
    Route routes,
    RecordRoute record_routes,
}
