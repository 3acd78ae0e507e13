//! Watches: an operator switches them on and off while the node runs; each copies what matches, and what belongs to it from then
//! on, into files of its own until its time is over. They do not outlive the process.

mod files;
mod requirements;
mod wish;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mcx::marking::{self, Watched};
use mcx::{McId, System};
use serde::{Deserialize, Serialize};
use sip_trace::Reader;
use sip_trace::watch::Watch;
use tracing::{info, warn};

use crate::clock;
use files::Files;
pub use wish::Wish;
pub(crate) use wish::is_uri;

/// Most watches that run at once: each looks at every record in a thread of its own.
pub const MOST_RUNNING: usize = 8;
/// Most watches that ended and are still listed.
const MOST_ENDED: usize = 16;
/// The id of the watch that keeps what is marked to be logged.
const OWN: u64 = 0;
/// Why there can be none.
const NO_FOLDER: &str = "there is no folder for watches: write watches = \"FOLDER\" into [trace]";
/// How long a watch waits for records before it looks whether it is to end.
const PATIENCE: Duration = Duration::from_millis(100);

/// The watches of a node.
pub struct Watches {
    node: String,
    reader: Reader,
    /// Whose requests are marked to be logged (RFC 8497).
    watched: Watched,
    place: Mutex<Place>,
    state: Mutex<State>,
}

/// What the configuration says.
#[derive(Clone)]
struct Place {
    /// Where files go; `None` where there may be none.
    folder: Option<PathBuf>,
    partners: Vec<System>,
}

#[derive(Default)]
struct State {
    last: u64,
    /// In the order of their ids.
    all: Vec<Running>,
}

/// A watch and what became of it.
struct Running {
    id: u64,
    looks_for: Vec<String>,
    until_ms: Option<u64>,
    size_mib: u64,
    files: PathBuf,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What a watch's thread tells, and is told.
#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    records: AtomicU64,
    lost: AtomicU64,
    ended: Mutex<Option<String>>,
}

/// A watch as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchLine {
    /// Its id, from 1 at each start of the node; 0 is the node's own, for what is marked to be logged (RFC 8497).
    pub id: u64,
    /// What it looks for; users are not named.
    pub looks_for: Vec<String>,
    /// When it ends, in ms since the Unix epoch; with the node where nothing is said.
    pub until_ms: Option<u64>,
    /// Most that its files hold, in MiB.
    pub size_mib: u64,
    /// How many records it copied.
    pub records: u64,
    /// How many records went by before it came to them.
    pub lost: u64,
    /// How its files begin: `-1.ndjson` and so on follow.
    pub files: PathBuf,
    /// Why it ended, if it did.
    pub ended: Option<String>,
}

impl Watches {
    /// None yet. Files go to `folder`, which is made when it is needed, and there are no watches without one; they look at what
    /// `reader` reads.
    #[must_use]
    pub fn new(folder: Option<PathBuf>, node: &str, reader: Reader, partners: Vec<System>) -> Self {
        Self {
            node: node.to_owned(),
            reader,
            watched: Watched::default(),
            place: Mutex::new(Place { folder, partners }),
            state: Mutex::default(),
        }
    }

    /// The same, which says here whose requests are to be marked.
    #[must_use]
    pub fn marking(mut self, watched: Watched) -> Self {
        self.watched = watched;
        self
    }

    /// Begins to keep what trusted partners, or this node, marked to be logged, where there is a folder: as long as the node
    /// runs, in files of its own, of which there are none before something is marked.
    pub fn keep_marked(&self) {
        let wish = Wish {
            verdict: Some(marking::MARKED.into()),
            requirement: Some(marking::REQUIREMENT.into()),
            ..Wish::default()
        };
        if self.place().folder.is_none() {
            return;
        }
        let mut state = self.lock();
        let keeps = |watch: &Running| watch.id == OWN && watch.ended().is_none();
        if !state.all.iter().any(keeps)
            && let Err(error) = self.begin(&mut state, wish, None)
        {
            warn!(error, "what is marked to be logged is not kept");
        }
    }

