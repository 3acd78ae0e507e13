//! Redaction: whatever it gets, a message of the same shape comes out, with no identity in it that another reader finds.

use std::net::SocketAddr;

use bytes::Bytes;
use sip_message::{HeaderName, Limits, Message, Uri};
use sip_trace::{Direction, MessageRecord, Record, Redactor, Transport, What};

const KEY: [u8; 32] = [7; 32];
/// Beyond that a message may grow over a limit with its pseudonyms, and is masked: over the largest head (32 KiB) soonest, as
/// `<sip:a@h>,` becomes 13 bytes longer.
const MOST: usize = 12_000;

/// Any bytes.
pub fn run(input: &[u8]) {
    let before = Bytes::copy_from_slice(input);
    let mut learned = Redactor::new(&KEY);
    learned.learn([&record(&before)]);
    for (redactor, raw) in [
        (Redactor::new(&KEY), false),
        (learned, false),
        (Redactor::secrets_only(), true),
    ] {
        let after = redactor.message(&before);
        let (Some(one), Some(two)) = (parse(&before), parse(&after)) else {
            shapeless(&before, &after);
            continue;
        };
        same_shape(&one, &two);
        if !raw {
            nobody(&users(&one), &users(&two));
        }
        // What is redacted already stays a message.
        assert!(parse(&redactor.message(&after)).is_some() || after.len() > MOST);
    }
}

fn record(bytes: &Bytes) -> Record {
    let at = SocketAddr::from(([127, 0, 0, 1], 5060));
    Record {
        seq: 0,
        wall_us: 0,
        mono_us: None,
        node: "a".into(),
        what: What::Message(MessageRecord::new(
            Direction::Received,
            Transport::Udp,
            at,
            at,
            bytes.clone(),
        )),
    }
}

fn parse(bytes: &Bytes) -> Option<Message> {
    Message::parse_datagram(bytes.clone(), &Limits::default()).ok()
}

/// What is no message keeps its length, and is none; one that becomes too large is masked.
fn shapeless(before: &Bytes, after: &Bytes) {
    let was = parse(before).is_some();
    assert!(parse(after).is_none());
    assert!(!was || before.len() > MOST, "a message is lost");
    assert_eq!(before.len(), after.len());
}

fn same_shape(one: &Message, two: &Message) {
    assert_eq!(one.headers().len(), two.headers().len());
    // One that would have grown beyond a limit is masked, its length too.
    let length = two.headers().first(&HeaderName::ContentLength);
    let is_masked = length.is_some_and(|value| value.starts_with(b"x"));
    assert!(is_masked || one.truncated() == two.truncated());
    let method = |message: &Message| message.request().map(|r| r.method().as_bytes().to_vec());
    assert_eq!(method(one), method(two));
    let status = |message: &Message| message.response().map(|r| r.status().as_u16());
    assert_eq!(status(one), status(two));
}

/// User parts that the typed readers find, which share no line with the redactor.
fn users(message: &Message) -> Vec<Vec<u8>> {
    let headers = message.headers();
    let mut found = Vec::new();
    let mut user = |uri: &Uri<'_>| found.extend(uri.user().map(<[u8]>::to_vec));
    if let Some(request) = message.request()
        && let Ok(uri) = request.uri()
    {
        user(&uri);
    }
    for address in [headers.from(), headers.to()].into_iter().flatten() {
        user(address.uri());
    }
    for address in headers.p_asserted_identities().into_iter().flatten() {
        user(address.uri());
    }
    found
}

/// No user is the one that he was, wherever a reader looks for users.
fn nobody(before: &[Vec<u8>], after: &[Vec<u8>]) {
    for user in after {
        let masked = b"masked".starts_with(user);
        assert!(
            masked || !before.contains(user),
            "{} is left",
            user.escape_ascii()
        );
    }
}
