//! What our own capture files say beside the packets: the other direction of what [`pcapng`](crate::pcapng) writes.

use super::Said;
use crate::record::{DecisionRecord, Transport};

/// Reads the comments of one packet. What is not ours is left out.
pub(super) fn read(comments: &[String]) -> Said {
    let ends = comments.first().and_then(|path| path.split_once(" → "));
    let ends = ends.map(|(from, to)| [from.to_owned(), to.to_owned()]);
    let carried = |name: &str| {
        comments
            .iter()
            .any(|comment| comment == &format!("carried over {name}, shown as UDP"))
    };
    let transport = match () {
        () if carried("TLS") => Transport::Tls,
        () if carried("TCP") => Transport::Tcp,
        () => Transport::Udp,
    };
    let decisions = comments.iter().skip(1).filter_map(|comment| {
        let ends = ends.as_ref()?.iter();
        let of = |node: &String| {
            Some((
                node.clone(),
                comment.strip_prefix(node.as_str())?.strip_prefix(": ")?,
            ))
        };
        let (node, text) = ends.filter_map(of).max_by_key(|(node, _)| node.len())?;
        Some((node, decision(text)))
    });
    let decisions = decisions.collect();
    Said {
        ends,
        transport,
        decisions,
    }
}

/// "P1.4 applied – mapping is was-migrated [0192d3c4-…]".
fn decision(text: &str) -> DecisionRecord {
    let procedure = text
        .strip_suffix(']')
        .and_then(|text| text.rsplit_once(" ["));
    let (text, procedure) =
        procedure.map_or((text, None), |(text, id)| (text, Some(id.to_owned())));
    let (verdict, why) = text.split_once(" – ").unwrap_or((text, ""));
    let (requirement, verdict) = match verdict.split_once(' ') {
        Some((first, rest)) if is_requirement(first) => (first, rest),
        None if is_requirement(verdict) => (verdict, ""),
        _ => ("", verdict),
    };
    DecisionRecord {
        requirement: requirement.to_owned().into(),
        verdict: verdict.to_owned().into(),
        why: why.to_owned().into(),
        procedure,
        ..DecisionRecord::default()
    }
}

/// "P1.4", "L5".
fn is_requirement(word: &str) -> bool {
    let rest = word.strip_prefix(|c: char| c.is_ascii_uppercase());
    rest.is_some_and(|rest| {
        !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit() || c == '.')
    })
}
