//! A document may cost so much and no more.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::fmt::Write as _;

use common::documents::{ext, read};
use common::profile;
use mcx::Service;
use mcx::document::{Bounds, Document, DocumentError};

fn error(xml: impl AsRef<[u8]>) -> DocumentError {
    read(xml).expect_err("it is refused")
}

#[test]
fn a_billion_laughs() {
    let mut xml = String::from("<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY lol0 'lol'>");
    for n in 1..10 {
        let inner = format!("&lol{};", n - 1).repeat(10);
        write!(xml, "<!ENTITY lol{n} '{inner}'>").unwrap();
    }
    xml += "]>";
    xml += &ext("<primary-mcptt-id>&lol9;</primary-mcptt-id>");
    assert_eq!(error(xml), DocumentError::Dtd);
}

#[test]
fn more_of_anything_than_allowed() {
    let bounds = Bounds::default();
    let fits = |xml: &str| Document::read(xml.as_bytes(), &profile(Service::Mcptt), bounds);
    let mut padded = ext("");
    padded += &" ".repeat(bounds.bytes - padded.len());
    assert!(fits(&padded).is_ok());
    assert_eq!(fits(&format!("{padded} ")), Err(DocumentError::TooLarge));

    // The root, Params and anyExt count too.
    let most = ext(&"<x/>".repeat(bounds.elements - 3));
    assert!(fits(&most).is_ok());
    let more = ext(&"<x/>".repeat(bounds.elements - 2));
    assert_eq!(fits(&more), Err(DocumentError::TooManyElements));

    let nested = |n: usize| ext(&format!("{}{}", "<x>".repeat(n), "</x>".repeat(n)));
    assert!(fits(&nested(bounds.depth - 3)).is_ok());
    assert_eq!(fits(&nested(bounds.depth - 2)), Err(DocumentError::TooDeep));
    // Also when the deepest is empty, and when nothing is ever closed.
    let deep = "<x>".repeat(20_000);
    let DocumentError::TooDeep = error(deep) else {
        panic!("depth is bounded before the end is seen");
    };

    let attributes = |n: usize| {
        let list: Vec<_> = (0..n).map(|i| format!("a{i}='1'")).collect();
        ext(&format!("<x {}/>", list.join(" ")))
    };
    assert!(fits(&attributes(bounds.attributes)).is_ok());
    assert_eq!(
        fits(&attributes(bounds.attributes + 1)),
        Err(DocumentError::TooManyAttributes)
    );
    for (error, named) in [
        (DocumentError::TooLarge, "large"),
        (DocumentError::TooManyElements, "elements"),
        (DocumentError::TooDeep, "deep"),
        (DocumentError::TooManyAttributes, "attributes"),
    ] {
        assert!(error.to_string().contains(named));
    }
}
