//! Room at a socket for programs of this machine: how many are served at once, and who goes when there is none for one who comes.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Most who are served at once at one socket.
const MOST: usize = 128;
/// How long nobody goes for another who has just come, or was just answered: local programs ask at once.
const GRACE: Duration = Duration::from_millis(50);
/// Wait after a connection could not be taken, as when too many files are open.
const PAUSE: Duration = Duration::from_millis(100);

/// Waits until the node is to end.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Serves each connection that `accept` brings in a task of its own, until `stop` turns true; gives those that are served still.
/// One for whom there is no place waits until another ends or has to go.
pub async fn serve_each<S, F>(
    mut accept: impl FnMut(&mut Context<'_>) -> Poll<io::Result<S>>,
    stop: &mut watch::Receiver<bool>,
    mut serve: impl FnMut(S, Guest) -> F,
) -> JoinSet<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let room = Room::new(MOST, GRACE);
    let mut served = JoinSet::new();
    loop {
        let next = async {
            let stream = loop {
                match std::future::poll_fn(&mut accept).await {
                    Ok(stream) => break stream,
                    Err(_) => tokio::time::sleep(PAUSE).await,
                }
            };
            (stream, room.admit().await)
        };
        tokio::select! {
            (stream, (guest, has_to_go)) = next => {
                let serving = serve(stream, guest);
                served.spawn(async move {
                    tokio::select! {
                        () = serving => {}
                        () = has_to_go.when() => {}
                    }
                });
            }
            () = stopped(stop) => return served,
        }
        while served.try_join_next().is_some() {}
    }
}

/// Those who are served at a socket.
struct Room {
    most: usize,
    grace: Duration,
    guests: Mutex<Guests>,
    /// One has gone, or counts no more.
    less: Notify,
}

#[derive(Default)]
struct Guests {
    last: u64,
    all: BTreeMap<u64, Entry>,
}

struct Entry {
    standing: Standing,
    /// He has to go when this is dropped.
    _may_stay: oneshot::Sender<Infallible>,
}

/// How a guest stands; those who go first come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// He has asked nothing since then.
    Silent(Instant),
    /// He asked then, and is not answered yet.
    Asked(Instant),
    /// He does not go for another.
    Stays,
    /// He takes nobody's place.
    Apart,
}

/// One who is served, until this is dropped. At first he is silent: of those who are, the one who is so longest goes when there is no
/// room; where nobody is, the one whose answer takes longest.
pub struct Guest {
    room: Arc<Room>,
    number: u64,
}

/// When one who is served has to go for another.
struct HasToGo(oneshot::Receiver<Infallible>);

impl HasToGo {
    async fn when(self) {
        let _ = self.0.await;
    }
}

impl Room {
    fn new(most: usize, grace: Duration) -> Arc<Self> {
        Arc::new(Self {
            most,
            grace,
            guests: Mutex::default(),
            less: Notify::new(),
        })
    }

    fn guests(&self) -> MutexGuard<'_, Guests> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one in, as soon as there is a place. Only one may wait at once.
    async fn admit(self: &Arc<Self>) -> (Guest, HasToGo) {
        while let Err(until) = self.make_room() {
            let grace_ends = async {
                match until {
                    Some(until) => tokio::time::sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = grace_ends => {}
                () = self.less.notified() => {}
            }
        }
        let (may_stay, has_to_go) = oneshot::channel();
        let mut guests = self.guests();
        guests.last += 1;
        let number = guests.last;
        let entry = Entry {
            standing: Standing::Silent(Instant::now()),
            _may_stay: may_stay,
        };
        guests.all.insert(number, entry);
        let room = self.clone();
        (Guest { room, number }, HasToGo(has_to_go))
    }

    /// Has the one go who goes first, if there is no room; an error is when to look again, if the time alone can change anything.
    fn make_room(&self) -> Result<(), Option<Instant>> {
        let mut guests = self.guests();
        let standings = guests.all.iter().map(|(n, entry)| (entry.standing, *n));
        let counted = standings.filter(|(standing, _)| *standing != Standing::Apart);
        if counted.clone().count() < self.most {
            return Ok(());
        }
        match counted.min() {
            Some((Standing::Silent(since) | Standing::Asked(since), number)) => {
                let until = since + self.grace;
                if until > Instant::now() {
                    return Err(Some(until));
                }
                guests.all.remove(&number);
                Ok(())
            }
            _ => Err(None),
        }
    }
}

impl Guest {
    /// He has asked.
    pub fn asked(&self) {
        self.stands(Standing::Asked(Instant::now()));
    }

