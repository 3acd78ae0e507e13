//! A ladder as text for a terminal: names above lifelines, arrows between them, decisions as notes at their node.
//!
//! ```text
//!             A server      A gateway      B gateway
//!                 │             │              │
//! +0.000 s        ├── MESSAGE ─▶│              │
//! +0.001 s        │             ├── MESSAGE ──▶│
//! +0.002 s        │             │              ● P1.3 forwarded
//! ```

mod glyphs;
mod labels;
mod layout;
mod line;
mod words;

use glyphs::{ASCII, Glyphs, UNICODE};
use layout::{LABEL_MARGIN, Layout};
use line::{Line, Paint};
use words::width;

pub(super) use labels::{note, repeats, time};
pub(super) use words::wrap;

use super::{Arrow, Ladder, Note, Row};
use crate::summary::Class;

/// The narrowest drawing, in characters.
pub const MIN_WIDTH: usize = 60;

/// Longest line of a note, in characters.
pub const MAX_NOTE_WIDTH: usize = 76;

/// How a ladder is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Colours by ANSI escape sequences; without it the text holds no ESC byte.
    pub colour: bool,
    /// Columns of the terminal; less than [`MIN_WIDTH`] counts as that.
    pub width: usize,
    /// Only ASCII characters, for terminals and logs that know no others.
    pub ascii: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            colour: false,
            width: 100,
            ascii: false,
        }
    }
}

/// Draws the ladder; each line ends in a line feed. A ladder without columns is an empty text.
pub fn render(ladder: &Ladder, style: &Style) -> String {
    let times: Vec<String> = ladder
        .rows
        .iter()
        .map(|row| labels::time(row.wall_us(), ladder.origin_us))
        .collect();
    let longest = times.iter().map(String::len).max().unwrap_or(0);
    let drawing = Drawing {
        style,
        origin_us: ladder.origin_us,
        glyphs: if style.ascii { &ASCII } else { &UNICODE },
        layout: Layout::new(ladder, style, longest),
    };
    if drawing.layout.lanes.is_empty() {
        return String::new();
    }
    let mut lines = drawing.layout.head(drawing.glyphs);
    lines.push(drawing.blank());
    let mut before = "";
    for (row, time) in ladder.rows.iter().zip(&times) {
        let mut drawn = match row {
            Row::Arrow(arrow) => drawing.arrow(arrow),
            Row::Note(note) => drawing.note(note),
        };
        // A time is said once, not again at each decision of the same moment.
        if let Some(first) = drawn.first_mut().filter(|_| time != before) {
            first.put(longest - time.len(), time, Paint::Dim);
        }
        before = time;
        lines.append(&mut drawn);
    }
    lines.push(drawing.blank());
    let mut out = String::new();
    for line in lines {
        line.finish(style.colour, &mut out);
    }
    out
}

struct Drawing<'a> {
    style: &'a Style,
    origin_us: u64,
    glyphs: &'static Glyphs,
    layout: Layout,
}

