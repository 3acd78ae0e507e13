//! What is measured: one endpoint, its messages and its user, by the benchmark and by the examples.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sip_message::{HeaderName, Limits, Message, Request, Response, StatusCode};
use sip_transaction::{Config, Endpoint, Event, Overload, Path, Sender, Timers, Transport};

/// The `number`th MESSAGE: a head as in IMS (three Via, two Route) and an MC info document.
pub fn message(number: u64) -> Bytes {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n\
         <mcpttinfo xmlns=\"urn:3gpp:ns:mcpttInfo:1.0\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\r\n \
         <mcptt-Params>\r\n  \
         <mcptt-request-uri type=\"Normal\"><mcpttURI>sip:mcptt.user{number}@ims.mnc001.mcc001.3gppnetwork.org</mcpttURI></mcptt-request-uri>\r\n  \
         <mcptt-calling-user-id type=\"Normal\"><mcpttURI>sip:mcptt.ctrl7@ims.mnc002.mcc001.3gppnetwork.org</mcpttURI></mcptt-calling-user-id>\r\n  \
         <anyExt><notify-type>migration-service-deauthorization</notify-type></anyExt>\r\n \
         </mcptt-Params>\r\n</mcpttinfo>\r\n"
    );
    let length = body.len();
    let text = format!(
        "MESSAGE sip:u{number}@10.20.1.7:5060;ob SIP/2.0\r\n\
         Via: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK-1234-{number}-0;rport\r\n\
         Via: SIP/2.0/UDP 10.20.0.9:5080;branch=z9hG4bK{number}b\r\n\
         Via: SIP/2.0/TCP as1.ims.example.org;branch=z9hG4bK{number}c\r\n\
         Route: <sip:scscf.ims.example.org;lr>\r\n\
         Route: <sip:pcscf1.ims.example.org:5060;lr>\r\n\
         Max-Forwards: 67\r\n\
         From: <sip:mcptt-server@ims.example.org>;tag=f{number}\r\n\
         To: <sip:u{number}@ims.example.org>\r\n\
         Call-ID: {number}-1234@127.0.0.1\r\n\
         CSeq: 1 MESSAGE\r\n\
         P-Asserted-Identity: <sip:mcptt-server@ims.example.org>\r\n\
         P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.mcptt\r\n\
         Accept-Contact: *;+g.3gpp.mcptt;require;explicit\r\n\
         Content-Type: application/vnd.3gpp.mcptt-info+xml\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    Bytes::from(text.into_bytes())
}

/// From the previous hop.
pub fn upstream() -> Path {
    Path {
        local: SocketAddr::from(([127, 0, 0, 1], 5070)),
        peer: SocketAddr::from(([127, 0, 0, 1], 5080)),
        transport: Transport::Udp,
    }
}

/// To the next hop.
pub fn downstream() -> Path {
    Path {
        peer: SocketAddr::from(([127, 0, 0, 1], 5090)),
        ..upstream()
    }
}

/// An endpoint and its user. Time passes with every message, so that old transactions are forgotten as new ones come.
pub struct Work {
    pub endpoint: Endpoint,
    pub now: Instant,
    step: Duration,
}

impl Work {
    /// With T1 of 5 ms and 10 µs a message: some ten thousand transactions are kept.
    pub fn quick() -> Self {
        let timers = Timers {
            t1: Duration::from_millis(5),
            t2: Duration::from_millis(40),
            t4: Duration::from_millis(50),
            d: Duration::from_millis(320),
            ..Timers::default()
        };
        let config = Config {
            timers,
            ..Config::default()
        };
        Self::with(config, Duration::from_micros(10))
    }

    /// The same, and overloaded: everything new is refused.
    pub fn overloaded() -> Self {
        let mut work = Self::quick();
        let overload = Overload::refusing(100);
        work.endpoint.set_overload(work.now, Some(overload));
        work
    }

    pub fn with(config: Config, step: Duration) -> Self {
        Self {
            endpoint: Endpoint::new(config, [7; 32]),
            now: Instant::now(),
            step,
        }
    }

    fn pass(&mut self) {
        self.now += self.step;
        if self
            .endpoint
            .poll_timeout()
            .is_some_and(|at| at <= self.now)
        {
            self.endpoint.handle_timeout(self.now);
        }
    }

    fn take(&mut self, path: Path, bytes: Bytes) {
        let message = Message::parse_datagram(bytes, &Limits::default()).unwrap();
        self.endpoint.handle_message(self.now, path, message);
    }

    /// A MESSAGE comes and is answered 200.
    pub fn serve(&mut self, bytes: Bytes) -> Bytes {
        self.pass();
        self.take(upstream(), bytes);
        let Some(Event::Request {
            server, request, ..
        }) = self.endpoint.poll_event()
        else {
            panic!("no request");
        };
        let answer = Response::to(&request, StatusCode::OK, Some("0123456789abcdef"))
            .finish()
            .unwrap();
        self.endpoint.respond(self.now, server, &answer).unwrap();
        self.endpoint.poll_transmit().unwrap().bytes
    }

    /// A MESSAGE comes and is refused for overload.
    pub fn refuse(&mut self, bytes: Bytes) -> Bytes {
        self.pass();
        let refused = self.endpoint.refuse(upstream(), Sender::Known, &bytes);
        assert!(refused, "it was not refused");
        self.endpoint.poll_transmit().unwrap().bytes
    }

    /// A MESSAGE comes and is passed on, its answer comes and is passed back.
    pub fn relay(&mut self, bytes: Bytes) -> Bytes {
        self.pass();
        self.take(upstream(), bytes);
        let Some(Event::Request {
            server, request, ..
        }) = self.endpoint.poll_event()
        else {
            panic!("no request");
        };
        let hops = request.headers().max_forwards().unwrap().unwrap();
        let onward = request
            .edit()
            .set(HeaderName::MaxForwards, (hops - 1).to_string());
        self.endpoint
            .forward(self.now, downstream(), onward)
            .unwrap();
        let sent = self.endpoint.poll_transmit().unwrap().bytes;
        self.take(downstream(), other_side(&sent));
        let Some(Event::Answer { response, .. }) = self.endpoint.poll_event() else {
            panic!("no answer");
        };
        let back = response.edit().pop(&HeaderName::Via).finish().unwrap();
        self.endpoint.respond(self.now, server, &back).unwrap();
        self.endpoint.poll_transmit().unwrap().bytes
    }
}

/// The 200 of the other side, made as cheaply as can be: it is not what is measured.
pub fn other_side(request: &[u8]) -> Bytes {
    let mut answer = Vec::with_capacity(1024);
    answer.extend_from_slice(b"SIP/2.0 200 OK\r\n");
    let mut rest = request;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, after) = rest.split_at(end + 1);
        rest = after;
        match line {
            b"\r\n" => break,
            [b'T', b'o', b':', to @ .., b'\r', b'\n'] => {
                answer.extend_from_slice(b"To:");
                answer.extend_from_slice(to);
                answer.extend_from_slice(b";tag=1\r\n");
            }
            [b'V', b'i', ..] | [b'F', b'r', ..] | [b'C', b'a', ..] | [b'C', b'S', ..] => {
                answer.extend_from_slice(line);
            }
            _ => {}
        }
    }
    answer.extend_from_slice(b"Content-Length: 0\r\n\r\n");
    Bytes::from(answer)
}

/// A request as a user sees it.
pub fn request(bytes: Bytes) -> Request {
    Message::parse_datagram(bytes, &Limits::default())
        .unwrap()
        .into_request()
        .unwrap()
}
