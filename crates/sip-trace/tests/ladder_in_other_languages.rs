//! The same ladder for a Markdown document (Mermaid) and as a picture (SVG).
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use common::browser::Browser;
use common::{A, AG, B, BG, Story, exchange};
use sip_trace::ladder::{Ladder, Options, Row, build, mermaid, svg};

fn ladder(records: &[sip_trace::Record]) -> Ladder {
    let options = Options {
        order: [A, AG, BG, B].map(str::to_owned).into(),
        ..Options::default()
    };
    build(records, &options)
}

/// Names and words that would be something else in the language of the drawing.
fn evil() -> Ladder {
    let mut story = Story::default();
    let name = "end; participant x as <b>\"A\"</b> &amp; #35; %%{init}%%";
    story.decided(
        0,
        name,
        "P1",
        "end",
        "a; b\n    n0->>n0: forged\u{0}]]>\u{fffe}",
    );
    let reason = "SIP/2.0 200 </text><script>alert(1)</script>;: -->> end\r\n\r\n";
    story.passed(
        1,
        name,
        "\u{202e}end",
        &Bytes::from_static(reason.as_bytes()),
    );
    ladder(&story.records)
}

#[test]
fn mermaid_has_a_line_for_each_row() {
    assert_eq!(
        mermaid::render(&ladder(&exchange())),
        include_str!("expected/exchange.mmd")
    );
}

#[test]
fn nothing_that_a_message_says_is_mermaids_language() {
    let text = mermaid::render(&evil());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    for line in lines {
        let said = line.split_once(" as ").or_else(|| line.split_once(": "));
        let said = said.map_or("", |(_, said)| said);
        let said: Vec<&str> = said.split(' ').collect();
        assert!(
            !said.iter().any(|word| word.eq_ignore_ascii_case("end")),
            "{line}"
        );
        let legal = |c: char| c.is_alphanumeric() || "#;.,+-/_()'…–·@=?!→\u{202e}".contains(c);
        assert!(said.iter().all(|word| word.chars().all(legal)), "{line}");
        // A semicolon ends an entity and nothing else.
        let entities = said.join(" ");
        let mut parts = entities.split(';').rev().skip(1);
        assert!(
            parts.all(|part| part
                .rsplit('#')
                .next()
                .unwrap()
                .chars()
                .all(|c| c.is_ascii_digit() || "nd".contains(c))),
            "{line}"
        );
    }
}

#[test]
fn xmllint_finds_the_picture_well_formed() {
    let found = Command::new("xmllint").arg("--version").output();
    if found.is_err() {
        eprintln!("SKIPPED: xmllint is not installed");
        return;
    }
    for (name, ladder) in [
        ("exchange", ladder(&exchange())),
        ("evil", evil()),
        ("empty", Ladder::default()),
    ] {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("xmllint-{name}.svg"));
        fs::write(&path, svg::render(&ladder)).unwrap();
        let looked = Command::new("xmllint").arg("--noout").arg(&path).output();
        let looked = looked.unwrap();
        let said = String::from_utf8_lossy(&looked.stderr);
        assert!(looked.status.success() && said.is_empty(), "{name}: {said}");
    }
}

#[test]
fn the_picture_is_xml_and_says_what_happened() {
    for (name, ladder) in [
        ("exchange", ladder(&exchange())),
        ("evil", evil()),
        ("empty", Ladder::default()),
    ] {
        let picture = svg::render(&ladder);
        let mut reader = quick_xml::Reader::from_str(&picture);
        let (mut texts, mut elements) = (String::new(), Vec::new());
        loop {
            match reader.read_event().unwrap() {
                quick_xml::events::Event::Eof => break,
                quick_xml::events::Event::Start(e) | quick_xml::events::Event::Empty(e) => {
                    elements.push(e.local_name().as_ref().to_owned());
                }
                quick_xml::events::Event::Text(text) => texts.push_str(&text),
                _ => {}
            }
        }
        let known = ["svg", "style", "rect", "line", "text", "g", "path"];
        assert!(
            elements.iter().all(|e| known.contains(&e.as_str())),
            "{elements:?}"
        );
        if name == "exchange" {
            for said in [
                A,
                AG,
                BG,
                B,
                "MESSAGE de-authorization",
                "+0.503 s",
                "200 OK",
                "P1.4 applied",
            ] {
                assert!(texts.contains(said), "{said} is not in {texts}");
            }
        }
    }
}

