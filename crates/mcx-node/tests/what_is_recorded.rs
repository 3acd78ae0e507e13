//! What the flight recorder keeps of a message at a connection: real addresses, both clocks, its place in the stream, and who
//! the peer has proven to be; of a broken one too.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod common;

use common::certificates::Authority;
use common::{address, free, meanwhile, message, next, ok, sent, transmit};
use mcx_node::transport::{Arrival, Setup, Taken, Transports};
use sip_trace::{Capacity, Direction, MessageRecord, Record, Recorder, Transport, What};
use sip_transaction::Path;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UdpSocket};

fn recorded(recorder: &Recorder) -> Vec<(Record, MessageRecord)> {
    let records = recorder.reader().take_all().into_iter();
    let of = |record: Record| match &record.what {
        What::Message(message) => Some((record.clone(), message.clone())),
        What::Decision(_) => None,
    };
    records.filter_map(of).collect()
}

#[tokio::test]
async fn a_message_over_tls_with_its_place_and_the_domains_of_its_peer() {
    let ca = Authority::new();
    let speaking = |file, name, recorder: &Recorder| {
        let setup = Setup {
            listen: vec![free(sip_transaction::Transport::Tls, "127.0.0.1")],
            tls: Some(ca.tls(file, &[name])),
            ..Setup::default()
        };
        Transports::bind(setup, recorder.clone()).unwrap()
    };
    let (of_a, of_b) = (
        Recorder::new("a", Capacity::default()),
        Recorder::new("b", Capacity::default()),
    );
    let mut a = speaking("a", "URI:sip:a.mcx.example", &of_a);
    let mut b = speaking("b", "URI:sip:b.mcx.example", &of_b);
    let path = Path {
        local: address(&a),
        peer: address(&b),
        transport: sip_transaction::Transport::Tls,
    };
    a.expect(path, &"b.mcx.example".into());
    for name in ["one", "two"] {
        a.send(sent(path, name)).await.unwrap();
        let (there, request) = meanwhile(&mut a, message(&mut b)).await;
        b.send(transmit(there, ok(&request))).await.unwrap();
        meanwhile(&mut b, message(&mut a)).await;
    }
    let (of_a, of_b) = (recorded(&of_a), recorded(&of_b));
    for (records, peer) in [(&of_a, "b.mcx.example"), (&of_b, "a.mcx.example")] {
        assert_eq!(records.len(), 4);
        let identity = |(_, m): &(Record, MessageRecord)| m.identity.as_deref() == Some(peer);
        assert!(records.iter().all(identity), "{records:?}");
        let clocks: Vec<u64> = records.iter().map(|(r, _)| r.mono_us.unwrap()).collect();
        assert!(clocks.is_sorted(), "{clocks:?}");
        for direction in [Direction::Sent, Direction::Received] {
            let mut place = 0;
            for (_, message) in records.iter().filter(|(_, m)| m.direction == direction) {
                assert_eq!(message.offset, Some(place));
                place += message.bytes.len() as u64;
            }
        }
    }
    // A opened it; answers come and go on it as well.
    assert!(of_a.iter().all(|(_, m)| m.opened_here));
    assert!(of_b.iter().all(|(_, m)| !m.opened_here));
    // The address that the connection really has, which is not the one that is listened at; both sides see the same.
    let ((_, out), (_, into)) = (&of_a[0], &of_b[0]);
    assert_eq!((out.local, out.peer), (into.peer, into.local));
    assert_ne!(out.local, address(&a));
}

#[tokio::test]
async fn a_broken_message_as_it_came_behind_keep_alives() {
    let recorder = Recorder::new("node", Capacity::default());
    let setup = Setup {
        listen: vec![free(sip_transaction::Transport::Tcp, "127.0.0.1")],
        ..Setup::default()
    };
    let mut node = Transports::bind(setup, recorder.clone()).unwrap();
    let mut peer = TcpStream::connect(address(&node)).await.unwrap();
    let broken = "\r\n\r\nthis is no SIP at all\r\n\r\nand what is behind";
    peer.write_all(broken.as_bytes()).await.unwrap();
    let came = next(&mut node).await;
    assert!(matches!(
        came,
        Arrival::Message {
            message: Err(_),
            ..
        }
    ));
    let records = recorded(&recorder);
    let [(record, message)] = &records[..] else {
        panic!("{records:?}");
    };
    assert_eq!(message.bytes, broken.trim_start().as_bytes());
    assert_eq!(
        (message.offset, message.transport),
        (Some(4), Transport::Tcp)
    );
    assert_eq!(message.peer, peer.local_addr().unwrap());
    assert_eq!(message.identity, None);
    assert!(record.mono_us.is_some() && record.wall_us > 0);
}

#[tokio::test]
async fn a_datagram_that_is_refused_at_a_glance_too() {
    let recorder = Recorder::new("node", Capacity::default());
    let setup = Setup {
        listen: vec![free(sip_transaction::Transport::Udp, "127.0.0.1")],
        ..Setup::default()
    };
    let mut node = Transports::bind(setup, recorder.clone()).unwrap();
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for text in ["refused", "taken"] {
        peer.send_to(text.as_bytes(), address(&node)).await.unwrap();
    }
    let mut seen = 0;
    while seen < 2 {
        node.ready().await;
        while let Some(taken) = node.try_take(|_, _, bytes| bytes == b"refused") {
            assert_eq!(matches!(taken, Taken::Dropped), seen == 0);
            seen += 1;
        }
    }
    let records = recorded(&recorder);
    let came: Vec<_> = records
        .iter()
        .map(|(_, m)| (&m.bytes[..], m.direction))
        .collect();
    let received = Direction::Received;
    assert_eq!(came, [(&b"refused"[..], received), (b"taken", received)]);
}
