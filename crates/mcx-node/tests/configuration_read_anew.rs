//! A configuration that changes under a running node: by `mcx reload` and SIGHUP, all of it or nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../../../sip-tests/src/lab/certificates.rs"]
mod certificates;
#[path = "common/check.rs"]
mod check;
#[path = "common/running.rs"]
mod running;

use std::path::Path;
use std::time::{Duration, SystemTime};

use certificates::Authority;
use check::example;
use mcx_node::transport::tls::TlsFiles;
use running::Running;

/// A de-authorization from whoever asks, as B's server of a node of A without gateways.
fn message(n: u32) -> String {
    let body = format!(
        "<mcpttinfo xmlns=\"urn:3gpp:ns:mcpttInfo:1.0\"><mcptt-Params><anyExt>\
         <req-type type=\"Normal\"><mcpttString>migration-service-deauthorization-notification</mcpttString></req-type>\
         <primary-mcptt-id type=\"Normal\"><mcpttURI>sip:bob@b.mcx.example</mcpttURI></primary-mcptt-id>\
         <partner-mcptt-id type=\"Normal\"><mcpttURI>sip:visitor-{n}@a.mcx.example</mcpttURI></partner-mcptt-id>\
         </anyExt></mcptt-Params></mcpttinfo>"
    );
    format!(
        "MESSAGE sip:mc-server@a.mcx.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bKm{n}\r\n\
         From: <sip:mc-server@b.mcx.example>;tag=1\r\nTo: <sip:mc-server@a.mcx.example>\r\nCall-ID: m{n}\r\n\
         CSeq: 1 MESSAGE\r\nMax-Forwards: 70\r\nP-Asserted-Identity: <sip:mc-server@b.mcx.example>\r\n\
         Content-Type: application/vnd.3gpp.mcptt-info+xml\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A's server, whose partner B sends from everywhere on this host.
fn configuration() -> String {
    example("direct/a-server.toml").replace(
        "next-hop = \"sip:127.0.0.1:5071\"",
        "next-hop = \"sip:127.0.0.1:5071\", sources = [\"127.0.0.1\"]",
    )
}

fn status(node: &Running, n: u32) -> u16 {
    let answer = node.asked(&message(n));
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_partner_and_a_bound_hold_from_the_next_message_on() {
    let text = configuration();
    let node = Running::start("a-server", &text);
    assert_eq!(status(&node, 1), 404, "B may say it, of nobody known");
    assert_eq!(node.says(&["reload"]), "nothing changed\n");
    // Another network of B's, and a small bound.
    let changed = text.replace("sources = [\"127.0.0.1\"]", "sources = [\"192.0.2.7\"]");
    assert_ne!(changed, text);
    std::fs::write(&node.config, &changed).unwrap();
    let said = node.says(&["reload"]);
    assert_eq!(said, "changed: partner.b.mcx.example.server.sources\n");
    assert_eq!(status(&node, 2), 403);
    std::fs::write(&node.config, format!("{text}\n[limits]\nbody = 100\n")).unwrap();
    let said = node.says(&["reload"]);
    assert_eq!(
        said,
        "changed: limits.body, partner.b.mcx.example.server.sources\n"
    );
    assert_eq!(status(&node, 3), 413);
    let log = node.killed();
    assert!(log.contains("configuration read anew"), "{log}");
}

#[test]
fn what_is_wrong_is_refused_whole_and_nothing_changes() {
    let text = configuration();
    let node = Running::start("a-server", &text);
    let wrong = text
        .replace("sources = [\"127.0.0.1\"]", "sources = [\"192.0.2.7\"]")
        .replace("default = \"immediately\"", "default = \"tomorrow\"");
    std::fs::write(&node.config, wrong).unwrap();
    let socket = node.folder().join("a-server.sqlite.admin");
    let asked = std::process::Command::new(env!("CARGO_BIN_EXE_mcx"))
        .args(["reload", "--socket"])
        .arg(&socket)
        .output()
        .unwrap();
    assert_eq!(asked.status.code(), Some(1));
    let why = String::from_utf8(asked.stderr).unwrap();
    assert!(why.contains("everything stays as it was"), "{why}");
    assert!(why.contains("`tomorrow` is no time to stop"), "{why}");
    assert_eq!(status(&node, 1), 404, "B is still where it was");
    node.signal("HUP");
    std::fs::write(&node.config, &text).unwrap();
    assert_eq!(node.says(&["reload"]), "nothing changed\n");
}

/// Whoever edits the file of a running node keeps nobody from asking it: the node judges the file, when it is told to read it.
#[test]
fn a_file_that_is_being_edited_keeps_nobody_from_asking() {
    let text = configuration();
    let node = Running::start("a-server", &text);
    let damaged: [&[u8]; 5] = [
        b"bogus\n",
        b"[[partner]\nsystem = \"c.mcx.example\n",
        b"[bogus]\nkey = 1\n",
        b"[trace]\nfile = 7\n",
        b"# \xe4\n",
    ];
    for bytes in damaged {
        let changed = [text.as_bytes(), b"\n", bytes].concat();
        std::fs::write(&node.config, changed).unwrap();
        assert_eq!(node.says(&["ready"]), "ready\n");
        node.says(&["users"]);
        let (code, out, why) = node.mcx(&["reload"]);
        assert_eq!((code, out.as_str()), (1, ""), "{why}");
        assert!(why.contains("everything stays as it was"), "{why}");
    }
    // The section of the socket itself.
    for (from, to) in [
        ("store = ", "bogus\nstore = "),
        ("store = ", "migration-timeout 5\nstore = "),
        ("psi = ", "psi = 7\n#"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text);
        std::fs::write(&node.config, changed).unwrap();
        assert_eq!(node.says(&["ready"]), "ready\n");
    }
    let said = node.says(&["drain"]);
    assert!(said.contains("takes leave"), "{said}");
    let log = node.killed();
    let refused = log.lines().filter(|line| {
        line.contains("configuration refused, everything stays as it was") && line.contains(".toml")
    });
    assert!(refused.count() >= damaged.len(), "{log}");
    assert!(log.contains("key with no value"), "{log}");
}

#[test]
fn a_node_whose_socket_is_not_where_its_file_says_by_now_is_asked_at_the_old_one() {
    let text = configuration();
    let node = Running::start("a-server", &text);
    let moved = text.replace("store = ", "admin = \"other.admin\"\nstore = ");
    std::fs::write(&node.config, moved).unwrap();
    let (code, _, why) = node.mcx(&["reload"]);
    assert_eq!(code, 1);
    assert!(why.contains("nodes/other.admin: no such socket"), "{why}");
    let where_it_was = "if it was started with another admin socket, it listens there until it is restarted: \
                        name that with --socket PATH";
    assert!(why.contains(where_it_was), "{why}");
    let asked = std::process::Command::new(env!("CARGO_BIN_EXE_mcx"))
        .args(["reload", "--socket"])
        .arg(node.folder().join("a-server.sqlite.admin"))
        .output()
        .unwrap();
    let said = String::from_utf8(asked.stdout).unwrap();
    assert!(said.contains("restart: service-server.admin"), "{said}");
    // Without any of what says where it is.
    for (text, expected) in [
        (
            "",
            "a-server.toml: it does not say where the admin socket is",
        ),
        (
            "[service-server\nstore = \"a-server.sqlite\"\n",
            "a-server.toml:1: it does not say where the admin socket is (",
        ),
    ] {
        std::fs::write(&node.config, text).unwrap();
        let (code, _, why) = node.mcx(&["ready"]);
        assert_eq!(code, 1);
        assert!(why.contains(expected), "{why}");
        assert!(why.contains("name it with --socket PATH"), "{why}");
    }
}

#[test]
fn what_needs_a_restart_is_named_again_and_again() {
    let text = configuration();
    let node = Running::start("a-server", &text);
    let elsewhere = text.replace("udp:127.0.0.1:0", "udp:127.0.0.2:0").replace(
        "store = \"a-server.sqlite\"",
        "store = \"other.sqlite\"\nadmin = \"a-server.sqlite.admin\"",
    ) + "\n[service-server.events]\nfile = \"events.ndjson\"\n[log]\nlevel = \"debug\"\n";
    std::fs::write(&node.config, elsewhere).unwrap();
    let at_start = "needs a restart: service-server.admin, service-server.events.file, \
                    service-server.listen, service-server.store\n";
    assert_eq!(
        node.says(&["reload"]),
        format!("changed: log.level; {at_start}")
    );
    assert_eq!(
        node.says(&["reload"]),
        format!("nothing changed; {at_start}")
    );
    assert_eq!(status(&node, 1), 404, "it listens where it did");
    assert!(!node.folder().join("other.sqlite").exists());
}

#[test]
fn the_log_says_more_from_the_moment_on_and_json_where_that_is_wanted() {
    let text = configuration() + "\n[log]\nlevel = \"error\"\nformat = \"json\"\n";
    let node = Running::start("a-server", &text);
    status(&node, 1);
    let more = text.replace("level = \"error\"", "level = \"info\"");
    std::fs::write(&node.config, &more).unwrap();
    assert_eq!(node.says(&["reload"]), "changed: log.level\n");
    status(&node, 2);
    let log = node.killed();
    let lines: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    let decisions = lines
        .iter()
        .filter(|line| line["verdict"] == "unknown user");
    assert_eq!(decisions.count(), 1, "{log}");
    assert!(!log.contains("bob"), "{log}");
}

#[test]
fn the_level_of_the_environment_holds_and_is_one_that_there_is() {
    let text = configuration();
    for (level, is_said) in [("debug", true), ("WARN", false), ("", true)] {
        let environment = [("MCX_LOG", level)];
        let node = Running::with_environment("a-server", &text, |_| {}, &environment);
        status(&node, 1);
        let log = node.killed();
        assert_eq!(log.contains("unknown user"), is_said, "{level}: {log}");
    }
    for level in ["foo", "info,debug", "mcx=debug", "5"] {
        let folder = check::Folder::new();
        let config = folder.0.join("nodes/a-server.toml");
        std::fs::write(&config, &text).unwrap();
        let run = std::process::Command::new(env!("CARGO_BIN_EXE_mcx"))
            .args(["run", "--until-stdin-closes", "--config"])
            .arg(&config)
            .env("MCX_LOG", level)
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8(run.stderr).unwrap();
        let expected = format!(
            "mcx: MCX_LOG=`{level}` is no level of the log: write error, warn, info, debug or trace\n"
        );
        assert_eq!((run.status.code(), said), (Some(1), expected));
    }
}

/// An issuer who changes his key has two for a while.
#[test]
fn another_key_of_an_issuer_comes_and_changes() {
    let text = configuration();
    let node = Running::start("a-server", &text);
    let key = |name: &str, of: &str| {
        let from = check::loopback().join(format!("keys/{of}.pub.pem"));
        std::fs::copy(from, node.folder().join(name)).unwrap();
    };
    key("new.pem", "idms-b");
    let issuer = "\n[[service-server.token-issuer]]\nissuer = \"https://idms.a.mcx.example\"\naudience = \"mcx\"\n\
                  algorithm = \"ES256\"\nkey-file = \"new.pem\"\n";
    std::fs::write(&node.config, text + issuer).unwrap();
    let second = "service-server.token-issuer.https://idms.a.mcx.example.2";
    let said = node.says(&["reload"]);
    assert!(said.contains(&format!("{second}.key-file")), "{said}");
    assert_eq!(node.says(&["reload"]), "nothing changed\n");
    key("new.pem", "idms-c");
    assert_eq!(node.says(&["reload"]), format!("changed: {second}.key\n"));
}

#[test]
fn a_folder_of_watches_comes_and_goes() {
    let text = configuration();
    let node = Running::start("a-server", &text);
    let user = "sip:alice@a.mcx.example";
    let order = [
        "trace",
        "watch",
        "add",
        "--user",
        user,
        "--because",
        "drill",
    ];
    let (code, _, why) = node.mcx(&order);
    assert!(code == 1 && why.contains("no folder for watches"), "{why}");
    std::fs::write(&node.config, format!("{text}\n[trace]\nwatches = \"w\"\n")).unwrap();
    assert_eq!(node.says(&["reload"]), "changed: trace.watches\n");
    let (code, said, why) = node.mcx(&order);
    assert_eq!(code, 0, "{why}");
    assert!(said.contains("nodes/w/"), "{said}");
}

fn put(files: &TlsFiles, folder: &Path) {
    for (file, name) in [
        (&files.certificate, "a.pem"),
        (&files.key, "a.key.pem"),
        (&files.roots, "roots.pem"),
    ] {
        std::fs::copy(file, folder.join(name)).unwrap();
    }
}

/// A node whose certificate ended in the night still starts, and serves whom it can without it.
#[test]
fn a_certificate_that_nobody_takes_is_told_and_keeps_no_node_from_serving() {
    let ca = Authority::new();
    let (now, day) = (SystemTime::now(), Duration::from_secs(86_400));
    let ended = ca.sign_for(
        now - 90 * day..now - day,
        "ended",
        &["URI:sip:a.mcx.example"],
    );
    let of_b = ca.sign("b", &["URI:sip:b.mcx.example"]);
    let tls = "\n[tls]\ncertificate = \"a.pem\"\nkey = \"a.key.pem\"\nroots = \"roots.pem\"\n";
    let text = configuration() + tls;
    let node = Running::prepared("a-server", &text, |folder| put(&ended, folder));
    assert_eq!(status(&node, 1), 404, "it serves");
    put(&of_b, &node.folder());
    let said = node.says(&["reload"]);
    assert!(
        said.starts_with("changed: certificates\nwarning: TLS: "),
        "{said}"
    );
    assert!(
        said.contains("a.pem: the certificate names b.mcx.example, and not a.mcx.example"),
        "{said}"
    );
    put(&ca.sign("a", &["URI:sip:a.mcx.example"]), &node.folder());
    assert_eq!(node.says(&["reload"]), "changed: certificates\n");
    let log = node.killed();
    let warned: Vec<_> = log.lines().filter(|line| line.contains("WARN")).collect();
    assert_eq!(warned.len(), 2, "{log}");
    assert!(
        warned[0].contains("a.pem: the certificate ended on 20"),
        "{log}"
    );
    assert!(
        warned[1].contains("a.pem: the certificate names b.mcx.example"),
        "{log}"
    );
}
