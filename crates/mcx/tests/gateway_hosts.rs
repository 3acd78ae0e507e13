//! L6: a host of the inside that a document names has another name outside, and comes back under it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::gateway::*;
use common::world::{B, Bench, Incoming, response, send, told};
use common::{ALICE, BOB};
use mcx::{GatewayServer, HostAlias, Random};
use sip_message::HeaderName;

const HOST: &str = "as1.leak.inside.example";
const ADDRESS: &str = "10.9.8.7";

fn renaming() -> Bench<GatewayServer> {
    let alias = |inside: &str, outside: &str| HostAlias {
        inside: inside.into(),
        outside: outside.into(),
    };
    let config = mcx::GatewayConfig {
        host_aliases: vec![
            alias(HOST, "one.a.mcx.example"),
            alias(ADDRESS, "two.a.mcx.example"),
            alias("[fd00::7]", "three.a.mcx.example"),
        ],
        ..config()
    };
    Bench::new(GatewayServer::new(config, Random::new([3; 32])))
}

/// The message with one more element in its document.
fn with(message: Incoming, element: &str) -> Incoming {
    let end = "</mcptt-Params>";
    let body = message.body.replace(end, &format!("{element}{end}"));
    assert_ne!(body, message.body);
    Incoming { body, ..message }
}

fn group(host: &str) -> String {
    format!(
        "<associated-group-id>sip:group-{ADDRESS}x@{host}:5060;x=1</associated-group-id><!-- {host} -->"
    )
}

#[test]
fn what_leaves_names_no_host_of_the_inside() {
    for (inside, outside) in [
        (HOST, "one.a.mcx.example"),
        ("AS1.Leak.Inside.Example", "one.a.mcx.example"),
        (ADDRESS, "two.a.mcx.example"),
    ] {
        let mut gateway = renaming();
        let leaving = with(leaving(), &group(inside));
        let (_, out) = send(&gateway.request(INSIDE, &leaving.request()));
        let expected = leaving.body.replace(inside, outside);
        // The user part of the group is no host.
        let expected = expected.replace(&format!("group-{outside}x"), &format!("group-{inside}x"));
        assert_eq!(String::from_utf8_lossy(out.body()), expected);
    }
}

/// A multipart body of a document and another part; `boundary` and header fields may name a host too.
fn multipart(document: &str, other: &str) -> Incoming {
    let media = "application/vnd.3gpp.mcptt-info+xml";
    Incoming {
        content_type: format!("multipart/mixed;boundary=\"b {HOST}\""),
        body: format!(
            "at {HOST}\r\n--b {HOST}\r\nContent-Type: {media}\r\n\r\n{document}\r\n--b {HOST}\r\n\
             Content-Type: text/plain\r\nContent-ID: <x@{HOST}>\r\n\r\n{other}\r\n--b {HOST}--\r\n"
        ),
        ..leaving()
    }
}

#[test]
fn of_a_multipart_body_every_part_that_is_text_is_renamed() {
    let mut gateway = renaming();
    let document = with(leaving(), &group(HOST)).body;
    let message = multipart(&document, &format!("called from {HOST}"));
    let (_, out) = send(&gateway.request(INSIDE, &message.request()));
    let outside = |text: &str| text.replace(HOST, "one.a.mcx.example");
    assert_eq!(String::from_utf8_lossy(out.body()), outside(&message.body));
    let content_type = out.headers().one(&HeaderName::ContentType).unwrap();
    assert_eq!(
        String::from_utf8_lossy(content_type),
        outside(&message.content_type)
    );
    // It can be taken apart, and comes in again as it went out.
    let arriving = multipart(&with(arriving(), &group(HOST)).body, "x");
    let arriving = Incoming {
        content_type: outside(&arriving.content_type),
        body: outside(&arriving.body),
        ..common::gateway::arriving()
    };
    let (_, inner) = send(&gateway.request(B, &arriving.request()));
    let inside = arriving.body.replace("one.a.mcx.example", HOST);
    assert_eq!(String::from_utf8_lossy(inner.body()), inside);
}

