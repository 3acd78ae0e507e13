//! Values of a few words: CSeq, In-Reply-To, Priority, Warning.

use ::rsip::typed;

use super::error::{ConversionError, ConversionErrorKind};
use super::header::{HeaderField, present};
use super::host::{host_with_port, only_hostport};
use super::start_line;
use super::text::{one_line, text};
use crate::class::{TOKEN, WORD};
use crate::error::Subject;
use crate::grammar::{escape, number};
use crate::headers::Headers;
use crate::list::List;
use crate::name::HeaderName;
use crate::value::{CSeq, Host, Warning};

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

impl TryFrom<&Headers> for typed::InReplyTo {
    type Error = ConversionError;

    /// All Call-IDs of In-Reply-To, over several fields and comma lists.
    ///
    /// # Errors
    /// No such field; malformed; too many.
    fn try_from(headers: &Headers) -> Result<Self, ConversionError> {
        let subject = present(headers, HeaderName::InReplyTo)?;
        let all = headers.in_reply_to()?;
        let all = all.into_iter().map(|call_id| text(&subject, call_id));
        Ok(typed::InReplyTo(all.collect::<Result<_, _>>()?))
    }
}

impl TryFrom<&typed::InReplyTo> for HeaderField {
    type Error = ConversionError;

    /// One field with all Call-IDs.
    ///
    /// # Errors
    /// What is no Call-ID.
    fn try_from(from: &typed::InReplyTo) -> Result<Self, ConversionError> {
        let name = HeaderName::InReplyTo;
        let value = from.0.join(", ").into_bytes();
        let items = List::of(&name, &value).map(|(_, item)| item);
        let same = items.eq(from.0.iter().map(String::as_bytes));
        if !same || from.0.is_empty() || !from.0.iter().all(|text| is_callid(text)) {
            return Err(ConversionError::malformed("callid").within(Subject::Header(name)));
        }
        Ok(HeaderField { name, value })
    }
}

/// `word [ "@" word ]`
fn is_callid(text: &str) -> bool {
    let (word, host) = match text.split_once('@') {
        Some((word, host)) => (word, Some(host)),
        None => (text, None),
    };
    let mut words = [Some(word), host].into_iter().flatten();
    words.all(|word| WORD.fills(word.as_bytes()))
}

impl TryFrom<&Headers> for typed::Priority {
    type Error = ConversionError;

    /// The priority, in any case where rsip has a name for it.
    ///
    /// # Errors
    /// Missing; duplicate; malformed.
    fn try_from(headers: &Headers) -> Result<Self, ConversionError> {
        let subject = present(headers, HeaderName::Priority)?;
        let value = text(&subject, headers.priority()?.unwrap_or_default())?;
        Ok(match value.to_ascii_lowercase().as_str() {
            "non-urgent" => typed::Priority::NonUrgent,
            "normal" => typed::Priority::Normal,
            "urgent" => typed::Priority::Urgent,
            "emergency" => typed::Priority::Emergency,
            _ => typed::Priority::Other(value),
        })
    }
}

impl TryFrom<&typed::Priority> for HeaderField {
    type Error = ConversionError;

    /// The same priority.
    ///
    /// # Errors
    /// What is no token.
    fn try_from(from: &typed::Priority) -> Result<Self, ConversionError> {
        let name = HeaderName::Priority;
        let value = from.to_string().into_bytes();
        if !TOKEN.fills(&value) {
            return Err(ConversionError::malformed("priority").within(Subject::Header(name)));
        }
        Ok(HeaderField { name, value })
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
        one_line(&subject, &from.text)?;
        let agent = only_hostport(&from.uri).map_err(|error| error.within(subject))?;
        let quoted = escape(from.text.as_bytes());
        let text = String::from_utf8_lossy(&quoted);
        let value = format!("{} {agent} {text}", from.code);
        HeaderField::checked(HeaderName::Warning, value, |value| {
            Warning::parse(value).map(drop)
        })
    }
}
