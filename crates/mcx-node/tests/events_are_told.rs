//! Events reach a file, a socket and webhooks at least once, in order, and from where each stopped (P1.E1, P1.N2).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../../../sip-tests/src/lab/certificates.rs"]
mod certificates;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use certificates::Authority;
use mcx::state::{
    Authorization, Command, Event, Home, OutboxPage, OutboxRow, Owed, UserKey, Visitor,
};
use mcx::{McId, ProcedureId, Service, SystemId, Timestamp};
use mcx_node::events::{Events, EventsConfig, WebhookConfig};
use mcx_store::{Applied, MemoryStore, Snapshot, Store, StoreError, Told};
use serde_json::Value;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
    Lines,
};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Nothing that is waited for takes so long.
const PATIENCE: Duration = Duration::from_secs(30);

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let within = tokio::time::timeout(PATIENCE, future).await;
    within.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

/// A folder of its own, removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mcx-events-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A store that says when a sink has events.
struct Watched {
    rows: MemoryStore,
    delivered: mpsc::UnboundedSender<(String, u64)>,
}

impl Store for Watched {
    fn apply(&self, batch: Vec<Command>) -> Applied {
        let delivered: Vec<_> = batch
            .iter()
            .filter_map(|command| match command {
                Command::EventsDelivered { sink, seq } => Some((sink.clone(), *seq)),
                _ => None,
            })
            .collect();
        let applied = self.rows.apply(batch);
        for one in delivered {
            let _ = self.delivered.send(one);
        }
        applied
    }

    fn outbox(&self) -> Result<Vec<OutboxRow>, StoreError> {
        self.rows.outbox()
    }

    fn outbox_page(&self, page: &OutboxPage) -> Result<Vec<OutboxRow>, StoreError> {
        self.rows.outbox_page(page)
    }

    fn owed(&self) -> Result<Vec<Owed>, StoreError> {
        self.rows.owed()
    }

    fn last_outbox_id(&self) -> Result<u64, StoreError> {
        self.rows.last_outbox_id()
    }

    fn outbox_after(&self, id: u64, limit: usize) -> Result<Vec<OutboxRow>, StoreError> {
        self.rows.outbox_after(id, limit)
    }

    fn homes(
        &self,
        after: Option<&UserKey>,
        limit: usize,
    ) -> Result<Vec<(UserKey, Home)>, StoreError> {
        self.rows.homes(after, limit)
    }

    fn visitors(
        &self,
        after: Option<&UserKey>,
        limit: usize,
    ) -> Result<Vec<(UserKey, Visitor)>, StoreError> {
        self.rows.visitors(after, limit)
    }

    fn snapshot(&self) -> Result<Snapshot, StoreError> {
        self.rows.snapshot()
    }

    fn newest_event(&self) -> Result<u64, StoreError> {
        self.rows.newest_event()
    }

    fn events(&self, seq: u64, limit: usize) -> Result<Vec<Event>, StoreError> {
        self.rows.events(seq, limit)
    }

    fn delivered(&self, sink: &str) -> Result<Option<u64>, StoreError> {
        self.rows.delivered(sink)
    }

    fn on_event(&self, told: Told) {
        self.rows.on_event(told);
    }
}

/// The part of a node that tells of events, which can be stopped and started again.
struct Node {
    store: Arc<dyn Store>,
    delivered: mpsc::UnboundedReceiver<(String, u64)>,
    running: Option<(watch::Sender<bool>, JoinSet<()>)>,
}

impl Node {
    fn new() -> Self {
        let (tell, delivered) = mpsc::unbounded_channel();
        let rows = MemoryStore::default();
        Self {
            store: Arc::new(Watched {
                rows,
                delivered: tell,
            }),
            delivered,
            running: None,
        }
    }

    fn start(&mut self, config: &EventsConfig) {
        let (stop, stopped) = watch::channel(false);
        let events = Events::prepare(config.clone()).unwrap();
        self.running = Some((stop, events.start(&self.store, &stopped)));
    }

