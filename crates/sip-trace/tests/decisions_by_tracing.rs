//! Decisions that are told as events of `tracing` come to the recorder with all their fields, and every other subscriber gets
//! them too, without identities.

#![cfg(feature = "layer")]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io;
use std::sync::{Arc, Mutex};

use sip_trace::layer::{Identity, feed};
use sip_trace::{At, Capacity, DecisionRecord, Recorder, What};
use tracing::{info, trace, warn};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What a recorder gets of what is told, and what a log reads of it at its level.
fn told(tell: impl FnOnce()) -> (Vec<DecisionRecord>, String) {
    let recorder = Recorder::new("node", Capacity::default());
    let (layer, feed) = feed(|| At {
        wall_us: 17,
        mono_us: Some(3),
    });
    feed.goes_to(&recorder);
    let log = Log::default();
    let fmt = tracing_subscriber::fmt::layer()
        .with_writer(log.clone())
        .with_ansi(false)
        .with_filter(LevelFilter::INFO);
    let subscriber = tracing_subscriber::registry().with(fmt).with(layer);
    tracing::subscriber::with_default(subscriber, tell);
    let records = recorder.reader().take_all().into_iter();
    let decisions = records.map(|record| match record.what {
        What::Decision(decision) if (record.wall_us, record.mono_us) == (17, Some(3)) => decision,
        other => panic!("{other:?}"),
    });
    (decisions.collect(), log.text())
}

#[test]
fn every_field_has_its_place() {
    let (decisions, log) = told(|| {
        let alice = Identity::from("sip:alice@a.mcx.example");
        warn!(
            node = "node",
            verdict = %"refused 403",
            requirement = "L5",
            by = "trust",
            procedure = "0192d3c4",
            transaction = 5_u64,
            user = alice.field(),
            peer = %"192.0.2.7:5060",
            error = &io::Error::other("no route") as &(dyn std::error::Error + 'static),
            "is no partner"
        );
    });
    let wanted = DecisionRecord {
        requirement: "L5".into(),
        verdict: "refused 403".into(),
        why: "is no partner, peer 192.0.2.7:5060, error no route".into(),
        procedure: Some("0192d3c4".into()),
        user: Some("sip:alice@a.mcx.example".into()),
        target: "trust".into(),
        detail: false,
        call: None,
        transaction: Some(5),
    };
    assert_eq!(decisions, [wanted]);
    assert!(
        log.contains("is no partner") && log.contains("requirement=\"L5\""),
        "{log}"
    );
    assert!(
        log.contains("user=(an identity)") && !log.contains("alice"),
        "{log}"
    );
}

#[test]
fn whatever_the_level_of_the_log() {
    let (decisions, log) = told(|| trace!(verdict = "Completed", "Timer J runs"));
    assert!(decisions[0].detail && decisions[0].why == "Timer J runs");
    assert_eq!(log, "");
}

#[test]
fn what_is_no_decision_or_is_recorded_already_is_left_to_others() {
    let (decisions, log) = told(|| {
        info!("a line of log");
        info!(recorded = true, verdict = "applied", "stay 7 ended");
    });
    assert_eq!(decisions, []);
    assert!(
        log.contains("a line of log") && log.contains("applied"),
        "{log}"
    );
}
