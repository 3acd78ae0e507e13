//! What recording costs: of a message, with and without reading the clocks, and of a decision, handed over and by `tracing`.
//!
//!     cargo bench -p sip-trace --all-features
//!
//! The ring is full before anything is measured, as it is in a node that has run for a minute: each record puts one in and lets
//! one go. Allocations are counted in the same run, in a second column; that makes times longer rather than shorter.

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use divan::Bencher;
use sip_trace::{
    At, Capacity, Decision, Direction, MessageRecord, Procedure, Recorder, Said, Transport,
};
use tracing_subscriber::layer::SubscriberExt as _;

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

fn main() {
    divan::main();
}

/// Both clocks, as a node reads them.
fn clocks() -> At {
    let wall = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let mono = START.elapsed();
    At {
        wall_us: u64::try_from(wall.as_micros()).unwrap_or_default(),
        mono_us: u64::try_from(mono.as_micros()).ok(),
    }
}

/// As long as the MESSAGE of the other benchmarks.
fn datagram() -> MessageRecord {
    let (local, peer) = (
        SocketAddr::from(([127, 0, 0, 1], 5060)),
        SocketAddr::from(([127, 0, 0, 1], 5070)),
    );
    let bytes = Bytes::from(vec![b'x'; 1_323]);
    MessageRecord::new(Direction::Received, Transport::Udp, local, peer, bytes)
}

fn full(message: &MessageRecord) -> Recorder {
    let recorder = Recorder::new("node", Capacity::default());
    for _ in 0..100_000 {
        recorder.message(0, message.clone());
    }
    recorder
}

#[divan::bench]
fn message(bencher: Bencher) {
    let of = datagram();
    let recorder = full(&of);
    bencher.bench_local(|| {
        let mut message = MessageRecord::new(
            of.direction,
            of.transport,
            of.local,
            of.peer,
            of.bytes.clone(),
        );
        message.offset = black_box(None);
        recorder.message(black_box(17), message);
    });
}

#[divan::bench]
fn message_and_clocks(bencher: Bencher) {
    let of = datagram();
    let recorder = full(&of);
    bencher.bench_local(|| {
        let message = MessageRecord::new(
            of.direction,
            of.transport,
            of.local,
            of.peer,
            of.bytes.clone(),
        );
        recorder.message(clocks(), message);
    });
}

#[divan::bench]
fn message_of_a_tls_connection_and_clocks(bencher: Bencher) {
    let of = datagram();
    let recorder = full(&of);
    let identity: Arc<str> = "b.mcx.example".into();
    bencher.bench_local(|| {
        let message = MessageRecord {
            direction: Direction::Sent,
            transport: Transport::Tls,
            local: of.local,
            peer: of.peer,
            opened_here: black_box(true),
            identity: Some(identity.clone()),
            offset: Some(black_box(4_711)),
            bytes: of.bytes.clone(),
        };
        recorder.message(clocks(), message);
    });
}

#[divan::bench]
fn message_while_the_recorder_is_off(bencher: Bencher) {
    let of = datagram();
    let recorder = Recorder::off();
    bencher.bench_local(|| {
        if black_box(&recorder).is_on() {
            recorder.message(clocks(), of.clone());
        }
    });
}

#[divan::bench]
fn clocks_alone() -> At {
    clocks()
}

fn completed() -> Decision<'static> {
    Decision {
        requirement: "RFC 3261 §17.2.2".into(),
        verdict: "Completed".into(),
        why: "the final answer is sent".into(),
        target: "transaction".into(),
        detail: true,
        call: Some(black_box(b"4f1c9a77@a.mcx.example")),
        transaction: Some(black_box(17)),
        ..Decision::default()
    }
}

/// A step of a transaction: all its words are there already. A node reads the clocks once for all that it decides in a turn.
#[divan::bench]
fn step(bencher: Bencher) {
    let recorder = full(&datagram());
    bencher.bench_local(|| {
        recorder.decision(black_box(17), completed());
    });
}

/// Three of one turn.
#[divan::bench]
fn three_steps_of_one_moment(bencher: Bencher) {
    let recorder = full(&datagram());
    bencher.bench_local(|| {
        recorder.decisions(black_box(17), [completed(); 3]);
    });
}

#[divan::bench]
fn decision_handed_over(bencher: Bencher) {
    let recorder = full(&datagram());
    bencher.bench_local(|| {
        let why = format!("from {}, entitled", black_box("b.mcx.example"));
        let decision = Decision {
            requirement: "L5".into(),
            verdict: "trusted".into(),
            why: Said::Once(&why),
            target: "trust".into(),
            procedure: Some(Procedure::Uuid(black_box([7; 16]))),
            ..Decision::default()
        };
        recorder.decision(clocks(), decision);
    });
}

#[divan::bench]
fn decision_by_the_layer(bencher: Bencher) {
    let recorder = full(&datagram());
    let (layer, feed) = sip_trace::layer::feed(clocks);
    feed.goes_to(&recorder);
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        bencher.bench_local(|| {
            tracing::info!(
                node = "node",
                function = "gateway",
                by = "trust",
                requirement = "L5",
                verdict = "trusted",
                procedure = black_box("0192d3c4-7a1e-7b60-9f3e-2f4c5a6b7c8d"),
                "from {}, entitled",
                black_box("b.mcx.example")
            );
        });
    });
}

/// The same event where a log of level `warn` listens: nobody is interested.
#[divan::bench]
fn event_that_nobody_wants(bencher: Bencher) {
    let subscriber =
        tracing_subscriber::registry().with(tracing_subscriber::filter::LevelFilter::WARN);
    tracing::subscriber::with_default(subscriber, || {
        bencher.bench_local(|| {
            tracing::info!(
                recorded = true,
                node = "node",
                requirement = "L5",
                verdict = "trusted",
                "from {}, entitled",
                black_box("b.mcx.example")
            );
        });
    });
}
