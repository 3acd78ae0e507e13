//! Where the columns stand and what their heads look like.

use super::line::{Line, Paint};
use super::words::{clean, width, wrap};
use super::{Glyphs, MIN_WIDTH, Style, labels};
use crate::ladder::{Ladder, Row};

/// Lines of a column's name when names stand side by side.
const MAX_HEAD_LINES: usize = 3;

/// The least distance of columns; with more of them than fit so, the drawing gets wider than the terminal.
const MIN_PITCH: usize = 4;

/// Room that an arrow needs beside a label that is drawn on it: a gap and two strokes on each side, the head.
pub(super) const LABEL_MARGIN: usize = 7;

/// The drawing's measures, in cells.
pub(super) struct Layout {
    /// Of the whole drawing.
    pub(super) width: usize,
    /// First cell right of the times.
    pub(super) left: usize,
    /// The lifelines.
    pub(super) lanes: Vec<usize>,
    names: Vec<String>,
    /// Names side by side, or down a staircase when they are too wide for that.
    staircase: bool,
}

impl Layout {
    pub(super) fn new(ladder: &Ladder, style: &Style, times: usize) -> Self {
        let left = times + 2;
        let names: Vec<String> = ladder
            .columns
            .iter()
            .map(|column| clean(&column.name, style.ascii))
            .collect();
        let count = names.len().max(1);
        let width_all = style.width.max(MIN_WIDTH).max(left + count * MIN_PITCH);
        let room = width_all.saturating_sub(left);
        let widest = names.iter().map(|name| width(name)).max().unwrap_or(0);
        let half = widest.min(room / count) / 2;
        let most = match count {
            1 => room,
            _ => (room.saturating_sub(2 * half + 1) / (count - 1)).max(MIN_PITCH),
        };
        let pitch = most.min(wanted(ladder, style, widest));
        let lanes: Vec<usize> = (0..names.len()).map(|n| left + half + n * pitch).collect();
        let fits = |name: &String| {
            let lines = wrap(name, pitch.saturating_sub(2));
            let longest_word = name.split_whitespace().map(width).max().unwrap_or(0);
            lines.len() <= MAX_HEAD_LINES && longest_word + 2 <= pitch
        };
        let staircase = count > 1 && !names.iter().all(fits);
        Self {
            width: width_all,
            left,
            lanes,
            names,
            staircase,
        }
    }

    /// A line with nothing but lifelines.
    pub(super) fn lifelines(&self, glyphs: &Glyphs) -> Line {
        let mut line = Line::new(self.width);
        for lane in &self.lanes {
            line.glyph(*lane, glyphs.lifeline, Paint::Dim);
        }
        line
    }

    /// The names above the lifelines.
    pub(super) fn head(&self, glyphs: &Glyphs) -> Vec<Line> {
        if self.staircase {
            return self.stairs(glyphs);
        }
        let pitch = match self.lanes.as_slice() {
            [first, second, ..] => second - first,
            _ => self.width,
        };
        let wrapped: Vec<Vec<String>> = self
            .names
            .iter()
            .map(|name| wrap(name, pitch.saturating_sub(2)))
            .collect();
        let height = wrapped.iter().map(Vec::len).max().unwrap_or(0);
        (0..height)
            .map(|row| {
                let mut line = Line::new(self.width);
                for (lane, name) in self.lanes.iter().zip(&wrapped) {
                    // Short names stand directly above their lifelines.
                    let skip = height - name.len();
                    let part = row.checked_sub(skip).and_then(|at| name.get(at));
                    if let Some(part) = part {
                        let at = lane.saturating_sub(width(part) / 2);
                        line.put(self.clamp(at, width(part)), part, Paint::Bold);
                    }
                }
                line
            })
            .collect()
    }

    /// One line a name, each at its lifeline, the earlier lifelines already running.
    fn stairs(&self, glyphs: &Glyphs) -> Vec<Line> {
        let mut lines = Vec::new();
        for (number, (lane, name)) in self.lanes.iter().zip(&self.names).enumerate() {
            let mut line = Line::new(self.width);
            for earlier in self.lanes.iter().take(number) {
                line.glyph(*earlier, glyphs.lifeline, Paint::Dim);
            }
            let at = self.clamp(*lane, width(name));
            if at < *lane && at > 0 {
                line.glyph(at - 1, ' ', Paint::Plain);
            }
            line.put(at, name, Paint::Bold);
            lines.push(line);
        }
        lines
    }

    /// The nearest cell to `at` from which `needed` cells fit, never over the times.
    pub(super) fn clamp(&self, at: usize, needed: usize) -> usize {
        at.min(self.width.saturating_sub(needed)).max(self.left)
    }
}

/// The distance of columns that suits names and labels, if the terminal has room for it.
fn wanted(ladder: &Ladder, style: &Style, widest_name: usize) -> usize {
    let arrows = ladder.rows.iter().filter_map(|row| match row {
        Row::Arrow(arrow) => Some(arrow),
        Row::Note(_) => None,
    });
    arrows
        .map(|arrow| {
            let steps = arrow.from.abs_diff(arrow.to).max(1);
            let lost = if arrow.lost { 3 } else { 0 };
            (width(&labels::name(arrow, style)) + LABEL_MARGIN + 1 + lost).div_ceil(steps)
        })
        .chain([widest_name + 2, 12])
        .max()
        .unwrap_or(12)
}
