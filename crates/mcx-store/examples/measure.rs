//! Measures the embedded store at sizes that no test has time for; docs/performance.md has what came out.
//!
//!     measure mappings FILE COUNT   fills FILE, if it is not there, with so many mappings, and looks some up
//!     measure in-order FILE COUNT   the same, filled in the order of the keys instead of one of chance
//!     measure purge FILE COUNT      removes so many mappings whose time is over, while others write
//!     measure outbox FILE COUNT     fills FILE with so many notifications that are owed to b.mcx.example, and a
//!                                   thousand to c.mcx.example
//!     measure commits FILE COUNT    so many de-authorizations of as many visitors, 256 at a time

#[path = "support/filling.rs"]
mod filling;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use filling::{Outcome, fill, wait};
use mcx::state::{Authorization, Command, UserKey, Verdict};
use mcx::{McId, ProcedureId, Service, SystemId, Timestamp};
use mcx_store::{Applied, SqliteStore, Store as _};

const NOW: Timestamp = Timestamp(1_700_000_000_000);
const FAR_FUTURE: Timestamp = Timestamp(4_000_000_000_000);

fn id(text: &str) -> Outcome<McId> {
    McId::parse(text).map_err(|why| format!("{text}: {why}").into())
}

/// Mappings like that of user 0, numbered from 1, added in the order of their numbers, or in one of chance if ?2 says so.
const ALIKE: &str = "
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?1)
    INSERT INTO visitor (service, primary_id, partner_id, number, procedure, since, authorized_until, registration)
    SELECT service, replace(primary_id, '00000000', printf('%08d', n)), replace(partner_id, '00000000', printf('%08d', n)),
        number, procedure, since, authorized_until, printf('%032x@192.0.2.1', n)
    FROM numbers, (SELECT * FROM visitor WHERE primary_id LIKE '%00000000%')
    ORDER BY CASE WHEN ?2 THEN random() ELSE n END";

/// The user of that number: ids as long as operators have them.
fn user(number: u64) -> Outcome<UserKey> {
    Ok(UserKey {
        service: Service::Mcptt,
        primary_id: id(&format!("sip:officer-{number:08}@a.mcx.example"))?,
    })
}

fn procedure(number: u64) -> ProcedureId {
    let mut random = [0; 10];
    for (to, from) in random.iter_mut().zip(number.to_le_bytes()) {
        *to = from;
    }
    ProcedureId::new(NOW, random)
}

fn mapping(number: u64) -> Outcome<Command> {
    Ok(Command::StoreMapping {
        heard: None,
        key: user(number)?,
        primary: SystemId::new("a.mcx.example"),
        partner_id: id(&format!("sip:visitor-{number:08}@b.mcx.example"))?,
        number: Some(1),
        procedure: procedure(number),
        authorization: Authorization {
            until: FAR_FUTURE,
            etag: None,
            registration: Some(format!("{number:032x}@192.0.2.1")),
        },
        at: NOW,
    })
}

fn end(number: u64) -> Outcome<Command> {
    Ok(Command::EndStay {
        key: user(number)?,
        partner_id: None,
        number: Some(1),
        procedure: Some(procedure(number)),
        at: NOW,
        stop_at: NOW,
        purge_at: NOW.after(Duration::from_secs(1)),
    })
}

fn percentiles(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| {
        let place = (times.len() as f64 * share) as usize;
        times.get(place.min(times.len().saturating_sub(1))).copied()
    };
    println!(
        "{what}: {} times, p50 {:?}, p99 {:?}, most {:?}",
        times.len(),
        at(0.5).unwrap_or_default(),
        at(0.99).unwrap_or_default(),
        at(1.0).unwrap_or_default()
    );
}

/// Resident memory now, as the system says it.
fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    line.unwrap_or("VmRSS unknown").replace('\t', " ")
}

fn mappings(file: &Path, count: u64, by_chance: bool) -> Outcome<()> {
    if !file.exists() {
        let store = SqliteStore::open(file)?;
        let begin = Instant::now();
        // The first as the store writes it, the others like it, as SQLite does that by itself: in a tenth of the time.
        fill(&store, 1, |n| {
            Ok(vec![mapping(n)?, Command::OutboxDone { id: n + 1 }])
        })?;
        drop(store);
        let behind = rusqlite::Connection::open(file)?;
        // Else each page is written many times.
        behind.execute_batch("PRAGMA cache_size = -8000000")?;
        let copied = behind.execute(ALIKE, (i64::try_from(count)?, by_chance))?;
        println!("{copied} added in {:.1?}", begin.elapsed());
    }
    let begin = Instant::now();
    let store = SqliteStore::open(file)?;
    println!("opened in {:.1?}", begin.elapsed());
    let mut dice = 1_u64;
    let mut times = Vec::new();
    for _ in 0..200_000 {
        dice = dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        // The next one after a key, which is finding a key and reading its row.
        let after = user((dice >> 33) % (count - 1))?;
        let begin = Instant::now();
        let found = store.visitors(Some(&after), 1)?;
        times.push(begin.elapsed());
        if found.len() != 1 {
            return Err("a mapping is missing".into());
        }
    }
    percentiles("look-up of a mapping at random", times);
    let bytes = std::fs::metadata(file)?.len();
    println!(
        "file {} MB, {:.0} bytes a mapping; {}",
        bytes / 1_000_000,
        bytes as f64 / count as f64,
        resident()
    );
    Ok(())
}

