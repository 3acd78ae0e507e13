//! One system: a real service server over real rows, begun anew for every step from what is
//! durable, and from the client's event that waits at it, which it is handed once more.
//!
//! What a server remembers beside its rows is just that: which rows are under way follows from
//! the network of the model. So a system is a value that can be compared, and a step of it is
//! computed once, however many states of the whole world it occurs in.

use std::time::Duration;

use mcx::state::{Command, MemoryRows, OutboxRow, Rows as _, Verdict};
use mcx::{
    ByPartner, Effect, Input, MessageKind, Order, OrderId, Partner, Random, RequestId, SendId,
    ServiceServer, ServiceServerConfig, Stop, System,
};
use sip_message::{HeaderName, Response};

use crate::common::alice;
use crate::common::world::*;
use crate::letter::{Letter, NAMES};
use crate::user::Event;

/// How long a partner goes on serving.
const GRACE: Duration = Duration::from_secs(1000);
/// How long a mapping is kept.
const RETENTION: Duration = Duration::from_secs(10_000);
/// More than a client waits, less than a response is worth.
const TOO_LATE: Duration = Duration::from_secs(21);
/// Nobody waits for a response any more.
const WORTHLESS: Duration = Duration::from_secs(33);

const ADDRESSES: [&str; 3] = ["192.0.2.1:5060", B, C];
const PSIS: [&str; 3] = [SERVER_A, SERVER_B, SERVER_C];

/// What one system knows.
#[derive(Clone)]
pub struct Node {
    pub rows: MemoryRows,
    /// The event that waits for the primary's response, and Call-ID of the request for it.
    pub waiting: Option<(Event, String)>,
}

/// An answer between two systems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub warning: Option<String>,
}

/// What a step of one system did.
#[derive(Clone)]
pub struct Done {
    pub node: Node,
    /// Status of the answers to events of the user.
    pub told: Vec<(u8, u16)>,
    /// The answer to the letter.
    pub answer: Option<Answer>,
    /// The request to the primary that it sent.
    pub asks: Option<Letter>,
}

impl Node {
    pub fn new() -> Self {
        Self {
            rows: MemoryRows::default(),
            waiting: None,
        }
    }

    /// Two nodes with one key behave alike.
    pub fn key(&self) -> String {
        let outbox: Vec<_> = self
            .rows
            .outbox
            .values()
            .map(|r| (&r.row, &r.parked))
            .collect();
        format!(
            "{:?} {:?} {outbox:?} {:?}",
            self.rows.homes, self.rows.visitors, self.waiting
        )
    }

    /// Without what a later step cannot depend on: the names of rows, how often they were sent,
    /// and the events for other parts of the deployment.
    fn canonical(self) -> Self {
        let mut rows = MemoryRows::default();
        (rows.homes, rows.visitors) = (self.rows.homes, self.rows.visitors);
        for old in self.rows.outbox.into_values() {
            let Ok(new) = rows.append(old.row);
            let new = new.unwrap();
            if old.parked.is_some() {
                let parked = OutboxRow {
                    parked: old.parked,
                    ..new
                };
                let Ok(()) = rows.put_outbox_row(&parked);
            }
        }
        Self { rows, ..self }
    }

    /// A process that crashed and begins again.
    pub fn restarted(&self) -> Self {
        Self {
            waiting: None,
            ..self.clone()
        }
    }
}

/// The three servers' configurations.
pub struct Servers([ServiceServerConfig; 3]);

/// A server begun anew.
struct Run {
    bench: Bench<ServiceServer>,
    waiting: Option<(Event, String)>,
    asked: Option<SendId>,
}

/// The request that waits is handed over first.
const WAITING: RequestId = RequestId(1);

impl Servers {
    pub fn new(grace: bool) -> Self {
        Self(std::array::from_fn(|own| {
            let others = (0..3).filter(|other| *other != own);
            let partner = |n: usize| -> Partner { partner(NAMES[n], peer(PSIS[n], ADDRESSES[n])) };
            let system: System = mc_system(NAMES[own]);
            let mut config = server_a();
            config.psi = PSIS[own].into();
            config.systems.own = system;
            config.systems.partners = others.map(partner).collect();
            config.retention.default = RETENTION;
            config.stop = ByPartner {
                default: if grace {
                    Stop::After(GRACE)
                } else {
                    Stop::Immediately
                },
                ..ByPartner::default()
            };
            config
        }))
    }

