//! L4: a partner that is down, slow, or has much to get costs nothing for the others, and is not overrun when it is back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::time::Duration;

use common::owed::*;
use common::world::*;
use common::{BOB, BOB_AT_A, at};
use mcx::document::Document;
use mcx::{Input, MessageKind, Order, OrderId, SendFailure, SendId, ServiceServer};
use sip_message::{HeaderName, Method, Request};

/// A server that owes `count` users' de-authorizations to B, and one to C, appended last.
fn much_for_b(count: usize) -> (Bench<ServiceServer>, Vec<(SendId, Request)>) {
    let names: Vec<_> = (0..count).map(|n| format!("u{n}")).collect();
    let mut rows: Vec<_> = names.iter().map(|name| (name.as_str(), "b", 1)).collect();
    rows.push(("alice", "c", 1));
    server(&rows)
}

fn is_for(request: &Request, partner: &str) -> bool {
    assert_eq!(*request.method(), Method::Message);
    String::from_utf8_lossy(request.uri_bytes()).contains(partner)
}

fn to<'a>(
    sent: &'a [(SendId, Request)],
    partner: &'static str,
) -> impl Iterator<Item = &'a (SendId, Request)> {
    sent.iter()
        .filter(move |(_, request)| is_for(request, partner))
}

#[test]
fn much_that_waits_for_one_does_not_keep_another_waiting() {
    let (_, sent) = much_for_b(5000);
    assert_eq!(to(&sent, "c.mcx").count(), 1, "with the first");
    assert_eq!(
        to(&sent, "b.mcx").count(),
        32,
        "a few, until it is known what it takes"
    );
}

#[test]
fn a_partner_gets_more_with_each_that_it_takes() {
    let (mut bench, mut sent) = much_for_b(5000);
    let mut rounds = Vec::new();
    for _ in 0..7 {
        let mut next = Vec::new();
        for (id, request) in &sent {
            let out = bench.answer(*id, &reply(request, 200, &[]));
            next.extend(self::sent(&out));
        }
        rounds.push(next.len());
        sent = next;
    }
    assert_eq!(rounds, [64, 128, 256, 512, 1000, 1000, 1000]);
}

/// What a server does while B is silent: how many it sends to B in so long.
fn sends_to_b(
    bench: &mut Bench<ServiceServer>,
    sent: &mut Vec<(SendId, Request)>,
    seconds: u32,
) -> usize {
    let mut count = 0;
    for _ in 0..seconds * 4 {
        for (id, _) in std::mem::take(sent) {
            let out = bench.fails(id, SendFailure::Transport);
            sent.extend(self::sent(&out));
        }
        let out = bench.after(Duration::from_millis(250));
        sent.extend(self::sent(&out));
        count += to(sent, "b.mcx").count();
    }
    count
}

#[test]
fn a_partner_that_is_down_is_asked_now_and_then_and_not_overrun_when_it_is_back() {
    let (mut bench, mut sent) = much_for_b(5000);
    let (id, request) = to(&sent, "c.mcx").next().unwrap().clone();
    bench.answer(id, &reply(&request, 200, &[]));
    sent.retain(|(_, request)| is_for(request, "b.mcx"));
    sends_to_b(&mut bench, &mut sent, 20);
    let asked = sends_to_b(&mut bench, &mut sent, 60);
    assert!((7..=16).contains(&asked), "{asked} in a minute");
    // Everybody's own wait is over, and it is back.
    bench.clock.advance(Duration::from_secs(600));
    sent.extend(self::sent(&bench.after(Duration::ZERO)));
    assert_eq!(sent.len(), 1, "one finds out");
    let mut rounds = Vec::new();
    for _ in 0..6 {
        let mut next = Vec::new();
        for (id, request) in &sent {
            let out = bench.answer(*id, &reply(request, 200, &[]));
            next.extend(self::sent(&out));
        }
        rounds.push(next.len());
        sent = next;
    }
    assert_eq!(rounds, [2, 4, 8, 16, 32, 64]);
}

#[test]
fn rows_that_nobody_waits_for_any_more_say_nothing_of_a_partner() {
    let names: Vec<_> = (0..200).map(|n| format!("u{n}")).collect();
    let rows: Vec<_> = names.iter().map(|name| (name.as_str(), "b", 1)).collect();
    let even = |name: &str| name.ends_with(['0', '2', '4', '6', '8']);
    let (mut bench, mut sent) = with_expiry(server_a(), &rows, |name| even(name).then(|| at(30)));
    sends_to_b(&mut bench, &mut sent, 20);
    let asked = sends_to_b(&mut bench, &mut sent, 60);
    assert!(bench.rows.outbox.len() < 200, "some were dropped");
    assert!((7..=16).contains(&asked), "{asked} in a minute");
}

#[test]
fn refusals_that_are_about_a_user_do_not_hold_up_others() {
    let (mut bench, sent) = much_for_b(100);
    let mut followed = 0;
    for (id, request) in to(&sent, "b.mcx") {
        let out = bench.answer(*id, &reply(request, 480, &[]));
        followed += self::sent(&out).len();
    }
    assert_eq!(followed, 32);
}

