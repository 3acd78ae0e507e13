//! An endpoint, a clock that a test moves, and messages.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sip_message::{HeaderName, Limits, Message, Method, Request, Response, StatusCode};
use sip_transaction::{ClientId, Config, Endpoint, Event, Path, ServerId, Transmit, Transport};

pub const HERE: &str = "192.0.2.1:5060";
pub const THERE: &str = "198.51.100.2:5060";

/// One endpoint at a time that the test says.
pub struct Bench {
    pub endpoint: Endpoint,
    start: Instant,
    now: Duration,
}

impl Bench {
    pub fn new() -> Self {
        Self::with(Config::default())
    }

    pub fn with(config: Config) -> Self {
        Self {
            endpoint: Endpoint::new(config, [7; 32]),
            start: Instant::now(),
            now: Duration::ZERO,
        }
    }

    pub fn now(&self) -> Instant {
        self.start + self.now
    }

    /// Milliseconds since the start.
    pub fn millis(&self) -> u128 {
        assert_eq!(self.now.subsec_nanos() % 1_000_000, 0);
        self.now.as_millis()
    }

    /// Lets time pass; timers fire at their own time.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            let now = self.now();
            self.endpoint.handle_timeout(now);
        }
        self.now = end;
    }

    /// Lets time pass in one leap: what was due meanwhile fires at its end.
    pub fn late(&mut self, time: Duration) {
        self.now += time;
        let now = self.now();
        self.endpoint.handle_timeout(now);
    }

    pub fn pass_millis(&mut self, millis: u64) {
        self.pass(Duration::from_millis(millis));
    }

    fn deadline(&self) -> Option<Duration> {
        let at = self.endpoint.poll_timeout()?;
        Some(at.saturating_duration_since(self.start))
    }

    /// Runs for a time and says when, in milliseconds, something was sent or told.
    pub fn timeline(&mut self, time: Duration) -> Vec<(u128, String)> {
        let end = self.now + time;
        let mut lines = Vec::new();
        self.note(&mut lines);
        while let Some(at) = self.deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            let now = self.now();
            self.endpoint.handle_timeout(now);
            self.note(&mut lines);
        }
        self.now = end;
        lines
    }

    fn note(&mut self, lines: &mut Vec<(u128, String)>) {
        let at = self.millis();
        while let Some(sent) = self.endpoint.poll_transmit() {
            let again = if sent.retransmission { " again" } else { "" };
            lines.push((at, format!("{}{again}", first_word(&sent.bytes))));
        }
        while let Some(event) = self.endpoint.poll_event() {
            lines.push((at, name(&event)));
        }
    }

    /// Sends a request of ours; the first datagram.
    pub fn request(&mut self, method: Method, transport: Transport) -> (ClientId, Request) {
        let now = self.now();
        let id = self
            .endpoint
            .request(now, path(transport), &outgoing(method))
            .unwrap();
        let sent = self.sent();
        assert!(!sent.retransmission);
        (id, request(&sent.bytes))
    }

    /// Hands in a message from the other side.
    pub fn receive(&mut self, message: impl Into<Message>) {
        self.receive_from(path(Transport::Udp), message);
    }

    pub fn receive_from(&mut self, path: Path, message: impl Into<Message>) {
        let now = self.now();
        self.endpoint.handle_message(now, path, message.into());
    }

    pub fn respond(&mut self, server: ServerId, response: &Response) {
        let now = self.now();
        self.endpoint.respond(now, server, response).unwrap();
    }

    /// The one message that was sent.
    pub fn sent(&mut self) -> Transmit {
        let sent = self.endpoint.poll_transmit().expect("a message was sent");
        assert!(self.endpoint.poll_transmit().is_none(), "one message");
        sent
    }

    pub fn sent_nothing(&mut self) {
        assert!(self.endpoint.poll_transmit().is_none());
    }

    /// The response that was sent.
    pub fn sent_response(&mut self) -> Response {
        response(&self.sent().bytes)
    }

    /// The one event.
    pub fn event(&mut self) -> Event {
        let event = self.endpoint.poll_event().expect("an event");
        let more = self.endpoint.poll_event();
        assert!(more.is_none(), "one event, not also {more:?}");
        event
    }

    pub fn no_event(&mut self) {
        let event = self.endpoint.poll_event();
        assert!(event.is_none(), "{event:?}");
    }

    /// The request that was handed up.
    pub fn handed_up(&mut self) -> (ServerId, Request) {
        match self.event() {
            Event::Request {
                server, request, ..
            } => (server, request),
            other => panic!("{other:?}"),
        }
    }

    pub fn stray(&mut self) -> &'static str {
        match self.event() {
            Event::Stray { what, .. } => what,
            other => panic!("{other:?}"),
        }
    }

    /// Nothing is kept.
    pub fn is_empty(&mut self) {
        let counts = (self.endpoint.clients(), self.endpoint.servers());
        assert_eq!(counts, (0, 0));
        assert_eq!(self.endpoint.hops(), 0);
        assert_eq!(self.endpoint.poll_timeout(), None);
        self.sent_nothing();
        self.no_event();
    }
}

