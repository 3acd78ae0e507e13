//! Writes messages: start line, header fields and body, and their index beside them, so that what was written is not
//! parsed again.

use std::sync::Arc;

use bytes::{BufMut, Bytes};
use memchr::memchr2;

use crate::headers::{Bounds, Headers};
use crate::index::{Field, Index};
use crate::message::Raw;
use crate::name::HeaderName;
use crate::room::Room;

/// A message under way.
#[derive(Clone)]
pub(crate) struct Writer {
    bytes: Room,
    index: Index,
    /// Whether there is an index at all.
    indexed: bool,
}

impl Writer {
    pub(crate) fn with_capacity(bytes: usize, fields: usize) -> Writer {
        Writer {
            bytes: Room::of(bytes),
            index: Index::with_capacity(fields),
            indexed: true,
        }
    }

    /// One that makes bytes alone.
    pub(crate) fn without_index(bytes: usize) -> Writer {
        Writer {
            bytes: Room::of(bytes),
            index: Index::with_capacity(0),
            indexed: false,
        }
    }

    /// How many bytes there are so far.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// What is no header field: the start line.
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.bytes.put_slice(bytes);
    }

    /// `name: value` on a line of its own. The value is trimmed, and has no line ends but those of folding.
    pub(crate) fn field(&mut self, name: &HeaderName, value: &[u8]) {
        self.begin_field(name);
        self.put(value);
        if memchr2(b'\r', b'\n', value).is_some()
            && let Some(field) = self.index.last_mut()
        {
            field.fold();
        }
        self.end_field();
    }

    /// Begins a line; its value is `put` and goes to `end_field`.
    pub(crate) fn begin_field(&mut self, name: &HeaderName) {
        let text = name.as_bytes();
        let line = self.len();
        self.put(text);
        self.put(b": ");
        let value = self.len()..self.len();
        if self.indexed {
            self.index
                .push(Field::new(name.number(), line, text.len(), value));
        }
    }

    pub(crate) fn end_field(&mut self) {
        let end = self.len();
        if self.indexed
            && let Some(field) = self.index.last_mut()
        {
            field.end_at(end);
        }
        self.put(b"\r\n");
    }

    /// Lines of another message as they stand, from `start` to `end`, and the fields on them.
    pub(crate) fn keep(&mut self, old: &[u8], start: usize, end: usize, fields: &[Field]) {
        let to = self.len();
        self.put(old.get(start..end).unwrap_or_default());
        for field in fields {
            self.index.push(field.moved(start, to));
        }
        if end > start && self.bytes.last() != Some(&b'\n') {
            self.put(b"\r\n");
        }
    }

    /// The fields of another writer, without its start line.
    pub(crate) fn append_fields(&mut self, other: &Writer) {
        let fields = other.index.fields();
        if let Some(first) = fields.first() {
            self.keep(&other.bytes, first.line(), other.len(), fields);
        }
    }

    /// Sees to it that so many bytes more have room.
    pub(crate) fn reserve(&mut self, more: usize) {
        self.bytes.reserve(more);
    }

    /// The blank line and the body of a message that is passed on. The head ends in two CRLF, also where that of the old one
    /// ended in LF: one who takes nothing but CRLF for a line end would read on, and find header fields in the body.
    pub(crate) fn finish_as(mut self, old: &Raw) -> Raw {
        if !self.bytes.ends_with(b"\r\n") && self.bytes.ends_with(b"\n") {
            let end = self.len() - 1;
            self.bytes.truncate(end);
            self.put(b"\r\n");
        }
        self.put(b"\r\n");
        let mut raw = self.body(&old.body, old.truncated, old.headers.bounds);
        raw.torn = old.torn;
        raw
    }

    /// A blank line and this body.
    pub(crate) fn finish(mut self, body: &[u8], bounds: Bounds) -> Raw {
        self.put(b"\r\n");
        self.body(body, false, bounds)
    }

    /// A blank line and no body, as bytes alone.
    pub(crate) fn finish_bytes(mut self) -> Bytes {
        self.put(b"\r\n");
        self.bytes.freeze()
    }

    fn body(mut self, body: &[u8], truncated: bool, bounds: Bounds) -> Raw {
        let head_end = self.len();
        self.put(body);
        let bytes = self.bytes.freeze();
        let body = bytes.slice(head_end..);
        let headers = Headers {
            bytes,
            index: Arc::new(self.index),
            bounds,
        };
        Raw {
            headers,
            body,
            truncated,
            torn: None,
        }
    }
}

/// Sizes, never content.
impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}
