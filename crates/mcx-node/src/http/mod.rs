//! The HTTP listener of a node, on a loopback address: for probes and for who collects metrics on the same machine. It only tells,
//! and takes no orders: those have the admin socket, which knows who asks.

mod body;
pub mod live;
mod metrics;
mod probes;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use sip_trace::Recorder;
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tracing::debug;

use crate::life::Life;
use crate::node::Pulse;
use crate::room::{Guest, serve_each};
use crate::transport::tls::Tls;
pub use body::Body;

/// How long a request may take to arrive while there is room.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most bytes of what stands before a body.
const MOST_BYTES: usize = 16 * 1024;
/// Most connections that wait in the system until they are taken.
const MOST_WAITING: i32 = 1024;

/// What requests are answered from.
pub struct Told {
    /// The node's functions.
    pub lives: Vec<Life>,
    /// Asks them whether they still work, and what they have measured.
    pub pulse: Pulse,
    /// The rest of what is measured.
    metrics: metrics::Sources,
    live: live::Live,
}

impl Told {
    /// TLS where the node has it.
    #[must_use]
    pub fn new(
        lives: Vec<Life>,
        pulse: Pulse,
        recorder: Recorder,
        tls: Option<Arc<Tls>>,
        live: live::Live,
    ) -> Self {
        Self {
            lives,
            pulse,
            metrics: metrics::Sources::new(recorder, tls),
            live,
        }
    }
}

/// A listener that is bound.
#[derive(Debug)]
pub struct Listener {
    socket: std::net::TcpListener,
}

impl Listener {
    /// Binds it.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        // As the standard library does, whose queue is too short.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(MOST_WAITING)?;
        Ok(Self {
            socket: socket.into(),
        })
    }

    /// Where it is, a free port filled in.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Answers, until `stop` turns true.
    pub async fn serve(self, told: Told, mut stop: watch::Receiver<bool>) {
        let socket = match TcpListener::from_std(self.socket) {
            Ok(socket) => socket,
            Err(error) => {
                tracing::warn!(%error, "nobody is answered over HTTP");
                return;
            }
        };
        let told = Arc::new(told);
        let accept = |context: &mut Context<'_>| socket.poll_accept(context);
        let serve = |(stream, _), guest| connection(stream, told.clone(), guest);
        let mut served = serve_each(accept, &mut stop, serve).await;
        // Who still reads is not waited for.
        served.shutdown().await;
    }
}

/// Answers the requests of a connection.
async fn connection(stream: TcpStream, told: Arc<Told>, guest: Guest) {
    let guest = Arc::new(guest);
    let answer = service_fn(move |request| {
        let (told, guest) = (told.clone(), guest.clone());
        async move {
            guest.asked();
            let response = answer(&request, &told).await;
            match response.body() {
                Body::Whole(_) => guest.answered(),
                Body::Pieces(_) => guest.is_apart(),
            }
            Ok::<_, Infallible>(response)
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(MOST_BYTES)
        .serve_connection(TokioIo::new(stream), answer);
    if let Err(error) = served.await {
        debug!(%error, "an HTTP connection ended");
    }
}

/// Answers a request by its path.
async fn answer(request: &Request<Incoming>, told: &Told) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refusal = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        let allow = HeaderValue::from_static("GET, HEAD");
        refusal.headers_mut().insert(ALLOW, allow);
        return refusal;
    }
    match request.uri().path() {
        "/livez" => probes::livez(told).await,
        "/readyz" => probes::readyz(told),
        "/metrics" => metrics::metrics(told).await,
        path => match live::route(path) {
            Some(page) => told.live.answer(page, request),
            None => text(StatusCode::NOT_FOUND, "no such page\n"),
        },
    }
}

/// A line or some, for people and probes.
fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    of_type(status, "text/plain; charset=utf-8", text)
}

/// A whole body that nobody keeps for later.
fn of_type(
    status: StatusCode,
    media_type: &'static str,
    bytes: impl Into<Bytes>,
) -> Response<Body> {
    let mut response = Response::new(Body::Whole(Some(bytes.into())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
