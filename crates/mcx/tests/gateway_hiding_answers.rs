//! L6 on the way back: what a gateway lets through of an answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use bytes::Bytes;
use common::contains;
use common::gateway::*;
use common::telltales::{TELLTALES, hides};
use common::world::{B, reply, response, send, value};
use sip_message::{HeaderName, Limits, Message, Response};

/// The far end's answer with everything of its inside in it, and what the near end gets.
fn answered(status: u16, warnings: &[&str]) -> (Response, Response) {
    let mut gateway = gateway();
    let (id, request) = send(&gateway.request(B, &arriving().request()));
    let mut headers: Vec<(HeaderName, &str)> = TELLTALES
        .iter()
        .map(|line| line.split_once(": ").unwrap())
        .filter(|(name, _)| !["Via", "Warning"].contains(name))
        .map(|(name, value)| (HeaderName::from_bytes(name.as_bytes()).unwrap(), value))
        .collect();
    for warning in warnings {
        headers.push((HeaderName::Warning, warning));
    }
    headers.push((HeaderName::RetryAfter, "17 (leak);duration=3600"));
    let plain = reply(&request, status, &headers);
    let text = String::from_utf8(plain.as_bytes().to_vec()).unwrap();
    let (line, rest) = text.split_once("\r\n").unwrap();
    let code = &line[..11];
    let text = format!("{code} leak-reason\r\n{rest}leak-body")
        .replace(
            "Content-Length: 0",
            "Content-Type: text/leak\r\nContent-Length: 9",
        )
        .replace("tag=far", "tag=leak-tag");
    let Ok(Message::Response(far)) = Message::parse_datagram(Bytes::from(text), &Limits::default())
    else {
        panic!("no response");
    };
    let near = response(&gateway.answer(id, &far));
    (far, near)
}

#[test]
fn an_answer_is_made_anew() {
    for status in [
        200, 302, 400, 403, 404, 405, 415, 420, 482, 483, 500, 503, 600,
    ] {
        let (far, near) = answered(
            status,
            &["399 leak-host.inside \"141 user unknown to the participating function\""],
        );
        assert!(contains(far.as_bytes(), "leak-tag") && contains(far.as_bytes(), "leak-body"));
        hides(near.as_bytes());
        assert_eq!(near.status(), far.status());
        assert!(near.body().is_empty());
        assert_eq!(
            near.headers().call_id().unwrap(),
            b"call@x.example",
            "the near end's own"
        );
        let warning = value(&near, HeaderName::Warning).unwrap();
        assert_eq!(
            warning,
            "399 a.mcx.example \"141 user unknown to the participating function\""
        );
        assert_eq!(value(&near, HeaderName::RetryAfter).as_deref(), Some("17"));
    }
}

#[test]
fn only_3gpp_warnings_pass() {
    let (_, near) = answered(
        403,
        &[
            "399 leak-host \"179 service not authorized with the interconnected system\"",
            "399 leak-host \"141 see http://leak.inside/\"",
            "399 leak-host \"leak without code\"",
            "301 leak-host \"100 incompatible network address formats\"",
        ],
    );
    hides(near.as_bytes());
    assert_eq!(near.headers().count(&HeaderName::Warning), 1);
}
