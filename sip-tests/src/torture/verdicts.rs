//! Reads `sip-tests/torture/verdicts`. Whatever is wrong with it ends the test, with the line.

use crate::lab::project;

/// What is to become of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is understood and goes on to the application.
    Accept,
    /// The stack answers it with this status.
    Answer(u16),
    /// Nothing is answered and nothing goes on.
    Drop,
}

/// What comes out of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnStream {
    /// A message, and its fate.
    Message(Fate),
    /// Two line ends: the peer asks for one.
    Ping,
    /// One line end.
    Pong,
    /// The end of the message is unknown, or its head cannot be read whole: the stream is closed.
    Close,
    /// Bytes are left that wait for the rest of their message.
    Wait,
}

/// One thing that an accepted message says.
#[derive(Clone, Debug)]
pub struct Fact {
    /// What is asked: `via.2.transport`.
    pub question: String,
    /// The bytes that answer it.
    pub answer: Vec<u8>,
}

/// Everything that is written about one message.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// `set/message`.
    pub name: String,
    /// Its fate when it is a datagram.
    pub datagram: Fate,
    /// What comes out when it is all that a stream brings.
    pub stream: Vec<OnStream>,
    /// The status with which a node answers what was accepted, where the RFCs name one.
    pub node: Option<u16>,
    /// Where the RFCs make the point.
    pub section: String,
    /// The point.
    pub reason: String,
    /// What a refusal names.
    pub because: Option<String>,
    /// What an accepted message says.
    pub facts: Vec<Fact>,
}

const KEYS: [&str; 6] = ["datagram", "stream", "node", "section", "reason", "because"];

/// All verdicts in the order of the file.
#[must_use]
pub fn verdicts() -> Vec<Verdict> {
    let path = project().join("sip-tests/torture/verdicts");
    let text = std::fs::read_to_string(path).expect("the verdicts");
    let mut all: Vec<Verdict> = Vec::new();
    let mut block: Vec<(usize, &str)> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if !line.starts_with(' ') && !block.is_empty() {
            all.push(verdict(&block));
            block.clear();
        }
        block.push((number, line.trim()));
    }
    if !block.is_empty() {
        all.push(verdict(&block));
    }
    all
}

/// One block: the message's name, then what is written about it.
fn verdict(block: &[(usize, &str)]) -> Verdict {
    let [(first, name), lines @ ..] = block else {
        unreachable!("a block has a first line");
    };
    let mut facts = Vec::new();
    let mut words: Vec<(&str, &str)> = Vec::new();
    for (number, line) in lines {
        if let Some((question, answer)) = line.split_once(" = ") {
            let answer = bytes(answer).unwrap_or_else(|| panic!("line {number}: a broken escape"));
            let question = question.to_owned();
            facts.push(Fact { question, answer });
        } else if let Some((key, value)) = line.split_once(':') {
            let known = KEYS.contains(&key);
            let again = words.iter().any(|(other, _)| *other == key);
            assert!(known && !again, "line {number}: what is `{key}`?");
            words.push((key, value.trim()));
        } else {
            panic!("line {number}: neither `key: value` nor `question = answer`");
        }
    }
    let optional = |key| words.iter().find(|(k, _)| *k == key).map(|(_, v)| *v);
    let required =
        |key| optional(key).unwrap_or_else(|| panic!("line {first}: {name} has no `{key}`"));
    let unknown = |word: &str| format!("line {first}: {name}: what is `{word}`?");
    let datagram = required("datagram");
    let datagram = fate(datagram).unwrap_or_else(|| panic!("{}", unknown(datagram)));
    let stream = match optional("stream") {
        Some(items) => items
            .split(", ")
            .map(|item| on_stream(item).unwrap_or_else(|| panic!("{}", unknown(item))))
            .collect(),
        None => vec![OnStream::Message(datagram)],
    };
    Verdict {
        name: (*name).to_owned(),
        datagram,
        stream,
        node: optional("node").map(|word| match fate(word) {
            Some(Fate::Answer(status)) => status,
            _ => panic!("{}", unknown(word)),
        }),
        section: required("section").to_owned(),
        reason: required("reason").to_owned(),
        because: optional("because").map(str::to_owned),
        facts,
    }
}

fn fate(word: &str) -> Option<Fate> {
    match word.split_once(' ') {
        None if word == "accept" => Some(Fate::Accept),
        None if word == "drop" => Some(Fate::Drop),
        Some(("answer", status)) => status.parse().ok().map(Fate::Answer),
        _ => None,
    }
}

fn on_stream(word: &str) -> Option<OnStream> {
    match word {
        "ping" => Some(OnStream::Ping),
        "pong" => Some(OnStream::Pong),
        "close" => Some(OnStream::Close),
        "wait" => Some(OnStream::Wait),
        _ => fate(word).map(OnStream::Message),
    }
}

/// The bytes that an answer stands for: `\xHH`, `\r`, `\n`, `\t` and `\\` are escapes, all else is itself.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = text.trim().as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'\\' {
            out.push(*first);
            continue;
        }
        let (kind, tail) = rest.split_first()?;
        rest = tail;
        out.push(match kind {
            b'r' => b'\r',
            b'n' => b'\n',
            b't' => b'\t',
            b'\\' => b'\\',
            b'x' => {
                let (digits, tail) = rest.split_at_checked(2)?;
                rest = tail;
                u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?
            }
            _ => return None,
        });
    }
    Some(out)
}
