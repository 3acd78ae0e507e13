//! A ladder as a Mermaid sequence diagram, for documents in Markdown.
//!
//! ```text
//! sequenceDiagram
//!     participant n0 as A server
//!     participant n1 as A gateway
//!     n0->>n1: +0.000 s MESSAGE de-authorization
//!     Note over n1: P1.3 forwarded
//! ```

use super::text::{note, repeats, time};
use super::{Arrow, Ladder, Row};
use crate::summary::Class;

/// Draws the ladder; each line ends in a line feed. Whatever the messages say, each row is one line of the diagram.
pub fn render(ladder: &Ladder) -> String {
    let mut out = "sequenceDiagram\n".to_owned();
    for (number, column) in ladder.columns.iter().enumerate() {
        out.push_str(&format!(
            "    participant n{number} as {}\n",
            text(&column.name)
        ));
    }
    for row in &ladder.rows {
        let time = time(row.wall_us(), ladder.origin_us);
        match row {
            Row::Arrow(arrow) => {
                let mut label = format!("{time} {}", arrow.label);
                if let Some(repeats) = repeats(arrow, ladder.origin_us) {
                    label.push_str(&format!(", {repeats}"));
                }
                if arrow.lost {
                    label.push_str(", lost");
                }
                let (from, stroke, to) = (arrow.from, stroke(arrow), arrow.to);
                out.push_str(&format!("    n{from}{stroke}n{to}: {}\n", text(&label)));
            }
            Row::Note(it) => {
                let (_, whole) = note(&it.decision);
                out.push_str(&format!("    Note over n{}: {}\n", it.column, text(&whole)));
            }
        }
    }
    out
}

/// Requests are solid, answers dashed; a cross is a message that never arrived.
fn stroke(arrow: &Arrow) -> &'static str {
    let answer = !matches!(arrow.class, Class::Request | Class::Broken);
    match (answer, arrow.lost) {
        (false, false) => "->>",
        (false, true) => "-x",
        (true, false) => "-->>",
        (true, true) => "--x",
    }
}

/// Nothing in a text is taken for the diagram's own language: what could be is written as an entity.
fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_control() => out.push(' '),
            c if c.is_alphanumeric() || " .,+-/_()'…–·@=?!→".contains(c) => out.push(c),
            c => out.push_str(&format!("#{};", u32::from(c))),
        }
    }
    // The one word that ends a block of the diagram wherever it stands.
    let words = out
        .split(' ')
        .map(|word| match word.eq_ignore_ascii_case("end") {
            true => "#101;nd",
            false => word,
        });
    let out = words.collect::<Vec<_>>().join(" ");
    if out.trim().is_empty() {
        "–".to_owned()
    } else {
        out.trim().to_owned()
    }
}
