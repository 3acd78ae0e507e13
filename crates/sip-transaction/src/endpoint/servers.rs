//! Server transactions: what their machines ask for is done here.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sip_message::validate::Essentials;
use sip_message::{HeaderName, Method, Request, Response, StatusCode, validate};

use super::{Endpoint, Timer};
use crate::event::{Event, Failure, Gone, ServerId};
use crate::hops::{HopId, Links, Waits};
use crate::key::Key;
use crate::overload::Sender;
use crate::slab::place;
use crate::step::{Moved, Transaction};
use crate::{Path, invite_server, non_invite_server, overload};

#[derive(Debug)]
pub(super) struct Server {
    key: Key,
    /// What merged requests have in common with it; [`Key::NONE`] without such.
    merged: Key,
    /// Where answers go.
    hop: HopId,
    phase: Phase,
}

/// A finished transaction is the bulk of what a server keeps, and keeps as little as can be.
#[derive(Debug)]
enum Phase {
    Open(Box<Open>),
    /// A non-INVITE transaction in its state Completed, over an unreliable transport: the answer that is sent again.
    Kept(Box<[u8]>),
}

const _: () = assert!(
    size_of::<Option<Server>>() <= 56,
    "a million of them are kept"
);

/// What a transaction has while there is more to do than to send its answer again.
#[derive(Debug)]
struct Open {
    state: State,
    /// The last answer.
    answer: Bytes,
    /// Where answers go when the connection is gone.
    alternative: Option<SocketAddr>,
    /// Whether the previous hop wants to hear of overload (RFC 7339).
    offers_oc: bool,
    /// The request, until something was sent, for the 100.
    request: Option<Request>,
    /// The running Timer G.
    wait: Duration,
    /// Whether the user was told that the client took its INVITE back.
    cancelled: bool,
    /// Its neighbours among the INVITE transactions on the hop.
    links: Links,
}

impl Server {
    pub(super) fn key(&self) -> Key {
        self.key
    }

    pub(super) fn merged(&self) -> Key {
        self.merged
    }

    fn state(&self) -> State {
        match &self.phase {
            Phase::Open(open) => open.state,
            Phase::Kept(_) => State::NonInvite(non_invite_server::State::Completed),
        }
    }

    fn set_state(&mut self, state: State) {
        if let Phase::Open(open) = &mut self.phase {
            open.state = state;
        }
    }

    fn open(&self) -> Option<&Open> {
        match &self.phase {
            Phase::Open(open) => Some(open),
            Phase::Kept(_) => None,
        }
    }

    fn open_mut(&mut self) -> Option<&mut Open> {
        match &mut self.phase {
            Phase::Open(open) => Some(open),
            Phase::Kept(_) => None,
        }
    }
}

impl Waits for Server {
    fn links(&self) -> Option<&Links> {
        self.open().map(|open| &open.links)
    }

    fn links_mut(&mut self) -> Option<&mut Links> {
        self.open_mut().map(|open| &mut open.links)
    }
}

#[derive(Clone, Copy, Debug)]
enum State {
    Invite(invite_server::State),
    NonInvite(non_invite_server::State),
}

/// How long the user has to answer an INVITE before 100 is sent (RFC 3261 §17.2.1).
const TRYING_AFTER: Duration = Duration::from_millis(200);

impl Endpoint {
    pub(super) fn handle_request(
        &mut self,
        now: Instant,
        path: Path,
        sender: Sender,
        mut request: Request,
    ) {
        request.set_source(path.peer);
        if let Some(overload) = self.overload
            && self.refuse_parsed(path, sender, overload, &request)
        {
            return;
        }
        let read = match validate::essentials(&request) {
            Ok(read) => read,
            Err(_) if *request.method() == Method::Ack => {
                return self.stray(path, "malformed ACK");
            }
            Err(refusal) => {
                let reason = Some(&*refusal.reason);
                return self.reject_with(path, &request, refusal.status, reason, None);
            }
        };
        let method = request.method();
        if *method == Method::Ack {
            let invite = self.invite_of(&request, &read);
            return self.handle_ack(now, path, request, invite);
        }
        let Some(key) = self.keys.server(&request, &read.top_via, method) else {
            return self.stray(path, "request without a usable Via");
        };
        if let Some(id) = self.server_with(key) {
            self.counters.absorbed += 1;
            return self.absorb(now, id);
        }
        if *method == Method::Cancel {
            return self.handle_cancel(now, path, &request, &read, key);
        }
        if self.is_own_loop(&request) {
            return self.reject_with(path, &request, StatusCode::LOOP_DETECTED, None, None);
        }
        let merged = match self.config.refuse_merged {
            true => self.keys.merged(&read),
            false => None,
        };
        if merged.is_some_and(|merged| self.is_merged(merged)) {
            let reason = Some("Merged Request");
            return self.reject_with(path, &request, StatusCode::LOOP_DETECTED, reason, None);
        }
        let Some(server) = self.begin_server(now, path, &request, &read, key, merged) else {
            return;
        };
        self.counters.requests += 1;
        self.events.push_back(Event::Request {
            server,
            path,
            request,
        });
    }

