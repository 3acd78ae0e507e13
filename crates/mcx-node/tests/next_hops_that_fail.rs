//! A hop with several targets: what does not work goes to the next one (RFC 3263 §4.3), with real sockets and a real DNS
//! server.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod common;

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use common::dns::Dns;
use common::{PATIENCE, address, bind, free, message, transmit};
use mcx::{Availability, Effect, Input, NextHop, Now, Role, SendFailure, SendId, SystemId};
use mcx_node::admin::Orders;
use mcx_node::clock;
use mcx_node::congestion::Congestion;
use mcx_node::driver::Driver;
use mcx_node::function::Function;
use mcx_node::life::{Life, Phase};
use mcx_node::next_hop::{Capability, Locator};
use mcx_node::transport::{Setup, Transports};
use sip_message::{HeaderName, Limits, Message, Method, Request, Response, StatusCode};
use sip_trace::Recorder;
use sip_transaction::{Config, Timers, Transport};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

/// A role that sends one request after the other to a hop, and tells how each went.
struct Sending {
    hop: NextHop,
    body: usize,
    left: u64,
    told: Sender<Result<u16, SendFailure>>,
}

impl Sending {
    fn send(&mut self, out: &mut Vec<Effect>) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        let request = Request::build(Method::Message, "sip:b@b.example")
            .header(HeaderName::MaxForwards, "70")
            .header(HeaderName::From, "<sip:a@a.example>;tag=1")
            .header(HeaderName::To, "<sip:b@b.example>")
            .header(HeaderName::CallId, format!("n{}", self.left))
            .header(HeaderName::CSeq, "1 MESSAGE")
            .body("text/plain", "x".repeat(self.body))
            .finish()
            .unwrap();
        out.push(Effect::Send {
            id: SendId(self.left),
            next_hop: self.hop.clone(),
            request,
        });
    }
}

