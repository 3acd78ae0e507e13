//! L4: what is owed and has no room in memory waits in the store, and is read when it can be sent: nothing is lost, nothing is
//! sent before its turn, whatever happens meanwhile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::Duration;

use common::commands::run;
use common::owed::*;
use common::world::*;
use common::{at, id, procedure, system};
use mcx::state::{
    Command, MemoryRows, NewRow, Notice, OutboxPage, OutboxRow, Outcome, Parked, Rows as _,
};
use mcx::{
    Effect, Input, Order, OrderId, Random, Role as _, SendFailure, SendId, ServiceServer,
    ServiceServerConfig, StoreFailure, StoreId,
};
use sip_message::Request;

/// A's server, with room for so many rows of a partner.
fn with_room_for(in_memory: usize) -> ServiceServerConfig {
    let mut config = server_a();
    config.retry.in_memory = in_memory;
    config
}

/// The user stays at the system from now on, and nothing is owed for it.
fn stays(rows: &mut MemoryRows, name: &str, to: &str) {
    let counter = rows.homes.get(&user(name)).map_or(0, |home| home.counter);
    let allowed = Command::AllowMigration {
        key: user(name),
        system: system(to),
        partner_id: id("sip:guest@b.mcx.example"),
        procedure: procedure(u8::try_from(counter).unwrap() + 2),
        in_reply_to: "x".into(),
        at: at(0),
        expires: at(0),
    };
    for row in run(rows, &allowed).appended {
        run(rows, &Command::OutboxDone { id: row.id });
    }
}

fn append(rows: &mut MemoryRows, name: &str, to: &str, number: u64) -> OutboxRow {
    let row = NewRow {
        key: user(name),
        to: system(to),
        notice: Notice::Deauthorization {
            partner_id: Some(id("sip:guest@b.mcx.example")),
            number,
        },
        procedure: procedure(1),
        created: at(0),
        expires: None,
    };
    let Ok(row) = rows.append(row);
    row.unwrap()
}

/// A server that starts with what is in `rows`; nothing of it was read.
fn started(
    config: ServiceServerConfig,
    rows: MemoryRows,
) -> (Bench<ServiceServer>, Vec<OutboxPage>) {
    let mut bench = Bench::starting(config);
    let (owed, last) = (rows.owed(), rows.last_row());
    bench.rows = rows;
    let out = bench.input(Input::Recovered { owed, last });
    let pages = pages(&out);
    (bench, pages)
}

fn pages(effects: &[Effect]) -> Vec<OutboxPage> {
    let page = |effect: &Effect| match effect {
        Effect::ReadOutbox(page) => Some(page.clone()),
        _ => None,
    };
    effects.iter().filter_map(page).collect()
}

/// The server gets a page as it is stored now.
fn gets(bench: &mut Bench<ServiceServer>, page: &OutboxPage) -> Vec<Effect> {
    let rows = bench.rows.page(page);
    gets_this(bench, page, Ok(rows))
}

fn gets_this(
    bench: &mut Bench<ServiceServer>,
    page: &OutboxPage,
    rows: Result<Vec<OutboxRow>, StoreFailure>,
) -> Vec<Effect> {
    let page = page.clone();
    bench.input(Input::OutboxRead { page, rows })
}

fn abouts(effects: &[Effect]) -> Vec<(String, u64)> {
    let sent = sent(effects);
    sent.iter().map(|(_, request)| about(request)).collect()
}

/// B takes what was sent, and what is sent then, until nothing more is.
fn is_taken(bench: &mut Bench<ServiceServer>, out: &[Effect]) -> Vec<(String, u64)> {
    let mut sent: VecDeque<_> = sent(out).into();
    let mut taken = Vec::new();
    while let Some((id, request)) = sent.pop_front() {
        taken.push(about(&request));
        let out = bench.answer(id, &reply(&request, 200, &[]));
        sent.extend(self::sent(&out));
    }
    taken
}

fn by_hand(bench: &mut Bench<ServiceServer>, order: &Order) -> Vec<Effect> {
    let (id, by) = (OrderId(1), "uid 0: by hand");
    bench.input(Input::Order { id, order, by })
}