    /// Where files of later watches go, and which partners these may name.
    pub fn change(&self, folder: Option<PathBuf>, partners: Vec<System>) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = Place { folder, partners };
        self.keep_marked();
    }

    fn place(&self) -> Place {
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        place.clone()
    }

    /// Begins one; says what it is called and where its files are.
    ///
    /// # Errors
    /// It makes no sense, there are enough, or its files cannot be written.
    pub fn add(&self, wish: Wish, by: &str) -> Result<String, String> {
        let (kinds, (lasts, size_mib)) = (wish.kinds().join(", "), wish.bounds()?);
        let mut state = self.lock();
        let ordered = |watch: &&Running| watch.until_ms.is_some() && watch.ended().is_none();
        let running = state.all.iter().filter(ordered).count();
        if running >= MOST_RUNNING {
            return Err(format!(
                "{MOST_RUNNING} watches run already: stop one of them"
            ));
        }
        let seconds = lasts.as_secs();
        let (id, begin) = self.begin(&mut state, wish, Some(lasts))?;
        info!(
            watch = id,
            kinds, seconds, size_mib, "a watch begins; ordered by {by}"
        );
        while state.all.len() > MOST_RUNNING + MOST_ENDED {
            let Some(at) = state.all.iter().position(|w| w.ended().is_some()) else {
                break;
            };
            state.all.remove(at);
        }
        Ok(format!("watch {id} writes {}-*.ndjson", begin.display()))
    }

    /// Begins one, for a time or for as long as the node runs; gives its id and how its files begin.
    fn begin(
        &self,
        state: &mut State,
        wish: Wish,
        lasts: Option<Duration>,
    ) -> Result<(u64, PathBuf), String> {
        let Place { folder, partners } = self.place();
        let folder = folder.ok_or(NO_FOLDER)?;
        let selection = wish.selection(&partners)?;
        let (_, size_mib) = wish.bounds()?;
        // Its requests are marked by one id alone: what else goes by the name of a user has none.
        let user = wish.user.as_deref().and_then(|user| McId::parse(user).ok());
        let id = lasts.map_or(OWN, |_| state.last + 1);
        let now = clock::wall_us() / 1000;
        let begin = folder.join(format!("{}-{now}-watch-{id}", self.node));
        let cannot = |error: std::io::Error| format!("{}: {error}", folder.display());
        files::make_room(&folder, &self.node, &running(state)).map_err(cannot)?;
        let most = size_mib * 1024 * 1024;
        // Who orders a watch is to hear that it cannot write.
        let mut files = match lasts {
            Some(_) => Files::create(&begin, most).map_err(cannot)?,
            None => Files::later(&begin, most),
        };
        let mut reader = self.reader.clone();
        if !wish.past {
            reader.skip_to_end();
        }
        let shared = Arc::new(Shared::default());
        let of_thread = shared.clone();
        let ends = lasts.map(|lasts| Instant::now() + lasts);
        let watched = self.watched.clone();
        if let Some(user) = user {
            watched.begin(id, user);
        }
        let thread = std::thread::Builder::new().name("mcx-watch".into());
        let thread = thread.spawn(move || {
            let watch = Watch::new(selection);
            let why = copy(watch, &mut reader, &mut files, &of_thread, ends);
            watched.end(id);
            info!(watch = id, why, "a watch ended");
            *of_thread.lock() = Some(why);
        });
        let thread = thread.map_err(|error| {
            self.watched.end(id);
            error.to_string()
        })?;
        state.last = state.last.max(id);
        state.all.push(Running {
            id,
            looks_for: wish.words(),
            until_ms: lasts.map(|lasts| now + lasts.as_secs() * 1000),
            size_mib,
            files: begin.clone(),
            shared,
            thread: Some(thread),
        });
        Ok((id, begin))
    }

    /// All that run, and the last ones that ended.
    #[must_use]
    pub fn list(&self) -> Vec<WatchLine> {
        self.lock().all.iter().map(Running::line).collect()
    }

    /// Ends one; its files are whole when this returns.
    ///
    /// # Errors
    /// There is no such watch, or it ended.
    pub fn end(&self, id: u64, by: &str) -> Result<String, String> {
        if id == OWN {
            return Err("watch 0 is the node's own".into());
        }
        let mut state = self.lock();
        let watch = state.all.iter_mut().find(|watch| watch.id == id);
        let watch = watch.ok_or_else(|| format!("there is no watch {id}"))?;
        if let Some(why) = watch.ended() {
            return Err(format!("watch {id} ended: {why}"));
        }
        info!(watch = id, "a watch is stopped; ordered by {by}");
        watch.shared.stop.store(true, Ordering::Relaxed);
        let thread = watch.thread.take();
        drop(state);
        if let Some(thread) = thread {
            let _ = thread.join();
        }
        Ok(format!("watch {id} is stopped"))
    }

    /// Ends all of them, with what was recorded so far.
    pub fn end_all(&self) {
        let mut state = self.lock();
        for watch in &state.all {
            watch.shared.stop.store(true, Ordering::Relaxed);
        }
        let threads: Vec<_> = state
            .all
            .iter_mut()
            .filter_map(|w| w.thread.take())
            .collect();
        drop(state);
        for thread in threads {
            let _ = thread.join();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn ended(&self) -> Option<String> {
        self.shared.lock().clone()
    }

    fn line(&self) -> WatchLine {
        WatchLine {
            id: self.id,
            looks_for: self.looks_for.clone(),
            until_ms: self.until_ms,
            size_mib: self.size_mib,
            records: self.shared.records.load(Ordering::Relaxed),
            lost: self.shared.lost.load(Ordering::Relaxed),
            files: self.files.clone(),
            ended: self.ended(),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the files of those begin that still write.
fn running(state: &State) -> Vec<PathBuf> {
    let running = state.all.iter().filter(|watch| watch.ended().is_none());
    running.map(|watch| watch.files.clone()).collect()
}

/// Copies until it is to end; says why it ended.
fn copy(
    mut watch: Watch,
    reader: &mut Reader,
    files: &mut Files,
    shared: &Shared,
    ends: Option<Instant>,
) -> String {
    // Once it is told to end: where the records end that it still takes.
    let mut end = None;
    loop {
        if end.is_none() && shared.stop.load(Ordering::Relaxed) {
            end = Some(reader.end());
        }
        if end.is_some_and(|end| reader.next_seq() >= end) {
            return "stopped".into();
        }
        if ends.is_some_and(|ends| Instant::now() >= ends) {
            return "its time was over".into();
        }
        let records = reader.wait(PATIENCE);
        shared.lost.store(reader.missed(), Ordering::Relaxed);
        for record in records.iter().flat_map(|record| watch.take(record)) {
            if let Err(error) = files.write(&record) {
                warn!(%error, "a watch cannot write");
                return format!("its files cannot be written: {error}");
            }
            shared.records.fetch_add(1, Ordering::Relaxed);
        }
        if let Err(error) = files.flush() {
            warn!(%error, "a watch cannot write");
            return format!("its files cannot be written: {error}");
        }
        if records.is_empty() && reader.closed() {
            return "the node ended".into();
        }
    }
}
