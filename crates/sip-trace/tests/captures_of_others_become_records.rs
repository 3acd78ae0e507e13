//! pcap and pcapng files that others wrote: the messages are those that tshark finds, whatever the link, the order of
//! segments and the fragments; broken files are read as far as they go.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use bytes::Bytes;
use common::{A, AG, Story, answer, exchange, notification};
use etherparse::PacketBuilder;
use sip_message::{HeaderName, Limits, Message};
use sip_trace::capture::{Capture, read};
use sip_trace::ladder::{Options, Row, build};
use sip_trace::{Direction, Record, What, correlate::procedures, pcapng};

const ONE: ([u8; 4], u16) = ([192, 0, 2, 1], 40_100);
const TWO: ([u8; 4], u16) = ([192, 0, 2, 2], 5_060);

/// A pcap file of Ethernet frames, µs apart by a thousand.
fn pcap(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        file.extend(word.to_le_bytes());
    }
    for (number, frame) in frames.iter().enumerate() {
        let length = u32::try_from(frame.len()).unwrap();
        for word in [
            1_767_225_600,
            1_000 * u32::try_from(number).unwrap(),
            length,
            length,
        ] {
            file.extend(word.to_le_bytes());
        }
        file.extend(frame);
    }
    file
}

fn udp(from: ([u8; 4], u16), to: ([u8; 4], u16), payload: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2([1; 6], [2; 6])
        .ipv4(from.0, to.0, 64)
        .udp(from.1, to.1);
    let mut frame = Vec::new();
    builder.write(&mut frame, payload).unwrap();
    frame
}

fn tcp(
    from: ([u8; 4], u16),
    to: ([u8; 4], u16),
    sequence: u32,
    syn: bool,
    payload: &[u8],
) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2([1; 6], [2; 6]).ipv4(from.0, to.0, 64);
    let builder = builder.tcp(from.1, to.1, sequence, 60_000);
    let builder = if syn { builder.syn() } else { builder.ack(1) };
    let mut frame = Vec::new();
    builder.write(&mut frame, payload).unwrap();
    frame
}

/// What answers the beginning of a connection.
fn accepted(from: ([u8; 4], u16), to: ([u8; 4], u16), sequence: u32) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2([1; 6], [2; 6]).ipv4(from.0, to.0, 64);
    let builder = builder.tcp(from.1, to.1, sequence, 60_000).syn().ack(1);
    let mut frame = Vec::new();
    builder.write(&mut frame, b"").unwrap();
    frame
}

/// Two fragments of one datagram over IPv4.
fn fragments(payload: &[u8]) -> Vec<Vec<u8>> {
    let whole = udp(ONE, TWO, payload);
    let (ethernet, packet) = whole.split_at(14);
    let (header, body) = packet.split_at(20);
    let cut = 8 * (body.len() / 16);
    let parts = [
        (&body[..cut], 0x2000_u16),
        (&body[cut..], u16::try_from(cut / 8).unwrap()),
    ];
    let part = |(bytes, offset): (&[u8], u16)| {
        let mut header = header.to_vec();
        let length = u16::try_from(20 + bytes.len()).unwrap();
        header.splice(2..4, length.to_be_bytes());
        header.splice(4..6, [0x12, 0x34]);
        header.splice(6..8, offset.to_be_bytes());
        header.splice(10..12, [0, 0]);
        let sum: u32 = header
            .chunks(2)
            .map(|two| u32::from(two[0]) << 8 | u32::from(two[1]))
            .sum();
        let sum = (sum & 0xffff) + (sum >> 16);
        header.splice(10..12, (!u16::try_from(sum).unwrap()).to_be_bytes());
        [ethernet, &header, bytes].concat()
    };
    parts.map(part).into()
}

