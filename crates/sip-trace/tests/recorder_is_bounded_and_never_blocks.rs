//! The recorder keeps the newest records within its bounds, counts what it loses and never waits for its writer.
#![allow(clippy::unwrap_used)]

mod common;

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use sip_trace::{
    Capacity, DecisionRecord, Direction, MessageRecord, Record, Recorder, Transport, What,
};

const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5060);

fn tell(recorder: &Recorder, wall_us: u64, bytes: &Bytes) {
    let (sent, udp) = (Direction::Sent, Transport::Udp);
    recorder.message(
        wall_us,
        MessageRecord::new(sent, udp, PEER, PEER, bytes.clone()),
    );
}

fn holding(records: usize, bytes: usize) -> Recorder {
    Recorder::new("A", Capacity { records, bytes })
}

#[test]
fn a_full_ring_lets_the_oldest_records_go() {
    let recorder = holding(3, 1 << 20);
    for wall_us in 0..10 {
        tell(&recorder, wall_us, &Bytes::from_static(b"x"));
    }
    let mut reader = recorder.reader();
    let numbers = |records: Vec<Record>| -> Vec<(u64, u64)> {
        records.iter().map(|r| (r.seq, r.wall_us)).collect()
    };
    assert_eq!(numbers(reader.try_take()), [(7, 7), (8, 8), (9, 9)]);
    assert_eq!((reader.missed(), recorder.missed()), (0, 0), "nobody read");
    tell(&recorder, 10, &Bytes::from_static(b"x"));
    assert_eq!(numbers(reader.try_take()), [(10, 10)]);
    for wall_us in 11..20 {
        tell(&recorder, wall_us, &Bytes::from_static(b"x"));
    }
    assert_eq!(numbers(reader.try_take()), [(17, 17), (18, 18), (19, 19)]);
    assert_eq!((reader.missed(), recorder.missed()), (6, 6), "11 to 16");
}

#[test]
fn where_nothing_is_said_it_holds_64_mib() {
    let recorder = Recorder::new("A", Capacity::default());
    let bytes = Bytes::from(vec![b'x'; 64 * 1024]);
    (0..2_000).for_each(|us| tell(&recorder, us, &bytes));
    let held = recorder.reader().take_all().len();
    assert!((1_000..1_024).contains(&held), "{held} of 64 KiB");
}

#[test]
fn readers_do_not_take_from_each_other() {
    let recorder = holding(1_000, 1 << 20);
    let mut first = recorder.reader();
    for wall_us in 0..700 {
        tell(&recorder, wall_us, &Bytes::from_static(b"x"));
    }
    assert_eq!(first.take_all().len(), 700);
    let mut late = recorder.reader();
    late.skip_to_end();
    assert_eq!(recorder.reader().take_all().len(), 700);
    tell(&recorder, 700, &Bytes::from_static(b"x"));
    assert_eq!(
        late.take_all().iter().map(|r| r.seq).collect::<Vec<_>>(),
        [700]
    );
    assert_eq!(first.take_all().len(), 1);
}

#[test]
fn the_bound_in_bytes_counts_messages_and_decision_text() {
    let recorder = holding(1_000, 10_000);
    for wall_us in 0..100 {
        tell(&recorder, wall_us, &Bytes::from(vec![b'x'; 1_000]));
        let why = "y".repeat(1_000);
        let decision = DecisionRecord {
            why: why.into(),
            ..DecisionRecord::default()
        };
        recorder.decision(wall_us, &decision);
    }
    let kept = recorder.reader().take_all();
    assert!((4..10).contains(&kept.len()), "{} records", kept.len());
    // What alone is over the bound is refused and does not push others out.
    let mut reader = recorder.reader();
    reader.skip_to_end();
    tell(&recorder, 1, &Bytes::from_static(b"small"));
    tell(&recorder, 2, &Bytes::from(vec![b'x'; 20_000]));
    assert_eq!(reader.take_all().len(), 1);
    assert_eq!(recorder.missed(), 1);
}