    async fn stop(&mut self) {
        let (stop, tasks) = self.running.take().unwrap();
        stop.send_replace(true);
        soon("the end", tasks.join_all()).await;
    }

    /// A visitor comes and leaves: one event.
    async fn happens(&self, stay: u64) {
        let key = UserKey {
            service: Service::McVideo,
            primary_id: McId::parse("sip:alice@a.mcx.example").unwrap(),
        };
        let at = Timestamp(1000 + stay);
        let procedure = ProcedureId::new(at, [7; 10]);
        let comes = Command::StoreMapping {
            heard: None,
            key: key.clone(),
            primary: SystemId::new("a.mcx.example"),
            partner_id: McId::parse("sip:visitor@b.mcx.example").unwrap(),
            number: Some(stay),
            procedure,
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
            procedure: Some(procedure),
            at,
            stop_at: at,
            purge_at: Timestamp(99_000),
        };
        self.store.apply(vec![comes, leaves]).await.unwrap();
    }

    /// Waits until that sink has event `seq`.
    async fn until_delivered(&mut self, sink: &str, seq: u64) {
        loop {
            let next = soon(sink, self.delivered.recv()).await.unwrap();
            if next.0 == sink && next.1 >= seq {
                return;
            }
        }
    }
}

fn to_file(path: &Path) -> EventsConfig {
    EventsConfig {
        file: Some(path.to_owned()),
        ..EventsConfig::default()
    }
}

fn at_socket(path: &Path) -> EventsConfig {
    EventsConfig {
        socket: Some(path.to_owned()),
        ..EventsConfig::default()
    }
}

fn stays(lines: &str) -> Vec<u64> {
    let lines = lines.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["stay"].as_u64().unwrap()
    });
    lines.collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn a_file_gets_each_event_once_across_restarts() {
    let folder = Folder::new("file");
    let file = folder.join("events.ndjson");
    let config = to_file(&file);
    let mut node = Node::new();
    node.happens(1).await;
    node.start(&config);
    node.until_delivered("file", 1).await;
    node.happens(2).await;
    node.until_delivered("file", 2).await;
    let first: Value = serde_json::from_str(read(&file).lines().next().unwrap()).unwrap();
    let expected = serde_json::json!({
        "v": 1, "seq": 1, "event": "service-stopped", "at_ms": 1001, "service": "mcvideo",
        "primary_id": "sip:alice@a.mcx.example", "partner_id": "sip:visitor@b.mcx.example", "stay": 1,
        "procedure": ProcedureId::new(Timestamp(1001), [7; 10]).to_string(),
    });
    assert_eq!(first, expected);
    node.stop().await;
    node.happens(3).await;
    node.start(&config);
    node.until_delivered("file", 3).await;
    node.stop().await;
    assert_eq!(stays(&read(&file)), [1, 2, 3]);
    // Power was lost before the store knew, and in the middle of a line.
    let whole = read(&file);
    std::fs::write(&file, format!("{whole}{{\"v\":1,\"seq\":4,\"ev")).unwrap();
    node.happens(4).await;
    node.start(&config);
    node.until_delivered("file", 4).await;
    assert_eq!(stays(&read(&file)), [1, 2, 3, 4]);
    // Moved away by whoever keeps logs: a new one is begun.
    std::fs::rename(&file, folder.join("events.1")).unwrap();
    node.happens(5).await;
    node.until_delivered("file", 5).await;
    assert_eq!(stays(&read(&file)), [5]);
    node.stop().await;
}

#[tokio::test]
async fn the_files_last_line_counts_when_the_store_knows_less() {
    let folder = Folder::new("last-line");
    let file = folder.join("events.ndjson");
    let config = to_file(&file);
    let mut node = Node::new();
    node.happens(1).await;
    node.happens(2).await;
    std::fs::write(&file, "{\"v\":1,\"seq\":1,\"stay\":1}\n").unwrap();
    node.start(&config);
    node.until_delivered("file", 2).await;
    node.stop().await;
    assert_eq!(stays(&read(&file)), [1, 2]);
}

