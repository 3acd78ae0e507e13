//! Identities that were met, to be found again where no grammar tells them: in Call-IDs, reasons, parameters.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, Match, MatchKind};

use super::MASKED;
use super::numbers::Numbers;
use super::own_words::is_own;
use super::pseudonym::{Kind, Pseudonyms};
use super::uri::octets;

/// Most identities that are looked for in the free text of a whole recording.
pub const MAX_KNOWN: usize = 2_000_000;

/// The same where a node tells somebody as it happens: the page that follows, a collector.
pub const MAX_KNOWN_LIVE: usize = 100_000;

/// Most bytes of them together.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// The same where a node tells somebody.
const MAX_BYTES_LIVE: usize = 4 * 1024 * 1024;

/// Least characters of what is looked for in free text.
const LEAST: usize = 3;

/// Least digits of what is looked for in free text, where all are digits: shorter ones are ports, status codes, times.
const LEAST_DIGITS: usize = 6;

/// Most characters of what is looked for in free text: no name is longer, and a search for one would be slow.
const MOST: usize = 256;

/// What branches begin with, in lower case (RFC 3261 §8.1.1.7): nobody can make it a name.
const MAGIC_COOKIE: &[u8] = b"z9hg4bk";

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

/// How much longer than what follows a searcher's list is, or the two are made one: so a name is put into few searchers before it is
/// in the longest, and few searchers are asked.
const GROWTH: usize = 4;

#[derive(Debug)]
pub(super) struct Known {
    names: Names,
    /// Those before them, of a recording that has no end.
    earlier: Names,
    bound: Bound,
    forgotten: usize,
}

/// Whether what was found in a text is no name there.
type Stays<'a> = &'a dyn Fn(&[u8], &Range<usize>) -> bool;

/// What becomes of a name when there is room for no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// It is not looked for.
    Whole,
    /// The same, and there is less room.
    Live,
    /// Those are forgotten that were met longest ago.
    Endless,
}

impl Bound {
    /// Most names, and most bytes of them: what looks for them takes some tens of times as much.
    fn most(self) -> (usize, usize) {
        match self {
            Self::Whole => (MAX_KNOWN, MAX_BYTES),
            Self::Live => (MAX_KNOWN_LIVE, MAX_BYTES_LIVE),
            Self::Endless => (MAX_KNOWN_LIVE / 2, MAX_BYTES_LIVE / 2),
        }
    }
}

impl Known {
    pub(super) fn new(bound: Bound) -> Self {
        Self {
            names: Names::default(),
            earlier: Names::default(),
            bound,
            forgotten: 0,
        }
    }

    pub(super) fn add(&mut self, found: Vec<Identity>, pseudonyms: &Pseudonyms) {
        let (mut new, mut new_bytes) = (BTreeMap::new(), 0);
        for identity in found {
            let octets = octets(&identity.spelling);
            let spelling: Vec<u8> = octets.map(|(_, byte)| byte.to_ascii_lowercase()).collect();
            if !is_sought(&spelling) {
                continue;
            }
            let pseudonym = || pseudonyms.of(identity.kind, &identity.name);
            let is_number = identity.kind == Kind::Number && spelling == identity.name;
            if self.names.has(&spelling) || new.contains_key(&spelling) {
                // As a display name, for example.
                if is_number {
                    self.names.numbers.add(&spelling, pseudonym);
                }
                continue;
            }
            let (names, bytes) = self.bound.most();
            let is_full = self.names.len() + new.len() >= names
                || self.names.bytes + new_bytes + spelling.len() > bytes;
            if is_full && self.bound == Bound::Endless {
                self.forgotten = self.forgotten.saturating_add(self.names.add(new));
                (new, new_bytes) = (BTreeMap::new(), 0);
                let before = std::mem::replace(&mut self.earlier, std::mem::take(&mut self.names));
                self.forgotten = self.forgotten.saturating_add(before.len());
            } else if is_full {
                self.forgotten = self.forgotten.saturating_add(1);
                continue;
            }
            if is_number {
                self.names.numbers.add(&spelling, pseudonym);
            }
            new_bytes += spelling.len();
            new.insert(spelling, pseudonym());
        }
        self.forgotten = self.forgotten.saturating_add(self.names.add(new));
    }

    pub(super) fn forgotten(&self) -> usize {
        self.forgotten
    }

    /// Free text without the identities that are known and without anything that looks like a token.
    pub(super) fn sweep(&self, text: &[u8]) -> Vec<u8> {
        self.swept(text, &|_, _| false)
    }

    /// The same of what a node says: its own words stay.
    pub(super) fn sweep_decision(&self, text: &[u8]) -> Vec<u8> {
        self.swept(text, &|text, found| {
            let (before, rest) = text.split_at(found.start);
            let begun = before.iter().rev();
            let begun = begun.take_while(|b| b.is_ascii_alphanumeric()).count();
            let length = rest.iter().take_while(|b| b.is_ascii_alphanumeric());
            let word = found.start - begun..found.start + length.count();
            found.end <= word.end && text.get(word).is_some_and(is_own)
        })
    }

