//! SIPp's built-in calls, INVITE-ACK-BYE, with the example programs: a user agent that answers, one that calls, and a
//! stateful relay. Over UDP, with every fifth message lost too, over TCP, and over TLS, where OpenSSL (stunnel) is at
//! the other end: Debian's SIPp has no TLS. Every call succeeds.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use sip_tests::lab::{
    Authority, Example, Lab, Loss, Over, Sipp, Stunnel, sipp_installed, stunnel_installed,
};

/// Calls of a test: some tens, so that losing every fifth message meets each message of a call.
const CALLS: u32 = 30;
/// The domain that certificates of the example programs name.
const DOMAIN: &str = "a.mcx.example";

const UDP: (&str, Over) = ("udp", Over::Udp);
const TCP: (&str, Over) = ("tcp", Over::Tcp);
const TCP_EACH: (&str, Over) = ("tcp", Over::TcpEach(100));

fn at(lab: &Lab, transport: &str, name: &str) -> String {
    format!("{transport}:{}", lab.address(name))
}

fn arguments(listen: &str, more: &[&str]) -> Vec<String> {
    let all = ["--listen", listen];
    let all = all.iter().chain(more);
    all.map(|&text| text.to_owned()).collect()
}

/// Arguments of an example program that speaks TLS with a certificate of its own.
fn with_tls(authority: &Authority, mut arguments: Vec<String>) -> Vec<String> {
    let files = authority.sign("example", &["URI:sip:a.mcx.example", "DNS:a.mcx.example"]);
    for (name, file) in [
        ("--tls-certificate", &files.certificate),
        ("--tls-key", &files.key),
        ("--tls-roots", &files.roots),
    ] {
        arguments.extend([name.to_owned(), file.display().to_string()]);
    }
    arguments.push("--require-client-certificate".to_owned());
    arguments
}

/// SIPp calls.
fn uac(lab: &Lab, over: Over, at: &str, to: &str, loss: Loss) -> Sipp {
    Sipp::calls(lab, "uac", over, at, Some(to), CALLS, loss)
}

/// SIPp answers.
fn uas(lab: &Lab, over: Over, at: &str, loss: Loss) -> Sipp {
    Sipp::calls(lab, "uas", over, at, None, CALLS, loss)
}

/// SIPp that answers is content too, where it ends by itself.
fn content(uas: Sipp, loss: Loss) {
    if loss == Loss::None {
        uas.succeeds_with(CALLS);
    }
}

fn the_uas_answers_every_call((transport, over): (&str, Over), loss: Loss) {
    let lab = Lab::new("calls-uas");
    let uas = Example::start("uas", &arguments(&at(&lab, transport, "uas"), &[]));
    uac(&lab, over, "sipp", "uas", loss).succeeds_with(CALLS);
    drop(uas);
}

fn the_uac_completes_every_call((transport, over): (&str, Over), loss: Loss) {
    let lab = Lab::new("calls-uac");
    let sipp = uas(&lab, over, "sipp", loss);
    let calls = CALLS.to_string();
    let to = at(&lab, transport, "sipp");
    let said = Example::start(
        "uac",
        &arguments(
            &at(&lab, transport, "uac"),
            &["--to", &to, "--calls", &calls, "--rate", "100"],
        ),
    )
    .succeeds();
    assert_eq!(said, format!("{CALLS} calls succeeded, 0 failed\n"));
    // Whose connection ends while it waits for BYEs that come again, SIPp counts as failed.
    if over == Over::Udp {
        content(sipp, loss);
    }
}

fn the_relay_hands_every_call_on(
    (here, caller): (&str, Over),
    (there, called): (&str, Over),
    loss: Loss,
) {
    let lab = Lab::new("calls-relay");
    let sipp = uas(&lab, called, "uas", loss);
    let to = at(&lab, there, "uas");
    // Where the two sides differ, it listens on both.
    let mut relay = arguments(&at(&lab, here, "relay"), &["--to", &to, "--record-route"]);
    if here != there {
        relay.extend(arguments(&at(&lab, there, "relay"), &[]));
    }
    let relay = Example::start("relay", &relay);
    uac(&lab, caller, "uac", "relay", loss).succeeds_with(CALLS);
    content(sipp, loss);
    drop(relay);
}

#[test]
fn the_uas_answers_calls_over_udp() {
    if sipp_installed() {
        the_uas_answers_every_call(UDP, Loss::None);
    }
}

#[test]
fn the_uas_answers_calls_over_udp_that_loses_every_fifth_message() {
    if sipp_installed() {
        the_uas_answers_every_call(UDP, Loss::EveryFifth);
    }
}

