//! What tests start from: alice of A, known to B as visitor-4711.

use mcx::state::{Authorization, Command, UserKey};
use mcx::{McId, ProcedureId, Service, SystemId, Timestamp};

use super::{Lab, Over, Sipp};

/// alice's id in A, her primary system.
pub const ALICE: &str = "sip:alice@a.mcx.example";
/// alice's id in B.
pub const ALICE_AT_B: &str = "sip:visitor-4711@b.mcx.example";

/// alice in MCPTT.
#[must_use]
pub fn alice() -> UserKey {
    UserKey {
        service: Service::Mcptt,
        primary_id: id(ALICE),
    }
}

fn id(text: &str) -> McId {
    McId::parse(text).expect("an id")
}

fn procedure(n: u8) -> ProcedureId {
    ProcedureId::new(Timestamp(1_700_000_000_000), [n; 10])
}

/// At A: alice's migration to B is allowed; her next stay is open. (The response that it owes B
/// is out of date.)
#[must_use]
pub fn stay_at_b() -> Command {
    Command::AllowMigration {
        key: alice(),
        system: SystemId::new("b.mcx.example"),
        partner_id: id(ALICE_AT_B),
        procedure: procedure(1),
        in_reply_to: "seed".into(),
        at: Timestamp(1_700_000_000_000 - 3_600_000),
        expires: Timestamp(1),
    }
}

/// At B: alice's mapping, of that stay. (The notification that it owes A is taken away again.)
#[must_use]
pub fn mapping_at_b(number: Option<u64>) -> Vec<Command> {
    vec![
        Command::StoreMapping {
            heard: None,
            key: alice(),
            primary: SystemId::new("a.mcx.example"),
            partner_id: id(ALICE_AT_B),
            number,
            procedure: procedure(1),
            authorization: Authorization {
                until: Timestamp(4_000_000_000_000),
                etag: None,
                registration: None,
            },
            at: Timestamp(1_700_000_000_000),
        },
        Command::OutboxDone { id: 1 },
    ]
}

/// SIPp at the address of `at`, in the place of B's server or gateway: receives the
/// de-authorization of alice's first stay there, checks it, and answers with `status` (`200 OK`)
/// and further header fields; not at all when `status` is empty.
#[must_use]
pub fn receive_deauthorization(lab: &Lab, at: &str, status: &str, headers: &str) -> Sipp {
    receive_deauthorization_over(lab, Over::Udp, at, status, headers)
}

/// The same over any transport.
#[must_use]
pub fn receive_deauthorization_over(
    lab: &Lab,
    over: Over,
    at: &str,
    status: &str,
    headers: &str,
) -> Sipp {
    let (function, system) = at.split_once('-').map_or((at, "b"), |(s, f)| (f, s));
    let from = match function {
        "gateway" => "sip:mc-gateway@a.mcx.example",
        _ => "sip:mc-server@a.mcx.example",
    };
    let answer = if status.is_empty() {
        String::new()
    } else {
        format!(
            "<send><![CDATA[\nSIP/2.0 {status}\n[last_Via:]\n[last_From:]\n[last_To:];tag=[call_number]\n\
             [last_Call-ID:]\n[last_CSeq:]\n{headers}Content-Length: 0\n\n]]></send>"
        )
    };
    Sipp::start_over(
        lab,
        over,
        "receive",
        at,
        None,
        &[
            ("TO_PSI", &format!("sip:mc-{function}@{system}.mcx.example")),
            ("FROM_PSI", from),
            ("MAX_FORWARDS", if function == "gateway" { "69" } else { "70" }),
            ("KIND", "<req-type type=.Normal.><mcpttString>migration-service-deauthorization-notification</mcpttString></req-type>".replace('<', "&lt;").replace('>', "&gt;").as_str()),
            ("PARTNER_ID", ALICE_AT_B),
            ("STAY", " number=.1."),
            ("ANSWER", &answer),
        ],
    )
}