    /// The server at `place`, its randomness being that of this step.
    fn run(&self, place: usize, node: &Node, seed: &str) -> Run {
        let fresh = |seed: &str| {
            Bench::new(ServiceServer::new(
                self.0[place].clone(),
                Random::new(hashed(seed)),
            ))
        };
        let mut asked = None;
        let mut bench = match &node.waiting {
            None => fresh(seed),
            Some((event, _)) => {
                let mut bench = fresh(&event.seed());
                // The store was asked when the event came: it is not asked once more.
                let out = bench.request(CORE, &event.request());
                for (id, batch) in batches(&out) {
                    let looks_up = matches!(batch[0], Command::RefreshVisitor { .. });
                    let verdict = if looks_up {
                        Verdict::NotMigrated
                    } else {
                        nothing_due()
                    };
                    let result = Ok(vec![verdict.into()]);
                    let out = bench.input(Input::Stored { id, result });
                    asked = asked.or(sends(&out).first().map(|(id, ..)| *id));
                }
                assert!(asked.is_some());
                bench
            }
        };
        bench.rows = node.rows.clone();
        Run {
            bench,
            waiting: node.waiting.clone(),
            asked,
        }
    }

    /// An event of the user arrives at `place`.
    pub fn event(&self, place: usize, node: &Node, event: &Event) -> Done {
        // Its procedure is the event's own, whatever waits.
        let mut run = self.run(place, &node.restarted(), &event.seed());
        let out = run.bench.exchange(CORE, &event.request());
        let mut done = run.done(place, out, &[(WAITING, event.n)]);
        let Some((earlier, _)) = &node.waiting else {
            if let Some(asks) = &done.asks {
                done.node.waiting = Some((event.clone(), asks.call_id.clone()));
            }
            return done;
        };
        // What becomes of the event that waits.
        let mut run = self.run(place, node, "");
        let out = run.bench.exchange(CORE, &event.request());
        let both = run.done(place, out, &[(WAITING, earlier.n), (RequestId(2), event.n)]);
        assert_eq!(both.asks.is_some(), done.asks.is_some());
        done.node.waiting = match &both.asks {
            Some(_) => Some((event.clone(), done.asks.as_ref().unwrap().call_id.clone())),
            None => both.node.waiting,
        };
        done.told = both.told;
        done
    }

    /// A letter arrives at `place`, as `request`.
    pub fn letter(&self, place: usize, node: &Node, letter: &Letter, mute: bool) -> Done {
        let counter = node.rows.homes.get(&alice()).map_or(0, |h| h.counter);
        // A procedure that no message names is another one each time.
        let seed = format!("{} {counter}", letter.key());
        let mut run = self.run(place, node, &seed);
        let request = if mute {
            letter.without_stay()
        } else {
            letter.request.clone()
        };
        let via = format!("SIP/2.0/UDP {};branch=z9hG4bKown", ADDRESSES[letter.from]);
        let own = RequestId(if node.waiting.is_some() { 2 } else { 1 });
        let out = run
            .bench
            .exchange(ADDRESSES[letter.from], &request.with_via(&via));
        let answer = responses(&out).into_iter().find(|(id, _)| *id == own);
        let events: Vec<_> = node.waiting.iter().map(|(e, _)| (WAITING, e.n)).collect();
        let mut done = run.done(place, out, &events);
        done.answer = answer.map(|(_, response)| Answer {
            status: response.status().as_u16(),
            warning: value(&response, HeaderName::Warning),
        });
        done
    }

    /// The answer to a letter of `place` arrives there.
    pub fn answered(&self, place: usize, node: &Node, letter: &Letter, answer: &Answer) -> Done {
        let mut run = self.run(place, node, &letter.key());
        let id = if letter.kind == MessageKind::AuthorizationRequest {
            match (&node.waiting, run.asked) {
                (Some((_, call_id)), Some(asked)) if *call_id == letter.call_id => asked,
                // Nobody waits for it.
                _ => return run.done(place, Vec::new(), &[]),
            }
        } else {
            let row = node.rows.outbox.values().find(|r| letter.is_of(r));
            let out = run.bench.recover(row.into_iter().cloned().collect());
            sends(&out).first().unwrap().0
        };
        let warning: Vec<_> = answer
            .warning
            .iter()
            .map(|w| (HeaderName::Warning, w.as_str()))
            .collect();
        let response: Response = reply(&letter.request, answer.status, &warning);
        let out = run.bench.answer(id, &response);
        let events: Vec<_> = node.waiting.iter().map(|(e, _)| (WAITING, e.n)).collect();
        run.done(place, out, &events)
    }

