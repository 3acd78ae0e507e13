//! The INVITE client transaction (RFC 3261 §17.1.1, as RFC 6026 §7.2 has it).

/// Where the transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// The INVITE was sent; nothing came back.
    Calling,
    /// A provisional answer came.
    Proceeding,
    /// A final answer of 300 to 699 came and was acknowledged; retransmissions of it are acknowledged again.
    Completed,
    /// A 2xx came; more of them, retransmitted or from other branches of a fork, are handed up.
    Accepted,
    /// Over; the transaction is forgotten.
    Terminated,
}

/// What happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// Time to retransmit.
    TimerA,
    /// Time to give up.
    TimerB,
    /// A provisional answer came, but no final one for as long as is waited for one (§16.6 step 11).
    TimerC,
    /// No more retransmissions of the final answer are expected.
    TimerD,
    /// No more 2xx are expected (RFC 6026 §7.2).
    TimerM,
    /// 64·T1 have passed since the CANCEL (§9.1).
    CancelTimeout,
    /// A 1xx came.
    Provisional,
    /// A 2xx came.
    Success,
    /// A 3xx to 6xx came.
    Failure,
    /// The transport could not send.
    TransportError,
}

/// What the endpoint is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Send the INVITE again and start Timer A anew.
    Retransmit,
    /// Hand the answer to the transaction user.
    PassUp,
    /// Hand one more 2xx to the transaction user.
    PassUpAgain,
    /// Send the ACK of a final answer that is no 2xx.
    Acknowledge,
    /// Send a CANCEL.
    Cancel,
    /// Tell the transaction user that no final answer came in time.
    InformTimeout,
    /// Tell the transaction user that the transport failed.
    InformTransportError,
    /// Start Timer D.
    StartTimerD,
    /// Start Timer M.
    StartTimerM,
}

impl State {
    /// All states, for whoever draws or checks the machine.
    pub const ALL: [Self; 5] = [
        Self::Calling,
        Self::Proceeding,
        Self::Completed,
        Self::Accepted,
        Self::Terminated,
    ];

    /// The machine.
    #[must_use]
    pub fn on(self, event: Event) -> (Self, &'static [Action]) {
        use Action::{
            Acknowledge, Cancel, InformTimeout, InformTransportError, PassUp, PassUpAgain,
            Retransmit, StartTimerD, StartTimerM,
        };
        use Event::{
            CancelTimeout, Failure, Provisional, Success, TimerA, TimerB, TimerC, TimerD, TimerM,
            TransportError,
        };
        use State::{Accepted, Calling, Completed, Proceeding, Terminated};
        match (self, event) {
            // §17.1.1.2: Timer A retransmits "only while in the Calling state".
            (Calling, TimerA) => (Calling, &[Retransmit]),
            // §17.1.1.2: still Calling when Timer B fires, the TU is told of the time-out.
            (Calling, TimerB) => (Terminated, &[InformTimeout]),
            // §17.1.1.2: the first 1xx ends the retransmissions; it and all more go up.
            (Calling | Proceeding, Provisional) => (Proceeding, &[PassUp]),
            // RFC 6026 §7.2: a 2xx goes up, and the transaction stays to hand up more of them.
            (Calling | Proceeding, Success) => (Accepted, &[PassUp, StartTimerM]),
            // §17.1.1.2: 300 to 699 go up and are acknowledged by the transaction itself.
            (Calling | Proceeding, Failure) => (Completed, &[Acknowledge, PassUp, StartTimerD]),
            // §17.1.4: a transport error ends a transaction that waits.
            (Calling | Proceeding, TransportError) => (Terminated, &[InformTransportError]),
            // §16.8: what was answered provisionally is cancelled.
            (Proceeding, TimerC) => (Proceeding, &[Cancel]),
            // §9.1: no final answer within 64·T1 after the CANCEL: taken as cancelled.
            (Calling | Proceeding, CancelTimeout) => (Terminated, &[InformTimeout]),
            // §17.1.1.2: the final answer again is acknowledged again, and does not go up.
            (Completed, Failure) => (Completed, &[Acknowledge]),
            // The final answer went up before; who acknowledges in vain will be asked again.
            (Completed, TransportError | Provisional | Success) => (Completed, &[]),
            (Completed, TimerD) => (Terminated, &[]),
            // RFC 6026 §7.2: every 2xx goes up, all else is absorbed.
            (Accepted, Success) => (Accepted, &[PassUpAgain]),
            (Accepted, Provisional | Failure | TransportError) => (Accepted, &[]),
            (Accepted, TimerM) => (Terminated, &[]),
            // Timers of other states run out unheard.
            (Calling, TimerC | TimerD | TimerM)
            | (Proceeding, TimerA | TimerB | TimerD | TimerM)
            | (Completed, TimerA | TimerB | TimerC | TimerM | CancelTimeout)
            | (Accepted, TimerA | TimerB | TimerC | TimerD | CancelTimeout) => (self, &[]),
            (Terminated, _) => (Terminated, &[]),
        }
    }
}
