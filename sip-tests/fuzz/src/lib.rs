//! Fuzz targets: plain functions that take any bytes, and end with a panic when something that has to hold does not.
//!
//! `tests/smoke.rs` runs all of them for a moment with every `cargo test`; the programs below `fuzz_targets` run them
//! under libFuzzer for as long as one likes (`run`). Where it is cheap, a second and much simpler reading of the same
//! bytes ([`naive`]) has to agree with the library's.

// A target that fails ends there, with the reason.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

pub mod datagram;
pub mod foreign_capture;
pub mod mc_info_document;
pub mod multipart;
pub mod naive;
pub mod parse_print_parse;
pub mod read;
pub mod redaction;
pub mod stream;
pub mod typed_values;

use sip_message::Limits;

// `cargo fuzz` builds with them, and with checks for overflow, unless it is told otherwise.
#[cfg(feature = "libfuzzer")]
const _: () = assert!(cfg!(debug_assertions), "fuzz with debug assertions");

/// A target: what it is called, and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 8] = [
    ("datagram", datagram::run),
    ("stream", stream::run),
    ("typed_values", typed_values::run),
    ("multipart", multipart::run),
    ("mc_info_document", mc_info_document::run),
    ("parse_print_parse", parse_print_parse::run),
    ("redaction", redaction::run),
    ("foreign_capture", foreign_capture::run),
];

/// Limits so tight that small inputs meet them.
#[must_use]
pub fn tight() -> Limits {
    Limits {
        message: 600,
        header_fields: 8,
        header_bytes: 400,
        body: 100,
        parameters: 3,
        values: 3,
        parts: 2,
        depth: 2,
    }
}

/// Limits that nothing here meets, for what may have grown.
#[must_use]
pub fn wide() -> Limits {
    Limits {
        message: 1 << 24,
        header_fields: 1 << 20,
        header_bytes: 1 << 24,
        body: 1 << 24,
        ..Limits::default()
    }
}