#[tokio::test]
async fn a_file_of_another_store_holds_no_event_back() {
    let folder = Folder::new("other-store");
    let file = folder.join("events.ndjson");
    let config = to_file(&file);
    std::fs::write(&file, "{\"v\":1,\"seq\":2178,\"stay\":9}\n").unwrap();
    let mut node = Node::new();
    node.happens(1).await;
    node.start(&config);
    node.until_delivered("file", 1).await;
    node.stop().await;
    assert_eq!(stays(&read(&file)), [9, 1]);
}

#[tokio::test]
async fn a_webhook_that_hangs_does_not_hold_up_the_end() {
    let web = Web::new().await;
    let mut node = Node::new();
    node.happens(1).await;
    node.start(&web.config());
    let (_stream, _) = soon("a connection", web.listener.accept()).await.unwrap();
    // It is never answered; `stop` would wait for longer than the patience of a delivery.
    let began = std::time::Instant::now();
    node.stop().await;
    assert!(
        began.elapsed() < Duration::from_secs(9),
        "it waited for the webhook"
    );
}

struct Subscriber {
    lines: Lines<BufReader<OwnedReadHalf>>,
    /// Held: who closes his half has gone.
    _write: OwnedWriteHalf,
}

impl Subscriber {
    async fn new(path: &Path, question: &str) -> Self {
        let stream = UnixStream::connect(path).await.unwrap();
        let (read, mut write) = stream.into_split();
        write.write_all(question.as_bytes()).await.unwrap();
        Self {
            lines: BufReader::new(read).lines(),
            _write: write,
        }
    }

    async fn next(&mut self) -> Option<Value> {
        let line = soon("a line", self.lines.next_line()).await.unwrap()?;
        Some(serde_json::from_str(&line).unwrap())
    }

    async fn stay(&mut self) -> u64 {
        self.next().await.unwrap()["stay"].as_u64().unwrap()
    }
}

#[tokio::test]
async fn who_asks_at_the_socket_goes_on_where_he_stopped() {
    let folder = Folder::new("socket");
    let socket = folder.join("events.sock");
    let config = at_socket(&socket);
    let mut node = Node::new();
    for stay in 1..=250 {
        node.happens(stay).await;
    }
    node.start(&config);
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&socket).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let mut all = Subscriber::new(&socket, "{}\n").await;
    let mut some = Subscriber::new(&socket, "{\"after\": 240}\n").await;
    for stay in 1..=250 {
        assert_eq!(all.stay().await, stay);
    }
    for stay in 241..=250 {
        assert_eq!(some.stay().await, stay);
    }
    node.happens(251).await;
    assert_eq!((all.stay().await, some.stay().await), (251, 251));
    node.stop().await;
    assert_eq!(all.next().await, None, "the node ended");
    assert!(!socket.exists());
    node.happens(252).await;
    node.start(&config);
    let mut again = Subscriber::new(&socket, "{\"after\": 251}\n").await;
    assert_eq!(again.stay().await, 252);
    node.stop().await;
}

#[tokio::test]
async fn what_is_no_question_is_told_so() {
    let folder = Folder::new("question");
    let socket = folder.join("events.sock");
    let config = at_socket(&socket);
    let mut node = Node::new();
    node.start(&config);
    for wrong in [
        "after 3\n",
        "{\"before\": 3}\n",
        "{\"after\": -1}\n",
        &"x".repeat(5000),
    ] {
        let mut subscriber = Subscriber::new(&socket, wrong).await;
        let error = subscriber.next().await.unwrap();
        assert!(
            error["error"].as_str().unwrap().contains("after"),
            "{error}"
        );
        assert_eq!(subscriber.next().await, None);
    }
    node.stop().await;
}

#[tokio::test]
async fn who_stopped_too_long_ago_is_told_what_is_missing() {
    let folder = Folder::new("missing");
    let socket = folder.join("events.sock");
    let config = EventsConfig {
        socket: Some(socket.clone()),
        keep: 2,
        ..EventsConfig::default()
    };
    let mut node = Node::new();
    for stay in 1..=5 {
        node.happens(stay).await;
    }
    node.store
        .apply(vec![Command::TrimEvents {
            keep: 2,
            limit: usize::MAX,
        }])
        .await
        .unwrap();
    node.start(&config);
    let mut late = Subscriber::new(&socket, "{\"after\": 1}\n").await;
    assert_eq!(late.next().await.unwrap()["missing_before"], 4);
    assert_eq!(late.stay().await, 4);
    node.stop().await;
}

