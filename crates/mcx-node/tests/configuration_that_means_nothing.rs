//! `mcx check` names values that can be read and with which nothing works: names that no DNS has, issuers of nothing, a server that
//! is never asked, users who are somebody else's.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "common/check.rs"]
mod check;

use check::{Folder, check, check_file, example, refused, refused_text};

const SERVER: &str = "gateways/a-server.toml";
const GATEWAY: &str = "gateways/a-gateway.toml";

#[test]
fn a_system_whose_name_is_no_domain_is_named() {
    let long = format!("{}.example", "a".repeat(64));
    let longer = ["a"; 130].join(".");
    for id in ["a..example", ".a.example", "a.example.", &long, &longer] {
        let expected = format!("`{id}` is no MC system id: write the operator's domain");
        refused(
            SERVER,
            "id = \"a.mcx.example\"",
            &format!("id = \"{id}\""),
            &expected,
        );
        refused(
            SERVER,
            "system = \"b.mcx.example\"",
            &format!("system = \"{id}\""),
            &expected,
        );
    }
    let most = format!("{}.example", "a".repeat(63));
    let text = example(SERVER).replace(
        "system = \"b.mcx.example\"",
        &format!("system = \"{most}\""),
    );
    let (output, said) = check(&text);
    assert!(output.status.success(), "{said}");
    for domain in ["", "a..example", "sip:a.example", "a b.example"] {
        let to = format!("system = \"b.mcx.example\"\ndomains = [\"b.example\", \"{domain}\"]");
        let text = example(SERVER).replace("system = \"b.mcx.example\"", &to);
        let line = text.lines().position(|l| l.starts_with("domains")).unwrap() + 1;
        let expected = format!(
            "`{domain}` is no domain of MC service IDs: write for example \"a.mcx.example\""
        );
        refused_text(&text, line, &expected);
    }
}

#[test]
fn a_next_hop_that_is_nowhere_is_named() {
    for (hop, why) in [
        ("sip:127.0.0.1:0", "has port 0"),
        ("sip:b.example:0;transport=tcp", "has port 0"),
        ("sip:0.0.0.0:5062", "is no host that can be sent to"),
        ("sip:[::]:5062", "is no host that can be sent to"),
    ] {
        let expected = format!("`{hop}` {why}: write \"sip:ADDRESS:PORT\"");
        refused(SERVER, "sip:127.0.0.1:5062", hop, &expected);
    }
}

#[test]
fn an_issuer_without_a_name_is_named() {
    refused(
        SERVER,
        "issuer = \"https://idms.a.mcx.example\"",
        "issuer = \"\"",
        "no token is of nobody: write issuer = \"TEXT\", as in the tokens' claim iss",
    );
    refused(
        SERVER,
        "audience = \"mcx\"",
        "audience = \"\"",
        "no token is for nobody: write audience = \"TEXT\", as in the tokens' claim aud",
    );
}

#[test]
fn an_issuer_is_written_once_with_each_of_his_keys() {
    let issuer = |key: &str, services: &str| {
        format!(
            "\n[[service-server.token-issuer]]\nissuer = \"https://idms.a.mcx.example\"\naudience = \"mcx\"\n\
             algorithm = \"ES256\"\nkey-file = \"../keys/{key}.pub.pem\"\n{services}"
        )
    };
    let text = example(SERVER) + &issuer("idms-a", "");
    let line = text.lines().count() - 3;
    let expected =
        "issuer, audience and key are there already: write each once, with all its services";
    refused_text(&text, line, expected);
    let of_one = issuer("idms-a", "services = [\"mcptt\"]\n");
    refused_text(&(example(SERVER) + &of_one), line, expected);
    // One who changes his key has two for a while; and one may be asked about one service, and another about others.
    let folder = Folder::new();
    let other = check::loopback().join("keys/idms-b.pub.pem");
    std::fs::copy(other, folder.0.join("keys/idms-b.pub.pem")).unwrap();
    let path = folder.0.join("nodes/node.toml");
    let split = example(SERVER).replace(
        "audience = \"mcx\"",
        "audience = \"mcx\"\nservices = [\"mcvideo\", \"mcdata\"]",
    );
    for text in [example(SERVER) + &issuer("idms-b", ""), split + &of_one] {
        std::fs::write(&path, text).unwrap();
        let (output, said) = check_file(&path);
        assert!(output.status.success(), "{said}");
    }
}

#[test]
fn a_service_is_behind_a_gateway_once() {
    let text = example(GATEWAY)
        + "\n[[gateway.server]]\nservices = [\"mcdata\"]\npsi = \"sip:other@a.mcx.example\"\nnext-hop = \"sip:127.0.0.1:5098\"\n";
    let expected = "mcdata has its server already: write each service in one [[gateway.server]]";
    refused_text(&text, text.lines().count() - 2, expected);
    let apart = text.replace(
        "\"mcptt\", \"mcvideo\", \"mcdata\"",
        "\"mcptt\", \"mcvideo\"",
    );
    let (output, said) = check(&apart);
    assert!(output.status.success(), "{said}");
}

/// Who may migrate to a partner is said of own users; nobody else's is asked for there, and a slip of the pen lets somebody go.
#[test]
fn users_of_others_in_a_policy_are_named() {
    let expected = "a user of b.mcx.example is none of a.mcx.example: write own users here, as \"sip:USER@a.mcx.example\"";
    refused(
        SERVER,
        "sip:bob@a.mcx.example",
        "sip:bob@b.mcx.example",
        expected,
    );
    let mut text = example(SERVER).replacen(
        "refused-users = [\"sip:bob@a.mcx.example\"]",
        "users = [\"sip:zoe@b.mcx.example\"], mcptt = { allow = true, refused-users = [\"sip:zoe@b.mcx.example\"] }",
        1,
    );
    let line = text.lines().position(|l| l.contains("zoe")).unwrap() + 1;
    refused_text(&text, line, expected);
    let (_, said) = check(&text);
    // The log has these words when a reload is refused.
    assert!(!said.contains("zoe"), "{said}");
    assert!(said.contains("node.toml: 1 problem, "), "{said}");
    text = text.replace(
        "id = \"a.mcx.example\"",
        "id = \"a.mcx.example\"\ndomains = [\"a.mcx.example\", \"z.example\"]",
    );
    let (output, said) = check(&text.replace("zoe@b.mcx.example", "zoe@z.example"));
    assert!(output.status.success(), "{said}");
}