    fn swept(&self, text: &[u8], stays: Stays<'_>) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, token)) = jwt(rest) {
            self.replace(rest.get(..before).unwrap_or_default(), stays, &mut out);
            out.extend_from_slice(MASKED);
            rest = rest.get(before + token..).unwrap_or_default();
        }
        self.replace(rest, stays, &mut out);
        out
    }

    /// Host names stay, also where a part of one is somebody's name.
    fn replace(&self, text: &[u8], stays: Stays<'_>, out: &mut Vec<u8>) {
        let mut rest = text;
        while let Some((before, host)) = host(rest) {
            let (words, tail) = rest.split_at(before);
            self.replace_words(words, stays, out);
            let (host, tail) = tail.split_at(host);
            out.extend_from_slice(host);
            rest = tail;
        }
        self.replace_words(rest, stays, out);
    }

    fn replace_words(&self, text: &[u8], stays: Stays<'_>, out: &mut Vec<u8>) {
        if !text.contains(&b'%') {
            return self.replace_as_written((text, text), &|place| place, stays, out);
        }
        // Whatever of a name is escaped, needlessly or not.
        let (places, plain): (Vec<_>, Vec<_>) = octets(text).unzip();
        let place = |at: usize| places.get(at).copied().unwrap_or(text.len());
        self.replace_as_written((&plain, text), &place, stays, out);
    }

    /// Looks through `text`; what begins at a place in it begins at that `place` of what is `written`.
    fn replace_as_written(
        &self,
        (text, written): (&[u8], &[u8]),
        place: &dyn Fn(usize) -> usize,
        stays: Stays<'_>,
        out: &mut Vec<u8>,
    ) {
        let between = |from, to| written.get(place(from)..place(to)).unwrap_or_default();
        let searchers = self.names.searchers().chain(self.earlier.searchers());
        let mut next: Vec<_> = searchers
            .map(|searcher| (searcher, searcher.find(text, 0)))
            .collect();
        let mut at = 0;
        // Of all searchers the leftmost, and of those the longest.
        while let Some((found, pseudonym)) = next
            .iter()
            .filter_map(|(_, found)| found.clone())
            .min_by_key(|(found, _)| (found.start, Reverse(found.end)))
        {
            out.extend_from_slice(between(at, found.start));
            out.extend_from_slice(match stays(text, &found) {
                true => between(found.start, found.end),
                false => pseudonym,
            });
            at = found.end;
            for (searcher, found) in &mut next {
                if found.as_ref().is_some_and(|(found, _)| found.start < at) {
                    *found = searcher.find(text, at);
                }
            }
        }
        out.extend_from_slice(between(at, text.len()));
    }
}

/// Names, in lists that are the shorter the later they were met: what is new does not have all searchers made anew.
#[derive(Debug, Default)]
struct Names {
    lists: Vec<List>,
    /// The telephone numbers among them.
    numbers: Numbers,
    /// Of all names.
    bytes: usize,
}

impl Names {
    fn len(&self) -> usize {
        self.lists.iter().map(|list| list.names.len()).sum()
    }

    fn searchers(&self) -> impl Iterator<Item = Searcher<'_>> {
        // Numbers come first: what is a display name as well goes by what stands for the number.
        let lists = self.lists.iter().map(Searcher::List);
        std::iter::once(Searcher::Numbers(&self.numbers)).chain(lists)
    }

    fn has(&self, spelling: &[u8]) -> bool {
        self.lists.iter().any(|list| list.has(spelling))
    }

    /// Adds names, none of which is there; gives how many cannot be looked for.
    fn add(&mut self, new: BTreeMap<Vec<u8>, Vec<u8>>) -> usize {
        if new.is_empty() {
            return 0;
        }
        self.bytes += new.keys().map(Vec::len).sum::<usize>();
        let mut names: Vec<_> = new.into_iter().collect();
        while let Some(last) = self
            .lists
            .pop_if(|last| last.names.len() < GROWTH * names.len())
        {
            names.extend(last.names);
        }
        let list = List::of(names);
        let lost = match list.searcher {
            None => list.names.len(),
            Some(_) => 0,
        };
        self.lists.push(list);
        lost
    }
}

/// Something that finds names in a text.
#[derive(Clone, Copy)]
enum Searcher<'a> {
    List(&'a List),
    Numbers(&'a Numbers),
}

impl<'a> Searcher<'a> {
    /// The first name from there on: where it stands, and what stands for it.
    fn find(self, text: &[u8], from: usize) -> Option<(Range<usize>, &'a [u8])> {
        match self {
            Self::List(list) => {
                let found = list.find(text, from)?;
                Some((found.range(), list.pseudonym(&found)))
            }
            Self::Numbers(numbers) => numbers.find(text, from),
        }
    }
}

/// Names that one searcher looks for.
#[derive(Debug)]
struct List {
    /// Spelling, in lower case, and what stands for it; by spelling, as the searcher's patterns are.
    names: Vec<(Vec<u8>, Vec<u8>)>,
    searcher: Option<AhoCorasick>,
}

impl List {
    fn of(mut names: Vec<(Vec<u8>, Vec<u8>)>) -> Self {
        names.sort_unstable();
        let searcher = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            // A DFA of many long names takes longer to build than it is used.
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(names.iter().map(|(spelling, _)| spelling))
            .ok();
        Self { names, searcher }
    }

    fn has(&self, spelling: &[u8]) -> bool {
        let known = |(known, _): &(Vec<u8>, Vec<u8>)| (**known).cmp(spelling);
        self.names.binary_search_by(known).is_ok()
    }

    /// The first name from there on.
    fn find(&self, text: &[u8], from: usize) -> Option<Match> {
        let input = Input::new(text).range(from..);
        self.searcher.as_ref()?.find(input)
    }

    fn pseudonym(&self, found: &Match) -> &[u8] {
        let name = self.names.get(found.pattern().as_usize());
        name.map_or(MASKED, |(_, pseudonym)| pseudonym)
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
    (least..=MOST).contains(&spelling.len()) && spelling != MAGIC_COOKIE
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
