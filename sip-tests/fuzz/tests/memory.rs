//! What hostile input costs in memory: parsing it and reading every typed value takes at most ten times its size.
//!
//! Tiny values and tiny elements take more than that, up to a constant that the limits on their number set: 256 addresses
//! are some fifty kilobytes however short they were written, 512 elements with an attribute each some 170. Time is left to
//! benchmarks: no test here reads a clock.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, missing_docs)]

use std::alloc::System;

use bytes::Bytes;
use mcx::document::{Bounds, Document};
use mcx::{Profile, Service};
use peakmem_alloc::{INSTRUMENTED_SYSTEM, PeakMemAlloc, PeakMemAllocTrait};
use sip_message::{Limits, MediaType, Message, Response, StatusCode, StreamFramer, multipart};

#[global_allocator]
static MEMORY: &PeakMemAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What as many values, or elements, as the default limits allow may take where the input is shorter than a tenth of it.
const COUNTED: usize = 192 * 1024;

fn message(lines: &str, body: &str) -> Vec<u8> {
    format!(
        "MESSAGE sip:b@example.org SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\
         From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\n{lines}\r\n{body}"
    )
    .into_bytes()
}

/// Hostile messages of about this size.
fn hostile(size: usize) -> Vec<(&'static str, Vec<u8>)> {
    let times = |piece: &str| piece.repeat(size / piece.len());
    let lines = |line: &str| message(&times(line), "");
    let one = |name: &str, piece: &str| message(&format!("{name}: {}\r\n", times(piece)), "");
    vec![
        ("fields without a name of ours", lines("x:\r\n")),
        (
            "fields of an unknown long name",
            lines("Xaaaaaaaaaaaaaaaaaa:\r\n"),
        ),
        ("fields of a known name", lines("v:\r\n")),
        ("Vias", lines("v:SIP/2.0/UDP h\r\n")),
        ("a list of addresses", one("Contact", "a:b,")),
        (
            "a list of long addresses",
            one("Contact", "<sip:aaaaaaaa@bbbbbbbb;c=d>;e=f,"),
        ),
        ("a list of tokens", one("Supported", "a,")),
        ("a list of nothing", one("Route", ",")),
        ("a list of Vias", one("Via", "SIP/2.0/UDP h,")),
        ("a list of warnings", one("Warning", "399 h \"\\x\",")),
        ("parameters", one("Contact", ";a")),
        ("quotes", one("Contact", "\"")),
        ("escapes", one("Subject", "\\\"")),
        ("brackets", one("Contact", "<")),
        ("comments", one("Retry-After", "(")),
        ("folding", one("Subject", "\r\n ")),
        ("no blank line", times("x: y\r\n").into_bytes()),
        ("no line at all", times("x").into_bytes()),
        ("line ends", times("\r\n").into_bytes()),
        (
            "parts",
            message(
                "Content-Type: multipart/mixed;boundary=b\r\n",
                &times("--b\r\n\r\n"),
            ),
        ),
        (
            "parts with fields",
            message(
                "Content-Type: multipart/mixed;boundary=b\r\n",
                &times("--b\r\na:\r\nb:\r\nc:\r\nd:\r\n\r\n"),
            ),
        ),
        (
            "parts with more fields",
            message(
                "Content-Type: multipart/mixed;boundary=b\r\n",
                &format!("--b\r\n{}--b--", times("a:\r\n").repeat(2)),
            ),
        ),
    ]
}

/// The most that was in use at a time while this ran.
fn peak(run: impl FnOnce()) -> usize {
    MEMORY.reset_peak_memory();
    run();
    MEMORY.get_peak_memory()
}

