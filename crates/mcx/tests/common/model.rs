//! Alice among A, B and C as a model: three stores changed by `apply` alone, and a network that
//! delivers late, twice or never. What is owed stays in its outbox until the answer arrived.

use std::rc::Rc;

use mcx::state::{Command, MemoryRows, Notice, OutboxRow, Rows as _, Verdict, VisitorPhase};

mod key;

use super::commands::{allow, map, moved, register, returns, run, verdict};
use super::{alice, at, procedure};

/// A is 0, B is 1, C is 2.
pub const NAMES: [&str; 3] = ["a", "b", "c"];

/// What is under way beside the outboxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Packet {
    /// A partner's request, with the number of its procedure.
    Ask(usize, u8),
    /// A late copy of a row that the receiver had once.
    Copy(usize, u64),
    /// The answer to a row of that system's outbox.
    Done(usize, u64),
}

#[derive(Clone, Debug)]
pub struct State {
    pub rows: [Rc<MemoryRows>; 3],
    /// Procedure of the event that waits at a partner.
    waiting: [Option<u8>; 3],
    net: Vec<Packet>,
    /// Every row that may still have a copy in the network.
    copied: Vec<(usize, OutboxRow)>,
    moves: u8,
    copies: u8,
    been_at_b: bool,
    /// Where she was told last that she is served.
    pub told: Option<usize>,
}

/// How far the exploration goes.
#[derive(Clone, Copy)]
pub struct Extent {
    /// Moves of the user.
    pub moves: u8,
    /// Messages that are delivered twice, and answers that are lost.
    pub copies: u8,
    /// How she takes it that an answer is late.
    pub patience: Patience,
}

/// What the user does before she was answered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// She waits.
    Waits,
    /// She gives up and then may move.
    GivesUp,
    /// She moves, and takes whatever answer comes.
    Moves,
}

