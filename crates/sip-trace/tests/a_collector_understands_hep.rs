//! HEP3: every chunk is what it says, and two decoders that are not ours read it: sngrep's and Kamailio's. Skipped, loudly,
//! where they are not installed.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use bytes::Bytes;
use common::{A, B, Story, exchange, notification};
use etherparse::PacketBuilder;
use sip_trace::capture::read as read_capture;
use sip_trace::hep::{Agent, Correlator, MAX_PACKET_BYTES, encode};
use sip_trace::{Record, What};

fn agent() -> Agent {
    Agent {
        id: 2_001,
        key: "letmein".into(),
    }
}

/// Chunks by type; lengths checked.
fn chunks(packet: &[u8]) -> BTreeMap<u16, Vec<u8>> {
    assert_eq!(&packet[..4], b"HEP3");
    assert_eq!(
        usize::from(u16::from_be_bytes([packet[4], packet[5]])),
        packet.len()
    );
    let mut rest = &packet[6..];
    let mut chunks = BTreeMap::new();
    while !rest.is_empty() {
        assert_eq!(&rest[..2], [0, 0], "vendor");
        let length = usize::from(u16::from_be_bytes([rest[4], rest[5]]));
        let before = chunks.insert(
            u16::from_be_bytes([rest[2], rest[3]]),
            rest[6..length].to_vec(),
        );
        assert!(before.is_none());
        rest = &rest[length..];
    }
    chunks
}

#[test]
fn each_chunk_is_what_it_says() {
    let mut story = Story::default();
    story.received(7, B, A, &notification("one"));
    story.decided(8, B, "P1.4", "applied", "stay ended");
    let message = chunks(&encode(&story.records[0], &agent(), "0192d3c4").unwrap());
    let expected: [(u16, &[u8]); 14] = [
        (0x01, &[2]),
        (0x02, &[17]),
        (0x03, &[127, 0, 0, 1]),
        (0x04, &[127, 0, 0, 1]),
        (0x07, &40_001_u16.to_be_bytes()),
        (0x08, &40_004_u16.to_be_bytes()),
        (0x09, &1_767_225_600_u32.to_be_bytes()),
        (0x0a, &7_000_u32.to_be_bytes()),
        (0x0b, &[1]),
        (0x0c, &2_001_u32.to_be_bytes()),
        (0x0e, b"letmein"),
        (0x0f, &notification("one")),
        (0x11, b"0192d3c4"),
        (0x13, b"B server"),
    ];
    assert_eq!(
        message,
        expected
            .map(|(number, value)| (number, value.to_vec()))
            .into()
    );
    let decision = chunks(&encode(&story.records[1], &Agent::default(), "").unwrap());
    assert_eq!(decision[&0x0b], [100]);
    assert_eq!(
        decision[&0x0f],
        "B server: P1.4 applied – stay ended".as_bytes()
    );
    assert!(!decision.contains_key(&0x0e) && !decision.contains_key(&0x11));
    let What::Message(six) = &mut story.records[0].what else {
        panic!()
    };
    six.peer = "[2001:db8::1]:5060".parse().unwrap();
    let six = chunks(&encode(&story.records[0], &agent(), "").unwrap());
    assert_eq!(
        (six[&0x01].as_slice(), six[&0x05].len(), six[&0x06].len()),
        (&[10][..], 16, 16)
    );
    assert!(!six.contains_key(&0x03));
}

#[test]
fn what_is_longer_than_a_packet_is_refused_with_its_length() {
    let mut story = Story::default();
    story.sent(0, A, B, &Bytes::from(vec![b'x'; 65_535]));
    story.sent(0, A, B, &Bytes::from(vec![b'x'; 65_000]));
    let error = encode(&story.records[0], &agent(), "id").unwrap_err();
    assert!(error.bytes > MAX_PACKET_BYTES && error.to_string().contains("65535"));
    assert_eq!(
        chunks(&encode(&story.records[1], &agent(), "id").unwrap())[&0x0f].len(),
        65_000
    );
}

