//! TCP connections: messages in whatever pieces, answers on the way back, keep-alives, and peers that take too long.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod common;

use std::time::Duration;

use common::{address, lost, meanwhile, message, name, next, ok, request, sent, tcp, transmit};
use mcx_node::transport::{Arrival, Bounds, Ended};
use sip_transaction::{Path, Transport};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

async fn read_message(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).await.unwrap();
        assert!(
            read > 0,
            "closed after {:?}",
            String::from_utf8_lossy(&text)
        );
        text.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&text);
        if text.contains("\r\n\r\n") {
            return text.into_owned();
        }
    }
}

#[tokio::test]
async fn a_request_in_pieces_is_answered_on_its_connection() {
    let mut ours = tcp(Bounds::default());
    let mut peer = TcpStream::connect(address(&ours)).await.unwrap();
    let bytes = request("TCP", peer.local_addr().unwrap(), "pieces");
    for piece in bytes.chunks(7) {
        peer.write_all(piece).await.unwrap();
        peer.flush().await.unwrap();
    }
    let (path, request) = message(&mut ours).await;
    assert_eq!(path.transport, Transport::Tcp);
    assert_eq!(path.peer, peer.local_addr().unwrap());
    assert_eq!(path.local, address(&ours));
    ours.send(transmit(path, ok(&request))).await.unwrap();
    let answer = meanwhile(&mut ours, read_message(&mut peer)).await;
    assert!(answer.starts_with("SIP/2.0 200 OK\r\n"), "{answer}");
}

#[tokio::test]
async fn many_requests_in_one_piece_are_all_heard_in_order() {
    let mut ours = tcp(Bounds::default());
    let mut peer = TcpStream::connect(address(&ours)).await.unwrap();
    let from = peer.local_addr().unwrap();
    let mut all = Vec::new();
    for n in 0..3_000 {
        all.extend_from_slice(&request("TCP", from, &format!("n{n}")));
    }
    let writer = tokio::spawn(async move {
        peer.write_all(&all).await.unwrap();
        peer
    });
    for n in 0..3_000 {
        assert_eq!(name(&message(&mut ours).await.1), format!("n{n}"));
    }
    drop(writer.await.unwrap());
    assert_eq!(lost(&mut ours).await.1, Ended::Closed);
}

#[tokio::test]
async fn a_connection_is_opened_once_and_from_the_host_that_listens() {
    let mut ours = tcp(Bounds::default());
    let peer = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let path = Path {
        local: address(&ours),
        peer: peer.local_addr().unwrap(),
        transport: Transport::Tcp,
    };
    for n in 0..3 {
        ours.send(sent(path, &format!("out{n}"))).await.unwrap();
    }
    let (mut stream, from) = peer.accept().await.unwrap();
    assert_eq!(from.ip(), path.local.ip());
    let mut seen = String::new();
    while !seen.contains("Call-ID: out2") {
        seen.push_str(&meanwhile(&mut ours, read_message(&mut stream)).await);
    }
    let response = "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: back\r\nCSeq: 1 MESSAGE\r\nl: 0\r\n\r\n";
    stream.write_all(response.as_bytes()).await.unwrap();
    let (back, response) = message(&mut ours).await;
    assert_eq!((back, name(&response).as_str()), (path, "back"));
    assert_eq!(ours.counters().opened.get(), 1);
}

#[tokio::test]
async fn a_peer_that_is_not_there_is_said_to_be_lost() {
    let mut ours = tcp(Bounds::default());
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let path = Path {
        local: address(&ours),
        peer: gone.local_addr().unwrap(),
        transport: Transport::Tcp,
    };
    drop(gone);
    ours.send(sent(path, "nobody")).await.unwrap();
    let refused = Ended::Failed(std::io::ErrorKind::ConnectionRefused);
    assert_eq!(lost(&mut ours).await, (path, refused));
    assert_eq!(ours.connections(), 0);
}

