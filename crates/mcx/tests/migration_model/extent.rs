//! How far the model goes, who takes part, and which rule is broken on purpose.

/// How far an exploration goes. Every number is a budget for a whole story.
#[derive(Clone, Debug)]
pub struct Extent {
    /// Events of the user: she authorizes at A, B or C.
    pub moves: u8,
    /// Requests and answers that are lost.
    pub losses: u8,
    /// Requests that arrive once more, at any later time.
    pub repeats: u8,
    /// Systems that crash and begin again with what is durable.
    pub crashes: u8,
    /// Events of the user that the SIP core hands over once more, at any later time.
    pub late_events: u8,
    /// Orders of A's operator to de-authorize her.
    pub orders: u8,
    /// Mappings that are purged; more than there are stays is no bound.
    pub purges: u8,
    /// How she takes it that an answer is late.
    pub patience: Patience,
    /// What her events are like.
    pub client: Client,
    /// Whether partners go on serving her for a while (P1.E1).
    pub grace: bool,
    /// Systems that neither send nor understand the stay element.
    pub mute: &'static [usize],
    /// What is broken on purpose.
    pub broken: Option<Broken>,
}

/// What the user does before she was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// She waits for the answer.
    Waits,
    /// The answer may be too late at any time: the server then gives up and tells her so.
    GivesUp,
    /// She moves on without it.
    Moves,
}

/// How the user's events at one partner differ from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// Each is a registration of its own, all under the id that the partner always gives her.
    BeginsAnew,
    /// Each is a registration of its own, and the partner gives her another id each time.
    NewIds,
    /// All are of one registration (RFC 3261 §10.2: one Call-ID for a boot cycle), and she never
    /// de-registers.
    OneRegistration,
}

/// A rule that is broken on purpose, outside of the production code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Partners do not read the number of a de-authorization.
    NumberUnread,
    /// A de-authorization that is sent again has the number of the newest stay.
    NumberMade,
    /// The primary forgets its counter when it crashes.
    CounterForgotten,
    /// The primary forgets what it owes when it crashes.
    OutboxForgotten,
    /// Partners answer before it is durable.
    AnsweredTooSoon,
}

impl Extent {
    /// A user who waits for her answers, in a world without faults.
    pub fn of(moves: u8) -> Self {
        Self {
            moves,
            losses: 0,
            repeats: 0,
            crashes: 0,
            late_events: 0,
            orders: 0,
            purges: 0,
            patience: Patience::Waits,
            client: Client::BeginsAnew,
            grace: false,
            mute: &[],
            broken: None,
        }
    }
}
