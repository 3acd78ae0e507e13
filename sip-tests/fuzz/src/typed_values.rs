//! Values on their own. The first byte chooses which, by its letter or its number; the rest is the value.

use std::fmt::Write as _;

use bytes::Bytes;
use sip_message::{
    AcceptContact, CSeq, ChargingVector, Credentials, Date, Event, HeaderName, Host, Limits,
    MediaType, Message, Method, NameAddr, ParameterizedToken, Params, Reason, SessionId, Uri,
    ValueError, ValueErrorKind, Via, Warning, escape, unquote,
};

use crate::{naive, read};

/// A letter, and what it asks for.
type Kind = (u8, fn(&[u8]));

/// Which letter asks for which value.
const KINDS: [Kind; 21] = [
    (b'u', uri),
    (b'U', two_uris),
    (b'n', name_addr),
    (b'v', via),
    (b'p', params),
    (b'h', host),
    (b'c', cseq),
    (b'd', date),
    (b'D', two_dates),
    (b'w', warning),
    (b'm', media_type),
    (b'a', credentials),
    (b'e', event),
    (b'r', reason),
    (b's', session_id),
    (b'f', accept_contact),
    (b'g', charging_vector),
    (b't', parameterized_token),
    (b'q', quoting),
    (b'k', names),
    (b'x', in_a_field),
];

/// Any bytes.
pub fn run(input: &[u8]) {
    let Some((letter, value)) = input.split_first() else {
        return;
    };
    let named = KINDS.iter().find(|(kind, _)| kind == letter);
    let (_, check) = named.unwrap_or(&KINDS[usize::from(*letter) % KINDS.len()]);
    check(value);
}

/// The value, if it is one; an error has its place in the value.
fn checked<T>(value: &[u8], parsed: Result<T, ValueError>) -> Option<T> {
    match parsed {
        Ok(parsed) => Some(parsed),
        Err(error) => {
            assert!(error.offset <= value.len(), "{error}");
            assert_eq!(error.kind, ValueErrorKind::Malformed);
            None
        }
    }
}

/// White space around a value changes nothing.
macro_rules! padded {
    ($kind:ident, $value:expr, $parsed:expr, $show:expr) => {{
        let padded = [b" \t", $value, b"\r\n "].concat();
        let again = $kind::parse(&padded);
        let show = $show;
        assert_eq!(
            again.ok().map(|v| show(&v)),
            $parsed.as_ref().map(|v| show(v))
        );
    }};
}

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// A token as it is.
fn token(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("a token is ASCII")
}

fn pairs(params: Params<'_>) -> Vec<String> {
    let mut pairs = Vec::new();
    for (name, value) in params.iter() {
        pairs.push(format!("{}={:?}", text(name), value.map(text)));
    }
    pairs
}

/// Read again from the bytes, by another reading, and name by name.
fn sound(params: Params<'_>, separator: u8) {
    sound_by(params, separator, <[u8]>::to_ascii_lowercase);
}

/// The same where `key` is what makes two names the same.
fn sound_by(params: Params<'_>, separator: u8, key: fn(&[u8]) -> Vec<u8>) {
    let all: Vec<_> = params.iter().collect();
    assert_eq!(all.len(), params.len(), "as many as were counted");
    assert_eq!(all.is_empty(), params.is_empty());
    assert!(all.len() <= Limits::MOST_PARAMETERS);
    let names: std::collections::HashSet<_> = all.iter().map(|(name, _)| key(name)).collect();
    assert!(
        names.len() == all.len() || separator == b'&',
        "a parameter twice"
    );
    if !all.is_empty() {
        assert_eq!(all, naive::params(params.as_bytes(), separator));
    }
    let keys: Vec<_> = all.iter().map(|(name, _)| key(name)).collect();
    for ((name, _), own) in all.iter().zip(&keys) {
        let first = keys.iter().zip(&all).find(|(other, _)| *other == own);
        assert_eq!(params.get(name), first.map(|(_, (_, value))| *value));
        assert_eq!(params.get(name.to_ascii_uppercase()), params.get(name));
        assert!(params.contains(name));
        let meaning = params.get(name).flatten().map(unquote);
        assert_eq!(params.unquoted(name), meaning);
    }
}

