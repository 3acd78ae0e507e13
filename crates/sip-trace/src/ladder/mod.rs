//! How a story is drawn: one column a node, an arrow a message, a note a decision.
//!
//! [`build()`] turns records into a [`Ladder`], which knows nothing of characters or pixels; [`text::render`] draws it for
//! a terminal, [`mermaid::render`] for documents in Markdown, [`svg::render`] as a picture, [`html::render`] as a page in
//! which each message can be opened.

mod build;
pub mod html;
pub mod mermaid;
pub mod svg;
pub mod text;

use std::collections::HashMap;
use std::net::SocketAddr;

pub use build::build;

use crate::record::{DecisionRecord, MessageRecord};
use crate::summary::{Class, Labels};

/// A story in rows, from the top.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ladder {
    /// The nodes that take part, from the left.
    pub columns: Vec<Column>,
    /// Arrows and notes, in causal order.
    pub rows: Vec<Row>,
    /// The moment that times are shown relative to, µs since the Unix epoch.
    pub origin_us: u64,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, or its address when nobody named it.
    pub name: String,
    /// Whether it recorded: only then does a message that it has no record of count as lost.
    pub recorded: bool,
}

/// One step of the story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// A message.
    Arrow(Arrow),
    /// A decision.
    Note(Note),
}

impl Row {
    /// When it happened, µs since the Unix epoch, by the clock of the node where it happened.
    pub fn wall_us(&self) -> u64 {
        match self {
            Self::Arrow(arrow) => arrow.wall_us,
            Self::Note(note) => note.wall_us,
        }
    }
}

/// A message on its way from one column to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrow {
    /// Index of the sender's column.
    pub from: usize,
    /// Index of the receiver's column; may be the same.
    pub to: usize,
    /// "MESSAGE de-authorization", "200 OK".
    pub label: String,
    /// For colours.
    pub class: Class,
    /// When it was sent; when it was received, if only that was recorded.
    pub wall_us: u64,
    /// The same bytes went the same way before, with another fate.
    pub retransmission: bool,
    /// Further identical messages on the same way with the same fate, folded into this arrow.
    pub repeats: u32,
    /// When the last of them was sent, if there are any.
    pub last_repeat_us: Option<u64>,
    /// It never arrived: the receiver records, and has no record of it.
    pub lost: bool,
    /// The message as it was recorded: where it was sent, or where it arrived if only that was recorded.
    pub message: MessageRecord,
    /// The row of the first of these messages; only where [`Options::keep_repeats`] gives each a row of its own.
    pub repeat_of: Option<usize>,
}

/// A decision at its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Index of the node's column.
    pub column: usize,
    /// When it was taken.
    pub wall_us: u64,
    /// The decision.
    pub decision: DecisionRecord,
}

/// What [`build()`] is told beside the records.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Wanted order of the columns. Names that take no part are left out; nodes that are not named follow, in order of
    /// appearance.
    pub order: Vec<String>,
    /// Names of addresses, for peers that did not record.
    pub names: HashMap<SocketAddr, String>,
    /// Nodes that record, even if `records` holds none of theirs: a message to a node that was down then counts as lost.
    pub recording: Vec<String>,
    /// The moment that times are shown relative to, µs since the Unix epoch; the first record's when not given.
    pub origin_us: Option<u64>,
    /// Which decisions become notes.
    pub notes: Notes,
    /// Whether steps that every message takes become notes too ([`DecisionRecord::detail`]).
    pub details: bool,
    /// Short names of kinds of messages.
    pub labels: Labels,
    /// Identical messages get a row each, instead of being folded into the first one.
    pub keep_repeats: bool,
}

/// Which decisions become notes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Notes {
    /// Every one.
    #[default]
    All,
    /// Those that cite a requirement.
    WithRequirement,
    /// Every one, without the ids of requirements.
    WithoutIds,
    /// None.
    None,
}
