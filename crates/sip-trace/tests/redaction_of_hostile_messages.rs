//! Redaction of messages that were made to break parsers, and of thousands of mutations of them: nothing panics, what was
//! a message is one of the same shape, what was none is none, and no identity that another reader finds is left.
//!
//! `REDACT_ITERATIONS=100000` takes more mutations.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::{A, B, Story, notification};
use sip_message::{Headers, Limits, Message, Uri};
use sip_trace::ladder::{Options, Row, build, html, mermaid, svg, text};
use sip_trace::summary::{Labels, summarize};
use sip_trace::{Record, Redactor, What, ndjson, pcapng};

const KEY: [u8; 32] = [7; 32];

fn corpus() -> Vec<(PathBuf, Bytes)> {
    let base = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    let own = "../../sip-tests/torture/own";
    for folder in [
        own,
        "../../../shared/torture/rfc4475",
        "../../../shared/torture/rfc5118",
    ] {
        let Ok(entries) = std::fs::read_dir(base.join(folder)) else {
            eprintln!("SKIPPED: {folder} is not there");
            continue;
        };
        let paths = entries.map(|entry| entry.unwrap().path());
        let paths: BTreeSet<PathBuf> = paths
            .filter(|p| p.extension().is_some_and(|e| e == "dat"))
            .collect();
        all.extend(paths.into_iter().map(|path| {
            let bytes = std::fs::read(&path).unwrap();
            (path, Bytes::from(bytes))
        }));
    }
    assert!(all.len() > 200, "{} messages", all.len());
    all
}

fn parse(bytes: &Bytes) -> Option<Message> {
    Message::parse_datagram(bytes.clone(), &Limits::default()).ok()
}

/// Redacts, and compares the shapes.
fn checked(redactor: &Redactor, before: &Bytes, what: &dyn std::fmt::Debug) -> Bytes {
    let after = redactor.message(before);
    let labels = Labels::default();
    let (old, new) = (summarize(before, &labels), summarize(&after, &labels));
    let (Some(one), Some(two)) = (parse(before), parse(&after)) else {
        assert_eq!(
            parse(before).is_some() && before.len() < 20_000,
            parse(&after).is_some(),
            "{what:?}"
        );
        assert!(
            parse(before).is_some() || before.len() == after.len(),
            "{what:?}"
        );
        return after;
    };
    assert_eq!(old.class, new.class, "{what:?}");
    assert_eq!(one.truncated(), two.truncated(), "{what:?}");
    assert_eq!(one.headers().len(), two.headers().len(), "{what:?}");
    assert_eq!(
        one.request().map(|r| r.method()),
        two.request().map(|r| r.method()),
        "{what:?}"
    );
    assert_eq!(
        one.response().map(|r| r.status()),
        two.response().map(|r| r.status()),
        "{what:?}"
    );
    // Once more, of what is redacted already: the same lines.
    let again = parse(&redactor.message(&after));
    let again = again.map_or(two.headers().len(), |again| again.headers().len());
    assert_eq!(again, two.headers().len(), "{what:?}");
    after
}

#[test]
fn every_message_of_the_corpus_keeps_its_shape() {
    let redactor = Redactor::new(&KEY);
    for (path, bytes) in corpus() {
        checked(&redactor, &bytes, &path);
    }
}

/// Users and display names that the typed readers find, which share no line with the redactor.
fn identities(headers: &Headers, uri: Option<Uri<'_>>) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut user = |uri: &Uri<'_>| found.extend(uri.user().map(<[u8]>::to_vec));
    if let Some(uri) = uri {
        user(&uri);
    }
    let mut names = Vec::new();
    for address in [headers.from(), headers.to()].into_iter().flatten() {
        user(address.uri());
        names.extend(address.display_name().map(|name| name.to_vec()));
    }
    for address in headers.p_asserted_identities().into_iter().flatten() {
        user(address.uri());
        names.extend(address.display_name().map(|name| name.to_vec()));
    }
    found.extend(names);
    found
}

