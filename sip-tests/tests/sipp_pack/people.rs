//! Who the scenarios are about, and what they are run with.

use mcx::state::{Authorization, Command, UserKey, Visitor};
use mcx::{McId, MessageKind, ProcedureId, Profile, Service, SystemId, Timestamp};
use sip_tests::lab::{ALICE, ALICE_AT_B, Lab, Scenario};

/// PSI of a system's MC service server.
pub fn server(system: &str) -> String {
    format!("sip:mc-server@{system}.mcx.example")
}

/// PSI of a system's gateway.
pub fn gateway(system: &str) -> String {
    format!("sip:mc-gateway@{system}.mcx.example")
}

/// A MESSAGE about alice, her id at B being given, from the server of one system to that of another; no stay, no result.
pub fn message(
    scenario: &'static str,
    service: Service,
    kind: MessageKind,
    from: &str,
    to: &str,
) -> Scenario {
    let kind = Profile::default().of(service).kind_value(kind).to_owned();
    let scenario = Scenario::new(scenario, service).key("kind", kind);
    with_names(scenario).key("from", from).key("to", to)
}

fn with_names(scenario: Scenario) -> Scenario {
    let scenario = scenario.key("user", ALICE).key("partner_id", ALICE_AT_B);
    let scenario = scenario.key("stay", "").key("result", "");
    scenario.key("max_forwards", "70")
}

/// A at B: what it sends about alice.
pub fn from_a_to_b(service: Service, kind: MessageKind) -> Scenario {
    message("send-message", service, kind, &server("a"), &server("b")).rows("rows/200")
}

/// B at A.
pub fn from_b_to_a(service: Service, kind: MessageKind) -> Scenario {
    message("send-message", service, kind, &server("b"), &server("a")).rows("rows/200")
}

/// SIPp in B's place, which A sends a message.
pub fn taken_at_b(service: Service, kind: MessageKind) -> Scenario {
    message("answer-message", service, kind, &server("a"), &server("b")).rows("answers/200")
}

/// SIPp in A's place, which B sends a message.
pub fn taken_at_a(service: Service, kind: MessageKind) -> Scenario {
    message("answer-message", service, kind, &server("b"), &server("a")).rows("answers/200")
}

/// SIPp in A's place, which B asks whether alice may migrate.
pub fn allow_migration(service: Service, result: &str, stay: &str) -> Scenario {
    let scenario = with_names(Scenario::new("allow-migration", service));
    let scenario = scenario.key("from", server("b")).key("to", server("a"));
    scenario.key("result", result).key("stay", stay)
}

/// SIPp as the core of a system: `user`, who has the id `here` there, completes service authorization.
pub fn register(lab: &Lab, service: Service, system: &str, here: &str, primary: &str) -> Scenario {
    core(lab, "send-register", service, system, here)
        .key("primary", primary)
        .key("expires", "3600")
        .rows("events/200")
}

/// The same by PUBLISH, four times.
pub fn publish(lab: &Lab, service: Service, system: &str, here: &str) -> Scenario {
    core(lab, "send-publish", service, system, here)
}

fn core(lab: &Lab, scenario: &'static str, service: Service, system: &str, here: &str) -> Scenario {
    let claim = format!("{service}_id");
    let token = lab.token(system, &[(&claim, here)], 3600);
    Scenario::new(scenario, service)
        .key("to", server(system))
        .key("client", format!("sip:user@ims.{system}.mcx.example"))
        .key("token", token)
}

/// alice in a service.
pub fn alice(service: Service) -> UserKey {
    key(service, ALICE)
}

/// A user of A in a service.
pub fn key(service: Service, id: &str) -> UserKey {
    UserKey {
        service,
        primary_id: McId::parse(id).unwrap(),
    }
}

fn procedure() -> ProcedureId {
    ProcedureId::new(Timestamp(1_700_000_000_000), [1; 10])
}

/// At B: alice's mapping in every service, of that stay; the notifications that they owe A are taken away.
pub fn mappings_at_b(number: Option<u64>) -> Vec<Command> {
    let mappings = Service::ALL.map(|service| Command::StoreMapping {
        heard: None,
        key: alice(service),
        primary: SystemId::new("a.mcx.example"),
        partner_id: McId::parse(ALICE_AT_B).unwrap(),
        number,
        procedure: procedure(),
        authorization: Authorization {
            until: Timestamp(4_000_000_000_000),
            etag: None,
            registration: None,
        },
        at: Timestamp(1_700_000_000_000),
    });
    let owed = (1..=3).map(|id| Command::OutboxDone { id });
    mappings.into_iter().chain(owed).collect()
}

/// At A: that user's first stay at B is open. (The response that it owes B is out of date.)
pub fn stay_at_b(service: Service, user: &str, partner_id: &str) -> Command {
    Command::AllowMigration {
        key: key(service, user),
        system: SystemId::new("b.mcx.example"),
        partner_id: McId::parse(partner_id).unwrap(),
        procedure: procedure(),
        in_reply_to: "seed".into(),
        at: Timestamp(1_600_000_000_000),
        expires: Timestamp(1),
    }
}

/// alice's mapping at B.
pub fn visitor(lab: &Lab, service: Service) -> Option<Visitor> {
    let visitors = lab.stored("b-server").visitors;
    let mut found = visitors
        .into_iter()
        .filter(|(key, _)| *key == alice(service));
    found.next().map(|(_, visitor)| visitor)
}