impl Drawing<'_> {
    fn blank(&self) -> Line {
        self.layout.lifelines(self.glyphs)
    }

    fn lane(&self, column: usize) -> usize {
        self.layout.lanes.get(column).copied().unwrap_or_default()
    }

    /// The arrow with its name on it, or above it where it is too short; what repeats it on it or below.
    fn arrow(&self, arrow: &Arrow) -> Vec<Line> {
        let (from, to) = (self.lane(arrow.from), self.lane(arrow.to));
        let name = labels::name(arrow, self.style);
        let repeats = labels::repeats(arrow, self.origin_us);
        if from == to {
            return self.loop_back(from, arrow, &name, repeats);
        }
        let paint = paint(arrow);
        let room = from
            .abs_diff(to)
            .saturating_sub(LABEL_MARGIN + self.gap(arrow, from, to));
        let on = |text: &str| (width(text) <= room).then(|| text.to_owned());
        let both = repeats
            .as_ref()
            .and_then(|repeats| on(&format!("{name}, {repeats}")));
        let text_at = from.min(to) + 2;
        let mut lines = Vec::new();
        let mut below = None;
        let label = if both.is_some() {
            both
        } else {
            below = repeats;
            let name_on = on(&name);
            if name_on.is_none() {
                lines.extend(self.beside(text_at, &name, paint));
            }
            name_on
        };
        lines.push(self.stroke(arrow, from, to, label.as_deref()));
        if let Some(below) = below {
            lines.extend(self.beside(text_at, &below, Paint::Dim));
        }
        lines
    }

    /// Cells between the end of a lost arrow and the lifeline that it never reached.
    fn gap(&self, arrow: &Arrow, from: usize, to: usize) -> usize {
        match (arrow.lost, from.abs_diff(to)) {
            (false, _) => 0,
            (true, 0..8) => 1,
            (true, _) => 3,
        }
    }

    fn stroke(&self, arrow: &Arrow, from: usize, to: usize, label: Option<&str>) -> Line {
        let (glyphs, paint) = (self.glyphs, paint(arrow));
        let rightwards = from < to;
        let gap = self.gap(arrow, from, to);
        let (start, end) = if rightwards {
            (from + 1, to - 1 - gap)
        } else {
            (to + 1 + gap, from - 1)
        };
        let stroke = if arrow.retransmission {
            glyphs.dashed
        } else {
            glyphs.line
        };
        let mut line = self.blank();
        for at in start..=end {
            let crossing = line.peek(at) == Some(glyphs.lifeline);
            line.glyph(at, if crossing { glyphs.crossing } else { stroke }, paint);
        }
        let (origin, head, head_at) = match rightwards {
            true => (glyphs.from_left, glyphs.head_right, end),
            false => (glyphs.from_right, glyphs.head_left, start),
        };
        line.glyph(from, origin, paint);
        line.glyph(head_at, if arrow.lost { glyphs.lost } else { head }, paint);
        if let Some(label) = label {
            let text = format!(" {label} ");
            let free = (end + 1).saturating_sub(start + width(&text));
            line.put(start + free / 2, &text, paint);
        }
        line
    }

    /// A node that sends to itself.
    fn loop_back(
        &self,
        lane: usize,
        arrow: &Arrow,
        name: &str,
        repeats: Option<String>,
    ) -> Vec<Line> {
        let (glyphs, paint) = (self.glyphs, paint(arrow));
        let text = repeats.map_or_else(|| name.to_owned(), |repeats| format!("{name}, {repeats}"));
        let (mut out, mut back) = (self.blank(), self.blank());
        let right = lane + 4 + width(&text) <= self.layout.width;
        if right || lane < self.layout.left + 4 {
            out.put(lane, glyphs.loop_right.0, paint);
            back.put(lane, glyphs.loop_right.1, paint);
            out.put(lane + 3, &format!(" {text} "), paint);
        } else {
            out.put(lane - 2, glyphs.loop_left.0, paint);
            back.put(lane - 2, glyphs.loop_left.1, paint);
            let at = lane.saturating_sub(4 + width(&text)).max(self.layout.left);
            let room = lane.saturating_sub(at + 4);
            for (line, part) in [&mut out, &mut back].into_iter().zip(wrap(&text, room)) {
                line.put(at, &format!(" {part} "), paint);
            }
        }
        vec![out, back]
    }

    /// Words that stand for themselves, from cell `at` on if there is room.
    fn beside(&self, at: usize, text: &str, paint: Paint) -> Vec<Line> {
        let parts = wrap(text, self.layout.width - self.layout.left);
        let widest = parts.iter().map(|part| width(part)).max().unwrap_or(0);
        let at = self.layout.clamp(at, widest + 1);
        self.block(at, &parts, |line, at, part, _| line.put(at, part, paint))
    }

    /// A bullet on the lifeline, the words on the side that has room for them.
    fn note(&self, note: &Note) -> Vec<Line> {
        let lane = self.lane(note.column);
        let (verdict, text) = labels::note_in(&note.decision, self.style);
        let to_right = self
            .layout
            .width
            .saturating_sub(lane + 3)
            .min(MAX_NOTE_WIDTH);
        let to_left = lane
            .saturating_sub(self.layout.left + 2)
            .min(MAX_NOTE_WIDTH);
        let (right, left) = (wrap(&text, to_right), wrap(&text, to_left));
        let on_right = right.len() <= left.len();
        let parts = if on_right { right } else { left };
        let widest = parts.iter().map(|part| width(part)).max().unwrap_or(0);
        let at = if on_right {
            lane + 2
        } else {
            lane.saturating_sub(widest + 1)
        };
        let mut lines = self.block(at, &parts, |line, at, part, number| {
            line.put(at, part, Paint::Plain);
            if number == 0 && part.starts_with(&verdict) {
                line.put(at, &verdict, Paint::Note);
            }
        });
        if let Some(first) = lines.first_mut() {
            first.glyph(lane, self.glyphs.bullet, Paint::Note);
        }
        lines
    }

    /// Lines of text over the lifelines, with a blank on both sides of each.
    fn block(
        &self,
        at: usize,
        parts: &[String],
        put: impl Fn(&mut Line, usize, &str, usize),
    ) -> Vec<Line> {
        let mut lines = Vec::new();
        for (number, part) in parts.iter().enumerate() {
            let mut line = self.blank();
            for margin in [at.checked_sub(1), Some(at + width(part))] {
                if let Some(margin) = margin.filter(|margin| *margin >= self.layout.left) {
                    line.glyph(margin, ' ', Paint::Plain);
                }
            }
            put(&mut line, at, part, number);
            lines.push(line);
        }
        lines
    }
}

fn paint(arrow: &Arrow) -> Paint {
    match arrow.class {
        _ if arrow.lost => Paint::Failure,
        Class::Request => Paint::Request,
        Class::Provisional => Paint::Plain,
        Class::Success => Paint::Success,
        Class::Failure | Class::Broken => Paint::Failure,
    }
}
