//! A ladder as one page that needs nothing else: no network, no file beside it. Each message can be opened, searched and
//! filtered; only the rows in sight are drawn, so that ten thousand messages are no more work than fifty.
//!
//! What messages say reaches the page as JSON inside a script element that is no script, with `<`, `>` and `&` as escapes,
//! and from there the document as text nodes. A Content-Security-Policy allows the page's own script and style, by their
//! hashes, and nothing else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use sha2::{Digest, Sha256};
use sip_message::{HeaderName, Limits, Message};
use std::collections::BTreeMap;

use super::text::{note, time};
use super::{Arrow, Ladder, Note, Row};
use crate::record::DecisionRecord;
use crate::summary::Class;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = concat!(include_str!("message.js"), include_str!("page.js"));

/// The page. Build the ladder with [`Options::keep_repeats`](super::Options::keep_repeats), so that retransmissions can be
/// shown and collapsed there.
pub fn render(ladder: &Ladder, title: &str) -> String {
    page(&data(ladder), title, "")
}

/// The page without rows, which follows the server-sent events at the address `events` of the same server: each has one value
/// of [`rows`] as its data. `node` is the first column.
pub fn render_live(node: &str, title: &str, events: &str) -> String {
    let data = Data {
        columns: vec![node],
        rows: Vec::new(),
        live: Some(events),
        lost: None,
    };
    page(&data, title, " connect-src 'self';")
}

/// Rows for a page that follows: JSON on one line, without identities only if the ladder is. `lost` is how many records before
/// them are missing.
pub fn rows(ladder: &Ladder, lost: u64) -> String {
    let data = Data {
        lost: (lost > 0).then_some(lost),
        ..data(ladder)
    };
    json(&data)
}

fn data(ladder: &Ladder) -> Data<'_> {
    let columns = ladder.columns.iter();
    let rows = ladder.rows.iter();
    Data {
        columns: columns.map(|column| column.name.as_str()).collect(),
        rows: rows.map(|row| line(row, ladder.origin_us)).collect(),
        live: None,
        lost: None,
    }
}

fn page(data: &Data<'_>, title: &str, connect: &str) -> String {
    let (script, style) = (source(SCRIPT), source(STYLE));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
        <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src {script}; style-src {style};{connect} \
        base-uri 'none'; form-action 'none'\">\n\
        <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>{}</title>\n\
        <style>{STYLE}</style>\n</head>\n<body>\n{PAGE}\
        <script id=\"data\" type=\"application/json\">{}</script>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        text(title),
        json(data)
    )
}

/// What a policy calls an inline script or style (Content Security Policy Level 3 §2.3.1).
fn source(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

#[derive(Serialize)]
struct Data<'a> {
    columns: Vec<&'a str>,
    rows: Vec<Line>,
    /// Where what comes is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<&'a str>,
    /// Records that are missing before these.
    #[serde(skip_serializing_if = "Option::is_none")]
    lost: Option<u64>,
}

/// One row, as the page's script reads it.
#[derive(Serialize)]
struct Line {
    /// One letter, which is the style's class too.
    kind: char,
    from: usize,
    to: usize,
    label: String,
    /// Since the ladder's origin.
    time: String,
    /// Of the wall clock.
    clock: String,
    /// The whole message.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<String>,
    /// Which row it repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    again: Option<usize>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    lost: bool,
    /// What else there is to say, by name.
    said: BTreeMap<&'static str, String>,
}

fn line(row: &Row, origin_us: u64) -> Line {
    let (wall_us, time) = (row.wall_us(), time(row.wall_us(), origin_us));
    let mut line = match row {
        Row::Arrow(arrow) => of_arrow(arrow),
        Row::Note(note) => of_note(note),
    };
    line.time = time;
    line.clock = clock(wall_us);
    line
}

fn of_arrow(arrow: &Arrow) -> Line {
    let message = &arrow.message;
    let mut said = BTreeMap::from([
        (
            "addresses",
            format!("{} → {}", message.source(), message.destination()),
        ),
        ("carried by", message.transport.to_string()),
        ("length", format!("{} bytes", message.bytes.len())),
    ]);
    if let Some(identity) = &message.identity {
        said.insert("peer proves to be", identity.to_string());
    }
    if let Some(offset) = message.offset {
        said.insert("at byte of the stream", offset.to_string());
    }
    let parsed = Message::parse_datagram(message.bytes.clone(), &Limits::default()).ok();
    let call = parsed.and_then(|parsed| {
        let call = parsed.headers().first(&HeaderName::CallId)?;
        Some(String::from_utf8_lossy(call).into_owned())
    });
    Line {
        kind: match arrow.class {
            Class::Request => 'q',
            Class::Provisional => 'p',
            Class::Success => 's',
            Class::Failure => 'f',
            Class::Broken => 'b',
        },
        from: arrow.from,
        to: arrow.to,
        label: arrow.label.clone(),
        time: String::new(),
        clock: String::new(),
        text: Some(String::from_utf8_lossy(&message.bytes).into_owned()),
        call,
        again: arrow.repeat_of,
        lost: arrow.lost,
        said,
    }
}

fn of_note(it: &Note) -> Line {
    let DecisionRecord {
        requirement,
        verdict,
        why,
        procedure,
        user,
        target,
        call,
        transaction,
        detail: _,
    } = &it.decision;
    let all = [
        ("requirement", requirement.to_string()),
        ("verdict", verdict.to_string()),
        ("why", why.to_string()),
        ("procedure", procedure.clone().unwrap_or_default()),
        ("user", user.clone().unwrap_or_default()),
        ("decided by", target.to_string()),
        ("Call-ID", call.as_deref().unwrap_or_default().to_owned()),
        (
            "transaction",
            transaction
                .map(|number| format!("{number:x}"))
                .unwrap_or_default(),
        ),
    ];
    Line {
        kind: 'n',
        from: it.column,
        to: it.column,
        label: note(&it.decision).1,
        time: String::new(),
        clock: String::new(),
        text: None,
        call: None,
        again: None,
        lost: false,
        said: all
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect(),
    }
}

/// "2026-01-01 00:00:00.001000 UTC", by the calendar of days since 1970.
fn clock(wall_us: u64) -> String {
    let (seconds, us) = (wall_us / 1_000_000, wall_us % 1_000_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant's civil_from_days, for days that are not negative: years begin in March.
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let march = (5 * day + 2) / 153;
    let (day, month) = (
        day - (153 * march + 2) / 5 + 1,
        if march < 10 { march + 3 } else { march - 9 },
    );
    let year = year + era * 400 + u64::from(month <= 2);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!(
        "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{:02}.{us:06} UTC",
        second % 60
    )
}

/// JSON that ends no script element and begins no comment in one.
fn json(data: &Data<'_>) -> String {
    let json = serde_json::to_string(data).unwrap_or_else(|_| "null".to_owned());
    // These stand in strings alone, since JSON's own marks are others.
    json.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}

fn text(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::clock;

    #[test]
    fn the_calendar_is_right() {
        assert_eq!(clock(0), "1970-01-01 00:00:00.000000 UTC");
        assert_eq!(clock(951_827_696_000_001), "2000-02-29 12:34:56.000001 UTC");
        assert_eq!(
            clock(1_767_225_599_999_999),
            "2025-12-31 23:59:59.999999 UTC"
        );
        assert_eq!(
            clock(4_107_542_400_000_000),
            "2100-03-01 00:00:00.000000 UTC"
        );
        assert!(clock(u64::MAX).ends_with(" UTC"));
    }
}
