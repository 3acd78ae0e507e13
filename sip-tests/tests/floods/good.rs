//! The good peer: A's MC service server, whose de-authorizations of ever newer stays all are made durable and answered.

use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sip_tests::lab::ALICE_AT_B;

use super::target::{Target, connect};
use super::{End, Size};

/// When a datagram without an answer is sent again (Timer E), after the first time.
const AGAIN: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_millis(1_500),
    Duration::from_millis(3_500),
];
/// How long the last answers may take.
const PATIENCE: Duration = Duration::from_secs(8);
const COOKIE: &[u8] = b"z9hG4bKgood";

/// A request.
#[derive(Debug, Default)]
struct Asked {
    /// When it was sent first and when it was answered, in microseconds since the start; 0 is never.
    sent: AtomicU64,
    answered: AtomicU64,
    status: AtomicU16,
}

/// How it went.
#[derive(Debug)]
pub struct Answered {
    /// How long each took, from the first time it was sent, shortest first.
    took: Vec<Duration>,
    /// Of all that were asked, those that failed, and their status; 0 is none.
    failed: Vec<(u64, u16)>,
    /// Sent again.
    again: u64,
}

impl Answered {
    fn share(&self, of_thousand: usize) -> Duration {
        let place = self.took.len() * of_thousand / 1_000;
        let last = self.took.len().saturating_sub(1);
        self.took
            .get(place.min(last))
            .copied()
            .unwrap_or(Duration::MAX)
    }

    pub fn p99(&self) -> Duration {
        self.share(990)
    }

    /// How many did not succeed.
    pub fn failed(&self) -> usize {
        self.failed.len()
    }

    /// On a machine that does other things too a node may have more to do than it can, and say so; silence it may not.
    pub fn all_were_answered(&self) {
        let wrong = self.failed.iter().find(|(_, status)| *status != 503);
        assert_eq!(wrong, None, "request and status");
        assert!(self.took.len() > self.failed.len(), "{self}");
    }
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (answered, again) = (self.took.len(), self.again);
        let refused = self.failed.iter().filter(|(_, status)| *status == 503);
        let refused = refused.count();
        let silent = self.failed.len() - refused;
        write!(
            f,
            "{answered} answered with 200, {refused} with 503, {silent} with something else or not at all, {again} sent again; p50 {:.1?}, p99 {:.1?}, longest {:.1?}",
            self.share(500),
            self.p99(),
            self.share(1_000)
        )
    }
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap().max(1)
}

