//! What an operator orders by hand: rows sent again or dropped, a user de-authorized, a session ended.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::time::Duration;

use common::commands::{allow, run};
use common::owed::*;
use common::visit::{self, deauthorize, from_b};
use common::world::*;
use common::{BOB, alice, key};
use mcx::state::VisitorPhase;
use mcx::{
    ByPartner, Effect, Input, Order, OrderId, Ordered, SendFailure, Service, ServiceServer,
    ServiceServerConfig, Stop, Weight,
};

/// Orders something; answers what the operator is told, and all else.
fn order(bench: &mut Bench<ServiceServer>, order: Order) -> (Ordered, Vec<Effect>) {
    let id = OrderId(5);
    let by = "uid 1000: because of the drill";
    let order = &order;
    let out = bench.input(Input::Order { id, order, by });
    let mut out = bench.store(out);
    let told = out
        .iter()
        .position(|effect| matches!(effect, Effect::Ordered { .. }));
    let Effect::Ordered { id, result } = out.remove(told.expect("an answer")) else {
        unreachable!();
    };
    assert_eq!(id, OrderId(5));
    (result, out)
}

/// The one decision that an order leaves names who and why, and is told to operators.
fn audited(effects: &[Effect]) {
    let by_hand = effects.iter().filter_map(|effect| match effect {
        Effect::Decide(decision) if decision.verdict == "ordered" => Some(decision),
        _ => None,
    });
    let [decision] = by_hand.collect::<Vec<_>>().try_into().unwrap();
    assert!(
        decision.why.contains("uid 1000: because of the drill"),
        "{}",
        decision.why
    );
    assert_eq!(decision.weight, Weight::Alarm);
}

#[test]
fn a_parked_row_is_sent_again() {
    let (mut bench, _) = answered(403, &[]);
    let id = one(&bench).id;
    assert!(one(&bench).parked.is_some());
    let (told, out) = order(&mut bench, Order::RetryRow { id });
    assert_eq!(told, Ok(format!("row {id} is due now")));
    audited(&out);
    let [(sent, request)] = sent(&out).try_into().unwrap();
    assert_eq!(about(&request), ("alice".into(), 7));
    bench.answer(sent, &reply(&request, 200, &[]));
    assert!(bench.rows.outbox.is_empty());
}

#[test]
fn a_row_that_waits_long_is_sent_now() {
    let (mut bench, first) = server(&[("alice", "b", 7)]);
    bench.fails(first[0].0, SendFailure::Timeout);
    let row = one(&bench).clone();
    assert_eq!(row.failure.as_deref(), Some("b.mcx.example did not answer"));
    let (told, out) = order(&mut bench, Order::RetryRow { id: row.id });
    assert!(told.is_ok());
    assert_eq!(sends(&out).len(), 1);
    assert_eq!(one(&bench).attempts, 0, "waits begin anew");
    // It is under way: nothing to be done.
    let (told, out) = order(&mut bench, Order::RetryRow { id: row.id });
    assert_eq!(
        told,
        Ok(format!("row {} is being sent at this moment", row.id))
    );
    assert!(sends(&out).is_empty());
}

#[test]
fn a_dropped_row_is_never_sent_again_whatever_its_answer() {
    for under_way in [false, true] {
        let (mut bench, first) = server(&[("alice", "b", 7)]);
        if !under_way {
            bench.fails(first[0].0, SendFailure::Timeout);
        }
        let id = one(&bench).id;
        let (told, out) = order(&mut bench, Order::DropRow { id });
        let on_its_way = match under_way {
            true => ", and is being sent at this moment: it may reach the partner all the same",
            false => "",
        };
        assert_eq!(told, Ok(format!("row {id} is dropped{on_its_way}")));
        audited(&out);
        let (told, _) = order(&mut bench, Order::RetryRow { id });
        assert_eq!(told, Err(format!("there is no row {id} in the outbox")));
        if under_way {
            bench.fails(first[0].0, SendFailure::Timeout);
        }
        assert!(bench.rows.outbox.is_empty());
        assert!(sends(&bench.after(Duration::from_secs(10_000))).is_empty());
    }
}

