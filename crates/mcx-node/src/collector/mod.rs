//! Tells a collector (Homer and its like) what the flight recorder took, as HEP3, in a thread of its own: without
//! identities and secrets, and without ever making the node wait. What the collector does not take in time is lost, and
//! counted.

mod connection;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use sip_trace::hep::{Agent, Correlator, encode};
use sip_trace::{Reader, Record, Redactor, What};
use tracing::warn;

use crate::config::Config;
use crate::pseudonym_key;
use connection::Connection;

/// Most batches that wait for the thread.
const MAX_BATCHES: usize = 256;

/// Most bytes of messages that wait for the thread.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// A collector, as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectorConfig {
    /// Over a connection, or in datagrams.
    pub tcp: bool,
    /// Where it listens.
    pub address: SocketAddr,
    /// Id of this node there, and what it wants to hear first.
    pub agent: Agent,
    /// File with the key of the pseudonyms; another key each time the node starts when there is none.
    pub pseudonyms: Option<PathBuf>,
}

/// The end that the flight recorder's thread hands records to.
pub(crate) struct Collector {
    batches: SyncSender<Vec<Record>>,
    waiting: Arc<AtomicUsize>,
    lost: usize,
    /// Where what is lost is counted.
    counter: Reader,
    thread: JoinHandle<()>,
}

impl Collector {
    /// Starts the thread.
    ///
    /// # Errors
    /// The key of the pseudonyms cannot be read; the system gives no thread.
    pub(crate) fn start(
        collector: &CollectorConfig,
        config: &Config,
        counter: Reader,
    ) -> io::Result<Self> {
        let key = pseudonym_key::of(collector.pseudonyms.as_deref()).map_err(io::Error::other)?;
        let (batches, taken) = sync_channel(MAX_BATCHES);
        let waiting = Arc::new(AtomicUsize::new(0));
        let sender = Sender {
            taken,
            waiting: Arc::clone(&waiting),
            redactor: Redactor::new(&key)
                .endless()
                .keeping(config.service_identities()),
            correlator: Correlator::default(),
            agent: collector.agent.clone(),
            connection: Connection::new(collector),
            counter: counter.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("mcx-collector".into())
            .spawn(move || sender.run())?;
        Ok(Self {
            batches,
            waiting,
            lost: 0,
            counter,
            thread,
        })
    }

    /// Hands records on, or loses them; never waits.
    pub(crate) fn tell(&mut self, records: &[Record]) {
        let bytes = weight(records);
        let free = self.waiting.load(Ordering::Relaxed).saturating_add(bytes) <= MAX_BYTES;
        if free {
            self.waiting.fetch_add(bytes, Ordering::Relaxed);
            match self.batches.try_send(records.to_vec()) {
                Ok(()) => {
                    if self.lost > 0 {
                        warn!(
                            records = self.lost,
                            "the collector is too slow: records were not sent to it"
                        );
                        self.lost = 0;
                    }
                    return;
                }
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                    self.waiting.fetch_sub(bytes, Ordering::Relaxed);
                }
            }
        }
        self.lost = self.lost.saturating_add(records.len());
        self.counter.count_untold(records.len());
    }

    /// Sends what waits, as far as the collector takes it, and ends the thread.
    pub(crate) fn finish(self) {
        drop(self.batches);
        let _ = self.thread.join();
    }
}

fn weight(records: &[Record]) -> usize {
    let of = |record: &Record| match &record.what {
        What::Message(message) => message.bytes.len(),
        What::Decision(decision) => decision.why.len(),
    };
    records
        .iter()
        .map(|record| of(record) + size_of::<Record>())
        .sum()
}

/// What the thread holds.
struct Sender {
    taken: Receiver<Vec<Record>>,
    waiting: Arc<AtomicUsize>,
    redactor: Redactor,
    correlator: Correlator,
    agent: Agent,
    connection: Connection,
    counter: Reader,
}

impl Sender {
    fn run(mut self) {
        while let Ok(batch) = self.taken.recv() {
            // Out of the queue: it is this thread's now.
            self.waiting.fetch_sub(weight(&batch), Ordering::Relaxed);
            self.redactor.learn(&batch);
            for record in &batch {
                if matches!(&record.what, What::Decision(decision) if decision.detail) {
                    continue;
                }
                let redacted = self.redactor.record(record);
                let id = self.correlator.id(&redacted);
                match encode(&redacted, &self.agent, &id) {
                    Ok(packet) => {
                        let lost = usize::from(!self.connection.send(&packet));
                        self.counter.count_untold(lost);
                    }
                    Err(error) => warn!(%error, "a record is too long for the collector"),
                }
            }
        }
        self.connection.finish();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    use sip_trace::{Capacity, Direction, MessageRecord, Recorder, Transport};

    /// Records of that many bytes in all.
    fn records(bytes: usize) -> Vec<Record> {
        let recorder = Recorder::new("node", Capacity::default());
        let at = "127.0.0.1:5060".parse().unwrap();
        let bytes = vec![b'x'; bytes].into();
        recorder.message(
            1,
            MessageRecord::new(Direction::Sent, Transport::Udp, at, at, bytes),
        );
        recorder.reader().take_all()
    }

    /// What is lost of so many batches while nobody takes any; the time is up for who waits.
    fn lost(batches: usize, bytes: usize) -> usize {
        let (done, result) = mpsc::channel();
        std::thread::spawn(move || {
            let (sender, kept) = sync_channel(MAX_BATCHES);
            let mut collector = Collector {
                batches: sender,
                waiting: Arc::default(),
                lost: 0,
                counter: Recorder::new("node", Capacity::default()).reader(),
                thread: std::thread::spawn(|| {}),
            };
            for _ in 0..batches {
                collector.tell(&records(bytes));
            }
            assert!(collector.waiting.load(Ordering::Relaxed) <= MAX_BYTES);
            let _ = done.send(collector.lost);
            drop(kept);
        });
        let waited = "the flight recorder waits for the collector";
        result
            .recv_timeout(Duration::from_secs(10))
            .map_err(|_| waited)
            .unwrap()
    }

    #[test]
    fn what_nobody_takes_is_lost_and_counted() {
        assert_eq!(lost(MAX_BATCHES, 100), 0);
        assert_eq!(lost(MAX_BATCHES + 7, 100), 7);
        // 15 batches of a mebibyte and their records fit, 16 do not.
        assert_eq!(lost(20, 1024 * 1024), 5);
    }
}
