//! Visitors by the number: known to B, de-authorized by A's server.

use std::net::SocketAddr;

use mcx::state::{Command, UserKey};
use mcx::{McId, Service, SystemId};

use super::fixtures::{mapping_at_b, stay_at_b};

/// The id of visitor `n` in A, his primary system.
#[must_use]
pub fn visitor_id(n: u64) -> String {
    format!("sip:visitor-{n}@a.mcx.example")
}

/// The id of visitor `n` in B.
#[must_use]
pub fn visitor_id_at_b(n: u64) -> String {
    format!("sip:guest-{n}@b.mcx.example")
}

/// Visitor `n` in MCPTT.
#[must_use]
pub fn visitor(n: u64) -> UserKey {
    UserKey {
        service: Service::Mcptt,
        primary_id: McId::parse(&visitor_id(n)).expect("an id"),
    }
}

/// At B: the mappings of `count` visitors, each of his first stay, and nothing owed.
#[must_use]
pub fn visitors_at_b(count: u64) -> Vec<Command> {
    let mut batch = Vec::new();
    for n in 0..count {
        for mut command in mapping_at_b(Some(1)) {
            match &mut command {
                Command::StoreMapping {
                    key, partner_id, ..
                } => {
                    *key = visitor(n);
                    *partner_id = McId::parse(&visitor_id_at_b(n)).expect("an id");
                }
                Command::OutboxDone { id } => *id = n + 1,
                _ => {}
            }
            batch.push(command);
        }
    }
    batch
}

/// At A: the migrations of `count` visitors to `system` were allowed, their next stay being there. (The responses that they owe
/// are out of date.)
#[must_use]
pub fn stays_at(system: &str, count: u64) -> Vec<Command> {
    let stays = (0..count).map(|n| {
        let mut command = stay_at_b();
        if let Command::AllowMigration {
            key,
            partner_id,
            system: to,
            ..
        } = &mut command
        {
            *key = visitor(n);
            *partner_id = McId::parse(&format!("sip:guest-{n}@{system}")).expect("an id");
            *to = SystemId::new(system);
        }
        command
    });
    stays.collect()
}

/// What A's server at `from` sends B's: the de-authorization of visitor `n`'s first stay. `branch` tells transactions apart.
#[must_use]
pub fn deauthorization(from: SocketAddr, n: u64, branch: &str) -> Vec<u8> {
    let (user, partner) = (visitor_id(n), visitor_id_at_b(n));
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <mcpttinfo xmlns=\"urn:3gpp:ns:mcpttInfo:1.0\"><mcptt-Params>\
         <mcptt-request-uri type=\"Normal\"><mcpttURI>{user}</mcpttURI></mcptt-request-uri><anyExt>\
         <req-type type=\"Normal\"><mcpttString>migration-service-deauthorization-notification</mcpttString></req-type>\
         <primary-mcptt-id type=\"Normal\"><mcpttURI>{user}</mcpttURI></primary-mcptt-id>\
         <partner-mcptt-id type=\"Normal\"><mcpttURI>{partner}</mcpttURI></partner-mcptt-id>\
         <stay xmlns=\"urn:mcx-sip:migration:1\" number=\"1\" procedure=\"0192d3c4-7a1e-7b60-9f3e-2f4c5a6b7c8d\"/>\
         </anyExt></mcptt-Params></mcpttinfo>"
    );
    format!(
        "MESSAGE sip:mc-server@b.mcx.example SIP/2.0\r\n\
         Via: SIP/2.0/UDP {from};branch=z9hG4bK{branch};rport\r\n\
         Max-Forwards: 69\r\n\
         From: <sip:mc-server@a.mcx.example>;tag=1\r\n\
         To: <sip:mc-server@b.mcx.example>\r\n\
         Call-ID: {branch}\r\n\
         CSeq: 1 MESSAGE\r\n\
         P-Asserted-Identity: <sip:mc-server@a.mcx.example>\r\n\
         P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.mcptt\r\n\
         Accept-Contact: *;+g.3gpp.mcptt;require;explicit\r\n\
         Accept-Contact: *;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mcptt\";require;explicit\r\n\
         Content-Type: application/vnd.3gpp.mcptt-info+xml\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// An OPTIONS from `from`, which needs no store.
#[must_use]
pub fn options(from: SocketAddr, branch: &str) -> Vec<u8> {
    format!(
        "OPTIONS sip:mc-server@b.mcx.example SIP/2.0\r\n\
         Via: SIP/2.0/UDP {from};branch=z9hG4bK{branch};rport\r\n\
         Max-Forwards: 69\r\n\
         From: <sip:mc-server@a.mcx.example>;tag=1\r\n\
         To: <sip:mc-server@b.mcx.example>\r\n\
         Call-ID: {branch}\r\n\
         CSeq: 1 OPTIONS\r\n\
         Content-Length: 0\r\n\r\n"
    )
    .into_bytes()
}
