//! Values of a few words: CSeq, media types, Content-Disposition, Warning.

use ::rsip::typed;
use ::rsip::typed::content_disposition::{DisplayType, DisplayTypeParam};
use ::rsip::typed::media_type::MediaTypeParam;

use super::error::{ConversionError, ConversionErrorKind};
use super::header::HeaderField;
use super::host::{host_with_port, hostport};
use super::start_line;
use super::text::{text, token_or_quoted};
use crate::class::TOKEN;
use crate::error::Subject;
use crate::grammar::{number, unquote};
use crate::name::HeaderName;
use crate::value::{CSeq, Host, MediaType, ParameterizedToken, Params, Warning};

impl TryFrom<&CSeq<'_>> for typed::CSeq {
    type Error = ConversionError;

    /// The same number and method.
    ///
    /// # Errors
    /// A method outside rsip's list of them.
    fn try_from(cseq: &CSeq<'_>) -> Result<Self, ConversionError> {
        let within = |error: ConversionError| error.within(Subject::Header(HeaderName::CSeq));
        Ok(typed::CSeq {
            seq: cseq.number,
            method: start_line::method(cseq.method).map_err(within)?,
        })
    }
}

impl TryFrom<&typed::CSeq> for HeaderField {
    type Error = ConversionError;

    /// The same number and method.
    ///
    /// # Errors
    /// A number of 2³¹ or more (RFC 3261 §8.1.1.5).
    fn try_from(cseq: &typed::CSeq) -> Result<Self, ConversionError> {
        let value = format!("{} {}", cseq.seq, cseq.method);
        HeaderField::checked(HeaderName::CSeq, value, |value| {
            CSeq::parse(value).map(drop)
        })
    }
}

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
        super::text::one_line(subject, value)?;
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

impl TryFrom<&typed::ContentType> for HeaderField {
    type Error = ConversionError;

    /// The same type; values that are no token get their quotes back.
    ///
    /// # Errors
    /// A part that is malformed.
    fn try_from(from: &typed::ContentType) -> Result<Self, ConversionError> {
        let (mut value, params) = match &from.0 {
            typed::MediaType::Sdp(params) => ("application/sdp".to_owned(), params),
            typed::MediaType::Other(name, params) => (name.clone(), params),
        };
        if !value.split('/').all(|half| TOKEN.fills(half.as_bytes())) {
            let subject = Subject::Header(HeaderName::ContentType);
            return Err(ConversionError::malformed("media-type").within(subject));
        }
        write(
            &mut value,
            &Subject::Header(HeaderName::ContentType),
            params
                .iter()
                .map(|MediaTypeParam(name, value)| (name, value)),
        )?;
        HeaderField::checked(HeaderName::ContentType, value, |value| {
            MediaType::parse(value).map(drop)
        })
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

/// `hostport`, if it is one.
fn agent(text: &[u8]) -> Option<(Host<'_>, Option<u16>)> {
    if let Ok(host) = Host::parse(text) {
        return Some((host, None));
    }
    let colon = memchr::memrchr(b':', text)?;
    let (host, port) = text.split_at_checked(colon)?;
    let ([], port) = number(port.strip_prefix(b":")?).ok()? else {
        return None;
    };
    Some((Host::parse(host).ok()?, Some(port)))
}

impl TryFrom<&Warning<'_>> for typed::Warning {
    type Error = ConversionError;

    /// The same warning, quotes and escapes of its text undone.
    ///
    /// # Errors
    /// An agent that is no host; a text that is not UTF-8.
    fn try_from(from: &Warning<'_>) -> Result<Self, ConversionError> {
        let subject = Subject::Header(HeaderName::Warning);
        let Some((host, port)) = agent(from.agent) else {
            return Err(ConversionError::new(subject, ConversionErrorKind::Host));
        };
        Ok(typed::Warning {
            code: from.code,
            uri: host_with_port(&host, port)?.into(),
            text: text(&subject, &from.text)?,
        })
    }
}

impl TryFrom<&typed::Warning> for HeaderField {
    type Error = ConversionError;

    /// A field with this one warning.
    ///
    /// # Errors
    /// A code that has not three digits; an agent that is more than host and port.
    fn try_from(from: &typed::Warning) -> Result<Self, ConversionError> {
        let subject = Subject::Header(HeaderName::Warning);
        let uri = &from.uri;
        if uri.auth.is_some() || !uri.params.is_empty() {
            return Err(ConversionError::malformed("warn-agent").within(subject));
        }
        super::text::one_line(&subject, &from.text)?;
        let agent = hostport(&uri.host_with_port).map_err(|error| error.within(subject))?;
        let quoted = crate::grammar::escape(from.text.as_bytes());
        let text = String::from_utf8_lossy(&quoted);
        let value = format!("{} {agent} {text}", from.code);
        HeaderField::checked(HeaderName::Warning, value, |value| {
            Warning::parse(value).map(drop)
        })
    }
}
