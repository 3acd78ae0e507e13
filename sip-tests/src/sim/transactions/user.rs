//! The transaction user: sends requests, answers those of others when chance says so, sends its 2xx again until the ACK
//! comes, acknowledges every 2xx, and cancels sometimes. It writes down what it sees.

use std::time::Duration;

use sip_message::{HeaderName, Method, Request, Response, StatusCode};
use sip_transaction::{ClientId, Event, Failure, Path, ServerId, Transmit};

use super::{Net, SECOND, What, branch_of};

/// What the user does later.
#[derive(Clone, Copy, Debug)]
pub(super) enum Todo {
    Cancel(ClientId),
    Answer(ServerId, u16),
    /// Sends a 2xx again, and once more after that time.
    Again(ServerId, u64),
}

/// How a request of ours ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Answer(u16),
    Failed(Failure),
}

/// A request of ours.
#[derive(Debug)]
pub(super) struct Call {
    pub invite: bool,
    pub call_id: Vec<u8>,
    pub begun: u64,
    pub path: Path,
    /// When it was sent again.
    pub again: Vec<u64>,
    /// Provisional answers: when, and which.
    pub provisional: Vec<(u64, u16)>,
    pub end: Option<(u64, End)>,
    /// Whether the user took it back.
    pub taken_back: bool,
    /// When its CANCEL went out.
    pub cancel: Option<u64>,
}

/// A request of others.
#[derive(Debug)]
pub(super) struct Serving {
    pub invite: bool,
    pub request: Request,
    pub path: Path,
    pub came: u64,
    /// When something was sent for it first, by the user.
    pub first: Option<u64>,
    /// The final answer: when, and which.
    pub answered: Option<(u64, u16)>,
    /// When 100 was sent by itself.
    pub trying: Option<u64>,
    /// When the final answer was sent again by Timer G.
    pub again: Vec<u64>,
    /// When an ACK came, that of the transaction or that of the 2xx.
    pub acknowledged: Option<u64>,
    pub cancelled: bool,
    pub unacknowledged: Option<u64>,
}

impl Call {
    pub fn new(method: &str, request: &Request, now: u64, path: Path) -> Self {
        Self {
            invite: method == "INVITE",
            call_id: call_id(request),
            begun: now,
            path,
            again: Vec::new(),
            provisional: Vec::new(),
            end: None,
            taken_back: false,
            cancel: None,
        }
    }
}

pub(super) fn name(method: Method) -> &'static str {
    match method {
        Method::Invite => "INVITE",
        _ => "MESSAGE",
    }
}

fn call_id(request: &Request) -> Vec<u8> {
    request.headers().call_id().expect("a Call-ID").to_vec()
}

/// The `number`th request.
pub(super) fn request(method: &str, number: u64) -> Request {
    let name = match method {
        "INVITE" => Method::Invite,
        "ACK" => Method::Ack,
        _ => Method::Message,
    };
    Request::build(name, "sip:user@example.com")
        .header(HeaderName::MaxForwards, "70")
        .header(
            HeaderName::From,
            format!("<sip:a@example.com>;tag=f{number}"),
        )
        .header(HeaderName::To, "<sip:b@example.com>")
        .header(HeaderName::CallId, format!("{number}@example.com"))
        .header(HeaderName::CSeq, format!("1 {method}"))
        .finish()
        .expect("a request")
}

/// The ACK of a 2xx.
fn ack(response: &Response) -> Request {
    let headers = response.headers();
    let mut builder = Request::build(Method::Ack, "sip:user@example.com");
    for name in [HeaderName::From, HeaderName::To, HeaderName::CallId] {
        let value = headers.first(&name).unwrap_or_default().to_vec();
        builder = builder.header(name, value);
    }
    builder
        .header(HeaderName::MaxForwards, "70")
        .header(HeaderName::CSeq, "1 ACK")
        .finish()
        .expect("an ACK")
}

pub(super) fn describe(event: &Event) -> String {
    match event {
        Event::Request {
            server, request, ..
        } => format!("{server:?} {}", request.method()),
        Event::Answer { client, response } | Event::Provisional { client, response } => {
            format!("{client:?} {}", response.status().as_u16())
        }
        Event::AnswerAgain { client, response } => {
            format!("{client:?} {} again", response.status().as_u16())
        }
        Event::Ack { server, .. } => format!("ACK {server:?}"),
        other => format!("{other:?}"),
    }
}

impl Net {
    fn later(&mut self, who: usize, wait: u64, todo: Todo) {
        let epoch = self.nodes[who].epoch;
        self.plan(self.now + wait, What::Do(who, epoch, todo));
    }

