//! A bench that drives a role by hand, and what is read off its effects.

use std::collections::HashMap;
use std::time::Duration;

use mcx::state::{Command, MemoryRows, OutboxRow};
use mcx::{
    Effect, Input, NextHop, Origin, Random, RequestId, Role, SendFailure, SendId, ServiceServer,
    ServiceServerConfig, StoreFailure, StoreId,
};
use sip_message::{HeaderName, Request, Response, StatusCode};

use super::Clock;
use super::commands::run;

/// Drives a role by hand: nothing is stored, answered or sent unless the test says so.
pub struct Bench<R> {
    pub role: R,
    pub rows: MemoryRows,
    pub clock: Clock,
    next_request: u64,
    /// Requests that the role sent and that are not answered yet.
    pub sent: HashMap<SendId, Request>,
}

impl Bench<ServiceServer> {
    /// A server that waits for the rows from before its start.
    pub fn starting(config: ServiceServerConfig) -> Self {
        Self::new(ServiceServer::new(config, Random::new([7; 32])))
    }

    pub fn server(config: ServiceServerConfig) -> Self {
        let mut bench = Self::starting(config);
        bench.rows = MemoryRows::default();
        let (owed, last) = (Vec::new(), 0);
        let out = bench.input(Input::Recovered { owed, last });
        assert!(bench.store(out).is_empty());
        bench
    }
}

impl<R: Role> Bench<R> {
    pub fn new(role: R) -> Self {
        Self {
            role,
            rows: MemoryRows::default(),
            clock: Clock::new(),
            next_request: 0,
            sent: HashMap::new(),
        }
    }

    /// Hands an input to the role and answers the effects, none of them carried out.
    pub fn input(&mut self, input: Input<'_>) -> Vec<Effect> {
        let mut out = Vec::new();
        self.role.handle(self.clock.0, input, &mut out);
        for effect in &out {
            if let Effect::Send { id, request, .. } = effect {
                self.sent.insert(*id, request.clone());
            }
        }
        out
    }

    /// A request arrives, from `ADDRESS` as a datagram, `tcp:ADDRESS` or `tls:ADDRESS DOMAIN…` on a connection.
    pub fn request(&mut self, source: &str, request: &Request) -> Vec<Effect> {
        self.request_from(origin(source), request)
    }

    /// A request arrives.
    pub fn request_from(&mut self, source: Origin, request: &Request) -> Vec<Effect> {
        self.next_request += 1;
        self.input(Input::Request {
            id: RequestId(self.next_request),
            source: &source,
            request,
        })
    }

    /// Carries out every effect on the store, also those that follow; answers all other effects.
    pub fn store(&mut self, effects: Vec<Effect>) -> Vec<Effect> {
        let mut done = Vec::new();
        for effect in effects {
            match effect {
                Effect::Store { id, batch } => {
                    let outcomes = batch.iter().map(|c| run(&mut self.rows, c)).collect();
                    let more = self.input(Input::Stored {
                        id,
                        result: Ok(outcomes),
                    });
                    done.extend(self.store(more));
                }
                Effect::ReadOutbox(page) => {
                    let rows = Ok(self.rows.page(&page));
                    let more = self.input(Input::OutboxRead { page, rows });
                    done.extend(self.store(more));
                }
                other => done.push(other),
            }
        }
        done
    }

    /// A request arrives and all that is to be stored is stored.
    pub fn exchange(&mut self, source: &str, request: &Request) -> Vec<Effect> {
        let out = self.request(source, request);
        self.store(out)
    }

    /// Tells the role that nothing of a batch is durable.
    pub fn store_fails(&mut self, id: StoreId) -> Vec<Effect> {
        self.input(Input::Stored {
            id,
            result: Err(StoreFailure),
        })
    }

    /// The answer to a request of the role's; what it stores is stored.
    pub fn answer(&mut self, id: SendId, response: &Response) -> Vec<Effect> {
        self.sent.remove(&id);
        let out = self.input(Input::Answer { id, response });
        self.store(out)
    }

    pub fn fails(&mut self, id: SendId, why: SendFailure) -> Vec<Effect> {
        self.sent.remove(&id);
        let out = self.input(Input::Failed { id, why });
        self.store(out)
    }

    /// Time passes.
    pub fn after(&mut self, by: Duration) -> Vec<Effect> {
        self.clock.advance(by);
        let out = self.input(Input::Tick);
        self.store(out)
    }

    /// Rows that are owed from before the start, whatever else is there.
    pub fn recover(&mut self, rows: Vec<OutboxRow>) -> Vec<Effect> {
        let mut before = MemoryRows::default();
        before.outbox = rows.into_iter().map(|row| (row.id, row)).collect();
        let last = before.outbox.keys().next_back().copied();
        let owed = before.owed();
        let out = self.input(Input::Recovered {
            owed,
            last: last.unwrap_or_default(),
        });
        let mut done = Vec::new();
        for effect in out {
            let Effect::ReadOutbox(page) = effect else {
                done.extend(self.store(vec![effect]));
                continue;
            };
            let rows = Ok(before.page(&page));
            let more = self.input(Input::OutboxRead { page, rows });
            done.extend(self.store(more));
        }
        done
    }
}

/// The batches that are to be stored.
pub fn batches(effects: &[Effect]) -> Vec<(StoreId, Vec<Command>)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Store { id, batch } => Some((*id, batch.clone())),
            _ => None,
        })
        .collect()
}

/// The answers, in order.
pub fn responses(effects: &[Effect]) -> Vec<(RequestId, Response)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Respond { id, response } => Some((*id, response.clone())),
            _ => None,
        })
        .collect()
}

/// The one answer.
pub fn response(effects: &[Effect]) -> Response {
    let [(_, response)] = responses(effects).try_into().expect("one answer");
    response
}

/// The requests that are sent, in order.
pub fn sends(effects: &[Effect]) -> Vec<(SendId, NextHop, Request)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Send {
                id,
                next_hop,
                request,
            } => Some((*id, next_hop.clone(), request.clone())),
            _ => None,
        })
        .collect()
}

/// The one request that is sent.
pub fn send(effects: &[Effect]) -> (SendId, Request) {
    let [(id, _, request)] = sends(effects).try_into().expect("one request");
    (id, request)
}

/// An answer to `request` with these header lines.
pub fn reply(request: &Request, status: u16, headers: &[(HeaderName, &str)]) -> Response {
    let via = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKown";
    let status = StatusCode::new(status).unwrap();
    let mut builder = Response::to(&request.with_via(via), status, Some("far"));
    for (name, value) in headers {
        builder = builder.header(name.clone(), value);
    }
    builder.finish().unwrap()
}

/// Value of a header field of an answer.
pub fn value(response: &Response, name: HeaderName) -> Option<String> {
    let value = response.headers().first(&name)?;
    Some(String::from_utf8_lossy(value).into_owned())
}

/// Status and Warning text of an answer.
pub fn told(response: &Response) -> (u16, Option<String>) {
    (
        response.status().as_u16(),
        value(response, HeaderName::Warning),
    )
}

fn origin(source: &str) -> Origin {
    let Some((_, source)) = source
        .split_once("tcp:")
        .or_else(|| source.split_once("tls:"))
    else {
        return Origin::datagram(source.parse().unwrap());
    };
    let mut parts = source.split(' ');
    let address = parts.next().unwrap().parse().unwrap();
    Origin::connection(address, parts.map(Into::into).collect())
}
