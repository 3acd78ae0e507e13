//! `/metrics` of a running node: in a format that promtool reads, with every metric that the alert rules and the dashboard want, and
//! without an identity of anybody.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/check.rs"]
mod check;
#[path = "common/http.rs"]
mod http;
#[path = "common/running.rs"]
mod running;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use check::{example, examples};
use http::{ask, get};
use running::Running;

#[path = "../../../sip-tests/src/lab/certificates.rs"]
#[allow(dead_code)]
mod certificates;

const HTTP: &str = "\n[http]\nlisten = \"127.0.0.1:0\"\n";

fn prometheus() -> PathBuf {
    examples().join("prometheus")
}

/// Runs promtool; nothing where it is not installed.
fn promtool(args: &[&str], input: &str) -> Option<(bool, String)> {
    let child = Command::new("promtool")
        .args(args)
        .current_dir(prometheus())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!(
            "SKIPPED: promtool is not installed (Debian package prometheus); sip-tests/run installs it"
        );
        return None;
    };
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8(said).unwrap()))
}

/// What begins like a name of ours in a text: metrics of rules and panels.
fn names(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c: char| !is_name(c));
    let ours = words.filter(|word| word.starts_with("mcx_") || word.starts_with("process_"));
    ours.map(str::to_owned).collect()
}

