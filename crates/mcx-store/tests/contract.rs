//! What every store promises, asked of every store: what a command does is decided by `apply`
//! alone, and a store is nothing but rows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use common::{
    Folder, allow, apply, at, authorization, end, id, map, procedure, returns, snapshot, system,
    user,
};
use mcx::state::{Command, Notice, OutboxPage, OutboxRow, Parked, UserKey, Verdict, VisitorPhase};
use mcx::{Random, Service, Timestamp};
use mcx_store::{MemoryStore, Store};

/// How many mappings were removed.
fn purged(verdict: &Verdict) -> usize {
    match verdict {
        Verdict::Expired { purged, .. } => *purged,
        other => panic!("{other:?}"),
    }
}

/// Runs a contract for each store.
macro_rules! contract {
    ($($(#[$meta:meta])* fn $name:ident($store:ident) $body:block)*) => {$(
        mod $name {
            use super::*;

            fn holds($store: &impl Store) $body

            #[test]
            $(#[$meta])*
            fn memory() {
                holds(&MemoryStore::default());
            }

            #[test]
            $(#[$meta])*
            fn sqlite() {
                holds(&Folder::new().open());
            }
        }
    )*};
}

contract! {
    fn an_empty_batch_does_nothing(store) {
        assert_eq!(apply(store, vec![]).unwrap(), vec![]);
        assert_eq!(snapshot(store), mcx_store::Snapshot::default());
    }

    fn what_is_owed_is_told_by_partner_what_is_parked_apart(store) {
        assert_eq!(store.owed().unwrap(), vec![]);
        // Each answer is owed to the system that asked.
        let batch = vec![allow(user(1), "b", 1), allow(user(2), "b", 2), allow(user(3), "c", 3)];
        let outcomes = apply(store, batch).unwrap();
        let first = outcomes[0].appended[0].clone();
        let parked = Parked { status: 403, text: "no".into(), since: at(5) };
        apply(store, vec![Command::OutboxPark { id: first.id, parked }]).unwrap();
        let second = outcomes[1].appended[0].row.created;
        let owed: Vec<_> = store.owed().unwrap().into_iter()
            .map(|owed| (owed.to, owed.waiting, owed.oldest, owed.parked))
            .collect();
        let third = outcomes[2].appended[0].row.created;
        assert_eq!(owed, [
            (system("b"), 1, Some(second), 1),
            (system("c"), 1, Some(third), 0),
        ]);
    }

    fn a_page_holds_what_waits_for_one_partner(store) {
        let batch = (0..12).map(|n| allow(user(u64::from(n)), if n % 3 == 0 { "c" } else { "b" }, n)).collect();
        let rows: Vec<_> = apply(store, batch).unwrap().into_iter().flat_map(|o| o.appended).collect();
        let parked = Parked { status: 403, text: "no".into(), since: at(5) };
        let done = Command::OutboxDone { id: rows[4].id };
        apply(store, vec![Command::OutboxPark { id: rows[2].id, parked }, done]).unwrap();
        let (first, last) = (rows[0].id, rows[11].id);
        let page = |to, after, until, limit| {
            let page = OutboxPage { to: system(to), after, until, limit };
            let found = store.outbox_page(&page).unwrap();
            let place = |row: &OutboxRow| rows.iter().position(|r| r == row).expect("as it was appended");
            found.iter().map(place).collect::<Vec<_>>()
        };
        assert_eq!(page("b", 0, last, 100), [1, 5, 7, 8, 10, 11]);
        assert_eq!(page("b", 0, last, 3), [1, 5, 7]);
        assert_eq!(page("b", rows[7].id, last, 3), [8, 10, 11]);
        assert_eq!(page("b", rows[1].id, rows[8].id, 100), [5, 7, 8]);
        assert_eq!(page("c", 0, u64::MAX, 100), [0, 3, 6, 9]);
        assert!(page("b", last, last, 100).is_empty());
        assert!(page("b", u64::MAX, u64::MAX, 100).is_empty());
        assert!(page("b", last, first, 100).is_empty(), "backwards");
        assert!(page("b", 0, last, 0).is_empty());
        assert!(page("nobody", 0, last, 100).is_empty());
        apply(store, vec![Command::OutboxRelease { id: rows[2].id, at: at(7) }]).unwrap();
        let released = store.outbox_page(&OutboxPage { to: system("b"), after: first, until: last, limit: 2 });
        let released: Vec<_> = released.unwrap().into_iter().map(|row| (row.id, row.parked)).collect();
        assert_eq!(released, [(rows[1].id, None), (rows[2].id, None)]);
    }

    fn outcomes_come_in_the_order_of_the_commands(store) {
        let batch = vec![allow(user(1), "b", 1), allow(user(1), "c", 2), returns(user(1), 3)];
        let verdicts: Vec<_> = apply(store, batch).unwrap().into_iter().map(|o| o.verdict).collect();
        let ended = vec![(system("b"), 1), (system("c"), 2)];
        assert_eq!(verdicts, [
            Verdict::Allowed { number: 1 },
            Verdict::Allowed { number: 2 },
            Verdict::Authorized { ended },
        ]);
    }

    fn rows_that_were_appended_are_those_of_the_outbox(store) {
        let outcomes = apply(store, vec![allow(user(1), "b", 1), returns(user(1), 2)]).unwrap();
        let appended: Vec<_> = outcomes.into_iter().flat_map(|o| o.appended).collect();
        assert_eq!(appended.len(), 2);
        assert_eq!(store.outbox().unwrap(), appended);
        assert_eq!(appended[0].next_at, appended[0].row.created);
        assert_eq!((appended[0].attempts, &appended[0].parked), (0, &None));
    }

    fn ids_of_rows_are_never_used_again(store) {
        assert_eq!(store.last_outbox_id(), Ok(0));
        let first = apply(store, vec![allow(user(1), "b", 1)]).unwrap().remove(0).appended.remove(0);
        apply(store, vec![Command::OutboxDone { id: first.id }]).unwrap();
        let second = apply(store, vec![allow(user(1), "b", 2)]).unwrap().remove(0).appended.remove(0);
        assert!(second.id > first.id);
        assert_eq!(store.last_outbox_id(), Ok(second.id));
        apply(store, vec![Command::OutboxDone { id: second.id }]).unwrap();
        assert_eq!(store.last_outbox_id(), Ok(second.id), "though it is gone");
    }

    fn retries_and_parking_are_kept(store) {
        let row = apply(store, vec![allow(user(1), "b", 1)]).unwrap().remove(0).appended.remove(0);
        let parked = Parked {
            status: 403,
            text: "179 'quoted' \"text\" \u{20ac} \u{1f6a8} \0 end".into(),
            since: at(7),
        };
        apply(store, vec![
            Command::OutboxRetry { id: row.id, attempts: u32::MAX, next_at: at(9), failure: "no answer".into() },
            Command::OutboxPark { id: row.id, parked: parked.clone() },
            Command::OutboxRetry { id: 999, attempts: 1, next_at: at(9), failure: String::new() },
            Command::OutboxDone { id: 998 },
        ]).unwrap();
        let [kept] = store.outbox().unwrap().try_into().unwrap();
        assert_eq!((kept.attempts, kept.next_at), (u32::MAX, at(9)));
        assert_eq!(kept.failure.as_deref(), Some("no answer"));
        assert_eq!(kept.parked, Some(parked));
        assert_eq!(kept.row, row.row);
    }

    fn numbers_and_times_of_any_size_are_kept(store) {
        for (n, number) in [0, 1, (1 << 53) + 1, i64::MAX as u64, 1 << 63, u64::MAX].into_iter().enumerate() {
            let key = user(n as u64);
            apply(store, vec![map(key.clone(), Some(number)), end(key.clone(), Some(number), at(6))]).unwrap();
            let (_, visitor) = snapshot(store).visitors.into_iter().find(|(k, _)| *k == key).unwrap();
            assert_eq!(visitor.number, Some(number));
            let owed = snapshot(store).outbox.into_iter().find(|r| r.row.key == key).unwrap();
            assert_eq!(owed.row.notice.number(), Some(number));
            // Still the greatest there is.
            let older = apply(store, vec![end(key, Some(number.saturating_sub(1)), at(6))]).unwrap();
            assert!(number == 0 || older[0].verdict == Verdict::Stale);
        }
    }

    fn retention_for_ever_is_for_ever(store) {
        for purge_at in [u64::MAX, 1 << 63] {
            let key = user(purge_at);
            apply(store, vec![map(key.clone(), Some(1)), end(key, Some(1), Timestamp(purge_at))]).unwrap();
        }
        let purge = Command::Expire { at: at(1_000_000_000), limit: 500 };
        assert_eq!(purged(&apply(store, vec![purge]).unwrap()[0].verdict), 0);
        let kept: Vec<_> = snapshot(store).visitors.into_iter().map(|(_, v)| v.phase).collect();
        assert!(kept.contains(&VisitorPhase::WasMigrated { since: at(5), purge_at: Timestamp(u64::MAX) }));
        assert_eq!(kept.len(), 2);
    }

    fn events_are_read_from_where_one_stopped(store) {
        let told = Arc::new(AtomicU64::new(0));
        let newest = told.clone();
        store.on_event(Box::new(move |seq| newest.store(seq, Ordering::SeqCst)));
        apply(store, vec![map(user(0), Some(1))]).unwrap();
        assert_eq!(told.load(Ordering::SeqCst), 0, "no event");
        for n in 0..5 {
            apply(store, vec![map(user(n), Some(1)), end(user(n), Some(1), at(60))]).unwrap();
            assert_eq!(told.load(Ordering::SeqCst), n + 1, "told when the change is durable");
        }
        let seqs = |after, limit| -> Vec<u64> {
            store.events(after, limit).unwrap().into_iter().map(|e| e.seq).collect()
        };
        assert_eq!(seqs(0, usize::MAX), [1, 2, 3, 4, 5]);
        assert_eq!(seqs(2, 2), [3, 4]);
        assert!(seqs(5, 10).is_empty());
        assert!(seqs(u64::MAX, 10).is_empty());
        let event = store.events(4, 1).unwrap().remove(0).event;
        assert_eq!((event.key, event.number, event.at), (user(4), Some(1), at(5)));
        assert_eq!(store.delivered("webhook").unwrap(), None);
        apply(store, vec![Command::EventSinks { names: vec!["webhook".into()] }]).unwrap();
        assert_eq!(store.delivered("webhook").unwrap(), Some(0));
        let delivered = Command::EventsDelivered { sink: "webhook".into(), seq: 5 };
        let some = Command::TrimEvents { keep: 1, limit: 2 };
        let trimmed = apply(store, vec![delivered.clone(), some]).unwrap().remove(1);
        assert_eq!(trimmed.verdict, Verdict::Trimmed(2));
        assert_eq!(seqs(0, 10), [3, 4, 5], "the oldest, and no more than the limit");
        apply(store, vec![delivered, Command::TrimEvents { keep: 0, limit: usize::MAX }]).unwrap();
        assert_eq!(store.delivered("webhook").unwrap(), Some(5));
        assert!(seqs(0, 10).is_empty());
        // A number is given once, also when all events are gone.
        apply(store, vec![map(user(9), Some(1)), end(user(9), Some(1), at(60))]).unwrap();
        assert_eq!(seqs(0, 10), [6]);
    }

    fn rows_are_read_page_by_page(store) {
        for n in 0..7 {
            let service = Service::ALL[n as usize % 3];
            let key = UserKey { service, ..user(n) };
            apply(store, vec![allow(key.clone(), "b", 1), map(key, Some(1))]).unwrap();
        }
        let all = snapshot(store);
        let (mut homes, mut visitors, mut after) = (Vec::new(), Vec::new(), None);
        loop {
            let page = store.homes(after.as_ref(), 3).unwrap();
            assert!(page.len() <= 3);
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            homes.extend(page);
        }
        after = None;
        loop {
            let page = store.visitors(after.as_ref(), 3).unwrap();
            assert!(page.len() <= 3);
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            visitors.extend(page);
        }
        homes.sort_by(|a, b| a.0.cmp(&b.0));
        visitors.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!((homes.len(), homes), (7, all.homes));
        assert_eq!((visitors.len(), visitors), (7, all.visitors));
        let first = store.outbox_after(0, 5).unwrap();
        let rest = store.outbox_after(first.last().unwrap().id, 100).unwrap();
        assert_eq!([first, rest].concat(), all.outbox);
        assert!(store.outbox_after(u64::MAX, 5).unwrap().is_empty());
    }

    fn purging_takes_what_is_due_and_no_more_than_its_limit(store) {
        for n in 0..10 {
            apply(store, vec![map(user(n), Some(1)), end(user(n), Some(1), at(10 + n))]).unwrap();
        }
        apply(store, vec![map(user(99), Some(1))]).unwrap();
        let purge = |seconds, limit| {
            let command = Command::Expire { at: at(seconds), limit };
            let verdict = apply(store, vec![command]).unwrap().remove(0).verdict;
            (purged(&verdict), snapshot(store).visitors.len())
        };
        assert_eq!(purge(9, 100), (0, 11));
        assert_eq!(purge(10, 100), (1, 10));
        assert_eq!(purge(100, 0), (0, 10));
        assert_eq!(purge(100, 4), (4, 6));
        assert_eq!(purge(100, usize::MAX), (5, 1));
        assert_eq!(purge(1_000_000, usize::MAX), (0, 1));
    }

    fn texts_of_any_kind_are_kept(store) {
        let key = UserKey {
            service: Service::McData,
            primary_id: id("sip:%3C'a&b'%22;x?/$,=+!*()@[2001:db8::1]"),
        };
        let Command::AllowMigration { at, expires, partner_id, .. } = allow(user(1), "b", 1) else {
            unreachable!();
        };
        let command = Command::AllowMigration {
            key: key.clone(),
            system: system("b"),
            partner_id,
            procedure: procedure(1),
            in_reply_to: "'; DROP TABLE outbox; --\u{20ac}\"\\".into(),
            at,
            expires,
        };
        apply(store, vec![command]).unwrap();
        let stored = snapshot(store);
        assert_eq!(stored.homes[0].0, key);
        let Notice::AuthorizationResponse { in_reply_to, .. } = &stored.outbox[0].row.notice else {
            panic!("a response is owed");
        };
        assert_eq!(in_reply_to, "'; DROP TABLE outbox; --\u{20ac}\"\\");
    }

    fn services_are_apart(store) {
        for service in Service::ALL {
            let key = UserKey { service, ..user(1) };
            apply(store, vec![map(key.clone(), Some(1)), allow(key, "b", 1)]).unwrap();
        }
        let key = UserKey { service: Service::McVideo, ..user(1) };
        apply(store, vec![end(key.clone(), Some(1), at(9))]).unwrap();
        for (of, visitor) in snapshot(store).visitors {
            assert_eq!(visitor.phase == VisitorPhase::Migrated, of != key);
        }
        assert_eq!(snapshot(store).homes.len(), 3);
    }

    fn authorizations_are_kept_whole(store) {
        let publish = |tag: &str, if_match: Option<&str>| Command::AuthorizeHome {
            key: user(1),
            authorization: authorization(Some(tag)),
            if_match: if_match.map(str::to_owned),
            heard: None,
            procedure: procedure(1),
            at: at(0),
        };
        apply(store, vec![publish("t1", None), map(user(1), Some(1))]).unwrap();
        let wrong = apply(store, vec![publish("t3", Some("t2"))]).unwrap();
        assert_eq!(wrong[0].verdict, Verdict::NoSuchEntityTag);
        apply(store, vec![publish("t2", Some("t1"))]).unwrap();
        let stored = snapshot(store);
        assert_eq!(stored.homes[0].1.authorization, Some(authorization(Some("t2"))));
        assert_eq!(stored.visitors[0].1.authorization, Some(authorization(Some("t1"))));
        apply(store, vec![
            Command::EndHomeAuthorization {
                key: user(1),
                if_match: None,
                at: at(1),
            },
            Command::EndVisitorAuthorization {
                key: user(1),
                partner_id: common::id("sip:guest@b.mcx.example"),
                if_match: None,
                at: at(1),
            },
        ]).unwrap();
        assert_eq!(snapshot(store).homes[0].1.authorization, None);
        assert_eq!(snapshot(store).visitors[0].1.authorization, None);
    }
}

/// Ids of rows grow and mean nothing else: each store has its own.
#[derive(Default)]
struct Ids(HashMap<u64, u64>);

impl Ids {
    /// The same rows under the first store's ids.
    fn same(&self, mut rows: Vec<OutboxRow>) -> Vec<OutboxRow> {
        for row in &mut rows {
            row.id = self.0[&row.id];
        }
        rows
    }

    /// The command under the second store's ids.
    fn there(&self, mut command: Command) -> Command {
        if let Command::OutboxDone { id }
        | Command::OutboxRetry { id, .. }
        | Command::OutboxPark { id, .. }
        | Command::OutboxRelease { id, .. }
        | Command::OutboxDrop { id } = &mut command
        {
            let there = self.0.iter().find(|(_, first)| *first == id);
            *id = there.map_or(u64::MAX, |(second, _)| *second);
        }
        command
    }
}

/// Both stores through the same life, compared at every step.
#[test]
fn a_random_life_is_the_same_in_both_stores() {
    for seed in 1..=2 {
        let (memory, folder) = (MemoryStore::default(), Folder::new());
        let sqlite = folder.open();
        let mut random = Random::new([seed; 32]);
        let mut ids = Ids::default();
        let mut commands = 0;
        while commands < 1000 {
            let rows = memory.outbox().unwrap();
            let length = 1 + random.below(6);
            let batch: Vec<_> = (0..length)
                .map(|_| common::random::command(&mut random, &rows))
                .collect();
            commands += batch.len();
            let there = batch.iter().map(|c| ids.there(c.clone())).collect();
            let first = apply(&memory, batch.clone()).unwrap();
            let second = apply(&sqlite, there).unwrap();
            for (one, other) in first.into_iter().zip(second) {
                assert_eq!(other.verdict, one.verdict, "seed {seed}: {batch:?}");
                assert_eq!(other.appended.len(), one.appended.len());
                for (row, twin) in one.appended.iter().zip(&other.appended) {
                    ids.0.insert(twin.id, row.id);
                }
                assert_eq!(ids.same(other.appended), one.appended);
                assert_eq!(other.events, one.events);
            }
            let (mine, mut theirs) = (snapshot(&memory), snapshot(&sqlite));
            theirs.outbox = ids.same(theirs.outbox);
            assert_eq!(theirs, mine, "seed {seed}: {batch:?}");
            let events = |store: &dyn Store| store.events(0, usize::MAX).unwrap();
            assert_eq!(events(&sqlite), events(&memory), "seed {seed}: {batch:?}");
            for sink in ["file", "webhook", "all"] {
                assert_eq!(sqlite.delivered(sink), memory.delivered(sink));
            }
        }
        let stored = snapshot(&memory);
        assert!(!stored.homes.is_empty() && !stored.visitors.is_empty());
        assert!(!stored.outbox.is_empty());
        drop(sqlite);
        let mut reopened = snapshot(&folder.open());
        reopened.outbox = ids.same(reopened.outbox);
        assert_eq!(reopened, stored);
    }
}
