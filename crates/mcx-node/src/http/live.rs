//! The ladder as it happens: `/live` is the page that `mcx trace ladder --as html` writes, empty, and `/live/events` tells it what
//! the node records from the oldest record on that it has, as server-sent events. Identities are replaced before anything leaves
//! the recorder's reader, as in every other export.
//!
//! With `?details` the steps that every message takes are shown too.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HOST, HeaderValue};
use hyper::{Request, Response, StatusCode};
use sip_trace::ladder::{Options, build, html};
use sip_trace::{Reader, Recorder, Redactor};
use tokio::sync::mpsc;

use super::{Body, of_type, text};
use crate::pseudonym_key;

/// Most who look at once: each has a thread that redacts every record for him.
const MOST: usize = 4;
/// Pieces that wait for somebody who reads slowly; then it is the ring that waits, and moves on.
const PIECES: usize = 4;
/// How long records are collected, so that a page is not drawn for each of them.
const COLLECT: Duration = Duration::from_millis(200);
/// How often something is said when nothing happens, so that it is noticed when nobody is there any more.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// What the page is told from.
pub struct Live {
    node: String,
    recorder: Recorder,
    /// Service identities of the configuration, which are shown.
    keep: Vec<String>,
    /// Names of partners' addresses.
    names: HashMap<SocketAddr, String>,
    looking: Arc<AtomicUsize>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// The page itself.
    Ladder,
    /// What it follows.
    Events,
}

/// The page at a path, if there is one.
#[must_use]
pub fn route(path: &str) -> Option<Page> {
    match path {
        "/live" => Some(Page::Ladder),
        "/live/events" => Some(Page::Events),
        _ => None,
    }
}

impl Live {
    /// Shows what `recorder` records. `keep` are service identities, `names` those of addresses.
    #[must_use]
    pub fn new(
        node: &str,
        recorder: Recorder,
        keep: Vec<String>,
        names: HashMap<SocketAddr, String>,
    ) -> Self {
        Self {
            node: node.to_owned(),
            recorder,
            keep,
            names,
            looking: Arc::default(),
        }
    }

    /// Answers a request for a page.
    pub(super) fn answer(&self, page: Page, request: &Request<Incoming>) -> Response<Body> {
        if !names_this_machine(request) {
            // A page of somebody else, whose host name leads here, is to read nothing (DNS rebinding).
            return text(
                StatusCode::FORBIDDEN,
                "ask for localhost or a loopback address\n",
            );
        }
        if !self.recorder.is_on() {
            let why = "nothing is recorded: ring-mib is 0 in [trace]\n";
            return text(StatusCode::NOT_FOUND, why);
        }
        let details = request.uri().query() == Some("details");
        match page {
            Page::Ladder => {
                let events = match details {
                    true => "/live/events?details",
                    false => "/live/events",
                };
                let page = html::render_live(&self.node, &self.node, events);
                of_type(StatusCode::OK, "text/html; charset=utf-8", page)
            }
            Page::Events => self.events(details, last_seen(request)),
        }
    }

    fn events(&self, details: bool, after: Option<u64>) -> Response<Body> {
        let Some(seat) = Seat::take(&self.looking) else {
            let why = "as many look as may: close another page\n";
            return text(StatusCode::SERVICE_UNAVAILABLE, why);
        };
        let Ok(key) = pseudonym_key::of(None) else {
            let why = "the operating system gives no random numbers\n";
            return text(StatusCode::INTERNAL_SERVER_ERROR, why);
        };
        let mut reader = self.recorder.reader();
        if let Some(after) = after {
            reader.seek(after.saturating_add(1));
        }
        let options = Options {
            names: self.names.clone(),
            keep_repeats: true,
            details,
            ..Options::default()
        };
        let keep = self.keep.iter().map(String::as_str);
        let mut viewer = Viewer {
            reader,
            redactor: Redactor::new(&key).live().keeping(keep),
            options,
            missed: 0,
        };
        let (send, pieces) = mpsc::channel(PIECES);
        let thread = std::thread::Builder::new().name("mcx-live".into());
        let started = thread.spawn(move || {
            viewer.tell(&send);
            drop(seat);
        });
        match started {
            Ok(_) => {
                let mut response = of_type(StatusCode::OK, "text/event-stream", "");
                // What it has apart from others ends with it.
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
                *response.body_mut() = Body::Pieces(pieces);
                response
            }
            Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        }
    }
}

/// Whether the request is for a name of this machine.
fn names_this_machine(request: &Request<Incoming>) -> bool {
    let host = request.headers().get(HOST).and_then(|h| h.to_str().ok());
    let Some(authority) = host.and_then(|host| host.parse::<hyper::http::uri::Authority>().ok())
    else {
        return false;
    };
    let host = authority.host().trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// The last record that a page has that lost its connection.
fn last_seen(request: &Request<Incoming>) -> Option<u64> {
    let id = request.headers().get("last-event-id")?;
    id.to_str().ok()?.parse().ok()
}

/// A place among those who look.
struct Seat(Arc<AtomicUsize>);

impl Seat {
    fn take(looking: &Arc<AtomicUsize>) -> Option<Self> {
        let more = |now: usize| (now < MOST).then_some(now + 1);
        let taken = looking.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.ok().map(|_| Self(looking.clone()))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Tells one page.
struct Viewer {
    reader: Reader,
    redactor: Redactor,
    options: Options,
    missed: u64,
}

impl Viewer {
    /// Tells until nobody reads any more, or nothing can come.
    fn tell(&mut self, send: &mpsc::Sender<Bytes>) {
        let mut spoke = Instant::now();
        while !send.is_closed() {
            let records = self.reader.wait(COLLECT);
            let piece = match records.last() {
                None if self.reader.closed() => return,
                None if spoke.elapsed() < HEARTBEAT => continue,
                None => ":\n\n".to_owned(),
                Some(last) => {
                    let last = last.seq;
                    self.redactor.learn(&records);
                    if self.redactor.forgotten() > 0 {
                        // More identities came by than can be looked for: a new page begins with none.
                        let _ = send.blocking_send("event: end\ndata: {}\n\n".into());
                        return;
                    }
                    let redacted: Vec<_> =
                        records.iter().map(|r| self.redactor.record(r)).collect();
                    self.options.origin_us = self
                        .options
                        .origin_us
                        .or_else(|| redacted.first().map(|record| record.wall_us));
                    let lost = self.reader.missed().saturating_sub(self.missed);
                    self.missed = self.reader.missed();
                    let rows = html::rows(&build(&redacted, &self.options), lost);
                    format!("id: {last}\ndata: {rows}\n\n")
                }
            };
            if send.blocking_send(piece.into()).is_err() {
                return;
            }
            spoke = Instant::now();
        }
    }
}