/// One value is one item of a comma list.
fn one_item(value: &[u8]) {
    let again = naive::items(value);
    assert_eq!(again, [naive::trim(value)], "one value is one item");
}

fn uri(value: &[u8]) {
    let Some(uri) = checked(value, Uri::parse(value)) else {
        return;
    };
    assert_eq!(uri.as_bytes(), value);
    assert_eq!([uri.scheme(), b":", uri.after_scheme()].concat(), value);
    assert!(!value.iter().any(|byte| *byte <= b' ' || *byte == 0x7f));
    assert!(!value.iter().any(|byte| b"<>\"\\".contains(byte)));
    assert!(uri.equivalent(&uri), "equal to itself");
    let separator = |params: Params<'_>, by| {
        if !params.is_empty() {
            sound_by(params, by, naive::without_escapes);
        }
    };
    separator(uri.params(), b';');
    separator(uri.headers(), b'&');
    // From its pieces the URI is made again.
    if let Some(host) = uri.host() {
        let mut made = [uri.scheme(), b":"].concat();
        if let Some(user) = uri.user() {
            made.extend(user);
            if let Some(password) = uri.password() {
                made.push(b':');
                made.extend(password);
            }
            made.push(b'@');
        }
        made.extend(host.to_string().bytes());
        if let Some(port) = uri.port() {
            made.extend(format!(":{port}").bytes());
        }
        for (by, params) in [(b';', uri.params()), (b'&', uri.headers())] {
            for (at, (name, value)) in params.iter().enumerate() {
                made.push(if by == b'&' && at == 0 { b'?' } else { by });
                made.extend(name);
                if let Some(value) = value {
                    made.push(b'=');
                    made.extend(value);
                }
            }
        }
        let again = Uri::parse(&made).expect("made from the pieces of a URI");
        assert!(
            again.equivalent(&uri) && uri.equivalent(&again),
            "{}",
            text(&made)
        );
        // Nobody reads another host: the last `@` before it is the only one.
        let after = value.iter().rposition(|byte| *byte == b'@');
        assert_eq!(after.is_some(), uri.user().is_some());
    }
    // In brackets it is the same.
    let bracketed = [b"<", value, b">"].concat();
    let address = NameAddr::parse(&bracketed).expect("a URI in brackets");
    assert_eq!(address.uri_bytes(), value);
    assert!(address.params().is_empty() && address.display_name().is_none());
}

fn two_uris(value: &[u8]) {
    let mut lines = value.splitn(2, |byte| *byte == b'\n');
    let (one, two) = (
        lines.next().unwrap_or_default(),
        lines.next().unwrap_or_default(),
    );
    if let (Ok(one), Ok(two)) = (Uri::parse(one), Uri::parse(two)) {
        let equal = one.equivalent(&two);
        assert_eq!(equal, two.equivalent(&one), "both ways");
        if equal {
            assert!(one.scheme().eq_ignore_ascii_case(two.scheme()));
            assert_eq!((one.host(), one.port()), (two.host(), two.port()));
            assert_eq!(one.user().is_some(), two.user().is_some());
        }
        assert!(equal || one.as_bytes() != two.as_bytes());
        let (these, those) = (one.params(), two.params());
        if one.host().is_some() && equal {
            for (name, _) in these.iter().filter(|(name, _)| those.contains(name)) {
                let value = those.get(name).flatten().unwrap_or_default();
                assert!(these.is(name, value) || those.get(name) == Some(None));
            }
        }
    }
}