#[test]
fn a_procedure_keeps_its_id_through_answers_that_do_not_name_it() {
    let mut story = Story::default();
    let named = |id: &str| {
        Bytes::from(format!(
            "MESSAGE sip:b SIP/2.0\r\nCall-ID: c1\r\n\r\n<stay procedure=\"{id}\"/>"
        ))
    };
    story.sent(0, A, B, &named("p-1"));
    story.sent(
        1,
        B,
        A,
        &Bytes::from_static(b"SIP/2.0 200 OK\r\nCall-ID: c1\r\n\r\n"),
    );
    story.sent(
        2,
        B,
        A,
        &Bytes::from_static(b"SIP/2.0 200 OK\r\nCall-ID: c2\r\n\r\n"),
    );
    story.sent(3, B, A, &Bytes::from_static(b"\r\n\r\n"));
    // Decisions about messages that name no procedure, and about none.
    for call in [Some("c1"), Some("c2"), None] {
        story.decided(4, B, "L5", "refused 403", "");
        let last = story.records.last_mut().unwrap();
        if let What::Decision(decision) = &mut last.what {
            decision.call = call.map(Into::into);
        }
    }
    let mut correlator = Correlator::default();
    let ids: Vec<String> = story
        .records
        .iter()
        .map(|record| correlator.id(record))
        .collect();
    assert_eq!(ids, ["p-1", "p-1", "c2", "", "p-1", "c2", ""]);
}

/// Packets of HEP in packets of UDP, to a collector's port.
fn capture(records: &[Record]) -> PathBuf {
    let mut correlator = Correlator::default();
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        file.extend(word.to_le_bytes());
    }
    for record in records {
        let id = correlator.id(record);
        let packet = encode(record, &agent(), &id).unwrap();
        let builder =
            PacketBuilder::ethernet2([1; 6], [2; 6]).ipv4([192, 0, 2, 7], [192, 0, 2, 8], 64);
        let mut frame = Vec::new();
        builder
            .udp(9_061, 9_060)
            .write(&mut frame, &packet)
            .unwrap();
        let length = u32::try_from(frame.len()).unwrap();
        for word in [1_767_000_000, 0, length, length] {
            file.extend(word.to_le_bytes());
        }
        file.extend(frame);
    }
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("hep.pcap");
    std::fs::write(&path, file).unwrap();
    path
}

#[test]
fn sngrep_takes_the_same_messages_out_of_it() {
    let mut messages = exchange();
    messages.retain(|record| matches!(record.what, What::Message(_)));
    let path = capture(&messages);
    let decoded = path.with_extension("decoded.pcap");
    let _ = std::fs::remove_file(&decoded);
    let read = Command::new("sngrep")
        .args(["-F", "-N", "-E", "-I"])
        .arg(&path)
        .arg("-O")
        .arg(&decoded)
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .output();
    let Ok(read) = read else {
        eprintln!("SKIPPED: sngrep is not installed, so nothing was checked with it");
        return;
    };
    let text = String::from_utf8_lossy(&read.stdout);
    assert!(text.contains("Dialog count: 3"), "{text}");
    // What it writes are the packets that were inside: times, addresses, ports, every byte.
    let inside = read_capture(&std::fs::read(&decoded).unwrap(), &HashMap::new()).unwrap();
    assert_eq!(seen(&inside.records), seen(&messages));
    assert!(seen(&messages).len() > 10);
}

/// Time, way and length of each message.
fn seen(records: &[Record]) -> BTreeSet<String> {
    let line = |record: &Record| match &record.what {
        What::Message(it) => format!(
            "{} {} {} {}",
            record.wall_us,
            it.source(),
            it.destination(),
            String::from_utf8_lossy(&it.bytes)
        ),
        What::Decision(_) => String::new(),
    };
    records.iter().map(line).collect()
}
