//! What a drawing is made of: box-drawing characters, or ASCII.

/// The characters that a drawing is made of.
pub(super) struct Glyphs {
    pub(super) lifeline: char,
    pub(super) line: char,
    /// Of a retransmission.
    pub(super) dashed: char,
    /// An arrow over a lifeline.
    pub(super) crossing: char,
    /// Where an arrow to the right begins.
    pub(super) from_left: char,
    /// Where an arrow to the left begins.
    pub(super) from_right: char,
    pub(super) head_right: char,
    pub(super) head_left: char,
    /// The end of an arrow that never arrived.
    pub(super) lost: char,
    pub(super) bullet: char,
    /// A message to itself, two lines, the lifeline on the left.
    pub(super) loop_right: (&'static str, &'static str),
    /// The same with the lifeline on the right.
    pub(super) loop_left: (&'static str, &'static str),
}

pub(super) static UNICODE: Glyphs = Glyphs {
    lifeline: '│',
    line: '─',
    dashed: '╌',
    crossing: '┼',
    from_left: '├',
    from_right: '┤',
    head_right: '▶',
    head_left: '◀',
    lost: 'x',
    bullet: '●',
    loop_right: ("├─┐", "│◀┘"),
    loop_left: ("┌─┤", "└▶│"),
};

pub(super) static ASCII: Glyphs = Glyphs {
    lifeline: '|',
    line: '-',
    dashed: '.',
    crossing: '+',
    from_left: '+',
    from_right: '+',
    head_right: '>',
    head_left: '<',
    lost: 'x',
    bullet: '*',
    loop_right: ("+-+", "|<+"),
    loop_left: ("+-+", "+>|"),
};