    /// Takes down what goes out.
    pub(super) fn wrote(&mut self, who: usize, transmit: &Transmit, by_timer: bool) {
        let (now, bytes) = (self.now, &transmit.bytes);
        let branch = branch_of(bytes);
        let node = &mut self.nodes[who];
        if let Some(rest) = bytes.strip_prefix(b"SIP/2.0 ") {
            if rest.starts_with(b"482") {
                node.merged.insert(branch.clone());
            }
            // Answers that nobody asked for now: Timer G, and the 100.
            let server = node.came.get(&branch).filter(|_| by_timer);
            let Some(serving) = server.and_then(|id| node.serving.get_mut(id)) else {
                return;
            };
            if rest.starts_with(b"100") {
                assert_eq!(serving.trying.replace(now), None, "a second 100");
            } else {
                assert!(transmit.retransmission, "an answer by itself");
                serving.again.push(now);
            }
            return;
        }
        let client = node.sent.get(&branch);
        let Some(call) = client.and_then(|id| node.calls.get_mut(id)) else {
            return;
        };
        if bytes.starts_with(b"CANCEL ") {
            if !transmit.retransmission {
                assert_eq!(call.cancel.replace(now), None, "a second CANCEL");
            }
        } else if !bytes.starts_with(b"ACK ") {
            assert!(transmit.retransmission && by_timer, "sent for nothing");
            call.again.push(now);
        }
    }

    /// An ACK with the branch of an INVITE comes in.
    pub(super) fn acknowledged(&mut self, who: usize, branch: &[u8]) {
        let (now, node) = (self.now, &mut self.nodes[who]);
        let server = node.came.get(branch);
        if let Some(serving) = server.and_then(|id| node.serving.get_mut(id))
            && serving.answered.is_some_and(|(_, status)| status >= 300)
        {
            serving.acknowledged.get_or_insert(now);
        }
    }

    pub(super) fn carry_out(&mut self, who: usize, todo: Todo) {
        let now = self.instant();
        match todo {
            Todo::Cancel(client) => {
                let node = &mut self.nodes[who];
                let call = node.calls.get_mut(&client).expect("a call of his");
                let done = node.endpoint.cancel(now, client).is_ok();
                assert_eq!(done, call.invite && call.end.is_none(), "CANCEL taken");
                call.taken_back = call.taken_back || done;
            }
            Todo::Answer(server, status) => self.answer(who, server, status),
            Todo::Again(server, wait) => self.again(who, server, wait),
        }
    }

    fn answer(&mut self, who: usize, server: ServerId, status: u16) {
        let (at, now) = (self.now, self.instant());
        let give_up = self.give_up();
        let node = &mut self.nodes[who];
        let serving = node.serving.get_mut(&server).expect("a request for him");
        if serving.answered.is_some() {
            return;
        }
        let code = StatusCode::new(status).expect("a status");
        let response = Response::to(&serving.request, code, Some("t")).finish();
        let response = response.expect("an answer");
        let done = node.endpoint.respond(now, server, &response);
        let late = !serving.invite && at >= serving.came + give_up;
        assert_eq!(done.is_err(), late, "answer {status} taken");
        // RFC 4320: neither is sent for a request that is no INVITE.
        if late || (!serving.invite && (status < 200 || status == 408)) {
            return;
        }
        serving.first.get_or_insert(at);
        if status < 200 {
            return;
        }
        serving.answered = Some((at, status));
        if serving.invite && status < 300 {
            let t1 = self.micros(self.scene.config.timers.t1);
            self.later(who, t1, Todo::Again(server, t1));
        }
    }

    /// §13.3.1.4: the 2xx again, until the ACK is there or 64·T1 have passed.
    fn again(&mut self, who: usize, server: ServerId, wait: u64) {
        let (at, now) = (self.now, self.instant());
        let (give_up, t2) = (self.give_up(), self.micros(self.scene.config.timers.t2));
        let node = &mut self.nodes[who];
        let serving = &node.serving[&server];
        let (first, status) = serving.answered.expect("it was answered");
        if serving.acknowledged.is_some() || at >= first + give_up {
            return;
        }
        let code = StatusCode::new(status).expect("a status");
        let response = Response::to(&serving.request, code, Some("t")).finish();
        let done = node
            .endpoint
            .respond(now, server, &response.expect("an answer"));
        assert_eq!(done, Ok(()), "Timer L is not over");
        let wait = (wait * 2).min(t2);
        self.later(who, wait, Todo::Again(server, wait));
    }

    pub(super) fn micros(&self, time: Duration) -> u64 {
        u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
    }

    pub(super) fn give_up(&self) -> u64 {
        self.micros(self.scene.config.timers.give_up())
    }