fn name_addr(value: &[u8]) {
    let parsed = checked(value, NameAddr::parse(value));
    padded!(NameAddr, value, parsed, |address: &NameAddr<'_>| (
        address.display_name().map(|name| {
            assert!(!name.contains(&b'\n') && !name.contains(&b'\r'), "folded");
            text(&name)
        }),
        text(address.uri_bytes()),
        pairs(address.params()),
    ));
    let Some(address) = parsed else { return };
    one_item(value);
    sound(address.params(), b';');
    assert!(Uri::parse(address.uri_bytes()).is_ok());
    let tags = address.params().iter();
    let tags = tags.filter(|(name, _)| name.eq_ignore_ascii_case(b"tag"));
    assert!(tags.count() <= 1, "two readers would disagree");
    // A display name never becomes the address.
    let name = address.display_name().unwrap_or_default();
    let mut made = escape(&name);
    made.extend(b" <");
    made.extend(address.uri_bytes());
    made.extend(b">");
    for (name, value) in address.params().iter() {
        made.push(b';');
        made.extend(name);
        if let Some(value) = value {
            made.push(b'=');
            made.extend(value);
        }
    }
    let again = NameAddr::parse(&made).expect("made from its pieces");
    assert_eq!(again.uri_bytes(), address.uri_bytes());
    assert_eq!(again.tag(), address.tag());
    assert_eq!(pairs(again.params()), pairs(address.params()));
    assert_eq!(
        again.display_name().unwrap_or_default(),
        without_controls(&name)
    );
}

/// What a quoted string can hold of a text.
fn without_controls(text: &[u8]) -> Vec<u8> {
    let blank = |byte: &u8| {
        if matches!(byte, b'\r' | b'\n' | 0) {
            b' '
        } else {
            *byte
        }
    };
    text.iter().map(blank).collect()
}

fn via(value: &[u8]) {
    let parsed = checked(value, Via::parse(value));
    padded!(Via, value, parsed, |via: &Via<'_>| (
        text(via.transport()),
        text(via.sent_by()),
        pairs(via.params()),
    ));
    let Some(via) = parsed else { return };
    one_item(value);
    sound(via.params(), b';');
    for (name, at_most) in [("branch", 1usize), ("x-none", 0)] {
        let all = via.params().iter();
        let named = all.filter(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes()));
        assert!(named.count() <= at_most, "{name}");
    }
    assert_eq!(via.rport().is_some(), via.params().contains("rport"));
    let mut made = format!(
        "{}/{}/{} {}",
        token(via.protocol().0),
        token(via.protocol().1),
        token(via.transport()),
        via.host()
    );
    if let Some(port) = via.port() {
        let _ = write!(made, ":{port}");
    }
    let again = Via::parse(made.as_bytes()).expect("made from its pieces");
    assert_eq!((again.host(), again.port()), (via.host(), via.port()));
    assert_eq!(again.protocol(), via.protocol());
}

