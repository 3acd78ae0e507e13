//! A node that is ready and refuses all the same: the balancer tries another one, and tells what they say when all refuse.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;

use bytes::Bytes;
use sip_message::{HeaderName, Limits, Message, Method, Response, StatusCode};
use sip_tests::lab::{Lab, kamailio_installed};

use super::edge::deauthorization;
use super::rolling::balancer;
use super::wire::{Asking, field, status, wait_until};

/// A node that answers OPTIONS with 200, and a MESSAGE with 200 or 503; it ends with this.
struct Node {
    socket: Arc<UdpSocket>,
    refuses: Arc<AtomicBool>,
    /// How many MESSAGE and OPTIONS requests came.
    asked: Arc<[AtomicU32; 2]>,
    thread: Option<JoinHandle<()>>,
}

impl Node {
    fn start(lab: &Lab, name: &str) -> Self {
        let socket = Arc::new(lab.socket(name));
        let (refuses, asked) = (
            Arc::new(AtomicBool::new(false)),
            Arc::<[AtomicU32; 2]>::default(),
        );
        let serving = (socket.clone(), refuses.clone(), asked.clone());
        Self {
            socket,
            refuses,
            asked,
            thread: Some(std::thread::spawn(move || {
                serve(&serving.0, &serving.1, &serving.2);
            })),
        }
    }

    fn refuses(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::SeqCst);
    }

    /// How many MESSAGE requests came.
    fn asked(&self) -> u32 {
        self.asked[0].load(Ordering::SeqCst)
    }

    /// How often it was asked whether it is ready.
    fn pinged(&self) -> u32 {
        self.asked[1].load(Ordering::SeqCst)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Nothing at all is no message: the end.
        let own = self.socket.local_addr().unwrap();
        let _ = self.socket.send_to(&[], own);
        let _ = self.thread.take().unwrap().join();
    }
}

fn serve(socket: &UdpSocket, refuses: &AtomicBool, asked: &[AtomicU32; 2]) {
    let mut datagram = [0; 65_536];
    loop {
        // An ICMP error of a balancer that ended is no end.
        let Ok((length, from)) = socket.recv_from(&mut datagram) else {
            continue;
        };
        if length == 0 {
            return;
        }
        let bytes = Bytes::copy_from_slice(&datagram[..length]);
        let parsed = Message::parse_datagram(bytes, &Limits::default());
        let Ok(Message::Request(request)) = parsed else {
            continue;
        };
        let message = *request.method() == Method::Message;
        asked[usize::from(!message)].fetch_add(1, Ordering::SeqCst);
        let answer = match message && refuses.load(Ordering::SeqCst) {
            true => Response::to(&request, StatusCode::SERVICE_UNAVAILABLE, Some("node"))
                .header(HeaderName::RetryAfter, "9"),
            false => Response::to(&request, StatusCode::OK, Some("node")),
        };
        let _ = socket.send_to(answer.finish().unwrap().as_bytes(), from);
    }
}

#[test]
fn what_one_node_refuses_another_takes() {
    if !kamailio_installed() {
        return;
    }
    let lab = Lab::new("failover");
    let nodes = ["a-gateway-1", "a-gateway-2"].map(|name| Node::start(&lab, name));
    let _balancer = balancer(&lab);
    let asking = Asking::at(lab.address("client").ip(), lab.address("balancer"));
    let asks = || asking.asks(&deauthorization("mc-server@a.mcx.example"));
    // The balancer has heard of both, and is at work: one that is ended while it starts takes a minute.
    wait_until(|| {
        asks();
        let knows = |node: &Node| node.asked() > 0 && node.pinged() > 1;
        nodes.iter().all(knows)
    });
    for one in &nodes {
        one.refuses(true);
        let before = one.asked();
        for _ in 0..2 {
            let answer = asks();
            assert_eq!(status(&answer), 200, "{answer}");
        }
        assert!(one.asked() > before, "each in turn");
        one.refuses(false);
    }
    nodes.iter().for_each(|node| node.refuses(true));
    let before = nodes.each_ref().map(Node::asked);
    let answer = asks();
    assert_eq!(status(&answer), 503, "{answer}");
    assert_eq!(field(&answer, "Retry-After"), Some("9"));
    assert_eq!(nodes.each_ref().map(Node::asked), before.map(|n| n + 1));
}
