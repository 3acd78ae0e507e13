//! Identities that were met, to be found again where no grammar tells them: in Call-IDs, reasons, parameters.

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::MASKED;
use super::pseudonym::{Kind, Pseudonyms};

/// Most identities that are looked for in free text.
pub const MAX_KNOWN: usize = 100_000;

/// Least characters of what is looked for in free text.
const LEAST: usize = 3;

/// Least digits of what is looked for in free text, where all are digits: shorter ones are ports, status codes, times.
const LEAST_DIGITS: usize = 6;

/// Most characters of what is looked for in free text: no name is longer, and a search for one would be slow.
const MOST: usize = 256;

/// Least length of what is taken for a JWT by its looks (RFC 7519; `eyJ` is `{"` in base64url).
const LEAST_JWT: usize = 12;

/// A text that names somebody, and what kind of name its pseudonym is made of.
pub(super) struct Identity {
    /// As it stands somewhere.
    pub(super) spelling: Vec<u8>,
    pub(super) kind: Kind,
    /// What the pseudonym is made of: the spelling without escapes.
    pub(super) name: Vec<u8>,
}

#[derive(Debug, Default)]
pub(super) struct Known {
    /// Spelling, in lower case, to what stands for it.
    pseudonyms: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The same in the order of the searcher's patterns.
    replacements: Vec<Vec<u8>>,
    searcher: Option<AhoCorasick>,
    forgotten: usize,
}

impl Known {
    pub(super) fn add(&mut self, found: Vec<Identity>, pseudonyms: &Pseudonyms) {
        let before = self.pseudonyms.len();
        for identity in found {
            let spelling = identity.spelling.to_ascii_lowercase();
            if !is_sought(&spelling) || self.pseudonyms.contains_key(&spelling) {
                continue;
            }
            if self.pseudonyms.len() >= MAX_KNOWN {
                self.forgotten = self.forgotten.saturating_add(1);
                continue;
            }
            let pseudonym = pseudonyms.of(identity.kind, &identity.name);
            self.pseudonyms.insert(spelling, pseudonym);
        }
        if self.pseudonyms.len() > before {
            self.searcher = AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .match_kind(MatchKind::LeftmostLongest)
                // A DFA of many long names takes longer to build than it is used.
                .kind(Some(AhoCorasickKind::ContiguousNFA))
                .build(self.pseudonyms.keys())
                .ok();
            self.replacements = self.pseudonyms.values().cloned().collect();
        }
    }

    pub(super) fn forgotten(&self) -> usize {
        self.forgotten
    }

    /// Free text without the identities that are known and without anything that looks like a token.
    pub(super) fn sweep(&self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, token)) = jwt(rest) {
            self.replace(rest.get(..before).unwrap_or_default(), &mut out);
            out.extend_from_slice(MASKED);
            rest = rest.get(before + token..).unwrap_or_default();
        }
        self.replace(rest, &mut out);
        out
    }

    /// Host names stay, also where a part of one is somebody's name.
    fn replace(&self, text: &[u8], out: &mut Vec<u8>) {
        let mut rest = text;
        while let Some((before, host)) = host(rest) {
            let (words, tail) = rest.split_at(before);
            self.replace_words(words, out);
            let (host, tail) = tail.split_at(host);
            out.extend_from_slice(host);
            rest = tail;
        }
        self.replace_words(rest, out);
    }

    fn replace_words(&self, text: &[u8], out: &mut Vec<u8>) {
        let Some(searcher) = &self.searcher else {
            out.extend_from_slice(text);
            return;
        };
        let mut at = 0;
        for found in searcher.find_iter(text) {
            out.extend_from_slice(text.get(at..found.start()).unwrap_or_default());
            let pseudonym = self.replacements.get(found.pattern().as_usize());
            out.extend_from_slice(pseudonym.map_or(MASKED, Vec::as_slice));
            at = found.end();
        }
        out.extend_from_slice(text.get(at..).unwrap_or_default());
    }
}

/// The first host name of several labels behind an `@`: how much is before it, and how long it is.
fn host(text: &[u8]) -> Option<(usize, usize)> {
    let mut from = 0;
    loop {
        let rest = text.get(from..)?;
        let at = from + rest.iter().position(|b| *b == b'@')? + 1;
        let host = text.get(at..).unwrap_or_default();
        let belongs = |b: &&u8| b.is_ascii_alphanumeric() || b".-".contains(b);
        let length = host.iter().take_while(belongs).count();
        if host.iter().take(length).any(|b| *b == b'.') {
            return Some((at, length));
        }
        from = at;
    }
}

fn is_sought(spelling: &[u8]) -> bool {
    let digits = spelling.iter().all(u8::is_ascii_digit);
    let least = if digits { LEAST_DIGITS } else { LEAST };
    (least..=MOST).contains(&spelling.len())
}

/// The first text that looks like a JWT: how much is before it, and how long it is.
fn jwt(text: &[u8]) -> Option<(usize, usize)> {
    let mut from = 0;
    loop {
        let rest = text.get(from..)?;
        let at = rest.windows(3).position(|three| three == b"eyJ")?;
        let token = rest.get(at..).unwrap_or_default();
        let ends = |b: &u8| !(b.is_ascii_alphanumeric() || b"-_.=".contains(b));
        let length = token.iter().position(ends).unwrap_or(token.len());
        if length >= LEAST_JWT {
            return Some((from + at, length));
        }
        from += at + 3;
    }
}
