//! Typed values: made from ours, they come back the same, and are what rsip parses where it is right.

use rsip::headers::{ToTypedHeader, UntypedHeader};
use rsip::typed;
use sip_message::rsip::{ConversionError, HeaderField};
use sip_message::{CSeq, HeaderName, MediaType, Method, NameAddr, Request, ValueError, Via};

use crate::corpus::{accepted, assert_listed};

/// Where rsip's typed parsers are wrong: why, a value that shows it, and which values are concerned.
type Wrong = (&'static str, HeaderName, &'static str, fn(&str) -> bool);

const WRONG: &[Wrong] = &[
    (
        "no IPv6 address in brackets (RFC 3261 §25.1)",
        HeaderName::Via,
        "SIP/2.0/UDP [2001:db8::1];branch=z9hG4bK1",
        |value| value.contains('['),
    ),
    (
        "a user ends at a dot, and is then read as part of the host (RFC 3261 §19.1.1)",
        HeaderName::From,
        "<sip:j.user@example.com>;tag=1",
        |value| {
            value
                .split_once('@')
                .is_some_and(|(user, _)| user.contains('.'))
        },
    ),
    (
        "a parameter ends at the first colon, and what follows is dropped (RFC 3261 §25.1)",
        HeaderName::Via,
        "SIP/2.0/TCP 192.0.2.1;received=2001:db8::1;branch=z9hG4bK1",
        |value| value.contains("received=2001:"),
    ),
    (
        "no white space around separators; what follows it is dropped (RFC 3261 §7.3.1)",
        HeaderName::To,
        "<sip:b@example.org>;tag = 1",
        |value| {
            let around = [" ;", "; ", " =", "= ", " /", "/ ", " :", "\t"];
            around.iter().any(|blank| value.contains(blank))
        },
    ),
    (
        "no parameters in quotes outside media types (RFC 3261 §25.1)",
        HeaderName::Contact,
        "<sip:b@example.org>;n=\"1\"",
        |value| value.contains(">;") && value.contains("=\""),
    ),
    (
        "a bracket ends a display name in quotes (RFC 3261 §25.1)",
        HeaderName::Contact,
        "\"a <b>\" <sip:b@example.org>",
        |value| value.starts_with('"') && value.matches('<').count() > 1,
    ),
    (
        "protocol name in capitals only (RFC 3261 §25.1: SIP-Version without case)",
        HeaderName::Via,
        "sip/2.0/UDP 192.0.2.1",
        |value| value.starts_with("sip/"),
    ),
    (
        "a quoted pair keeps its backslash (RFC 3261 §25.1)",
        HeaderName::ContentType,
        "multipart/mixed;boundary=\"x \\y\"",
        |value| value.starts_with("multipart/") && value.contains('\\'),
    ),
];

/// Our value in rsip's type, back as a field, and as rsip parses it; as text, since the types differ.
struct Compared {
    ours: Result<String, ConversionError>,
    back: Option<Result<HeaderField, ConversionError>>,
    theirs: Option<String>,
}

fn compare(name: &HeaderName, value: &[u8]) -> Option<Compared> {
    let text = std::str::from_utf8(value).ok()?.replace("\r\n", "");
    macro_rules! compare {
        ($name:ident, $parse:expr) => {{
            let ours = typed::$name::try_from(&$parse(value).unwrap());
            Some(Compared {
                back: ours.as_ref().ok().map(HeaderField::try_from),
                ours: ours.map(|ours| format!("{ours:?}")),
                theirs: rsip::headers::$name::new(text)
                    .typed()
                    .ok()
                    .map(|theirs| format!("{theirs:?}")),
            })
        }};
    }
    match name {
        HeaderName::Via => compare!(Via, Via::parse),
        HeaderName::From => compare!(From, NameAddr::parse),
        HeaderName::To => compare!(To, NameAddr::parse),
        HeaderName::Contact => compare!(Contact, NameAddr::parse),
        HeaderName::CSeq => compare!(CSeq, CSeq::parse),
        HeaderName::ContentType => compare!(ContentType, MediaType::parse),
        _ => None,
    }
}

const NAMES: [HeaderName; 6] = [
    HeaderName::Via,
    HeaderName::From,
    HeaderName::To,
    HeaderName::Contact,
    HeaderName::CSeq,
    HeaderName::ContentType,
];

/// Every value of these names in the corpus.
fn each_value(mut see: impl FnMut(&str, &HeaderName, &[u8])) {
    for case in accepted() {
        for name in &NAMES {
            for value in case.message.headers().items(name).filter(|v| *v != b"*") {
                see(&case.name, name, value);
            }
        }
    }
}

#[test]
fn typed_values_are_what_rsip_parses_where_it_is_right() {
    let mut same = 0;
    each_value(|case, name, value| {
        let Some(compared) = compare(name, value) else {
            return;
        };
        let Ok(ours) = compared.ours else {
            return;
        };
        let text = String::from_utf8_lossy(value);
        if compared.theirs.as_ref() == Some(&ours) {
            same += 1;
        } else {
            let theirs = compared.theirs;
            assert!(
                WRONG.iter().any(|(_, _, _, concerns)| concerns(&text)),
                "{case}: {name}: {text}\nours:   {ours}\ntheirs: {theirs:?}"
            );
        }
    });
    assert!(same >= 400, "{same} values compared");
}