#[test]
fn what_comes_out_is_what_went_in_however_long_it_is_and_wherever_it_lies() {
    let recorder = holding(2_000, 1 << 20);
    let mut reader = recorder.reader();
    let mut went_in = Vec::new();
    // Numbers of a simple generator: the same ones in each run.
    let mut state = 4_711_u64;
    let mut next = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % below
    };
    let mut kept = 0;
    for round in 0..10_000_u64 {
        let length = match next(200) {
            0 => 100_000,
            1 => 70_000,
            _ => next(1_500),
        };
        let text = format!("{round} ").repeat(usize::try_from(length / 4).unwrap());
        let decision = |n: u64| DecisionRecord {
            requirement: "P1.4".into(),
            why: format!("{n} {text}").into(),
            transaction: Some(round),
            ..DecisionRecord::default()
        };
        match next(3) {
            0 => {
                let (received, tcp) = (Direction::Received, Transport::Tcp);
                let bytes = Bytes::from(text);
                let message = MessageRecord::new(received, tcp, PEER, PEER, bytes);
                recorder.message(round, message.clone());
                went_in.push((round, What::Message(message)));
            }
            1 => {
                recorder.decision(round, &decision(0));
                went_in.push((round, What::Decision(decision(0))));
            }
            _ => {
                let decisions: Vec<_> = (0..next(7)).map(decision).collect();
                recorder.decisions(round, decisions.iter().map(Into::into));
                went_in.extend(decisions.into_iter().map(|it| (round, What::Decision(it))));
            }
        }
        if next(90) == 0 {
            kept += come_out(reader.try_take(), &went_in);
        }
    }
    while reader.next_seq() < reader.end() {
        kept += come_out(reader.try_take(), &went_in);
    }
    assert!(reader.missed() > 0 && kept > 5_000, "{kept} kept");
    let all = u64::try_from(went_in.len()).unwrap();
    assert!(all > 15_000 && kept + reader.missed() == all, "{all}");
}

/// Whether they are what went in; how many.
fn come_out(records: Vec<Record>, went_in: &[(u64, What)]) -> u64 {
    let mut count = 0;
    for record in records {
        let (wall_us, what) = &went_in[usize::try_from(record.seq).unwrap()];
        assert_eq!((record.wall_us, &record.what), (*wall_us, what));
        count += 1;
    }
    count
}

fn decided(recorder: &Recorder, wall_us: u64, whys: &[&str]) {
    let decisions = whys.iter().map(|why| sip_trace::Decision {
        why: sip_trace::Said::Once(why),
        user: Some("alice"),
        ..sip_trace::Decision::default()
    });
    recorder.decisions(wall_us, decisions);
}

/// What they say; a message says nothing.
fn whys(records: Vec<Record>) -> Vec<(u64, String)> {
    let said = records.into_iter().map(|record| match record.what {
        What::Decision(decision) => {
            assert_eq!(decision.user.as_deref(), Some("alice"));
            (record.seq, decision.why.into_owned())
        }
        What::Message(_) => (record.seq, String::new()),
    });
    said.collect()
}

fn numbered(first: u64, whys: &[&str]) -> Vec<(u64, String)> {
    (first..)
        .zip(whys.iter().map(|why| (*why).to_owned()))
        .collect()
}

#[test]
fn a_reader_can_begin_among_decisions_of_one_moment() {
    let recorder = holding(100, 1 << 20);
    decided(&recorder, 1, &["a", "b", "c"]);
    tell(&recorder, 2, &Bytes::from_static(b"x"));
    decided(&recorder, 3, &[]);
    decided(&recorder, 3, &["d", "e"]);
    let all = numbered(0, &["a", "b", "c", "", "d", "e"]);
    let mut reader = recorder.reader();
    for from in 0..=6 {
        reader.seek(from);
        let taken = whys(reader.try_take());
        assert_eq!(taken, all[usize::try_from(from).unwrap()..]);
        assert_eq!((reader.next_seq(), reader.end()), (6, 6));
    }
    assert_eq!(reader.missed(), 0);
}

