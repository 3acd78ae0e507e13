//! What real peers do wrong and is accepted all the same (wire profile, "Leniency"), one message each in
//! `sip-tests/leniency`; a node never emits it.

use std::collections::BTreeMap;

use mcx::state::{Authorization, Command, UserKey, VisitorPhase};
use mcx::{McId, ProcedureId, Service, SystemId, Timestamp};
use sip_tests::lab::{Lab, Node, Wire, project};

use super::emitted::{emitted, users};

/// Whether a message, head and body, shows a leniency.
type Mark = fn(&str, &str) -> bool;

/// How a message shows each leniency: what the emitted ones must not.
const MARKS: [(&str, Mark); 10] = [
    ("value-without-its-child", |_, body| {
        content_elements(body).any(|element| !element.1.starts_with('<'))
    }),
    ("type-missing", |_, body| {
        content_elements(body).any(|element| !element.0.contains(" type=\"Normal\""))
    }),
    ("another-order", |_, body| {
        let target = body.find("-request-uri");
        matches!((body.find("<anyExt>"), target), (Some(ext), Some(target)) if ext < target)
    }),
    ("one-accept-contact", |head, _| {
        head.matches("\r\nAccept-Contact: ").count() == 1
    }),
    ("icsi-unencoded", |head, _| {
        lines(head, "Accept-Contact:").any(|l| l.contains("urn:urn-7:"))
    }),
    ("bare-lf-inside-multipart", |head, body| {
        is_multipart(head) && has_bare_lf(body)
    }),
    ("blank-lines-before-the-first-boundary", |head, body| {
        is_multipart(head) && body.starts_with("\r\n")
    }),
    ("lf-only-body", |_, body| has_bare_lf(body)),
    ("lf-only-message-sip", |head, body| {
        head.contains("Content-Type: message/sip") && has_bare_lf(body)
    }),
    ("value-child-of-the-other-kind", |_, body| {
        content_elements(body).any(|(tag, rest)| {
            let uri = tag.contains("-uri ") || tag.contains("-id ");
            let child = rest.split('>').next().unwrap_or_default();
            uri != child.ends_with("URI")
        })
    }),
];

/// Elements of content type: each one's start tag, and what comes behind it.
fn content_elements(body: &str) -> impl Iterator<Item = (&str, &str)> {
    const NAMES: [&str; 6] = [
        "-request-uri",
        "-id",
        "req-type",
        "resp-type",
        "migration-auth-result",
        "-access-token",
    ];
    body.split('<').filter_map(move |piece| {
        let (tag, _) = piece.split_once('>')?;
        let name = tag.split(' ').next()?;
        let is_content = !name.starts_with('/') && NAMES.iter().any(|n| name.ends_with(n));
        let (_, rest) = body.split_once(&format!("<{piece}"))?;
        let text = &piece[tag.len() + 1..];
        is_content.then_some((tag, if text.is_empty() { rest } else { text }))
    })
}

fn lines<'a>(head: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    head.lines().filter(move |line| line.starts_with(name))
}

fn is_multipart(head: &str) -> bool {
    head.contains("Content-Type: multipart/")
}

fn has_bare_lf(body: &str) -> bool {
    let bytes = body.as_bytes();
    (0..bytes.len()).any(|n| bytes[n] == b'\n' && (n == 0 || bytes[n - 1] != b'\r'))
}

/// Head and body.
fn halves(message: &str) -> (&str, &str) {
    message.split_once("\r\n\r\n").unwrap()
}

/// The messages by their names.
fn corpus() -> BTreeMap<String, String> {
    let folder = std::fs::read_dir(project().join("sip-tests/leniency")).unwrap();
    folder
        .flatten()
        .map(|file| {
            let name = file.file_name().into_string().unwrap();
            let name = name.strip_suffix(".dat").unwrap().to_owned();
            (name, std::fs::read_to_string(file.path()).unwrap())
        })
        .collect()
}

/// A user of A that the message `name` is about.
fn user(name: &str) -> UserKey {
    UserKey {
        service: Service::Mcptt,
        primary_id: McId::parse(&format!("sip:{name}@a.mcx.example")).unwrap(),
    }
}

/// B's mapping of that user.
fn mapping(name: &str) -> Command {
    Command::StoreMapping {
        heard: None,
        key: user(name),
        primary: SystemId::new("a.mcx.example"),
        partner_id: McId::parse(&format!("sip:{name}@b.mcx.example")).unwrap(),
        number: Some(1),
        procedure: ProcedureId::new(Timestamp(1_700_000_000_000), [1; 10]),
        authorization: Authorization {
            until: Timestamp(4_000_000_000_000),
            etag: None,
            registration: None,
        },
        at: Timestamp(1_700_000_000_000),
    }
}

#[test]
fn each_is_accepted() {
    let lab = Lab::new("leniency");
    let corpus = corpus();
    let names: Vec<&String> = corpus.keys().collect();
    assert_eq!(names.len(), MARKS.len());
    let mut seed: Vec<_> = names.iter().map(|name| mapping(name)).collect();
    seed.extend((1..=names.len() as u64).map(|id| Command::OutboxDone { id }));
    lab.seed("b-server", seed);
    let node = Node::start(&lab, "direct/b-server", |text| text);
    let primary = Wire::new(&lab, "a-server", "b-server");
    let core = Wire::new(&lab, "b-core", "b-server");
    for (name, message) in &corpus {
        let sender = if message.starts_with("REGISTER") {
            &core
        } else {
            &primary
        };
        let before = lab.stored("b-server");
        let answer = sender.ask(message.as_bytes());
        assert_eq!(answer.status().as_u16(), 200, "{name}: {answer:?}");
        let after = lab.stored("b-server");
        assert_ne!(after, before, "{name}");
        if message.starts_with("MESSAGE") {
            let mapping = after.visitors.iter().find(|(key, _)| *key == user(name));
            let phase = mapping.unwrap().1.phase;
            assert!(matches!(phase, VisitorPhase::WasMigrated { .. }), "{name}");
        } else {
            assert!(after.homes[0].1.authorization.is_some(), "{name}");
        }
    }
    let _ = node.stop();
}

#[test]
fn none_is_emitted() {
    let corpus = corpus();
    for (name, mark) in MARKS {
        let (head, body) = halves(&corpus[name]);
        assert!(mark(head, body), "{name} is not what it says");
    }
    let mut messages = 0;
    for bytes in emitted(&users()[..1]) {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let (head, body) = halves(&text);
        for (name, mark) in MARKS {
            assert!(!mark(head, body), "{name} is emitted:\n{text}");
        }
        messages += usize::from(head.starts_with("MESSAGE"));
    }
    assert!(messages >= 12, "{messages}");
}
