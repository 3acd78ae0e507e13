//! RFC 3261 §17.1.3 and §17.2.3: what belongs to which transaction.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Bench, THERE, answer, incoming, parse, via};
use sip_message::Method;
use sip_transaction::{Event, Transport};

#[test]
fn another_branch_is_another_transaction() {
    let mut bench = Bench::new();
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    let (one, _) = bench.handed_up();
    bench.receive(incoming("MESSAGE", &via("z9hG4bK2")));
    let (two, _) = bench.handed_up();
    assert_ne!(one, two);
}

#[test]
fn the_same_branch_of_another_sender_is_another_transaction() {
    let mut bench = Bench::new();
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    let (one, _) = bench.handed_up();
    for sent_by in ["198.51.100.3:5060", "198.51.100.2:5061", "198.51.100.2"] {
        let via = format!("SIP/2.0/UDP {sent_by};branch=z9hG4bK1;rport");
        bench.receive(incoming("MESSAGE", &via));
        let (other, _) = bench.handed_up();
        assert_ne!(one, other, "{sent_by}");
    }
}

#[test]
fn the_same_branch_with_another_method_is_another_transaction() {
    let mut bench = Bench::new();
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    bench.handed_up();
    bench.receive(incoming("OPTIONS", &via("z9hG4bK1")));
    bench.handed_up();
}

#[test]
fn case_does_not_tell_branches_or_hosts_apart() {
    let mut bench = Bench::new();
    bench.receive(incoming(
        "MESSAGE",
        "SIP/2.0/UDP Host.example;branch=z9hG4bKaB;rport",
    ));
    bench.handed_up();
    bench.receive(incoming(
        "MESSAGE",
        "SIP/2.0/UDP hOST.EXAMPLE;branch=Z9HG4BKAb;rport",
    ));
    bench.no_event();
    assert_eq!(bench.endpoint.counters().absorbed, 1);
}

#[test]
fn a_client_of_rfc_2543_is_matched_by_the_rest() {
    let mut bench = Bench::new();
    for branch in ["", ";branch=1", ";branch=z9hG4bK"] {
        let via = format!("SIP/2.0/UDP {THERE}{branch};rport");
        bench.receive(incoming("MESSAGE", &via));
        bench.handed_up();
        bench.receive(incoming("MESSAGE", &via));
        bench.no_event();
    }
    let text = "MESSAGE sip:server@a.example SIP/2.0\r\n\
        Via: SIP/2.0/UDP 198.51.100.2:5060;rport\r\n\
        Max-Forwards: 70\r\n\
        From: <sip:server@b.example>;tag=b1\r\n\
        To: <sip:server@a.example>\r\n\
        Call-ID: 1@b.example\r\n\
        CSeq: 2 MESSAGE\r\n\
        Content-Length: 0\r\n\r\n";
    bench.receive(parse(text.as_bytes().into()));
    bench.handed_up();
}

#[test]
fn an_answer_belongs_to_the_request_of_its_branch() {
    let mut bench = Bench::new();
    let (one, first) = bench.request(Method::Message, Transport::Udp);
    let (two, second) = bench.request(Method::Message, Transport::Udp);
    for (id, request) in [(two, second), (one, first)] {
        bench.receive(answer(&request, 200));
        assert!(matches!(bench.event(), Event::Answer { client, .. } if client == id));
    }
}

#[test]
fn an_answer_with_another_method_in_cseq_is_a_stray() {
    let mut bench = Bench::new();
    let (_, request) = bench.request(Method::Message, Transport::Udp);
    let text = String::from_utf8(answer(&request, 200).as_bytes().to_vec()).unwrap();
    let other = text.replace("CSeq: 1 MESSAGE", "CSeq: 1 OPTIONS");
    bench.receive(parse(other.into_bytes().into()));
    assert_eq!(bench.stray(), "response to no request of ours");
    bench.receive(answer(&request, 200));
    assert!(matches!(bench.event(), Event::Answer { .. }));
}

#[test]
fn an_answer_with_a_branch_that_is_not_ours_is_a_stray() {
    let mut bench = Bench::new();
    let (_, request) = bench.request(Method::Message, Transport::Udp);
    let text = String::from_utf8(answer(&request, 200).as_bytes().to_vec()).unwrap();
    let other = text.replace("branch=z9hG4bK", "branch=z9hG4bK0");
    bench.receive(parse(other.into_bytes().into()));
    assert_eq!(bench.stray(), "response to no request of ours");
}

#[test]
fn branches_are_never_the_same() {
    let mut bench = Bench::new();
    let mut seen = std::collections::HashSet::new();
    for _ in 0..1000 {
        let (_, request) = bench.request(Method::Message, Transport::Udp);
        let headers = request.headers();
        let via = headers.top_via().unwrap();
        assert!(via.branch().unwrap().starts_with(b"z9hG4bK"));
        assert_eq!(via.rport(), Some(None));
        assert!(seen.insert(via.branch().unwrap().to_vec()));
    }
}
