//! What bodies are, and may be: media types, Content-Disposition, Allow.

use ::rsip::typed;
use ::rsip::typed::content_disposition::{DisplayType, DisplayTypeParam};
use ::rsip::typed::media_type::MediaTypeParam;

use super::error::{ConversionError, ConversionErrorKind};
use super::header::{HeaderField, present};
use super::start_line;
use super::text::{one_line, text, token_or_quoted};
use crate::class::TOKEN;
use crate::error::Subject;
use crate::grammar::unquote;
use crate::headers::Headers;
use crate::name::HeaderName;
use crate::value::{MediaType, ParameterizedToken, Params};

/// Names and values, quotes undone: so rsip has them where it needs a value.
fn pairs(subject: &Subject, params: Params<'_>) -> Result<Vec<(String, String)>, ConversionError> {
    let mut out = Vec::with_capacity(params.len());
    for (name, value) in params.iter() {
        let Some(value) = value else {
            let kind = ConversionErrorKind::NoValue;
            return Err(ConversionError::new(subject.clone(), kind));
        };
        out.push((text(subject, name)?, text(subject, &unquote(value))?));
    }
    Ok(out)
}

/// The same pairs, each value in quotes if it needs them.
fn write<'a>(
    out: &mut String,
    subject: &Subject,
    pairs: impl Iterator<Item = (&'a String, &'a String)>,
) -> Result<(), ConversionError> {
    for (name, value) in pairs {
        one_line(subject, value)?;
        if !TOKEN.fills(name.as_bytes()) {
            return Err(ConversionError::malformed("parameter").within(subject.clone()));
        }
        out.push_str(&format!(";{name}={}", token_or_quoted(value)));
    }
    Ok(())
}

impl TryFrom<&MediaType<'_>> for typed::MediaType {
    type Error = ConversionError;

    /// The same type, quotes around the values of its parameters undone, as rsip has them.
    ///
    /// # Errors
    /// A parameter without value; bytes that are not UTF-8.
    fn try_from(from: &MediaType<'_>) -> Result<Self, ConversionError> {
        let subject = Subject::Value("media-type");
        let params = pairs(&subject, from.params())?;
        let params = params
            .into_iter()
            .map(|(name, value)| MediaTypeParam(name, value));
        if from.is("application", "sdp") {
            return Ok(typed::MediaType::Sdp(params.collect()));
        }
        let name = format!(
            "{}/{}",
            text(&subject, from.top())?,
            text(&subject, from.sub())?
        );
        Ok(typed::MediaType::Other(name, params.collect()))
    }
}

impl TryFrom<&MediaType<'_>> for typed::ContentType {
    type Error = ConversionError;

    /// The same type.
    ///
    /// # Errors
    /// A parameter without value; bytes that are not UTF-8.
    fn try_from(from: &MediaType<'_>) -> Result<Self, ConversionError> {
        let within =
            |error: ConversionError| error.within(Subject::Header(HeaderName::ContentType));
        typed::MediaType::try_from(from)
            .map(typed::ContentType)
            .map_err(within)
    }
}

/// A media type as it is written.
fn media_type(subject: &Subject, from: &typed::MediaType) -> Result<String, ConversionError> {
    let (mut value, params) = match from {
        typed::MediaType::Sdp(params) => ("application/sdp".to_owned(), params),
        typed::MediaType::Other(name, params) => (name.clone(), params),
    };
    let halves = value.split_once('/');
    if !halves.is_some_and(|(top, sub)| [top, sub].iter().all(|half| TOKEN.fills(half.as_bytes())))
    {
        return Err(ConversionError::malformed("media-type").within(subject.clone()));
    }
    let params = params.iter();
    let params = params.map(|MediaTypeParam(name, value)| (name, value));
    write(&mut value, subject, params)?;
    Ok(value)
}

impl TryFrom<&typed::ContentType> for HeaderField {
    type Error = ConversionError;

    /// The same type; values that are no token get their quotes back.
    ///
    /// # Errors
    /// A part that is malformed.
    fn try_from(from: &typed::ContentType) -> Result<Self, ConversionError> {
        let value = media_type(&Subject::Header(HeaderName::ContentType), &from.0)?;
        HeaderField::checked(HeaderName::ContentType, value, |value| {
            MediaType::parse(value).map(drop)
        })
    }
}

