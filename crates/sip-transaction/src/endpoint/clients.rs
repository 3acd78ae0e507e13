//! Client transactions: what their machines ask for is done here.

use std::time::{Duration, Instant};

use sip_message::{Method, Request, Response, validate};

use super::{Endpoint, Timer};
use crate::config::StrayResponses;
use crate::event::{ClientId, Event, Failure, Gone};
use crate::hops::{HopId, Links, Waits};
use crate::key::Key;
use crate::slab::place;
use crate::step::{Moved, Transaction};
use crate::{Path, invite_client, non_invite_client, requests};

#[derive(Debug)]
pub(super) struct Client {
    state: State,
    hop: HopId,
    key: Key,
    /// The request as it was sent; gone when nobody needs it any more.
    request: Option<Request>,
    /// The running Timer A or E.
    wait: Duration,
    /// When Timer C is due. Earlier ones are not heard.
    c_due: Option<Instant>,
    cancel: Cancel,
    /// Is its user told? Nobody is told of a CANCEL.
    heard: bool,
    /// Its neighbours among those that wait on the hop.
    links: Links,
}

impl Client {
    pub(super) fn key(&self) -> Key {
        self.key
    }
}

impl Waits for Client {
    fn links(&self) -> Option<&Links> {
        Some(&self.links)
    }

    fn links_mut(&mut self) -> Option<&mut Links> {
        Some(&mut self.links)
    }
}

#[derive(Clone, Copy, Debug)]
enum State {
    Invite(invite_client::State),
    NonInvite(non_invite_client::State),
}

impl State {
    /// Whether it has no final answer yet, and a failure of the transport ends it.
    fn waits(self) -> bool {
        use {invite_client::State as Invite, non_invite_client::State as NonInvite};
        matches!(
            self,
            Self::Invite(Invite::Calling | Invite::Proceeding)
                | Self::NonInvite(NonInvite::Trying | NonInvite::Proceeding)
        )
    }
}

/// How far taking an INVITE back has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cancel {
    No,
    /// As soon as a provisional answer is there.
    Wanted,
    Sent,
}

/// Timer C is not begun anew more often, so that many provisional answers do not make many timers.
const TIMER_C_STEP: Duration = Duration::from_secs(1);

impl Endpoint {
    /// Sends a request that has its Via. `None` when there is no room for one more.
    pub(super) fn begin_client(
        &mut self,
        now: Instant,
        path: Path,
        request: Request,
        branch: &[u8],
        heard: bool,
    ) -> Option<ClientId> {
        let key = self.keys.client(branch, request.method().as_bytes());
        let invite = *request.method() == Method::Invite;
        let hop = self.hops.enter(path, &self.config)?;
        let timers = self.hops.timers(hop, &self.config);
        let bytes = request.as_bytes().clone();
        let id = ClientId(self.clients.insert(Client {
            state: match invite {
                true => State::Invite(invite_client::State::Calling),
                false => State::NonInvite(non_invite_client::State::Trying),
            },
            hop,
            key,
            request: Some(request),
            wait: timers.t1,
            c_due: None,
            cancel: Cancel::No,
            heard,
            links: Links::default(),
        })?);
        self.step(
            Transaction::Client(id),
            match invite {
                true => Moved::InviteClient(None, invite_client::State::Calling),
                false => Moved::NonInviteClient(None, non_invite_client::State::Trying),
            },
        );
        self.clients_by_key.insert(key, place(id.0));
        if let Some(hop) = self.hops.get_mut(hop) {
            hop.clients.push(&mut self.clients, place(id.0));
        }
        let (again, give_up) = match invite {
            true => (Timer::A, Timer::B),
            false => (Timer::E, Timer::F),
        };
        self.timers.start(now, timers.give_up(), give_up, id.0);
        if !path.transport.is_reliable() {
            self.timers.start(now, timers.t1, again, id.0);
        }
        self.transmit(path, bytes, false, None);
        Some(id)
    }

    fn client_with(&self, key: Key) -> Option<ClientId> {
        let key_at = |place| self.clients.at(place).map(Client::key);
        let place = self.clients_by_key.find(key, key_at)?;
        self.clients.name_at(place).map(ClientId)
    }

    pub(super) fn handle_response(&mut self, now: Instant, path: Path, response: Response) {
        let Ok(read) = validate::response_essentials(&response) else {
            return self.stray(path, "malformed response");
        };
        // §17.1.3: branch, and the method in CSeq.
        let branch = read.top_via.branch().unwrap_or_default();
        let key = self.keys.client(branch, read.cseq.method);
        let Some(id) = self.client_with(key) else {
            return match self.config.stray_responses {
                StrayResponses::Drop => self.stray(path, "response to no request of ours"),
                StrayResponses::HandUp => {
                    self.counters.strays += 1;
                    self.events
                        .push_back(Event::StrayResponse { path, response });
                }
            };
        };
        let status = response.status();
        match self.clients.get(id.0).map(|client| client.state) {
            Some(State::Invite(_)) => {
                let event = if status.is_provisional() {
                    invite_client::Event::Provisional
                } else if status.is_success() {
                    invite_client::Event::Success
                } else {
                    invite_client::Event::Failure
                };
                self.on_invite_client(now, id, event, Some(response));
            }
            Some(State::NonInvite(_)) => {
                let event = if status.is_provisional() {
                    non_invite_client::Event::Provisional
                } else {
                    non_invite_client::Event::Final
                };
                self.on_client(now, id, event, Some(response));
            }
            None => {}
        }
    }

