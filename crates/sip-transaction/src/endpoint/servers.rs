//! Server transactions: what their machines ask for is done here.

use std::time::{Duration, Instant};

use bytes::Bytes;
use sip_message::{HeaderName, Method, Request, Response, StatusCode, validate};

use super::{Endpoint, Timer};
use crate::event::{Event, Failure, Gone, ServerId};
use crate::key::Key;
use crate::{Path, invite_server, non_invite_server};

#[derive(Debug)]
pub(super) struct Server {
    state: State,
    key: Key,
    /// What merged requests have in common with it.
    merged: Option<Key>,
    /// Where answers go.
    path: Path,
    /// The last answer.
    answer: Bytes,
    /// The request, until something was sent, for the 100.
    request: Option<Box<Request>>,
    /// The running Timer G.
    wait: Duration,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Invite(invite_server::State),
    NonInvite(non_invite_server::State),
}

/// How long the user has to answer an INVITE before 100 is sent (RFC 3261 §17.2.1).
const TRYING_AFTER: Duration = Duration::from_millis(200);

impl Endpoint {
    pub(super) fn handle_request(&mut self, now: Instant, path: Path, mut request: Request) {
        request.set_source(path.peer);
        let method = request.method().clone();
        if let Err(refusal) = validate::request(&request) {
            if method == Method::Ack {
                self.stray(path, "malformed ACK");
            } else {
                self.reject_with(path, &request, refusal.status, Some(&refusal.reason), None);
            }
            return;
        }
        if method == Method::Ack {
            return self.handle_ack(now, path, request);
        }
        let Some(key) = self.keys.server(&request, &method) else {
            return self.stray(path, "request without a usable Via");
        };
        if let Some(id) = self.servers_by_key.get(&key).copied() {
            self.counters.absorbed += 1;
            return self.absorb(now, id);
        }
        if method == Method::Cancel {
            return self.handle_cancel(now, path, request, key);
        }
        if self.is_own_loop(&request) {
            return self.reject_with(path, &request, StatusCode::LOOP_DETECTED, None, None);
        }
        let merged = match self.config.refuse_merged {
            true => self.keys.merged(&request),
            false => None,
        };
        if merged.is_some_and(|merged| self.merged.contains_key(&merged)) {
            let reason = Some("Merged Request");
            return self.reject_with(path, &request, StatusCode::LOOP_DETECTED, reason, None);
        }
        let Some(server) = self.begin_server(now, path, &request, key, merged) else {
            return;
        };
        self.counters.requests += 1;
        self.events.push_back(Event::Request {
            server,
            path,
            request,
        });
    }

    /// A transaction for a request; none, and 503, when there are too many.
    fn begin_server(
        &mut self,
        now: Instant,
        path: Path,
        request: &Request,
        key: Key,
        merged: Option<Key>,
    ) -> Option<ServerId> {
        // That of an INVITE is let in: there is one at most for each, and it makes room.
        let cancel = *request.method() == Method::Cancel;
        if self.servers.len() >= self.config.max_servers && !cancel {
            let retry_after = self.config.retry_after.to_string();
            let header = Some((HeaderName::RetryAfter, retry_after));
            let status = StatusCode::SERVICE_UNAVAILABLE;
            self.reject_with(path, request, status, None, header);
            return None;
        }
        let Ok(via) = request.headers().top_via() else {
            self.stray(path, "request without a usable Via");
            return None;
        };
        let answers_to = path.of_response(&via);
        let timers = self.config.timers_of(&answers_to);
        let state = match request.method() {
            Method::Invite => State::Invite(invite_server::State::Proceeding),
            _ => State::NonInvite(non_invite_server::State::Trying),
        };
        let server = ServerId(self.servers.insert(Server {
            state,
            key,
            merged,
            path: answers_to,
            answer: Bytes::new(),
            request: Some(Box::new(request.clone())),
            wait: timers.t1,
        }));
        self.servers_by_key.insert(key, server);
        if let Some(merged) = merged {
            self.merged.insert(merged, server);
        }
        let trying = match state {
            State::Invite(_) => TRYING_AFTER,
            State::NonInvite(_) => {
                let gone = timers.give_up();
                self.timers.start(now, gone, Timer::ClientGone(server));
                timers.until_e_is_t2()
            }
        };
        self.timers.start(now, trying, Timer::Trying(server));
        Some(server)
    }

