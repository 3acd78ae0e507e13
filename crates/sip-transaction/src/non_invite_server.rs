//! The non-INVITE server transaction (RFC 3261 §17.2.2, figure 8).

/// Where the transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// The request was handed up; it is not answered yet.
    Trying,
    /// 100 was sent.
    Proceeding,
    /// The final answer was sent, and is sent again for every retransmission.
    Completed,
    /// Over; the transaction is forgotten.
    Terminated,
}

/// What happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The request came again.
    Retransmission,
    /// The transaction user answers 2xx to 6xx.
    SendFinal,
    /// The client's Timer E has come to T2, and there is no answer (RFC 4320 §4.1).
    Timer100,
    /// No more retransmissions are expected.
    TimerJ,
    /// 64·T1 have passed since the request came: its client has given up.
    ClientGone,
    /// The transport could not send.
    TransportError,
}

/// What the endpoint is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Send this answer and keep it.
    Send,
    /// Send the kept answer again.
    SendAgain,
    /// Send 100, so that the client need not retransmit.
    SendTrying,
    /// Start Timer J.
    StartTimerJ,
}

impl State {
    /// All states, for whoever draws or checks the machine.
    pub const ALL: [Self; 4] = [
        Self::Trying,
        Self::Proceeding,
        Self::Completed,
        Self::Terminated,
    ];

    /// The machine.
    #[must_use]
    pub fn on(self, event: Event) -> (Self, &'static [Action]) {
        use Action::{Send, SendAgain, SendTrying, StartTimerJ};
        use Event::{ClientGone, Retransmission, SendFinal, Timer100, TimerJ, TransportError};
        use State::{Completed, Proceeding, Terminated, Trying};
        match (self, event) {
            // "Once in the Trying state, any further request retransmissions are discarded."
            (Trying, Retransmission) => (Trying, &[]),
            // RFC 4320 §4.1: 100 when the client's Timer E has come to T2, and not before.
            (Trying, Timer100) => (Proceeding, &[SendTrying]),
            (Proceeding | Completed, Timer100) => (self, &[]),
            // "If a retransmission of the request is received while in the Proceeding state, the
            // most recently sent provisional response MUST be passed to the transport layer."
            (Proceeding, Retransmission) => (Proceeding, &[SendAgain]),
            // "If the TU passes a final response …, the transaction MUST enter the Completed
            // state." "… it MUST set Timer J to fire in 64*T1 seconds for unreliable transports."
            (Trying | Proceeding, SendFinal) => (Completed, &[Send, StartTimerJ]),
            // "While in the Completed state, the server transaction MUST pass the final response
            // to the transport layer for retransmission whenever a retransmission is received."
            (Completed, Retransmission) => (Completed, &[SendAgain]),
            // "Any other final responses passed by the TU … MUST be discarded."
            (Completed, SendFinal) => (Completed, &[]),
            // "The server transaction remains in this state until Timer J fires." §17.2.4.
            (Trying | Proceeding | Completed, TimerJ | TransportError) => (Terminated, &[]),
            // RFC 4320 §4.2: an answer after the client's Timer F helps nobody.
            (Trying | Proceeding, ClientGone) => (Terminated, &[]),
            (Completed, ClientGone) => (Completed, &[]),
            (Terminated, _) => (Terminated, &[]),
        }
    }
}
