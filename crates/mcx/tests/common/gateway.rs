//! System A's gateway, the server behind it, and the gateways of B and C.

use mcx::document::{Document, Stay};
use mcx::{GatewayConfig, GatewayServer, MessageKind, Profile, Random, Service};
use sip_message::Limits;

use super::bench::Bench;
use super::world::{Incoming, core, mc_system, partner, peer, xml};
use super::{ALICE, ALICE_AT_B, BOB, BOB_AT_A, procedure, system};

pub const GATEWAY_A: &str = "sip:gateway@a.mcx.example";
pub const GATEWAY_B: &str = "sip:gateway@b.mcx.example";
pub const GATEWAY_C: &str = "sip:gateway@c.mcx.example";
/// A name of the inside, as every name of the inside has it in it.
pub const INSIDE_A: &str = "sip:server@leak.inside.example";
/// The second one, for MCVideo.
pub const VIDEO_A: &str = "sip:video@leak.inside.example";
/// Where the inside's requests come from.
pub const INSIDE: &str = "10.9.8.7:5060";
pub const EXIT_B: &str = "sip:to-b@a.mcx.example";

pub fn config() -> GatewayConfig {
    GatewayConfig {
        psi: GATEWAY_A.into(),
        systems: mcx::Systems {
            own: mc_system("a"),
            partners: vec![
                partner("b", peer(GATEWAY_B, super::world::B)),
                partner("c", peer(GATEWAY_C, super::world::C)),
            ],
        },
        servers: vec![
            (vec![Service::Mcptt], peer(INSIDE_A, INSIDE)),
            (vec![Service::McVideo], peer(VIDEO_A, "10.9.8.8:5060")),
        ],
        exits: vec![(EXIT_B.into(), system("b"))],
        host_aliases: Vec::new(),
        core: core(),
        profile: Profile::default(),
        limits: Limits::default(),
        bounds: mcx::document::Bounds::default(),
    }
}

pub fn gateway() -> Bench<GatewayServer> {
    Bench::new(GatewayServer::new(config(), Random::new([3; 32])))
}

pub fn document(kind: MessageKind, primary: &str, partner: Option<&str>) -> Document {
    Document {
        kind: Some(kind),
        primary_id: Some(primary.into()),
        partner_id: partner.map(str::to_owned),
        result: (kind == MessageKind::AuthorizationResponse).then_some(true),
        stay: Some(Stay {
            number: Some(7),
            procedure: Some(procedure(1)),
        }),
        ..Document::default()
    }
}

pub fn says(from: &str, kind: MessageKind, primary: &str, partner: Option<&str>) -> Incoming {
    Incoming {
        uri: GATEWAY_A.into(),
        ..Incoming::message(from, &xml(&document(kind, primary, partner)))
    }
}

/// A's server de-authorizes Alice's stay at B (P1.1).
pub fn leaving() -> Incoming {
    let kind = MessageKind::DeauthorizationNotification;
    says(INSIDE_A, kind, ALICE, Some(ALICE_AT_B))
}

/// B's gateway de-authorizes Bob's stay at A (P1.2 seen from the partner).
pub fn arriving() -> Incoming {
    let kind = MessageKind::DeauthorizationNotification;
    says(GATEWAY_B, kind, BOB, Some(BOB_AT_A))
}
