//! Timer values belong to a hop: those of its peer, else of its transport, else of the endpoint.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::net::IpAddr;
use std::time::Duration;

use common::{Bench, THERE, answer, incoming, outgoing, path, path_from, times, via};
use sip_message::Method;
use sip_transaction::{Config, Hops, Path, Timers, Transport};

const LONG: Duration = Duration::from_secs(400);
const ELSEWHERE: &str = "203.0.113.9:5060";

fn ip(address: &str) -> IpAddr {
    address.parse::<std::net::SocketAddr>().unwrap().ip()
}

fn timers(t1: u64) -> Timers {
    Timers {
        t1: Duration::from_millis(t1),
        ..Timers::default()
    }
}

fn bench(special: &[(Hops, Timers)]) -> Bench {
    Bench::with(Config {
        special_timers: special.to_vec(),
        ..Config::default()
    })
}

fn send(bench: &mut Bench, path: Path, method: Method) {
    let now = bench.now();
    let sent = bench.endpoint.request(now, path, &outgoing(method));
    sent.unwrap();
}

/// When a request there fails.
fn fails(bench: &mut Bench, path: Path) -> u128 {
    let start = bench.millis();
    send(bench, path, Method::Message);
    let lines = bench.timeline(LONG);
    times(&lines, "failed: Timeout")[0] - start
}

#[test]
fn a_peer_before_a_transport_before_the_endpoint() {
    let special = [
        (Hops::Over(Transport::Udp), timers(100)),
        (Hops::Peer(ip(THERE)), timers(50)),
    ];
    let mut bench = bench(&special);
    assert_eq!(fails(&mut bench, path(Transport::Udp)), 3_200);
    assert_eq!(fails(&mut bench, path(Transport::Tcp)), 3_200);
    assert_eq!(fails(&mut bench, path_from(ELSEWHERE)), 6_400);
    let tcp = Path {
        transport: Transport::Tcp,
        ..path_from(ELSEWHERE)
    };
    assert_eq!(fails(&mut bench, tcp), 32_000);
}

#[test]
fn a_port_of_a_peer_makes_no_difference() {
    let mut bench = bench(&[(Hops::Peer(ip(THERE)), timers(50))]);
    assert_eq!(fails(&mut bench, path_from("198.51.100.2:9")), 3_200);
}

#[test]
fn hops_do_not_disturb_each_other() {
    let mut bench = bench(&[(Hops::Peer(ip(ELSEWHERE)), timers(100))]);
    send(&mut bench, path(Transport::Udp), Method::Invite);
    send(&mut bench, path_from(ELSEWHERE), Method::Options);
    let lines = bench.timeline(LONG);
    assert_eq!(
        times(&lines, "INVITE again"),
        [500, 1_500, 3_500, 7_500, 15_500, 31_500]
    );
    assert_eq!(
        times(&lines, "OPTIONS again"),
        [100, 300, 700, 1_500, 3_100, 6_300]
    );
    assert_eq!(times(&lines, "failed: Timeout"), [6_400, 32_000]);
    bench.is_empty();
}

#[test]
fn servers_have_the_values_of_the_hop_that_answers_go_to() {
    let mut bench = bench(&[(Hops::Peer(ip(THERE)), timers(100))]);
    bench.receive(incoming("INVITE", &via("z9hG4bK1")));
    let (server, request) = bench.handed_up();
    bench.respond(server, &answer(&request, 486));
    let lines = bench.timeline(LONG);
    assert_eq!(
        times(&lines, "486 again"),
        [100, 300, 700, 1_500, 3_100, 6_300]
    );
    assert_eq!(times(&lines, "unacknowledged: Timeout"), [6_400]);
}

/// How long something is kept after its final answer.
fn kept(bench: &mut Bench) -> u128 {
    let start = bench.millis();
    while bench.endpoint.clients() + bench.endpoint.servers() > 0 {
        bench.pass_millis(10);
    }
    while bench.endpoint.poll_transmit().is_some() {}
    while bench.endpoint.poll_event().is_some() {}
    bench.millis() - start
}

#[test]
fn timers_d_i_j_and_k_are_set_alone() {
    let special = Timers {
        d: Duration::from_secs(40),
        i: Some(Duration::from_secs(1)),
        j: Some(Duration::from_secs(2)),
        k: Some(Duration::from_secs(3)),
        ..Timers::default()
    };
    for (timers, wanted) in [
        (Timers::default(), [32_000, 5_000, 32_000, 5_000]),
        (special, [40_000, 1_000, 2_000, 3_000]),
    ] {
        let mut bench = Bench::with(Config {
            timers,
            ..Config::default()
        });
        let (_, invite) = bench.request(Method::Invite, Transport::Udp);
        bench.receive(answer(&invite, 486));
        let d = kept(&mut bench);
        bench.receive(incoming("INVITE", &via("z9hG4bK1")));
        let (server, request) = bench.handed_up();
        bench.respond(server, &answer(&request, 486));
        bench.receive(incoming("ACK", &via("z9hG4bK1")));
        let i = kept(&mut bench);
        bench.receive(incoming("MESSAGE", &via("z9hG4bK2")));
        let (server, request) = bench.handed_up();
        bench.respond(server, &answer(&request, 200));
        let j = kept(&mut bench);
        let (_, message) = bench.request(Method::Message, Transport::Udp);
        bench.receive(answer(&message, 200));
        let k = kept(&mut bench);
        assert_eq!([d, i, j, k], wanted);
    }
}

#[test]
fn on_a_reliable_transport_they_are_zero_whatever_is_set() {
    let timers = Timers {
        i: Some(Duration::from_secs(1)),
        j: Some(Duration::from_secs(2)),
        k: Some(Duration::from_secs(3)),
        ..Timers::default()
    };
    for zero in [
        timers.d(true),
        timers.i(true),
        timers.j(true),
        timers.k(true),
    ] {
        assert_eq!(zero, Duration::ZERO);
    }
}
