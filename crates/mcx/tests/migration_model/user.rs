//! The user's events: third-party REGISTER requests of the SIP core.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::OnceLock;

use mcx::Service;
use mcx::document::Document;
use sip_message::Request;

use crate::common::tokens::{claims, sign};
use crate::common::world::xml;
use crate::common::{ALICE, ALICE_AT_B, ALICE_AT_C, profile};
use crate::extent::Client;
use crate::letter::{NAMES, parse};

/// What each system calls her.
pub const HER_NAMES: [&str; 3] = [ALICE, ALICE_AT_B, ALICE_AT_C];

/// She authorizes at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Grows with each.
    pub n: u8,
    pub place: u8,
    /// Which copy of it; the first one is 0.
    copy: u8,
    id: String,
    call_id: String,
}

impl Event {
    pub fn new((n, copy): (u8, u8), place: usize, client: Client) -> Self {
        let name = NAMES[place];
        let id = match client {
            Client::NewIds if place != 0 => format!("sip:visitor-{n}@{name}.mcx.example"),
            _ => HER_NAMES[place].to_owned(),
        };
        let call_id = match client {
            Client::OneRegistration => format!("registration@{name}.example"),
            _ => format!("registration-{n}@{name}.example"),
        };
        let place = u8::try_from(place).unwrap();
        Self {
            n,
            place,
            copy,
            id,
            call_id,
        }
    }

    /// The randomness of what it causes: a copy is not known to be one.
    pub fn seed(&self) -> String {
        format!("event {} {}", self.n, self.copy)
    }

    pub fn request(&self) -> Request {
        let document = Document {
            access_token: Some(token(&self.id)),
            primary_id: (self.id != ALICE).then(|| ALICE.to_owned()),
            ..Document::default()
        };
        let (name, body) = (NAMES[usize::from(self.place)], xml(&document));
        let (n, call_id, length) = (self.n, &self.call_id, body.len());
        let media_type = profile(Service::Mcptt).media_type();
        parse(format!(
            "REGISTER sip:mcx@{name}.mcx.example SIP/2.0\r\n\
             Via: SIP/2.0/UDP 192.0.2.100;branch=z9hG4bKcore\r\n\
             From: <sip:core@{name}.mcx.example>;tag=core\r\nTo: <sip:alice@{name}.mcx.example>\r\n\
             Call-ID: {call_id}\r\nCSeq: {n} REGISTER\r\nMax-Forwards: 70\r\nExpires: 3600\r\n\
             Content-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    }
}

/// A token for an id, signed once.
fn token(id: &str) -> String {
    static TOKENS: OnceLock<Mutex<HashMap<String, String>>> = OnceLock::new();
    let mut tokens = TOKENS.get_or_init(Mutex::default).lock().unwrap();
    let signed = || sign(&claims(id));
    tokens.entry(id.to_owned()).or_insert_with(signed).clone()
}
