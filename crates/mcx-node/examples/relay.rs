//! A stateful relay (RFC 3261 §16): everything goes on to one next hop, answers go back.
//!
//!     sipp -sn uas -p 5090
//!     cargo run --release -p mcx-node --example relay -- --listen udp:127.0.0.1:5070 --to udp:127.0.0.1:5090
//!     sipp -sn uac 127.0.0.1:5070 -p 5080 -m 100

mod support;

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use clap::Parser;
use mcx_node::transport::Listen;
use sip_message::{Edit, HeaderName, Method, Request, Response, StatusCode};
use sip_transaction::{ClientId, Config, Endpoint, Event, Failure, Path, ServerId};
use support::{Options, Stack, User, block_on};

/// How long a 2xx of an INVITE may come again (RFC 6026, Timer M).
const AGAIN: Duration = Duration::from_secs(32);

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    /// Where everything goes: udp:ADDRESS:PORT, tcp:… or tls:…
    #[arg(long, value_parser = support::listen)]
    to: Listen,
    /// The SIP domain that the certificate there has to name (TLS)
    #[arg(long)]
    domain: Option<String>,
    /// Whether later requests of a dialog come through here too (RFC 3261 §16.6 step 4)
    #[arg(long)]
    record_route: bool,
}

struct Relay {
    path: Path,
    record_route: bool,
    /// Each client transaction with the server transaction that it is for.
    servers: HashMap<ClientId, Forwarded>,
    /// INVITEs that may be taken back.
    invites: HashMap<ServerId, ClientId>,
    /// INVITEs that were answered, and when nothing of them comes again.
    answered: VecDeque<(Instant, ClientId)>,
}

struct Forwarded {
    server: ServerId,
    /// The INVITE or other request that its answer is for.
    request: Request,
}

impl Relay {
    /// What goes on of a request; the Via is added by the transaction.
    fn onward<'a>(
        &self,
        came: Path,
        request: &'a Request,
    ) -> Result<Edit<'a, Request>, StatusCode> {
        let left = request.headers().max_forwards().ok().flatten();
        let left = match left {
            None => 70,
            Some(0) => return Err(StatusCode::TOO_MANY_HOPS),
            Some(left) => left - 1,
        };
        let mut edit = request.edit();
        edit = edit.set(HeaderName::MaxForwards, left.to_string());
        if self.record_route && *request.method() == Method::Invite {
            let here = format!("<sip:{};transport={};lr>", came.local, came.transport);
            edit = edit.push(HeaderName::RecordRoute, here);
        }
        Ok(edit)
    }

    fn refuse(
        endpoint: &mut Endpoint,
        now: Instant,
        server: ServerId,
        request: &Request,
        status: StatusCode,
    ) {
        let tag = format!("{:x}", server.0);
        if let Ok(response) = Response::to(request, status, Some(&tag)).finish() {
            let _ = endpoint.respond(now, server, &response);
        }
    }

    fn back(&self, now: Instant, endpoint: &mut Endpoint, client: ClientId, response: &Response) {
        if let Some(forwarded) = self.servers.get(&client)
            && let Ok(response) = response.edit().pop(&HeaderName::Via).finish()
        {
            let _ = endpoint.respond(now, forwarded.server, &response);
        }
    }

    /// The first final answer, or none: only a 2xx of an INVITE may come again.
    fn settled(&mut self, now: Instant, client: ClientId) {
        let Some(forwarded) = self.servers.get(&client) else {
            return;
        };
        if *forwarded.request.method() == Method::Invite {
            self.invites.remove(&forwarded.server);
            self.answered.push_back((now + AGAIN, client));
        } else {
            self.servers.remove(&client);
        }
    }
}

impl User for Relay {
    fn event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event) {
        match event {
            Event::Request {
                server,
                path,
                request,
            } => {
                let sent = match self.onward(path, &request) {
                    Ok(onward) => endpoint
                        .forward(now, self.path, onward)
                        .map_err(|_| StatusCode::SERVICE_UNAVAILABLE),
                    Err(status) => Err(status),
                };
                match sent {
                    Err(status) => Self::refuse(endpoint, now, server, &request, status),
                    Ok(client) => {
                        if *request.method() == Method::Invite {
                            self.invites.insert(server, client);
                        }
                        self.servers.insert(client, Forwarded { server, request });
                    }
                }
            }
            Event::Ack { path, request, .. } => {
                if let Ok(edit) = self.onward(path, &request)
                    && let Ok(onward) = edit.finish()
                {
                    endpoint.send(self.path, &onward);
                }
            }
            Event::Cancelled { server } => {
                if let Some(client) = self.invites.get(&server) {
                    let _ = endpoint.cancel(now, *client);
                }
            }
            // The 100 is each hop's own (§16.7 step 5).
            Event::Provisional { response, .. } if response.status() == StatusCode::TRYING => {}
            Event::Provisional { client, response } => {
                self.back(now, endpoint, client, &response);
            }
            Event::Answer { client, response } => {
                self.back(now, endpoint, client, &response);
                self.settled(now, client);
            }
            Event::AnswerAgain { client, response } => {
                self.back(now, endpoint, client, &response);
            }
            Event::Failed { client, failure } => {
                if let Some(forwarded) = self.servers.get(&client) {
                    let status = match failure {
                        Failure::Timeout => StatusCode::REQUEST_TIMEOUT,
                        Failure::Transport => StatusCode::SERVICE_UNAVAILABLE,
                    };
                    let Forwarded { server, request } = forwarded;
                    Self::refuse(endpoint, now, *server, request, status);
                }
                self.settled(now, client);
            }
            _ => {}
        }
    }

    fn tick(&mut self, now: Instant, _: &mut Endpoint) -> Option<Instant> {
        while let Some((ends, client)) = self.answered.front()
            && *ends <= now
        {
            self.servers.remove(client);
            self.answered.pop_front();
        }
        self.answered.front().map(|(ends, _)| *ends)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let config = Config {
        refuse_merged: false,
        // Over UDP each stays for Timer K, 5 s (RFC 3261 §17.1.2.2): room for 60,000 a second.
        max_clients: 300_000,
        ..Config::default()
    };
    block_on(async {
        let mut stack = match Stack::new(&arguments.options, config) {
            Ok(stack) => stack,
            Err(error) => return eprintln!("relay: {error}"),
        };
        let path = stack.towards(arguments.to);
        if let Some(domain) = &arguments.domain {
            stack.transports.expect(path, &domain.as_str().into());
        }
        let mut relay = Relay {
            path,
            record_route: arguments.record_route,
            servers: HashMap::new(),
            invites: HashMap::new(),
            answered: VecDeque::new(),
        };
        stack.run(&mut relay).await;
    })
}