#[test]
fn a_start_reads_of_each_partner_what_there_is_room_for() {
    let mut rows = MemoryRows::default();
    for n in 0..40 {
        append(
            &mut rows,
            &format!("u{n}"),
            if n % 4 == 0 { "c" } else { "b" },
            1,
        );
    }
    let last = rows.last_row();
    let (mut bench, pages) = started(with_room_for(7), rows);
    let page = |to, limit| OutboxPage {
        to: system(to),
        after: 0,
        until: last,
        limit,
    };
    assert_eq!(pages, [page("b", 7), page("c", 7)]);
    let out = gets(&mut bench, &pages[0]);
    assert_eq!(abouts(&out).len(), 7, "those of B go out, whatever of C's");
    assert_eq!(self::pages(&out), [], "no room for more");
    let out = bench.store(out);
    let taken = is_taken(&mut bench, &out);
    let expected: Vec<_> = (0..40)
        .filter(|n| n % 4 != 0)
        .map(|n| format!("u{n}"))
        .collect();
    assert_eq!(
        taken.into_iter().map(|(name, _)| name).collect::<Vec<_>>(),
        expected
    );
}

#[test]
fn what_is_appended_goes_out_after_what_is_left() {
    let mut rows = MemoryRows::default();
    append(&mut rows, "alice", "b", 1);
    append(&mut rows, "eve", "b", 1);
    append(&mut rows, "alice", "b", 2);
    let (mut bench, pages) = started(with_room_for(1), rows);
    let out = gets(&mut bench, &pages[0]);
    assert_eq!(abouts(&out), [("alice".into(), 1)]);
    // bob is de-authorized meanwhile.
    stays(&mut bench.rows, "bob", "b");
    let home = Order::Deauthorize { key: user("bob") };
    let ordered = by_hand(&mut bench, &home);
    assert_eq!(abouts(&bench.store(ordered)), []);
    let taken = is_taken(&mut bench, &out);
    let of = |name: &str, number| (name.to_owned(), number);
    assert_eq!(
        taken,
        [of("alice", 1), of("eve", 1), of("alice", 2), of("bob", 1)]
    );
    assert!(bench.rows.outbox.is_empty());
}

#[test]
fn a_partner_that_is_silent_costs_no_memory() {
    let mut bench = Bench::server(with_room_for(5));
    let mut asked = 0;
    for n in 0..50 {
        let name = format!("u{n}");
        stays(&mut bench.rows, &name, "b");
        let key = user(&name);
        let out = by_hand(&mut bench, &Order::Deauthorize { key });
        asked += sent(&bench.store(out)).len();
    }
    assert_eq!(asked, 5);
    let under_way: Vec<_> = bench.sent.clone().into_iter().collect();
    let mut taken = 0;
    for (id, request) in under_way {
        let out = bench.answer(id, &reply(&request, 200, &[]));
        taken += 1 + is_taken(&mut bench, &out).len();
    }
    assert_eq!(taken, 50);
    assert!(bench.rows.outbox.is_empty());
}

fn parked(rows: &mut MemoryRows, name: &str) -> u64 {
    let id = append(rows, name, "b", 1).id;
    let parked = Parked {
        status: 403,
        text: "no".into(),
        since: at(0),
    };
    run(rows, &Command::OutboxPark { id, parked });
    id
}

#[test]
fn what_an_operator_does_while_rows_are_read_holds() {
    let mut rows = MemoryRows::default();
    let first = append(&mut rows, "alice", "b", 1).id;
    let (second, third) = (parked(&mut rows, "eve"), parked(&mut rows, "mallory"));
    let (mut bench, pages) = started(with_room_for(9), rows);
    // Read, but not here yet.
    let read = bench.rows.page(&pages[0]);
    for order in [
        Order::DropRow { id: first },
        Order::RetryRow { id: second },
        Order::RetryRow { id: third },
        Order::DropRow { id: third },
    ] {
        let out = by_hand(&mut bench, &order);
        assert_eq!(abouts(&bench.store(out)), []);
    }
    let out = gets_this(&mut bench, &pages[0], Ok(read));
    assert_eq!(abouts(&out), [("eve".into(), 1)]);
}

#[test]
fn a_row_that_is_released_goes_out_and_has_nothing_read_that_is_here() {
    let mut rows = MemoryRows::default();
    let held = parked(&mut rows, "mallory");
    append(&mut rows, "alice", "b", 1);
    append(&mut rows, "eve", "b", 1);
    let (mut bench, pages) = started(with_room_for(2), rows);
    let out = gets(&mut bench, &pages[0]);
    assert_eq!((abouts(&out).len(), self::pages(&out)), (2, vec![]));
    let out = by_hand(&mut bench, &Order::RetryRow { id: held });
    assert_eq!(abouts(&bench.store(out)), [("mallory".into(), 1)]);
}

