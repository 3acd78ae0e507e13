//! The admin socket of a node: whether it is ready, and of a service server who is migrated where, what is owed, and orders of
//! an operator.
//!
//! A connection is one question: a line of JSON ([`Question`]), answered by lines of JSON, the last of which
//! is [`End`]. Who may open the file of the socket may ask; who that was is in the audit of an order.

mod client;
mod directives;
mod orders;
pub mod question;
mod records;
mod rows;
mod users;

use std::sync::Arc;
use std::time::Duration;

use mcx::Order;
use mcx_store::{Store, StoreError};
use serde::Serialize;
use sip_trace::Reader;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::life::Life;
use crate::local_socket::Listener;
use crate::room::{Guest, stopped};
use crate::terminal;
use crate::watches::Watches;
pub use client::{AskError, ask, ask_lines};
pub use directives::{Directed, Directive};
pub use orders::{Ordering, Orders};
pub use question::{End, Question};
pub use records::{Lost, MOST_FOLLOWERS, Place, TraceFilter};
pub use rows::{OutboxFilter, OutboxLine};
pub use users::{State, UserFilter, UserLine};

/// Longest question.
const LONGEST_QUESTION: u64 = 16 * 1024;
/// How long a question is waited for, and how long its asker may take to read a line of the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Why a service server cannot answer yet.
const STARTING: &str = "not ready: starting: its store is not open yet";
/// Why a gateway cannot answer.
const NO_SERVER: &str =
    "no service server: a gateway keeps no users and owes nothing; ask the service server's node";
/// Most rows read from the store at once.
const PAGE: usize = 500;

/// Answers questions, until `stop` turns true: those of a service server where there is one, and what is recorded where
/// something is.
pub async fn serve(listener: Listener, asked: Asked, stop: watch::Receiver<bool>) {
    let of_each = stop.clone();
    let answer = move |stream, guest| {
        let asked = asked.clone();
        let mut stop = of_each.clone();
        async move {
            tokio::select! {
                () = asked.connection(stream, guest) => {}
                () = stopped(&mut stop) => {}
            }
        }
    };
    listener.serve(stop, answer).await;
}

/// What a service server's questions are answered from.
struct OfServer {
    store: Arc<dyn Store>,
    orders: mpsc::Sender<Ordering>,
}

/// What became of what a node recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RecorderLine {
    /// Records since the start.
    pub records: u64,
    /// Of them, those that a reader (trace file, collector, watch, page, command) did not get, because the ring had moved on;
    /// one that two missed counts twice.
    pub missed: u64,
    /// Those that a collector did not get though they were read for it.
    pub untold: u64,
}

/// What a question is answered from.
#[derive(Clone)]
pub struct Asked {
    /// The service server and where it takes orders; `None` on a gateway.
    server: Option<(Life, mpsc::Sender<Ordering>)>,
    /// A reader of what is recorded, if anything is.
    trace: Option<Reader>,
    watches: Arc<Watches>,
    /// The node's functions.
    lives: Vec<Life>,
    /// Where directives go.
    direct: mpsc::Sender<Directed>,
    /// Room for those who follow.
    followers: Arc<Semaphore>,
}

impl Asked {
    /// A service server and where it takes orders are `None` on a gateway, a reader where nothing is recorded.
    #[must_use]
    pub fn new(
        server: Option<(Life, mpsc::Sender<Ordering>)>,
        trace: Option<Reader>,
        watches: Arc<Watches>,
        lives: Vec<Life>,
        direct: mpsc::Sender<Directed>,
    ) -> Self {
        Self {
            server,
            trace,
            watches,
            lives,
            direct,
            followers: Arc::new(Semaphore::new(MOST_FOLLOWERS)),
        }
    }

