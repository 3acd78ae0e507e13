//! What a ladder says of each message: between whom, whether it arrived, what repeats it.

mod common;

use std::collections::HashMap;

use common::{A, AG, B, BG, Story, address, answer, exchange, notification};
use sip_trace::ladder::text::{Style, render};
use sip_trace::ladder::{Ladder, Options, Row, build};

fn options() -> Options {
    Options {
        order: [A, AG, BG, B].map(str::to_owned).into(),
        ..Options::default()
    }
}

fn arrows(ladder: &Ladder) -> Vec<String> {
    let name = |column: usize| ladder.columns[column].name.as_str();
    let arrows = ladder.rows.iter().filter_map(|row| match row {
        Row::Arrow(arrow) => Some(arrow),
        Row::Note(_) => None,
    });
    arrows
        .map(|arrow| {
            let lost = if arrow.lost { " lost" } else { "" };
            let again = if arrow.retransmission { " again" } else { "" };
            format!(
                "{} > {}: {} +{}{again}{lost}",
                name(arrow.from),
                name(arrow.to),
                arrow.label,
                arrow.repeats
            )
        })
        .collect()
}

#[test]
fn what_happens_to_a_message_is_told_apart() {
    let ladder = build(&exchange(), &options());
    assert_eq!(
        arrows(&ladder),
        [
            "A server > A gateway: MESSAGE de-authorization +0",
            "A gateway > B gateway: MESSAGE de-authorization +0 lost",
            "A gateway > B gateway: MESSAGE de-authorization +0 again",
            "B gateway > B server: MESSAGE de-authorization +1",
            "B server > B gateway: 200 OK +0 lost",
            "B server > B gateway: 200 OK +0 again",
            "B gateway > A gateway: 200 OK +0",
            "A gateway > A server: 200 OK +0",
        ]
    );
}

#[test]
fn a_peer_that_did_not_record_is_named_and_nothing_to_it_counts_as_lost() {
    let mut story = Story::default();
    story.sent(1, A, B, &notification("one"));
    story.received(2, A, B, &answer("one", "200 OK", None));
    let expected = |peer: &str, lost: &str| {
        vec![
            format!("A server > {peer}: MESSAGE de-authorization +0{lost}"),
            format!("{peer} > A server: 200 OK +0"),
        ]
    };
    assert_eq!(
        arrows(&build(&story.records, &options())),
        expected("127.0.0.1:40004", "")
    );
    let named = Options {
        names: HashMap::from([(address(B), B.to_owned())]),
        ..options()
    };
    assert_eq!(arrows(&build(&story.records, &named)), expected(B, ""));
    let down = Options {
        recording: vec![B.to_owned()],
        ..named
    };
    assert_eq!(arrows(&build(&story.records, &down)), expected(B, " lost"));
}

#[test]
fn many_losses_are_one_arrow_until_one_gets_through() {
    let mut story = Story::default();
    let bytes = notification("one");
    for ms in [0, 500, 1_500, 3_500] {
        story.sent(ms, A, B, &bytes);
    }
    story.passed(7_500, A, B, &bytes);
    let ladder = build(&story.records, &options());
    assert_eq!(
        arrows(&ladder),
        [
            "A server > B server: MESSAGE de-authorization +3 lost",
            "A server > B server: MESSAGE de-authorization +0 again"
        ]
    );
    let text = render(&ladder, &Style::default());
    assert!(
        text.contains("│ +3 retransmissions until +3.500 s"),
        "{text}"
    );
}

#[test]
fn only_nodes_that_take_part_are_columns_in_the_wanted_order() {
    let columns = |options: &Options| -> Vec<String> {
        build(&exchange(), options)
            .columns
            .into_iter()
            .map(|column| column.name)
            .collect()
    };
    assert_eq!(columns(&options()), [A, AG, BG, B]);
    let wanted = Options {
        order: vec!["SIP core".to_owned(), B.to_owned()],
        ..Options::default()
    };
    assert_eq!(columns(&wanted), [B, A, AG, BG]);
    assert_eq!(render(&build(&[], &options()), &Style::default()), "");
}
