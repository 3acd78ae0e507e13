//! What is in the capture file, read back block by block with a reader of its own.
#![allow(clippy::unwrap_used)]

mod common;

use std::net::SocketAddr;

use bytes::Bytes;
use common::pcapng_reader::{blocks, options, packets};
use common::{A, AG, B, BG, START_US, Story, notification};
use sip_trace::pcapng::{
    Interface, MAX_INTERFACES, MAX_PAYLOAD_BYTES, Packet, Summary, Writer, write_merged,
};
use sip_trace::{Direction, Record, Transport, What};

fn written(records: &[Record]) -> (Summary, Vec<u8>) {
    let mut file = Vec::new();
    (write_merged(records, &mut file).unwrap(), file)
}

/// Ones' complement sum over everything, checksum included: all ones when right (RFC 1071).
fn sums_up(parts: &[&[u8]]) -> bool {
    let words = parts.concat();
    let sum: u64 = words
        .chunks(2)
        .map(|w| u64::from(w[0]) << 8 | u64::from(*w.get(1).unwrap_or(&0)))
        .sum();
    let folded = (0..4).fold(sum, |sum, _| (sum & 0xFFFF) + (sum >> 16));
    folded == 0xFFFF
}

#[test]
fn each_datagram_is_there_once_whoever_recorded_it() {
    let records = common::exchange();
    let sent = records
        .iter()
        .filter(|r| matches!(&r.what, What::Message(m) if m.direction == Direction::Sent));
    let (summary, file) = written(&records);
    assert_eq!(
        summary,
        Summary {
            interfaces: 4,
            messages: sent.count(),
            packets: 9,
            split: 0,
            decisions: 3
        }
    );
    assert_eq!(packets(&file).len(), 9);
    assert_eq!(packets(&file)[0].wall_us, START_US + 1_000);

    // Without the sender's records the receiver's stand in.
    let only_b: Vec<Record> = records.iter().filter(|r| &*r.node == B).cloned().collect();
    assert_eq!(written(&only_b).0.messages, 4);
    let without_b: Vec<Record> = records.iter().filter(|r| &*r.node != B).cloned().collect();
    assert_eq!(
        written(&without_b).0.messages,
        8,
        "the answer that was lost is known to B alone"
    );
}

#[test]
fn identical_datagrams_are_counted_one_by_one() {
    let mut story = Story::default();
    let bytes = notification("one");
    story.passed(1, A, B, &bytes);
    story.sent(500, A, B, &bytes);
    assert_eq!(written(&story.records).0.messages, 2);
    story.received(501, B, A, &bytes);
    story.received(502, B, A, &bytes);
    assert_eq!(
        written(&story.records).0.messages,
        3,
        "the network doubled one"
    );
    story.passed(600, A, BG, &bytes);
    assert_eq!(
        written(&story.records).0.messages,
        4,
        "another receiver is another datagram"
    );
}

#[test]
fn decisions_are_comments_of_the_packet_they_followed() {
    let (_, file) = written(&common::exchange());
    let packets = packets(&file);
    assert_eq!(
        packets[0].comments,
        [
            "A server → A gateway",
            "A server: P1.0 started – user is back and was migrated to b.mcx.example (stay 7)"
        ],
        "a decision before the first message belongs to it"
    );
    assert_eq!(
        packets[2].comments[1],
        "B gateway: L5 trusted – sender is the user's primary system"
    );
    assert!(packets[3].comments[1].starts_with("B server: P1.4 applied – mapping is was-migrated"));
    assert!(
        !packets
            .iter()
            .any(|packet| packet.comments.concat().contains("alice"))
    );

    let mut story = Story::default();
    story.decided(1, A, "", "ready", "no message yet");
    let (summary, file) = written(&story.records);
    assert_eq!((summary.decisions, summary.packets), (1, 0));
    let section = options(&blocks(&file)[0].1[16..]);
    assert_eq!(
        section[0],
        (1, b"A server: ready \xe2\x80\x93 no message yet".to_vec())
    );
}