/// What every message says in spite of its users' names: the tests of parsers call users after what is tested.
fn is_telling(identity: &[u8]) -> bool {
    const WORDS: [&str; 9] = [
        "example",
        "mcptt",
        "home",
        "user",
        "sip",
        "psi",
        "transport",
        "server",
        "null",
    ];
    let text = String::from_utf8_lossy(identity).to_ascii_lowercase();
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    letters >= 4
        && !WORDS.contains(&text.as_str())
        && !text.starts_with("u-")
        && !"masked".contains(&text)
}

#[test]
fn no_identity_of_the_corpus_is_in_any_export() {
    let mut story = Story::default();
    let mut names = BTreeSet::new();
    for (number, (_, bytes)) in corpus().iter().enumerate() {
        story.passed(number as u64, A, B, bytes);
        if let Some(message) = parse(bytes) {
            let uri = message.request().and_then(|request| request.uri().ok());
            names.extend(identities(message.headers(), uri));
        }
    }
    names.retain(|name| is_telling(name));
    // Twenty in the corpus of the project alone, more with the published messages.
    assert!(names.len() > 15, "{} identities", names.len());
    let before = exports(&story.records);
    let after = exports(&Redactor::new(&KEY).all(&story.records));
    for name in &names {
        let text = String::from_utf8_lossy(name);
        assert!(
            find(&before, name).is_some()
                || name
                    .iter()
                    .any(|b| b"\\\"".contains(b) || !b.is_ascii_graphic()),
            "{text} was never there"
        );
        if let Some(at) = find(&after, name) {
            let around = &after[at.saturating_sub(300)..(at + 300).min(after.len())];
            panic!("{text} is still in\n{}", String::from_utf8_lossy(around));
        }
    }
}

fn exports(records: &[Record]) -> Vec<u8> {
    let mut out = Vec::new();
    for record in records {
        ndjson::write(record, &mut out).unwrap();
        if let What::Message(message) = &record.what {
            out.extend_from_slice(&message.bytes);
        }
    }
    pcapng::write_merged(records, &mut out).unwrap();
    let ladder = build(records, &Options::default());
    // Of the page, what is in it: its script has words of its own.
    let page = html::render(&ladder, "corpus");
    let data = page.split("<script id=\"data\"").nth(1).unwrap();
    let data = data.split("</script>").next().unwrap().to_owned();
    assert!(data.len() > 50_000);
    for drawn in [
        text::render(&ladder, &text::Style::default()),
        mermaid::render(&ladder),
        svg::render(&ladder),
        data,
    ] {
        out.extend(drawn.into_bytes());
    }
    out
}

fn find(bytes: &[u8], word: &[u8]) -> Option<usize> {
    bytes.windows(word.len()).position(|window| window == word)
}

#[test]
fn the_ladder_of_the_corpus_tells_the_same_story() {
    let mut story = Story::default();
    for (number, (_, bytes)) in corpus().iter().enumerate() {
        let ms = 10 * number as u64;
        story.passed(ms, A, B, bytes);
        story.sent(ms + 3, A, B, bytes);
        story.decided(ms + 4, B, "L7", "kept", "for the test");
    }
    let shape = |records: &[Record]| -> Vec<String> {
        let ladder = build(records, &Options::default());
        let columns: Vec<_> = ladder.columns.iter().map(|c| c.name.clone()).collect();
        let row = |row: &Row| match row {
            Row::Arrow(a) => format!(
                "{} {} {:?} {} {} {} {}",
                a.from, a.to, a.class, a.wall_us, a.lost, a.repeats, a.retransmission
            ),
            Row::Note(n) => format!("{n:?}"),
        };
        columns
            .into_iter()
            .chain(ladder.rows.iter().map(row))
            .collect()
    };
    let before = shape(&story.records);
    let after = shape(&Redactor::new(&KEY).all(&story.records));
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after);
    }
}