#[tokio::test]
async fn who_has_an_event_that_never_was_is_told_so() {
    let folder = Folder::new("other-store");
    let socket = folder.join("events.sock");
    let config = EventsConfig {
        socket: Some(socket.clone()),
        keep: 0,
        ..EventsConfig::default()
    };
    let mut node = Node::new();
    node.happens(1).await;
    node.store
        .apply(vec![Command::TrimEvents {
            keep: 0,
            limit: 100,
        }])
        .await
        .unwrap();
    node.start(&config);
    let mut other = Subscriber::new(&socket, "{\"after\": 2}\n").await;
    let said = other.next().await.unwrap()["error"].clone();
    assert_eq!(
        said,
        "there is no event 2, the newest is 1: this is another store; begin anew with {}"
    );
    assert_eq!(other.next().await, None);
    // The newest one that ever was is right, also when it is gone.
    let mut right = Subscriber::new(&socket, "{\"after\": 1}\n").await;
    node.happens(2).await;
    assert_eq!(right.stay().await, 2);
    node.stop().await;
}

#[tokio::test]
async fn a_socket_that_a_killed_node_left_is_replaced_and_one_in_use_is_not() {
    let folder = Folder::new("stale");
    let socket = folder.join("events.sock");
    let config = at_socket(&socket);
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    assert!(socket.exists(), "nobody listens, and its file is there");
    let first = Events::prepare(config.clone()).unwrap();
    let Err(error) = Events::prepare(config) else {
        panic!("two listen at one socket");
    };
    assert!(
        error.to_string().contains("another process listens there"),
        "{error}"
    );
    drop(first);
    assert!(!socket.exists());
    std::fs::write(&socket, "a letter").unwrap();
    let config = at_socket(&socket);
    assert!(Events::prepare(config).is_err());
    assert_eq!(read(&socket), "a letter", "not ours to remove");
}

/// A web server that takes one request a connection, and answers as it is told.
struct Web {
    listener: TcpListener,
}

impl Web {
    async fn new() -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        }
    }

    fn config(&self) -> EventsConfig {
        EventsConfig {
            webhooks: vec![WebhookConfig {
                url: self.url(),
                roots: None,
            }],
            ..EventsConfig::default()
        }
    }

    fn url(&self) -> String {
        format!("http://{}/hook?of=mcx", self.listener.local_addr().unwrap())
    }

    /// Takes the next request, answers it so, and hands back its head and its body.
    async fn takes(&self, answer: &str) -> (String, String) {
        let (stream, _) = soon("a post", self.listener.accept()).await.unwrap();
        soon("a request", answered(stream, answer)).await
    }
}

async fn answered(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: &str,
) -> (String, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    stream.write_all(answer.as_bytes()).await.unwrap();
    (head, String::from_utf8(body).unwrap())
}

const TAKEN: &str = "HTTP/1.1 204 No Content\r\n\r\n";
const BROKEN: &str = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n";

#[tokio::test]
async fn a_webhook_gets_events_again_until_it_takes_them_and_none_twice_that_it_took() {
    let web = Web::new().await;
    let config = web.config();
    let hook = format!("webhook {}", web.url());
    let mut node = Node::new();
    node.happens(1).await;
    node.happens(2).await;
    node.start(&config);
    let (head, body) = web.takes(BROKEN).await;
    assert!(head.starts_with("POST /hook?of=mcx HTTP/1.1\r\n"), "{head}");
    assert!(
        head.contains("content-type: application/x-ndjson\r\n"),
        "{head}"
    );
    let host = format!("host: {}\r\n", web.listener.local_addr().unwrap());
    assert!(head.contains(&host), "{head}");
    assert_eq!(stays(&body), [1, 2]);
    node.happens(3).await;
    let (_, body) = web.takes(TAKEN).await;
    assert_eq!(stays(&body), [1, 2, 3], "nothing is lost, and in order");
    node.until_delivered(&hook, 3).await;
    node.stop().await;
    node.happens(4).await;
    node.start(&config);
    let (_, body) = web.takes(TAKEN).await;
    assert_eq!(stays(&body), [4]);
    node.until_delivered(&hook, 4).await;
    node.stop().await;
}

