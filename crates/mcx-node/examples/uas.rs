//! A user agent that answers: INVITE with 180 and 200, which it repeats until the ACK comes (RFC 3261 §13.3.1.4), and
//! everything else with 200.
//!
//!     cargo run --release -p mcx-node --example uas -- --listen udp:127.0.0.1:5070 --listen tcp:127.0.0.1:5070
//!     sipp -sn uac 127.0.0.1:5070 -m 100

mod support;

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use clap::Parser;
use sip_message::{HeaderName, Method, Request, Response, StatusCode};
use sip_transaction::{Config, Endpoint, Event, Path, ServerId};
use support::{Options, Stack, User, block_on};

/// Most calls that wait for their ACK.
const MOST_CALLS: usize = 100_000;
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

/// A call whose ACK has not come.
struct Call {
    server: ServerId,
    answer: Response,
    wait: Duration,
    due: Instant,
    ends: Instant,
}

#[derive(Default)]
struct Uas {
    calls: HashMap<Vec<u8>, Call>,
    due: BTreeSet<(Instant, Vec<u8>)>,
}

impl Uas {
    fn request(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        server: ServerId,
        path: Path,
        request: &Request,
    ) {
        let tag = format!("{:x}", server.0);
        if *request.method() != Method::Invite {
            answer(
                endpoint,
                now,
                server,
                Response::to(request, StatusCode::OK, Some(&tag)),
            );
            return;
        }
        if self.calls.len() >= MOST_CALLS {
            let busy = Response::to(request, StatusCode::SERVICE_UNAVAILABLE, Some(&tag));
            answer(endpoint, now, server, busy);
            return;
        }
        let contact = format!("<sip:{};transport={}>", path.local, path.transport);
        let ringing = StatusCode::new(180).unwrap_or(StatusCode::TRYING);
        let ringing = Response::to(request, ringing, Some(&tag));
        answer(
            endpoint,
            now,
            server,
            ringing.header(HeaderName::Contact, &contact),
        );
        let body = format!(
            "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n",
            path.local.ip()
        );
        let mut ok = Response::to(request, StatusCode::OK, Some(&tag));
        for route in request.headers().all(&HeaderName::RecordRoute) {
            ok = ok.header(HeaderName::RecordRoute, route);
        }
        let ok = ok.header(HeaderName::Contact, &contact);
        let Some(ok) = answer(endpoint, now, server, ok.body("application/sdp", body)) else {
            return;
        };
        let key = dialog(
            request.headers().call_id().unwrap_or_default(),
            tag.as_bytes(),
        );
        let call = Call {
            server,
            answer: ok,
            wait: T1,
            due: now + T1,
            ends: now + 64 * T1,
        };
        self.due.insert((call.due, key.clone()));
        self.calls.insert(key, call);
    }
}

/// What tells dialogs apart here.
fn dialog(call_id: &[u8], tag: &[u8]) -> Vec<u8> {
    [call_id, b" ", tag].concat()
}

fn answer(
    endpoint: &mut Endpoint,
    now: Instant,
    server: ServerId,
    response: sip_message::ResponseBuilder,
) -> Option<Response> {
    let response = response.finish().ok()?;
    endpoint.respond(now, server, &response).ok()?;
    Some(response)
}

impl User for Uas {
    fn event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event) {
        match event {
            Event::Request {
                server,
                path,
                request,
            } => self.request(now, endpoint, server, path, &request),
            Event::Ack { request, .. } => {
                let headers = request.headers();
                if let (Ok(call_id), Ok(to)) = (headers.call_id(), headers.to()) {
                    let key = dialog(call_id, to.tag().unwrap_or_default());
                    if let Some(call) = self.calls.remove(&key) {
                        self.due.remove(&(call.due, key));
                    }
                }
            }
            _ => {}
        }
    }

    fn tick(&mut self, now: Instant, endpoint: &mut Endpoint) -> Option<Instant> {
        while let Some((due, _)) = self.due.first()
            && *due <= now
        {
            let Some((_, key)) = self.due.pop_first() else {
                break;
            };
            let Some(call) = self.calls.get_mut(&key) else {
                continue;
            };
            if call.ends <= now || endpoint.respond(now, call.server, &call.answer).is_err() {
                self.calls.remove(&key);
                continue;
            }
            call.wait = (call.wait * 2).min(T2);
            call.due = now + call.wait;
            self.due.insert((call.due, key));
        }
        self.due.first().map(|(due, _)| *due)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    block_on(async {
        match Stack::new(&arguments.options, Config::default()) {
            Ok(stack) => stack.run(&mut Uas::default()).await,
            Err(error) => eprintln!("uas: {error}"),
        }
    })
}
