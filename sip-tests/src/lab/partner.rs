//! A partner that answers every MESSAGE with 200 and remembers it.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use bytes::Bytes;
use sip_message::{Limits, Message, Response, StatusCode};

use super::Lab;

/// A message that a partner got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notified {
    /// The user's id in the primary system.
    pub user: String,
    /// Number of the stay.
    pub stay: u64,
    /// Which message it was: the same one sent again in its transaction has the same.
    pub call_id: String,
    /// When it came.
    pub at: Instant,
}

/// The partner; it ends with this.
#[derive(Debug)]
pub struct Partner {
    address: SocketAddr,
    got: Arc<Mutex<Vec<Notified>>>,
    thread: Option<JoinHandle<()>>,
}

impl Partner {
    /// A partner at the address of `at`.
    #[must_use]
    pub fn start(lab: &Lab, at: &str) -> Self {
        let socket = lab.socket(at);
        let got = Arc::new(Mutex::new(Vec::new()));
        let into = got.clone();
        Self {
            address: lab.address(at),
            got,
            thread: Some(std::thread::spawn(move || serve(&socket, &into))),
        }
    }

    /// Everything that it got.
    #[must_use]
    pub fn got(&self) -> Vec<Notified> {
        self.got
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Partner {
    fn drop(&mut self) {
        // Nothing at all is no message: the end.
        if let Ok(socket) = UdpSocket::bind((self.address.ip(), 0)) {
            let _ = socket.send_to(&[], self.address);
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(socket: &UdpSocket, got: &Mutex<Vec<Notified>>) {
    let mut buffer = vec![0; 65_535];
    loop {
        // An ICMP error of a node that was killed is no end.
        let Ok((length, from)) = socket.recv_from(&mut buffer) else {
            continue;
        };
        if length == 0 {
            return;
        }
        let bytes = Bytes::copy_from_slice(&buffer[..length]);
        let Ok(Message::Request(request)) = Message::parse_datagram(bytes, &Limits::default())
        else {
            continue;
        };
        let body = String::from_utf8_lossy(request.body()).into_owned();
        let between = |before: &str, after: &str| {
            let rest = body.split_once(before)?.1;
            Some(rest.split_once(after)?.0.to_owned())
        };
        let call_id = request.headers().call_id().expect("a Call-ID");
        let notified = Notified {
            user: between(
                "<primary-mcptt-id type=\"Normal\"><mcpttURI>",
                "</mcpttURI>",
            )
            .expect("a user"),
            stay: between(" number=\"", "\"")
                .and_then(|number| number.parse().ok())
                .expect("a stay"),
            call_id: String::from_utf8_lossy(call_id).into_owned(),
            at: Instant::now(),
        };
        got.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(notified);
        let answer = Response::to(&request, StatusCode::OK, Some("partner")).finish();
        let _ = socket.send_to(answer.expect("an answer").as_bytes(), from);
    }
}