#[tokio::test]
async fn an_answer_whose_connection_is_gone_takes_a_new_one_to_the_sender() {
    let mut ours = tcp(Bounds::default());
    let mut peer = TcpStream::connect(address(&ours)).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sent_by = listener.local_addr().unwrap();
    peer.write_all(&request("TCP", sent_by, "late"))
        .await
        .unwrap();
    let (path, request) = message(&mut ours).await;
    drop(peer);
    assert_eq!(lost(&mut ours).await, (path, Ended::Closed));
    let mut answer = transmit(path, ok(&request));
    answer.alternative = Some(sent_by);
    ours.send(answer).await.unwrap();
    let (mut stream, _) = meanwhile(&mut ours, listener.accept()).await.unwrap();
    let text = meanwhile(&mut ours, read_message(&mut stream)).await;
    assert!(text.contains("Call-ID: late\r\n"), "{text}");
}

#[tokio::test]
async fn a_keep_alive_gets_its_answer_and_is_no_message() {
    let mut ours = tcp(Bounds::default());
    let mut peer = TcpStream::connect(address(&ours)).await.unwrap();
    peer.write_all(b"\r\n\r\n").await.unwrap();
    let mut pong = [0; 2];
    meanwhile(&mut ours, peer.read_exact(&mut pong))
        .await
        .unwrap();
    assert_eq!(&pong, b"\r\n");
    assert_eq!(ours.counters().pings.get(), 1);
}

#[tokio::test]
async fn a_peer_is_asked_whether_it_is_there_and_given_up_when_it_is_not() {
    let bounds = Bounds {
        ping: Some(Duration::from_millis(30)),
        pong: Duration::from_millis(300),
        ..Bounds::default()
    };
    let mut ours = tcp(bounds);
    let peer = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let path = Path {
        local: address(&ours),
        peer: peer.local_addr().unwrap(),
        transport: Transport::Tcp,
    };
    ours.send(sent(path, "first")).await.unwrap();
    let (mut stream, _) = peer.accept().await.unwrap();
    let mut first = vec![0; sent(path, "first").bytes.len()];
    meanwhile(&mut ours, stream.read_exact(&mut first))
        .await
        .unwrap();
    for _ in 0..3 {
        let mut ping = [0; 4];
        meanwhile(&mut ours, stream.read_exact(&mut ping))
            .await
            .unwrap();
        assert_eq!(&ping, b"\r\n\r\n");
        stream.write_all(b"\r\n").await.unwrap();
    }
    assert_eq!(lost(&mut ours).await, (path, Ended::Silent));
    assert_eq!(ours.counters().silent.get(), 1);
}

#[tokio::test]
async fn what_cannot_be_framed_is_handed_up_and_the_connection_ends_when_it_is_released() {
    let mut ours = tcp(Bounds::default());
    let mut peer = TcpStream::connect(address(&ours)).await.unwrap();
    let broken = "MESSAGE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP c;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: x\r\nCSeq: 1 MESSAGE\r\nContent-Length: nothing\r\n\r\n";
    peer.write_all(broken.as_bytes()).await.unwrap();
    let Arrival::Message {
        path,
        last,
        message,
        ..
    } = next(&mut ours).await
    else {
        panic!("no message");
    };
    assert!(last && message.is_err());
    ours.send(transmit(path, "SIP/2.0 400 Bad Request\r\n\r\n"))
        .await
        .unwrap();
    ours.release(path);
    let mut said = String::new();
    meanwhile(&mut ours, peer.read_to_string(&mut said))
        .await
        .unwrap();
    assert_eq!(said, "SIP/2.0 400 Bad Request\r\n\r\n");
    assert_eq!(ours.counters().unframed.get(), 1);
}

