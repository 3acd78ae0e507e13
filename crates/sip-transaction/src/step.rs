//! Steps of transactions, for whoever shows why something was sent, or sent again, or not answered.

use crate::{
    ClientId, ServerId, invite_client, invite_server, non_invite_client, non_invite_server,
};

/// A transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transaction {
    /// One of ours.
    Client(ClientId),
    /// One of a peer's.
    Server(ServerId),
}

/// A transaction began, or something happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Whose.
    pub transaction: Transaction,
    /// What.
    pub moved: Moved,
}

/// How a machine moved: what happened (nothing when it began), and where it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// RFC 3261 §17.1.1.
    InviteClient(Option<invite_client::Event>, invite_client::State),
    /// RFC 3261 §17.1.2.
    NonInviteClient(Option<non_invite_client::Event>, non_invite_client::State),
    /// RFC 3261 §17.2.1.
    InviteServer(Option<invite_server::Event>, invite_server::State),
    /// RFC 3261 §17.2.2.
    NonInviteServer(Option<non_invite_server::Event>, non_invite_server::State),
}

impl Step {
    /// The clause that says so.
    #[must_use]
    pub fn clause(&self) -> &'static str {
        match self.moved {
            Moved::InviteClient(..) => "RFC 3261 §17.1.1",
            Moved::NonInviteClient(..) => "RFC 3261 §17.1.2",
            Moved::InviteServer(..) => "RFC 3261 §17.2.1",
            Moved::NonInviteServer(..) => "RFC 3261 §17.2.2",
        }
    }

    /// The state that it is in now.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match self.moved {
            Moved::InviteClient(_, state) => {
                use invite_client::State as S;
                match state {
                    S::Calling => "Calling",
                    S::Proceeding => "Proceeding",
                    S::Completed => "Completed",
                    S::Accepted => "Accepted",
                    S::Terminated => "Terminated",
                }
            }
            Moved::NonInviteClient(_, state) => {
                use non_invite_client::State as S;
                match state {
                    S::Trying => "Trying",
                    S::Proceeding => "Proceeding",
                    S::Completed => "Completed",
                    S::Terminated => "Terminated",
                }
            }
            Moved::InviteServer(_, state) => {
                use invite_server::State as S;
                match state {
                    S::Proceeding => "Proceeding",
                    S::Completed => "Completed",
                    S::Accepted => "Accepted",
                    S::Confirmed => "Confirmed",
                    S::Terminated => "Terminated",
                }
            }
            Moved::NonInviteServer(_, state) => {
                use non_invite_server::State as S;
                match state {
                    S::Trying => "Trying",
                    S::Proceeding => "Proceeding",
                    S::Completed => "Completed",
                    S::Terminated => "Terminated",
                }
            }
        }
    }

    /// What happened, in words.
    #[must_use]
    pub fn event(&self) -> &'static str {
        match self.moved {
            Moved::InviteClient(event, _) => of_invite_client(event),
            Moved::NonInviteClient(event, state) => of_non_invite_client(event, state),
            Moved::InviteServer(event, _) => of_invite_server(event),
            Moved::NonInviteServer(event, state) => of_non_invite_server(event, state),
        }
    }
}

fn of_invite_client(event: Option<invite_client::Event>) -> &'static str {
    use invite_client::Event as E;
    match event {
        None => "an INVITE is sent",
        Some(E::TimerA) => "Timer A fired",
        Some(E::TimerB) => "Timer B fired: no answer came within 64*T1",
        Some(E::TimerC) => "Timer C fired: no final answer came",
        Some(E::TimerD) => "Timer D fired",
        Some(E::TimerM) => "Timer M fired",
        Some(E::CancelTimeout) => "64*T1 passed after the CANCEL",
        Some(E::Provisional) => "a provisional answer came",
        Some(E::Success) => "a 2xx came",
        Some(E::Failure) => "a 3xx to 6xx came",
        Some(E::TransportError) => "the transport failed",
    }
}

fn of_non_invite_client(
    event: Option<non_invite_client::Event>,
    state: non_invite_client::State,
) -> &'static str {
    use non_invite_client::{Event as E, State as S};
    match (event, state) {
        (None, _) => "a request is sent",
        (Some(E::TimerE), S::Trying | S::Proceeding) => {
            "Timer E fired: no final answer yet, the request is sent again"
        }
        (Some(E::TimerE), _) => "Timer E fired",
        (Some(E::TimerF), S::Terminated) => "Timer F fired: no final answer came within 64*T1",
        (Some(E::TimerF), _) => "Timer F fired",
        (Some(E::TimerK), _) => "Timer K fired",
        (Some(E::Provisional), _) => "a provisional answer came",
        (Some(E::Final), _) => "a final answer came",
        (Some(E::TransportError), _) => "the transport failed",
    }
}

fn of_invite_server(event: Option<invite_server::Event>) -> &'static str {
    use invite_server::Event as E;
    match event {
        None => "an INVITE came, could be read and is new",
        Some(E::Retransmission) => "the INVITE came again",
        Some(E::Timer100) => "200 ms passed without an answer",
        Some(E::SendProvisional) => "a provisional answer is sent",
        Some(E::SendSuccess) => "a 2xx is sent",
        Some(E::SendFailure) => "a 3xx to 6xx is sent",
        Some(E::Ack) => "the ACK came",
        Some(E::TimerG) => "Timer G fired: no ACK yet, the answer is sent again",
        Some(E::TimerH) => "Timer H fired: no ACK came within 64*T1",
        Some(E::TimerI) => "Timer I fired",
        Some(E::TimerL) => "Timer L fired",
        Some(E::TransportError) => "the transport failed",
    }
}

fn of_non_invite_server(
    event: Option<non_invite_server::Event>,
    state: non_invite_server::State,
) -> &'static str {
    use non_invite_server::{Event as E, State as S};
    match (event, state) {
        (None, _) => "a request came, could be read and is new",
        (Some(E::Retransmission), S::Trying) => {
            "the request came again: there is no answer yet, it is absorbed"
        }
        (Some(E::Retransmission), _) => "the request came again: its answer is sent again",
        (Some(E::SendFinal), _) => "the final answer is sent",
        (Some(E::Timer100), _) => "the client's Timer E has come to T2 (RFC 4320 §4.1)",
        (Some(E::TimerJ), _) => "Timer J fired",
        (Some(E::ClientGone), _) => "the client has given up: 64*T1 passed",
        (Some(E::TransportError), _) => "the transport failed",
    }
}
