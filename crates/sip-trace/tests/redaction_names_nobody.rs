//! What was redacted names nobody, wherever the name stood, and still is the same message.
#![allow(clippy::unwrap_used)]

mod common;

use bytes::Bytes;
use common::{A, AG, B, BG, Story};
use sip_message::{HeaderName, Limits, Message};
use sip_trace::redact::mask;
use sip_trace::{Record, Redactor, What};

const KEY: [u8; 32] = [7; 32];

/// A JWT by its looks; the signature is none.
const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJtY3B0dF9pZCI6ImFsaWNlIn0.c2lnbmF0dXJl";

/// Each is somewhere in [`messages`], and in no header name, host or word of the protocol.
const NAMES: [&str; 21] = [
    "alice",
    "Alice",
    "Liddell",
    "visitor-4711",
    "zo%C3%AB",
    "zoë",
    "491701234567",
    "7042",
    "caterpillar",
    "dormouse",
    "hatter",
    "knave",
    "white-rabbit",
    "f81d4fae",
    "35145120",
    "queen",
    "duchess",
    "bandersnatch",
    "52.5200",
    "Tweedle",
    "walrus",
];

const SECRETS: [&str; 16] = [
    "eyJ",
    "c2lnbmF0dXJl",
    "dcd98b7102dd",
    "6629fae49393",
    "0a4f113b",
    "sesame",
    "inline:",
    "CK-1234",
    "AwR5Y2Fz",
    "opensesame1",
    "TUlLRVk",
    // No grammar tells that these are secrets: what they stand in does.
    "opaque-4712",
    "GMK-4713",
    "KEK-4714",
    "pass-4715",
    "cred-4716",
];

