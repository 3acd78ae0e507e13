//! The non-INVITE client transaction (RFC 3261 §17.1.2, figure 6).

/// Where the transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// The request was sent; nothing came back.
    Trying,
    /// A provisional answer came.
    Proceeding,
    /// The final answer came; retransmissions of it are absorbed.
    Completed,
    /// Over; the transaction is forgotten.
    Terminated,
}

/// What happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// Time to retransmit.
    TimerE,
    /// Time to give up.
    TimerF,
    /// No more retransmitted answers are expected.
    TimerK,
    /// A 1xx came.
    Provisional,
    /// A 2xx to 6xx came.
    Final,
    /// The transport could not send.
    TransportError,
}

/// What the endpoint is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Send the request again and start Timer E anew.
    Retransmit,
    /// Hand the answer to the transaction user.
    PassUp,
    /// Tell the transaction user that no answer came in time.
    InformTimeout,
    /// Tell the transaction user that the transport failed.
    InformTransportError,
    /// Start Timer K.
    StartTimerK,
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
        use Action::{InformTimeout, InformTransportError, PassUp, Retransmit, StartTimerK};
        use Event::{Final, Provisional, TimerE, TimerF, TimerK, TransportError};
        use State::{Completed, Proceeding, Terminated, Trying};
        match (self, event) {
            // "If Timer E fires while in the Trying state, the request is retransmitted."
            (Trying, TimerE) => (Trying, &[Retransmit]),
            // "If Timer F fires while the client transaction is still in the Trying state, the
            // client transaction SHOULD inform the TU about the timeout."
            (Trying | Proceeding, TimerF) => (Terminated, &[InformTimeout]),
            // "If a provisional response is received while in the Trying state, the response
            // MUST be passed to the TU."
            (Trying | Proceeding, Provisional) => (Proceeding, &[PassUp]),
            // "If Timer E fires while in the Proceeding state, the request MUST be passed to the
            // transport layer for retransmission, and Timer E MUST be reset with a value of T2."
            (Proceeding, TimerE) => (Proceeding, &[Retransmit]),
            // "If a final response is received …, the response MUST be passed to the TU, and the
            // client transaction MUST transition to the Completed state."
            (Trying | Proceeding, Final) => (Completed, &[PassUp, StartTimerK]),
            // §17.1.4: a transport error ends the transaction.
            (Trying | Proceeding, TransportError) => (Terminated, &[InformTransportError]),
            // "The Completed state exists to buffer any additional response retransmissions."
            (Completed, Provisional | Final | TimerE | TimerF | TransportError) => (Completed, &[]),
            // "If Timer K fires while in this state, the client transaction MUST transition to
            // the Terminated state."
            (Completed, TimerK) => (Terminated, &[]),
            (Trying | Proceeding, TimerK) => (self, &[]),
            (Terminated, _) => (Terminated, &[]),
        }
    }
}
