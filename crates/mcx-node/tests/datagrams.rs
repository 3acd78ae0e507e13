//! UDP: what the system says about datagrams that met nobody, and strangers who are not answered.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod common;

use std::net::UdpSocket;

use common::{address, free, message, name, next, request, sent};
use mcx_node::transport::{Acquaintances, Arrival, Setup};
use sip_transaction::{Path, Transport};

/// Nobody listens on it.
fn gone(host: &str) -> std::net::SocketAddr {
    let socket = UdpSocket::bind((host, 0)).unwrap();
    socket.local_addr().unwrap()
}

#[tokio::test]
async fn an_icmp_error_is_told_of_its_own_path_alone() {
    for host in ["127.0.0.1", "::1"] {
        let mut ours = common::bind(Setup {
            listen: vec![free(Transport::Udp, host)],
            ..Setup::default()
        });
        let listening = UdpSocket::bind((host, 0)).unwrap();
        let path = |peer| Path {
            local: address(&ours),
            peer,
            transport: Transport::Udp,
        };
        let (good, bad) = (path(listening.local_addr().unwrap()), path(gone(host)));
        // The error comes between sends to others, which do not suffer from it.
        for n in 0..50 {
            let at = if n == 10 { bad } else { good };
            ours.send(sent(at, &format!("n{n}"))).await.unwrap();
        }
        match next(&mut ours).await {
            Arrival::Lost(lost, _) => assert_eq!(lost, bad),
            other => panic!("{other:?}"),
        }
        let mut heard = 0;
        let mut buffer = [0; 2048];
        listening.set_nonblocking(true).unwrap();
        while listening.recv(&mut buffer).is_ok() {
            heard += 1;
        }
        assert_eq!(heard, 49);
        assert_eq!(ours.counters().icmp.get(), 1);
    }
}

/// A partner that is killed under load: errors come by the hundred, and another thread reads them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_icmp_errors_are_told_of_their_own_path_alone() {
    for host in ["127.0.0.1", "::1"] {
        let mut ours = common::bind(Setup {
            listen: vec![free(Transport::Udp, host)],
            ..Setup::default()
        });
        let listening = UdpSocket::bind((host, 0)).unwrap();
        listening.set_nonblocking(true).unwrap();
        let (local, good, bad) = (address(&ours), listening.local_addr().unwrap(), gone(host));
        let path = |peer| Path {
            local,
            peer,
            transport: Transport::Udp,
        };
        let (mut heard, mut buffer) = (0, [0; 2048]);
        for n in 0..1000 {
            for m in 0..30 {
                let at = path(if m % 10 == 9 { good } else { bad });
                ours.queue(sent(at, &format!("n{n}-{m}"))).await.unwrap();
            }
            assert_eq!(ours.flush().await, [], "{n}");
            while listening.recv(&mut buffer).is_ok() {
                heard += 1;
            }
        }
        assert_eq!(heard, 3000);
        // Of the others some are told, and those alone.
        for _ in 0..100 {
            match next(&mut ours).await {
                Arrival::Lost(lost, _) => assert_eq!(lost.peer, bad),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn strangers_are_dropped_unread_when_that_is_wanted() {
    let mut ours = common::bind(Setup {
        listen: vec![
            free(Transport::Udp, "127.0.0.1"),
            free(Transport::Tcp, "127.0.0.1"),
        ],
        acquaintances: Acquaintances {
            hosts: vec!["127.0.0.2".parse().unwrap()],
            ignore_strangers: true,
            ..Acquaintances::default()
        },
        ..Setup::default()
    });
    let known = UdpSocket::bind("127.0.0.2:0").unwrap();
    let stranger = UdpSocket::bind("127.0.0.3:0").unwrap();
    let to = address(&ours);
    for socket in [&stranger, &known] {
        let from = socket.local_addr().unwrap();
        let bytes = request("UDP", from, &from.ip().to_string());
        socket.send_to(&bytes, to).unwrap();
    }
    assert_eq!(name(&message(&mut ours).await.1), "127.0.0.2");
    assert_eq!(ours.counters().strangers.get(), 1);
    // The same for connections.
    let tcp = ours.listening()[1].address;
    let mut stranger = tokio::net::TcpStream::connect(tcp).await.unwrap();
    let mut answer = [0];
    let read = common::meanwhile(
        &mut ours,
        tokio::io::AsyncReadExt::read(&mut stranger, &mut answer),
    )
    .await;
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
}

#[tokio::test]
async fn a_flood_on_one_socket_leaves_another_its_turn() {
    let mut ours = common::bind(Setup {
        listen: vec![free(Transport::Udp, "127.0.0.1"); 2],
        ..Setup::default()
    });
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let from = peer.local_addr().unwrap();
    let (flooded, quiet) = (ours.listening()[0].address, ours.listening()[1].address);
    for n in 0..50 {
        peer.send_to(&request("UDP", from, &format!("flood{n}")), flooded)
            .unwrap();
    }
    peer.send_to(&request("UDP", from, "quiet"), quiet).unwrap();
    for _ in 0..3 {
        if name(&message(&mut ours).await.1) == "quiet" {
            return;
        }
    }
    panic!("the quiet socket's turn did not come");
}

#[tokio::test]
async fn what_is_queued_in_a_turn_arrives_datagram_by_datagram_and_in_order() {
    for host in ["127.0.0.1", "::1"] {
        let mut ours = common::bind(Setup {
            listen: vec![free(Transport::Udp, host)],
            ..Setup::default()
        });
        let peers = [(); 2].map(|()| UdpSocket::bind((host, 0)).unwrap());
        // More than a run may hold, of three lengths, one of them too long for a run, to two peers in turn and to nobody.
        let nobody = gone(host);
        for n in 0..300 {
            let path = Path {
                local: address(&ours),
                peer: match n {
                    150..153 => nobody,
                    _ => peers[n % 2].local_addr().unwrap(),
                },
                transport: Transport::Udp,
            };
            let bytes = match n % 50 {
                7 => vec![b'x'; 1_500],
                8 => format!("{n} is longer").into_bytes(),
                _ => format!("{n:03}").into_bytes(),
            };
            ours.queue(common::transmit(path, bytes)).await.unwrap();
        }
        assert_eq!(ours.flush().await, []);
        for (number, peer) in peers.iter().enumerate() {
            peer.set_nonblocking(true).unwrap();
            for n in (0..300).filter(|n| n % 2 == number && !(150..153).contains(n)) {
                let mut buffer = [0; 2048];
                let length = peer.recv(&mut buffer).unwrap();
                let got = String::from_utf8_lossy(&buffer[..length]);
                match n % 50 {
                    7 => assert_eq!(length, 1_500),
                    8 => assert_eq!(got, format!("{n} is longer")),
                    _ => assert_eq!(got, format!("{n:03}")),
                }
            }
        }
        match next(&mut ours).await {
            Arrival::Lost(lost, _) => assert_eq!(lost.peer, nobody),
            other => panic!("{other:?}"),
        }
    }
}