/// Messages in every way that they come: one datagram, fragments, and a connection whose segments are cut anywhere, out of
/// order, twice, several messages in one, around the end of the sequence numbers.
fn frames() -> Vec<Vec<u8>> {
    let requests: Vec<Bytes> = ["t1", "t2", "t3", "t4"]
        .iter()
        .map(|branch| notification(branch))
        .collect();
    let stream: Vec<u8> = requests
        .iter()
        .flat_map(|request| request.iter().copied())
        .collect();
    let begin = u32::MAX - 700;
    let at = |offset: usize| {
        begin
            .wrapping_add(1)
            .wrapping_add(u32::try_from(offset).unwrap())
    };
    let cut = |from: usize, to: usize| tcp(ONE, TWO, at(from), false, &stream[from..to]);
    let all = stream.len();
    let back: Vec<u8> = ["t1", "t2"]
        .iter()
        .flat_map(|branch| answer(branch, "200 OK", None))
        .collect();
    let mut frames = vec![
        udp(ONE, TWO, &notification("u1")),
        udp(
            TWO,
            ONE,
            &answer("u1", "404 Not Found", Some("141 unknown")),
        ),
        udp(ONE, ([192, 0, 2, 9], 53), b"\x12\x34\x01\x00 no SIP"),
        tcp(ONE, TWO, begin, true, b""),
        cut(0, 100),
        cut(0, 100),   // again
        cut(300, 700), // too early
        cut(50, 320),  // overlaps both
    ];
    frames.extend(fragments(&notification("f1")));
    frames.extend([
        cut(700, 1_000),
        cut(600, 650), // again, from before the numbers began anew
        cut(1_000, all),
        accepted(TWO, ONE, 7_000),
        tcp(TWO, ONE, 7_001, false, b"\r\n"),
        tcp(TWO, ONE, 7_003, false, &back),
    ]);
    frames
}

fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn sent(capture: &Capture) -> Vec<&Record> {
    let sent = |r: &&Record| matches!(&r.what, What::Message(m) if m.direction == Direction::Sent);
    capture.records.iter().filter(sent).collect()
}

/// What tshark and we say of a message, in one line each.
fn ours(capture: &Capture) -> Vec<String> {
    let line = |record: &&Record| {
        let What::Message(message) = &record.what else {
            return String::new();
        };
        let parsed = Message::parse_datagram(message.bytes.clone(), &Limits::default()).unwrap();
        let (method, status) = match &parsed {
            Message::Request(request) => (
                String::from_utf8_lossy(request.method().as_bytes()).into_owned(),
                String::new(),
            ),
            Message::Response(response) => (String::new(), response.status().as_u16().to_string()),
        };
        let call = String::from_utf8_lossy(parsed.headers().first(&HeaderName::CallId).unwrap())
            .into_owned();
        let (source, destination) = (message.source(), message.destination());
        format!(
            "{}.{:06}|{}|{}|{}|{}|{method}|{status}|{call}|{}",
            record.wall_us / 1_000_000,
            record.wall_us % 1_000_000,
            source.ip(),
            source.port(),
            destination.ip(),
            destination.port(),
            parsed.body().len()
        )
    };
    sent(capture).iter().map(line).collect()
}

fn tsharks(path: &PathBuf) -> Option<Vec<String>> {
    let fields = [
        "frame.time_epoch",
        "ip.src",
        "udp.srcport",
        "tcp.srcport",
        "ip.dst",
        "udp.dstport",
        "tcp.dstport",
        "sip.Method",
        "sip.Status-Code",
        "sip.Call-ID",
        "sip.Content-Length",
    ];
    let mut command = Command::new("tshark");
    command.arg("-r").arg(path).args([
        "-2",
        "-Y",
        "sip",
        "-T",
        "fields",
        "-E",
        "separator=|",
        "-E",
        "aggregator=;",
    ]);
    command.args(["-o", "tcp.reassemble_out_of_order:TRUE"]);
    for field in fields {
        command.args(["-e", field]);
    }
    let Ok(output) = command.stderr(Stdio::null()).output() else {
        eprintln!("SKIPPED: tshark is not installed, so nothing was checked with it");
        return None;
    };
    let mut lines = Vec::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let field: Vec<&str> = line.split('|').collect();
        let (sport, dport) = (
            format!("{}{}", field[2], field[3]),
            format!("{}{}", field[5], field[6]),
        );
        // Fractions of nine digits, or as ISO 8601 in other versions.
        let time = field[0].get(..17).unwrap_or(field[0]);
        // A frame that completes several messages is one line.
        for (number, call) in field[9].split(';').enumerate() {
            let of = |list: &str| list.split(';').nth(number).unwrap_or_default().to_owned();
            lines.push(format!(
                "{time}|{}|{sport}|{}|{dport}|{}|{}|{call}|{}",
                field[1],
                field[4],
                of(field[7]),
                of(field[8]),
                of(field[10])
            ));
        }
    }
    Some(lines)
}

