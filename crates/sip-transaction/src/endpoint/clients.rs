//! Client transactions: what their machines ask for is done here.

use std::time::{Duration, Instant};

use sip_message::{Method, Request, Response, validate};

use super::{Endpoint, Timer};
use crate::config::StrayResponses;
use crate::event::{ClientId, Event, Failure, Gone};
use crate::key::Key;
use crate::{Path, invite_client, non_invite_client, requests};

#[derive(Debug)]
pub(super) struct Client {
    state: State,
    path: Path,
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
}

#[derive(Clone, Copy, Debug)]
enum State {
    Invite(invite_client::State),
    NonInvite(non_invite_client::State),
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
    /// Sends a request that has its Via.
    pub(super) fn begin_client(
        &mut self,
        now: Instant,
        path: Path,
        request: Request,
        branch: &str,
        heard: bool,
    ) -> ClientId {
        let key = self
            .keys
            .client(branch.as_bytes(), request.method().as_bytes());
        let invite = *request.method() == Method::Invite;
        let timers = self.config.timers_of(&path);
        let bytes = request.as_bytes().clone();
        let id = ClientId(self.clients.insert(Client {
            state: match invite {
                true => State::Invite(invite_client::State::Calling),
                false => State::NonInvite(non_invite_client::State::Trying),
            },
            path,
            key,
            request: Some(request),
            wait: timers.t1,
            c_due: None,
            cancel: Cancel::No,
            heard,
        }));
        self.clients_by_key.insert(key, id);
        let (again, give_up) = match invite {
            true => (Timer::A(id), Timer::B(id)),
            false => (Timer::E(id), Timer::F(id)),
        };
        self.timers.start(now, timers.give_up(), give_up);
        if !path.transport.is_reliable() {
            self.timers.start(now, timers.t1, again);
        }
        self.transmit(path, bytes, false);
        id
    }

    pub(super) fn handle_response(&mut self, now: Instant, path: Path, response: Response) {
        if validate::response(&response).is_err() {
            return self.stray(path, "malformed response");
        }
        let headers = response.headers();
        let (Ok(via), Ok(cseq)) = (headers.top_via(), headers.cseq()) else {
            return self.stray(path, "malformed response");
        };
        // §17.1.3: branch, and the method in CSeq.
        let key = self
            .keys
            .client(via.branch().unwrap_or_default(), cseq.method);
        let Some(id) = self.clients_by_key.get(&key).copied() else {
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
        for action in actions {
            match action {
                Action::Retransmit => {
                    let proceeding = state == non_invite_client::State::Proceeding;
                    self.send_again(now, id, Timer::E(id), |timers, wait| {
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
                    let path = client.path;
                    let k = self.config.timers_of(&path).k(path.transport.is_reliable());
                    self.timers.start(now, k, Timer::K(id));
                }
            }
        }
        if state == non_invite_client::State::Terminated {
            self.forget_client(id);
        }
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
        let path = client.path;
        let timers = self.config.timers_of(&path);
        for action in actions {
            match action {
                Action::Retransmit => {
                    self.send_again(now, id, Timer::A(id), |_, wait| wait.saturating_mul(2));
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
                    let d = timers.d(path.transport.is_reliable());
                    self.timers.start(now, d, Timer::D(id));
                }
                Action::StartTimerM => {
                    self.timers.start(now, timers.give_up(), Timer::M(id));
                }
            }
        }
        if state == invite_client::State::Terminated {
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
            self.timers.start(now, self.config.timer_c, Timer::C(id));
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
        let path = client.path;
        let cancel = client.request.as_ref().map(requests::cancel);
        let give_up = self.config.timers_of(&path).give_up();
        self.timers.start(now, give_up, Timer::Cancel(id));
        if let Some(Ok(cancel)) = cancel {
            let branch = branch_of(&cancel);
            self.begin_client(now, path, cancel, &branch, false);
        }
    }

    /// Sends the ACK of a final answer that is no 2xx.
    fn acknowledge(&mut self, id: ClientId, response: Option<&Response>) {
        let Some(client) = self.clients.get(id.0) else {
            return;
        };
        let path = client.path;
        if let (Some(invite), Some(response)) = (&client.request, response)
            && let Ok(ack) = requests::ack(invite, response)
        {
            self.transmit(path, ack.as_bytes().clone(), false);
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
        let path = client.path;
        client.wait = next(&self.config.timers_of(&path), client.wait);
        let wait = client.wait;
        let bytes = client
            .request
            .as_ref()
            .map(|request| request.as_bytes().clone());
        self.timers.start(now, wait, timer);
        if let Some(bytes) = bytes {
            self.counters.retransmitted += 1;
            self.transmit(path, bytes, true);
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
            self.clients_by_key.remove(&client.key);
        }
    }

    /// Ends the transactions that wait on a hop that failed.
    pub(super) fn clients_lost(&mut self, now: Instant, path: Path) {
        let on_path = self
            .clients
            .iter()
            .filter(|(_, client)| client.path == path);
        let waiting: Vec<_> = on_path
            .map(|(id, client)| (ClientId(id), client.state))
            .collect();
        for (id, state) in waiting {
            match state {
                State::Invite(_) => {
                    self.on_invite_client(now, id, invite_client::Event::TransportError, None);
                }
                State::NonInvite(_) => {
                    self.on_client(now, id, non_invite_client::Event::TransportError, None);
                }
            }
        }
    }
}

fn branch_of(request: &Request) -> String {
    let via = request.headers().top_via();
    let branch = via.ok().and_then(|via| via.branch()).unwrap_or_default();
    String::from_utf8_lossy(branch).into_owned()
}
