//! The INVITE server transaction (RFC 3261 §17.2.1, as RFC 6026 §7.1 has it).

/// Where the transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// The INVITE was handed up; there is no final answer yet.
    Proceeding,
    /// A final answer of 300 to 699 was sent, and is sent again until the ACK comes.
    Completed,
    /// The ACK came; more of them are absorbed.
    Confirmed,
    /// A 2xx was sent; retransmissions of it are the transaction user's, those of the INVITE are absorbed.
    Accepted,
    /// Over; the transaction is forgotten.
    Terminated,
}

/// What happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The INVITE came again.
    Retransmission,
    /// An ACK came.
    Ack,
    /// 200 ms have passed without an answer (§17.2.1).
    Timer100,
    /// The transaction user answers 1xx.
    SendProvisional,
    /// The transaction user answers 2xx.
    SendSuccess,
    /// The transaction user answers 3xx to 6xx.
    SendFailure,
    /// Time to send the final answer again.
    TimerG,
    /// Time to give up waiting for the ACK.
    TimerH,
    /// No more ACKs are expected.
    TimerI,
    /// No more retransmissions of the INVITE are expected (RFC 6026 §7.1).
    TimerL,
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
    /// Send 100 if nothing was sent yet.
    SendTrying,
    /// Send the kept answer again and start Timer G anew.
    Retransmit,
    /// Hand the ACK to the transaction user.
    PassUpAck,
    /// Tell the transaction user that no ACK came.
    InformTimeout,
    /// Tell the transaction user that the transport failed.
    InformTransportError,
    /// Start Timers G and H.
    StartTimersGAndH,
    /// Start Timer I.
    StartTimerI,
    /// Start Timer L.
    StartTimerL,
}

impl State {
    /// All states, for whoever draws or checks the machine.
    pub const ALL: [Self; 5] = [
        Self::Proceeding,
        Self::Completed,
        Self::Confirmed,
        Self::Accepted,
        Self::Terminated,
    ];

    /// The machine.
    #[must_use]
    pub fn on(self, event: Event) -> (Self, &'static [Action]) {
        use Action::{
            InformTimeout, InformTransportError, PassUpAck, Retransmit, Send, SendAgain,
            SendTrying, StartTimerI, StartTimerL, StartTimersGAndH,
        };
        use Event::{
            Ack, Retransmission, SendFailure, SendProvisional, SendSuccess, Timer100, TimerG,
            TimerH, TimerI, TimerL, TransportError,
        };
        use State::{Accepted, Completed, Confirmed, Proceeding, Terminated};
        match (self, event) {
            // §17.2.1: 100 within 200 ms, unless the TU was faster.
            (Proceeding, Timer100) => (Proceeding, &[SendTrying]),
            // §17.2.1: the last provisional answer is sent again for every retransmission.
            (Proceeding, Retransmission) => (Proceeding, &[SendAgain]),
            (Proceeding, SendProvisional) => (Proceeding, &[Send]),
            // RFC 6026 §7.1: after a 2xx the transaction stays, to absorb retransmissions of the INVITE.
            (Proceeding, SendSuccess) => (Accepted, &[Send, StartTimerL]),
            // §17.2.1: any other final answer is sent until the ACK comes, or Timer H fires.
            (Proceeding, SendFailure) => (Completed, &[Send, StartTimersGAndH]),
            // RFC 6026 §7.1: the TU is told, and may try to answer again.
            (Proceeding, TransportError) => (Proceeding, &[InformTransportError]),
            (Completed, TimerG) => (Completed, &[Retransmit]),
            (Completed, Retransmission) => (Completed, &[SendAgain]),
            (Completed, Ack) => (Confirmed, &[StartTimerI]),
            // §17.2.1: no ACK came; the TU is told.
            (Completed, TimerH) => (Terminated, &[InformTimeout]),
            (Completed, TransportError) => (Completed, &[InformTransportError]),
            // RFC 6026 §7.1: the TU sends its 2xx until it has the ACK, which is handed up.
            (Accepted, SendSuccess) => (Accepted, &[Send]),
            (Accepted, Ack) => (Accepted, &[PassUpAck]),
            (Accepted, TransportError) => (Accepted, &[InformTransportError]),
            (Accepted, TimerL) | (Confirmed, TimerI) => (Terminated, &[]),
            // Absorbed: what was answered, acknowledged or is over.
            (Accepted, Retransmission)
            | (Confirmed, Retransmission | Ack | TransportError)
            | (Proceeding, Ack) => (self, &[]),
            // §17.2.1: "any other final responses passed by the TU … MUST be discarded".
            (Completed | Confirmed, SendProvisional | SendSuccess | SendFailure)
            | (Accepted, SendProvisional | SendFailure) => (self, &[]),
            // Timers of other states run out unheard.
            (Proceeding, TimerG | TimerH | TimerI | TimerL)
            | (Completed, Timer100 | TimerI | TimerL)
            | (Confirmed, Timer100 | TimerG | TimerH | TimerL)
            | (Accepted, Timer100 | TimerG | TimerH | TimerI) => (self, &[]),
            (Terminated, _) => (Terminated, &[]),
        }
    }
}