#[test]
fn fields_are_those_that_tshark_finds() {
    let bytes = pcap(&frames());
    let capture = read(&bytes, &HashMap::new()).unwrap();
    assert_eq!((capture.messages, capture.packets), (9, frames().len()));
    assert_eq!(
        (
            capture.gaps,
            capture.broken,
            capture.unreadable,
            capture.cut
        ),
        (0, 0, 0, false)
    );
    for (record, branch) in sent(&capture)
        .iter()
        .zip(["u1", "", "t1", "f1", "t2", "t3", "t4"])
    {
        let What::Message(message) = &record.what else {
            panic!()
        };
        assert!(
            branch.is_empty() || message.bytes == notification(branch),
            "{branch}"
        );
    }
    let path = file("others.pcap", &bytes);
    if let Some(found) = tsharks(&path) {
        assert_eq!(ours(&capture), found);
    }
    // The same as pcapng, by Wireshark's own tool, in ns.
    let ng = path.with_extension("pcapng");
    let converted = Command::new("editcap")
        .args(["-F", "pcapng"])
        .arg(&path)
        .arg(&ng)
        .status();
    if converted.is_ok_and(|status| status.success()) {
        let again = read(&std::fs::read(&ng).unwrap(), &HashMap::new()).unwrap();
        assert_eq!(again.records, capture.records);
    } else {
        eprintln!("SKIPPED: editcap is not installed, so no pcapng of others was read");
    }
}

#[test]
fn both_ends_are_columns_and_nothing_is_lost() {
    let names: HashMap<SocketAddr, String> = [(SocketAddr::from(TWO), "server".to_owned())].into();
    let capture = read(&pcap(&frames()), &names).unwrap();
    assert_eq!((capture.gaps, capture.broken), (0, 0));
    let ladder = build(&capture.records, &Options::default());
    let columns: Vec<&str> = ladder
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    assert_eq!(columns, ["192.0.2.1:40100", "server"]);
    assert_eq!(ladder.rows.len(), 9);
    assert!(
        ladder
            .rows
            .iter()
            .all(|row| matches!(row, Row::Arrow(arrow) if !arrow.lost))
    );
}

#[test]
fn segments_of_one_byte_and_connections_joined_late() {
    let (first, second) = (notification("one"), notification("two"));
    let stream = [&first[..], &second].concat();
    let mut drops = vec![tcp(ONE, TWO, 0, true, b"")];
    drops.extend((0..stream.len()).map(|at| {
        tcp(
            ONE,
            TWO,
            1 + u32::try_from(at).unwrap(),
            false,
            &stream[at..=at],
        )
    }));
    let capture = read(&pcap(&drops), &HashMap::new()).unwrap();
    assert_eq!(capture.messages, 2);
    // From the middle of a message on: the next one that begins with a segment.
    let at = |offset: usize| 1 + u32::try_from(offset).unwrap();
    let cut = |from: usize, to: usize| tcp(ONE, TWO, at(from), false, &stream[from..to]);
    let late = [cut(200, first.len()), cut(first.len(), stream.len())];
    assert_eq!(read(&pcap(&late), &HashMap::new()).unwrap().messages, 1);
    // A segment that the capture has not, and a connection that is no SIP.
    let gap = [
        cut(0, 100),
        cut(200, stream.len()),
        tcp(TWO, ONE, 1, true, b""),
        tcp(TWO, ONE, 2, false, b"HTTP/1.1 200 OK\r\n\r\n"),
    ];
    let capture = read(&pcap(&gap), &HashMap::new()).unwrap();
    assert_eq!((capture.messages, capture.gaps, capture.broken), (0, 1, 0));
}

#[test]
fn what_follows_a_missing_segment_is_read_at_its_time() {
    let calls = ["one", "two", "three"].map(notification);
    let mut frames = Vec::new();
    let mut sequence = 1;
    for call in &calls {
        frames.push(tcp(ONE, TWO, sequence, false, call));
        sequence += u32::try_from(call.len()).unwrap();
    }
    frames.push(udp(TWO, ONE, &answer("other", "200 OK", None)));
    // The first segment stays away, and nothing else goes beyond a bound.
    let syn = tcp(ONE, TWO, 0, true, b"");
    frames[0] = syn;
    let capture = read(&pcap(&frames), &HashMap::new()).unwrap();
    assert_eq!((capture.messages, capture.gaps, capture.broken), (3, 1, 0));
    let ms = |record: &Record| record.wall_us / 1_000 % 1_000;
    let times: Vec<_> = capture.records.iter().map(ms).collect();
    assert_eq!(times, [1, 1, 2, 2, 3, 3]);
    let numbers = capture.records.iter().map(|record| record.seq);
    assert!(numbers.eq(0..6));
}

