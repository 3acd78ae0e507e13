//! The words at an arrow, at a note and in the margin.

use super::Style;
use super::words::clean;
use crate::ladder::Arrow;
use crate::record::DecisionRecord;

/// What the message is.
pub(super) fn name(arrow: &Arrow, style: &Style) -> String {
    clean(&arrow.label, style.ascii)
}

/// What else is to be said of it: "+2 retransmissions until +1.500 s".
pub(in crate::ladder) fn repeats(arrow: &Arrow, origin_us: u64) -> Option<String> {
    let until = arrow
        .last_repeat_us
        .map(|last| format!(" until {}", time(last, origin_us)))
        .unwrap_or_default();
    match (arrow.retransmission, arrow.repeats) {
        (false, 0) => None,
        (true, 0) => Some("retransmission".to_owned()),
        (false, 1) => Some(format!("+1 retransmission{until}")),
        (false, n) => Some(format!("+{n} retransmissions{until}")),
        (true, n) => Some(format!("retransmission, +{n} more{until}")),
    }
}

/// The verdict of a decision with the requirement that decided, and the whole note, fit for a terminal.
pub(super) fn note_in(decision: &DecisionRecord, style: &Style) -> (String, String) {
    let (verdict, whole) = note(decision);
    (clean(&verdict, style.ascii), clean(&whole, style.ascii))
}

/// The verdict of a decision with the requirement that decided, and the whole note.
pub(in crate::ladder) fn note(decision: &DecisionRecord) -> (String, String) {
    let mut verdict = decision.requirement.clone().into_owned();
    if !verdict.is_empty() && !decision.verdict.is_empty() {
        verdict.push(' ');
    }
    verdict.push_str(&decision.verdict);
    let mut whole = verdict.clone();
    if !decision.why.is_empty() {
        if !whole.is_empty() {
            whole.push_str(" – ");
        }
        whole.push_str(&decision.why);
    }
    (verdict, whole)
}

/// "+0.012 s": ms up to 100 s, tenths up to 10,000 s, then whole seconds.
pub(in crate::ladder) fn time(wall_us: u64, origin_us: u64) -> String {
    let sign = if wall_us < origin_us { '-' } else { '+' };
    let us = wall_us.abs_diff(origin_us);
    let seconds = us / 1_000_000;
    match seconds {
        0..100 => format!("{sign}{seconds}.{:03} s", us / 1_000 % 1_000),
        100..10_000 => format!("{sign}{seconds}.{} s", us / 100_000 % 10),
        _ => format!("{sign}{seconds} s"),
    }
}
