//! What is said on the wire: by a host that asks A's core, and to a node.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sip_message::{HeaderName, Limits, Message, Method};
use sip_trace::{Direction, Record, What};

use super::systems::Systems;

/// Requests of a method that a node got.
pub fn got(records: &[Record], method: &Method) -> Vec<sip_message::Request> {
    let messages = records.iter().filter_map(|record| match &record.what {
        What::Message(m) if m.direction == Direction::Received => Some(m.bytes.clone()),
        _ => None,
    });
    let parsed = messages.filter_map(|bytes| {
        match Message::parse_datagram(bytes, &Limits::default()).ok()? {
            Message::Request(request) if request.method() == method => Some(request),
            _ => None,
        }
    });
    parsed.collect()
}

pub fn all(request: &sip_message::Request, name: &HeaderName) -> Vec<String> {
    let values = request.headers().all(name);
    values
        .map(|value| String::from_utf8_lossy(value).into_owned())
        .collect()
}

/// How long an answer is waited for: timer F, and a moment.
const PATIENCE: Duration = Duration::from_secs(35);

/// Somebody who asks A's core, or whoever is meant.
pub struct Asking {
    socket: UdpSocket,
    whom: SocketAddr,
}

impl Asking {
    /// From the host of a system, or of a client.
    pub fn new(systems: &Systems, host: &str) -> Self {
        let ip = match host {
            "client" => systems.lab.address("client").ip(),
            system => systems.core(system).ip(),
        };
        Self::at(ip, systems.core("a"))
    }

    /// From a host, somebody.
    pub fn at(ip: IpAddr, whom: SocketAddr) -> Self {
        let socket = UdpSocket::bind((ip, 0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, whom }
    }

    /// Sends a request that has no Via yet.
    pub fn sends(&self, request: &str) {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let own = self.socket.local_addr().unwrap();
        let (line, rest) = request.split_once("\r\n").unwrap();
        let via = format!(
            "Via: SIP/2.0/UDP {own};rport;branch=z9hG4bK{}-{n}",
            own.port()
        );
        let request = format!("{line}\r\n{via}\r\n{rest}");
        self.socket.send_to(request.as_bytes(), self.whom).unwrap();
    }

    /// The final answer.
    pub fn hears(&self) -> String {
        loop {
            let mut datagram = [0; 65_536];
            let length = self.socket.recv(&mut datagram).unwrap();
            let answer = String::from_utf8_lossy(&datagram[..length]).into_owned();
            if status(&answer) >= 200 {
                return answer;
            }
        }
    }

    /// The final answer to a request.
    pub fn asks(&self, request: &str) -> String {
        self.sends(request);
        self.hears()
    }

    /// The final answer to an OPTIONS for a URI, in the name of a client of A's.
    pub fn asks_whether_ready(&self, uri: &str) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let from = "sip:phone@a.mcx.example";
        let request = format!(
            "OPTIONS {uri} SIP/2.0\r\nMax-Forwards: 70\r\nFrom: <{from}>;tag={n}\r\nTo: <{uri}>\r\n\
             Call-ID: options-{n}\r\nCSeq: {n} OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        self.asks(&request)
    }
}

/// Waits until `happened`, which is asked again and again, and not so often that the answers fill Kamailio's memory.
pub fn wait_until(mut happened: impl FnMut() -> bool) {
    const STEP: Duration = Duration::from_millis(20);
    let limit = Instant::now() + PATIENCE;
    while !happened() {
        assert!(Instant::now() < limit, "it never happened");
        std::thread::sleep(STEP);
    }
}

/// The status of an answer.
pub fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

/// The value of a header field of an answer.
pub fn field<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = answer.lines().take_while(|line| !line.is_empty());
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}