#[test]
fn more_decisions_than_fit_are_counted_and_long_ones_cut() {
    let mut story = Story::default();
    story.passed(1, A, B, &notification("one"));
    (0..100).for_each(|_| story.decided(3, B, "", "kept", &"ü".repeat(40_000)));
    let (summary, file) = written(&story.records);
    assert_eq!(summary.decisions, 100);
    let comments = &packets(&file)[0].comments;
    assert_eq!(comments.last().unwrap(), "and 37 more decisions");
    assert!(comments[1].ends_with("ü…") && comments[1].len() < 33_000);
}

/// Names of the interfaces and their link types.
fn interfaces(file: &[u8]) -> Vec<(String, u16)> {
    let described = blocks(file).into_iter().filter(|(kind, _)| *kind == 1);
    described
        .map(|(_, body)| {
            let name = options(&body[8..])[0].1.clone();
            let link = u16::from_le_bytes([body[0], body[1]]);
            (String::from_utf8(name).unwrap(), link)
        })
        .collect()
}

#[test]
fn listeners_are_interfaces_and_so_are_connections_that_a_node_opened() {
    let mut records = common::exchange();
    common::over_tls(&mut records, (A, 50_001), AG);
    // Another listener of the same node, and another connection that it opened.
    let mut story = Story::default();
    story.passed(2_000, AG, BG, &notification("four"));
    for record in &mut story.records {
        if let What::Message(message) = &mut record.what {
            let outside = SocketAddr::from(([192, 0, 2, 1], 40_002));
            match message.direction {
                Direction::Sent => message.local = outside,
                Direction::Received => message.peer = outside,
            }
        }
    }
    records.extend(story.records);
    let mut story = Story::default();
    story.passed(2_100, A, AG, &notification("five"));
    common::over_tls(&mut story.records, (A, 50_002), AG);
    records.extend(story.records);

    let (summary, file) = written(&records);
    let expected = [
        ("A server · TLS, connections it opened", 101),
        ("A gateway · UDP 127.0.0.1:40002", 12),
        ("B gateway · UDP 127.0.0.1:40003", 12),
        ("B server · UDP 127.0.0.1:40004", 12),
        ("A gateway · TLS 127.0.0.1:40002", 12),
        ("A gateway · UDP 192.0.2.1:40002", 12),
    ];
    assert_eq!(summary.interfaces, expected.len());
    assert_eq!(
        interfaces(&file),
        expected.map(|(name, link)| (name.to_owned(), link))
    );
    let of_packets: Vec<_> = packets(&file).iter().map(|p| p.interface).collect();
    assert_eq!(of_packets, [0, 1, 1, 2, 3, 2, 3, 2, 4, 5, 0]);
}

#[test]
fn listeners_beyond_the_bound_share_one_interface() {
    for (listeners, wanted) in [
        (MAX_INTERFACES - 1, MAX_INTERFACES - 1),
        (MAX_INTERFACES, MAX_INTERFACES),
        (MAX_INTERFACES + 9, MAX_INTERFACES),
    ] {
        let mut story = Story::default();
        for _ in 0..2 {
            (0..listeners).for_each(|_| story.sent(1, A, B, &notification("one")));
        }
        for (number, record) in (0..).zip(&mut story.records) {
            if let What::Message(message) = &mut record.what {
                let port = u16::try_from(number % listeners).unwrap();
                message.local.set_port(10_000 + port);
            }
        }
        let (summary, file) = written(&story.records);
        assert_eq!(
            (summary.interfaces, summary.packets),
            (wanted, 2 * listeners)
        );
        let names = interfaces(&file);
        assert_eq!(names.len(), wanted);
        let shared = "all other listeners and connections";
        assert_eq!(
            names.iter().position(|(name, _)| name == shared),
            (listeners >= MAX_INTERFACES).then_some(MAX_INTERFACES - 1)
        );
        for packets in packets(&file).chunks(listeners) {
            for (number, packet) in packets.iter().enumerate() {
                let wanted = number.min(MAX_INTERFACES - 1);
                assert_eq!(usize::try_from(packet.interface).unwrap(), wanted);
            }
        }
    }
}

