//! What leaves the node in an export: the same messages and decisions without the identities in them.
//!
//! Each identity becomes one pseudonym, the same in header fields, URIs, XML documents and enclosed messages, so that a
//! ladder tells the same story. What is kept is named; whatever nobody named is masked:
//!
//! | what | becomes |
//! |---|---|
//! | user part of a SIP URI, local part of any `user@host` | `u-` and 12 hexadecimal digits |
//! | telephone number | a number below +999, which nobody has (ITU-T E.164: reserved) |
//! | display name, names in documents | `n-` and 12 hexadecimal digits |
//! | instance id, GRUU | `d-` and 12 hexadecimal digits |
//! | credentials, nonces, tokens, keys, anything that looks like a JWT | `masked`, also when the rest is shown as it is |
//! | header fields, elements, bodies that are not known here | `masked` |
//! | host names, URIs that the caller names ([`Redactor::keeping`]) | stay |
//! | Call-ID, tags, branches, reason phrases, `why` of decisions | stay, less every identity of the whole recording |
//! | what is no SIP message or a broken one | every letter and digit an `x`, but the protocol's own words ([`mask`]) |
//!
//! A pseudonym is a keyed hash (HMAC-SHA-256, 48 bits of it): who has no key cannot try names. Two exports under one key
//! can be laid side by side; with keys of their own they cannot.
//!
//! Identities of less than three characters, less than six where all are digits, or more than 256 are replaced where a
//! grammar says what they are, and not looked for in free text: they would be found everywhere, or nowhere. Telephone numbers of
//! 7 to 15 digits are found there with whatever separators between their digits, with and without their country code.

mod address;
mod body;
mod credentials;
mod fields;
mod head;
mod known;
mod mask;
mod numbers;
mod own_words;
mod pseudonym;
mod sdp;
mod text;
mod uri;
mod xml;

use std::collections::HashSet;

use bytes::Bytes;
use sip_message::{Limits, Message};

pub use known::{MAX_KNOWN, MAX_KNOWN_LIVE};
pub use mask::mask;
pub use pseudonym::KEY_BYTES;
pub(crate) use pseudonym::alike;

use crate::record::{DecisionRecord, MessageRecord, Record, What};
use known::{Bound, Known};
use pseudonym::Pseudonyms;

/// What stands for a secret.
pub(crate) const MASKED: &[u8] = b"masked";

/// How deep messages in messages and parts in parts are looked at; deeper ones are masked.
const MAX_DEPTH: usize = 8;

/// Takes identities out of records.
#[derive(Debug)]
pub struct Redactor {
    pseudonyms: Pseudonyms,
    /// `user@host` of what stays.
    keep: HashSet<Vec<u8>>,
    known: Known,
    /// Identities stay; secrets do not.
    secrets_only: bool,
}

