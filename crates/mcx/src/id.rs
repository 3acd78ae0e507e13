//! Identities as types: users, systems, procedures.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sip_message::Uri;

/// An MC service ID: the SIP URI by which an MC system knows a user (TS 23.280 clause 8.1).
///
/// It is personal data of an emergency service. `Debug` shows a short digest instead of the
/// identity, so that a stray `{:?}` leaks nothing; whoever wants the URI asks for
/// [`McId::as_str`] by name.
///
/// Two spellings of one URI are one id: scheme and host are kept in lower case, and
/// percent-encoding is normalised (RFC 3986 §6.2.2). It is `sip:USER@DOMAIN` and nothing more: with a port, parameters or
/// `sips:` one user could go by several ids, and what one of them is refused another would get (RFC 3261 §19.1.4 takes
/// them for different URIs). The user part's case counts, as it does there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct McId(Arc<str>);

/// Why a text is no MC service ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidId {
    /// Not a URI at all.
    NotAUri,
    /// Not `sip:`.
    NotSip,
    /// No user part.
    NoUser,
    /// It carries a port, a password, parameters or header fields, which an identity has none of.
    Extra,
    /// Longer than [`McId::MAX_LENGTH`].
    TooLong,
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAUri => "not a URI",
            Self::NotSip => "not a sip: URI",
            Self::NoUser => "no user part",
            Self::Extra => "a port, a password, parameters or header fields in an identity",
            Self::TooLong => "too long",
        })
    }
}

impl std::error::Error for InvalidId {}

impl McId {
    /// Longest id accepted, in bytes.
    pub const MAX_LENGTH: usize = 512;

    /// Reads an id.
    ///
    /// # Errors
    /// Says what about `text` is no SIP URI with a user part.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        if text.len() > Self::MAX_LENGTH {
            return Err(InvalidId::TooLong);
        }
        let (scheme, rest) = text.split_once(':').ok_or(InvalidId::NotAUri)?;
        let scheme = scheme.to_ascii_lowercase();
        if scheme != "sip" {
            return Err(InvalidId::NotSip);
        }
        let uri = Uri::parse(text.as_bytes()).map_err(|_| InvalidId::NotAUri)?;
        uri.host().ok_or(InvalidId::NotAUri)?;
        let (user, host) = rest.split_once('@').ok_or(InvalidId::NoUser)?;
        if user.is_empty() {
            return Err(InvalidId::NoUser);
        }
        let after_address = host.strip_prefix('[').and_then(|h| h.split_once(']'));
        let port = after_address.map_or(host, |(_, after)| after).contains(':');
        if user.contains(':') || port || host.contains([';', '?']) {
            return Err(InvalidId::Extra);
        }
        let user = normalise_escapes(user).ok_or(InvalidId::NotAUri)?;
        let host = host.to_ascii_lowercase();
        Ok(Self(format!("{scheme}:{user}@{host}").into()))
    }

    /// The URI, shared. This is personal data: not for logs.
    #[must_use]
    pub fn shared(&self) -> Arc<str> {
        self.0.clone()
    }

    /// The URI. This is personal data: not for logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host part, lower case: names the MC system.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, host)| host)
    }

    /// A short digest that tells two users of one run apart and names nobody.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        format!("user-{:08x}", hasher.finish() >> 32)
    }
}

/// Percent-encoding per RFC 3986 §6.2.2: unreserved characters plain, the rest in upper-case hex.
fn normalise_escapes(user: &str) -> Option<String> {
    let mut out = String::with_capacity(user.len());
    let mut rest = user;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let hex = after.get(..2)?;
        let byte = u8::from_str_radix(hex, 16).ok()?;
        if byte.is_ascii_alphanumeric() || b"-_.~!*'()".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&hex.to_ascii_uppercase());
        }
        rest = after.get(2..)?;
    }
    out.push_str(rest);
    Some(out)
}

impl fmt::Debug for McId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.digest())
    }
}

impl Serialize for McId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for McId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Names an MC system: one operator's domain, lower case (`a.mcx.example`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SystemId(Arc<str>);

impl Serialize for SystemId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SystemId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(String::deserialize(deserializer)?.into()))
    }
}