fn params(value: &[u8]) {
    let parsed = checked(value, Params::parse(value));
    padded!(Params, value, parsed, |params: &Params<'_>| pairs(*params));
    let Some(params) = parsed else { return };
    sound(params, b';');
    let again = Params::parse(params.as_bytes()).expect("its own bytes");
    assert_eq!(pairs(again), pairs(params));
}

fn host(value: &[u8]) {
    let parsed = checked(value, Host::parse(value));
    padded!(Host, value, parsed, |host: &Host<'_>| host.to_string());
    let Some(host) = parsed else { return };
    let shown = host.to_string();
    assert_eq!(Host::parse(shown.as_bytes()).ok(), Some(host), "{shown}");
    let upper = shown.to_ascii_uppercase();
    assert_eq!(Host::parse(upper.as_bytes()).ok(), Some(host), "{upper}");
    assert_eq!(host.ip().is_none(), matches!(host, Host::Name(_)));
    let quads = shown.split('.').filter(|label| label.parse::<u8>().is_ok());
    assert!(host.ip().is_some() || quads.count() != 4 || shown.split('.').count() != 4);
}

fn cseq(value: &[u8]) {
    let parsed = checked(value, CSeq::parse(value));
    padded!(CSeq, value, parsed, |cseq: &CSeq<'_>| (
        cseq.number,
        text(cseq.method)
    ));
    let Some(cseq) = parsed else { return };
    assert!(cseq.number < 1 << 31);
    assert!(naive::is_token(cseq.method));
    let made = format!("{} {}", cseq.number, token(cseq.method));
    assert_eq!(CSeq::parse(made.as_bytes()).ok(), Some(cseq));
    let words = naive::unfold(value);
    let mut words = words.splitn(2, |byte| *byte == b' ');
    let number = String::from_utf8(words.next().unwrap().to_vec()).unwrap();
    assert_eq!(number.parse(), Ok(u64::from(cseq.number)));
    assert_eq!(words.next(), Some(cseq.method));
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Days since 1970, counted year by year.
fn days(date: &Date) -> i64 {
    let leap = |year: u16| {
        (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400)
    };
    let in_year = |year: u16| if leap(year) { 366 } else { 365 };
    let in_month = |month: u8| match month {
        2 if leap(date.year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let years: i64 = if date.year >= 1970 {
        (1970..date.year).map(in_year).sum()
    } else {
        -(date.year..1970).map(in_year).sum::<i64>()
    };
    years + (1..date.month).map(in_month).sum::<i64>() + i64::from(date.day) - 1
}

fn date(value: &[u8]) {
    let parsed = checked(value, Date::parse(value));
    padded!(Date, value, parsed, |date: &Date| *date);
    let Some(date) = parsed else { return };
    let made = format!(
        "Mon, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
        date.day,
        MONTHS[usize::from(date.month) - 1],
        date.year,
        date.hour,
        date.minute,
        date.second
    );
    assert_eq!(Date::parse(made.as_bytes()), Ok(date));
    let of_day = (i64::from(date.hour) * 60 + i64::from(date.minute)) * 60 + i64::from(date.second);
    assert_eq!(date.unix_seconds(), days(&date) * 86_400 + of_day);
}

fn two_dates(value: &[u8]) {
    let half = value.len() / 2;
    let (one, two) = value.split_at(half);
    if let (Ok(one), Ok(two)) = (Date::parse(one), Date::parse(two)) {
        assert!(one > two || one.unix_seconds() <= two.unix_seconds());
        assert!(one < two || one.unix_seconds() >= two.unix_seconds());
    }
}

fn warning(value: &[u8]) {
    let parsed = checked(value, Warning::parse(value));
    padded!(Warning, value, parsed, |warning: &Warning<'_>| (
        warning.code,
        text(warning.agent),
        text(&warning.text)
    ));
    let Some(warning) = parsed else { return };
    one_item(value);
    let mut made = format!("{:03} ", warning.code).into_bytes();
    made.extend(warning.agent);
    made.push(b' ');
    made.extend(escape(&warning.text));
    let again = Warning::parse(&made).expect("made from its pieces");
    assert_eq!((again.code, again.agent), (warning.code, warning.agent));
    assert_eq!(again.text, without_controls(&warning.text));
}

fn media_type(value: &[u8]) {
    let parsed = checked(value, MediaType::parse(value));
    padded!(MediaType, value, parsed, |media: &MediaType<'_>| (
        text(media.top()),
        text(media.sub()),
        pairs(media.params())
    ));
    let Some(media) = parsed else { return };
    one_item(value);
    sound(media.params(), b';');
    assert!(media.is(&token(media.top()).to_uppercase(), &token(media.sub())));
    let boundaries = media.params().iter();
    let boundaries = boundaries.filter(|(name, _)| name.eq_ignore_ascii_case(b"boundary"));
    assert!(boundaries.count() <= 1, "two readers would disagree");
    // Quoted, each value is what it was.
    let mut made = [media.top(), b"/", media.sub()].concat();
    for (name, value) in media.params().iter() {
        made.push(b';');
        made.extend(name.to_ascii_uppercase());
        if let Some(value) = value.map(unquote) {
            if value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
                return;
            }
            made.push(b'=');
            made.extend(escape(&value));
        }
    }
    let again = MediaType::parse(&made).expect("made from its pieces");
    assert!(again == media, "{}", text(&made));
}

fn credentials(value: &[u8]) {
    let parsed = checked(value, Credentials::parse(value));
    padded!(Credentials, value, parsed, |one: &Credentials<'_>| (
        text(one.scheme()),
        one.token68().map(text),
        pairs(one.params())
    ));
    let Some(one) = parsed else { return };
    assert!(naive::is_token(one.scheme()));
    assert_eq!(one.token68().is_some(), one.params().is_empty());
    if one.token68().is_none() {
        sound(one.params(), b',');
    }
}