fn purge(file: &Path, count: u64) -> Outcome<()> {
    const OTHERS: u64 = 10_000;
    let store = Arc::new(SqliteStore::open(file)?);
    fill(&store, count + OTHERS, |n| Ok(vec![mapping(n)?]))?;
    fill(&store, count, |n| Ok(vec![end(n)?]))?;
    let over = Arc::new(AtomicBool::new(false));
    let others =
        move |store: Arc<SqliteStore>, over: Arc<AtomicBool>, most: usize| -> Vec<Duration> {
            let mut times = Vec::new();
            while !over.load(Ordering::Relaxed) && times.len() < most {
                let number = count + times.len() as u64 % OTHERS;
                let Ok(command) = mapping(number) else { break };
                let begin = Instant::now();
                if wait(store.apply(vec![command])).is_err() {
                    break;
                }
                times.push(begin.elapsed());
            }
            times
        };
    percentiles("a commit alone", others(store.clone(), over.clone(), 2000));
    let (of_thread, seen) = (store.clone(), over.clone());
    let thread = std::thread::spawn(move || others(of_thread, seen, usize::MAX));
    let begin = Instant::now();
    let mut batches = Vec::new();
    loop {
        let at = NOW.after(Duration::from_secs(2));
        let batch = vec![Command::Expire { at, limit: 500 }];
        let begin = Instant::now();
        let outcomes = wait(store.apply(batch))?;
        batches.push(begin.elapsed());
        let verdict = outcomes.first().map(|outcome| &outcome.verdict);
        if !matches!(verdict, Some(Verdict::Expired { purged: 500, .. })) {
            break;
        }
    }
    println!("{count} mappings purged in {:.1?}", begin.elapsed());
    over.store(true, Ordering::Relaxed);
    percentiles("a batch of 500", batches);
    if let Ok(times) = thread.join() {
        percentiles("a commit meanwhile", times);
    }
    Ok(())
}

fn outbox(file: &Path, count: u64) -> Outcome<()> {
    let store = SqliteStore::open(file)?;
    fill(&store, count + 1000, |n| {
        let system = if n < count { "b" } else { "c" };
        let allow = Command::AllowMigration {
            key: user(n)?,
            system: SystemId::new(&format!("{system}.mcx.example")),
            partner_id: id(&format!("sip:visitor-{n:08}@{system}.mcx.example"))?,
            procedure: procedure(n),
            in_reply_to: "measure".into(),
            at: NOW,
            expires: Timestamp(1),
        };
        let home = Command::AuthorizeHome {
            key: user(n)?,
            authorization: Authorization {
                until: FAR_FUTURE,
                etag: None,
                registration: None,
            },
            if_match: None,
            heard: None,
            procedure: procedure(n),
            at: NOW,
        };
        Ok(vec![allow, Command::OutboxDone { id: 2 * n + 1 }, home])
    })?;
    println!("{} rows", count + 1000);
    let begin = Instant::now();
    let rows = store.outbox()?;
    println!(
        "{} rows read in {:.1?}; {}",
        rows.len(),
        begin.elapsed(),
        resident()
    );
    Ok(())
}

fn commits(file: &Path, count: u64) -> Outcome<()> {
    const AT_ONCE: usize = 256;
    let store = SqliteStore::open(file)?;
    fill(&store, count, |n| {
        Ok(vec![mapping(n)?, Command::OutboxDone { id: n + 1 }])
    })?;
    let mut waiting: VecDeque<(Instant, Applied)> = VecDeque::new();
    let (begin, mut times) = (Instant::now(), Vec::new());
    for n in 0..count {
        waiting.push_back((Instant::now(), store.apply(vec![end(n)?])));
        if waiting.len() >= AT_ONCE
            && let Some((since, oldest)) = waiting.pop_front()
        {
            wait(oldest)?;
            times.push(since.elapsed());
        }
    }
    for (since, applied) in waiting {
        wait(applied)?;
        times.push(since.elapsed());
    }
    println!(
        "{:.0} a second",
        count as f64 / begin.elapsed().as_secs_f64()
    );
    percentiles("durable", times);
    Ok(())
}

fn main() -> Outcome<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [what, file, count] = arguments.as_slice() else {
        return Err("write: measure mappings|in-order|purge|outbox|commits FILE COUNT".into());
    };
    let (file, count) = (Path::new(file), count.parse()?);
    match what.as_str() {
        "mappings" => mappings(file, count, true),
        "in-order" => mappings(file, count, false),
        "purge" => purge(file, count),
        "outbox" => outbox(file, count),
        "commits" => commits(file, count),
        _ => Err("write: measure mappings|in-order|purge|outbox|commits FILE COUNT".into()),
    }
}