#[test]
fn decisions_of_one_moment_go_together() {
    let recorder = holding(4, 1 << 20);
    let mut reader = recorder.reader();
    decided(&recorder, 1, &["a", "b", "c"]);
    assert_eq!(whys(reader.try_take()), numbered(0, &["a", "b", "c"]));
    decided(&recorder, 2, &["d", "e"]);
    let left = numbered(3, &["d", "e"]);
    assert_eq!(whys(recorder.reader().take_all()), left);
    assert_eq!(whys(reader.try_take()), left);
    assert_eq!(reader.missed(), 0);
    // More than there is room for.
    decided(&recorder, 3, &["f", "g", "h", "i", "j"]);
    let all = numbered(5, &["f", "g", "h", "i", "j"]);
    assert_eq!(whys(reader.try_take()), all);
    tell(&recorder, 4, &Bytes::from_static(b"x"));
    assert_eq!(recorder.reader().take_all().len(), 1);
}

#[test]
fn decisions_that_are_larger_than_the_ring_are_missed_one_and_all() {
    let recorder = holding(100, 1_000);
    let long = "x".repeat(600);
    decided(&recorder, 1, &["a"]);
    decided(&recorder, 2, &[&long, &long]);
    assert_eq!(recorder.missed(), 2);
    assert_eq!(whys(recorder.reader().take_all()), numbered(0, &["a"]));
}

#[test]
fn many_writers_all_finish_and_what_a_slow_reader_misses_is_counted() {
    let recorder = holding(100, 1 << 20);
    let mut reader = recorder.reader();
    assert!(reader.try_take().is_empty());
    let writers: Vec<_> = (0..4)
        .map(|number| {
            let recorder = recorder.for_node(&format!("node {number}"));
            thread::spawn(move || {
                (0..5_000).for_each(|us| tell(&recorder, us, &Bytes::from_static(b"x")))
            })
        })
        .collect();
    let mut read = 0;
    for _ in 0..100 {
        read += reader.try_take().len() as u64;
    }
    writers
        .into_iter()
        .for_each(|writer| writer.join().unwrap());
    read += reader.take_all().len() as u64;
    assert_eq!(read + recorder.missed(), 20_000);
}

#[test]
fn a_waiting_reader_gets_everything_in_order_and_then_sees_the_end() {
    let recorder = Recorder::new("A", Capacity::default());
    let mut reader = recorder.reader();
    let reader = thread::spawn(move || {
        let mut all: Vec<Record> = Vec::new();
        while !reader.closed() {
            all.extend(reader.wait(Duration::from_secs(30)));
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
    let recorder = Recorder::new("A server", Capacity::default());
    let gateway = recorder.for_node("A gateway");
    tell(&recorder, 1, &Bytes::from_static(b"x"));
    tell(&gateway, 2, &Bytes::from_static(b"x"));
    let names: Vec<(u64, String)> = recorder
        .reader()
        .take_all()
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
    let recorder = Recorder::new("A", Capacity::default());
    let bytes = Bytes::from(vec![b'x'; 100]);
    tell(&recorder, 1, &bytes);
    let records = recorder.reader().take_all();
    assert!(matches!(&records[0].what, What::Message(m) if m.bytes.as_ptr() == bytes.as_ptr()));
}

#[test]
fn switched_off_nothing_is_kept() {
    let off = Recorder::off();
    assert!(!off.is_on());
    tell(&off.for_node("B"), 1, &Bytes::from_static(b"x"));
    let mut reader = off.reader();
    assert!(reader.take_all().is_empty() && reader.closed());
    assert_eq!(off.missed(), 0);
}

#[test]
fn debug_prints_neither_content_nor_user() {
    let printed = format!("{:?}", common::exchange());
    assert!(printed.contains("P1.4") && printed.contains("bytes"));
    for secret in ["alice", "mcptt", "Call-ID"] {
        assert!(!printed.contains(secret), "{secret}");
    }
}