impl TryFrom<&Headers> for typed::Accept {
    type Error = ConversionError;

    /// All media ranges of Accept, over several fields and comma lists.
    ///
    /// # Errors
    /// No such field; malformed; too many; a parameter without value.
    fn try_from(headers: &Headers) -> Result<Self, ConversionError> {
        let subject = present(headers, HeaderName::Accept)?;
        let within = |error: ConversionError| error.within(subject);
        let ranges = headers.accept()?;
        let ranges = ranges.iter().map(typed::MediaType::try_from);
        let ranges: Vec<_> = ranges.collect::<Result<_, _>>().map_err(within)?;
        Ok(ranges.into())
    }
}

impl TryFrom<&typed::Accept> for HeaderField {
    type Error = ConversionError;

    /// One field with all media ranges.
    ///
    /// # Errors
    /// A part that is malformed.
    fn try_from(from: &typed::Accept) -> Result<Self, ConversionError> {
        let name = HeaderName::Accept;
        let subject = Subject::Header(name.clone());
        let ranges = from.0.iter().map(|range| media_type(&subject, range));
        let value = ranges
            .collect::<Result<Vec<_>, _>>()?
            .join(", ")
            .into_bytes();
        Ok(HeaderField { name, value })
    }
}

impl TryFrom<&Headers> for typed::Allow {
    type Error = ConversionError;

    /// All methods of Allow, over several fields and comma lists.
    ///
    /// # Errors
    /// No such field; malformed; too many; a method outside rsip's list of them.
    fn try_from(headers: &Headers) -> Result<Self, ConversionError> {
        let subject = present(headers, HeaderName::Allow)?;
        let within = |error: ConversionError| error.within(subject);
        let methods = headers.allow()?;
        let methods = methods.into_iter().map(start_line::method);
        let methods: Vec<_> = methods.collect::<Result<_, _>>().map_err(within)?;
        Ok(methods.into())
    }
}

impl From<&typed::Allow> for HeaderField {
    /// One field with all methods.
    fn from(from: &typed::Allow) -> Self {
        let methods: Vec<String> = from.0.iter().map(ToString::to_string).collect();
        HeaderField {
            name: HeaderName::Allow,
            value: methods.join(", ").into_bytes(),
        }
    }
}

impl TryFrom<&ParameterizedToken<'_>> for typed::ContentDisposition {
    type Error = ConversionError;

    /// The same disposition, quotes around the values of its parameters undone.
    ///
    /// # Errors
    /// A parameter without value; bytes that are not UTF-8.
    fn try_from(from: &ParameterizedToken<'_>) -> Result<Self, ConversionError> {
        let subject = Subject::Header(HeaderName::ContentDisposition);
        let params = pairs(&subject, from.params())?;
        let token = text(&subject, from.token())?;
        Ok(typed::ContentDisposition {
            display_type: match token.to_ascii_lowercase().as_str() {
                "render" => DisplayType::Render,
                "session" => DisplayType::Session,
                "icon" => DisplayType::Icon,
                "alert" => DisplayType::Alert,
                _ => DisplayType::Other(token),
            },
            display_params: params
                .into_iter()
                .map(|(name, value)| DisplayTypeParam(name, value))
                .collect(),
        })
    }
}

impl TryFrom<&typed::ContentDisposition> for HeaderField {
    type Error = ConversionError;

    /// The same disposition; values that are no token get their quotes back.
    ///
    /// # Errors
    /// A part that is malformed.
    fn try_from(from: &typed::ContentDisposition) -> Result<Self, ConversionError> {
        let name = HeaderName::ContentDisposition;
        let subject = Subject::Header(name.clone());
        let mut value = from.display_type.to_string();
        if !TOKEN.fills(value.as_bytes()) {
            return Err(ConversionError::malformed("disp-type").within(subject));
        }
        let params = from.display_params.iter();
        let params = params.map(|DisplayTypeParam(name, value)| (name, value));
        write(&mut value, &subject, params)?;
        HeaderField::checked(name, value, |value| {
            ParameterizedToken::parse(value).map(drop)
        })
    }
}