/// What happens in a step.
#[derive(Clone, Copy, Debug)]
pub enum Label {
    ComesTo(&'static str),
    GivesUpAt(&'static str),
    Arrives(Packet),
    ArrivesTwice(Packet),
    IsLost(Packet),
    /// Sender; kind, receiver, number and procedure of the message.
    Sends(&'static str, [u64; 4]),
    SendsTwice(&'static str, [u64; 4]),
    DropsResponse(&'static str),
}

/// One step and the state after it.
pub type Step = (Label, State);

impl State {
    pub fn start(extent: Extent) -> Self {
        Self {
            rows: Default::default(),
            waiting: [None; 3],
            net: Vec::new(),
            copied: Vec::new(),
            moves: extent.moves,
            copies: extent.copies,
            been_at_b: false,
            told: None,
        }
    }

    fn copy(&self, from: usize, id: u64) -> &OutboxRow {
        let of = |(f, row): &&(usize, OutboxRow)| *f == from && row.id == id;
        let (_, row) = self.copied.iter().find(of).unwrap();
        row
    }

    /// Everything owed was delivered, and nobody waits.
    pub fn at_rest(&self) -> bool {
        self.rows.iter().all(|r| r.outbox.is_empty()) && self.waiting == [None; 3]
    }

    pub fn serves(&self, place: usize) -> bool {
        match place {
            0 => self.rows[0]
                .homes
                .get(&alice())
                .is_some_and(|h| h.authorization.is_some()),
            _ => self.rows[place]
                .visitors
                .get(&alice())
                .is_some_and(|v| v.phase == VisitorPhase::Migrated),
        }
    }

    /// Every step that can be taken.
    pub fn steps(&self, extent: Extent) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.moves > 0 && (extent.patience == Patience::Moves || self.waiting == [None; 3]) {
            for (place, name) in NAMES.into_iter().enumerate() {
                steps.push((Label::ComesTo(name), self.comes(extent, place)));
            }
        }
        for (place, name) in NAMES.into_iter().enumerate() {
            if self.waiting[place].is_some() && extent.patience != Patience::Waits {
                let mut next = self.clone();
                next.waiting[place] = None;
                steps.push((Label::GivesUpAt(name), next));
            }
        }
        for (index, packet) in self.net.iter().copied().enumerate() {
            let mut next = self.clone();
            next.net.remove(index);
            if let (Packet::Done(..), 1..) = (packet, next.copies) {
                let mut lost = next.clone();
                lost.copies -= 1;
                steps.push((Label::IsLost(packet), lost));
            }
            if let (Packet::Ask(..), 1..) = (packet, next.copies) {
                let mut twice = self.clone();
                twice.copies -= 1;
                twice.arrives(packet);
                steps.push((Label::ArrivesTwice(packet), twice));
            }
            next.arrives(packet);
            steps.push((Label::Arrives(packet), next));
        }
        for from in 0..3 {
            self.rows_arrive(from, &mut steps);
        }
        for (_, state) in &mut steps {
            state.net.sort();
            let net = &state.net;
            state
                .copied
                .retain(|(from, row)| net.contains(&Packet::Copy(*from, row.id)));
        }
        steps
    }

    fn comes(&self, extent: Extent, place: usize) -> Self {
        let mut next = self.clone();
        next.moves -= 1;
        next.been_at_b |= place == 1;
        let n = extent.moves - next.moves;
        if place == 0 {
            run(Rc::make_mut(&mut next.rows[0]), &returns(n));
            next.told = Some(0);
            return next;
        }
        let anew = register(NAMES[place], &format!("call-{n}"));
        let looked_up = verdict(Rc::make_mut(&mut next.rows[place]), &anew);
        assert_eq!(looked_up, Verdict::NotMigrated);
        next.net.push(Packet::Ask(place, n));
        next.waiting[place] = Some(n);
        next
    }

    /// The first row of every lane can be delivered, unless its answer is under way.
    fn rows_arrive(&self, from: usize, steps: &mut Vec<Step>) {
        let mut lanes = Vec::new();
        for row in self.rows[from].outbox.values() {
            if lanes.contains(&row.lane()) {
                continue;
            }
            lanes.push(row.lane());
            let done = Packet::Done(from, row.id);
            if self.net.contains(&done) {
                continue;
            }
            let mut next = self.clone();
            next.receives(row);
            next.net.push(done);
            if next.copies > 0 && !self.net.contains(&Packet::Copy(from, row.id)) {
                let mut twice = next.clone();
                twice.copies -= 1;
                twice.net.push(Packet::Copy(from, row.id));
                twice.copied.push((from, row.clone()));
                steps.push((Label::SendsTwice(NAMES[from], key::content(row)), twice));
            }
            steps.push((Label::Sends(NAMES[from], key::content(row)), next));
            // Nobody waits for a response for ever.
            if row.row.expires.is_some()
                && !self.waiting.contains(&Some(number_of(row.row.procedure)))
            {
                let mut next = self.clone();
                let Ok(()) = Rc::make_mut(&mut next.rows[from]).remove_row(row.id);
                steps.push((Label::DropsResponse(NAMES[from]), next));
            }
        }
    }

    fn arrives(&mut self, packet: Packet) {
        match packet {
            Packet::Ask(place, n) => {
                run(Rc::make_mut(&mut self.rows[0]), &allow(NAMES[place], n));
            }
            Packet::Copy(from, id) => {
                let row = self.copy(from, id).clone();
                self.receives(&row);
            }
            Packet::Done(place, id) => {
                run(
                    Rc::make_mut(&mut self.rows[place]),
                    &Command::OutboxDone { id },
                );
            }
        }
    }

    /// A message at the system that it is for.
    fn receives(&mut self, row: &OutboxRow) {
        let to = index(&row.row.to);
        let n = (1..=20)
            .find(|n| procedure(*n) == row.row.procedure)
            .unwrap();
        match &row.row.notice {
            Notice::AuthorizationResponse { number, .. } => {
                if self.waiting[to] == Some(n) {
                    self.waiting[to] = None;
                    if verdict(
                        Rc::make_mut(&mut self.rows[to]),
                        &map(NAMES[to], *number, n),
                    ) == Verdict::Mapped
                    {
                        self.told = Some(to);
                    }
                }
            }
            Notice::UserAuthorization { number, partner_id } => {
                let from =
                    (1..3).find(|p| partner_id.domain() == format!("{}.mcx.example", NAMES[*p]));
                let report = moved(NAMES[from.unwrap()], *number, n);
                let verdict = verdict(Rc::make_mut(&mut self.rows[0]), &report);
                assert_ne!(verdict, Verdict::NeverAllowed);
            }
            Notice::Deauthorization { partner_id, number } => {
                let before = self.rows[to].visitors.get(&alice()).cloned();
                let end = Command::EndStay {
                    key: alice(),
                    partner_id: partner_id.clone(),
                    number: Some(*number),
                    procedure: Some(row.row.procedure),
                    at: at(0),
                    stop_at: at(0),
                    purge_at: at(60),
                };
                run(Rc::make_mut(&mut self.rows[to]), &end);
                let newer = before
                    .is_some_and(|v| v.phase == VisitorPhase::Migrated && v.number > Some(*number));
                assert!(!newer || self.serves(to), "a newer stay ended (L2)");
            }
        }
    }
}

fn index(system: &mcx::SystemId) -> usize {
    let name = system.as_str();
    NAMES.iter().position(|n| name.starts_with(n)).unwrap()
}

/// Number of a procedure.
fn number_of(id: mcx::ProcedureId) -> u8 {
    (1..=9).find(|n| procedure(*n) == id).unwrap()
}