#[test]
fn rows_that_cannot_be_read_are_read_when_they_can() {
    let mut rows = MemoryRows::default();
    append(&mut rows, "alice", "b", 1);
    append(&mut rows, "eve", "c", 1);
    let (mut bench, pages) = started(with_room_for(9), rows);
    let out = gets_this(&mut bench, &pages[0], Err(StoreFailure));
    assert_eq!((abouts(&out), self::pages(&out)), (vec![], vec![]));
    let out = gets(&mut bench, &pages[1]);
    assert_eq!(abouts(&out), [("eve".into(), 1)]);
    bench.clock.advance(Duration::from_millis(4999));
    assert_eq!(self::pages(&bench.input(Input::Tick)), []);
    let due = bench.role.deadline().expect("it tries again");
    assert_eq!(due - bench.clock.0.mono, Duration::from_millis(1));
    bench.clock.advance(Duration::from_millis(1));
    let again = self::pages(&bench.input(Input::Tick));
    assert_eq!(again, pages[..1]);
    let out = gets(&mut bench, &again[0]);
    assert_eq!(abouts(&out), [("alice".into(), 1)]);
    assert!(
        bench
            .role
            .deadline()
            .is_none_or(|at| at > bench.clock.0.mono)
    );
}

#[test]
fn users_who_are_refused_do_not_keep_those_waiting_who_are_left() {
    let mut config = with_room_for(2000);
    config.retry.in_flight = 2;
    let mut rows = MemoryRows::default();
    for n in 0..1200 {
        append(&mut rows, &format!("u{n}"), "b", 1);
    }
    let (mut bench, pages) = started(config, rows);
    let out = gets(&mut bench, &pages[0]);
    let mut sent: VecDeque<_> = sent(&bench.store(out)).into();
    let mut asked = 0;
    while let Some((id, request)) = sent.pop_front() {
        asked += 1;
        let out = bench.answer(id, &reply(&request, 480, &[]));
        sent.extend(self::sent(&out));
    }
    assert_eq!(asked, 1200);
}

