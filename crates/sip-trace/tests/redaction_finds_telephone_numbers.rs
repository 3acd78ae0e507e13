//! A telephone number that is known by its URI is found in free text, however people write it.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use bytes::Bytes;
use common::{A, B, Story};
use sip_message::{HeaderName, Limits, Message};
use sip_trace::{Record, Redactor, What};

const KEY: [u8; 32] = [7; 32];

/// One message whose sender and Reason are these.
fn story(from: &str, reason: &str) -> Vec<Record> {
    let mut story = Story::default();
    story.sent(1, A, B, &message(from, reason));
    story.records
}

fn message(from: &str, reason: &str) -> Bytes {
    let head = format!(
        "Via: SIP/2.0/UDP 127.0.0.1:40001;branch=z9hG4bKone\r\nMax-Forwards: 70\r\nFrom: {from};tag=1\r\n\
         To: <sip:psi@b.mcx.example>\r\nCall-ID: one@a.mcx.example\r\nCSeq: 1 MESSAGE\r\n\
         Reason: Q.850;cause=16;text=\"{reason}\"\r\n"
    );
    let inner = format!("SIP/2.0 404 Not Found\r\n{head}Content-Length: 0\r\n\r\n");
    Bytes::from(format!(
        "MESSAGE sip:psi@b.mcx.example SIP/2.0\r\n{head}Content-Type: message/sip\r\nContent-Length: {}\r\n\r\n{inner}",
        inner.len()
    ))
}

fn parse(bytes: &Bytes) -> Message {
    Message::parse_datagram(bytes.clone(), &Limits::default()).unwrap()
}

fn only(records: &[Record]) -> Bytes {
    let [record] = records else {
        panic!("{} records", records.len());
    };
    let What::Message(message) = &record.what else {
        panic!("a decision");
    };
    message.bytes.clone()
}

/// What becomes of the text beside that sender, and what stands for his number in his URI.
fn redacted(from: &str, text: &str) -> (String, String) {
    let mut redactor = Redactor::new(&KEY);
    let after = parse(&only(&redactor.all(&story(from, text))));
    assert!(!after.truncated());
    let length = after.headers().first(&HeaderName::ContentLength).unwrap();
    assert_eq!(length, after.body().len().to_string().as_bytes());
    let reason = |message: &Message| {
        let value = message.headers().first(&HeaderName::Reason).unwrap();
        let value = String::from_utf8_lossy(value).into_owned();
        let (_, text) = value.split_once("text=\"").unwrap();
        text.strip_suffix('"').unwrap().to_owned()
    };
    let inner = parse(&Bytes::copy_from_slice(after.body()));
    assert!(!inner.truncated());
    assert_eq!(reason(&inner), reason(&after));
    let from = after.headers().from().unwrap();
    let number = String::from_utf8_lossy(from.uri().as_bytes()).into_owned();
    let digits = number.find("999").unwrap();
    (reason(&after), number[digits..digits + 15].to_owned())
}