    pub(super) fn on_client(
        &mut self,
        now: Instant,
        id: ClientId,
        event: non_invite_client::Event,
        mut response: Option<Response>,
    ) {
        use non_invite_client::{Action, Event as On};
        let Some(client) = self.clients.get_mut(id.0) else {
            return;
        };
        let State::NonInvite(before) = client.state else {
            return;
        };
        let (state, actions) = before.on(event);
        client.state = State::NonInvite(state);
        let hop = client.hop;
        // A timer that has lost its meaning is no step.
        if before != state || !actions.is_empty() {
            self.step(
                Transaction::Client(id),
                Moved::NonInviteClient(Some(event), state),
            );
        }
        for action in actions {
            match action {
                Action::Retransmit => {
                    let proceeding = state == non_invite_client::State::Proceeding;
                    self.send_again(now, id, Timer::E, |timers, wait| {
                        timers.e_after(wait, proceeding)
                    });
                }
                Action::PassUp => {
                    if let Some(response) = response.take() {
                        self.tell(id, |client| match event {
                            On::Provisional => Event::Provisional { client, response },
                            _ => Event::Answer { client, response },
                        });
                    }
                }
                Action::InformTimeout => self.fail(id, Failure::Timeout),
                Action::InformTransportError => self.fail(id, Failure::Transport),
                Action::StartTimerK => {
                    let Some(client) = self.clients.get_mut(id.0) else {
                        return;
                    };
                    client.request = None;
                    let k = self.hops.timers(hop, &self.config).k(self.is_reliable(hop));
                    self.timers.start(now, k, Timer::K, id.0);
                }
            }
        }
        self.moved(id, State::NonInvite(state), hop);
    }

    pub(super) fn on_invite_client(
        &mut self,
        now: Instant,
        id: ClientId,
        event: invite_client::Event,
        mut response: Option<Response>,
    ) {
        use invite_client::{Action, Event as On};
        let Some(client) = self.clients.get_mut(id.0) else {
            return;
        };
        let State::Invite(before) = client.state else {
            return;
        };
        let (state, actions) = before.on(event);
        client.state = State::Invite(state);
        let hop = client.hop;
        // A timer that has lost its meaning is no step.
        if before != state || !actions.is_empty() {
            self.step(
                Transaction::Client(id),
                Moved::InviteClient(Some(event), state),
            );
        }
        let timers = self.hops.timers(hop, &self.config);
        for action in actions {
            match action {
                Action::Retransmit => {
                    self.send_again(now, id, Timer::A, |_, wait| wait.saturating_mul(2));
                }
                Action::PassUp if event == On::Provisional => {
                    if let Some(response) = response.take() {
                        self.proceed(now, id, response);
                    }
                }
                Action::PassUp => {
                    if let Some(response) = response.take() {
                        self.tell(id, |client| Event::Answer { client, response });
                    }
                }
                Action::PassUpAgain => {
                    if let Some(response) = response.take() {
                        self.tell(id, |client| Event::AnswerAgain { client, response });
                    }
                }
                Action::Acknowledge => self.acknowledge(id, response.as_ref()),
                Action::Cancel => self.send_cancel(now, id),
                Action::InformTimeout => self.fail(id, Failure::Timeout),
                Action::InformTransportError => self.fail(id, Failure::Transport),
                Action::StartTimerD => {
                    let d = timers.d(self.is_reliable(hop));
                    self.timers.start(now, d, Timer::D, id.0);
                }
                Action::StartTimerM => {
                    self.timers.start(now, timers.give_up(), Timer::M, id.0);
                }
            }
        }
        self.moved(id, State::Invite(state), hop);
    }

    /// A transaction with a final answer waits no more; one that is over is forgotten.
    fn moved(&mut self, id: ClientId, state: State, hop: HopId) {
        use {invite_client::State as Invite, non_invite_client::State as NonInvite};
        if !state.waits()
            && let Some(hop) = self.hops.get_mut(hop)
        {
            hop.clients.remove(&mut self.clients, place(id.0));
        }
        if matches!(
            state,
            State::Invite(Invite::Terminated) | State::NonInvite(NonInvite::Terminated)
        ) {
            self.forget_client(id);
        }
    }

