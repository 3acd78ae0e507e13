//! A ladder as a picture: one SVG document that refers to nothing outside itself.

use std::fmt::Write as _;

use super::text::{note, repeats, time, wrap};
use super::{Arrow, Ladder, Note, Row};
use crate::summary::Class;

/// Least distance of two lifelines, in pixels.
const MIN_PITCH: usize = 180;
/// Room for times on the left.
const LEFT: usize = 110;
/// Room for notes on the right of the last lifeline.
const RIGHT: usize = 380;
const HEAD: usize = 60;
const ARROW: usize = 30;
const LINE: usize = 16;
/// A character of the labels, on average.
const CHAR: usize = 7;
/// Characters on a line of a note.
const NOTE_CHARS: usize = 38;

const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#1a1a1a}.t{fill:#666;font-size:12px}.n{font-weight:600}\
.l{stroke:#bbb}.q{stroke:#0b57d0}.p{stroke:#666}.s{stroke:#137333}.f{stroke:#b3261e}\
.a{fill:none;stroke-width:1.5}.d{stroke-dasharray:5 4}.b{fill:#fff8e1;stroke:#c9a227}.h{stroke:none}\
.h.q{fill:#0b57d0}.h.p{fill:#666}.h.s{fill:#137333}.h.f{fill:#b3261e}.e{stroke:#fff;stroke-width:4;paint-order:stroke}";

/// Draws the ladder. Whatever the messages say, it is text of the picture.
pub fn render(ladder: &Ladder) -> String {
    let longest = ladder.rows.iter().map(|row| match row {
        Row::Arrow(arrow) => said(arrow, ladder.origin_us).chars().count() * CHAR + 40,
        Row::Note(_) => 0,
    });
    let pitch = longest.max().unwrap_or(0).clamp(MIN_PITCH, 2 * MIN_PITCH);
    let picture = Picture { ladder, pitch };
    let mut body = String::new();
    let mut y = HEAD;
    for row in &ladder.rows {
        y += match row {
            Row::Arrow(arrow) => picture.arrow(arrow, y, &mut body),
            Row::Note(note) => picture.note(note, y, &mut body),
        };
    }
    let height = y + LINE;
    let width = LEFT + pitch * ladder.columns.len().saturating_sub(1) + RIGHT;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\
        <style>{STYLE}</style><rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    for (number, column) in ladder.columns.iter().enumerate() {
        let x = picture.lane(number);
        let _ = writeln!(
            out,
            "<line class=\"l\" x1=\"{x}\" x2=\"{x}\" y1=\"38\" y2=\"{height}\"/>\
            <text class=\"n\" text-anchor=\"middle\" x=\"{x}\" y=\"28\">{}</text>",
            escaped(&column.name)
        );
    }
    out.push_str(&body);
    out.push_str("</svg>\n");
    out
}

struct Picture<'a> {
    ladder: &'a Ladder,
    pitch: usize,
}

impl Picture<'_> {
    fn lane(&self, column: usize) -> usize {
        LEFT + 60 + self.pitch * column
    }

    fn time(&self, wall_us: u64, y: usize, out: &mut String) {
        let time = time(wall_us, self.ladder.origin_us);
        let _ = write!(
            out,
            "<text class=\"t\" text-anchor=\"end\" x=\"{}\" y=\"{y}\">{time}</text>",
            LEFT - 10
        );
    }

    /// Returns the height.
    fn arrow(&self, arrow: &Arrow, y: usize, out: &mut String) -> usize {
        let (from, to) = (self.lane(arrow.from), self.lane(arrow.to));
        let (class, label) = (class(arrow), escaped(&said(arrow, self.ladder.origin_us)));
        let dashed = if arrow.retransmission { " d" } else { "" };
        let line = y + 20;
        out.push_str("<g>");
        self.time(arrow.wall_us, line + 4, out);
        if from == to {
            let (right, back) = (from + 30, line + 8);
            let _ = writeln!(
                out,
                "<path class=\"a {class}{dashed}\" d=\"M{from} {line}H{right}V{back}H{}\"/>\
                <path class=\"h {class}\" d=\"M{from} {back}l8 -4v8z\"/>\
                <text class=\"e\" x=\"{}\" y=\"{}\">{label}</text></g>",
                from + 8,
                right + 6,
                line + 6
            );
            return ARROW;
        }
        // A lost one ends before the lifeline that it never reached.
        let gap = if arrow.lost { 28 } else { 0 };
        let (end, sign) = if from < to {
            (to - gap, "-")
        } else {
            (to + gap, "")
        };
        let _ = write!(
            out,
            "<path class=\"a {class}{dashed}\" d=\"M{from} {line}H{end}\"/>"
        );
        let _ = match arrow.lost {
            true => write!(
                out,
                "<path class=\"a {class}\" d=\"M{} {}l10 10m0 -10l-10 10\"/>",
                end.saturating_sub(5),
                line - 5
            ),
            false => write!(
                out,
                "<path class=\"h {class}\" d=\"M{end} {line}l{sign}9 -4v8z\"/>"
            ),
        };
        let middle = (from + end) / 2;
        let _ = writeln!(
            out,
            "<text class=\"e\" text-anchor=\"middle\" x=\"{middle}\" y=\"{}\">{label}</text></g>",
            line - 5
        );
        ARROW
    }

    fn note(&self, it: &Note, y: usize, out: &mut String) -> usize {
        let (_, whole) = note(&it.decision);
        let lines = wrap(&whole, NOTE_CHARS);
        let x = self.lane(it.column) + 6;
        let height = LINE * lines.len() + 8;
        let widest = lines
            .iter()
            .map(|line| line.chars().count())
            .max()
            .unwrap_or(0);
        let width = widest * CHAR + 14;
        out.push_str("<g>");
        self.time(it.wall_us, y + 18, out);
        let _ = write!(
            out,
            "<rect class=\"b\" x=\"{x}\" y=\"{}\" width=\"{width}\" height=\"{height}\" rx=\"3\"/>",
            y + 4
        );
        for (number, line) in lines.iter().enumerate() {
            let y = y + 4 + LINE * (number + 1);
            let _ = write!(
                out,
                "<text x=\"{}\" y=\"{y}\">{}</text>",
                x + 7,
                escaped(line)
            );
        }
        out.push_str("</g>\n");
        height + 8
    }
}

/// The name of the message and what is to be said of it.
fn said(arrow: &Arrow, origin_us: u64) -> String {
    match repeats(arrow, origin_us) {
        Some(repeats) => format!("{}, {repeats}", arrow.label),
        None => arrow.label.clone(),
    }
}

fn class(arrow: &Arrow) -> char {
    match arrow.class {
        _ if arrow.lost => 'f',
        Class::Request => 'q',
        Class::Provisional => 'p',
        Class::Success => 's',
        Class::Failure | Class::Broken => 'f',
    }
}

/// Text of an XML document: no markup, and no character that XML 1.0 has not.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => out.push('?'),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
