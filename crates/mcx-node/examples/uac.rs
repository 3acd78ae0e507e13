//! A user agent that calls: INVITE, ACK, BYE, so many times and so often; ends with exit code 0 if every call succeeded.
//!
//!     sipp -sn uas -p 5070
//!     cargo run --release -p mcx-node --example uac -- --listen udp:127.0.0.1:5071 --to udp:127.0.0.1:5070 --calls 100

mod support;

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use mcx_node::transport::Listen;
use sip_message::{HeaderName, Method, Request, RequestBuilder, Response};
use sip_transaction::{ClientId, Config, Endpoint, Event, Path};
use support::{Options, Stack, User, block_on};

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    /// Whom to call: udp:ADDRESS:PORT, tcp:… or tls:…
    #[arg(long, value_parser = support::listen)]
    to: Listen,
    /// The SIP domain that the certificate there has to name (TLS)
    #[arg(long)]
    domain: Option<String>,
    /// How many calls
    #[arg(long, default_value_t = 10)]
    calls: u64,
    /// How many begin in a second
    #[arg(long, default_value_t = 10)]
    rate: u32,
}

#[derive(Clone, Copy)]
enum Sent {
    Invite(u64),
    Bye,
}

struct Uac {
    path: Path,
    calls: u64,
    every: Duration,
    next: Instant,
    begun: u64,
    sent: HashMap<ClientId, Sent>,
    /// What acknowledges each call's 200.
    acks: HashMap<ClientId, Request>,
    succeeded: u64,
    failed: u64,
}

impl Uac {
    fn request(&self, method: Method, uri: &str, call: u64, cseq: u32) -> RequestBuilder {
        let Path {
            local, transport, ..
        } = self.path;
        Request::build(method.clone(), uri)
            .header(HeaderName::MaxForwards, "70")
            .header(HeaderName::From, format!("<sip:uac@{local}>;tag=c{call}"))
            .header(
                HeaderName::CallId,
                format!("{call}-{}@{local}", std::process::id()),
            )
            .header(HeaderName::CSeq, format!("{cseq} {method}"))
            .header(
                HeaderName::Contact,
                format!("<sip:uac@{local};transport={transport}>"),
            )
    }

    fn invite(&mut self, now: Instant, endpoint: &mut Endpoint) {
        let call = self.begun;
        self.begun += 1;
        let uri = format!("sip:service@{}", self.path.peer);
        let ip = self.path.local.ip();
        let body = format!(
            "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"
        );
        let invite = self
            .request(Method::Invite, &uri, call, 1)
            .header(HeaderName::To, format!("<{uri}>"))
            .body("application/sdp", body)
            .finish();
        match invite.map(|invite| endpoint.request(now, self.path, &invite)) {
            Ok(Ok(client)) => drop(self.sent.insert(client, Sent::Invite(call))),
            _ => self.failed += 1,
        }
    }

    /// ACK, which goes out now, and BYE.
    fn established(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        client: ClientId,
        call: u64,
        answer: &Response,
    ) {
        let headers = answer.headers();
        let to = headers.first(&HeaderName::To).unwrap_or_default();
        let contacts = headers.contacts().unwrap_or_default();
        let contact = contacts.first().map(|c| c.uri_bytes().to_vec());
        let target = contact.unwrap_or_else(|| format!("sip:{}", self.path.peer).into_bytes());
        let target = String::from_utf8_lossy(&target).into_owned();
        let ack = self.request(Method::Ack, &target, call, 1);
        if let Ok(ack) = ack.header(HeaderName::To, to).finish() {
            endpoint.send(self.path, &ack);
            self.acks.insert(client, ack);
        }
        let bye = self.request(Method::Bye, &target, call, 2);
        match bye
            .header(HeaderName::To, to)
            .finish()
            .map(|bye| endpoint.request(now, self.path, &bye))
        {
            Ok(Ok(client)) => drop(self.sent.insert(client, Sent::Bye)),
            _ => self.failed += 1,
        }
    }
}

impl User for Uac {
    fn event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event) {
        match event {
            Event::Answer { client, response } => {
                let success = response.status().is_success();
                match self.sent.remove(&client) {
                    Some(Sent::Invite(call)) if success => {
                        self.established(now, endpoint, client, call, &response);
                    }
                    Some(Sent::Bye) if success => self.succeeded += 1,
                    Some(_) => self.failed += 1,
                    None => {}
                }
            }
            // The ACK was lost.
            Event::AnswerAgain { client, .. } => {
                if let Some(ack) = self.acks.get(&client) {
                    endpoint.send(self.path, ack);
                }
            }
            Event::Failed { client, .. } if self.sent.remove(&client).is_some() => {
                self.failed += 1;
            }
            _ => {}
        }
    }

    fn tick(&mut self, now: Instant, endpoint: &mut Endpoint) -> Option<Instant> {
        while self.begun < self.calls && self.next <= now {
            self.next += self.every;
            self.invite(now, endpoint);
        }
        (self.begun < self.calls).then_some(self.next)
    }

    fn is_done(&self) -> bool {
        self.succeeded + self.failed >= self.calls
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut succeeded = false;
    let run = block_on(async {
        let mut stack = match Stack::new(&arguments.options, Config::default()) {
            Ok(stack) => stack,
            Err(error) => return eprintln!("uac: {error}"),
        };
        let path = stack.towards(arguments.to);
        if let Some(domain) = &arguments.domain {
            stack.transports.expect(path, &domain.as_str().into());
        }
        let mut uac = Uac {
            path,
            calls: arguments.calls,
            every: Duration::from_secs(1) / arguments.rate.max(1),
            next: Instant::now(),
            begun: 0,
            sent: HashMap::new(),
            acks: HashMap::new(),
            succeeded: 0,
            failed: 0,
        };
        stack.run(&mut uac).await;
        println!("{} calls succeeded, {} failed", uac.succeeded, uac.failed);
        succeeded = uac.succeeded == arguments.calls;
    });
    if let Err(error) = run {
        eprintln!("uac: {error}");
    }
    if succeeded {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
