//! Captures of others: whatever a file says, it is read in bounds, and what was read can be sorted, drawn and written.

use std::collections::HashMap;

use bytes::Bytes;
use sip_trace::capture::{MAX_MESSAGES, is_capture, read};
use sip_trace::correlate::procedures;
use sip_trace::ladder::{Options, Row, build, text};
use sip_trace::{Record, What, ndjson, pcapng};

/// Any bytes.
pub fn run(input: &[u8]) {
    let capture = match read(input, &HashMap::new()) {
        Ok(capture) => capture,
        Err(_) => {
            // What begins like one may have a broken header; what does not is never taken.
            return;
        }
    };
    assert!(is_capture(input));
    assert!(capture.messages <= MAX_MESSAGES);
    assert!(capture.packets <= input.len());
    let messages = capture.records.iter().filter_map(bytes_of);
    assert_eq!(messages.clone().count(), 2 * capture.messages);
    // Nothing is there that the file has not: a message is in it once, and read for both ends.
    let length: usize = messages.map(Bytes::len).sum();
    assert!(
        length <= 2 * input.len(),
        "{length} bytes of {}",
        input.len()
    );

    let sorted: usize = procedures(&capture.records)
        .iter()
        .map(|p| p.records.len())
        .sum();
    assert_eq!(sorted, capture.records.len());
    let ladder = build(&capture.records, &Options::default());
    let arrow = |row: &&Row| matches!(row, Row::Arrow(_));
    assert!(ladder.rows.iter().filter(arrow).count() <= capture.messages);
    let style = text::Style {
        colour: false,
        width: 100,
        ascii: false,
    };
    let drawn = text::render(&ladder, &style);
    assert!(
        !drawn.chars().any(|c| c.is_control() && c != '\n'),
        "{drawn:?}"
    );
    for record in &capture.records {
        let mut line = Vec::new();
        ndjson::write(record, &mut line).expect("a line");
        let line = String::from_utf8(line).expect("UTF-8");
        assert_eq!(ndjson::read(&line).expect("readable"), *record);
    }
    again(&capture.records);
}

/// Written as a file of ours, it tells of as many messages.
fn again(records: &[Record]) {
    let mut file = Vec::new();
    let written = pcapng::write_merged(records, &mut file).expect("written");
    let read = read(&file, &HashMap::new()).expect("a capture");
    assert_eq!(read.packets, written.packets);
    assert!(!read.cut);
}

fn bytes_of(record: &Record) -> Option<&Bytes> {
    match &record.what {
        What::Message(message) => Some(&message.bytes),
        What::Decision(_) => None,
    }
}