#[test]
fn mutations_neither_panic_nor_change_shape() {
    let wanted = std::env::var("REDACT_ITERATIONS")
        .ok()
        .and_then(|n| n.parse().ok());
    let mut seeds: Vec<Bytes> = corpus().into_iter().map(|(_, bytes)| bytes).collect();
    seeds.retain(|seed| seed.len() < 3_000);
    seeds.push(notification("one"));
    let mut redactor = Redactor::new(&KEY);
    let mut story = Story::default();
    seeds.iter().for_each(|seed| story.sent(0, A, B, seed));
    redactor.learn(&story.records);
    let mut random = Random(0x5eed_0f51_9000_0007);
    for round in 0..wanted.unwrap_or(6_000_u64) {
        let mut bytes = seeds[random.below(seeds.len())].to_vec();
        for _ in 0..=random.below(6) {
            random.mutate(&mut bytes, &seeds);
        }
        let bytes = Bytes::from(bytes);
        checked(&redactor, &bytes, &(round, &bytes));
        Redactor::secrets_only().message(&bytes);
    }
}

/// What is looked at again and again takes time by its square: 30 kilobytes of each of these took seconds or tens of them.
#[test]
fn long_values_of_one_thing_are_read_once() {
    let begin = Instant::now();
    let mut slowest = (Duration::ZERO, "", "");
    for unit in [
        "sip:", "a@", "@", "<", "\"", "<a>", "<a b='' ", "&amp;", "eyJ", ".", ";", ",", "sip:a@b,",
        "\\", "%40", "1", "0", "1 ", "0 ", "(0)", "5-",
    ] {
        for (head, in_body) in [
            ("From: ", false),
            ("Warning: ", false),
            ("Via: ", false),
            ("Authorization: Digest ", false),
            ("Content-Type: application/a+xml\r\nX: ", true),
            ("Content-Type: application/sdp\r\nX: ", true),
            ("Content-Type: message/sip\r\nX: ", true),
        ] {
            let junk = unit.repeat(30_000 / unit.len());
            let (value, body) = if in_body { ("", &*junk) } else { (&*junk, "") };
            // Numbers are looked for where one is known.
            let text =
                format!("MESSAGE sip:+442079460958@b SIP/2.0\r\n{head}{value}\r\n\r\n{body}");
            let mut story = Story::default();
            story.sent(0, A, B, &Bytes::from(text));
            let one = Instant::now();
            Redactor::new(&KEY).all(&story.records);
            slowest = slowest.max((one.elapsed(), unit, head));
        }
    }
    // In a debug build on a busy machine; one of them alone took longer before names were bounded.
    assert!(
        begin.elapsed() < Duration::from_secs(30) && slowest.0 < Duration::from_secs(3),
        "{slowest:?}"
    );
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 16).unwrap() % end.max(1)
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>, seeds: &[Bytes]) {
        const TOKENS: [&[u8]; 18] = [
            b"\r\n",
            b"\r\n\r\n",
            b"<",
            b">",
            b"\"",
            b";",
            b",",
            b"@",
            b"sip:",
            b"tel:+",
            b"%40",
            b"\\",
            b"<a>",
            b"&amp;",
            b"Content-Type: message/sip\r\n",
            b"Authorization: Digest a=\"b\r\n",
            b"eyJhbGciOiJ",
            b"\0",
        ];
        let at = self.below(bytes.len() + 1);
        match self.below(5) {
            0 if !bytes.is_empty() => {
                let at = at.min(bytes.len() - 1);
                bytes[at] = u8::try_from(self.next() >> 56).unwrap();
            }
            1 => {
                let token = TOKENS[self.below(TOKENS.len())];
                bytes.splice(at..at, token.iter().copied());
            }
            2 => {
                let end = (at + self.below(40)).min(bytes.len());
                bytes.drain(at..end);
            }
            3 => {
                let other = &seeds[self.below(seeds.len())];
                let from = self.below(other.len());
                let end = (from + self.below(200)).min(other.len());
                bytes.splice(at..at, other[from..end].iter().copied());
            }
            _ => bytes.truncate(at.max(1)),
        }
    }
}
