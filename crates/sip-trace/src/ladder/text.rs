//! A ladder as text for a terminal.

use super::Ladder;

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

/// The narrowest ladder, in characters.
pub const MIN_WIDTH: usize = 60;

/// Draws the ladder; each line ends in a line feed.
pub fn render(ladder: &Ladder, style: &Style) -> String {
    let _ = (ladder, style);
    String::new()
}