fn request(number: u64, transport: &str, from: SocketAddr) -> Vec<u8> {
    let body = format!(
        "<mcpttinfo xmlns=\"urn:3gpp:ns:mcpttInfo:1.0\"><mcptt-Params><anyExt><req-type type=\"Normal\"><mcpttString>migration-service-deauthorization-notification</mcpttString></req-type>\
         <primary-mcptt-id type=\"Normal\"><mcpttURI>sip:alice@a.mcx.example</mcpttURI></primary-mcptt-id>\
         <partner-mcptt-id type=\"Normal\"><mcpttURI>{ALICE_AT_B}</mcpttURI></partner-mcptt-id>\
         <stay xmlns=\"urn:mcx-sip:migration:1\" number=\"{}\"/></anyExt></mcptt-Params></mcpttinfo>",
        number + 2
    );
    format!(
        "MESSAGE sip:mc-server@b.mcx.example SIP/2.0\r\nVia: SIP/2.0/{transport} {from};branch=z9hG4bKgood{number};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:mc-server@a.mcx.example>;tag=1\r\nTo: <sip:mc-server@b.mcx.example>\r\n\
         Call-ID: good{number}\r\nCSeq: 1 MESSAGE\r\nP-Asserted-Identity: <sip:mc-server@a.mcx.example>\r\n\
         Content-Type: application/vnd.3gpp.mcptt-info+xml\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Takes a response, head only.
fn take(head: &[u8], start: Instant, asked: &[Asked]) {
    let text = String::from_utf8_lossy(head);
    let status: u16 = text.get(8..11).and_then(|s| s.parse().ok()).unwrap_or(999);
    let at = head.windows(COOKIE.len()).position(|part| part == COOKIE);
    let digits = at
        .and_then(|at| text.get(at + COOKIE.len()..))
        .unwrap_or_default();
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    let Some(asked) = digits[..end].parse().ok().and_then(|n: usize| asked.get(n)) else {
        return;
    };
    // The first final one counts.
    if status >= 200 && asked.answered.load(Ordering::Acquire) == 0 {
        asked.status.store(status, Ordering::Release);
        asked.answered.store(micros(start), Ordering::Release);
    }
}

fn listen_to_datagrams(socket: &UdpSocket, start: Instant, asked: &[Asked], end: &End) {
    socket
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let mut buffer = vec![0; 65_535];
    while !end.by(Instant::now()) {
        if let Ok(length) = socket.recv(&mut buffer) {
            take(&buffer[..length], start, asked);
        }
    }
}

fn listen_to_stream(mut stream: &TcpStream, start: Instant, asked: &[Asked]) {
    let (mut buffer, mut read) = (Vec::new(), vec![0; 65_535]);
    while let Ok(length @ 1..) = stream.read(&mut read) {
        buffer.extend_from_slice(&read[..length]);
        // Answers to these requests have no bodies.
        while let Some(at) = buffer.windows(4).position(|part| part == b"\r\n\r\n") {
            take(&buffer[..at], start, asked);
            buffer.drain(..at + 4);
        }
    }
}

/// Asks so many times a second for so many seconds: even numbers over UDP, odd ones over TCP.
pub fn ask(target: &Target, udp: UdpSocket, size: Size) -> Answered {
    udp.connect(target.udp).unwrap();
    let tcp = connect(udp.local_addr().unwrap().ip(), target.tcp).unwrap();
    tcp.set_nodelay(true).unwrap();
    let (from_udp, from_tcp) = (udp.local_addr().unwrap(), tcp.local_addr().unwrap());
    let all = size.good * size.seconds;
    let asked: Vec<_> = (0..all).map(|_| Asked::default()).collect();
    let start = Instant::now();
    let every = Duration::from_secs(1) / u32::try_from(size.good).unwrap();
    let ends = start + Duration::from_secs(size.seconds) + PATIENCE;
    let end = End::default();
    let mut again = 0;
    thread::scope(|scope| {
        scope.spawn(|| listen_to_datagrams(&udp, start, &asked, &end));
        scope.spawn(|| listen_to_stream(&tcp, start, &asked));
        let mut due = [0_u64; AGAIN.len()];
        let mut number = 0;
        let waits = |n: u64| {
            asked[usize::try_from(n).unwrap()]
                .answered
                .load(Ordering::Acquire)
                == 0
        };
        let done = || (0..all).all(|n| !waits(n));
        while Instant::now() < ends {
            let next = start + every * u32::try_from(number.min(all)).unwrap();
            if number < all && next <= Instant::now() {
                let this = &asked[usize::try_from(number).unwrap()];
                this.sent.store(micros(start), Ordering::Release);
                if number % 2 == 0 {
                    let _ = udp.send(&request(number, "UDP", from_udp));
                } else {
                    (&tcp).write_all(&request(number, "TCP", from_tcp)).unwrap();
                }
                number += 1;
                continue;
            }
            for (due, after) in due.iter_mut().zip(AGAIN) {
                let sent = |n: u64| {
                    asked[usize::try_from(n).unwrap()]
                        .sent
                        .load(Ordering::Acquire)
                };
                let after = u64::try_from(after.as_micros()).unwrap();
                while *due < number && sent(*due) + after <= micros(start) {
                    if *due % 2 == 0 && waits(*due) {
                        let _ = udp.send(&request(*due, "UDP", from_udp));
                        again += 1;
                    }
                    *due += 1;
                }
            }
            if number == all && done() {
                break;
            }
            let turn = if number < all {
                next
            } else {
                Instant::now() + Duration::from_millis(20)
            };
            end.by(turn);
        }
        end.come();
        let _ = tcp.shutdown(Shutdown::Both);
    });
    let mut answered = Answered {
        took: Vec::new(),
        failed: Vec::new(),
        again,
    };
    for (number, asked) in (0..).zip(&asked) {
        let [sent, back] = [&asked.sent, &asked.answered].map(|at| at.load(Ordering::Acquire));
        match asked.status.load(Ordering::Acquire) {
            200 => answered
                .took
                .push(Duration::from_micros(back - sent.min(back))),
            status => answered.failed.push((number, status)),
        }
    }
    answered.took.sort_unstable();
    answered
}