/// When a line of a timeline stands there.
pub fn times(lines: &[(u128, String)], what: &str) -> Vec<u128> {
    let wanted = lines.iter().filter(|(_, line)| line == what);
    wanted.map(|(at, _)| *at).collect()
}

pub fn path(transport: Transport) -> Path {
    Path {
        local: HERE.parse().unwrap(),
        peer: THERE.parse().unwrap(),
        transport,
    }
}

pub fn path_from(peer: &str) -> Path {
    Path {
        peer: peer.parse::<SocketAddr>().unwrap(),
        ..path(Transport::Udp)
    }
}

/// A request of ours, without Via.
pub fn outgoing(method: Method) -> Request {
    let cseq = format!("1 {method}");
    Request::build(method, "sip:server@b.example")
        .header(HeaderName::MaxForwards, "70")
        .header(HeaderName::From, "<sip:server@a.example>;tag=a1")
        .header(HeaderName::To, "<sip:server@b.example>")
        .header(HeaderName::CallId, "1@a.example")
        .header(HeaderName::CSeq, cseq)
        .finish()
        .unwrap()
}

/// A request of the other side with that Via. Another branch is another call.
pub fn incoming(method: &str, via: &str) -> Message {
    let call: String = via
        .to_lowercase()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    incoming_in(&call, method, via)
}

/// A request of the other side with that Call-ID and Via.
pub fn incoming_in(call: &str, method: &str, via: &str) -> Message {
    let text = format!(
        "{method} sip:server@a.example SIP/2.0\r\n\
         Via: {via}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:server@b.example>;tag=b1\r\n\
         To: <sip:server@a.example>\r\n\
         Call-ID: {call}@b.example\r\n\
         CSeq: 1 {method}\r\n\
         Content-Length: 0\r\n\r\n"
    );
    parse(text.into_bytes().into())
}

/// The Via of the other side with that branch.
pub fn via(branch: &str) -> String {
    format!("SIP/2.0/UDP {THERE};branch={branch};rport")
}

pub fn parse(bytes: Bytes) -> Message {
    Message::parse_datagram(bytes, &Limits::default()).unwrap()
}

pub fn request(bytes: &Bytes) -> Request {
    match parse(bytes.clone()) {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a response"),
    }
}

pub fn response(bytes: &Bytes) -> Response {
    match parse(bytes.clone()) {
        Message::Response(response) => response,
        Message::Request(_) => panic!("a request"),
    }
}

pub fn answer(to: &Request, status: u16) -> Response {
    let status = StatusCode::new(status).unwrap();
    Response::to(to, status, Some("t1")).finish().unwrap()
}

pub fn tag(response: &Response) -> Vec<u8> {
    response.headers().to().unwrap().tag().unwrap().to_vec()
}

fn first_word(bytes: &Bytes) -> String {
    let line = bytes.split(|b| *b == b'\r').next().unwrap();
    let line = String::from_utf8_lossy(line).into_owned();
    match line.strip_prefix("SIP/2.0 ") {
        Some(rest) => rest.split(' ').next().unwrap().to_owned(),
        None => line.split(' ').next().unwrap().to_owned(),
    }
}

fn name(event: &Event) -> String {
    match event {
        Event::Request { request, .. } => format!("request {}", request.method()),
        Event::Answer { response, .. } => format!("answer {}", response.status().as_u16()),
        Event::Provisional { response, .. } => {
            format!("provisional {}", response.status().as_u16())
        }
        Event::Failed { failure, .. } => format!("failed: {failure:?}"),
        Event::AnswerAgain { response, .. } => format!("again {}", response.status().as_u16()),
        Event::Ack { server, .. } => {
            format!("ACK {}", if server.is_some() { "of it" } else { "of none" })
        }
        Event::Cancelled { .. } => "cancelled".to_owned(),
        Event::Unacknowledged { failure, .. } => format!("unacknowledged: {failure:?}"),
        Event::StrayResponse { response, .. } => format!("stray {}", response.status().as_u16()),
        Event::Rejected { status, .. } => format!("rejected {}", status.as_u16()),
        Event::Stray { what, .. } => format!("stray: {what}"),
    }
}