impl Role for Sending {
    fn handle(&mut self, _: Now, input: Input<'_>, out: &mut Vec<Effect>) {
        let went = match input {
            Input::Recovered { .. } => return self.send(out),
            Input::Answer { response, .. } => Ok(response.status().as_u16()),
            Input::Failed { why, .. } => Err(why),
            other => panic!("{other:?}"),
        };
        self.told.send(went).unwrap();
        self.send(out);
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn set_availability(&mut self, _: Availability) {}

    fn partners(&self) -> Vec<(SystemId, bool)> {
        Vec::new()
    }

    fn is_idle(&self) -> bool {
        self.left == 0
    }
}

/// Sends `count` requests to `uri`, one after the other.
fn send(
    uri: &str,
    listen: &[Transport],
    dns: Option<SocketAddr>,
    body: usize,
    count: u64,
) -> Receiver<Result<u16, SendFailure>> {
    let (told, went) = channel();
    let role = Sending {
        hop: NextHop {
            uri: uri.to_owned(),
            domain: None,
        },
        body,
        left: count,
        told,
    };
    let transports = bind(Setup {
        listen: listen.iter().map(|t| free(*t, "127.0.0.1")).collect(),
        ..Setup::default()
    });
    let config = Config {
        timers: Timers {
            t1: std::time::Duration::from_millis(5),
            ..Timers::default()
        },
        ..Config::default()
    };
    let can = [Transport::Udp, Transport::Tcp].map(|transport| Capability {
        transport,
        is_ipv4: true,
    });
    let servers = dns.map(|dns| vec![dns]).unwrap_or_default();
    let local = transports.listening().to_vec();
    let life = Life::new("gateway");
    life.comes_to(Phase::Serving);
    let (change, changes) = mpsc::channel(1);
    let mut driver = Driver::new(role, local, Limits::default(), config, [7; 32]);
    driver.recovered(clock::now(), Vec::new(), 0);
    let function = Function {
        node: "test".into(),
        life,
        changes,
        driver,
        transports,
        waiting: VecDeque::new(),
        waiting_bytes: 0,
        congestion: Congestion::new(Instant::now()),
        emptied: Instant::now(),
        looked: Instant::now(),
        locator: Locator::new(Some(&servers), can.into()),
        locating: JoinSet::new(),
        opening: None,
        store: None,
        complained: None,
        orders: Orders::default(),
        outbox: mcx_node::outbox_reading::OutboxReading::default(),
        recorder: Recorder::off(),
        about: None,
    };
    tokio::spawn(async move {
        function.run().await;
        drop(change);
    });
    went
}

/// A server that answers every request with `status`, and counts them in the order in which they come.
fn serve(mut transports: Transports, status: StatusCode, seen: Sender<String>) -> JoinHandle<()> {
    let mut branches = HashSet::new();
    tokio::spawn(async move {
        loop {
            let (path, request) = message(&mut transports).await;
            let Message::Request(request) = &request else {
                panic!("a response");
            };
            // A retransmission on a slow machine is no other request.
            let via = request.headers().top_via().unwrap();
            if branches.insert(via.branch().unwrap().to_vec()) {
                let _ = seen.send(format!("{} {}", path.local.port(), path.transport));
            }
            let response = Response::to(request, status, Some("tag"))
                .header(HeaderName::RetryAfter, "100")
                .finish()
                .unwrap();
            let answer = transmit(path, response.as_bytes().clone());
            let _ = transports.send(answer).await;
        }
    })
}

fn udp() -> Transports {
    bind(Setup {
        listen: vec![free(Transport::Udp, "127.0.0.1")],
        ..Setup::default()
    })
}

/// Both at one port: what is free for UDP may be another's for TCP.
fn udp_and_tcp() -> (Transports, Transports) {
    loop {
        let server = udp();
        let mut listen = free(Transport::Tcp, "127.0.0.1");
        listen.address.set_port(address(&server).port());
        let setup = Setup {
            listen: vec![listen],
            ..Setup::default()
        };
        match Transports::bind(setup, Recorder::off()) {
            Ok(beside) => return (server, beside),
            Err((_, why)) => assert_eq!(why.kind(), std::io::ErrorKind::AddrInUse),
        }
    }
}

async fn outcome(
    went: &Arc<std::sync::Mutex<Receiver<Result<u16, SendFailure>>>>,
) -> Result<u16, SendFailure> {
    let went = went.clone();
    let next = tokio::task::spawn_blocking(move || went.lock().unwrap().recv_timeout(PATIENCE));
    next.await.unwrap().unwrap()
}

fn shared<T>(receiver: Receiver<T>) -> Arc<std::sync::Mutex<Receiver<T>>> {
    Arc::new(std::sync::Mutex::new(receiver))
}

/// Two servers behind one name, the first preferred.
fn two(first: u16, second: u16) -> Option<Dns> {
    Dns::start(&[
        &format!("srv-host=_sip._udp.pair.example,host.pair.example,{first},1,1"),
        &format!("srv-host=_sip._udp.pair.example,host.pair.example,{second},2,1"),
        "host-record=host.pair.example,127.0.0.1",
    ])
}

#[tokio::test]
async fn a_server_that_is_killed_in_the_middle_leaves_its_place_to_the_next() {
    let (first, second) = (udp(), udp());
    let (a, b) = (address(&first).port(), address(&second).port());
    let Some(dns) = two(a, b) else { return };
    let (seen, log) = channel();
    let first = serve(first, StatusCode::OK, seen.clone());
    let _second = serve(second, StatusCode::OK, seen);
    let went = shared(send(
        "sip:pair.example",
        &[Transport::Udp],
        Some(dns.address),
        10,
        6,
    ));
    for n in 0..6 {
        if n == 2 {
            // The next request, or its answer, meets nobody.
            first.abort();
        }
        assert_eq!(outcome(&went).await, Ok(200));
    }
    let seen: Vec<_> = log.try_iter().collect();
    assert!(seen.len() >= 6, "{seen:?}");
    assert_eq!(seen[0], format!("{a} UDP"));
    // Marked down, it is not tried first any more.
    assert_eq!(seen[seen.len() - 1], format!("{b} UDP"));
    assert_eq!(seen[seen.len() - 2], format!("{b} UDP"));
}

#[tokio::test]
async fn a_503_goes_to_the_next_and_its_server_is_left_alone_for_a_while() {
    let (first, second) = (udp(), udp());
    let (a, b) = (address(&first).port(), address(&second).port());
    let Some(dns) = two(a, b) else { return };
    let (seen, log) = channel();
    let _first = serve(first, StatusCode::SERVICE_UNAVAILABLE, seen.clone());
    let _second = serve(second, StatusCode::OK, seen);
    let went = shared(send(
        "sip:pair.example",
        &[Transport::Udp],
        Some(dns.address),
        10,
        3,
    ));
    for _ in 0..3 {
        assert_eq!(outcome(&went).await, Ok(200));
    }
    let seen: Vec<_> = log.try_iter().collect();
    let once = [a, b, b, b].map(|port| format!("{port} UDP"));
    assert_eq!(seen, once);
}

#[tokio::test]
async fn when_nobody_is_left_the_last_outcome_stands() {
    let (first, second) = (udp(), udp());
    let (a, b) = (address(&first).port(), address(&second).port());
    let Some(dns) = two(a, b) else { return };
    let (seen, log) = channel();
    let _first = serve(first, StatusCode::SERVICE_UNAVAILABLE, seen.clone());
    let _second = serve(second, StatusCode::SERVICE_UNAVAILABLE, seen);
    let went = shared(send(
        "sip:pair.example",
        &[Transport::Udp],
        Some(dns.address),
        10,
        1,
    ));
    assert_eq!(outcome(&went).await, Ok(503));
    assert_eq!(log.try_iter().count(), 2);
    // A name that DNS does not know.
    let went = shared(send(
        "sip:none.example",
        &[Transport::Udp],
        Some(dns.address),
        10,
        1,
    ));
    assert_eq!(outcome(&went).await, Err(SendFailure::Transport));
}

#[tokio::test]
async fn other_refusals_are_answers_and_nobody_else_is_asked() {
    let (first, second) = (udp(), udp());
    let (a, b) = (address(&first).port(), address(&second).port());
    let Some(dns) = two(a, b) else { return };
    let (seen, log) = channel();
    let _first = serve(first, StatusCode::FORBIDDEN, seen.clone());
    let _second = serve(second, StatusCode::OK, seen);
    let went = shared(send(
        "sip:pair.example",
        &[Transport::Udp],
        Some(dns.address),
        10,
        1,
    ));
    assert_eq!(outcome(&went).await, Ok(403));
    assert_eq!(log.try_iter().collect::<Vec<_>>(), [format!("{a} UDP")]);
}

#[tokio::test]
async fn what_is_too_large_for_udp_goes_over_tcp_and_over_udp_where_that_fails() {
    let both = [Transport::Udp, Transport::Tcp];
    for (case, (body, listen, written, tcp_there, expected)) in [
        // RFC 3261 §18.1.1: above 1,300 bytes.
        (2_000, &both[..], "", true, "TCP"),
        (100, &both[..], "", true, "UDP"),
        // Nobody takes the connection: UDP after all.
        (2_000, &both[..], "", false, "UDP"),
        // The configuration says UDP, and who has no TCP listener could not be answered on another connection.
        (2_000, &both[..], ";transport=udp", true, "UDP"),
        (2_000, &both[..1], "", true, "UDP"),
    ]
    .into_iter()
    .enumerate()
    {
        let (server, beside) = if tcp_there {
            let (server, beside) = udp_and_tcp();
            (server, Some(beside))
        } else {
            (udp(), None)
        };
        let at = address(&server);
        let (seen, log) = channel();
        let _udp = serve(server, StatusCode::OK, seen.clone());
        let _tcp = beside.map(|tcp| serve(tcp, StatusCode::OK, seen));
        let went = shared(send(&format!("sip:{at}{written}"), listen, None, body, 2));
        for _ in 0..2 {
            assert_eq!(outcome(&went).await, Ok(200), "{case}");
        }
        let expected = format!("{} {expected}", at.port());
        assert_eq!(
            log.try_iter().collect::<Vec<_>>(),
            [expected.clone(), expected],
            "{case}"
        );
    }
}