/// So much comes after it that it is given up before the end of the file.
#[test]
fn what_waited_too_long_for_a_segment_is_told_at_its_time() {
    let call = notification("one");
    let mut frames = vec![tcp(ONE, TWO, 0, true, b"")];
    let mut sequence = 1_000;
    for number in 0..1_100 {
        frames.push(tcp(ONE, TWO, sequence, false, &call));
        sequence += u32::try_from(call.len()).unwrap();
        if number % 100 == 0 {
            frames.push(udp(TWO, ONE, &answer("other", "200 OK", None)));
        }
    }
    let capture = read(&pcap(&frames), &HashMap::new()).unwrap();
    assert_eq!((capture.messages, capture.gaps), (1_111, 1));
    assert!(capture.records.is_sorted_by_key(|record| record.wall_us));
    assert!(capture.records.is_sorted_by_key(|record| record.seq));
}

#[test]
fn files_of_machines_with_the_other_byte_order_are_read() {
    let little = pcap(&frames());
    let mut big = little.clone();
    let mut turn = |at: usize, length: usize| big[at..at + length].reverse();
    for (at, n) in [(0, 4), (4, 2), (6, 2), (8, 4), (12, 4), (16, 4), (20, 4)] {
        turn(at, n);
    }
    let mut at = 24;
    while at < little.len() {
        let length = little[at + 8..at + 12].try_into().unwrap();
        (0..4).for_each(|word| turn(at + 4 * word, 4));
        at += 16 + usize::try_from(u32::from_le_bytes(length)).unwrap();
    }
    let (little, big) = [little, big]
        .map(|bytes| read(&bytes, &HashMap::new()).unwrap())
        .into();
    assert!(!big.cut && big.messages > 0);
    assert_eq!(big.records, little.records);
}

#[test]
fn packets_of_which_the_capture_kept_a_part_are_counted_as_such() {
    let whole = udp(ONE, TWO, &notification("one"));
    let mut file = pcap(&[whole[..120].to_vec()]);
    // What the packet had is longer than what is there.
    file[24 + 12..24 + 16].copy_from_slice(&u32::try_from(whole.len()).unwrap().to_le_bytes());
    let capture = read(&file, &HashMap::new()).unwrap();
    assert_eq!(
        (capture.messages, capture.unreadable, capture.short),
        (0, 0, 1)
    );
}

#[test]
fn ports_that_are_used_again_are_another_connection() {
    let (first, second) = (notification("one"), notification("two"));
    let frames = [
        tcp(ONE, TWO, 0, true, b""),
        tcp(ONE, TWO, 1, false, &first),
        tcp(ONE, TWO, 500_000, true, b""),
        tcp(ONE, TWO, 500_001, false, &second),
    ];
    let capture = read(&pcap(&frames), &HashMap::new()).unwrap();
    assert_eq!((capture.messages, capture.gaps), (2, 0));
}

#[test]
fn a_file_of_ours_tells_the_same_story() {
    let mut records = exchange();
    // What no comment says: losses, and at whose end a decision's user is.
    records.retain(|record| !matches!(&record.what, What::Message(m) if m.bytes == notification("two") && record.wall_us % 1_000_000 == 3_000));
    for record in &mut records {
        if let What::Message(message) = &mut record.what {
            message.transport = sip_trace::Transport::Tls;
        }
        if let What::Decision(decision) = &mut record.what {
            decision.user = None;
            decision.procedure = Some("0192d3c4-7a1e-7b60-9f3e-2f4c5a6b7c8d".into());
        }
    }
    let mut bytes = Vec::new();
    pcapng::write_merged(&records, &mut bytes).unwrap();
    let capture = read(&bytes, &HashMap::new()).unwrap();
    let said = |records: &[Record]| -> Vec<String> {
        let decision = |record: &Record| match &record.what {
            What::Decision(decision) => Some(format!("{} {decision:?}", record.node)),
            What::Message(_) => None,
        };
        let mut all: Vec<String> = records.iter().filter_map(decision).collect();
        all.sort();
        all
    };
    assert_eq!(said(&capture.records), said(&records));
    let columns = |records: &[Record]| -> Vec<String> {
        let options = Options {
            order: vec![A.into(), AG.into()],
            ..Options::default()
        };
        build(records, &options)
            .columns
            .into_iter()
            .map(|column| column.name)
            .collect()
    };
    assert_eq!(columns(&capture.records), columns(&records));
    let tls = |r: &Record| matches!(&r.what, What::Message(m) if m.transport == sip_trace::Transport::Tls);
    assert_eq!(
        capture.records.iter().filter(|r| tls(r)).count(),
        2 * capture.messages
    );
}