#[test]
fn numbers_are_found_with_all_separators() {
    for from in [
        "<tel:+44-20-7946-0958>",
        "<sip:+442079460958@a.mcx.example;user=phone>",
        "<sip:00442079460958@a.mcx.example>",
        "\"442079460958\" <sip:+442079460958@a.mcx.example>",
    ] {
        for (written, wanted) in [
            ("+442079460958", "+N"),
            ("+44 20 7946 0958", "+N"),
            ("+44.20.7946.0958", "+N"),
            ("+44-20-7946-0958", "+N"),
            ("+44 (0)20 7946 0958", "+N"),
            ("+44 (20) 7946 - 0958", "+N"),
            ("+44\u{a0}20\u{202f}7946\u{2011}0958", "+N"),
            ("+44%2020%207946%200958", "+N"),
            ("(+44) 20 7946 0958", "N"),
            ("((+44) 20 7946 0958)", "(N)"),
            ("(+44 (0)20 7946 0958)", "(+N)"),
            ("+44  20   7946    0958", "+N"),
            ("020\u{2003}7946\u{2212}0958", "N"),
            ("020_7946_0958", "N"),
            // An extension, and what else follows or goes before.
            ("020 7946 0958x12", "Nx12"),
            ("020 7946-0958ext", "Next"),
            ("g02079460958", "gN"),
            ("(+44 20 7946 0958)", "(+N)"),
            ("00 44 20/79460958", "N"),
            // As in the country itself.
            ("(020) 7946-0958", "N"),
            ("020 7946 0958", "N"),
            ("02079460958", "N"),
            // Two of them, and numbers beside it.
            ("16 020 7946 0958, 44 20 7946 0958", "16 N, N"),
            ("7 +44 20 7946 0958 3", "7 +N 3"),
            ("+44 20 7946 0958 12345678", "+N 12345678"),
            ("tel:+44 20 7946 0958", "tel:+999"),
            ("call-02079460958@host", "call-N@host"),
        ] {
            let text = format!("caller {written} is gone");
            let (after, number) = redacted(from, &text);
            if wanted == "tel:+999" {
                // A URI ends at a blank; what follows is found all the same.
                let (uri, rest) = after.split_at("caller tel:+999".len());
                assert_eq!(uri, "caller tel:+999");
                assert!(rest.ends_with(&format!(" {number} is gone")), "{after}");
                continue;
            }
            let wanted = format!("caller {wanted} is gone").replace('N', &number);
            assert!(
                // An address of free text has a name of its own.
                after == wanted || written.contains('@') && !after.contains("7946"),
                "{from}, {text}: {after}, not {wanted}"
            );
        }
    }
}

#[test]
fn as_a_display_name_it_is_one_and_a_number_elsewhere() {
    let from = "\"+44 20 7946 0958\" <sip:+442079460958@a.mcx.example>";
    let (after, number) = redacted(from, "+44 20 7946 0958, +44 2079460958");
    let (name, rest) = after.split_once(", ").unwrap();
    assert!(name.starts_with("n-") && name.len() == 14, "{after}");
    assert_eq!(rest, format!("+{number}"));
}

#[test]
fn a_number_that_is_known_without_its_country_code_is_found_with_it() {
    let from = "<tel:020-7946-0958;phone-context=a.mcx.example>";
    for (written, wanted) in [
        ("+44 20 7946 0958", "+N"),
        ("0044 20 7946 0958", "N"),
        ("020 7946 0958", "N"),
        ("(020) 7946.0958", "N"),
        // Not said to be international: another one.
        ("44 20 7946 0958", "44 N"),
    ] {
        let (after, number) = redacted(from, written);
        assert_eq!(after, wanted.replace('N', &number), "{written}");
    }
    // A zero that belongs to the number.
    let (after, number) = redacted("<tel:+390669812345>", "06 6981 2345, +39 06 69812345");
    assert_eq!(after, format!("{number}, +{number}"));
}

#[test]
fn other_numbers_stay() {
    for written in [
        "+44 20 7946 0959",
        "+44 20 7946 095",
        "44 20 79460958 77 1",
        "420794609588",
        "2026-01-01 00:00:00.123456",
        "192.0.2.44",
        "44 20; 946 0958",
        "44 - - 20 7946 0957",
        "946 0958",
    ] {
        let (after, number) = redacted("<tel:+442079460958>", written);
        // What follows 44 in the third is the number itself.
        let wanted = match written {
            "44 20 79460958 77 1" => format!("{number} 77 1"),
            other => other.to_owned(),
        };
        assert_eq!(after, wanted);
    }
    // Short ones mean too many other things.
    let (after, _) = redacted("<tel:+123456>", "took 123 456 µs, 12-34-56");
    assert_eq!(after, "took 123 456 µs, 12-34-56");
}

#[test]
fn addresses_and_ports_are_no_numbers() {
    for (from, written) in [
        (
            "<sip:10203040@x.example>",
            "peer 10.20.30.40:5060, [::ffff:10.20.30.40]",
        ),
        (
            "<sip:5060503@x.example>",
            "127.0.0.1:5060 503 Service Unavailable",
        ),
        ("<sip:5060503@x.example>", "[::1]:5060 503"),
    ] {
        let (after, _) = redacted(from, written);
        assert_eq!(after, written);
    }
}

#[test]
fn where_names_stay_numbers_do() {
    let redactor = Redactor::secrets_only();
    let records = story("<tel:+442079460958>", "+44 20 7946 0958");
    assert_eq!(redactor.record(&records[0]), records[0]);
}