fn event(value: &[u8]) {
    let parsed = checked(value, Event::parse(value));
    padded!(Event, value, parsed, |event: &Event<'_>| (
        text(event.package()),
        pairs(event.params())
    ));
    let Some(event) = parsed else { return };
    assert!(naive::is_token(event.package()));
    sound(event.params(), b';');
    assert_eq!(event.id(), event.params().get("id").flatten());
}

fn reason(value: &[u8]) {
    let parsed = checked(value, Reason::parse(value));
    padded!(Reason, value, parsed, |reason: &Reason<'_>| (
        text(reason.protocol()),
        reason.cause(),
        reason.text().map(|t| text(&t))
    ));
    let Some(reason) = parsed else { return };
    one_item(value);
    sound(reason.params(), b';');
}

fn session_id(value: &[u8]) {
    let parsed = checked(value, SessionId::parse(value));
    padded!(SessionId, value, parsed, |id: &SessionId<'_>| (
        text(id.local()),
        id.remote().map(text)
    ));
    let Some(id) = parsed else { return };
    for uuid in [Some(id.local()), id.remote()].into_iter().flatten() {
        let hex = |byte: &u8| b"0123456789abcdef".contains(byte);
        assert!(uuid.len() == 32 && uuid.iter().all(hex));
    }
    sound(id.params(), b';');
}

fn accept_contact(value: &[u8]) {
    let parsed = checked(value, AcceptContact::parse(value));
    padded!(AcceptContact, value, parsed, |one: &AcceptContact<'_>| (
        pairs(one.params()),
        one.require(),
        one.explicit()
    ));
    let Some(one) = parsed else { return };
    one_item(value);
    sound(one.params(), b';');
    assert_eq!(naive::trim(value).first(), Some(&b'*'));
}

fn charging_vector(value: &[u8]) {
    let parsed = checked(value, ChargingVector::parse(value));
    padded!(ChargingVector, value, parsed, |one: &ChargingVector<'_>| (
        pairs(one.params()),
        one.icid_value().map(|v| text(&v)),
        one.orig_ioi().map(|v| text(&v)),
    ));
    if let Some(one) = parsed {
        sound(one.params(), b';');
        assert!(!one.params().is_empty());
    }
}

fn parameterized_token(value: &[u8]) {
    let parsed = checked(value, ParameterizedToken::parse(value));
    padded!(
        ParameterizedToken,
        value,
        parsed,
        |one: &ParameterizedToken<'_>| (text(one.token()), pairs(one.params()))
    );
    let Some(one) = parsed else { return };
    one_item(value);
    assert!(one.is(&token(one.token()).to_ascii_uppercase()));
    sound(one.params(), b';');
}