    /// What the endpoint tells.
    pub(super) fn hear(&mut self, who: usize, event: Event) {
        let now = self.now;
        match event {
            Event::Request {
                server,
                path,
                request,
            } => self.requested(who, server, path, request),
            Event::Provisional { client, response } => {
                let call = self.call(who, client);
                assert_eq!(call.end, None, "a provisional answer after the final one");
                assert_eq!(response.headers().call_id(), Ok(&call.call_id[..]));
                call.provisional.push((now, response.status().as_u16()));
            }
            Event::Answer { client, response } => {
                let call = self.call(who, client);
                let status = response.status().as_u16();
                let before = call.end.replace((now, End::Answer(status)));
                assert_eq!(before, None, "a second final answer");
                assert_eq!(response.headers().call_id(), Ok(&call.call_id[..]));
                if call.invite && status < 300 {
                    let path = call.path;
                    self.nodes[who].endpoint.send(path, &ack(&response));
                }
            }
            Event::AnswerAgain { client, response } => {
                let call = self.call(who, client);
                let accepted = matches!(call.end, Some((_, End::Answer(200..300))));
                assert!(call.invite && accepted, "a 2xx again, and none before");
                let path = call.path;
                self.nodes[who].endpoint.send(path, &ack(&response));
            }
            Event::Failed { client, failure } => {
                let call = self.call(who, client);
                let before = call.end.replace((now, End::Failed(failure)));
                assert_eq!(before, None, "a second end");
            }
            Event::Cancelled { server } => {
                let serving = self.nodes[who].serving.get_mut(&server).expect("his");
                assert!(serving.invite && serving.answered.is_none() && !serving.cancelled);
                serving.cancelled = true;
                let wait = self.dice.between(0, 2 * SECOND);
                self.later(who, wait, Todo::Answer(server, 487));
            }
            Event::Ack {
                server, request, ..
            } => {
                // But a node that forgot its refusal, by a restart or because copies waited while it did not run, or that
                // kept none (482), may accept a late copy, and the ACK of the refusal be later still.
                let node = &self.nodes[who];
                let kept_none = node.merged.contains(&branch_of(request.as_bytes()));
                let forgot = node.epoch > 0 || node.stalled || kept_none;
                assert!(
                    forgot || server.is_none(),
                    "an ACK of a 2xx has its own branch"
                );
                let id = call_id(&request);
                let serving = self.nodes[who].serving.values_mut();
                for serving in serving.filter(|serving| call_id(&serving.request) == id) {
                    if serving.answered.is_some_and(|(_, status)| status < 300) {
                        serving.acknowledged.get_or_insert(now);
                    }
                }
            }
            Event::Unacknowledged { server, failure } => {
                let serving = self.nodes[who].serving.get_mut(&server).expect("his");
                match failure {
                    Failure::Timeout => {
                        let before = serving.unacknowledged.replace(now);
                        assert_eq!(before, None, "told twice");
                    }
                    Failure::Transport => assert!(serving.path.transport.is_reliable()),
                }
            }
            Event::Rejected { status, .. } => {
                assert!(matches!(status.as_u16(), 481 | 482), "{status:?}");
            }
            Event::Stray { what, .. } => assert_eq!(what, "response to no request of ours"),
            Event::StrayResponse { .. } => panic!("strays are dropped"),
        }
    }

    fn call(&mut self, who: usize, client: ClientId) -> &mut Call {
        let call = self.nodes[who].calls.get_mut(&client);
        call.expect("an event of a request of his")
    }

    fn requested(&mut self, who: usize, server: ServerId, path: Path, request: Request) {
        let invite = *request.method() == Method::Invite;
        self.handed_up_once(who, path, &request);
        let serving = Serving {
            invite,
            path,
            came: self.now,
            first: None,
            answered: None,
            trying: None,
            again: Vec::new(),
            acknowledged: None,
            cancelled: false,
            unacknowledged: None,
            request,
        };
        let branch = branch_of(serving.request.as_bytes());
        let node = &mut self.nodes[who];
        node.came.insert(branch, server);
        let before = node.serving.insert(server, serving);
        assert!(before.is_none(), "an id that was used before");
        let soon = self.dice.pick(&[0, SECOND / 10, SECOND, 10 * SECOND]);
        let wait = self.dice.between(0, soon);
        let refusal = self.dice.pick(&[302, 408, 486, 500, 603]);
        let status = if self.dice.chance(500) { 200 } else { refusal };
        if self.dice.chance(500) {
            let ringing = self.dice.pick(&[100, 180, 183]);
            self.later(who, wait, Todo::Answer(server, ringing));
            if self.dice.chance(300) {
                let more = self.dice.between(0, 30 * SECOND);
                self.later(who, wait + more, Todo::Answer(server, 183));
            }
        }
        if invite {
            // In the end it is always answered, if only when Timer C has long taken it back.
            let longer = self.dice.pick(&[0, 0, SECOND, 30 * SECOND, 150 * SECOND]);
            let longer = self.dice.between(0, longer);
            self.later(who, wait + longer, Todo::Answer(server, status));
        } else if self.dice.chance(850) {
            self.later(who, wait, Todo::Answer(server, status));
        }
    }
}