    /// The service server, or why there is none to be asked.
    fn server(&self) -> Result<OfServer, &'static str> {
        let (life, orders) = self.server.as_ref().ok_or(NO_SERVER)?;
        Ok(OfServer {
            store: life.store().ok_or(STARTING)?.clone(),
            orders: orders.clone(),
        })
    }

    async fn connection(self, stream: UnixStream, guest: Guest) {
        let uid = stream.peer_cred().map(|peer| peer.uid());
        let (read, mut write) = stream.into_split();
        let mut line = Vec::new();
        let mut bounded = BufReader::new(read).take(LONGEST_QUESTION);
        let got = tokio::time::timeout(PATIENCE, bounded.read_until(b'\n', &mut line)).await;
        guest.stays();
        let end = match got {
            Ok(Ok(1..)) => match serde_json::from_slice(&line) {
                Ok(question) => {
                    let who =
                        uid.map_or_else(|_| "somebody".to_owned(), |uid| format!("uid {uid}"));
                    match question {
                        Question::Trace(filter) => {
                            self.trace(&filter, &mut bounded, &mut write).await
                        }
                        question => self.answer(question, &who, &mut write).await,
                    }
                }
                Err(_) if u64::try_from(line.len()) == Ok(LONGEST_QUESTION) => Some(End::Error(
                    format!("a question is a line of {LONGEST_QUESTION} bytes at most"),
                )),
                Err(error) => Some(End::Error(format!("no question: {error}"))),
            },
            _ => None,
        };
        if let Some(end) = end {
            let _ = say(&mut write, &end).await;
        }
    }

    /// Answers a question; `None` when nobody listens any more.
    async fn answer(
        &self,
        question: Question,
        who: &str,
        write: &mut OwnedWriteHalf,
    ) -> Option<End> {
        match (question, self.server()) {
            (Question::Ready, _) => Some(match self.lives.iter().find_map(Life::trouble) {
                None => End::Done("ready".into()),
                Some(why) => End::Error(format!("not ready: {why}")),
            }),
            (Question::Recorder, _) => Some(match &self.trace {
                None => End::Error("nothing is recorded: ring-mib is 0 in [trace]".into()),
                Some(reader) => {
                    let line = RecorderLine {
                        records: reader.end(),
                        missed: reader.all_missed(),
                        untold: reader.untold(),
                    };
                    say_all(write, std::iter::once(line)).await?;
                    End::All
                }
            }),
            (Question::Reload, _) => Some(self.direct(Directive::Reload, who).await),
            (Question::Drain, _) => Some(self.direct(Directive::Drain, who).await),
            (Question::Users(filter), Ok(server)) => server.users(&filter, write).await,
            (Question::Outbox(filter), Ok(server)) => server.outbox(&filter, write).await,
            (Question::Order { what, because }, Ok(server)) => {
                let order = match what.try_into() {
                    Ok(order) => order,
                    Err(why) => return Some(End::Error(why)),
                };
                Some(server.order(order, who, &because).await)
            }
            (Question::Users(_) | Question::Outbox(_) | Question::Order { .. }, Err(why)) => {
                Some(End::Error(why.into()))
            }
            (Question::Watch { wish, because }, _) => {
                let by = match ordered_by(who, &because) {
                    Ok(by) => by,
                    Err(why) => return Some(End::Error(why)),
                };
                Some(self.of_watches(move |watches| watches.add(wish, &by)).await)
            }
            (Question::EndWatch { id, because }, _) => {
                let by = match ordered_by(who, &because) {
                    Ok(by) => by,
                    Err(why) => return Some(End::Error(why)),
                };
                Some(self.of_watches(move |watches| watches.end(id, &by)).await)
            }
            (Question::Watches, _) => {
                let watches = self.watches.clone();
                // One that begins may hold them while a disk is slow.
                let all = tokio::task::spawn_blocking(move || watches.list()).await;
                say_all(write, all.unwrap_or_default().into_iter()).await?;
                Some(End::All)
            }
            // Answered where its connection is watched.
            (Question::Trace(_), _) => None,
        }
    }
}

impl Asked {
    /// Hands a directive to whoever runs the node.
    async fn direct(&self, directive: Directive, by: &str) -> End {
        let (done, outcome) = oneshot::channel();
        let by = by.to_owned();
        let directed = Directed {
            directive,
            by,
            done,
        };
        let ending = || End::Error("the node is ending: nothing was done".into());
        if self.direct.send(directed).await.is_err() {
            return ending();
        }
        match outcome.await {
            Ok(Ok(text)) => End::Done(text),
            Ok(Err(why)) => End::Error(why),
            Err(_) => ending(),
        }
    }

    /// Does something that may wait for a disk.
    async fn of_watches(
        &self,
        order: impl FnOnce(&Watches) -> Result<String, String> + Send + 'static,
    ) -> End {
        let watches = self.watches.clone();
        match tokio::task::spawn_blocking(move || order(&watches)).await {
            Ok(Ok(text)) => End::Done(text),
            Ok(Err(why)) => End::Error(why),
            Err(_) => End::Error("the node is ending: nothing was done".into()),
        }
    }
}