    /// The request of a transaction came again.
    fn absorb(&mut self, now: Instant, id: ServerId) {
        match self.servers.get(id.0).map(|server| server.state) {
            Some(State::Invite(_)) => {
                self.on_invite_server(now, id, invite_server::Event::Retransmission, None);
            }
            Some(State::NonInvite(_)) => {
                self.on_server(now, id, non_invite_server::Event::Retransmission, None);
            }
            None => {}
        }
    }

    /// §17.2.3: an ACK with the branch of an INVITE belongs to it. Any other is for the transaction user: no ACK is
    /// ever answered (§17.1.1.3).
    fn handle_ack(&mut self, now: Instant, path: Path, request: Request) {
        let keys = self.keys.invite_of(&request).into_iter().flatten();
        let mut invites = keys.filter_map(|key| self.servers_by_key.get(&key).copied());
        let Some(id) = invites.next() else {
            return self.events.push_back(Event::Ack {
                server: None,
                path,
                request,
            });
        };
        let accepted = self.servers.get(id.0).is_some_and(|server| {
            matches!(server.state, State::Invite(invite_server::State::Accepted))
        });
        self.on_invite_server(now, id, invite_server::Event::Ack, None);
        if accepted {
            self.events.push_back(Event::Ack {
                server: Some(id),
                path,
                request,
            });
        }
    }

    /// §9.2: 200 when it names a transaction; an INVITE that has no final answer yet is told of. Else 481.
    fn handle_cancel(&mut self, now: Instant, path: Path, request: Request, key: Key) {
        let named = |endpoint: &Self, method: &Method| {
            let key = endpoint.keys.server(&request, method)?;
            endpoint.servers_by_key.get(&key).copied()
        };
        let Some(invite) = named(self, &Method::Invite) else {
            let others = [
                Method::Message,
                Method::Register,
                Method::Publish,
                Method::Options,
                Method::Subscribe,
                Method::Notify,
                Method::Info,
            ];
            let status = match others.iter().any(|method| named(self, method).is_some()) {
                true => StatusCode::OK,
                false => StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST,
            };
            return self.reject_with(path, &request, status, None, None);
        };
        let Some(server) = self.begin_server(now, path, &request, key, None) else {
            return;
        };
        let tag = self.tag_of(&request);
        if let Ok(answer) = Response::to(&request, StatusCode::OK, Some(&tag)).finish() {
            let _ = self.answer(now, server, &answer);
        }
        let open = self.servers.get(invite.0).is_some_and(|server| {
            matches!(
                server.state,
                State::Invite(invite_server::State::Proceeding)
            )
        });
        if open {
            self.events.push_back(Event::Cancelled { server: invite });
        }
    }

    pub(super) fn answer(
        &mut self,
        now: Instant,
        id: ServerId,
        response: &Response,
    ) -> Result<(), Gone> {
        let (status, answer) = (response.status(), Some(response.as_bytes().clone()));
        match self.servers.get(id.0).ok_or(Gone)?.state {
            State::Invite(_) => {
                let event = if status.is_provisional() {
                    invite_server::Event::SendProvisional
                } else if status.is_success() {
                    invite_server::Event::SendSuccess
                } else {
                    invite_server::Event::SendFailure
                };
                self.on_invite_server(now, id, event, answer);
            }
            // RFC 4320 §4.1, §4.2: no 1xx but the 100 that is sent in its time; no 408, which nobody waits for.
            State::NonInvite(_) if status.is_provisional() || status.as_u16() == 408 => {}
            State::NonInvite(_) => {
                self.on_server(now, id, non_invite_server::Event::SendFinal, answer);
            }
        }
        Ok(())
    }

