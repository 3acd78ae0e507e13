//! P1 and P2 through three cores, from a client's REGISTER to the mapping that ends.

use std::collections::BTreeSet;

use mcx::state::VisitorPhase;
use sip_tests::lab::{ALICE, alice, kamailio_installed};
use sip_trace::{Transport, What};

use super::clients::{AT_B, AT_HOME, Client, sipsak_installed};
use super::systems::{Over, Systems};

const ALICE_AT_C: &str = "sip:guest-12@c.mcx.example";

const AT_C: Client = Client {
    system: "c",
    id_here: ALICE_AT_C,
    primary_id: ALICE,
};

fn phase(systems: &Systems, node: &str) -> Option<VisitorPhase> {
    let visitors = systems.lab.stored(node).visitors;
    let found = visitors.into_iter().find(|(key, _)| *key == alice());
    found.map(|(_, visitor)| visitor.phase)
}

/// alice migrates to B, moves on to C (P2), and comes home (P1).
fn away_and_home(test: &str, over: Over) {
    if !kamailio_installed() || !sipsak_installed() {
        return;
    }
    let mut systems = Systems::start(test, over);
    AT_B.registers(&systems);
    let b = systems.node("b-server");
    b.wait_for(&["verdict=mapped"]);
    b.wait_for(&["verdict=delivered"]);
    assert_eq!(phase(&systems, "b-server"), Some(VisitorPhase::Migrated));
    // P2.
    AT_C.registers(&systems);
    let (a, c) = (systems.node("a-server"), systems.node("c-server"));
    c.wait_for(&["verdict=mapped"]);
    b.wait_for(&["verdict=applied"]);
    let left = |node| {
        matches!(
            phase(&systems, node),
            Some(VisitorPhase::WasMigrated { .. })
        )
    };
    assert!(left("b-server"));
    assert_eq!(phase(&systems, "c-server"), Some(VisitorPhase::Migrated));
    c.wait_for(&["verdict=delivered"]);
    // P1.
    AT_HOME.registers(&systems);
    let sends = "migration service de-authorization notification to c.mcx.example";
    a.wait_for(&["verdict=sends", sends]);
    c.wait_for(&["verdict=applied"]);
    a.wait_for(&["verdict=delivered", "c.mcx.example has it"]);
    assert!(left("c-server"));
    let over = systems.over();
    let cores = ["a", "b", "c"].map(|system| systems.core(system).ip());
    for (name, records) in systems.stop() {
        let messages = records.iter().filter_map(|record| match &record.what {
            What::Message(message) => Some(message),
            What::Decision(_) => None,
        });
        let messages: Vec<_> = messages.collect();
        let transports: BTreeSet<_> = messages
            .iter()
            .map(|message| match message.transport {
                Transport::Udp => "udp",
                Transport::Tcp => "tcp",
                Transport::Tls => "tls",
            })
            .collect();
        let wanted = match over {
            Over::AsWritten | Over::Udp => "udp",
            Over::Tcp => "tcp",
            Over::MutualTls => "tls",
        };
        assert_eq!(transports, BTreeSet::from([wanted]), "{name}");
        // Nothing goes past the own core.
        let own = cores[usize::from(name.as_bytes()[0] - b'a')];
        assert!(messages.iter().all(|m| m.peer.ip() == own), "{name}");
    }
    for node in ["a-server", "b-server", "c-server"] {
        assert_eq!(systems.lab.stored(node).outbox, [], "{node}");
    }
}

#[test]
fn as_the_examples_are_written() {
    away_and_home("kamailio-written", Over::AsWritten);
}

#[test]
fn over_udp() {
    away_and_home("kamailio-udp", Over::Udp);
}

#[test]
fn over_tcp() {
    away_and_home("kamailio-tcp", Over::Tcp);
}

#[test]
fn over_mutual_tls() {
    away_and_home("kamailio-tls", Over::MutualTls);
}