    pub(super) fn server_with(&self, key: Key) -> Option<ServerId> {
        let key_at = |place| self.servers.at(place).map(Server::key);
        let place = self.servers_by_key.find(key, key_at)?;
        self.servers.name_at(place).map(ServerId)
    }

    fn is_merged(&self, merged: Key) -> bool {
        let key_at = |place| self.servers.at(place).map(Server::merged);
        self.merged.find(merged, key_at).is_some()
    }

    /// A transaction for a request; none, and 503, when there are too many.
    fn begin_server(
        &mut self,
        now: Instant,
        path: Path,
        request: &Request,
        read: &Essentials<'_>,
        key: Key,
        merged: Option<Key>,
    ) -> Option<ServerId> {
        // That of an INVITE is let in: there is one at most for each, and it makes room.
        let cancel = *request.method() == Method::Cancel;
        let full = self.servers.len() >= self.config.max_servers && !cancel;
        let server = (!full).then(|| self.enter_server(path, request, read, key, merged));
        let Some(Some((server, hop))) = server else {
            self.counters.servers_full += 1;
            let retry_after = self.config.retry_after.to_string();
            let header = Some((HeaderName::RetryAfter, retry_after));
            let status = StatusCode::SERVICE_UNAVAILABLE;
            self.reject_with(path, request, status, None, header);
            return None;
        };
        if *request.method() == Method::Invite {
            if let Some(hop) = self.hops.get_mut(hop) {
                hop.invites.push(&mut self.servers, place(server.0));
            }
            self.timers
                .start(now, TRYING_AFTER, Timer::Trying, server.0);
        } else {
            let timers = self.hops.timers(hop, &self.config);
            let trying = timers.until_e_is_t2().min(timers.give_up());
            self.timers.start(now, trying, Timer::Trying, server.0);
        }
        Some(server)
    }

    fn enter_server(
        &mut self,
        path: Path,
        request: &Request,
        read: &Essentials<'_>,
        key: Key,
        merged: Option<Key>,
    ) -> Option<(ServerId, HopId)> {
        let answers_to = path.of_response(&read.top_via);
        let hop = self.hops.enter(answers_to, &self.config)?;
        let state = match request.method() {
            Method::Invite => State::Invite(invite_server::State::Proceeding),
            _ => State::NonInvite(non_invite_server::State::Trying),
        };
        let server = ServerId(self.servers.insert(Server {
            key,
            merged: merged.unwrap_or(Key::NONE),
            hop,
            phase: Phase::Open(Box::new(Open {
                state,
                answer: Bytes::new(),
                alternative: answers_to.alternative(&read.top_via),
                offers_oc: overload::is_offered(&read.top_via),
                request: Some(request.clone()),
                wait: self.hops.timers(hop, &self.config).t1,
                cancelled: false,
                links: Links::default(),
            })),
        })?);
        self.step(
            Transaction::Server(server),
            match state {
                State::Invite(state) => Moved::InviteServer(None, state),
                State::NonInvite(state) => Moved::NonInviteServer(None, state),
            },
        );
        self.servers_by_key.insert(key, place(server.0));
        if let Some(merged) = merged {
            self.merged.insert(merged, place(server.0));
        }
        Some((server, hop))
    }

    /// The request of a transaction came again.
    fn absorb(&mut self, now: Instant, id: ServerId) {
        match self.servers.get(id.0).map(Server::state) {
            Some(State::Invite(_)) => {
                self.on_invite_server(now, id, invite_server::Event::Retransmission, None);
            }
            Some(State::NonInvite(_)) => {
                self.on_server(now, id, non_invite_server::Event::Retransmission, None);
            }
            None => {}
        }
    }