    /// A provisional answer: up it goes, Timer C begins anew, and a CANCEL that had to wait is sent.
    fn proceed(&mut self, now: Instant, id: ClientId, response: Response) {
        let trying = response.status().as_u16() == 100;
        self.tell(id, |client| Event::Provisional { client, response });
        let Some(client) = self.clients.get_mut(id.0) else {
            return;
        };
        let due = now + self.config.timer_c;
        let begin = match client.c_due {
            None => true,
            Some(before) => !trying && due >= before + TIMER_C_STEP,
        };
        if begin {
            client.c_due = Some(due);
            self.timers.start(now, self.config.timer_c, Timer::C, id.0);
        }
        if client.cancel == Cancel::Wanted {
            self.send_cancel(now, id);
        }
    }

    pub(super) fn on_timer_c(&mut self, now: Instant, id: ClientId) {
        let due = self.clients.get(id.0).and_then(|client| client.c_due);
        if due.is_some_and(|due| due <= now) {
            self.on_invite_client(now, id, invite_client::Event::TimerC, None);
        }
    }

    pub(super) fn cancel_client(&mut self, now: Instant, id: ClientId) -> Result<(), Gone> {
        let client = self.clients.get_mut(id.0).ok_or(Gone)?;
        match client.state {
            State::Invite(invite_client::State::Calling) => {
                client.cancel = Cancel::Wanted;
                Ok(())
            }
            State::Invite(invite_client::State::Proceeding) => {
                self.send_cancel(now, id);
                Ok(())
            }
            _ => Err(Gone),
        }
    }

    /// Sends the CANCEL of an INVITE, once (§9.1): a transaction of its own, with the branch of the INVITE.
    fn send_cancel(&mut self, now: Instant, id: ClientId) {
        let Some(client) = self.clients.get_mut(id.0) else {
            return;
        };
        if client.cancel == Cancel::Sent {
            return;
        }
        client.cancel = Cancel::Sent;
        let hop = client.hop;
        let cancel = client.request.as_ref().map(requests::cancel);
        let give_up = self.hops.timers(hop, &self.config).give_up();
        self.timers.start(now, give_up, Timer::Cancel, id.0);
        if let (Some(Ok(cancel)), Some(path)) = (cancel, self.path_of(hop)) {
            let branch = branch_of(&cancel);
            self.begin_client(now, path, cancel, &branch, false);
        }
    }

    /// Sends the ACK of a final answer that is no 2xx.
    fn acknowledge(&mut self, id: ClientId, response: Option<&Response>) {
        let Some(client) = self.clients.get(id.0) else {
            return;
        };
        if let (Some(invite), Some(response)) = (&client.request, response)
            && let Some(path) = self.path_of(client.hop)
            && let Ok(ack) = requests::ack(invite, response)
        {
            self.transmit(path, ack.as_bytes().clone(), false, None);
        }
    }

    fn send_again(
        &mut self,
        now: Instant,
        id: ClientId,
        timer: Timer,
        next: impl FnOnce(&crate::Timers, Duration) -> Duration,
    ) {
        let Some(client) = self.clients.get_mut(id.0) else {
            return;
        };
        let hop = client.hop;
        client.wait = next(&self.hops.timers(hop, &self.config), client.wait);
        let wait = client.wait;
        let bytes = client
            .request
            .as_ref()
            .map(|request| request.as_bytes().clone());
        self.timers.start(now, wait, timer, id.0);
        if let (Some(bytes), Some(path)) = (bytes, self.path_of(hop)) {
            self.counters.retransmitted += 1;
            self.transmit(path, bytes, true, None);
        }
    }

    fn tell(&mut self, id: ClientId, event: impl FnOnce(ClientId) -> Event) {
        if self.clients.get(id.0).is_some_and(|client| client.heard) {
            self.events.push_back(event(id));
        }
    }

    fn fail(&mut self, id: ClientId, failure: Failure) {
        self.tell(id, |client| Event::Failed { client, failure });
    }

    fn forget_client(&mut self, id: ClientId) {
        if let Some(client) = self.clients.remove(id.0) {
            self.clients_by_key.remove(client.key, place(id.0));
            self.hops.leave(client.hop);
        }
    }

    /// Ends the transactions that wait on a hop that failed.
    pub(super) fn clients_lost(&mut self, now: Instant, hop: HopId) {
        let waiting = self
            .hops
            .get(hop)
            .map(|hop| hop.clients.names(&self.clients));
        for id in waiting.unwrap_or_default().into_iter().map(ClientId) {
            match self.clients.get(id.0).map(|client| client.state) {
                Some(State::Invite(_)) => {
                    self.on_invite_client(now, id, invite_client::Event::TransportError, None);
                }
                Some(State::NonInvite(_)) => {
                    self.on_client(now, id, non_invite_client::Event::TransportError, None);
                }
                None => {}
            }
        }
    }
}

fn branch_of(request: &Request) -> Vec<u8> {
    let via = request.headers().top_via();
    let branch = via.ok().and_then(|via| via.branch()).unwrap_or_default();
    branch.to_vec()
}