fn sip(start: &str, head: &str, body: &str) -> Bytes {
    let common = "Via: SIP/2.0/UDP p.a.mcx.example:5060;branch=z9hG4bK-alice-1;received=192.0.2.7\r\n\
        Max-Forwards: 70\r\nCall-ID: alice-22@a.mcx.example\r\n";
    let head = head.trim_start().replace("\n                ", "\r\n");
    Bytes::from(format!(
        "{start}\r\n{common}{head}Content-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

fn document() -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<!-- for alice -->\
        <mcpttinfo xmlns=\"urn:3gpp:ns:mcpttInfo:1.0\"><mcptt-Params>\
        <mcptt-access-token type=\"Normal\"><mcpttString>{TOKEN}</mcpttString></mcptt-access-token>\
        <mcptt-request-uri type=\"Normal\"><mcpttURI>sip:al&#105;ce@a.mcx.example</mcpttURI></mcptt-request-uri>\
        <mcptt-client-id type=\"Normal\"><mcpttString>urn:uuid:f81d4fae-7dec-11d0</mcpttString></mcptt-client-id>\
        <functional-alias user=\"tel:+49-170-1234567\">white-rabbit</functional-alias>\
        <alert entry=\"bandersnatch\"/><point>52.5200</point>\
        <anyExt><req-type type=\"Normal\"><mcpttString>migration-service-deauthorization-notification</mcpttString></req-type>\
        <partner-mcptt-id>sip:visitor-4711@b.mcx.example</partner-mcptt-id>\
        <refresh-token>opaque-4712</refresh-token><group-key><v>GMK-4713</v></group-key><sent kek-key=\"KEK-4714\"/>\
        <password>pass-4715</password><credentials>cred-4716</credentials>\
        <stay xmlns=\"urn:mcx-sip:migration:1\" number=\"7\" procedure=\"0192d3c4-7a1e-7b60-9f3e-2f4c5a6b7c8d\"/></anyExt>\
        </mcptt-Params></mcpttinfo>\r\n"
    )
}

/// A message for each place where a name can stand.
fn messages() -> Vec<Bytes> {
    let register = "REGISTER sip:a.mcx.example SIP/2.0\r\nFrom: <sip:alice@a.mcx.example>;tag=1\r\n\
        To: <sip:alice@a.mcx.example>\r\nAuthorization: Bearer sesame\r\nContent-Length: 0\r\n\r\n";
    vec![
        sip(
            "MESSAGE sip:alice:sesame@a.mcx.example:5070;transport=udp?Subject=queen SIP/2.0",
            "
                From: \"Alice \\\"Liddell\\\"\" <sip:alice@a.mcx.example;gr=f81d4fae-7dec>;tag=jabberwock-alice
                f: sip:no-second-from@a.mcx.example
                To: Tweedle Dum <sips:zo%C3%AB@b.mcx.example>
                P-Asserted-Identity: \"Liddell, Alice\" <sip:alice@a.mcx.example>, <tel:+49-170-1234567;ext=7042>
                P-Preferred-Identity: tel:7042;phone-context=a.mcx.example
                Contact: <sip:alice@192.0.2.7>;+sip.instance=\"<urn:gsma:imei:35145120-840121-0>\";q=0.5
                Authorization: Digest username=\"alice\", realm=\"a.mcx.example\", nonce=\"dcd98b7102dd\", response=\"6629fae49393\", cnonce=\"0a4f113b\", uri=\"sip:alice@a.mcx.example\"
                WWW-Authenticate: Digest realm=\"a.mcx.example\", nonce=\"dcd98b7102dd\", ck=\"CK-1234\"
                Proxy-Authorization: Bearer sesame==
                P-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=bandersnatch
                Identity: eyJhbGciOiJFUzI1NiJ9..c2lnbmF0dXJl;info=<https://cert.example.org/alice.cer>
                Warning: 399 b.mcx.example \"141 user zoë (sip:alice@a.mcx.example) unknown\"
                User-Agent: phone of visitor-4711
                X-Own: caterpillar
                X-Auth-Token: opensesame1
                Subject: about the dormouse
                History-Info: <sip:hatter@a.mcx.example?Reason=SIP%3Bknave>;index=1
                Call-Info: <http://xcap.a.mcx.example/users/sip:hatter@a.mcx.example/queen?t=sesame>
                Content-Type: application/vnd.3gpp.mcptt-info+xml
                "
            .trim_end_matches(' ')
            .replace("                f: sip:no-second-from@a.mcx.example\n", "")
            .as_str(),
            &document(),
        ),
        sip(
            "INVITE tel:+491701234567 SIP/2.0",
            "
                From: <sip:+491701234567@a.mcx.example;user=phone>;tag=2
                To: <sip:00491701234567@a.mcx.example>
                Content-Type: multipart/mixed;boundary=\"b 1\"
                "
            .trim_end_matches(' '),
            &format!(
                "for alice\r\n--b 1\r\nContent-Type: application/vnd.3gpp.mcptt-info+xml\r\n\r\n{}\r\n\
                --b 1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\no=duchess 1 1 IN IP4 192.0.2.7\r\ns=queen\r\n\
                c=IN IP4 192.0.2.7\r\nm=audio 4000 RTP/AVP 0\r\na=crypto:1 AES inline:AwR5Y2Fz\r\na=rtpmap:0 PCMU/8000\r\n\r\n\
                --b 1\r\nContent-Type: message/sip\r\nContent-Length: {}\r\n\r\n{register}\r\n\
                --b 1\r\nContent-Type: text/plain\r\n\r\nTell the walrus\r\n\
                --b 1\r\nContent-Type: application/mikey\r\n\r\nTUlLRVk=\r\n--b 1\r\n\r\nno type, ZZkeyZZ\r\n--b 1--\r\nfor alice\r\n",
                document(),
                register.len()
            ),
        ),
        sip(
            "SIP/2.0 404 alice at alice@a.mcx.example is unknown",
            "
                From: <sip:knave@a.mcx.example>;tag=2
                To: <sip:hatter@a.mcx.example>;tag=3
                Content-Type: application/vnd.3gpp.mcptt-info+xml
                "
            .trim_end_matches(' '),
            "<mcpttinfo><no>alice</end></mcpttinfo>",
        ),
        Bytes::from(format!(
            "MESSAGE sip:alice@a.mcx.example SIP/2.0\r\nFrom: <sip:alice@a.mcx.example>\r\nno colon for the walrus\r\n\
            Authorization: Bearer {TOKEN}\r\n\r\n"
        )),
        Bytes::from_static(b"SIP/2.0 404 alice\r\n alice\r\nalice"),
        Bytes::from("alice und zo\u{eb}"),
        Bytes::from_static(b"\r\n\r\n"),
    ]
}

fn story() -> Vec<Record> {
    let mut story = Story::default();
    // What names her comes after what only alludes to her.
    story.decided(
        0,
        A,
        "P1.0",
        "started",
        "zoë is back, says sip:alice@a.mcx.example",
    );
    for (number, message) in messages().iter().enumerate() {
        let ms = 10 * number as u64;
        story.passed(ms, A, AG, message);
        story.sent(ms + 2, AG, BG, message);
        story.passed(ms + 3, AG, BG, message);
        story.decided(
            ms + 4,
            B,
            "L5",
            "refused 403",
            "visitor-4711 may not say that",
        );
    }
    story.records
}

fn redacted() -> Vec<Record> {
    let mut redactor = Redactor::new(&KEY);
    redactor.all(&story())
}

fn bytes_of(record: &Record) -> Option<&Bytes> {
    match &record.what {
        What::Message(message) => Some(&message.bytes),
        What::Decision(_) => None,
    }
}

/// Everything that a record says, as bytes.
fn said(record: &Record) -> Vec<u8> {
    match &record.what {
        What::Message(message) => message.bytes.to_vec(),
        What::Decision(d) => format!("{} {} {:?}", d.verdict, d.why, d.user).into(),
    }
}

fn holds(bytes: &[u8], word: &str) -> bool {
    bytes
        .windows(word.len())
        .any(|window| window == word.as_bytes())
}

#[test]
fn no_name_and_no_secret_is_left() {
    let (before, after) = (story(), redacted());
    for word in NAMES.iter().chain(&SECRETS) {
        let there = before.iter().any(|record| holds(&said(record), word));
        assert!(
            there || *word == "zoë",
            "{word} is in no message of the test"
        );
        for record in &after {
            let text = said(record);
            assert!(
                !holds(&text, word),
                "{word} in\n{}",
                String::from_utf8_lossy(&text)
            );
        }
    }
}

#[test]
fn secrets_are_masked_where_names_stay() {
    let redactor = Redactor::secrets_only();
    let after: Vec<Record> = story().iter().map(|r| redactor.record(r)).collect();
    for word in SECRETS {
        for record in &after {
            let text = said(record);
            assert!(
                !holds(&text, word),
                "{word} in\n{}",
                String::from_utf8_lossy(&text)
            );
        }
    }
    let first = after.iter().find_map(bytes_of).unwrap();
    for word in [
        "sip:alice",
        "Liddell, Alice",
        "caterpillar",
        "white-rabbit",
        "visitor-4711",
        "+49-170-1234567",
    ] {
        assert!(
            holds(first, word),
            "{word} is not in\n{}",
            String::from_utf8_lossy(first)
        );
    }
}

#[test]
fn one_name_has_one_pseudonym_wherever_it_stands() {
    let after = redacted();
    let user = |uri: &str| {
        let rest = uri.split_once("u-").unwrap().1;
        rest.split_once(['@', ':']).unwrap().0.to_owned()
    };
    let first = String::from_utf8_lossy(after.iter().find_map(bytes_of).unwrap()).into_owned();
    let alice = user(first.lines().next().unwrap());
    assert_eq!(alice.len(), 12);
    for place in ["P-Asserted-Identity: ", "Contact: ", "<mcpttURI>", "From: "] {
        let text = first.split_once(place).unwrap().1;
        assert_eq!(user(text), alice, "{place}");
    }
    assert!(
        first.contains(&format!("Call-ID: u-{alice}-22@a.mcx.example")),
        "{first}"
    );
    let decision = String::from_utf8(said(&after[0])).unwrap();
    assert!(
        decision.contains(&format!("says sip:u-{alice}@a.mcx.example")),
        "{decision}"
    );
    // The number with and without separators, as tel: and as user.
    let invite = after
        .iter()
        .filter_map(bytes_of)
        .find(|b| b.starts_with(b"INVITE"))
        .unwrap();
    let invite = String::from_utf8_lossy(invite);
    let number = invite
        .strip_prefix("INVITE tel:+")
        .unwrap()
        .split_once(' ')
        .unwrap()
        .0;
    assert!(first.contains(&format!("<tel:+{number};ext=")), "{first}");
    assert!(
        first.contains(&format!("user=\"tel:+{number}\"")),
        "{first}"
    );
    assert!(
        invite.contains(&format!("<sip:+{number}@a.mcx.example;user=phone>")),
        "{invite}"
    );
    // The message in the message, and another key.
    assert!(invite.contains(&format!(
        "To: <sip:u-{alice}@a.mcx.example>\r\nAuthorization: Bearer masked"
    )));
    let other = Redactor::new(&[8; 32]).message(&messages()[0]);
    assert!(!holds(&other, &alice));
}

#[test]
fn what_is_configuration_stays() {
    let redactor =
        Redactor::new(&KEY).keeping(["sip:psi@a.mcx.example", "sip:psi@b.mcx.example:5060;lr"]);
    let after = redactor.message(&common::notification("one"));
    let text = String::from_utf8_lossy(&after).into_owned();
    assert!(
        text.starts_with("MESSAGE sip:psi@b.mcx.example SIP/2.0\r\n"),
        "{text}"
    );
    assert!(
        text.contains("From: <sip:psi@a.mcx.example>;tag=1\r\n"),
        "{text}"
    );
    assert!(!text.contains("alice"), "{text}");
    let all = Redactor::new(&KEY).message(&common::notification("one"));
    assert!(!holds(&all, "psi@"));
}

#[test]
fn it_is_the_same_message_with_the_right_length() {
    for (before, after) in story().iter().zip(redacted()) {
        let (Some(before), Some(after)) = (bytes_of(before), bytes_of(&after)) else {
            continue;
        };
        let parse = |bytes: &Bytes| Message::parse_datagram(bytes.clone(), &Limits::default());
        let (Ok(old), Ok(new)) = (parse(before), parse(after)) else {
            assert_eq!(parse(before).is_ok(), parse(after).is_ok());
            assert_eq!(before.len(), after.len());
            continue;
        };
        let names = |message: &Message| -> Vec<String> {
            message
                .headers()
                .iter()
                .map(|(name, _)| name.to_string())
                .collect()
        };
        assert_eq!(names(&old), names(&new));
        let length = new.headers().first(&HeaderName::ContentLength).unwrap();
        assert_eq!(length, new.body().len().to_string().as_bytes());
        assert!(!new.truncated());
        assert!(old.headers().from().is_ok() && new.headers().from().is_ok());
        assert!(
            new.headers().to().is_ok()
                && new.headers().cseq().is_err() == old.headers().cseq().is_err()
        );
        let contacts = |m: &Message| m.headers().contacts().map(|c| format!("{c:?}").len() > 2);
        assert_eq!(contacts(&old), contacts(&new));
    }
}

#[test]
fn a_datagram_that_was_cut_stays_one() {
    let whole = common::notification("one");
    let cut = whole.slice(..whole.len() - 40);
    let parse = |bytes: Bytes| Message::parse_datagram(bytes, &Limits::default()).unwrap();
    assert!(parse(cut.clone()).truncated());
    let after = parse(Redactor::new(&KEY).message(&cut));
    assert!(after.truncated());
    let said = String::from_utf8_lossy(after.headers().first(&HeaderName::ContentLength).unwrap())
        .into_owned();
    assert_eq!(said.parse::<usize>().unwrap(), after.body().len() + 40);
}

#[test]
fn of_broken_bytes_the_shape_and_the_protocols_words_remain() {
    let masked = |bytes: &'static [u8]| String::from_utf8_lossy(&mask(bytes)).into_owned();
    assert_eq!(
        masked(
            b"MESSAGE sip:alice@a SIP/2.0\r\nFrom: <sip:alice@a>\r\nno colon\r\nX-Alice: 1\r\n\r\n"
        ),
        "MESSAGE xxx:xxxxx@x SIP/2.0\r\nFrom: <xxx:xxxxx@x>\r\nxx xxxxx\r\nxxxxxxx: x\r\n\r\n"
    );
    assert_eq!(
        masked(b"SIP/2.0 404 alice\r\n alice"),
        "SIP/2.0 404 xxxxx\r\n xxxxx"
    );
    assert_eq!(masked(b"SIP/2.0 404alice"), "SIP/2.0 xxxxxxxx");
    assert_eq!(
        masked(b"ALICE sip:bob@a SIP/2.0"),
        "xxxxx xxx:xxx@x SIP/2.0"
    );
    assert_eq!(masked(b"MESSAGE to alice"), "xxxxxxx xx xxxxx");
    assert_eq!(masked(b"\r\n\r\n"), "\r\n\r\n");
    assert_eq!(masked("zoë\0".as_bytes()), "xxxx\0");
}
