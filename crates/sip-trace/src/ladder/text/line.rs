//! One line of the drawing: cells that later strokes overwrite, each with a colour.

use super::words::char_width;

/// The colour of a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Paint {
    #[default]
    Plain,
    /// Lifelines, times.
    Dim,
    /// Names of columns.
    Bold,
    Request,
    Success,
    Failure,
    /// What is decided.
    Note,
}

impl Paint {
    /// SGR parameters (ECMA-48 §8.3.117).
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "0",
            Self::Dim => "2",
            Self::Bold => "1",
            Self::Request => "36",
            Self::Success => "32",
            Self::Failure => "31",
            Self::Note => "1;33",
        }
    }
}

#[derive(Clone, Copy)]
struct Cell {
    /// `None` is the right half of a wide character.
    glyph: Option<char>,
    paint: Paint,
}

const BLANK: Cell = Cell {
    glyph: Some(' '),
    paint: Paint::Plain,
};

/// One line; what is put outside its width is left out.
pub(super) struct Line {
    cells: Vec<Cell>,
}

impl Line {
    pub(super) fn new(width: usize) -> Self {
        Self {
            cells: vec![BLANK; width],
        }
    }

    /// Writes a cleaned text from cell `at` on.
    pub(super) fn put(&mut self, at: usize, text: &str, paint: Paint) {
        let mut at = at;
        for c in text.chars() {
            self.glyph(at, c, paint);
            at += char_width(c);
        }
    }

    /// Writes one character, and keeps no half of a wide one that it hits.
    pub(super) fn glyph(&mut self, at: usize, c: char, paint: Paint) {
        let wide = char_width(c) == 2;
        if at + usize::from(wide) >= self.cells.len() {
            return;
        }
        if self.at(at).glyph.is_none() {
            self.set(at.wrapping_sub(1), BLANK);
        }
        let end = at + usize::from(wide);
        if self.at(end + 1).glyph.is_none() {
            self.set(end + 1, BLANK);
        }
        let glyph = Some(c);
        self.set(at, Cell { glyph, paint });
        if wide {
            self.set(end, Cell { glyph: None, paint });
        }
    }

    /// What stands in a cell.
    pub(super) fn peek(&self, at: usize) -> Option<char> {
        self.at(at).glyph
    }

    /// Ends the line: no blanks at its end, and escape sequences only when asked for.
    pub(super) fn finish(self, colour: bool, out: &mut String) {
        let visible = self.cells.iter().rposition(|cell| cell.glyph != Some(' '));
        let visible = visible.map_or(0, |last| last + 1);
        let mut current = Paint::Plain;
        for cell in self.cells.iter().take(visible) {
            let Some(glyph) = cell.glyph else { continue };
            if colour && cell.paint != current && glyph != ' ' {
                // Off first: bold and dim do not end by another colour.
                if current != Paint::Plain {
                    escape(Paint::Plain, out);
                }
                if cell.paint != Paint::Plain {
                    escape(cell.paint, out);
                }
                current = cell.paint;
            }
            out.push(glyph);
        }
        if colour && current != Paint::Plain {
            escape(Paint::Plain, out);
        }
        out.push('\n');
    }

    fn at(&self, at: usize) -> Cell {
        self.cells.get(at).copied().unwrap_or(BLANK)
    }

    fn set(&mut self, at: usize, cell: Cell) {
        if let Some(slot) = self.cells.get_mut(at) {
            *slot = cell;
        }
    }
}

fn escape(paint: Paint, out: &mut String) {
    out.push_str("\u{1b}[");
    out.push_str(paint.code());
    out.push('m');
}