#[tokio::test]
async fn a_webhook_that_closes_without_an_answer_gets_them_again() {
    let web = Web::new().await;
    let mut node = Node::new();
    node.happens(1).await;
    node.start(&web.config());
    web.takes("").await;
    let (_, body) = web
        .takes("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        .await;
    assert_eq!(stays(&body), [1]);
    node.until_delivered(&format!("webhook {}", web.url()), 1)
        .await;
    node.stop().await;
}

#[tokio::test]
async fn a_webhook_that_is_down_holds_nobody_else_up() {
    let folder = Folder::new("down");
    let file = folder.join("events.ndjson");
    let web = Web::new().await;
    let config = EventsConfig {
        file: Some(file.clone()),
        ..web.config()
    };
    drop(web);
    let mut node = Node::new();
    node.start(&config);
    for stay in 1..=3 {
        node.happens(stay).await;
        node.until_delivered("file", stay).await;
    }
    assert_eq!(stays(&read(&file)), [1, 2, 3]);
    // What the webhook has not stays.
    node.store
        .apply(vec![Command::TrimEvents {
            keep: 0,
            limit: usize::MAX,
        }])
        .await
        .unwrap();
    assert_eq!(node.store.events(0, 10).unwrap().len(), 3);
    node.stop().await;
}

#[tokio::test]
async fn an_https_webhook_gets_nothing_unless_its_certificate_is_of_the_roots() {
    let (own, other) = (Authority::new(), Authority::new());
    let files = own.sign("web", &["IP:127.0.0.1"]);
    let chain = CertificateDer::pem_file_iter(&files.certificate).unwrap();
    let server = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            chain.map(Result::unwrap).collect(),
            PrivateKeyDer::from_pem_file(&files.key).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(server));
    let web = Web::new().await;
    let url = web.url().replace("http:", "https:");
    let mut node = Node::new();
    node.happens(1).await;
    let config = |roots: PathBuf| EventsConfig {
        webhooks: vec![WebhookConfig {
            url: url.clone(),
            roots: Some(roots),
        }],
        ..EventsConfig::default()
    };
    node.start(&config(other.sign("x", &["DNS:x"]).roots));
    let (stream, _) = soon("a connection", web.listener.accept()).await.unwrap();
    assert!(
        acceptor.accept(stream).await.is_err(),
        "its certificate is of no root"
    );
    node.stop().await;
    node.start(&config(files.roots));
    let (stream, _) = soon("a connection", web.listener.accept()).await.unwrap();
    let stream = soon("a handshake", acceptor.accept(stream)).await.unwrap();
    let (_, body) = soon("a request", answered(stream, TAKEN)).await;
    assert_eq!(stays(&body), [1]);
    node.until_delivered(&format!("webhook {url}"), 1).await;
    node.stop().await;
}

#[test]
fn a_url_that_cannot_be_posted_to_is_refused_at_the_start() {
    for (url, why) in [
        ("ftp://127.0.0.1/x", "neither with http"),
        ("127.0.0.1", "neither with http"),
        ("http:///x", "no URL"),
        ("https://127.0.0.1/x", "roots"),
        ("http://a b/", "no URL"),
        ("http://user:password@127.0.0.1/x", "leave them out"),
    ] {
        let config = WebhookConfig {
            url: url.into(),
            roots: None,
        };
        let error = config.check().unwrap_err();
        assert!(error.contains(why), "{url}: {error}");
    }
    let clear = WebhookConfig {
        url: "http://127.0.0.1/x".into(),
        roots: Some("roots.pem".into()),
    };
    assert!(
        clear
            .check()
            .unwrap_err()
            .contains("roots are for an https URL")
    );
}
