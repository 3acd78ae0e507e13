//! From a name to what stands for it: a keyed hash, written so that it is legal where the name was.

use std::borrow::Cow;
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

/// What kind of name it is; the same text of two kinds has two pseudonyms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    /// User part of a URI, percent-decoded.
    User,
    /// Digits of a telephone number, without "+" and visual separators.
    Number,
    /// Display name or a name in a document.
    Name,
    /// Something that tells one device from others.
    Device,
}

/// Hashes under one key; the key is never shown.
#[derive(Clone)]
pub(super) struct Pseudonyms(Hmac<Sha256>);

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonyms")
    }
}

impl Pseudonyms {
    pub(super) fn new(key: &[u8; KEY_BYTES]) -> Self {
        // HMAC pads a key to a block of its hash, with zeros (RFC 2104 §2).
        let mut block = [0; 64];
        block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
        Self(<Hmac<Sha256> as KeyInit>::new(&block.into()))
    }

    pub(super) fn of(&self, kind: Kind, name: &[u8]) -> Vec<u8> {
        let prefix = match kind {
            Kind::User => "u-",
            Kind::Name => "n-",
            Kind::Device => "d-",
            Kind::Number => {
                return format!("999{:012}", self.hash(kind, name) % 1_000_000_000_000).into();
            }
        };
        // 48 bits: of a hundred thousand names, two are the same once in fifty thousand exports.
        format!("{prefix}{:012x}", self.hash(kind, name) >> 16).into()
    }

    fn hash(&self, kind: Kind, name: &[u8]) -> u64 {
        let kind: &[u8] = match kind {
            Kind::User => b"user\0",
            Kind::Number => b"number\0",
            Kind::Name => b"name\0",
            Kind::Device => b"device\0",
        };
        let mut mac = self.0.clone();
        mac.update(kind);
        mac.update(name);
        let digest = mac.finalize().into_bytes();
        let first = digest.iter().take(8);
        first.fold(0, |hash, byte| hash << 8 | u64::from(*byte))
    }
}

/// Digits of a pseudonym, and what stands before them.
const DIGITS: usize = 12;
const LETTERS: [&[u8]; 3] = [b"u-", b"n-", b"d-"];
const NUMBER: &[u8] = b"999";

/// The text with the same digits in all pseudonyms: what two who have keys of their own wrote for the same name is the same here.
pub(crate) fn alike(text: &[u8]) -> Cow<'_, [u8]> {
    let mut alike = Cow::Borrowed(text);
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(before) = digits_of_pseudonym(rest) else {
            at += 1;
            continue;
        };
        let digits = at + before..at + before + DIGITS;
        at = digits.end;
        if let Some(digits) = alike.to_mut().get_mut(digits) {
            digits.fill(b'0');
        }
    }
    alike
}

/// Where the digits begin of the pseudonym that begins here.
fn digits_of_pseudonym(text: &[u8]) -> Option<usize> {
    let (before, is_digit): (usize, fn(&u8) -> bool) = match text.first()? {
        b'u' | b'n' | b'd' if LETTERS.iter().any(|letter| text.starts_with(letter)) => {
            (2, |b| b.is_ascii_digit() || (b'a'..=b'f').contains(b))
        }
        b'9' if text.starts_with(NUMBER) => (NUMBER.len(), u8::is_ascii_digit),
        _ => return None,
    };
    let digits = text.get(before..before + DIGITS)?;
    digits.iter().all(is_digit).then_some(before)
}

#[cfg(test)]
mod tests {
    use super::{Kind, Pseudonyms, alike};

    #[test]
    fn pseudonyms_of_one_name_under_two_keys_are_alike() {
        let write = |key: u8| {
            let of = |kind| Pseudonyms::new(&[key; 32]).of(kind, b"4912345");
            let (user, number) = (of(Kind::User), of(Kind::Number));
            [b"sip:", &user[..], b"@a, n-a, tel:+", &number, b", d-1"].concat()
        };
        assert_ne!(write(1), write(2));
        assert_eq!(alike(&write(1)), alike(&write(2)));
        assert_eq!(*alike(b"u-0123456789a, 99912"), *b"u-0123456789a, 99912");
    }

    #[test]
    fn the_key_the_kind_and_every_byte_count() {
        let of = |key: u8, kind, name: &[u8]| Pseudonyms::new(&[key; 32]).of(kind, name);
        let alice = of(1, Kind::User, b"alice");
        assert_eq!(alice, of(1, Kind::User, b"alice"));
        assert_ne!(alice, of(2, Kind::User, b"alice"));
        assert_ne!(alice, of(1, Kind::User, b"Alice"));
        assert_ne!(alice.get(2..), of(1, Kind::Name, b"alice").get(2..));
        assert_eq!(alice.len(), 14);
        let number = of(1, Kind::Number, b"4912345");
        assert!(number.starts_with(b"999") && number.iter().all(u8::is_ascii_digit));
        assert_eq!(number.len(), 15); // E.164: at most 15 digits
        assert_eq!(format!("{:?}", Pseudonyms::new(&[1; 32])), "Pseudonyms");
    }
}
