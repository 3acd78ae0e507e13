//! By which requirements nodes decide: a watch for another one would never begin.

/// All of them: ids of `docs/conformance.md`, parts of the wire profile, clauses.
const DECIDING: [&str; 25] = [
    "L1",
    "L2",
    "L3",
    "L4",
    "L5",
    "L7",
    "P1.0",
    "P1.1",
    "P1.2",
    "P1.3",
    "P1.4",
    "P1.E1",
    "P1.N2",
    "P2.1",
    "P2.2",
    "RFC 3261 §17",
    "RFC 3261 §17.1.1",
    "RFC 3261 §17.1.2",
    "RFC 3261 §17.2.1",
    "RFC 3261 §17.2.2",
    "RFC 5922",
    "RFC 8497",
    "wire:answers",
    "wire:documents",
    "wire:next-hop",
];

/// Whether something is decided by a requirement.
///
/// # Errors
/// Nothing is; it says by which ones something is: those that begin in the same way, or all.
pub(super) fn check(text: &str) -> Result<(), String> {
    if DECIDING.contains(&text) {
        return Ok(());
    }
    let begins = |id: &&str| {
        let (wanted, id) = (text.trim().as_bytes(), id.as_bytes());
        let same = wanted.iter().zip(id);
        same.take(2).all(|(a, b)| a.eq_ignore_ascii_case(b)) && !wanted.is_empty()
    };
    let mut near: Vec<&str> = DECIDING.iter().copied().filter(begins).collect();
    if near.is_empty() {
        near = DECIDING.to_vec();
    }
    Err(format!(
        "nothing is decided by `{text}`: write one of {}",
        near.join(", ")
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Everything in quotes in the sources below a folder, but for the list above.
    fn literals(folder: &Path, into: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                literals(&path, into);
            } else if path.extension().is_some_and(|end| end == "rs")
                && !path.ends_with("watches/requirements.rs")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text
                    .lines()
                    .filter(|line| !line.trim_start().starts_with("//"));
                into.extend(
                    code.flat_map(|line| line.split('"').skip(1).step_by(2).map(str::to_owned)),
                );
            }
        }
    }

    fn looks_like_one(text: &str) -> bool {
        let id = |rest: &str| {
            let legal = |b: u8| b.is_ascii_digit() || b".EN".contains(&b);
            rest.as_bytes().first().is_some_and(u8::is_ascii_digit) && rest.bytes().all(legal)
        };
        let clause = |rest: &str| {
            rest.chars()
                .all(|c| c.is_ascii_digit() || " §.".contains(c))
        };
        text.strip_prefix(['L', 'P']).is_some_and(id)
            || text.strip_prefix("RFC ").is_some_and(clause)
            || text
                .strip_prefix("wire:")
                .is_some_and(|part| !part.is_empty())
    }

    #[test]
    fn those_are_all_that_the_program_has() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut there = BTreeSet::new();
        for name in ["mcx", "mcx-node", "mcx-store", "sip-transaction"] {
            literals(&crates.join(name).join("src"), &mut there);
        }
        there.retain(|text| looks_like_one(text));
        assert_eq!(there, DECIDING.map(str::to_owned).into());
    }

    #[test]
    fn near_ones_are_named() {
        for id in DECIDING {
            assert_eq!(check(id), Ok(()));
        }
        for (text, wanted) in [
            ("p1.4", "P1.0, P1.1, P1.2, P1.3, P1.4, P1.E1, P1.N2"),
            ("P2.0", "P2.1, P2.2"),
            ("wire:answer", "wire:answers, wire:documents, wire:next-hop"),
            (" L5", "L5"),
        ] {
            let wanted = format!("nothing is decided by `{text}`: write one of {wanted}");
            assert_eq!(check(text), Err(wanted));
        }
        assert!(check("trust").unwrap_err().contains("L1, L2, L3"));
        assert!(check("RFC3261").unwrap_err().contains("RFC 3261 §17.2.2"));
    }
}
