//! What a message is called on an arrow: its method and MC kind, its status and MC warning code, or what it is not.

mod common;

use std::collections::HashMap;

use bytes::Bytes;
use common::{answer, notification};
use sip_trace::summary::{Class, Labels, MAX_LABEL_CHARS, label, summarize};

fn named(bytes: &[u8]) -> String {
    label(&Bytes::copy_from_slice(bytes), &Labels::default())
}

fn message(body: &str) -> Bytes {
    let head = "MESSAGE sip:psi@b.mcx.example SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKx\r\nFrom: <sip:a@a>;tag=1\r\n\
                To: <sip:b@b>\r\nCall-ID: x\r\nCSeq: 1 MESSAGE\r\nContent-Type: application/vnd.3gpp.mcptt-info+xml\r\n";
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into()
}

#[test]
fn a_request_is_called_by_its_method_and_mc_kind() {
    assert_eq!(named(&notification("x")), "MESSAGE de-authorization");
    assert_eq!(named(&message("")), "MESSAGE");
    assert_eq!(named(&message("<a/>")), "MESSAGE");
    let register = String::from_utf8_lossy(&message("")).replace("MESSAGE", "REGISTER");
    assert_eq!(named(register.as_bytes()), "REGISTER");
    assert_eq!(
        summarize(&message(""), &Labels::default()).class,
        Class::Request
    );
}

#[test]
fn the_kind_is_found_however_the_document_is_written() {
    for body in [
        "<mcpttinfo><req-type type=\"Normal\">\r\n <mcpttString>\r\n k-1 </mcpttString></req-type></mcpttinfo>",
        "<m:mcpttinfo><m:resp-type><m:mcpttString>k-1</m:mcpttString></m:resp-type></m:mcpttinfo>",
        "<mcdatainfo><request-type>k-1</request-type></mcdatainfo>",
        "--b\r\nContent-Type: application/vnd.3gpp.mcptt-info+xml\r\n\r\n<req-type>k-1</req-type>\r\n--b--",
    ] {
        assert_eq!(named(&message(body)), "MESSAGE k-1", "{body}");
    }
}

#[test]
fn what_only_looks_like_a_kind_is_not_one() {
    for body in [
        "<req-typed>k</req-typed>",
        "<req-type/>",
        "<req-type>",
        "<req-type",
        "<req-type><",
        "<req-type><a><b>k</b></a></req-type>",
        "<req-type>two words</req-type>",
        "<req-type>esc\u{1b}[31m</req-type>",
        &format!("{}<req-type>too far</req-type>", " ".repeat(20_000)),
    ] {
        assert_eq!(named(&message(body)), "MESSAGE", "{body}");
    }
}

#[test]
fn short_names_are_a_table_and_long_ones_are_cut() {
    let labels = Labels(HashMap::from([("k-1".to_owned(), "greeting".to_owned())]));
    assert_eq!(
        label(&message("<req-type>k-1</req-type>"), &labels),
        "MESSAGE greeting"
    );
    let long = named(&message(&format!(
        "<req-type>{}</req-type>",
        "k".repeat(200)
    )));
    assert!(long.ends_with('…') && long.chars().count() <= "MESSAGE ".len() + MAX_LABEL_CHARS);
}

#[test]
fn an_answer_is_called_by_its_status_and_mc_warning_code() {
    assert_eq!(named(&answer("x", "200 OK", None)), "200 OK");
    let unknown = answer(
        "x",
        "404 Not Found",
        Some("141 user unknown to the participating function"),
    );
    assert_eq!(named(&unknown), "404 Not Found · 141");
    assert_eq!(
        named(&answer("x", "400 Bad Request", Some("no code here"))),
        "400 Bad Request"
    );
    let classes = [
        ("100 Trying", Class::Provisional),
        ("202 Accepted", Class::Success),
        ("302 Moved", Class::Failure),
        ("503 No", Class::Failure),
    ];
    for (status, class) in classes {
        assert_eq!(
            summarize(&answer("x", status, None), &Labels::default()).class,
            class,
            "{status}"
        );
    }
}

#[test]
fn junk_is_said_to_be_no_sip() {
    assert_eq!(
        named(b"\xff\x00 binary with a length of 37 bytes.."),
        "not SIP, 37 bytes"
    );
    assert_eq!(named(b"x"), "not SIP, 1 byte");
    assert_eq!(named(b"\r\n\r\n"), "keep-alive");
    assert_eq!(named(b"\r\n"), "keep-alive");
    assert_eq!(named(b""), "not SIP, 0 bytes");
    assert_eq!(
        summarize(&Bytes::new(), &Labels::default()).class,
        Class::Broken
    );
}

#[test]
fn a_broken_message_is_called_by_what_can_still_be_read() {
    let broken = b"MESSAGE sip:psi@b.mcx.example SIP/2.0\r\nno colon here\r\n\r\n";
    assert_eq!(named(broken), "MESSAGE, broken");
    assert_eq!(named(b"SIP/2.0 404 Not Found"), "404 Not Found, broken");
    assert_eq!(
        summarize(&Bytes::from_static(broken), &Labels::default()).class,
        Class::Broken
    );
}

#[test]
fn no_bytes_whatever_make_it_panic() {
    let whole = notification("x");
    for cut in 0..whole.len() {
        named(&whole[..cut]);
        let mut changed = whole.to_vec();
        for byte in [0, b'<', b'>', b'"', b' ', 0xFF] {
            changed[cut] = byte;
            named(&changed);
        }
    }
}
