//! Merging keeps each node's order, follows time, and never shows a message arriving before it was sent.

mod common;

use common::{A, AG, B, BG, START_US, Story, notification};
use sip_trace::{Direction, Record, What, merge};

fn by_node(records: &[Record]) -> Vec<Vec<Record>> {
    let of = |node: &str| {
        records
            .iter()
            .filter(|r| &*r.node == node)
            .cloned()
            .collect()
    };
    [B, AG, A, BG].map(of).into()
}

#[test]
fn recordings_of_four_nodes_are_put_in_order_of_time() {
    let records = common::exchange();
    let merged = merge::by_time(by_node(&records));
    assert_eq!(merged.len(), records.len());
    assert!(merged.is_sorted_by_key(|record| record.wall_us));
    for node in [A, AG, BG, B] {
        let order = |all: &[Record]| -> Vec<u64> {
            all.iter()
                .filter(|r| &*r.node == node)
                .map(|r| r.seq)
                .collect()
        };
        assert_eq!(order(&merged), order(&records));
    }
}

#[test]
fn a_clock_that_is_late_does_not_turn_cause_and_effect_round() {
    let mut records = common::exchange();
    for record in records
        .iter_mut()
        .filter(|record| &*record.node == B || &*record.node == AG)
    {
        record.wall_us -= 250_000;
    }
    let merged = merge::by_time(by_node(&records));
    assert_eq!(merged.len(), records.len());
    assert_causal(&merged);
}

#[test]
fn a_buffer_that_recorded_the_arrival_first_is_put_right() {
    let mut story = Story::default();
    let bytes = notification("one");
    story.received(5, B, A, &bytes);
    story.decided(5, B, "P1.4", "applied", "");
    story.sent(5, A, B, &bytes);
    assert_causal(&merge::by_time(vec![story.records]));
}

#[test]
fn equal_times_keep_the_order_of_the_recordings() {
    let mut story = Story::default();
    (0..50).for_each(|_| story.decided(1, A, "", "a", ""));
    let mut other = Story::default();
    (0..50).for_each(|_| other.decided(1, B, "", "b", ""));
    let merged = merge::by_time(vec![story.records.clone(), other.records.clone()]);
    assert_eq!(merged, [story.records, other.records].concat());
    assert!(merge::by_time(Vec::new()).is_empty());
}

#[test]
fn contradicting_clocks_and_pairs_lose_no_record() {
    // Each node says that it received before it sent: no order can satisfy both.
    let (one, two) = (notification("one"), notification("two"));
    let mut story = Story::default();
    story.received(1, A, B, &two);
    story.sent(2, A, B, &one);
    story.received(1, B, A, &one);
    story.sent(2, B, A, &two);
    let merged = merge::by_time(vec![story.records]);
    assert_eq!(merged.len(), 4);
    assert_eq!(merged[0].wall_us, START_US + 1_000);
}

/// Every received message has a sent one with the same bytes before it.
fn assert_causal(records: &[Record]) {
    for (index, record) in records.iter().enumerate() {
        let What::Message(received) = &record.what else {
            continue;
        };
        if received.direction == Direction::Sent {
            continue;
        }
        let before = records.iter().take(index).filter(|record| {
            matches!(&record.what, What::Message(sent) if sent.direction == Direction::Sent && sent.bytes == received.bytes)
        });
        assert!(
            before.count() > 0,
            "record {index} arrived before it was sent"
        );
    }
}

#[test]
fn what_two_recordings_hold_is_told_once() {
    let records = common::exchange();
    // Two watches took what matched each, and the ring holds the newest.
    let (one, other) = (records[..8].to_vec(), records[4..].to_vec());
    let merged = merge::by_time(vec![one, other, records[6..].to_vec()]);
    assert_eq!(merged, merge::by_time(vec![records]));
}

/// Many who say something once: a scan of somebody's ports.
#[test]
fn as_many_nodes_as_records_are_put_in_order() {
    let mut story = Story::default();
    let bytes = notification("one");
    for number in 0..20_000 {
        story.sent(number % 7, &format!("node {number}"), A, &bytes);
    }
    let merged = merge::by_time(vec![story.records]);
    assert_eq!(merged.len(), 20_000);
    assert!(merged.is_sorted_by_key(|record| record.wall_us));
}

#[test]
fn what_looks_alike_in_two_runs_of_a_node_is_told_twice() {
    let mut story = Story::default();
    story.sent(5, A, B, &notification("one"));
    let mut again = story.records.clone();
    again.iter_mut().for_each(|record| record.wall_us += 1);
    assert_eq!(merge::by_time(vec![story.records, again]).len(), 2);
}