#[test]
fn a_dropped_row_lets_the_next_of_its_lane_go() {
    let (mut bench, first) = server(&[("alice", "b", 7), ("alice", "b", 8)]);
    bench.fails(first[0].0, SendFailure::Timeout);
    let id = *bench.rows.outbox.keys().next().unwrap();
    let (_, out) = order(&mut bench, Order::DropRow { id });
    let [(_, request)] = sent(&out).try_into().unwrap();
    assert_eq!(about(&request), ("alice".into(), 8));
}

#[test]
fn what_is_not_there_is_said_so_and_nothing_is_done() {
    let mut bench = Bench::server(server_a());
    for (unknown, expected) in [
        (Order::RetryRow { id: 9 }, "there is no row 9 in the outbox"),
        (Order::DropRow { id: 9 }, "there is no row 9 in the outbox"),
        (
            Order::Deauthorize { key: alice() },
            "the user is migrated nowhere",
        ),
        (
            Order::Deauthorize {
                key: key(Service::Mcptt, "sip:bob@b.mcx.example"),
            },
            "the user's primary system, b.mcx.example, de-authorizes him: here he is a visitor at most",
        ),
        (
            Order::SessionsEnded { key: alice() },
            "no mapping of that user is here: name him by his MC service ID in the primary system, as `mcx users` shows it",
        ),
    ] {
        let before = bench.rows.clone();
        let (told, out) = order(&mut bench, unknown);
        assert_eq!(told, Err(expected.to_owned()));
        assert!(out.is_empty(), "{out:?}");
        assert_eq!(bench.rows, before);
    }
}

#[test]
fn a_user_who_is_deauthorized_by_hand_is_at_no_partner_any_more() {
    let mut bench = Bench::server(server_a());
    run(&mut bench.rows, &allow("b", 1));
    run(&mut bench.rows, &allow("c", 2));
    common::commands::deliver_all(&mut bench.rows);
    let (told, out) = order(&mut bench, Order::Deauthorize { key: alice() });
    let expected = "de-authorization owed to b.mcx.example (stay 1), c.mcx.example (stay 2)";
    assert_eq!(told, Ok(expected.to_owned()));
    audited(&out);
    let mut told: Vec<_> = sent(&out)
        .iter()
        .map(|(_, request)| about(request).1)
        .collect();
    told.sort_unstable();
    assert_eq!(told, [1, 2]);
    let (again, out) = order(&mut bench, Order::Deauthorize { key: alice() });
    assert!(again.is_err());
    assert!(out.is_empty());
}

#[test]
fn the_end_of_the_last_session_stops_the_service() {
    let config = ServiceServerConfig {
        stop: ByPartner {
            default: Stop::After(Duration::from_secs(100)),
            ..ByPartner::default()
        },
        ..server_a()
    };
    let rows = visit::bench().rows;
    let mut bench = Bench::server(config);
    bench.rows = rows;
    let bob = key(Service::Mcptt, BOB);
    let ended = Order::SessionsEnded { key: bob.clone() };
    let (told, _) = order(&mut bench, ended.clone());
    assert!(told.unwrap_err().contains("has not left"));
    from_b(&mut bench, &deauthorize(7));
    let (told, out) = order(&mut bench, ended);
    assert!(told.unwrap().contains("the service stopped"));
    audited(&out);
    assert!(matches!(
        bench.rows.visitors[&bob].phase,
        VisitorPhase::WasMigrated { .. }
    ));
}

#[test]
fn an_order_that_cannot_be_stored_is_not_done() {
    let (mut bench, _) = answered(403, &[]);
    let order = Order::RetryRow { id: 1 };
    let (id, by) = (OrderId(1), "uid 0: x");
    let order = &order;
    let out = bench.input(Input::Order { id, order, by });
    let (store, _) = batches(&out).remove(0);
    let out = bench.store_fails(store);
    let [
        Effect::Ordered {
            result: Err(why), ..
        },
    ] = &out[..]
    else {
        panic!("{out:?}");
    };
    assert!(why.contains("nothing was done"));
    assert!(sends(&bench.after(Duration::from_secs(10_000))).is_empty());
}
