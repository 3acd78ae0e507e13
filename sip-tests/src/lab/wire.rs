//! A peer that sends whatever bytes it likes.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use bytes::Bytes;
use sip_message::{Limits, Message, Response};

use super::Lab;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A socket at a lab's address.
#[derive(Debug)]
pub struct Wire {
    socket: UdpSocket,
    to: SocketAddr,
}

impl Wire {
    /// A peer at the address of `at` that speaks to `to`.
    #[must_use]
    pub fn new(lab: &Lab, at: &str, to: &str) -> Self {
        let socket = lab.socket(at);
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Self {
            socket,
            to: lab.address(to),
        }
    }

    /// Its own address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("an address")
    }

    /// Sends bytes.
    pub fn send(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.to).expect("it is sent");
    }

    /// The next message, whatever it is.
    #[must_use]
    pub fn receive(&self) -> Message {
        let mut buffer = vec![0; 65_535];
        let (length, _) = self.socket.recv_from(&mut buffer).expect("something comes");
        let bytes = Bytes::copy_from_slice(&buffer[..length]);
        Message::parse_datagram(bytes, &Limits::default()).expect("it is SIP")
    }

    /// Sends bytes and takes the final answer.
    #[must_use]
    pub fn ask(&self, bytes: &[u8]) -> Response {
        self.send(bytes);
        loop {
            match self.receive() {
                Message::Response(response) if response.status().is_final() => return response,
                _ => {}
            }
        }
    }
}
