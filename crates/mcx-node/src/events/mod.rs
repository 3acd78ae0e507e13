//! Events of visiting users' services for other parts of the deployment: when the service stopped for a
//! user who left (P1.E1), and when his mapping was purged (P1.N2).
//!
//! The store keeps them, in one order, written with the change that they tell of. A file and webhooks get
//! them pushed; who asks at the socket gets them from wherever he stopped. Each has its own place in that
//! order, kept across restarts, so every event reaches each at least once and nobody waits for anybody else.

mod file;
mod line;
mod push;
mod socket;
mod webhook;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mcx::state::{Command, Event, Verdict};
use mcx_store::{Store, StoreError};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::warn;

use crate::local_socket;
use crate::room::stopped;
use push::push;
use webhook::Webhook;

/// Most events read from the store, or delivered, at once.
const BATCH: usize = 100;
/// Most events removed in one commit, for which others wait.
const MOST_TRIMMED: usize = 500;
/// How often events that all have are removed: what comes in this time is in the store beside those that are kept.
const TRIM: Duration = Duration::from_secs(60);

/// Who is told of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventsConfig {
    /// How many of the newest stay for those who ask at the socket, when all others have them.
    pub keep: u64,
    /// A file that they are appended to.
    pub file: Option<PathBuf>,
    /// A Unix socket at which they can be had.
    pub socket: Option<PathBuf>,
    /// Where they are posted.
    pub webhooks: Vec<WebhookConfig>,
}

impl Default for EventsConfig {
    fn default() -> Self {
        Self {
            keep: 100_000,
            file: None,
            socket: None,
            webhooks: Vec::new(),
        }
    }
}

/// Where events are posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookConfig {
    /// `http:` or `https:` URL.
    pub url: String,
    /// Root certificates that the server of an `https:` URL is checked with (PEM).
    pub roots: Option<PathBuf>,
}

impl WebhookConfig {
    /// Whether the URL can be understood and the root certificates be read.
    ///
    /// # Errors
    /// Says why not.
    pub fn check(&self) -> Result<(), String> {
        Webhook::new(self).map(drop)
    }
}

/// Why events cannot be told.
#[derive(Debug)]
pub enum EventsError {
    /// The socket.
    Socket(PathBuf, io::Error),
    /// A webhook.
    Webhook(String, String),
}

impl std::fmt::Display for EventsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Socket(path, why) => write!(f, "events socket {}: {why}", path.display()),
            Self::Webhook(url, why) => write!(f, "webhook {url}: {why}"),
        }
    }
}

/// Those who are told, ready to begin.
pub struct Events {
    keep: u64,
    file: Option<PathBuf>,
    socket: Option<local_socket::Listener>,
    webhooks: Vec<(String, Webhook)>,
}

impl Events {
    /// Binds the socket and reads the root certificates.
    ///
    /// # Errors
    /// Says which and why.
    pub fn prepare(config: EventsConfig) -> Result<Self, EventsError> {
        let mut webhooks = Vec::new();
        for hook in config.webhooks {
            let ready = Webhook::new(&hook);
            let ready = ready.map_err(|why| EventsError::Webhook(hook.url.clone(), why))?;
            webhooks.push((format!("webhook {}", hook.url), ready));
        }
        let socket = match config.socket {
            None => None,
            Some(path) => {
                let bound = local_socket::Listener::bind(&path);
                Some(bound.map_err(|why| EventsError::Socket(path, why))?)
            }
        };
        Ok(Self {
            keep: config.keep,
            file: config.file,
            socket,
            webhooks,
        })
    }

    /// Tells them, until `stop` turns true.
    pub fn start(self, store: &Arc<dyn Store>, stop: &watch::Receiver<bool>) -> JoinSet<()> {
        let (told, newest) = watch::channel(0);
        store.on_event(Box::new(move |seq| {
            told.send_replace(seq);
        }));
        let files = self.file.into_iter().map(|path| (FILE.to_owned(), path));
        let files: Vec<_> = files.collect();
        let names = files.iter().map(|(name, _)| name);
        let names = names.chain(self.webhooks.iter().map(|(name, _)| name));
        let names: Vec<String> = names.cloned().collect();
        // Taken before anything asks how far its sink has come.
        let configured = store.apply(vec![Command::EventSinks { names }]);
        let feed = Feed {
            store: store.clone(),
            newest,
            stop: stop.clone(),
        };
        let mut tasks = JoinSet::new();
        let keep = self.keep;
        let of_start = feed.clone();
        let (ready, begun) = watch::channel(false);
        tasks.spawn(async move {
            if let Err(error) = configured.await {
                warn!(%error, "the store knows nothing of the sinks of events: all are told from the oldest event");
            }
            ready.send_replace(true);
            trim(of_start, keep, TRIM).await;
        });
        for (name, path) in files {
            let sink = file::EventFile::new(path);
            tasks.spawn(push(name.clone(), name, sink, feed.clone(), begun.clone()));
        }
        for (name, hook) in self.webhooks {
            let label = format!("webhook {}", hook.label());
            tasks.spawn(push(name, label, hook, feed.clone(), begun.clone()));
        }
        if let Some(socket) = self.socket {
            tasks.spawn(socket::serve(socket, feed));
        }
        tasks
    }
}

/// Name of the sink that is a file.
const FILE: &str = "file";

