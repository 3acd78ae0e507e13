//! Questions about a message, answered by the typed accessors: an accepted message was understood, not merely let
//! through. The words are explained at the head of `sip-tests/torture/verdicts`.

use sip_message::{
    AcceptContact, Credentials, HeaderName, Headers, Message, ParameterizedToken, Reason, Warning,
};

use super::addresses::{address, uri, via};
use super::bodies::{enclosed, media_type, parts};
use super::found::{Absent, Found, cut, nth, number, optional, params, text, yes};

/// The answer to a question, in bytes.
#[must_use]
pub fn found(message: &Message, question: &str) -> Vec<u8> {
    match ask(message, question) {
        Ok(bytes) if bytes.is_empty() => b"(empty)".to_vec(),
        Ok(bytes) => bytes,
        Err(absent) => absent.word().into(),
    }
}

/// Bytes as the verdicts write them.
#[must_use]
pub fn rendered(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(|c| c.is_control() || c == '\\') => text.to_owned(),
        _ => bytes
            .escape_ascii()
            .to_string()
            .replace("\\\"", "\"")
            .replace("\\'", "'"),
    }
}

pub(super) fn ask(message: &Message, question: &str) -> Found {
    let (what, rest) = cut(question);
    match (what, message) {
        ("method", Message::Request(request)) => text(request.method().as_bytes()),
        ("uri", Message::Request(request)) => uri(&request.uri()?, rest),
        ("status", Message::Response(response)) => number(response.status()),
        ("reason-phrase", Message::Response(response)) => text(response.reason()),
        ("body", _) => text(message.body()),
        ("length", _) => number(message.body().len()),
        ("truncated", _) => yes(message.truncated()),
        ("parts" | "part" | "leaves" | "leaf", _) => {
            parts(message.headers(), message.body(), what, rest)
        }
        ("length-of", _) => number(ask(message, rest)?.len()),
        ("enclosed", _) => enclosed(message.body(), rest),
        _ => in_headers(message.headers(), what, rest),
    }
}

fn in_headers(headers: &Headers, what: &str, rest: &str) -> Found {
    match what {
        "fields" => number(headers.len()),
        "header" => header(headers, rest),
        "count" => number(headers.count(&name(rest)?)),
        "items" => number(headers.items(&name(rest)?).count()),
        "tokens" => text(headers.tokens(&name(rest)?)?.join(&b", "[..])),
        "from" => address(&headers.from()?, rest),
        "to" => address(&headers.to()?, rest),
        "contacts" => number(headers.contacts()?.len()),
        "contact" if rest == "wildcard" => yes(headers.contact_is_wildcard()),
        "contact" => nth(headers.contacts()?, rest).and_then(|(one, rest)| address(&one, rest)),
        "addresses" => number(headers.addresses(&name(rest)?)?.len()),
        "address" => {
            let (field, rest) = cut(rest);
            nth(headers.addresses(&name(field)?)?, rest).and_then(|(one, rest)| address(&one, rest))
        }
        "vias" => number(headers.vias().collect::<Result<Vec<_>, _>>()?.len()),
        "via" => {
            let (one, rest) = nth(headers.vias().collect(), rest)?;
            via(&one?, rest)
        }
        "call-id" => text(headers.call_id()?),
        "cseq" if rest == "number" => number(headers.cseq()?.number),
        "cseq" if rest == "method" => text(headers.cseq()?.method),
        "max-forwards" => counted(headers.max_forwards()?),
        "expires" => counted(headers.expires()?),
        "min-expires" => counted(headers.min_expires()?),
        "retry-after" => counted(headers.retry_after()?),
        "content-length" => counted(headers.content_length()?),
        "date" => counted(headers.date()?.map(|date| date.unix_seconds())),
        "content-type" => media_type(&headers.content_type()?.ok_or(Absent::None)?, rest),
        "content-id" => optional(headers.content_id()?),
        "content-disposition" => token(&headers.content_disposition()?.ok_or(Absent::None)?, rest),
        "accept" => nth(headers.accept()?, rest).and_then(|(one, rest)| media_type(&one, rest)),
        _ => extension(headers, what, rest),
    }
}

