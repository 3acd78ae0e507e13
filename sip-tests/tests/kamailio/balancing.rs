//! Two gateways of A's behind a load balancer, over each transport: both are used, and one alone does when the other leaves.

use std::collections::BTreeSet;

use sip_message::{Message, Method};
use sip_tests::lab::kamailio_installed;
use sip_trace::{Direction, Record, Transport, What};

use super::clients::{AT_B, AT_HOME, sipsak_installed};
use super::systems::{For, Over, SECOND, Systems};

/// How many requests of a method a node got, and over what.
fn got(records: &[Record], method: &Method) -> (usize, BTreeSet<&'static str>) {
    let limits = sip_message::Limits::default();
    let mut transports = BTreeSet::new();
    let mut count = 0;
    for record in records {
        let What::Message(message) = &record.what else {
            continue;
        };
        let parsed = Message::parse_datagram(message.bytes.clone(), &limits);
        let is_one = matches!(&parsed, Ok(Message::Request(request)) if request.method() == method);
        if message.direction == Direction::Received && is_one {
            count += 1;
            transports.insert(match message.transport {
                Transport::Udp => "udp",
                Transport::Tcp => "tcp",
                Transport::Tls => "tls",
            });
        }
    }
    (count, transports)
}

fn each_is_used_and_one_is_enough(test: &str, over: Over, transport: &str) {
    if !kamailio_installed() || !sipsak_installed() {
        return;
    }
    let mut systems = Systems::made_for(For::Balancing, test, over);
    AT_B.registers(&systems);
    // The request and what B says of her: one by each of the two.
    systems.node("b-server").wait_for(&["verdict=mapped"]);
    systems.node("b-server").wait_for(&["verdict=delivered"]);
    for name in ["a-gateway", SECOND] {
        systems.node(name).wait_for(&["verdict=forwards"]);
    }
    systems.drain("a-gateway");
    AT_HOME.registers(&systems);
    systems.node("b-server").wait_for(&["verdict=applied"]);
    let sends = "b.mcx.example has it";
    systems
        .node("a-server")
        .wait_for(&["verdict=delivered", sends]);
    let log = systems.node("a-server").logged();
    assert!(!log.contains("verdict=kept"), "at the first attempt\n{log}");
    for (name, records) in systems.stop() {
        if name.starts_with("a-gateway") {
            let (asked, over) = got(&records, &Method::Options);
            assert!(asked > 0, "{name} is asked whether it is ready");
            assert_eq!(over, BTreeSet::from([transport]), "{name}");
            let (messages, over) = got(&records, &Method::Message);
            assert!(messages > 0, "{name}");
            assert_eq!(over, BTreeSet::from([transport]), "{name}");
        }
    }
}

#[test]
fn balanced_over_udp() {
    each_is_used_and_one_is_enough("balanced-udp", Over::Udp, "udp");
}

#[test]
fn balanced_over_tcp() {
    each_is_used_and_one_is_enough("balanced-tcp", Over::Tcp, "tcp");
}

#[test]
fn balanced_over_mutual_tls() {
    each_is_used_and_one_is_enough("balanced-tls", Over::MutualTls, "tls");
}