/// Where events come from.
#[derive(Clone)]
struct Feed {
    store: Arc<dyn Store>,
    newest: watch::Receiver<u64>,
    stop: watch::Receiver<bool>,
}

impl Feed {
    /// The events after `seq`, at most [`BATCH`].
    async fn after(&self, seq: u64) -> Result<Vec<Event>, StoreError> {
        let store = self.store.clone();
        let read = tokio::task::spawn_blocking(move || store.events(seq, BATCH));
        read.await.unwrap_or(Err(StoreError::Closed))
    }

    /// The newest event that ever was.
    async fn newest(&self) -> Result<u64, StoreError> {
        let store = self.store.clone();
        let read = tokio::task::spawn_blocking(move || store.newest_event());
        read.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Waits until there may be newer ones; `false` when it is over.
    async fn more(&mut self) -> bool {
        tokio::select! {
            changed = self.newest.changed() => changed.is_ok(),
            () = stopped(&mut self.stop) => false,
        }
    }

    /// Waits; `false` when it is over.
    async fn wait(&mut self, wait: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(wait) => true,
            () = stopped(&mut self.stop) => false,
        }
    }
}

/// Removes, every so often, what all have.
async fn trim(mut feed: Feed, keep: u64, every: Duration) {
    loop {
        let limit = MOST_TRIMMED;
        let trimmed = feed
            .store
            .apply(vec![Command::TrimEvents { keep, limit }])
            .await;
        match trimmed.as_deref() {
            // Others have their turn between.
            Ok([outcome]) if outcome.verdict == Verdict::Trimmed(limit) && !*feed.stop.borrow() => {
                continue;
            }
            Ok(_) => {}
            Err(error) => warn!(%error, "events that all have could not be removed"),
        }
        if !feed.wait(every).await {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use mcx::state::{Authorization, UserKey};
    use mcx::{McId, ProcedureId, Service, SystemId, Timestamp};
    use mcx_store::MemoryStore;

    use super::*;

    const KEEP: u64 = 10;
    /// Nothing that is waited for takes so long.
    const PATIENCE: Duration = Duration::from_secs(30);

    /// A visitor comes and leaves so many times: an event each.
    async fn happen(store: &dyn Store, stays: std::ops::Range<u64>) {
        for stay in stays {
            let key = UserKey {
                service: Service::Mcptt,
                primary_id: McId::parse("sip:alice@a.mcx.example").expect("an id"),
            };
            let at = Timestamp(stay);
            let procedure = Some(ProcedureId::new(at, [7; 10]));
            let comes = Command::StoreMapping {
                heard: None,
                key: key.clone(),
                primary: SystemId::new("a.mcx.example"),
                partner_id: McId::parse("sip:visitor@b.mcx.example").expect("an id"),
                number: Some(stay),
                procedure: ProcedureId::new(at, [7; 10]),
                authorization: Authorization {
                    until: Timestamp(99_000),
                    etag: None,
                    registration: None,
                },
                at,
            };
            let leaves = Command::EndStay {
                key,
                partner_id: None,
                number: Some(stay),
                procedure,
                at,
                stop_at: at,
                purge_at: Timestamp(99_000),
            };
            store.apply(vec![comes, leaves]).await.expect("rows");
        }
    }

    /// Waits until no more than what is kept is there: the newest.
    async fn until_removed(store: &dyn Store, newest: u64) {
        let kept = async {
            loop {
                let events = store.events(0, usize::MAX).expect("rows");
                if events.len() <= usize::try_from(KEEP).expect("few") {
                    return events;
                }
                tokio::task::yield_now().await;
            }
        };
        let kept = tokio::time::timeout(PATIENCE, kept).await;
        let kept = kept.expect("they are removed");
        let kept: Vec<_> = kept.iter().map(|event| event.seq).collect();
        assert_eq!(kept, (newest + 1 - KEEP..=newest).collect::<Vec<_>>());
    }

    fn trimmed(store: &Arc<dyn Store>, every: Duration) -> (watch::Sender<bool>, JoinSet<()>) {
        let (stop, stopped) = watch::channel(false);
        let feed = Feed {
            store: store.clone(),
            newest: watch::channel(0).1,
            stop: stopped,
        };
        let mut task = JoinSet::new();
        task.spawn(trim(feed, KEEP, every));
        (stop, task)
    }

    #[tokio::test]
    async fn what_all_have_is_removed_again_and_again() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let (stop, task) = trimmed(&store, Duration::from_millis(1));
        for round in 0..3 {
            let (first, next) = (1 + round * 50, 1 + (round + 1) * 50);
            happen(&*store, first..next).await;
            until_removed(&*store, next - 1).await;
        }
        stop.send_replace(true);
        let ended = tokio::time::timeout(PATIENCE, task.join_all()).await;
        ended.expect("it ends with the node");
    }

    /// However much there is: others commit between, and nothing waits for the next time.
    #[tokio::test]
    async fn more_than_one_commit_may_remove_goes_at_one_time() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let count = u64::try_from(MOST_TRIMMED).expect("few") * 2 + KEEP + 1;
        happen(&*store, 1..count + 1).await;
        let (_stop, _task) = trimmed(&store, Duration::from_secs(3600));
        until_removed(&*store, count).await;
    }

    #[test]
    fn it_is_as_often_as_the_page_says() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/events.md");
        let page = std::fs::read_to_string(page).expect("the page");
        assert!(page.contains("older ones are removed once a minute"));
        assert_eq!(TRIM, Duration::from_secs(60));
    }
}
