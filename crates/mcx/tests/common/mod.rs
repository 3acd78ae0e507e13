//! What the tests of this crate share: names, commands, tokens, requests and a bench that drives
//! a role.
#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

pub mod bench;
pub mod commands;
pub mod documents;
pub mod gateway;
pub mod owed;
pub mod telltales;
pub mod tokens;
pub mod visit;
pub mod world;

use std::time::Instant;

use mcx::state::UserKey;
use mcx::{McId, Now, ProcedureId, Profile, Service, ServiceProfile, SystemId, Timestamp};

/// An own user of system A.
pub const ALICE: &str = "sip:alice@a.mcx.example";
/// What system B calls her.
pub const ALICE_AT_B: &str = "sip:visitor-4711@b.mcx.example";
/// What system C calls her.
pub const ALICE_AT_C: &str = "sip:guest-12@c.mcx.example";
/// An own user of system B.
pub const BOB: &str = "sip:bob@b.mcx.example";
/// What system A calls him.
pub const BOB_AT_A: &str = "sip:visitor-7@a.mcx.example";

/// A fixed wall-clock time, in milliseconds.
pub const START: u64 = 1_750_000_000_000;

pub fn id(text: &str) -> McId {
    McId::parse(text).unwrap()
}

pub fn key(service: Service, text: &str) -> UserKey {
    UserKey {
        service,
        primary_id: id(text),
    }
}

/// Alice in MCPTT.
pub fn alice() -> UserKey {
    key(Service::Mcptt, ALICE)
}

pub fn system(name: &str) -> SystemId {
    SystemId::new(&format!("{name}.mcx.example"))
}

pub fn procedure(number: u8) -> ProcedureId {
    ProcedureId::new(Timestamp(START), [number; 10])
}

/// `seconds` after the start of the test.
pub fn at(seconds: u64) -> Timestamp {
    Timestamp(START + seconds * 1000)
}

pub fn profile(service: Service) -> ServiceProfile {
    Profile::default().of(service).clone()
}

/// Both clocks of a test; they move only when told to.
#[derive(Clone, Copy)]
pub struct Clock(pub Now);

impl Clock {
    pub fn new() -> Self {
        Self(Now {
            mono: Instant::now(),
            wall: Timestamp(START),
        })
    }

    pub fn advance(&mut self, by: std::time::Duration) {
        self.0.mono += by;
        self.0.wall = self.0.wall.after(by);
    }
}

/// Whether `needle` is somewhere in `bytes`, without case.
pub fn contains(bytes: &[u8], needle: &str) -> bool {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    text.contains(&needle.to_ascii_lowercase())
}