    /// The client's event waited too long.
    pub fn times_out(&self, place: usize, node: &Node) -> Done {
        let mut run = self.run(place, node, "");
        let out = run.bench.after(TOO_LATE);
        let n = node.waiting.as_ref().unwrap().0.n;
        run.done(place, out, &[(WAITING, n)])
    }

    /// Nobody waits any more for the response in this row.
    pub fn drops(&self, place: usize, node: &Node, letter: &Letter) -> Done {
        let mut run = self.run(place, node, "");
        run.bench.clock.advance(WORTHLESS);
        let row = node.rows.outbox.values().find(|r| letter.is_of(r));
        let out = run.bench.recover(row.into_iter().cloned().collect());
        assert!(sends(&out).is_empty());
        run.done(place, out, &[])
    }

    /// Whatever is due in time: grace periods, or retentions too.
    pub fn passes(&self, place: usize, node: &Node, retention: bool) -> Done {
        let mut run = self.run(place, &node.restarted(), "");
        let by = if retention { GRACE + RETENTION } else { GRACE };
        let out = run.bench.after(by);
        let mut done = run.done(place, out, &[]);
        done.node.waiting.clone_from(&node.waiting);
        done
    }

    /// An operator, or another part of the deployment, orders something.
    pub fn order(&self, place: usize, node: &Node, order: &Order) -> Done {
        let counter = node.rows.homes.get(&alice()).map_or(0, |h| h.counter);
        let mut run = self.run(place, node, &format!("order {counter}"));
        let (id, by) = (OrderId(1), "the model");
        let out = run.bench.input(Input::Order { id, order, by });
        let out = run.bench.store(out);
        run.done(place, out, &[])
    }

    /// The letters that are sent for what is owed.
    pub fn owes(&self, place: usize, node: &Node) -> Vec<Letter> {
        let mut run = self.run(place, &node.restarted(), "owes");
        let rows = node.rows.outbox.values().cloned().collect();
        let out = run.bench.recover(rows);
        let letters = sends(&out).into_iter();
        letters
            .map(|(_, _, request)| Letter::read(place, request))
            .collect()
    }
}

impl Run {
    /// What came of it; `events` names the requests of the user's.
    fn done(self, place: usize, out: Vec<Effect>, events: &[(RequestId, u8)]) -> Done {
        let mut told = Vec::new();
        let mut waiting = self.waiting;
        for (id, response) in responses(&out) {
            let Some((_, n)) = events.iter().find(|(event, _)| *event == id) else {
                continue;
            };
            told.push((*n, response.status().as_u16()));
            if id == WAITING {
                waiting = None;
            }
        }
        let letters = sends(&out)
            .into_iter()
            .map(|(_, _, r)| Letter::read(place, r));
        let rows = self.bench.rows;
        Done {
            node: Node { rows, waiting }.canonical(),
            told,
            answer: None,
            asks: letters
                .into_iter()
                .find(|l| l.kind == MessageKind::AuthorizationRequest),
        }
    }
}

fn nothing_due() -> Verdict {
    Verdict::Expired {
        stopped: 0,
        purged: 0,
        next: None,
    }
}

/// A seed that is the text's own.
fn hashed(text: &str) -> [u8; 32] {
    let mut seed = [0; 32];
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    for (at, byte) in text.bytes().chain([0; 32]).enumerate() {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        seed[at % 32] ^= (state >> 32) as u8;
    }
    seed
}

/// Whether `place` serves her.
pub fn serves(place: usize, node: &Node) -> bool {
    use mcx::state::VisitorPhase::Migrated;
    let (rows, key) = (&node.rows, alice());
    match place {
        0 => rows
            .homes
            .get(&key)
            .is_some_and(|h| h.authorization.is_some()),
        _ => rows.visitors.get(&key).is_some_and(|v| v.phase == Migrated),
    }
}