#[test]
fn a_partner_that_is_overloaded_gets_less() {
    let (mut bench, sent) = much_for_b(1000);
    let mut next = Vec::new();
    for (n, (id, request)) in to(&sent, "b.mcx").enumerate() {
        let status = if n % 2 == 0 { 200 } else { 503 };
        let out = bench.answer(*id, &reply(request, status, &[]));
        next.extend(self::sent(&out));
    }
    // Three at a time in the end, and those that went out before that was known.
    assert!((1..16).contains(&next.len()), "{}", next.len());
}

#[test]
fn an_operator_does_not_wait_for_a_partner_to_be_asked_again() {
    let (mut bench, mut sent) = much_for_b(10);
    sends_to_b(&mut bench, &mut sent, 20);
    for (id, _) in std::mem::take(&mut sent) {
        bench.fails(id, SendFailure::Transport);
    }
    let row = *bench.rows.outbox.keys().next().unwrap();
    let order = Order::RetryRow { id: row };
    let out = bench.input(Input::Order {
        id: OrderId(1),
        order: &order,
        by: "uid 0: it is back",
    });
    let out = bench.store(out);
    assert_eq!(to(&self::sent(&out), "b.mcx").count(), 1);
}

/// Something that B is entitled to say, each time about the same.
fn b_says() -> Request {
    let document = Document {
        kind: Some(MessageKind::DeauthorizationNotification),
        primary_id: Some(BOB.into()),
        partner_id: Some(BOB_AT_A.into()),
        ..Document::default()
    };
    Incoming::message(SERVER_B, &xml(&document)).request()
}

/// A server whose rows for B waited in vain, each of them now for minutes; and what is sent to B when B says something.
fn silent(
    count: usize,
    fails: impl Fn(&mut Bench<ServiceServer>, SendId, &Request),
) -> Bench<ServiceServer> {
    let (mut bench, mut sent) = much_for_b(count);
    for _ in 0..60 {
        for (id, request) in std::mem::take(&mut sent) {
            fails(&mut bench, id, &request);
        }
        sent.extend(self::sent(&bench.after(Duration::from_secs(20))));
    }
    for (id, request) in std::mem::take(&mut sent) {
        fails(&mut bench, id, &request);
    }
    bench
}

fn sends_when_b_says_something(bench: &mut Bench<ServiceServer>) -> Vec<(SendId, Request)> {
    let sent = sent(&bench.exchange(B, &b_says()));
    assert!(sent.iter().all(|(_, request)| is_for(request, "b.mcx")));
    sent
}

fn unreachable(bench: &mut Bench<ServiceServer>, id: SendId, _: &Request) {
    let out = bench.fails(id, SendFailure::Timeout);
    assert!(sent(&out).is_empty());
}

#[test]
fn a_partner_of_which_something_comes_is_asked_at_once_and_gets_what_it_takes() {
    let mut bench = silent(20, unreachable);
    let asked = sends_when_b_says_something(&mut bench);
    assert_eq!(asked.len(), 1, "one finds out");
    // What comes from it is no reason to ask it again and again.
    assert!(sends_when_b_says_something(&mut bench).is_empty());
    unreachable(&mut bench, asked[0].0, &asked[0].1);
    assert!(sends_when_b_says_something(&mut bench).is_empty());
    // Ever more rarely, while it does not answer.
    let after = |bench: &mut Bench<ServiceServer>| {
        bench.clock.advance(Duration::from_secs(1));
        sends_when_b_says_something(bench)
    };
    let asked = after(&mut bench);
    unreachable(&mut bench, asked[0].0, &asked[0].1);
    assert!(after(&mut bench).is_empty());
    let mut sent = after(&mut bench);
    let mut rounds = Vec::new();
    while !sent.is_empty() {
        rounds.push(sent.len());
        let mut next = Vec::new();
        for (id, request) in &sent {
            let out = bench.answer(*id, &reply(request, 200, &[]));
            next.extend(self::sent(&out));
        }
        sent = next;
    }
    assert_eq!(rounds, [1, 2, 4, 8, 5], "nobody waits for minutes any more");
}

#[test]
fn what_a_partner_does_not_take_now_waits_though_something_comes_from_it() {
    type Fails = fn(&mut Bench<ServiceServer>, SendId, &Request);
    let cases: [(&str, Fails); 3] = [
        ("it says when", |bench, id, request| {
            let later = [(HeaderName::RetryAfter, "3600")];
            bench.answer(id, &reply(request, 504, &later));
        }),
        ("it has too much to do", |bench, id, request| {
            bench.answer(id, &reply(request, 503, &[]));
        }),
        ("it is about a user", |bench, id, request| {
            bench.answer(id, &reply(request, 480, &[]));
        }),
    ];
    for (name, fails) in cases {
        let mut bench = silent(20, fails);
        let sent = sends_when_b_says_something(&mut bench);
        assert!(sent.is_empty(), "{name}: {sent:?}");
    }
}
