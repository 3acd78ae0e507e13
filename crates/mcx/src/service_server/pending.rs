//! Clients' events that wait for the primary's response, one a user.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use super::authorization::{Event, User};
use crate::state::UserKey;
use crate::{RequestId, SystemId};

/// A client's event that waits for the primary's response.
#[derive(Debug)]
pub(super) struct PendingMigration {
    pub event: Event,
    pub user: User,
    pub primary: SystemId,
    /// When the client is told that the primary could not be reached in time.
    pub deadline: Instant,
}

/// All of them. Everybody waits equally long, so the oldest is the next to be given up.
#[derive(Debug, Default)]
pub(super) struct Pending {
    by_user: HashMap<UserKey, PendingMigration>,
    users: HashMap<RequestId, UserKey>,
    by_deadline: VecDeque<(Instant, RequestId)>,
}

impl Pending {
    pub fn len(&self) -> usize {
        self.by_user.len()
    }

    /// When the oldest is to be given up.
    pub fn deadline(&self) -> Option<Instant> {
        self.by_deadline.front().map(|(at, _)| *at)
    }

    /// Takes in an event, whose user must not have one here.
    pub fn insert(&mut self, pending: PendingMigration) {
        let (key, id) = (pending.user.key.clone(), pending.event.id);
        self.by_deadline.push_back((pending.deadline, id));
        self.users.insert(id, key.clone());
        self.by_user.insert(key, pending);
    }

    /// The event of a user.
    pub fn of(&self, key: &UserKey) -> Option<&PendingMigration> {
        self.by_user.get(key)
    }

    pub fn take(&mut self, event: RequestId) -> Option<PendingMigration> {
        let key = self.users.remove(&event)?;
        let taken = self.by_user.remove(&key);
        // Entries of events that are gone leave with the oldest.
        while let Some((_, id)) = self.by_deadline.front()
            && !self.users.contains_key(id)
        {
            self.by_deadline.pop_front();
        }
        taken
    }

    pub fn take_of(&mut self, key: &UserKey) -> Option<PendingMigration> {
        let event = self.by_user.get(key)?.event.id;
        self.take(event)
    }

    /// The oldest, if it is to be given up now.
    pub fn take_due(&mut self, now: Instant) -> Option<PendingMigration> {
        let (at, event) = *self.by_deadline.front()?;
        if at > now { None } else { self.take(event) }
    }
}
