//! The simulated SIP core of a system: one socket, real transactions.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};

use bytes::Bytes;
use mcx::Random;
use sip_message::{Limits, Message, Request, Response};
use sip_trace::{Direction, MessageRecord, Recorder, Transport};
use sip_transaction::{ClientId, Config, Endpoint, Event, Path, Timers};

use super::client::{TokenSigner, Wish, third_party_register};
use crate::clock;

/// The SIP core of a system.
pub(super) struct Core {
    pub name: String,
    pub system: String,
    pub address: SocketAddr,
    server: SocketAddr,
    socket: UdpSocket,
    endpoint: Endpoint,
    recorder: Recorder,
    signer: TokenSigner,
    random: Random,
    answers: HashMap<ClientId, Option<Response>>,
}

impl Core {
    /// A core that owns `socket` and speaks to the service server at `server`.
    pub fn new(
        name: &str,
        system: &str,
        socket: UdpSocket,
        server: SocketAddr,
        signer: TokenSigner,
        recorder: Recorder,
        timers: Timers,
    ) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let mut seeds = [[0; 32]; 2];
        for seed in &mut seeds {
            getrandom::fill(seed).map_err(|_| io::Error::other("no random numbers"))?;
        }
        let [seed, other] = seeds;
        let config = Config {
            timers,
            ..Config::default()
        };
        Ok(Self {
            name: name.to_owned(),
            system: system.to_owned(),
            address: socket.local_addr()?,
            server,
            socket,
            endpoint: Endpoint::new(config, seed),
            recorder,
            signer,
            random: Random::new(other),
            answers: HashMap::new(),
        })
    }

    /// Sends a client's event; [`Core::answer`] tells the outcome.
    pub fn register(&mut self, wish: Wish) -> Result<ClientId, String> {
        let request: Request =
            third_party_register(&self.system, wish, &self.signer, &mut self.random)?;
        let path = Path {
            local: self.address,
            peer: self.server,
            transport: sip_transaction::Transport::Udp,
        };
        let client = self
            .endpoint
            .request(clock::now().mono, path, &request)
            .map_err(|_| "too many transactions".to_owned())?;
        self.pump();
        Ok(client)
    }

    /// The outcome of an event, once: an answer, or `None` inside when there was none.
    pub fn answer(&mut self, client: ClientId) -> Option<Option<Response>> {
        self.answers.remove(&client)
    }

    /// Takes and sends what there is.
    pub fn pump(&mut self) {
        let mut buffer = vec![0; 65_535];
        while let Ok((length, peer)) = self.socket.recv_from(&mut buffer) {
            let bytes = Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default());
            self.record(Direction::Received, peer, &bytes);
            let path = Path {
                local: self.address,
                peer,
                transport: sip_transaction::Transport::Udp,
            };
            if let Ok(message) = Message::parse_datagram(bytes, &Limits::default()) {
                self.endpoint
                    .handle_message(clock::now().mono, path, message);
            }
        }
        self.endpoint.handle_timeout(clock::now().mono);
        while let Some(transmit) = self.endpoint.poll_transmit() {
            self.record(Direction::Sent, transmit.path.peer, &transmit.bytes);
            let _ = self.socket.send_to(&transmit.bytes, transmit.path.peer);
        }
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::Answer { client, response } => {
                    self.answers.insert(client, Some(response));
                }
                Event::Failed { client, .. } => {
                    self.answers.insert(client, None);
                }
                _ => {}
            }
        }
    }

    fn record(&self, direction: Direction, peer: SocketAddr, bytes: &Bytes) {
        let udp = Transport::Udp;
        let message = MessageRecord::new(direction, udp, self.address, peer, bytes.clone());
        self.recorder.message(clock::at(), message);
    }
}
