//! System A's service server and its surroundings, and requests as they come in.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use mcx::document::Document;
use mcx::{
    ByPartner, Core, MigrationPolicy, NextHop, Partner, Peer, Profile, Retry, Service,
    ServiceServerConfig, Source, System, Systems,
};
use sip_message::{Limits, Message, Request};

#[allow(unused_imports)]
pub use super::bench::*;
use super::{id, profile, system, tokens};

pub const SERVER_A: &str = "sip:mcx@a.mcx.example";
pub const SERVER_B: &str = "sip:mcx@b.mcx.example";
pub const SERVER_C: &str = "sip:mcx@c.mcx.example";
pub const REFUSED: &str = "sip:refused@a.mcx.example";

pub const B: &str = "192.0.2.2:5060";
pub const C: &str = "192.0.2.3:5060";
pub const CORE: &str = "192.0.2.100:5060";
pub const STRANGER: &str = "198.51.100.66:5060";

pub fn peer(psi: &str, address: &str) -> Peer {
    let socket: SocketAddr = address.parse().unwrap();
    Peer {
        psi: psi.into(),
        next_hop: NextHop {
            domain: None,
            uri: format!("sip:{address}"),
        },
        route: vec![],
        sources: vec![Source {
            ip: socket.ip(),
            port: None,
        }],
        domain: None,
    }
}

pub fn mc_system(name: &str) -> System {
    System {
        id: system(name),
        domains: vec![format!("{name}.mcx.example")],
    }
}

pub fn partner(name: &str, peer: Peer) -> Partner {
    Partner {
        system: mc_system(name),
        peer,
        migration: MigrationPolicy {
            allowed: true,
            users: None,
            refused_users: vec![id(REFUSED)],
            profile_indexes: None,
        },
        services: Service::ALL.to_vec(),
        migration_of: HashMap::new(),
        logme: false,
    }
}

pub fn core() -> Core {
    let socket: SocketAddr = CORE.parse().unwrap();
    Core {
        sources: vec![Source {
            ip: socket.ip(),
            port: None,
        }],
        domain: None,
    }
}

/// The service server of system A, whose partners B and C are reached directly.
pub fn server_a() -> ServiceServerConfig {
    ServiceServerConfig {
        psi: SERVER_A.into(),
        services: vec![Service::Mcptt, Service::McVideo],
        systems: Systems {
            own: mc_system("a"),
            partners: vec![
                partner("b", peer(SERVER_B, B)),
                partner("c", peer(SERVER_C, C)),
            ],
        },
        core: core(),
        tokens: tokens::idms(),
        profile: Profile::default(),
        limits: Limits::default(),
        bounds: mcx::document::Bounds::default(),
        stop: ByPartner::default(),
        retention: ByPartner {
            default: Duration::from_secs(60),
            ..ByPartner::default()
        },
        retry: Retry::default(),
        migration_timeout: Duration::from_secs(20),
        default_expires: 3600,
    }
}

/// A request as it comes from the network.
#[derive(Clone)]
pub struct Incoming {
    pub method: &'static str,
    pub uri: String,
    /// Header lines, without what [`Incoming::request`] adds.
    pub headers: Vec<String>,
    pub content_type: String,
    pub body: String,
}

impl Incoming {
    /// A MESSAGE with an MC info document.
    pub fn message(from: &str, document: &str) -> Self {
        Self {
            method: "MESSAGE",
            uri: SERVER_A.into(),
            headers: vec![format!("P-Asserted-Identity: <{from}>")],
            content_type: profile(Service::Mcptt).media_type(),
            body: document.into(),
        }
    }

    /// A PUBLISH of service settings, or a REGISTER of the core's, with an MC info document.
    pub fn event(method: &'static str, document: &str) -> Self {
        let mut event = Self::message(SERVER_A, document);
        event.method = method;
        event.headers = vec!["Event: poc-settings".into()];
        event
    }

    #[must_use]
    pub fn header(mut self, line: &str) -> Self {
        self.headers.push(line.into());
        self
    }

    pub fn request(&self) -> Request {
        self.request_with(self.body.as_bytes())
    }

    /// The same with a body that may be no text.
    pub fn request_with(&self, body: &[u8]) -> Request {
        let mut text = format!(
            "{} {} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKin\r\n\
             From: <sip:from@x.example>;tag=fromtag\r\nTo: <{}>\r\nCall-ID: call@x.example\r\n\
             CSeq: 7 {}\r\n",
            self.method, self.uri, self.uri, self.method
        );
        if !self.headers.iter().any(|h| h.starts_with("Max-Forwards")) {
            text += "Max-Forwards: 70\r\n";
        }
        for line in &self.headers {
            text += &format!("{line}\r\n");
        }
        if !self.content_type.is_empty() {
            text += &format!("Content-Type: {}\r\n", self.content_type);
        }
        text += &format!("Content-Length: {}\r\n\r\n", body.len());
        let bytes = [text.as_bytes(), body].concat();
        match Message::parse_datagram(bytes.into(), &Limits::default()) {
            Ok(Message::Request(request)) => request,
            other => panic!("no request: {other:?}"),
        }
    }
}

/// A document of MCPTT as text.
pub fn xml(document: &Document) -> String {
    document.write(&profile(Service::Mcptt))
}