#[test]
fn a_browser_draws_the_picture() {
    let Some(mut browser) = Browser::start("svg") else {
        return;
    };
    for (name, ladder) in [("exchange", ladder(&exchange())), ("evil", evil())] {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.svg"));
        std::fs::write(&path, svg::render(&ladder)).unwrap();
        browser.open(&path);
        let columns = "[...document.querySelectorAll('text.n')].map(e => e.textContent)";
        assert_eq!(
            browser.run(columns).as_array().unwrap().len(),
            ladder.columns.len()
        );
        assert_eq!(browser.run("document.querySelectorAll('script').length"), 0);
        // Nothing is drawn outside of it.
        let inside = "(() => { const s = document.documentElement, b = s.getBBox(); \
            return b.x >= 0 && b.y >= 0 && b.x + b.width <= s.width.baseVal.value && b.y + b.height <= s.height.baseVal.value })()";
        assert!(browser.run(inside) == true || name == "evil");
        browser.screenshot(&path.with_extension("png"));
        assert!(browser.told.is_empty(), "{:?}", browser.told);
    }
}

/// Numbers of a path, in order.
fn numbers(path: &str) -> Vec<i64> {
    let parts = path.split(|c: char| !c.is_ascii_digit() && c != '-');
    parts.filter_map(|part| part.parse().ok()).collect()
}

/// The `d` of the paths of a row.
fn paths(row: &str) -> Vec<Vec<i64>> {
    let paths = row.split(" d=\"").skip(1);
    paths
        .map(|rest| numbers(rest.split_once('"').unwrap().0))
        .collect()
}

#[test]
fn arrows_of_the_picture_lead_where_messages_went_and_a_lost_one_ends_before() {
    let ladder = ladder(&exchange());
    let picture = svg::render(&ladder);
    let lanes: Vec<i64> = picture
        .lines()
        .filter_map(|line| line.strip_prefix("<line class=\"l\" x1=\""))
        .map(|rest| rest.split_once('"').unwrap().0.parse().unwrap())
        .collect();
    assert_eq!(lanes.len(), ladder.columns.len());
    let drawn: Vec<&str> = picture.lines().filter(|l| l.starts_with("<g>")).collect();
    assert_eq!(drawn.len(), ladder.rows.len());
    let (mut there, mut back, mut lost) = (0, 0, 0);
    for (row, drawn) in ladder.rows.iter().zip(drawn) {
        let Row::Arrow(arrow) = row else {
            assert!(drawn.contains("class=\"b\""), "{drawn}");
            continue;
        };
        let (from, to) = (lanes[arrow.from], lanes[arrow.to]);
        let (shaft, end) = (&paths(drawn)[0], &paths(drawn)[1]);
        let way = (to - from).signum();
        assert_eq!(shaft[0], from, "{drawn}");
        if arrow.lost {
            lost += 1;
            let left = (to - shaft[2]) * way;
            assert!((10..60).contains(&left), "{left} before the lifeline");
            assert!((end[0] - shaft[2]).abs() < 10, "a cross at its end");
        } else {
            assert_eq!((shaft[2], end[0]), (to, to), "{drawn}");
            // The head is drawn from its tip back to where the arrow comes from.
            assert_eq!(end[2].signum(), -way, "{drawn}");
            (there, back) = match way {
                1 => (there + 1, back),
                _ => (there, back + 1),
            };
        }
    }
    assert!(there > 0 && back > 0 && lost > 0, "{there} {back} {lost}");
}
