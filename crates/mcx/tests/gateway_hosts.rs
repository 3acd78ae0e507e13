//! L6: a host of the inside that a document names has another name outside, and comes back under it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::gateway::*;
use common::world::{B, Bench, Incoming, response, send, told};
use common::{ALICE, BOB};
use mcx::{GatewayServer, HostAlias, Random};

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

#[test]
fn of_a_multipart_body_the_other_parts_are_as_they_were() {
    let mut gateway = renaming();
    let leaving = with(leaving(), &group(HOST));
    let media = "application/vnd.3gpp.mcptt-info+xml";
    let around = |document: &str| {
        format!(
            "{HOST}\r\n--b\r\nContent-Type: {media}\r\n\r\n{document}\r\n--b\r\n\
             Content-Type: application/octet-stream\r\n\r\n{HOST}\u{0}\r\n--b--\r\n"
        )
    };
    let message = Incoming {
        content_type: "multipart/mixed;boundary=b".into(),
        body: around(&leaving.body),
        ..leaving.clone()
    };
    let (_, out) = send(&gateway.request(INSIDE, &message.request()));
    let expected = around(&leaving.body.replace(HOST, "one.a.mcx.example"));
    assert_eq!(String::from_utf8_lossy(out.body()), expected);
}

#[test]
fn a_host_that_escapes_hide_is_refused_and_not_told() {
    for hidden in [
        "&#97;s1.leak.inside.example",
        "as1.leak<![CDATA[.inside]]>.example",
    ] {
        let mut gateway = renaming();
        let leaving = with(leaving(), &format!("<x>sip:g@{hidden}</x>"));
        let out = gateway.request(INSIDE, &leaving.request());
        let response = response(&out);
        assert_eq!(told(&response).0, 400);
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
