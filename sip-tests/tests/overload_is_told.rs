//! A node that gets more than it can serve says so to its load balancer, by OPTIONS and over HTTP, and that it is over.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../../crates/mcx-node/tests/common/http.rs"]
mod http;

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sip_message::{Limits, Message, Response};
use sip_tests::lab::{Lab, Node, deauthorization, options, visitors_at_b};

const PATIENCE: Duration = Duration::from_secs(60);
const USERS: u64 = 1_000;

/// A load balancer, which the node knows.
struct Balancer {
    socket: UdpSocket,
    asked: u64,
}

impl Balancer {
    fn new(lab: &Lab) -> Self {
        let socket = lab.socket("b-core");
        socket.connect(lab.address("b-server")).unwrap();
        let timer_e = Duration::from_millis(500);
        socket.set_read_timeout(Some(timer_e)).unwrap();
        Self { socket, asked: 0 }
    }

    /// The answer to an OPTIONS, which is sent until there is one.
    fn asks(&mut self) -> Response {
        self.asked += 1;
        let limit = Instant::now() + PATIENCE;
        let own = self.socket.local_addr().unwrap();
        let branch = format!("ping-{}", self.asked);
        let request = options(own, &branch);
        loop {
            assert!(Instant::now() < limit, "an OPTIONS has no answer");
            self.socket.send(&request).unwrap();
            let mut datagram = vec![0; 65_536];
            let Ok(length) = self.socket.recv(&mut datagram) else {
                continue;
            };
            datagram.truncate(length);
            match Message::parse_datagram(Bytes::from(datagram), &Limits::default()).unwrap() {
                Message::Response(response)
                    if response.headers().call_id().unwrap() == branch.as_bytes() =>
                {
                    return response;
                }
                _ => {}
            }
        }
    }
}

#[test]
fn options_are_503_while_it_lasts_and_200_again_when_it_is_over() {
    let lab = Lab::new("overload");
    lab.seed("b-server", visitors_at_b(USERS));
    let at = lab.address("http");
    let more = format!("\n[http]\nlisten = \"{at}\"\n[log]\nlevel = \"warn\"\n");
    let mut node = Node::untraced(&lab, "b-server", &(lab.example("direct/b-server") + &more));
    let mut balancer = Balancer::new(&lab);
    assert_eq!(balancer.asks().status().as_u16(), 200);
    assert_eq!(http::get(at, "/readyz").0, 200);

    let partner = lab.socket("a-server");
    partner.connect(lab.address("b-server")).unwrap();
    let own = partner.local_addr().unwrap();
    let over = AtomicBool::new(false);
    let limit = Instant::now() + PATIENCE;
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut n = 0;
            while !over.load(Ordering::Relaxed) {
                let request = deauthorization(own, n % USERS, &format!("flood-{n}"));
                // The system may have no room for it.
                let _ = partner.send(&request);
                n += 1;
            }
        });
        let told = loop {
            let answer = balancer.asks();
            if answer.status().as_u16() == 503 {
                break Some(answer);
            }
            if Instant::now() > limit {
                break None;
            }
        };
        let ready = http::get(at, "/readyz");
        over.store(true, Ordering::Relaxed);
        let told = told.expect("OPTIONS is answered 503");
        assert!(told.headers().retry_after().unwrap().is_some());
        assert_eq!(ready.0, 503, "{}", ready.1);
        assert!(ready.1.contains("overloaded"), "{}", ready.1);
    });
    let limit = Instant::now() + PATIENCE;
    while balancer.asks().status().as_u16() != 200 {
        assert!(Instant::now() < limit, "it is over");
    }
    assert_eq!(http::get(at, "/readyz").0, 200);
    node.signal("TERM");
    assert_eq!(node.wait_for_end(), Some(0));
}
