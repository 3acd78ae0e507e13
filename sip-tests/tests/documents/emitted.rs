//! Everything that real nodes emit validates against the schemas: every kind of message, every service, for identities of
//! every character that a URI's user part may have (RFC 3261 §25.1).

use std::collections::BTreeSet;

use bytes::Bytes;
use mcx::document::{Bounds, Document, documents};
use mcx::{McId, MessageKind, Profile, Service};
use sip_message::{Limits, Message};
use sip_tests::lab::{Lab, Node, Wire, assert_schema_valid, sent};

/// Unreserved and user-unreserved characters, and escapes.
const LEGAL: &str =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!~*'()&=+$,;?/";
/// Characters of an identity.
const LENGTH: usize = 20;

/// User parts that have every legal character between them, and among the first and the last of some, and escapes.
pub fn users() -> Vec<String> {
    let legal: Vec<char> = LEGAL.chars().collect();
    let mut users: Vec<String> = legal
        .chunks(LENGTH)
        .map(|chunk| chunk.iter().collect())
        .collect();
    // The last ones again, each at the beginning.
    let marks: Vec<char> = legal.iter().rev().take(17).copied().collect();
    users.push(marks.iter().collect());
    users.push("%3Cescaped%3E%22%26%25%E2%82%AC".into());
    users
}

/// A REGISTER of a core's with a document of its client.
fn register(from: &Wire, to: &str, call_id: &str, media_type: &str, body: &str) -> Vec<u8> {
    let (address, length) = (from.address(), body.len());
    format!(
        "REGISTER {to} SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bK{call_id}\r\nMax-Forwards: 70\r\n\
         From: <sip:core@ims.example>;tag=1\r\nTo: <sip:user@ims.example>\r\nCall-ID: {call_id}\r\n\
         CSeq: 1 REGISTER\r\nExpires: 3600\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// What the servers of A and B emit while users migrate from A to B and come back, in every service.
pub fn emitted(users: &[String]) -> Vec<Bytes> {
    let lab = Lab::new("documents");
    let [a, b] =
        ["a", "b"].map(|system| Node::start(&lab, &format!("direct/{system}-server"), |text| text));
    let [core_a, core_b] = ["a", "b"]
        .map(|system| Wire::new(&lab, &format!("{system}-core"), &format!("{system}-server")));
    let profile = Profile::default();
    for (n, user) in users.iter().enumerate() {
        for service in Service::ALL {
            let names = profile.of(service);
            let [at_a, at_b] = ["a", "b"].map(|s| format!("sip:{user}@{s}.mcx.example"));
            let claim = format!("{service}_id");
            let event = |core: &Wire, system: &str, here: &str, primary: Option<String>| {
                let document = Document {
                    access_token: Some(lab.token(system, &[(&claim, here)], 3600)),
                    primary_id: primary,
                    ..Document::default()
                };
                let to = format!("sip:mc-server@{system}.mcx.example");
                let call_id = format!("{service}-{system}-{n}");
                let media = names.media_type();
                let register = register(core, &to, &call_id, &media, &document.write(names));
                let answer = core.ask(&register);
                assert_eq!(answer.status().as_u16(), 200, "{here} {answer:?}");
            };
            event(&core_b, "b", &at_b, Some(at_a.clone()));
            b.wait_for(&["verdict=delivered"]);
            event(&core_a, "a", &at_a, None);
            // The response to B, and the de-authorization.
            for _ in 0..2 {
                a.wait_for(&["verdict=delivered"]);
            }
        }
    }
    let records = [a, b].into_iter().flat_map(|node| node.stop().1);
    sent(&records.collect::<Vec<_>>())
}

#[test]
fn everything_emitted_validates_for_identities_of_every_legal_character() {
    let users = users();
    for c in LEGAL.chars() {
        assert!(users.iter().any(|user| user.contains(c)), "{c}");
    }
    let emitted = emitted(&users);
    assert_schema_valid(&emitted);
    let mut expected = BTreeSet::new();
    for user in &users {
        let id = McId::parse(&format!("sip:{user}@a.mcx.example")).unwrap();
        for service in Service::ALL {
            for kind in MessageKind::ALL {
                expected.insert((id.as_str().to_owned(), service, kind.as_str()));
            }
        }
    }
    let mut found = BTreeSet::new();
    for bytes in emitted {
        let message = Message::parse_datagram(bytes, &Limits::default()).unwrap();
        let (profile, limits) = (Profile::default(), Limits::default());
        let bounds = Bounds::default();
        let documents = documents(message.headers(), message.body(), &profile, &limits, bounds);
        for found_one in documents.unwrap_or_default() {
            let document = found_one.document;
            let kind = document.kind.unwrap().as_str();
            found.insert((document.primary_id.unwrap(), found_one.service, kind));
        }
    }
    assert_eq!(found, expected);
}