impl Redactor {
    /// One that replaces identities, by pseudonyms of this key.
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self {
            pseudonyms: Pseudonyms::new(key),
            keep: HashSet::new(),
            known: Known::new(Bound::Whole),
            secrets_only: false,
        }
    }

    /// One that leaves identities as they are and masks secrets alone: credentials, nonces, tokens, keys. Messages that
    /// cannot be parsed are masked too, since nobody can say where their secrets are.
    pub fn secrets_only() -> Self {
        Self {
            secrets_only: true,
            ..Self::new(&[0; KEY_BYTES])
        }
    }

    /// For what a node tells as it happens: [`MAX_KNOWN_LIVE`] identities instead of [`MAX_KNOWN`].
    #[must_use]
    pub fn live(mut self) -> Self {
        self.known = Known::new(Bound::Live);
        self
    }

    /// For a recording that has no end: of names in free text it looks for those that were met last, half of [`MAX_KNOWN_LIVE`] at
    /// least or 2 MiB of them, and [`forgotten`](Self::forgotten) counts those that were met before, also if they were met again.
    #[must_use]
    pub fn endless(mut self) -> Self {
        self.known = Known::new(Bound::Endless);
        self
    }

    /// With URIs that stay as they are: public service identities, which are configuration. Port and parameters of a URI
    /// do not count.
    #[must_use]
    pub fn keeping<'a>(mut self, uris: impl IntoIterator<Item = &'a str>) -> Self {
        self.keep
            .extend(uris.into_iter().map(|uri| uri::kept(uri.as_bytes())));
        self
    }

    /// Redacts a whole recording: learns every identity first, so that none is left in a message before the one that
    /// names it.
    pub fn all(&mut self, records: &[Record]) -> Vec<Record> {
        self.learn(records);
        records.iter().map(|record| self.record(record)).collect()
    }

    /// Learns the identities in these records. [`record`](Self::record) then finds them in free text too.
    pub fn learn<'a>(&mut self, records: impl IntoIterator<Item = &'a Record>) {
        if self.secrets_only {
            return;
        }
        let mut found = Vec::new();
        for record in records {
            let mut walk = Walk::new(self);
            walk.record(record);
            found.append(&mut walk.found);
        }
        self.known.add(found, &self.pseudonyms);
    }

    /// The record without identities and secrets.
    pub fn record(&self, record: &Record) -> Record {
        Walk::new(self).record(record)
    }

    /// The bytes of one message without identities and secrets.
    pub fn message(&self, bytes: &Bytes) -> Bytes {
        Walk::new(self).message(bytes)
    }

    /// How many identities were met beyond [`MAX_KNOWN`]: they are replaced where a grammar says what they are, and not
    /// found in free text. Of a recording that has no end, how many were met so long ago that they are not looked for any more.
    pub fn forgotten(&self) -> usize {
        self.known.forgotten()
    }
}

/// One walk over one record, with what it found.
struct Walk<'a> {
    redactor: &'a Redactor,
    /// Identities in the order of appearance.
    found: Vec<known::Identity>,
    depth: usize,
}

impl<'a> Walk<'a> {
    fn new(redactor: &'a Redactor) -> Self {
        Self {
            redactor,
            found: Vec::new(),
            depth: 0,
        }
    }

    fn record(&mut self, record: &Record) -> Record {
        let what = match &record.what {
            What::Message(message) => What::Message(MessageRecord {
                bytes: self.message(&message.bytes),
                ..message.clone()
            }),
            What::Decision(decision) => What::Decision(self.decision(decision)),
        };
        Record {
            what,
            ..record.clone()
        }
    }

    fn decision(&mut self, decision: &DecisionRecord) -> DecisionRecord {
        let mut words =
            |text: &str| String::from_utf8_lossy(&self.decided(text.as_bytes())).into_owned();
        let (verdict, why) = (words(&decision.verdict), words(&decision.why));
        // As the field Call-ID is: less names that are known, and no address, whatever it looks like.
        let call = decision.call.as_deref().map(|call| {
            let call = self.redactor.known.sweep(call.as_bytes());
            String::from_utf8_lossy(&call).into()
        });
        let user = decision.user.as_deref().map(|user| {
            let user = self.identity(user.as_bytes());
            String::from_utf8_lossy(&user).into_owned()
        });
        DecisionRecord {
            verdict: verdict.into(),
            why: why.into(),
            user,
            call,
            ..decision.clone()
        }
    }

    /// A datagram or a message of a stream. What comes out can be parsed exactly when what went in could be.
    fn message(&mut self, bytes: &Bytes) -> Bytes {
        let Ok(message) = Message::parse_datagram(bytes.clone(), &Limits::default()) else {
            return mask(bytes);
        };
        let redacted = Bytes::from(self.parsed(&message));
        match Message::parse_datagram(redacted.clone(), &Limits::default()) {
            Ok(_) => redacted,
            // Pseudonyms are longer than names: a message at a limit goes beyond it.
            Err(_) => mask(bytes),
        }
    }

    /// Text that nobody knows: shown only where identities are shown.
    fn hidden(&self, text: &[u8]) -> Vec<u8> {
        if self.redactor.secrets_only {
            return self.redactor.known.sweep(text);
        }
        if text.is_empty() {
            return Vec::new();
        }
        MASKED.to_vec()
    }
}