impl SystemId {
    /// The system of that name; case does not count.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.to_ascii_lowercase().into())
    }

    /// The name.
    #[must_use]
    pub fn shared(&self) -> Arc<str> {
        self.0.clone()
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SystemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Joins all legs, store updates and decisions of one procedure, in every system that takes
/// part (L7): a UUID, version 7 when it is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProcedureId(uuid_text::UuidText);

impl ProcedureId {
    /// A new id from the time and ten random bytes (RFC 9562 §5.7).
    #[must_use]
    pub fn new(at: crate::Timestamp, random: [u8; 10]) -> Self {
        let uuid = uuid::Builder::from_unix_timestamp_millis(at.0, &random).into_uuid();
        Self(uuid_text::UuidText(uuid))
    }

    /// The id of a procedure that a peer began without naming one: the same for every copy of its request, which
    /// its Call-ID tells (RFC 9562 §5.8).
    #[must_use]
    pub fn of_request(peer: &SystemId, call_id: &str) -> Self {
        let part = |salt: u64| {
            let mut hasher = DefaultHasher::new();
            (salt, peer.as_str(), call_id).hash(&mut hasher);
            hasher.finish()
        };
        let bytes = u128::from(part(1)) << 64 | u128::from(part(2));
        let uuid = uuid::Builder::from_custom_bytes(bytes.to_be_bytes()).into_uuid();
        Self(uuid_text::UuidText(uuid))
    }

    /// When the procedure began, by the clock of who named it; `None` of a peer that did not.
    #[must_use]
    pub fn began(self) -> Option<crate::Timestamp> {
        let bits = self.0.0.as_u128();
        let version = (bits >> 76) & 0xf;
        let at = u64::try_from(bits >> 80).ok()?;
        (version == 7).then_some(crate::Timestamp(at))
    }

    /// Reads an id; `None` when `text` is no UUID in the hyphenated form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 36 {
            return None;
        }
        let uuid = uuid::Uuid::try_parse(text).ok()?;
        Some(Self(uuid_text::UuidText(uuid)))
    }
}

impl ProcedureId {
    /// Its 16 bytes, most significant first.
    #[must_use]
    pub fn as_bytes(&self) -> [u8; 16] {
        *self.0.0.as_bytes()
    }
}

impl fmt::Display for ProcedureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.0.hyphenated().fmt(f)
    }
}

/// Serialised as the hyphenated text, without the `serde` feature of the uuid crate.
mod uuid_text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub struct UuidText(pub uuid::Uuid);

    impl Serialize for UuidText {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(&self.0.hyphenated())
        }
    }

    impl<'de> Deserialize<'de> for UuidText {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let text = String::deserialize(deserializer)?;
            uuid::Uuid::try_parse(&text)
                .map(Self)
                .map_err(serde::de::Error::custom)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_uri_are_one_id() {
        let a = McId::parse("SIP:al%69ce@A.mcx.Example").unwrap();
        let b = McId::parse("sip:alice@a.mcx.example").unwrap();
        assert_eq!(a, b);
        assert_eq!(a.domain(), "a.mcx.example");
        assert_eq!(
            McId::parse("sip:x%2fy@[2001:DB8::1]").unwrap().domain(),
            "[2001:db8::1]"
        );
    }

    #[test]
    fn what_is_no_identity_is_refused_by_name() {
        assert_eq!(McId::parse("alice"), Err(InvalidId::NotAUri));
        assert_eq!(McId::parse("tel:+1234"), Err(InvalidId::NotSip));
        assert_eq!(McId::parse("sip:a.mcx.example"), Err(InvalidId::NoUser));
        assert_eq!(
            McId::parse("sip:alice:secret@a.mcx.example"),
            Err(InvalidId::Extra)
        );
        for spelling in [
            "sip:alice@a.mcx.example:5060",
            "sip:alice@[2001:db8::1]:5060",
            "sip:alice@a.mcx.example;user=phone",
            "sip:alice@a.mcx.example?subject=x",
        ] {
            assert_eq!(McId::parse(spelling), Err(InvalidId::Extra), "{spelling}");
        }
        assert_eq!(
            McId::parse("sips:alice@a.mcx.example"),
            Err(InvalidId::NotSip)
        );
        assert_eq!(
            McId::parse(&format!("sip:{}@a", "x".repeat(600))),
            Err(InvalidId::TooLong)
        );
    }

    #[test]
    fn a_procedure_tells_when_it_began_and_one_of_a_peer_does_not() {
        let at = crate::Timestamp(1_750_000_000_123);
        assert_eq!(ProcedureId::new(at, [0xff; 10]).began(), Some(at));
        let of_peer = ProcedureId::of_request(&SystemId::new("b.mcx.example"), "call");
        assert_eq!(of_peer.began(), None);
    }

    #[test]
    fn debug_names_nobody() {
        let id = McId::parse("sip:alice@a.mcx.example").unwrap();
        assert!(!format!("{id:?}").contains("alice"));
    }
}