    pub(super) fn on_server(
        &mut self,
        now: Instant,
        id: ServerId,
        event: non_invite_server::Event,
        mut answer: Option<Bytes>,
    ) {
        use non_invite_server::Action;
        let Some(server) = self.servers.get_mut(id.0) else {
            return;
        };
        let State::NonInvite(before) = server.state else {
            return;
        };
        let (state, actions) = before.on(event);
        server.state = State::NonInvite(state);
        let path = server.path;
        for action in actions {
            match action {
                Action::Send => self.send_answer(id, answer.take()),
                Action::SendAgain => self.send_kept(id),
                Action::SendTrying => self.send_trying(id),
                Action::StartTimerJ => {
                    let reliable = path.transport.is_reliable();
                    let j = self.config.timers_of(&path).j(reliable);
                    self.timers.start(now, j, Timer::J(id));
                }
            }
        }
        if state == non_invite_server::State::Terminated {
            self.forget_server(id);
        }
    }

    pub(super) fn on_invite_server(
        &mut self,
        now: Instant,
        id: ServerId,
        event: invite_server::Event,
        mut answer: Option<Bytes>,
    ) {
        use invite_server::Action;
        let Some(server) = self.servers.get_mut(id.0) else {
            return;
        };
        let State::Invite(before) = server.state else {
            return;
        };
        let (state, actions) = before.on(event);
        server.state = State::Invite(state);
        let path = server.path;
        let timers = self.config.timers_of(&path);
        let reliable = path.transport.is_reliable();
        let tell = |failure| Event::Unacknowledged {
            server: id,
            failure,
        };
        for action in actions {
            match action {
                Action::Send => self.send_answer(id, answer.take()),
                Action::SendAgain => self.send_kept(id),
                Action::SendTrying => self.send_trying(id),
                Action::Retransmit => {
                    self.send_kept(id);
                    if let Some(server) = self.servers.get_mut(id.0) {
                        server.wait = timers.g_after(server.wait);
                        self.timers.start(now, server.wait, Timer::G(id));
                    }
                }
                // It went up with the ACK itself.
                Action::PassUpAck => {}
                Action::InformTimeout => self.events.push_back(tell(Failure::Timeout)),
                Action::InformTransportError => self.events.push_back(tell(Failure::Transport)),
                Action::StartTimersGAndH => {
                    self.timers.start(now, timers.give_up(), Timer::H(id));
                    if !reliable {
                        self.timers.start(now, timers.t1, Timer::G(id));
                    }
                }
                Action::StartTimerI => {
                    self.timers.start(now, timers.i(reliable), Timer::I(id));
                }
                Action::StartTimerL => {
                    self.timers.start(now, timers.give_up(), Timer::L(id));
                }
            }
        }
        if state == invite_server::State::Terminated {
            self.forget_server(id);
        }
    }

    /// Sends an answer and keeps it.
    fn send_answer(&mut self, id: ServerId, answer: Option<Bytes>) {
        let (Some(server), Some(answer)) = (self.servers.get_mut(id.0), answer) else {
            return;
        };
        server.answer = answer.clone();
        server.request = None;
        let path = server.path;
        self.transmit(path, answer, false);
    }

    /// Sends the last answer again, if there is one.
    fn send_kept(&mut self, id: ServerId) {
        let Some(server) = self.servers.get(id.0) else {
            return;
        };
        if !server.answer.is_empty() {
            let (path, answer) = (server.path, server.answer.clone());
            self.counters.answers_retransmitted += 1;
            self.transmit(path, answer, true);
        }
    }

    /// Sends 100, unless something was sent.
    fn send_trying(&mut self, id: ServerId) {
        let server = self.servers.get(id.0);
        let request = server.and_then(|server| server.request.as_ref());
        let trying =
            request.map(|request| Response::to(request, StatusCode::TRYING, None).finish());
        if let Some(Ok(trying)) = trying {
            self.send_answer(id, Some(trying.as_bytes().clone()));
        }
    }

    fn forget_server(&mut self, id: ServerId) {
        if let Some(server) = self.servers.remove(id.0) {
            self.servers_by_key.remove(&server.key);
            if let Some(merged) = server.merged {
                self.merged.remove(&merged);
            }
        }
    }

    /// Tells of INVITE transactions whose answers cannot go there.
    pub(super) fn servers_lost(&mut self, now: Instant, path: Path) {
        let invites = self
            .servers
            .iter()
            .filter(|(_, server)| server.path == path && matches!(server.state, State::Invite(_)));
        let waiting: Vec<_> = invites.map(|(id, _)| ServerId(id)).collect();
        for id in waiting {
            self.on_invite_server(now, id, invite_server::Event::TransportError, None);
        }
    }
}
