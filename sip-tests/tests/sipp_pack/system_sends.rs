//! Our node sends, SIPp receives, checks and gives every answer there is; the outbox says what was made of it.

use mcx::{MessageKind, Service};
use sip_tests::lab::{Lab, Node, Scenario, assert_schema_valid, sent, sipp_installed};

use super::people::{message, register, server, stay_at_b};

/// SIP timers with which "no answer" is known after 1.6 s.
const FAST: &str = "\n[timers]\nt1 = \"25 ms\"\nt2 = \"200 ms\"\n";

/// What the sender's queue does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Queue {
    Done,
    Parked,
    Again,
}

/// Each answer of `sip-tests/sipp/answers`, what the sender's log says, and what its queue does.
const ANSWERS: [(&str, &[&str], Queue); 14] = [
    ("200", &["verdict=delivered"], Queue::Done),
    (
        "404-141",
        &["verdict=done", "does not know the user"],
        Queue::Done,
    ),
    ("403-179", &["verdict=parked", "403 179"], Queue::Parked),
    ("403-100", &["verdict=parked", "403 100"], Queue::Parked),
    ("400", &["verdict=parked", "400"], Queue::Parked),
    ("405", &["verdict=parked", "405"], Queue::Parked),
    ("413", &["verdict=parked", "413"], Queue::Parked),
    ("415", &["verdict=parked", "415"], Queue::Parked),
    ("420", &["verdict=parked", "420"], Queue::Parked),
    ("482", &["verdict=parked", "482"], Queue::Parked),
    ("483", &["verdict=parked", "483"], Queue::Parked),
    ("513", &["verdict=parked", "513"], Queue::Parked),
    ("503", &["verdict=kept", "503"], Queue::Again),
    ("none", &["verdict=kept"], Queue::Again),
];

/// A user of A, and his id at B.
fn user(row: &str) -> [String; 2] {
    ["a", "b"].map(|system| format!("sip:user-{row}@{system}.mcx.example"))
}

/// SIPp in B's place, which A tells of that user.
fn told(service: Service, row: &str) -> Scenario {
    let kind = MessageKind::DeauthorizationNotification;
    let [id, id_at_b] = user(row);
    message("answer-message", service, kind, &server("a"), &server("b"))
        .key("user", id)
        .key("partner_id", id_at_b)
        .key("stay", "1")
        .rows(&format!("answers/{row}"))
}

fn returns(lab: &Lab, service: Service, row: &str) {
    let event = register(lab, service, "a", &user(row)[0], "");
    event.run(lab, "a-core", Some("a-server")).succeeds();
}

/// A's server, users of `rows` being at B.
fn primary(lab: &Lab, service: Service, rows: &[&str]) -> Node {
    let stays = rows.iter().map(|row| {
        let [id, id_at_b] = user(row);
        stay_at_b(service, &id, &id_at_b)
    });
    lab.seed("a-server", stays.collect());
    Node::start(lab, "direct/a-server", |text| format!("{text}{FAST}"))
}

fn every_answer(service: Service) {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("pack-sends");
    let node = primary(&lab, service, &ANSWERS.map(|(row, ..)| row));
    for (row, said, queue) in ANSWERS {
        let partner = told(service, row).run(&lab, "b-server", None);
        returns(&lab, service, row);
        partner.succeeds();
        node.wait_for(said);
        if queue == Queue::Again {
            let once_more = told(service, row).rows("answers/200");
            once_more.run(&lab, "b-server", None).succeeds();
            node.wait_for(&["verdict=delivered"]);
        }
    }
    let (_, records) = node.stop();
    let mut expected: Vec<_> = ANSWERS
        .iter()
        .filter(|(.., queue)| *queue == Queue::Parked)
        .map(|(row, ..)| (user(row)[0].clone(), row[..3].parse::<u16>().ok()))
        .collect();
    let outbox = lab.stored("a-server").outbox;
    let mut parked: Vec<_> = outbox
        .iter()
        .map(|row| {
            let status = row.parked.as_ref().map(|p| p.status);
            (row.row.key.primary_id.as_str().to_owned(), status)
        })
        .collect();
    expected.sort();
    parked.sort();
    assert_eq!(parked, expected);
    assert_schema_valid(&sent(&records));
}

#[test]
fn every_answer_to_mcptt() {
    every_answer(Service::Mcptt);
}

#[test]
fn every_answer_to_mcvideo() {
    every_answer(Service::McVideo);
}

#[test]
fn every_answer_to_mcdata() {
    every_answer(Service::McData);
}

#[test]
fn what_is_sent_back_is_a_loop() {
    if !sipp_installed() {
        return;
    }
    for service in Service::ALL {
        let lab = Lab::new("pack-loop");
        let node = primary(&lab, service, &["200"]);
        let partner = Scenario::new("send-back", service).run(&lab, "b-server", None);
        returns(&lab, service, "200");
        partner.succeeds();
        node.wait_for(&["verdict=delivered"]);
        let _ = node.stop();
    }
}