/// Who ordered, and why.
fn ordered_by(who: &str, because: &str) -> Result<String, String> {
    is_reason(because)?;
    Ok(format!("{who}: {}", because.trim()))
}

impl OfServer {
    async fn order(&self, order: Order, who: &str, because: &str) -> End {
        let by = match ordered_by(who, because) {
            Ok(by) => by,
            Err(why) => return End::Error(why),
        };
        let (done, outcome) = oneshot::channel();
        let ordering = Ordering { order, by, done };
        let ending = || End::Error("the node is ending: nothing was done".into());
        if self.orders.send(ordering).await.is_err() {
            return ending();
        }
        match outcome.await {
            Ok(Ok(text)) => End::Done(text),
            Ok(Err(why)) => End::Error(why),
            Err(_) => ending(),
        }
    }

    /// Own users and visitors, a page at a time.
    async fn users(&self, filter: &UserFilter, write: &mut OwnedWriteHalf) -> Option<End> {
        let mut after = None;
        loop {
            let from = after.take();
            let page = self
                .read(move |store| store.homes(from.as_ref(), PAGE))
                .await;
            let page = match page {
                Ok(page) => page,
                Err(error) => return Some(End::Error(error.to_string())),
            };
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            let lines = page
                .iter()
                .flat_map(|(key, home)| users::of_home(key, home));
            say_all(write, lines.filter(|line| filter.wants(line))).await?;
        }
        loop {
            let from = after.take();
            let page = self
                .read(move |store| store.visitors(from.as_ref(), PAGE))
                .await;
            let page = match page {
                Ok(page) => page,
                Err(error) => return Some(End::Error(error.to_string())),
            };
            let Some((last, _)) = page.last() else {
                return Some(End::All);
            };
            after = Some(last.clone());
            let lines = page
                .iter()
                .map(|(key, visitor)| users::of_visitor(key, visitor));
            say_all(write, lines.filter(|line| filter.wants(line))).await?;
        }
    }

    /// Rows of the outbox, a page at a time.
    async fn outbox(&self, filter: &OutboxFilter, write: &mut OwnedWriteHalf) -> Option<End> {
        let mut after = 0;
        loop {
            let page = match self
                .read(move |store| store.outbox_after(after, PAGE))
                .await
            {
                Ok(page) => page,
                Err(error) => return Some(End::Error(error.to_string())),
            };
            let Some(last) = page.last() else {
                return Some(End::All);
            };
            after = last.id;
            let lines = page.iter().map(rows::of_row);
            say_all(write, lines.filter(|line| filter.wants(line))).await?;
        }
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.store.clone();
        let done = tokio::task::spawn_blocking(move || read(&*store)).await;
        done.unwrap_or(Err(StoreError::Closed))
    }
}

/// Longest reason of an order, in characters.
const LONGEST_REASON: usize = 500;

/// Whether a reason can stand in a log: one line that shows as it is, and names no user.
fn is_reason(because: &str) -> Result<(), &'static str> {
    let lower = because.to_ascii_lowercase();
    if because.trim().is_empty() {
        Err("an order needs a reason")
    } else if because.chars().count() > LONGEST_REASON {
        Err("a reason has at most 500 characters")
    } else if because.chars().any(terminal::obeys) {
        Err("a reason is one line, without control characters")
    } else if ["sip:", "sips:", "tel:"]
        .iter()
        .any(|scheme| lower.contains(scheme))
    {
        Err("a reason names no user: it goes to the log")
    } else {
        Ok(())
    }
}

/// Writes lines; `None` when nobody listens any more.
async fn say_all<T: Serialize>(
    write: &mut OwnedWriteHalf,
    lines: impl Iterator<Item = T>,
) -> Option<()> {
    let mut text = String::new();
    for line in lines {
        text.push_str(&serde_json::to_string(&line).unwrap_or_default());
        text.push('\n');
    }
    written(write, text.as_bytes()).await
}

async fn say(write: &mut OwnedWriteHalf, line: &impl Serialize) -> Option<()> {
    say_all(write, std::iter::once(line)).await
}

async fn written(write: &mut OwnedWriteHalf, text: &[u8]) -> Option<()> {
    let written = tokio::time::timeout(PATIENCE, write.write_all(text)).await;
    written.ok()?.ok()
}
