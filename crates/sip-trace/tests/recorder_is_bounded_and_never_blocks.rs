//! The recorder keeps the newest records within its bounds, counts what it loses and never waits for its writer.
#![allow(clippy::unwrap_used)]

mod common;

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use sip_trace::{Capacity, DecisionRecord, Direction, Record, Recorder, Transport, What};

const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5060);

fn tell(recorder: &Recorder, wall_us: u64, bytes: &Bytes) {
    recorder.message(wall_us, Direction::Sent, Transport::Udp, PEER, PEER, bytes);
}

#[test]
fn a_full_buffer_loses_the_oldest_records_and_counts_them() {
    let (recorder, drain) = Recorder::new(
        "A",
        Capacity {
            records: 3,
            bytes: 1 << 20,
        },
    );
    for wall_us in 0..10 {
        tell(&recorder, wall_us, &Bytes::from_static(b"x"));
    }
    assert_eq!(recorder.dropped(), 7);
    let kept: Vec<(u64, u64)> = drain
        .try_take()
        .iter()
        .map(|r| (r.seq, r.wall_us))
        .collect();
    assert_eq!(kept, [(7, 7), (8, 8), (9, 9)]);
    tell(&recorder, 10, &Bytes::from_static(b"x"));
    assert_eq!(drain.try_take().len(), 1);
    assert_eq!(drain.dropped(), 7);
}

#[test]
fn the_bound_in_bytes_counts_messages_and_decision_text() {
    let capacity = Capacity {
        records: 1_000,
        bytes: 10_000,
    };
    let (recorder, drain) = Recorder::new("A", capacity);
    for wall_us in 0..100 {
        tell(&recorder, wall_us, &Bytes::from(vec![b'x'; 1_000]));
        let why = "y".repeat(1_000);
        recorder.decision(
            wall_us,
            DecisionRecord {
                why,
                ..DecisionRecord::default()
            },
        );
    }
    let kept = drain.try_take();
    assert!((4..10).contains(&kept.len()), "{} records", kept.len());
    assert_eq!(recorder.dropped(), 200 - kept.len() as u64);
    // What alone is over the bound is refused and does not push others out.
    tell(&recorder, 1, &Bytes::from_static(b"small"));
    tell(&recorder, 2, &Bytes::from(vec![b'x'; 20_000]));
    assert_eq!(drain.try_take().len(), 1);
}

#[test]
fn many_writers_without_a_reader_all_finish_and_nothing_is_uncounted() {
    let (recorder, drain) = Recorder::new(
        "A",
        Capacity {
            records: 100,
            bytes: 1 << 20,
        },
    );
    let writers: Vec<_> = (0..4)
        .map(|number| {
            let recorder = recorder.for_node(&format!("node {number}"));
            thread::spawn(move || {
                (0..5_000).for_each(|us| tell(&recorder, us, &Bytes::from_static(b"x")))
            })
        })
        .collect();
    writers
        .into_iter()
        .for_each(|writer| writer.join().unwrap());
    assert_eq!(drain.try_take().len() as u64 + recorder.dropped(), 20_000);
}

#[test]
fn a_waiting_drain_gets_everything_in_order_and_then_sees_the_end() {
    let (recorder, drain) = Recorder::new("A", Capacity::default());
    let reader = thread::spawn(move || {
        let mut all: Vec<Record> = Vec::new();
        while !drain.closed() {
            all.extend(drain.wait(Duration::from_secs(30)));
        }
        all
    });
    for wall_us in 0..1_000 {
        tell(&recorder.clone(), wall_us, &Bytes::from_static(b"x"));
    }
    drop(recorder);
    let all = reader.join().unwrap();
    assert!(all.iter().map(|record| record.seq).eq(0..1_000));
}

#[test]
fn nodes_of_one_process_share_a_buffer_and_keep_their_names() {
    let (recorder, drain) = Recorder::new("A server", Capacity::default());
    let gateway = recorder.for_node("A gateway");
    tell(&recorder, 1, &Bytes::from_static(b"x"));
    tell(&gateway, 2, &Bytes::from_static(b"x"));
    let names: Vec<(u64, String)> = drain
        .try_take()
        .iter()
        .map(|r| (r.seq, r.node.to_string()))
        .collect();
    assert_eq!(
        names,
        [(0, "A server".to_owned()), (1, "A gateway".to_owned())]
    );
}

#[test]
fn message_bytes_are_shared_not_copied() {
    let (recorder, drain) = Recorder::new("A", Capacity::default());
    let bytes = Bytes::from(vec![b'x'; 100]);
    tell(&recorder, 1, &bytes);
    let records = drain.try_take();
    assert!(matches!(&records[0].what, What::Message(m) if m.bytes.as_ptr() == bytes.as_ptr()));
}

#[test]
fn without_a_drain_or_switched_off_nothing_is_kept() {
    let (recorder, drain) = Recorder::new("A", Capacity::default());
    tell(&recorder, 1, &Bytes::from_static(b"x"));
    drop(drain);
    tell(&recorder, 2, &Bytes::from_static(b"x"));
    assert_eq!(recorder.dropped(), 2);

    let off = Recorder::off();
    assert!(!off.is_on() && recorder.is_on());
    tell(&off.for_node("B"), 1, &Bytes::from_static(b"x"));
    assert_eq!(off.dropped(), 0);
}

#[test]
fn debug_prints_neither_content_nor_user() {
    let printed = format!("{:?}", common::exchange());
    assert!(printed.contains("P1.4") && printed.contains("bytes"));
    for secret in ["alice", "mcptt", "Call-ID"] {
        assert!(!printed.contains(secret), "{secret}");
    }
}
