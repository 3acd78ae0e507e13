//! Where the verdict is right and the treatment is not yet.

use sip_tests::torture::missing_sets;

use At::{Datagram, Node, Stream};

/// Who treats it wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    Datagram,
    Stream,
    Node,
}

/// What is known wrong, where, and what it is. Empty is what this should be: what has come right has to leave it.
const KNOWN_WRONG: &[(&str, &[At], &str)] = &[
    ("rfc5118/ipv6-bug-abnf-3-colons", PARSED, THREE_COLONS),
    ("own/ipv6-three-colons-before-ipv4", PARSED, THREE_COLONS),
    ("own/expires-2-to-the-32", PARSED, EXPIRES),
    ("own/expires-as-a-date", PARSED, EXPIRES),
    ("own/contact-expires-malformed", PARSED, EXPIRES),
    ("own/uri-parameter-twice", EVERYWHERE, TWICE),
    ("own/contact-parameter-twice", EVERYWHERE, TWICE),
    ("own/uri-parameters-65", EVERYWHERE, UNBOUNDED),
];

const PARSED: &[At] = &[Datagram, Stream];
const EVERYWHERE: &[At] = &[Datagram, Stream, Node];

const THREE_COLONS: &str =
    "an IPv6 address with a colon too many before its IPv4 suffix is refused";
const EXPIRES: &str = "a malformed Expires is refused with 400 instead of counting as 3600";
const TWICE: &str = "a parameter may stand twice, unless it is a tag, a branch or a boundary";
const UNBOUNDED: &str = "the limit on parameters does not hold for the Request-URI";

/// All that failed is known to, and all that is known to fail does.
#[track_caller]
pub fn assert_only_known(at: At, failed: &[(String, String)]) {
    let missing = missing_sets();
    let known = |name: &str| {
        KNOWN_WRONG
            .iter()
            .any(|(n, places, _)| *n == name && places.contains(&at))
    };
    let unknown: Vec<String> = failed
        .iter()
        .filter(|(name, _)| !known(name))
        .map(|(name, why)| format!("{name}: {why}"))
        .collect();
    assert!(
        unknown.is_empty(),
        "{} are treated wrong:\n{}",
        unknown.len(),
        unknown.join("\n")
    );
    for (name, _, what) in KNOWN_WRONG
        .iter()
        .filter(|(_, places, _)| places.contains(&at))
    {
        let absent = missing.iter().any(|set| name.starts_with(set));
        let still = failed.iter().any(|(failed, _)| failed == name);
        assert!(
            absent || still,
            "{name} has come right; no longer is it so that {what}"
        );
    }
}
