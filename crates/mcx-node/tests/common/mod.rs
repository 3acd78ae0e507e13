//! Transports under test, certificates, and what is sent to them.

#![allow(dead_code, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

#[path = "../../../../sip-tests/src/lab/certificates.rs"]
pub mod certificates;
pub mod dns;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use mcx_node::transport::{Arrival, Bounds, Ended, Listen, Setup, Transports};
use sip_message::{Message, Response, StatusCode};
use sip_trace::Recorder;
use sip_transaction::{Path, Transmit, Transport};

/// What is waited for comes long before.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A free port of a host.
pub fn free(transport: Transport, host: &str) -> Listen {
    let address = SocketAddr::new(host.parse().unwrap(), 0);
    Listen { transport, address }
}

/// Transports that listen on TCP with these bounds.
pub fn tcp(bounds: Bounds) -> Transports {
    let setup = Setup {
        listen: vec![free(Transport::Tcp, "127.0.0.1")],
        bounds,
        ..Setup::default()
    };
    bind(setup)
}

pub fn bind(setup: Setup) -> Transports {
    Transports::bind(setup, Recorder::off()).unwrap()
}

/// Where transports listen first.
pub fn address(transports: &Transports) -> SocketAddr {
    transports.listening()[0].address
}

/// What arrives next.
pub async fn next(transports: &mut Transports) -> Arrival {
    let arrival = async {
        loop {
            if let Some(arrival) = transports.try_receive() {
                return arrival;
            }
            transports.ready().await;
        }
    };
    tokio::time::timeout(PATIENCE, arrival).await.unwrap()
}

/// The message that arrives next, and its path.
pub async fn message(transports: &mut Transports) -> (Path, Message) {
    match next(transports).await {
        Arrival::Message {
            path,
            message: Ok(message),
            ..
        } => (path, message),
        Arrival::Datagram(path, _, bytes) => {
            let limits = sip_message::Limits::default();
            (path, Message::parse_datagram(bytes, &limits).unwrap())
        }
        other => panic!("{other:?}"),
    }
}

/// How the path is lost that is lost next.
pub async fn lost(transports: &mut Transports) -> (Path, Ended) {
    match next(transports).await {
        Arrival::Lost(path, ended) => (path, ended),
        other => panic!("{other:?}"),
    }
}

/// Keeps transports going while something else is done.
pub async fn meanwhile<T>(transports: &mut Transports, task: impl Future<Output = T>) -> T {
    let drive = async {
        loop {
            transports.ready().await;
            while transports.try_receive().is_some() {}
        }
    };
    tokio::select! {
        result = task => result,
        () = drive => unreachable!(),
        () = tokio::time::sleep(PATIENCE) => panic!("nothing happened"),
    }
}

/// A request from `sent_by`, told from others by `name`.
pub fn request(transport: &str, sent_by: SocketAddr, name: &str) -> Vec<u8> {
    format!(
        "MESSAGE sip:mc-server@a.mcx.example SIP/2.0\r\n\
         Via: SIP/2.0/{transport} {sent_by};branch=z9hG4bK{name};rport\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:b@b.mcx.example>;tag=1\r\n\
         To: <sip:a@a.mcx.example>\r\n\
         Call-ID: {name}\r\n\
         CSeq: 1 MESSAGE\r\n\
         Content-Length: 4\r\n\
         \r\n\
         body"
    )
    .into_bytes()
}

/// The 200 of a request.
pub fn ok(request: &Message) -> Bytes {
    let Message::Request(request) = request else {
        panic!("{request:?}");
    };
    let response = Response::to(request, StatusCode::OK, Some("tag")).finish();
    response.unwrap().as_bytes().clone()
}

pub fn transmit(path: Path, bytes: impl Into<Bytes>) -> Transmit {
    Transmit {
        path,
        bytes: bytes.into(),
        retransmission: false,
        independent: false,
        alternative: None,
    }
}

/// A request as the transaction layer sends it to `path`.
pub fn sent(path: Path, name: &str) -> Transmit {
    let transport = path.transport.as_str();
    transmit(path, request(transport, path.local, name))
}

/// The Call-ID of a message, by which the tests tell them apart.
pub fn name(message: &Message) -> String {
    let call_id = message.headers().call_id().unwrap();
    String::from_utf8_lossy(call_id).into_owned()
}

/// The same request, offering its connection (RFC 5923).
pub fn with_alias(bytes: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(bytes).unwrap();
    text.replacen(";rport", ";rport;alias", 1).into_bytes()
}
