//! Where the verdict is right and the treatment is not yet.

use sip_tests::torture::missing_sets;

/// Who treats it wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    Datagram,
    Stream,
    Node,
}

/// What is known wrong, where, and what it is. Empty is what this should be: what has come right has to leave it.
const KNOWN_WRONG: &[(&str, &[At], &str)] = &[];

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