/// A server, a store that takes its time, partners that answer as they like, and an operator.
struct World {
    bench: Bench<ServiceServer>,
    random: Random,
    commits: VecDeque<(StoreId, Vec<Command>)>,
    durable: VecDeque<(StoreId, Vec<Outcome>)>,
    reads: Vec<(OutboxPage, Option<Vec<OutboxRow>>)>,
    under_way: Vec<(SendId, Request)>,
    /// Numbers that a partner took, by user.
    taken: BTreeMap<String, Vec<u64>>,
    /// Those that were refused or dropped once.
    excused: HashSet<(String, u64)>,
    orders: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        let mut random = Random::new(bytes);
        let mut config = with_room_for(1 + usize::try_from(random.below(4)).unwrap());
        config.retry.in_flight = 1 + usize::try_from(random.below(3)).unwrap();
        let mut rows = MemoryRows::default();
        for number in 1..=random.below(12) {
            let to = if random.below(2) == 0 { "b" } else { "c" };
            let name = format!("{to}{}", random.below(3));
            // What is appended later has a higher number.
            while rows
                .homes
                .get(&user(&name))
                .is_none_or(|home| home.counter < number)
            {
                stays(&mut rows, &name, to);
            }
            append(&mut rows, &name, to, number);
        }
        let (owing, last) = (rows.owed(), rows.last_row());
        let mut bench = Bench::starting(config);
        bench.rows = rows;
        let mut world = Self {
            bench,
            random,
            commits: VecDeque::new(),
            durable: VecDeque::new(),
            reads: Vec::new(),
            under_way: Vec::new(),
            taken: BTreeMap::new(),
            excused: HashSet::new(),
            orders: 0,
        };
        let out = world.bench.input(Input::Recovered { owed: owing, last });
        world.take(out);
        world
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Store { id, batch } => self.commits.push_back((id, batch)),
                Effect::ReadOutbox(page) => {
                    let same = self.reads.iter().any(|(other, _)| other.to == page.to);
                    assert!(!same, "one at a time");
                    self.reads.push((page, None));
                }
                Effect::Send { id, request, .. } => self.under_way.push((id, request)),
                _ => {}
            }
        }
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.random.below(u64::try_from(n).unwrap())).unwrap()
    }

    /// Something happens; with `well` nothing fails any more.
    fn happens(&mut self, well: bool) {
        let what = self.random.below(if well { 6 } else { 10 });
        let out = match what {
            0 => {
                let Some((id, batch)) = self.commits.pop_front() else {
                    return;
                };
                let outcomes = batch.iter().map(|c| run(&mut self.bench.rows, c)).collect();
                self.durable.push_back((id, outcomes));
                return;
            }
            1 => {
                let Some((id, outcomes)) = self.durable.pop_front() else {
                    return;
                };
                let result = Ok(outcomes);
                self.bench.input(Input::Stored { id, result })
            }
            2 => {
                let Some(at) = self.reads.len().checked_sub(1) else {
                    return;
                };
                let at = self.below(at + 1);
                let (page, read) = &mut self.reads[at];
                *read = Some(self.bench.rows.page(page));
                return;
            }
            3 => {
                let read = self.reads.iter().position(|(_, read)| read.is_some());
                let Some(read) = read else { return };
                let (page, rows) = self.reads.remove(read);
                let fails = !well && self.random.below(5) == 0;
                let rows = if fails {
                    Err(StoreFailure)
                } else {
                    Ok(rows.unwrap())
                };
                self.bench.input(Input::OutboxRead { page, rows })
            }
            4 => {
                let Some(at) = self.under_way.len().checked_sub(1) else {
                    return;
                };
                let at = self.below(at + 1);
                let (id, request) = self.under_way.swap_remove(at);
                let mood = if well { 0 } else { self.random.below(8) };
                match mood {
                    5 => {
                        let response = reply(&request, 480, &[]);
                        self.bench.input(Input::Answer {
                            id,
                            response: &response,
                        })
                    }
                    6 => self.bench.input(Input::Failed {
                        id,
                        why: SendFailure::Timeout,
                    }),
                    7 => {
                        self.excused.insert(about(&request));
                        let response = reply(&request, 403, &[]);
                        self.bench.input(Input::Answer {
                            id,
                            response: &response,
                        })
                    }
                    _ => {
                        let (name, number) = about(&request);
                        self.taken.entry(name).or_default().push(number);
                        let response = reply(&request, 200, &[]);
                        self.bench.input(Input::Answer {
                            id,
                            response: &response,
                        })
                    }
                }
            }
            5 => {
                let by = if well {
                    400_000
                } else {
                    self.random.below(20_000)
                };
                self.bench.clock.advance(Duration::from_millis(by));
                self.bench.input(Input::Tick)
            }
            6 | 7 => {
                let to = ["b", "c"][self.below(2)];
                let name = format!("{to}{}", self.random.below(3));
                stays(&mut self.bench.rows, &name, to);
                self.order(&Order::Deauthorize { key: user(&name) })
            }
            _ => {
                let Some(at) = self.bench.rows.outbox.len().checked_sub(1) else {
                    return;
                };
                let at = self.below(at + 1);
                let row = self.bench.rows.outbox.values().nth(at).unwrap();
                let id = row.id;
                if what == 8 {
                    self.order(&Order::RetryRow { id })
                } else {
                    let name = row.row.key.primary_id.as_str();
                    let name = name[4..6].to_owned();
                    self.excused
                        .insert((name, row.row.notice.number().unwrap()));
                    self.order(&Order::DropRow { id })
                }
            }
        };
        self.take(out);
    }

    fn order(&mut self, order: &Order) -> Vec<Effect> {
        self.orders += 1;
        let (id, by) = (OrderId(self.orders), "chance");
        self.bench.input(Input::Order { id, order, by })
    }

    /// Everything that was owed was delivered once, that of a user in order.
    fn ends_well(&mut self, seed: u64) {
        for _ in 0..2000 {
            self.happens(true);
        }
        let parked: Vec<_> = self.bench.rows.outbox.keys().copied().collect();
        for id in parked {
            let out = self.order(&Order::RetryRow { id });
            self.take(out);
        }
        for _ in 0..4000 {
            self.happens(true);
        }
        let left = &self.bench.rows.outbox;
        assert!(left.is_empty(), "seed {seed}: {left:?}");
        assert!(self.reads.is_empty() && self.under_way.is_empty());
        for (name, numbers) in &self.taken {
            let excused = |number: &&u64| !self.excused.contains(&(name.clone(), **number));
            let numbers: Vec<_> = numbers.iter().filter(excused).collect();
            assert!(
                numbers.is_sorted_by(|a, b| a < b),
                "seed {seed}: {name} {numbers:?}"
            );
        }
    }
}

#[test]
fn whatever_happens_all_that_is_owed_is_delivered_once_and_in_order() {
    let mut delivered = 0;
    for seed in 0..300 {
        let mut world = World::new(seed);
        for _ in 0..300 {
            world.happens(false);
        }
        world.ends_well(seed);
        delivered += world.taken.values().map(Vec::len).sum::<usize>();
    }
    assert!(delivered > 3000, "{delivered}");
}
