//! L4: rows of one lane are sent in order, and no lane waits for another; what holds across
//! restarts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::time::Duration;

use common::owed::*;
use common::world::*;
use common::{ALICE, at};
use mcx::{SendFailure, SendId, Service};

#[test]
fn a_lane_keeps_its_order_and_waits_for_its_first() {
    let (mut bench, sent) = server(&[("alice", "b", 1), ("alice", "b", 2), ("alice", "b", 3)]);
    let [(first, request)] = sent.try_into().unwrap();
    assert_eq!(about(&request), ("alice".into(), 1));
    bench.fails(first, SendFailure::Timeout);
    let (again, request) = send(&bench.after(SECOND));
    assert_eq!(about(&request), ("alice".into(), 1), "2 does not overtake");
    let out = bench.answer(again, &reply(&request, 200, &[]));
    let (second, request) = send(&out);
    assert_eq!(about(&request), ("alice".into(), 2));
    // A parked one does not hold up the others.
    let out = bench.answer(second, &reply(&request, 403, &[]));
    assert_eq!(about(&send(&out).1), ("alice".into(), 3));
}

#[test]
fn other_lanes_do_not_wait() {
    let rows = [
        ("alice", "b", 1),
        ("alice", "c", 2),
        ("eve", "b", 1),
        ("alice", "b", 3),
    ];
    let (mut bench, sent) = server(&rows);
    let mut users: Vec<_> = sent.iter().map(|(_, r)| about(r)).collect();
    users.sort();
    let expected = [("alice", 1), ("alice", 2), ("eve", 1)];
    assert_eq!(users, expected.map(|(name, n)| (name.to_owned(), n)));
    for (id, request) in sent {
        let out = match about(&request).0.as_str() {
            "eve" => bench.answer(id, &reply(&request, 200, &[])),
            _ => bench.fails(id, SendFailure::Timeout),
        };
        assert!(sends(&out).is_empty());
    }
    assert_eq!(bench.rows.outbox.len(), 3);
}

#[test]
fn no_more_are_under_way_than_configured() {
    let mut config = server_a();
    config.retry.in_flight = 2;
    let rows = [("u1", "b", 1), ("u2", "b", 1), ("u3", "b", 1)];
    let (mut bench, sent) = with(config, &rows);
    assert_eq!(sent.len(), 2);
    let (id, request) = &sent[0];
    let out = bench.answer(*id, &reply(request, 200, &[]));
    assert_eq!(sends(&out).len(), 1);
}

#[test]
fn a_row_whose_end_cannot_be_stored_is_sent_once_more() {
    let (mut bench, sent) = server(&[("alice", "b", 7)]);
    let (id, request) = &sent[0];
    let out = bench.input(mcx::Input::Answer {
        id: *id,
        response: &reply(request, 200, &[]),
    });
    let (store, _) = batches(&out).remove(0);
    let out = bench.store_fails(store);
    assert!(sends(&out).is_empty());
    let (id, request) = send(&bench.after(SECOND));
    bench.answer(id, &reply(&request, 200, &[]));
    assert!(bench.rows.outbox.is_empty());
}

#[test]
fn an_answer_to_nothing_changes_nothing() {
    let (mut bench, sent) = server(&[("alice", "b", 7)]);
    let (id, request) = &sent[0];
    let ok = reply(request, 200, &[]);
    assert!(bench.answer(SendId(id.0 + 100), &ok).is_empty());
    assert!(
        bench
            .fails(SendId(id.0 + 100), SendFailure::Timeout)
            .is_empty()
    );
    assert_eq!(bench.rows.outbox.len(), 1);
    bench.answer(*id, &ok);
    assert!(bench.answer(*id, &ok).is_empty());
}

#[test]
fn what_cannot_be_sent_at_all_is_parked() {
    let (bench, sent) = server(&[("alice", "nowhere", 1)]);
    assert!(sent.is_empty());
    let parked = one(&bench).parked.clone().unwrap();
    assert!(
        parked.text.contains("no configured partner"),
        "{}",
        parked.text
    );
    let mut config = server_a();
    config.systems.partners[0].peer.psi = "sip:not a uri".into();
    let (bench, sent) = with(config, &[("alice", "b", 1)]);
    assert!(sent.is_empty() && one(&bench).parked.is_some());
}

#[test]
fn waiting_rows_survive_a_restart_and_a_clock_that_was_set_back() {
    let (mut bench, sent) = server(&[("alice", "b", 7)]);
    bench.fails(sent[0].0, SendFailure::Timeout);
    let mut row = one(&bench).clone();
    let mut again = Bench::server(server_a());
    assert!(
        sends(&again.recover(vec![row.clone()])).is_empty(),
        "not before its time"
    );
    assert_eq!(sends(&again.after(SECOND)).len(), 1);
    // Years ahead: the clock was wrong, and nothing waits longer than the longest wait.
    row.next_at = at(100_000_000);
    let mut again = Bench::server(server_a());
    assert!(sends(&again.recover(vec![row])).is_empty());
    assert_eq!(sends(&again.after(Duration::from_secs(3600))).len(), 1);
}

#[test]
fn a_changed_configuration_holds_for_waiting_rows() {
    let mut config = server_a();
    config
        .profile
        .of_mut(Service::Mcptt)
        .deauthorization_notification = "settled".into();
    config.systems.partners[0].peer = peer("sip:new@b.mcx.example", "192.0.2.22:5060");
    let (_, sent) = with(config, &[("alice", "b", 7)]);
    let (_, request) = &sent[0];
    assert_eq!(request.uri_bytes(), b"sip:new@b.mcx.example");
    assert!(common::contains(request.body(), ">settled<"));
    assert!(common::contains(request.body(), ALICE));
}
