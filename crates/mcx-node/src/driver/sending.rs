//! Requests of the role on their way: where they go, and what comes after an attempt.

use mcx::{Decision, NextHop, Now, Role, SendFailure, SendId, Weight};
use sip_message::Request;
use sip_transaction::{ClientId, Path, Transport};

use super::{Driver, Output, Owned};
use crate::next_hop::{Hop, Next, Outcome as Went, Target, source};
use crate::transport::Listen;

/// A request whose next hop is being looked up.
#[derive(Debug)]
pub(super) struct Locating {
    pub(super) id: SendId,
    pub(super) request: Request,
    /// Whether the transport was written down.
    pub(super) fixed: bool,
}

/// Most requests whose next hop is being looked up; more are refused as overload.
pub(crate) const MAX_LOCATING: usize = 10_000;

impl<R: Role> Driver<R> {
    /// Finds out where a request goes, and sends it.
    pub(super) fn send(&mut self, now: Now, id: SendId, next_hop: &NextHop, request: Request) {
        let hop = match Hop::of(next_hop) {
            Ok(hop) => hop,
            // The configuration is checked; nobody else names hops.
            Err(_) => return self.tell(id, Went::Failed(SendFailure::Transport)),
        };
        let fixed = hop.transport.is_some();
        if let Some(target) = hop.numeric() {
            let targets = vec![target];
            let next = self.attempts.begin(now.mono, id, request, targets, fixed);
            return self.go_on(now, next);
        }
        if self.locating.len() >= MAX_LOCATING {
            self.totals.locating_full += 1;
            return self.tell(id, Went::Failed(SendFailure::Overload));
        }
        self.located += 1;
        let locating = Locating { id, request, fixed };
        self.locating.insert(self.located, locating);
        self.outputs.push_back(Output::Locate(self.located, hop));
    }

    /// Takes how an attempt went.
    pub(super) fn ended(&mut self, now: Now, client: ClientId, went: Went) {
        if let Some(attempt) = self.sends.remove(&client) {
            let was = attempt.target.clone();
            let next = self.attempts.ended(now.mono, attempt, went);
            if let Next::Try(_) = next {
                let Target {
                    transport, address, ..
                } = was;
                let why = format!("{transport} {address} failed: the next target is tried");
                let decision = Decision::new("wire:next-hop", "failover", why).by("next-hop");
                self.decide(decision.weighing(Weight::Minor));
            }
            self.go_on(now, next);
        }
    }

    /// Tries targets until one takes the request.
    pub(super) fn go_on(&mut self, now: Now, mut next: Next) {
        loop {
            let attempt = match next {
                Next::Tell(id, went) => return self.tell(id, went),
                Next::Try(attempt) => attempt,
            };
            let Some(path) = self.towards(&attempt.target) else {
                let went = Went::Failed(SendFailure::Transport);
                next = self.attempts.ended(now.mono, attempt, went);
                continue;
            };
            if let (Transport::Tls, Some(domain)) = (path.transport, &attempt.target.domain) {
                self.outputs.push_back(Output::Expect(path, domain.clone()));
            }
            self.note_steps();
            let before = self.is_about(attempt.request.headers());
            let sent = self.endpoint.request(now.mono, path, &attempt.request);
            self.note_steps();
            self.is_about_again(before);
            match sent {
                Ok(client) => {
                    self.sends.insert(client, attempt);
                }
                Err(_) => self.tell(attempt.id, Went::Failed(SendFailure::Overload)),
            }
            return;
        }
    }

    fn tell(&mut self, id: SendId, went: Went) {
        self.inputs.push_back(match went {
            Went::Answer(response) => Owned::Answer(id, response),
            Went::Failed(why) => Owned::Failed(id, why),
        });
    }

    /// The way to a target, from an address of its transport and family: of several the one that the system's routes lead
    /// from, or else the first. Who does not listen there sends over a connection all the same: answers come back on it.
    fn towards(&self, target: &Target) -> Option<Path> {
        let of_family = |listen: &&Listen| listen.address.is_ipv4() == target.address.is_ipv4();
        let of_transport = |listen: &&Listen| listen.transport == target.transport;
        let family = self.local.iter().filter(of_family);
        let exact = family.clone().filter(of_transport);
        let local = match target.transport {
            Transport::Udp => of_route(exact, target)?,
            _ => of_route(exact, target).or_else(|| of_route(family, target))?,
        };
        Some(Path {
            local: local.address,
            peer: target.address,
            transport: target.transport,
        })
    }
}

/// Of own addresses the one that a target is sent to from.
fn of_route<'a>(
    mut listening: impl Iterator<Item = &'a Listen> + Clone,
    target: &Target,
) -> Option<&'a Listen> {
    let first = listening.next()?;
    // Asking is worth a system call only where there is a choice.
    let Some(source) = listening
        .clone()
        .next()
        .and_then(|_| source::towards(target.address))
    else {
        return Some(first);
    };
    let mut all = std::iter::once(first).chain(listening);
    all.find(|listen| listen.address.ip() == source)
        .or(Some(first))
}