#[test]
fn a_binary_part_that_names_one_is_refused_and_another_passes_as_it_is() {
    let document = with(leaving(), &group(HOST)).body;
    let media = "application/vnd.3gpp.mcptt-info+xml";
    let message = Incoming {
        content_type: "multipart/mixed;boundary=b".into(),
        ..leaving()
    };
    let body = |document: &str, other: &[u8]| {
        let before = format!(
            "--b\r\nContent-Type: {media}\r\n\r\n{document}\r\n--b\r\nContent-Type: a/b\r\n\r\n\u{0}"
        );
        [before.as_bytes(), b"\xff", other, b"\r\n--b--\r\n"].concat()
    };
    let request = message.request_with(&body(&document, b"binary"));
    let (_, out) = send(&renaming().request(INSIDE, &request));
    let outside = document.replace(HOST, "one.a.mcx.example");
    assert_eq!(out.body(), &body(&outside, b"binary"));
    let request = message.request_with(&body(&document, HOST.as_bytes()));
    let out = renaming().request(INSIDE, &request);
    let response = response(&out);
    assert_eq!(told(&response).0, 400);
    let phrase = "Body names a host of the inside beside the document";
    assert_eq!(response.reason(), phrase.as_bytes());
}

#[test]
fn a_host_that_another_spelling_hides_is_refused_and_not_told() {
    for hidden in [
        "sip:g@&#97;s1.leak.inside.example",
        "sip:g@as1.leak<![CDATA[.inside]]>.example",
        "sip:g@as1%2Eleak%2einside.example",
        "sip:g%40as1.leak.inside.example",
        "sip:g@%61s1.leak.inside.example",
        "sip:g@www.as1.leak.inside.example",
        "sip:g@[::ffff:10.9.8.7]",
        "sip:g@[fd00:0:0:0:0:0:0:7]:5060",
        "sip:g@[fd00::7%25eth0]",
    ] {
        let mut gateway = renaming();
        let leaving = with(leaving(), &format!("<x>{hidden}</x>"));
        let out = gateway.request(INSIDE, &leaving.request());
        let response = response(&out);
        assert_eq!(told(&response).0, 400, "{hidden}");
        let phrase = "Document names a host of the inside in escaped characters";
        assert_eq!(response.reason(), phrase.as_bytes());
    }
}

#[test]
fn what_enters_has_the_names_of_the_inside_again() {
    let mut gateway = renaming();
    let arriving = with(arriving(), &group("one.a.mcx.example"));
    let (_, out) = send(&gateway.request(B, &arriving.request()));
    let expected = arriving.body.replace("one.a.mcx.example", HOST);
    assert_eq!(String::from_utf8_lossy(out.body()), expected);
}

#[test]
fn identities_under_such_a_host_are_who_they_are_on_both_sides() {
    let alias = HostAlias {
        inside: HOST.into(),
        outside: "one.a.mcx.example".into(),
    };
    let mut config = config();
    config.host_aliases = vec![alias];
    config.systems.own.domains.push(HOST.into());
    let mut gateway = Bench::new(GatewayServer::new(config, Random::new([3; 32])));
    let inside = |message: Incoming, id: &str| {
        let host = id.split('@').nth(1).unwrap();
        let body = message.body.replace(id, &id.replace(host, HOST));
        Incoming { body, ..message }
    };
    let (_, out) = send(&gateway.request(INSIDE, &inside(leaving(), ALICE).request()));
    let text = String::from_utf8_lossy(out.body()).into_owned();
    assert!(text.contains("sip:alice@one.a.mcx.example"), "{text}");
    // The partner speaks about his own user, Bob, who visits as one of that host.
    let outside = |text: String| text.replace(HOST, "one.a.mcx.example");
    let arriving = inside(arriving(), common::BOB_AT_A);
    let arriving = Incoming {
        body: outside(arriving.body),
        ..arriving
    };
    assert!(arriving.body.contains(BOB));
    let (_, out) = send(&gateway.request(B, &arriving.request()));
    assert!(String::from_utf8_lossy(out.body()).contains(HOST));
}

#[test]
fn a_renamed_body_that_comes_back_is_a_loop_all_the_same() {
    let mut gateway = renaming();
    let leaving = with(leaving(), &group(HOST));
    let (_, out) = send(&gateway.request(INSIDE, &leaving.request()));
    let back = Incoming {
        body: String::from_utf8(out.body().to_vec()).unwrap(),
        ..says(
            GATEWAY_B,
            mcx::MessageKind::DeauthorizationNotification,
            BOB,
            None,
        )
    };
    let out = gateway.request(B, &back.request());
    assert_eq!(told(&response(&out)).0, 482);
}