fn extension(headers: &Headers, what: &str, rest: &str) -> Found {
    match what {
        "in-reply-to" => text(headers.in_reply_to()?.join(&b", "[..])),
        "warning" => nth(headers.warnings()?, rest).and_then(|(one, rest)| warning(&one, rest)),
        "reason" => nth(headers.reasons()?, rest).and_then(|(one, rest)| reason(&one, rest)),
        "access-network-info" => {
            nth(headers.access_network_infos()?, rest).and_then(|(one, rest)| token(&one, rest))
        }
        "accept-contact" => {
            nth(headers.accept_contacts()?, rest).and_then(|(one, rest)| features(&one, rest))
        }
        "reject-contact" => {
            nth(headers.reject_contacts()?, rest).and_then(|(one, rest)| features(&one, rest))
        }
        "credentials" => {
            let (field, rest) = cut(rest);
            nth(headers.credentials(&name(field)?)?, rest)
                .and_then(|(one, rest)| credentials(&one, rest))
        }
        "event" => {
            let event = headers.event()?.ok_or(Absent::None)?;
            match cut(rest) {
                ("", _) => text(event.package()),
                ("id", _) => optional(event.id()),
                (what, rest) => params(event.params(), what, rest),
            }
        }
        "session-id" => {
            let id = headers.session_id()?.ok_or(Absent::None)?;
            match rest {
                "local" => text(id.local()),
                "remote" => optional(id.remote()),
                _ => Err(Absent::Unasked),
            }
        }
        "charging-vector" => {
            let vector = headers.charging_vector()?.ok_or(Absent::None)?;
            match cut(rest) {
                ("icid-value", _) => optional(vector.icid_value()),
                ("icid-generated-at", _) => optional(vector.icid_generated_at()),
                ("orig-ioi", _) => optional(vector.orig_ioi()),
                ("term-ioi", _) => optional(vector.term_ioi()),
                (what, rest) => params(vector.params(), what, rest),
            }
        }
        _ => Err(Absent::Unasked),
    }
}

fn name(text: &str) -> Result<HeaderName, Absent> {
    HeaderName::from_bytes(text.as_bytes()).ok_or(Absent::Unasked)
}

/// The value of the first field of this name, or with a number after the name, of that one.
pub(super) fn header(headers: &Headers, question: &str) -> Found {
    let numbered = question
        .rsplit_once('.')
        .and_then(|(name, number)| Some((name, number.parse::<usize>().ok()?)));
    let (field, number) = numbered.unwrap_or((question, 1));
    optional(headers.all(&name(field)?).nth(number.saturating_sub(1)))
}

fn counted(value: Option<impl ToString>) -> Found {
    value.map_or(Err(Absent::None), number)
}

fn token(value: &ParameterizedToken<'_>, question: &str) -> Found {
    match cut(question) {
        ("", _) => text(value.token()),
        (what, rest) => params(value.params(), what, rest),
    }
}

fn warning(warning: &Warning<'_>, question: &str) -> Found {
    match question {
        "code" => number(warning.code),
        "agent" => text(warning.agent),
        "text" => text(&warning.text),
        _ => Err(Absent::Unasked),
    }
}

fn reason(reason: &Reason<'_>, question: &str) -> Found {
    match cut(question) {
        ("protocol", _) => text(reason.protocol()),
        ("cause", _) => counted(reason.cause()),
        ("text", _) => optional(reason.text()),
        (what, rest) => params(reason.params(), what, rest),
    }
}

fn features(contact: &AcceptContact<'_>, question: &str) -> Found {
    match cut(question) {
        ("require", _) => yes(contact.require()),
        ("explicit", _) => yes(contact.explicit()),
        (what, rest) => params(contact.params(), what, rest),
    }
}

fn credentials(credentials: &Credentials<'_>, question: &str) -> Found {
    match cut(question) {
        ("scheme", _) => text(credentials.scheme()),
        ("token68", _) => optional(credentials.token68()),
        (what, rest) => params(credentials.params(), what, rest),
    }
}