    /// §17.2.3: the transaction of an INVITE that an ACK belongs to.
    pub(super) fn invite_of(&self, ack: &Request, read: &Essentials<'_>) -> Option<ServerId> {
        let keys = self
            .keys
            .invite_of(ack, &read.top_via)
            .into_iter()
            .flatten();
        keys.filter_map(|key| self.server_with(key)).next()
    }

    /// An ACK with the branch of an INVITE belongs to it. Any other is for the transaction user: no ACK is ever answered
    /// (§17.1.1.3).
    fn handle_ack(&mut self, now: Instant, path: Path, request: Request, invite: Option<ServerId>) {
        let Some(id) = invite else {
            return self.events.push_back(Event::Ack {
                server: None,
                path,
                request,
            });
        };
        let accepted = self.servers.get(id.0).is_some_and(|server| {
            matches!(
                server.state(),
                State::Invite(invite_server::State::Accepted)
            )
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
    fn handle_cancel(
        &mut self,
        now: Instant,
        path: Path,
        request: &Request,
        read: &Essentials<'_>,
        key: Key,
    ) {
        let named = |method: &Method| {
            let key = self.keys.server(request, &read.top_via, method)?;
            self.server_with(key)
        };
        let Some(invite) = named(&Method::Invite) else {
            let others = [
                Method::Message,
                Method::Register,
                Method::Publish,
                Method::Options,
                Method::Subscribe,
                Method::Notify,
                Method::Info,
                Method::Bye,
                Method::Prack,
                Method::Update,
                Method::Refer,
            ];
            let status = match others.iter().any(|method| named(method).is_some()) {
                true => StatusCode::OK,
                false => StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST,
            };
            return self.reject_with(path, request, status, None, None);
        };
        let Some(server) = self.begin_server(now, path, request, read, key, None) else {
            return;
        };
        let tag = self.tag_of(request);
        if let Ok(answer) = Response::to(request, StatusCode::OK, Some(&tag)).finish() {
            let _ = self.answer(now, server, &answer);
        }
        let invite_transaction = self.servers.get_mut(invite.0).and_then(Server::open_mut);
        if let Some(open) = invite_transaction
            && matches!(open.state, State::Invite(invite_server::State::Proceeding))
            && !std::mem::replace(&mut open.cancelled, true)
        {
            self.events.push_back(Event::Cancelled { server: invite });
        }
    }

    pub(super) fn answer(
        &mut self,
        now: Instant,
        id: ServerId,
        response: &Response,
    ) -> Result<(), Gone> {
        let server = self.servers.get(id.0).ok_or(Gone)?;
        let status = response.status();
        let offers_oc = server.open().is_some_and(|open| open.offers_oc);
        let answer = Some(match offers_oc {
            true => overload::told(response, &self.oc()),
            false => response.as_bytes().clone(),
        });
        match server.state() {
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
        let State::NonInvite(before) = server.state() else {
            return;
        };
        let (state, actions) = before.on(event);
        server.set_state(State::NonInvite(state));
        let hop = server.hop;
        // A timer that has lost its meaning is no step.
        if before != state || !actions.is_empty() {
            self.step(
                Transaction::Server(id),
                Moved::NonInviteServer(Some(event), state),
            );
        }
        for action in actions {
            match action {
                Action::Send => self.send_answer(id, answer.take()),
                Action::SendAgain => self.send_kept(id),
                Action::SendTrying => self.send_trying(id),
                Action::StartTimerJ => {
                    let reliable = self.is_reliable(hop);
                    let j = self.hops.timers(hop, &self.config).j(reliable);
                    self.timers.start(now, j, Timer::J, id.0);
                    // Over a reliable transport it is over at once.
                    if let Some(server) = self.servers.get_mut(id.0).filter(|_| !reliable)
                        && let Phase::Open(open) = &server.phase
                    {
                        server.phase = Phase::Kept(Box::from(&*open.answer));
                    }
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
        let State::Invite(before) = server.state() else {
            return;
        };
        let (state, actions) = before.on(event);
        server.set_state(State::Invite(state));
        let hop = server.hop;
        // A timer that has lost its meaning is no step.
        if before != state || !actions.is_empty() {
            self.step(
                Transaction::Server(id),
                Moved::InviteServer(Some(event), state),
            );
        }
        let timers = self.hops.timers(hop, &self.config);
        let reliable = self.is_reliable(hop);
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
                    let server = self.servers.get_mut(id.0);
                    if let Some(open) = server.and_then(Server::open_mut) {
                        open.wait = timers.g_after(open.wait);
                        self.timers.start(now, open.wait, Timer::G, id.0);
                    }
                }
                // It went up with the ACK itself.
                Action::PassUpAck => {}
                Action::InformTimeout => self.events.push_back(tell(Failure::Timeout)),
                Action::InformTransportError => self.events.push_back(tell(Failure::Transport)),
                Action::StartTimersGAndH => {
                    self.timers.start(now, timers.give_up(), Timer::H, id.0);
                    if !reliable {
                        self.timers.start(now, timers.t1, Timer::G, id.0);
                    }
                }
                Action::StartTimerI => {
                    self.timers.start(now, timers.i(reliable), Timer::I, id.0);
                }
                Action::StartTimerL => {
                    self.timers.start(now, timers.give_up(), Timer::L, id.0);
                }
            }
        }
        use invite_server::State::{Confirmed, Terminated};
        if matches!(state, Confirmed | Terminated)
            && let Some(hop) = self.hops.get_mut(hop)
        {
            hop.invites.remove(&mut self.servers, place(id.0));
        }
        if state == Terminated {
            self.forget_server(id);
        }
    }

    /// RFC 4320 §4.1: the time for a 100 has come. The client gives up when 64·T1 have passed since the request came.
    pub(super) fn on_trying(&mut self, now: Instant, due: Instant, id: ServerId) {
        self.on_invite_server(now, id, invite_server::Event::Timer100, None);
        let Some(server) = self.servers.get(id.0) else {
            return;
        };
        use non_invite_server::State::{Proceeding, Trying};
        if matches!(server.state(), State::NonInvite(Trying | Proceeding)) {
            let timers = self.hops.timers(server.hop, &self.config);
            let rest = timers.give_up().saturating_sub(timers.until_e_is_t2());
            self.timers.start(due, rest, Timer::ClientGone, id.0);
            self.on_server(now, id, non_invite_server::Event::Timer100, None);
        }
    }

    /// Sends an answer and keeps it.
    fn send_answer(&mut self, id: ServerId, answer: Option<Bytes>) {
        let (Some(server), Some(answer)) = (self.servers.get_mut(id.0), answer) else {
            return;
        };
        let hop = server.hop;
        let Some(open) = server.open_mut() else {
            return;
        };
        open.answer = answer.clone();
        open.request = None;
        let alternative = open.alternative;
        use non_invite_server::State::Completed;
        let is_only_one = matches!(open.state, State::NonInvite(Completed));
        if let Some(path) = self.path_of(hop) {
            match is_only_one {
                true => self.transmit_alone(path, answer, alternative),
                false => self.transmit(path, answer, false, alternative),
            }
        }
    }

    /// Sends the last answer again, if there is one.
    fn send_kept(&mut self, id: ServerId) {
        let Some(server) = self.servers.get(id.0) else {
            return;
        };
        let (answer, alternative) = match &server.phase {
            Phase::Open(open) => (open.answer.clone(), open.alternative),
            Phase::Kept(answer) => (Bytes::copy_from_slice(answer), None),
        };
        if let Some(path) = self.path_of(server.hop).filter(|_| !answer.is_empty()) {
            self.counters.answers_retransmitted += 1;
            self.transmit(path, answer, true, alternative);
        }
    }

    /// Sends 100, unless something was sent.
    fn send_trying(&mut self, id: ServerId) {
        let Some(open) = self.servers.get(id.0).and_then(Server::open) else {
            return;
        };
        let request = open.request.as_ref();
        let trying =
            request.map(|request| Response::to(request, StatusCode::TRYING, None).finish());
        if let Some(Ok(trying)) = trying {
            let bytes = match open.offers_oc {
                true => overload::told(&trying, &self.oc()),
                false => trying.as_bytes().clone(),
            };
            self.send_answer(id, Some(bytes));
        }
    }

    fn forget_server(&mut self, id: ServerId) {
        if let Some(server) = self.servers.remove(id.0) {
            self.servers_by_key.remove(server.key, place(id.0));
            if server.merged != Key::NONE {
                self.merged.remove(server.merged, place(id.0));
            }
            self.hops.leave(server.hop);
        }
    }

    /// Tells of INVITE transactions whose answers cannot go there.
    pub(super) fn servers_lost(&mut self, now: Instant, hop: HopId) {
        let waiting = self
            .hops
            .get(hop)
            .map(|hop| hop.invites.names(&self.servers));
        for id in waiting.unwrap_or_default().into_iter().map(ServerId) {
            self.on_invite_server(now, id, invite_server::Event::TransportError, None);
        }
    }
}