#[test]
fn who_began_a_connection_opened_it() {
    let opened = |frames: &[Vec<u8>]| -> Vec<(String, Direction)> {
        let capture = read(&pcap(frames), &HashMap::new()).unwrap();
        let opened = capture
            .records
            .iter()
            .filter_map(|record| match &record.what {
                What::Message(message) if message.opened_here => {
                    Some((message.local.to_string(), message.direction))
                }
                _ => None,
            });
        opened.collect()
    };
    let ends = |ways: &[Direction]| -> Vec<(String, Direction)> {
        let end = |way| ("192.0.2.1:40100".to_owned(), way);
        ways.iter().copied().map(end).collect()
    };
    let (sent, received) = (Direction::Sent, Direction::Received);
    // Four requests by the one, two answers by the other; the datagrams between the same ends belong to no connection.
    let mut all = frames();
    assert_eq!(
        opened(&all),
        ends(&[sent, sent, sent, sent, received, received])
    );
    all.push(udp(ONE, TWO, &notification("u2")));
    assert_eq!(opened(&all).len(), 6);
    // Whose beginning is not in the capture was opened by nobody that is known.
    all.remove(3);
    assert_eq!(opened(&all), []);
    // The same ports, the other way round.
    let again = [
        tcp(TWO, ONE, 90_000, true, b""),
        accepted(ONE, TWO, 80_000),
        tcp(TWO, ONE, 90_001, false, &notification("t9")),
    ];
    let seen = opened(&[&frames()[..], &again].concat());
    assert_eq!(seen.last().unwrap(), &("192.0.2.2:5060".to_owned(), sent));
    assert_eq!(seen.len(), 7);
}

#[test]
fn a_file_of_ours_says_who_opened_a_connection() {
    let mut records = exchange();
    common::over_tls(&mut records, (A, 50_001), AG);
    // The gateway opened one to the server too.
    let mut back = common::Story::default();
    back.passed(3_000, AG, A, &notification("back"));
    common::over_tls(&mut back.records, (AG, 50_002), A);
    records.extend(back.records);
    // What the server's end alone recorded is on its interface, whichever way it went.
    let of_a = records.iter().filter(|record| &*record.node == A);
    let of_a: Vec<_> = of_a.cloned().collect();
    for (records, wanted) in [(&records, [2, 0]), (&of_a, [1, 1])] {
        let mut bytes = Vec::new();
        pcapng::write_merged(records, &mut bytes).unwrap();
        let capture = read(&bytes, &HashMap::new()).unwrap();
        let opened = capture
            .records
            .iter()
            .filter_map(|record| match &record.what {
                What::Message(message) if message.opened_here => Some((record, message)),
                _ => None,
            });
        let mut ways = [0, 0];
        for (record, message) in opened {
            let (node, port) = (&*record.node, message.local.port());
            assert!([(A, 50_001), (AG, 50_002)].contains(&(node, port)));
            ways[usize::from(message.direction == Direction::Received)] += 1;
        }
        assert_eq!(ways, wanted);
    }
}

#[test]
fn broken_files_are_read_as_far_as_they_go() {
    let bytes = pcap(&frames());
    let all = read(&bytes, &HashMap::new()).unwrap();
    for end in (0..bytes.len()).step_by(7) {
        match read(&bytes[..end], &HashMap::new()) {
            Ok(capture) => {
                let part = all.records.get(..capture.records.len()).unwrap();
                assert_eq!(capture.records, part);
            }
            Err(_) => assert!(end < 24, "{end}"),
        }
    }
    assert!(read(b"{\"v\":1}", &HashMap::new()).is_err());
    let mut ours = Vec::new();
    pcapng::write_merged(&exchange(), &mut ours).unwrap();
    // One byte changed at a time: nothing panics.
    for file in [&bytes, &ours] {
        for at in (0..file.len()).step_by(3) {
            let mut changed = file.clone();
            changed[at] ^= 0xa5;
            let _ = read(&changed, &HashMap::new());
        }
    }
}

#[test]
fn what_is_no_sip_is_one_thing_at_both_its_ends() {
    let mut story = Story::default();
    for (ms, text) in [(1, "no SIP at all"), (2, "\r\n\r\n"), (3, "no SIP at all")] {
        story.passed(ms, A, AG, &Bytes::from_static(text.as_bytes()));
    }
    let mut file = Vec::new();
    pcapng::write_merged(&story.records, &mut file).unwrap();
    let names = HashMap::new();
    for records in [story.records, read(&file, &names).unwrap().records] {
        let all = procedures(&records);
        let ends: Vec<usize> = all.iter().map(|one| one.records.len()).collect();
        assert_eq!(ends, [2, 2, 2], "{records:?}");
    }
}