#[test]
fn what_rsip_parses_wrong_it_still_does() {
    for (why, name, value, concerns) in WRONG {
        let compared = compare(name, value.as_bytes()).unwrap();
        let ours = compared.ours.unwrap();
        assert_ne!(compared.theirs, Some(ours), "{value}: no longer so: {why}");
        assert!(concerns(value), "{value}: {why}");
    }
}

/// How a value of this name reads: its parts, quotes undone, case and numbers made the same.
fn meaning(name: &HeaderName, value: &[u8]) -> Result<String, ValueError> {
    let params = |params: sip_message::Params<'_>| -> Vec<(String, Option<Vec<u8>>)> {
        params
            .iter()
            .map(|(name, value)| {
                let name = String::from_utf8_lossy(name).to_ascii_lowercase();
                let value = value.map(|value| match name.as_str() {
                    "transport" => value.to_ascii_lowercase(),
                    _ => sip_message::unquote(value).into_owned(),
                });
                (name, value)
            })
            .collect()
    };
    Ok(match name {
        HeaderName::Via => {
            let via = Via::parse(value)?;
            let transport = via.transport().to_ascii_uppercase();
            let host = via.host().to_string().to_ascii_lowercase();
            format!(
                "{transport:?} {host} {:?} {:?}",
                via.port(),
                params(via.params())
            )
        }
        HeaderName::CSeq => format!("{:?}", CSeq::parse(value)?),
        HeaderName::ContentType => {
            let media = MediaType::parse(value)?;
            let top = media.top().to_ascii_lowercase();
            let sub = media.sub().to_ascii_lowercase();
            format!("{top:?} {sub:?} {:?}", params(media.params()))
        }
        _ => {
            let address = NameAddr::parse(value)?;
            let uri = address.uri();
            let parts = (uri.user(), uri.password(), uri.host(), uri.port());
            let name = address.display_name().map(|name| {
                String::from_utf8_lossy(&name)
                    .replace("\r\n", "")
                    .replace('\t', " ")
            });
            format!(
                "{name:?} {} {parts:?} {:?} {:?}",
                uri.is_scheme("sips"),
                params(uri.params()),
                params(address.params())
            )
        }
    })
}

#[test]
fn typed_values_come_back_meaning_the_same() {
    let mut came_back = 0;
    let mut no_nul = 0;
    each_value(|case, name, value| {
        let Some(back) = compare(name, value).and_then(|compared| compared.back) else {
            return;
        };
        if value.contains(&0) {
            assert!(back.is_err(), "{case}: {name}");
            no_nul += 1;
            return;
        }
        let back = back.unwrap_or_else(|error| panic!("{case}: {name}: {error}"));
        assert_eq!(back.name, *name);
        assert_eq!(
            meaning(name, value).unwrap(),
            meaning(name, &back.value).unwrap(),
            "{case}: {name}"
        );
        came_back += 1;
    });
    assert!(came_back >= 400, "{came_back} values came back");
    assert!(no_nul >= 1, "no NUL in the corpus");
}

/// Where rsip's parsers of lists are wrong.
const LISTS_WRONG: &[(&str, &str)] = &[
    ("own/accept-empty", "Allow: may be empty (RFC 3261 §20.5)"),
    (
        "own/folding-everywhere",
        "Accept: blanks around the slash are part of the type (§25.1)",
    ),
    ("own/ipv6-in-brackets", "Route: no IPv6 address in brackets"),
];

#[test]
fn lists_are_what_rsip_parses_where_it_is_right() {
    let mut wrong = Vec::new();
    let mut same = 0;
    for case in accepted() {
        let headers = case.message.headers();
        macro_rules! compare {
            ($($name:ident)*) => {$(
                let fields: Vec<&[u8]> = headers.all(&HeaderName::$name).collect();
                if let Ok(ours) = typed::$name::try_from(headers) {
                    let text = String::from_utf8(fields.join(&b", "[..])).unwrap();
                    let theirs = rsip::headers::$name::new(text.replace("\r\n", "")).typed();
                    if theirs.as_ref() == Ok(&ours) {
                        same += 1;
                    } else {
                        let listed = LISTS_WRONG.iter().find(|(name, why)| {
                            *name == case.name && why.starts_with(stringify!($name))
                        });
                        let why = listed.map_or(stringify!($name), |(_, why)| why);
                        wrong.push((case.name.clone(), why.to_owned()));
                    }
                    let back = message_of(HeaderField::try_from(&ours));
                    assert_eq!(typed::$name::try_from(back.headers()), Ok(ours));
                } else {
                    assert!(fields.is_empty(), "{}: {}", case.name, stringify!($name));
                }
            )*};
        }
        compare!(Route RecordRoute Accept Allow InReplyTo Priority);
    }
    assert!(same >= 5, "{same} lists compared");
    assert_listed(LISTS_WRONG, &wrong);
}

/// A message with this field only.
fn message_of<E: std::fmt::Debug>(field: Result<HeaderField, E>) -> Request {
    let field = field.unwrap();
    let builder = Request::build(Method::Options, "sip:a.example");
    builder.header(field.name, field.value).finish().unwrap()
}