#[test]
fn a_file_without_a_message_has_an_interface_all_the_same() {
    let (summary, file) = written(&[]);
    assert_eq!((summary.interfaces, summary.packets), (1, 0));
    assert_eq!(interfaces(&file), [("no message".to_owned(), 101)]);
}

#[test]
fn ip_and_udp_headers_are_right_for_both_families() {
    let ways = [
        ("192.0.2.1:5060", "192.0.2.2:50000"),
        ("[2001:db8::1]:5060", "[2001:db8::2]:5061"),
        ("192.0.2.1:5060", "[2001:db8::2]:5061"),
    ];
    for (source, destination) in ways {
        for payload in [&b""[..], b"odd", b"even", &[0xFF; 1_301]] {
            let (source, destination): (SocketAddr, SocketAddr) =
                (source.parse().unwrap(), destination.parse().unwrap());
            let mut file = Vec::new();
            let mut writer = Writer::new(
                &mut file,
                &[Interface {
                    name: "A".to_owned(),
                }],
            )
            .unwrap();
            let packet = Packet {
                interface: 0,
                wall_us: 1,
                direction: Direction::Sent,
                transport: Transport::Udp,
                source,
                destination,
                payload,
                comments: &[],
            };
            assert_eq!(writer.packet(&packet).unwrap(), 1);
            assert!(
                writer
                    .packet(&Packet {
                        interface: 1,
                        ..packet
                    })
                    .is_err()
            );
            writer.finish().unwrap();
            let seen = &packets(&file)[0];
            assert_eq!(seen.payload(), payload);
            let (addresses, udp) = match seen.ip[0] >> 4 {
                4 => {
                    assert_eq!(
                        usize::from(u16::from_be_bytes([seen.ip[2], seen.ip[3]])),
                        seen.ip.len()
                    );
                    assert!(sums_up(&[&seen.ip[..20]]), "IPv4 header checksum");
                    (&seen.ip[12..20], &seen.ip[20..])
                }
                _ => {
                    assert_eq!(
                        usize::from(u16::from_be_bytes([seen.ip[4], seen.ip[5]])),
                        seen.ip.len() - 40
                    );
                    (&seen.ip[8..40], &seen.ip[40..])
                }
            };
            assert_eq!(&udp[4..6], u16::try_from(udp.len()).unwrap().to_be_bytes());
            assert!(
                sums_up(&[addresses, &[0, 17], &udp[4..6], udp]),
                "UDP checksum"
            );
        }
    }
}

#[test]
fn a_message_too_long_for_one_packet_is_split_and_says_so() {
    let mut story = Story::default();
    story.sent(1, A, B, &Bytes::from(vec![b'x'; MAX_PAYLOAD_BYTES]));
    story.sent(2, A, B, &Bytes::from(vec![b'y'; 2 * MAX_PAYLOAD_BYTES + 1]));
    for record in &mut story.records {
        if let What::Message(message) = &mut record.what {
            message.transport = Transport::Tls;
        }
    }
    let (summary, file) = written(&story.records);
    assert_eq!(
        (summary.messages, summary.packets, summary.split),
        (2, 4, 1)
    );
    let packets = packets(&file);
    assert_eq!(packets[0].ip.len(), 65_535);
    assert_eq!(
        packets[0].comments.last().unwrap(),
        "carried over TLS, shown as UDP"
    );
    assert_eq!(packets[3].payload(), b"y");
    assert!(
        packets[3]
            .comments
            .contains(&"part 3 of 3 of a message of 131015 bytes".to_owned())
    );
}