/// De-authorization of one of B's users at A, in a transaction of its own.
fn message(user: &str, n: u32) -> String {
    let body = format!(
        "<mcpttinfo xmlns=\"urn:3gpp:ns:mcpttInfo:1.0\"><mcptt-Params><anyExt>\
         <req-type type=\"Normal\"><mcpttString>migration-service-deauthorization-notification</mcpttString></req-type>\
         <primary-mcptt-id type=\"Normal\"><mcpttURI>{user}</mcpttURI></primary-mcptt-id>\
         <partner-mcptt-id type=\"Normal\"><mcpttURI>sip:zoe-{n}@a.mcx.example</mcpttURI></partner-mcptt-id>\
         </anyExt></mcptt-Params></mcpttinfo>"
    );
    format!(
        "MESSAGE sip:mc-server@a.mcx.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bKzoe{n}\r\n\
         From: <sip:zoe@b.mcx.example>;tag=1\r\nTo: <sip:mc-server@a.mcx.example>\r\nCall-ID: zoe{n}\r\n\
         CSeq: 1 MESSAGE\r\nMax-Forwards: 70\r\nP-Asserted-Identity: <sip:mc-server@b.mcx.example>\r\n\
         Content-Type: application/vnd.3gpp.mcptt-info+xml\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The value of a sample.
fn value(metrics: &str, sample: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(sample));
    let line = line.unwrap_or_else(|| panic!("no {sample} in\n{metrics}"));
    line.trim().parse().unwrap()
}

/// A's server after some requests, with TLS; what it measured.
fn measured() -> (Running, String) {
    let text = example("direct/a-server.toml").replace(
        "next-hop = \"sip:127.0.0.1:5071\"",
        "next-hop = \"sip:127.0.0.1:5071\", sources = [\"127.0.0.1\"]",
    );
    let tls = "[tls]\ncertificate = \"a.pem\"\nkey = \"a.key.pem\"\nroots = \"roots.pem\"\n";
    let text = text + HTTP + tls;
    let node = Running::prepared("a-server", &text, |folder| {
        let ca = certificates::Authority::new();
        let files = ca.sign("a", &["URI:sip:a.mcx.example"]);
        for (file, name) in [
            (files.certificate, "a.pem"),
            (files.key, "a.key.pem"),
            (files.roots, "roots.pem"),
        ] {
            let to = folder.join(name);
            if file != to {
                std::fs::copy(file, to).unwrap();
            }
        }
    });
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
        .set_read_timeout(Some(std::time::Duration::from_secs(20)))
        .unwrap();
    for _ in 0..2 {
        let request = message("sip:zoe@b.mcx.example", 1);
        socket.send_to(request.as_bytes(), node.address).unwrap();
        socket.recv(&mut [0; 65_536]).unwrap();
    }
    node.asked(&message("sip:zoe@c.mcx.example", 2));
    node.asked(
        "OPTIONS sip:zoe@a.mcx.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bKzoe\r\n\
         From: <sip:zoe@a.mcx.example>;tag=1\r\nTo: <sip:zoe@a.mcx.example>\r\nCall-ID: zoe\r\n\
         CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
    );
    let order = ["deauthorize", "sip:zoe@a.mcx.example", "--service", "mcptt"];
    node.mcx(&[&order[..], &["--because", "drill"]].concat());
    let (status, metrics) = get(node.http.unwrap(), "/metrics");
    assert_eq!(status, 200);
    (node, metrics)
}

#[test]
fn requests_answers_and_what_came_again_are_counted() {
    let (node, metrics) = measured();
    let of = |sample: &str| value(&metrics, sample);
    let function = "function=\"service-server\"";
    let requests = |method| {
        of(&format!(
            "mcx_sip_requests_total{{{function},method=\"{method}\"}}"
        ))
    };
    assert_eq!((requests("MESSAGE"), requests("OPTIONS")), (2.0, 1.0));
    for (status, reason) in [(404, 141), (403, 179)] {
        let answers = format!(
            "mcx_sip_answers_total{{{function},method=\"MESSAGE\",class=\"4xx\",status=\"{status}\",reason=\"{reason}\"}}"
        );
        assert_eq!(of(&answers), 1.0);
    }
    let again = format!("mcx_sip_retransmissions_total{{{function},what=\"received\"}}");
    assert_eq!(of(&again), 1.0);
    let unknown = format!(
        "mcx_procedure_results_total{{{function},requirement=\"P1.4\",verdict=\"unknown user\"}}"
    );
    assert_eq!(of(&unknown), 1.0);
    let took = format!("mcx_sip_request_duration_seconds_count{{{function},method=\"MESSAGE\"}}");
    assert_eq!(of(&took), 2.0);
    assert!(of("mcx_store_commit_duration_seconds_count") >= 1.0);
    assert!((1.0..100.0).contains(&of("mcx_runtime_tasks")));
    assert_eq!(of(&format!("mcx_ready{{{function}}}")), 1.0);
    assert_eq!(of("mcx_outbox_waiting{partner=\"b.mcx.example\"}"), 0.0);
    let ends = of("mcx_certificate_not_after_timestamp_seconds{certificate=\"own\"}");
    assert!(ends > of("process_start_time_seconds"), "{ends}");
    let (_, header, _) = ask(node.http.unwrap(), "GET", "/metrics");
    assert!(header.contains("text/plain; version=0.0.4"), "{header}");
}

#[test]
fn nobody_is_named() {
    let (_node, metrics) = measured();
    for line in metrics.lines() {
        let told = ["zoe", "sip:", "@"].iter().any(|word| line.contains(word));
        assert!(!told, "{line}");
    }
}

#[test]
fn every_metric_of_rules_and_dashboard_is_there() {
    let (_node, metrics) = measured();
    let there = names(&metrics);
    for file in ["alerts.yml", "dashboard.json"] {
        let text = std::fs::read_to_string(prometheus().join(file)).unwrap();
        let wanted = names(&text);
        assert!(wanted.len() > 5, "{wanted:?}");
        // They are there from the first request of a kind on; a procedure that came to an end is in a run of two systems.
        let later = ["mcx_procedure_duration_seconds_bucket"];
        for name in wanted.iter().filter(|name| !later.contains(&name.as_str())) {
            assert!(there.contains(name), "{file}: {name}");
        }
    }
    assert!(there.contains("mcx_procedure_duration_seconds"));
}

/// Who sees a number wants to know what it is; who reads of one looks for it.
#[test]
fn what_is_measured_is_what_the_documents_say() {
    let (_node, metrics) = measured();
    let docs = std::fs::read_to_string(examples().join("../operations.md")).unwrap();
    let (_, table) = docs.split_once("## What it measures").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let told: Vec<&str> = table.split('`').skip(1).step_by(2).collect();
    let is_told = |name: &str| {
        told.iter().any(|told| match told.strip_suffix('*') {
            Some(begin) => name.starts_with(begin),
            None => *told == name,
        })
    };
    let families = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "));
    let families: Vec<_> = families.filter_map(|line| line.split(' ').next()).collect();
    assert!(families.len() > 20, "{families:?}");
    let counted = metrics.lines().filter_map(|line| {
        let (_, rest) = line
            .strip_prefix("mcx_counted_total{")?
            .split_once("what=\"")?;
        rest.split('"').next()
    });
    let counted: BTreeSet<_> = counted.collect();
    assert!(counted.len() > 20, "{counted:?}");
    for name in families.iter().chain(&counted) {
        assert!(is_told(name), "{name} is in no document");
    }
    // The reverse: a row that begins with a name is of something that is there.
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    let first = rows.filter_map(|row| row.split('`').next());
    for name in first.filter(|name| !name.starts_with("Mcx") && *name != "what") {
        let begin = name.trim_end_matches('*');
        let is_there = |of: &&str| of.starts_with(begin);
        let conditional = ["mcx_procedure_", "mcx_collector_"];
        let there = families.iter().chain(&counted).any(is_there);
        assert!(
            there || conditional.iter().any(|c| name.starts_with(c)),
            "{name} is nowhere"
        );
    }
}

#[test]
fn promtool_takes_metrics_and_rules() {
    let (_node, metrics) = measured();
    if let Some((well, said)) = promtool(&["check", "metrics"], &metrics) {
        assert!(well, "{said}");
        let (well, said) = promtool(&["check", "config", "prometheus.yml"], "").unwrap();
        assert!(well, "{said}");
        for args in [
            ["check", "rules", "alerts.yml"],
            ["test", "rules", "alerts.test.yml"],
        ] {
            let (well, said) = promtool(&args, "").unwrap();
            assert!(well, "{said}");
        }
        let (broken, _) = promtool(&["check", "metrics"], "mcx_x{ 1\n").unwrap();
        assert!(!broken, "promtool refuses what is no metric");
    }
}