#[tokio::test]
async fn idle_slow_and_first_words_have_their_time() {
    let short = Duration::from_millis(50);
    let long = Duration::from_secs(600);
    // A message that begins and does not end; bytes that trickle help nothing.
    let mut ours = tcp(Bounds {
        message: short,
        ..Bounds::default()
    });
    let mut peer = TcpStream::connect(address(&ours)).await.unwrap();
    let bytes = request("TCP", peer.local_addr().unwrap(), "slow");
    peer.write_all(&bytes).await.unwrap();
    message(&mut ours).await;
    peer.write_all(&bytes[..20]).await.unwrap();
    assert_eq!(lost(&mut ours).await.1, Ended::Slow);
    // Nobody who says nothing at all stays.
    let _peer = TcpStream::connect(address(&ours)).await.unwrap();
    assert_eq!(lost(&mut ours).await.1, Ended::Slow);
    assert_eq!(ours.counters().slow.get(), 2);
    // Whoever has spoken may be silent for longer.
    let mut ours = tcp(Bounds {
        message: long,
        idle: short,
        ..Bounds::default()
    });
    let mut peer = TcpStream::connect(address(&ours)).await.unwrap();
    peer.write_all(&bytes).await.unwrap();
    message(&mut ours).await;
    assert_eq!(lost(&mut ours).await.1, Ended::Idle);
    assert_eq!(ours.counters().idle.get(), 1);
}

#[tokio::test]
async fn who_does_not_read_is_read_from_no_more_and_then_given_up() {
    let bounds = Bounds {
        queue: 256 * 1024,
        write: Duration::from_millis(300),
        ..Bounds::default()
    };
    let mut ours = tcp(bounds);
    let mut peer = TcpStream::connect(address(&ours)).await.unwrap();
    peer.write_all(&request("TCP", peer.local_addr().unwrap(), "greedy"))
        .await
        .unwrap();
    let (path, _) = message(&mut ours).await;
    let answer = bytes::Bytes::from(vec![b'x'; 60_000]);
    // The system takes some megabytes; then the queue fills, and then no more is taken.
    let mut refused = None;
    for _ in 0..1_000 {
        if let Err(ended) = ours.send(transmit(path, answer.clone())).await {
            refused = Some(ended);
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(refused, Some(Ended::Stuck));
    assert!(ours.counters().queue_full.get() > 0);
    assert_eq!(lost(&mut ours).await, (path, Ended::Stuck));
    assert_eq!(ours.counters().stuck.get(), 1);
}

#[tokio::test]
async fn connections_are_bounded_and_room_comes_back() {
    let bounds = Bounds {
        connections_of_strangers: 2,
        ..Bounds::default()
    };
    let mut ours = tcp(bounds);
    let one = TcpStream::connect(address(&ours)).await.unwrap();
    let _two = TcpStream::connect(address(&ours)).await.unwrap();
    let mut three = TcpStream::connect(address(&ours)).await.unwrap();
    let read = meanwhile(&mut ours, three.read(&mut [0])).await;
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    assert_eq!(ours.counters().full_of_strangers.get(), 1);
    drop(one);
    assert_eq!(lost(&mut ours).await.1, Ended::Closed);
    // The room is free when the connection's task has ended, right after it said so.
    loop {
        let mut four = TcpStream::connect(address(&ours)).await.unwrap();
        let bytes = request("TCP", four.local_addr().unwrap(), "four");
        four.write_all(&bytes).await.unwrap();
        let mut answer = [0];
        tokio::select! {
            (_, request) = message(&mut ours) => {
                assert_eq!(name(&request), "four");
                break;
            }
            _ = four.read(&mut answer) => {}
        }
    }
}

#[tokio::test]
async fn an_ipv6_listener_has_ipv6_paths() {
    let setup = mcx_node::transport::Setup {
        listen: vec![common::free(Transport::Tcp, "::1")],
        ..Default::default()
    };
    let mut ours = common::bind(setup);
    let mut peer = TcpStream::connect(address(&ours)).await.unwrap();
    peer.write_all(&request("TCP", peer.local_addr().unwrap(), "six"))
        .await
        .unwrap();
    let (path, request) = message(&mut ours).await;
    assert!(path.peer.is_ipv6() && path.local.is_ipv6());
    ours.send(transmit(path, ok(&request))).await.unwrap();
    let answer = meanwhile(&mut ours, read_message(&mut peer)).await;
    assert!(
        answer.contains("received=::1") || answer.contains("rport"),
        "{answer}"
    );
}