fn everything(bytes: &Bytes, limits: &Limits) {
    match Message::parse_datagram(bytes.clone(), limits) {
        Ok(message) => {
            sip_fuzz::read::message(&message, limits);
            if let Message::Request(request) = &message {
                drop(request.edit().finish().expect("unchanged"));
                let response = Response::to(request, StatusCode::OK, Some("t")).finish();
                drop(response.expect("an answer"));
            }
        }
        Err(error) => {
            if let Some(request) = error.into_answerable() {
                sip_fuzz::read::everything(request.headers(), request.body(), limits);
                let response = Response::to(&request, StatusCode::BAD_REQUEST, Some("t"));
                drop(response.finish().expect("an answer"));
            }
        }
    }
}

/// One test, so that nothing else allocates while it measures.
#[test]
fn hostile_input_takes_at_most_ten_times_its_size() {
    let mut worst = (0.0, "");
    for size in [1_000, 8_000, 30_000, 60_000] {
        for (name, bytes) in hostile(size) {
            let bytes = Bytes::from(bytes);
            // The limits as they are, and no bound on the head but the message's own.
            let head = Limits {
                header_bytes: 65_535,
                ..Limits::default()
            };
            for limits in [Limits::default(), head] {
                let used = peak(|| everything(&bytes, &limits));
                let most = (10 * bytes.len()).max(COUNTED);
                assert!(used <= most, "{name}: {used} bytes for {}", bytes.len());
                #[expect(clippy::cast_precision_loss, reason = "for people")]
                let times = used as f64 / bytes.len() as f64;
                if size == 60_000 && times > worst.0 {
                    worst = (times, name);
                }
                let used = peak(|| {
                    let mut framer = StreamFramer::new(limits.clone());
                    for piece in bytes.chunks(1_400) {
                        framer.push(piece);
                        framer.by_ref().for_each(drop);
                    }
                });
                assert!(
                    used <= most,
                    "{name} as a stream: {used} for {}",
                    bytes.len()
                );
            }
        }
        documents(size);
        nested(size);
    }
    println!("the most: {:.1} times 60 kB, for {}", worst.0, worst.1);
    it_measures();
}

/// MC info documents: elements, depth, text, attributes, entities.
fn documents(size: usize) {
    let profile = Profile::default();
    let names = profile.of(Service::Mcptt);
    let around = |inner: &str| {
        let (root, params) = (&names.root, &names.params);
        format!(
            "<{root} xmlns=\"{}\"><{params}>{inner}</{params}></{root}>",
            names.namespace
        )
    };
    for piece in [
        "<a/>",
        "<a>",
        "<a b='c'/>",
        "&lt;",
        "&#60;",
        "x",
        "<!---->",
        "<![CDATA[]]>",
        " a='b'",
        "<a xmlns='b'/>",
        "&e;",
        "<mcptt-request-uri>x</mcptt-request-uri>",
    ] {
        let inner = piece.repeat(size / piece.len());
        let id = format!("<mcptt-request-uri>{inner}</mcptt-request-uri>");
        for xml in [
            inner.clone(),
            around(&inner),
            around(&id),
            format!("<a{inner}/>"),
        ] {
            let used = peak(|| drop(Document::read(xml.as_bytes(), names, Bounds::default())));
            let most = (10 * xml.len()).max(COUNTED);
            assert!(used <= most, "{piece}: {used} bytes for {}", xml.len());
        }
    }
}

/// Parts in parts in parts.
fn nested(size: usize) {
    let mut body = "x".repeat(size);
    for level in 0..100 {
        body = format!(
            "--{level}\r\nContent-Type: multipart/mixed;boundary={}\r\n\r\n{body}\r\n--{level}--\r\n",
            level - 1
        );
    }
    let body = Bytes::from(body);
    let media = MediaType::parse(b"multipart/mixed;boundary=99").expect("right");
    let used = peak(|| drop(multipart::leaves(&media, &body, &Limits::default())));
    assert!(used <= 10 * body.len(), "{used} bytes for {}", body.len());
}

/// What is held while something runs is seen.
fn it_measures() {
    let used = peak(|| drop(std::hint::black_box(vec![0u8; 100_000])));
    assert!((100_000..101_000).contains(&used), "{used}");
}