#[test]
fn the_uas_answers_calls_over_one_tcp_connection() {
    if sipp_installed() {
        the_uas_answers_every_call(TCP, Loss::None);
    }
}

#[test]
fn the_uas_answers_calls_over_a_tcp_connection_each() {
    if sipp_installed() {
        the_uas_answers_every_call(TCP_EACH, Loss::None);
    }
}

#[test]
fn the_uac_completes_calls_over_udp() {
    if sipp_installed() {
        the_uac_completes_every_call(UDP, Loss::None);
    }
}

#[test]
fn the_uac_completes_calls_over_udp_that_loses_every_fifth_message() {
    if sipp_installed() {
        the_uac_completes_every_call(UDP, Loss::EveryFifth);
    }
}

#[test]
fn the_uac_completes_calls_over_tcp() {
    if sipp_installed() {
        the_uac_completes_every_call(TCP, Loss::None);
    }
}

#[test]
fn the_relay_hands_calls_on_over_udp() {
    if sipp_installed() {
        the_relay_hands_every_call_on(UDP, UDP, Loss::None);
    }
}

#[test]
fn the_relay_hands_calls_on_over_udp_that_loses_every_fifth_message_on_both_sides() {
    if sipp_installed() {
        the_relay_hands_every_call_on(UDP, UDP, Loss::EveryFifth);
    }
}

#[test]
fn the_relay_hands_calls_on_over_tcp() {
    if sipp_installed() {
        the_relay_hands_every_call_on(TCP, TCP, Loss::None);
    }
}

#[test]
fn the_relay_hands_calls_on_from_a_tcp_connection_each_to_one() {
    if sipp_installed() {
        the_relay_hands_every_call_on(TCP_EACH, TCP, Loss::None);
    }
}

#[test]
fn the_relay_hands_calls_on_between_udp_and_tcp() {
    if sipp_installed() {
        the_relay_hands_every_call_on(UDP, TCP, Loss::None);
        the_relay_hands_every_call_on(TCP, UDP, Loss::None);
    }
}

#[test]
fn the_uas_answers_calls_over_tls() {
    if !sipp_installed() || !stunnel_installed() {
        return;
    }
    let (lab, authority) = (Lab::new("calls-uas-tls"), Authority::new());
    let uas = arguments(&at(&lab, "tls", "uas"), &[]);
    let uas = Example::start("uas", &with_tls(&authority, uas));
    let files = authority.sign("stunnel", &["URI:sip:b.mcx.example"]);
    let stunnel = Stunnel::client(&lab, "stunnel", "uas", &files, DOMAIN);
    for over in [Over::Tcp, Over::TcpEach(100)] {
        uac(&lab, over, "sipp", "stunnel", Loss::None).succeeds_with(CALLS);
    }
    drop((uas, stunnel));
}

#[test]
fn the_uac_completes_calls_over_tls() {
    if !sipp_installed() || !stunnel_installed() {
        return;
    }
    let (lab, authority) = (Lab::new("calls-uac-tls"), Authority::new());
    let sipp = uas(&lab, Over::Tcp, "sipp", Loss::None);
    let files = authority.sign("stunnel", &["URI:sip:b.mcx.example"]);
    let stunnel = Stunnel::server(&lab, "stunnel", "sipp", &files);
    let (calls, to) = (CALLS.to_string(), at(&lab, "tls", "stunnel"));
    let more = [
        "--to",
        &to,
        "--domain",
        "b.mcx.example",
        "--calls",
        &calls,
        "--rate",
        "100",
    ];
    let uac = arguments(&at(&lab, "tls", "uac"), &more);
    let said = Example::start("uac", &with_tls(&authority, uac)).succeeds();
    assert_eq!(said, format!("{CALLS} calls succeeded, 0 failed\n"));
    drop((sipp, stunnel));
}

#[test]
fn the_relay_hands_calls_on_over_tls() {
    if !sipp_installed() || !stunnel_installed() {
        return;
    }
    let (lab, authority) = (Lab::new("calls-relay-tls"), Authority::new());
    let files = authority.sign("stunnel", &["URI:sip:b.mcx.example"]);
    let sipp = uas(&lab, Over::Tcp, "uas", Loss::None);
    let far = Stunnel::server(&lab, "far", "uas", &files);
    let to = at(&lab, "tls", "far");
    let more = ["--to", &to, "--domain", "b.mcx.example", "--record-route"];
    let relay = arguments(&at(&lab, "tls", "relay"), &more);
    let relay = Example::start("relay", &with_tls(&authority, relay));
    let near = Stunnel::client(&lab, "near", "relay", &files, DOMAIN);
    uac(&lab, Over::Tcp, "uac", "near", Loss::None).succeeds_with(CALLS);
    content(sipp, Loss::None);
    drop((far, relay, near));
}