    /// He is answered, and may ask again.
    pub fn answered(&self) {
        self.stands(Standing::Silent(Instant::now()));
    }

    /// He does not go for another.
    pub fn stays(&self) {
        self.stands(Standing::Stays);
    }

    /// He does not go for another, and is not counted: of his kind there are few, by a bound of their own.
    pub fn is_apart(&self) {
        self.stands(Standing::Apart);
        self.room.less.notify_one();
    }

    fn stands(&self, standing: Standing) {
        if let Some(entry) = self.room.guests().all.get_mut(&self.number) {
            entry.standing = standing;
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.room.guests().all.remove(&self.number);
        self.room.less.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Taken = (Guest, HasToGo);

    /// Nothing that is waited for takes so long.
    const PATIENCE: Duration = Duration::from_secs(30);

    async fn one(room: &Arc<Room>) -> Taken {
        let admitted = tokio::time::timeout(PATIENCE, room.admit()).await;
        admitted.expect("there is room")
    }

    /// One for whom there is no room yet.
    async fn one_who_waits(room: &Arc<Room>) -> tokio::task::JoinHandle<Taken> {
        let room = room.clone();
        let waits = tokio::spawn(async move { one(&room).await });
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        waits
    }

    async fn some(room: &Arc<Room>, count: usize) -> Vec<Taken> {
        let mut taken = Vec::new();
        for _ in 0..count {
            taken.push(one(room).await);
        }
        taken
    }

    /// Those who have to go, by number.
    fn gone(taken: &mut [Taken]) -> Vec<usize> {
        let closed = |has_to_go: &mut HasToGo| {
            has_to_go.0.try_recv() == Err(oneshot::error::TryRecvError::Closed)
        };
        let all = taken.iter_mut().enumerate();
        let gone = all.filter_map(|(n, (_, has_to_go))| closed(has_to_go).then_some(n));
        gone.collect()
    }

    #[tokio::test]
    async fn the_longest_silent_goes_then_the_one_who_asked_first() {
        let room = Room::new(4, Duration::ZERO);
        let mut taken = some(&room, 4).await;
        taken[0].0.asked();
        taken[1].0.asked();
        taken[1].0.answered();
        taken[3].0.stays();
        let mut more = Vec::new();
        for expected in [vec![2], vec![1, 2], vec![0, 1, 2]] {
            let new = one(&room).await;
            new.0.stays();
            more.push(new);
            assert_eq!(gone(&mut taken), expected);
        }
        // All stay: who comes waits until one ends.
        let next = one_who_waits(&room).await;
        more.pop();
        next.await.unwrap();
        assert_eq!(gone(&mut more), [0_usize; 0]);
        assert_eq!(gone(&mut taken), [0, 1, 2]);
    }

    #[tokio::test]
    async fn who_is_apart_takes_no_place_and_keeps_his() {
        let room = Room::new(2, Duration::ZERO);
        let mut apart = some(&room, 2).await;
        apart.iter().for_each(|(guest, _)| guest.is_apart());
        let mut taken = some(&room, 2).await;
        assert_eq!(gone(&mut taken), [0_usize; 0]);
        let _one_more = one(&room).await;
        assert_eq!(gone(&mut taken), [0]);
        assert_eq!(gone(&mut apart), [0_usize; 0]);
    }

    #[tokio::test]
    async fn nobody_goes_who_has_just_come() {
        let room = Room::new(1, GRACE);
        let came = Instant::now();
        let mut first = some(&room, 1).await;
        let _second = one(&room).await;
        assert_eq!(gone(&mut first), [0]);
        assert!(came.elapsed() >= GRACE);
    }

    #[tokio::test]
    async fn a_place_that_is_left_is_free_at_once() {
        let room = Room::new(1, Duration::from_secs(3600));
        drop(one(&room).await);
        let (guest, _) = one(&room).await;
        guest.stays();
        let next = one_who_waits(&room).await;
        drop(guest);
        next.await.unwrap();
        assert!(room.guests().all.is_empty(), "nobody is left behind");
    }
}