fn quoting(value: &[u8]) {
    let quoted = escape(value);
    assert_eq!(unquote(&quoted).as_ref(), without_controls(value));
    assert!(!quoted.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
    let parameter = [b";a=", &quoted[..], b";b"].concat();
    let params = Params::parse(&parameter).expect("a quoted string is a value");
    assert_eq!(params.len(), 2);
    assert_eq!(params.unquoted("a").unwrap(), without_controls(value));
    one_item(&quoted);
    assert!(unquote(value).len() <= value.len());
}

fn names(value: &[u8]) {
    let method = Method::from_bytes(value);
    let name = HeaderName::from_bytes(value);
    assert_eq!(method.is_some(), naive::is_token(value));
    assert_eq!(name.is_some(), naive::is_token(value));
    if let (Some(method), Some(name)) = (method, name) {
        assert_eq!(method.as_bytes(), value);
        assert_eq!(method.to_string().as_bytes(), value);
        assert!(naive::is(value, &name), "{name} for {}", text(value));
        let shown = HeaderName::from_bytes(name.to_string().as_bytes());
        assert_eq!(shown.as_ref(), Some(&name));
        assert_eq!(
            HeaderName::from_bytes(&value.to_ascii_uppercase()),
            Some(name)
        );
    }
}

/// The value as a header field of many names: what each accessor makes of it.
fn in_a_field(value: &[u8]) {
    let mut head = b"MESSAGE sip:a@b SIP/2.0\r\n".to_vec();
    let names = [
        "Via",
        "Contact",
        "Call-ID",
        "In-Reply-To",
        "Content-ID",
        "Retry-After",
        "Max-Forwards",
        "Expires",
        "Content-Length",
        "Require",
        "Accept",
        "Route",
        "Authorization",
        "Event",
    ];
    for name in names {
        head.extend(name.as_bytes());
        head.extend(b": ");
        head.extend(value);
        head.extend(b"\r\n");
    }
    head.extend(b"\r\n");
    let limits = Limits::default();
    let Ok(message) = Message::parse_datagram(Bytes::from(head), &limits) else {
        return;
    };
    read::message(&message, &limits);
    let headers = message.headers();
    // A line end in the value that is no folding begins a field of its own, or the body.
    let folded = |pair: &[u8]| pair[0] != b'\n' || matches!(pair[1], b' ' | b'\t');
    if value.ends_with(b"\n") || !value.windows(2).all(folded) {
        return;
    }
    assert_eq!(headers.len(), names.len());
    let digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let number = |text: &[u8]| String::from_utf8_lossy(text).parse::<u64>().ok();
    let trimmed = naive::trim(value);
    let fits = |most: u64| digits(trimmed) && number(trimmed).is_some_and(|n| n <= most);
    assert_eq!(headers.max_forwards().is_ok(), fits(255));
    // RFC 3261 §20.19: what is malformed counts as an hour.
    let seconds = if fits(u64::from(u32::MAX)) {
        number(trimmed)
    } else {
        Some(3600)
    };
    assert_eq!(headers.expires().map(|e| e.map(u64::from)), Ok(seconds));
    // Far below what wraps, and far above what there is.
    let length = headers.content_length().is_ok();
    assert_eq!(
        length,
        fits(u64::MAX) && number(trimmed).is_some_and(|n| n / 10 < 1 << 60)
    );
    let items = naive::items(value);
    let tokens = items.iter().all(|item| naive::is_token(item));
    let few = items.len() <= limits.values;
    let some = !items.is_empty();
    assert_eq!(
        headers.tokens(&HeaderName::Require).is_ok(),
        tokens && few && some
    );
    assert_eq!(headers.tokens(&HeaderName::Accept).is_ok(), tokens && few);
    if let Ok(ids) = headers.in_reply_to() {
        let all: Vec<_> = trimmed
            .split(|byte| *byte == b',')
            .map(naive::trim)
            .collect();
        assert_eq!(ids, all);
    }
    assert_eq!(headers.contact_is_wildcard(), trimmed == b"*");
    if let Ok(Some(seconds)) = headers.retry_after() {
        let end = trimmed.iter().position(|byte| !byte.is_ascii_digit());
        assert_eq!(
            number(&trimmed[..end.unwrap_or(trimmed.len())]),
            Some(u64::from(seconds))
        );
    }
    if let Ok(Some(id)) = headers.content_id() {
        assert_eq!([b"<", id, b">"].concat(), trimmed);
    }
    if let Ok(id) = headers.call_id() {
        assert_eq!(id, trimmed);
        assert!(id.iter().all(|byte| (b'!'..0x7f).contains(byte)));
    }
}
