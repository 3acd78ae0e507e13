//! What tells two states of the model apart.

use mcx::state::{Notice, OutboxRow, VisitorPhase};

use super::{Extent, Packet, Patience, State, index, number_of};

impl State {
    /// Two states with one key behave alike: only what a step can depend on is in it.
    pub fn key(&self, extent: Extent) -> Vec<u64> {
        let mut key = vec![self.moves.into(), self.copies.into()];
        key.extend(self.waiting.map(|w| w.map_or(0, u64::from)));
        if extent.patience != Patience::Moves {
            key.push(self.told.map_or(9, |p| p as u64));
        }
        for (place, rows) in self.rows.iter().enumerate() {
            for home in rows.homes.values() {
                let authorized = u64::from(home.authorization.is_some());
                key.extend([101, home.counter, home.ended, authorized]);
                for stay in &home.stays {
                    // A stay's procedure counts for as long as its request may come again.
                    let (at, n) = (index(&stay.system), number_of(stay.procedure));
                    let asked = self.net.contains(&Packet::Ask(at, n));
                    let n = if asked { n.into() } else { 0 };
                    let phase = stay.phase as u64;
                    key.extend([102, at as u64, stay.number, stay.oldest, n, phase]);
                }
            }
            for visitor in rows.visitors.values() {
                let migrated = u64::from(visitor.phase == VisitorPhase::Migrated);
                key.extend([103, visitor.number.unwrap_or(0), migrated]);
            }
            for row in rows.outbox.values() {
                let done = self.net.contains(&Packet::Done(place, row.id));
                key.extend([104, u64::from(done)]);
                key.extend(content(row));
            }
            key.push(105);
        }
        for packet in &self.net {
            match packet {
                Packet::Ask(place, n) => key.extend([106, *place as u64, u64::from(*n)]),
                Packet::Copy(from, id) => key.extend(content(self.copy(*from, *id))),
                Packet::Done(..) => {}
            }
        }
        key
    }
}

/// What a row says, whatever its id: kind, receiver, number, procedure.
pub fn content(row: &OutboxRow) -> [u64; 4] {
    let kind = match row.row.notice {
        Notice::AuthorizationResponse { .. } => 1,
        Notice::UserAuthorization { .. } => 2,
        Notice::Deauthorization { .. } => 3,
    };
    let number = row.row.notice.number().unwrap_or(0);
    [
        kind,
        index(&row.row.to) as u64,
        number,
        number_of(row.row.procedure).into(),
    ]
}
