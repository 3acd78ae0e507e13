//! The drawing of a ladder, character by character.

mod common;

use bytes::Bytes;
use common::{A, AG, B, BG, START_US, Story, answer, exchange, notification};
use sip_trace::Record;
use sip_trace::ladder::text::{Style, render};
use sip_trace::ladder::{Notes, Options, build};

fn options() -> Options {
    Options {
        order: [A, AG, BG, B].map(str::to_owned).into(),
        ..Options::default()
    }
}

fn drawn(records: &[Record], options: &Options, width: usize) -> String {
    let style = Style {
        width,
        ..Style::default()
    };
    let text = render(&build(records, options), &style);
    for line in text.lines() {
        assert!(line.chars().count() <= width, "too wide: {line}");
        assert_eq!(line, line.trim_end());
    }
    text
}

#[test]
fn a_retransmission_and_losses_on_a_wide_terminal() {
    assert_eq!(
        drawn(&exchange(), &options(), 130),
        include_str!("expected/exchange_130.txt")
    );
}

#[test]
fn the_same_on_a_narrow_terminal() {
    assert_eq!(
        drawn(&exchange(), &options(), 80),
        include_str!("expected/exchange_80.txt")
    );
}

#[test]
fn the_same_in_ascii() {
    let style = Style {
        ascii: true,
        width: 80,
        colour: false,
    };
    let text = render(&build(&exchange(), &options()), &style);
    assert!(text.is_ascii());
    assert_eq!(text, include_str!("expected/exchange_80_ascii.txt"));
}

#[test]
fn nine_columns_on_the_narrowest_terminal() {
    let names = [
        "SIP core",
        "A server",
        "A gateway",
        "B gateway",
        "B server",
        "C gateway",
        "C server",
        "operator",
        "archive",
    ];
    let mut story = Story::default();
    for (number, pair) in names.windows(2).enumerate() {
        story.passed(number as u64, pair[0], pair[1], &notification("one"));
    }
    story.passed(20, "archive", "SIP core", &answer("one", "200 OK", None));
    story.decided(21, "archive", "L7", "kept", "every step can be followed");
    assert_eq!(
        drawn(&story.records, &Options::default(), 60),
        include_str!("expected/nine_columns_60.txt")
    );
}

#[test]
fn notes_can_be_chosen_and_times_counted_from_elsewhere() {
    let notes = |notes: Notes| {
        drawn(&exchange(), &Options { notes, ..options() }, 120)
            .matches('●')
            .count()
    };
    assert_eq!(
        [
            notes(Notes::All),
            notes(Notes::WithRequirement),
            notes(Notes::None)
        ],
        [3, 3, 0]
    );
    let plain = drawn(
        &exchange(),
        &Options {
            notes: Notes::WithoutIds,
            ..options()
        },
        120,
    );
    assert!(plain.contains("● started – user is back") && !plain.contains("P1.4"));
    let earlier = Options {
        origin_us: Some(START_US - 120_000_000),
        ..options()
    };
    assert!(drawn(&exchange(), &earlier, 120).contains("+120.5 s"));
}

#[test]
fn a_node_that_talks_to_itself_gets_a_loop() {
    let mut story = Story::default();
    story.passed(0, A, A, &notification("one"));
    story.passed(2, A, B, &notification("two"));
    story.passed(4, B, B, &notification("three"));
    let text = drawn(&story.records, &options(), 60);
    assert!(
        text.contains("├─┐ MESSAGE de-authorization") && text.contains("│◀┘"),
        "{text}"
    );
    assert!(
        text.contains("MESSAGE de-authorization ┌─┤") && text.contains("└▶│"),
        "{text}"
    );
}

#[test]
fn colour_only_when_asked_for_and_never_from_a_message() {
    let mut records = exchange();
    let mut story = Story::default();
    story.passed(
        2_000,
        A,
        B,
        &Bytes::from_static(b"SIP/2.0 200 \x1b[31mred\x9b\r\nVia: x\r\n\r\n"),
    );
    story.decided(
        2_002,
        "B \u{1b}[2J",
        "",
        "\u{1b}]0;title\u{7}",
        "\u{1b}[1m\n\u{202e}",
    );
    records.append(&mut story.records);
    for ascii in [false, true] {
        let style = Style {
            ascii,
            colour: false,
            width: 100,
        };
        let plain = render(&build(&records, &options()), &style);
        assert!(!plain.chars().any(|c| c.is_control() && c != '\n'));
        let colour = render(
            &build(&records, &options()),
            &Style {
                colour: true,
                ..style
            },
        );
        assert_eq!(without_colour(&colour), plain);
        assert!(colour.lines().all(|line| !line.contains('\u{1b}')
            || line.ends_with("\u{1b}[0m")
            || line.contains("\u{1b}[0m")));
    }
}

/// Takes out "ESC [ digits ; digits m" and nothing else.
fn without_colour(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut out = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let (code, rest) = part.split_once('m').unwrap_or(("bad", ""));
        assert!(
            code.chars().all(|c| c.is_ascii_digit() || c == ';'),
            "{code}"
        );
        out.push_str(rest);
    }
    out
}

#[test]
fn any_width_and_any_number_of_columns_can_be_drawn() {
    let mut story = Story::default();
    for number in 0..40_u64 {
        story.decided(
            number,
            &format!("node number {number} 日本語"),
            "L7",
            "kept",
            "because of a rather long reason 日本語",
        );
        story.passed(number, A, B, &notification("one"));
    }
    for columns in [1, 2, 5, 20, 80] {
        for width in [0, 1, 60, 61, 80, 200, 1_000] {
            let ladder = build(&story.records[..columns], &Options::default());
            for ascii in [false, true] {
                assert!(
                    !render(
                        &ladder,
                        &Style {
                            colour: true,
                            width,
                            ascii
                        }
                    )
                    .is_empty()
                );
            }
        }
    }
}
