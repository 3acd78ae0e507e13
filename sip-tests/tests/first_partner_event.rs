//! `event` of the example with a first partner: it says what the server answers in the end, however long that takes.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::io::Read;
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use sip_message::{Limits, Message, Response, StatusCode};
use sip_tests::lab::project;

/// The script, with a server that gives these answers one after the other: whether it ends well, and what it prints.
fn said(answers: &[u16]) -> (bool, String) {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    server
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let port = server.local_addr().unwrap().port().to_string();
    let script = project().join("docs/examples/first-partner/event");
    let mut child = Ending(
        Command::new("bash")
            .arg(script)
            .args(["127.0.0.1", &port, "sip:mc-server@a.mcx.example", "token"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut datagram = [0; 65_536];
    let (length, from) = server.recv_from(&mut datagram).unwrap();
    let bytes = Bytes::copy_from_slice(&datagram[..length]);
    let parsed = Message::parse_datagram(bytes, &Limits::default()).unwrap();
    let Message::Request(request) = parsed else {
        panic!("{parsed:?}");
    };
    for status in answers {
        let status = StatusCode::new(*status).unwrap();
        let answer = Response::to(&request, status, Some("server")).finish();
        server.send_to(answer.unwrap().as_bytes(), from).unwrap();
    }
    let mut printed = String::new();
    let out = child.0.stdout.as_mut().unwrap();
    out.read_to_string(&mut printed).unwrap();
    (child.0.wait().unwrap().success(), printed)
}

struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_final_response_is_waited_for() {
    let answered = |status, text: &str| (status == 200, format!("SIP/2.0 {status} {text}\n"));
    assert_eq!(said(&[200]), answered(200, "OK"));
    assert_eq!(said(&[100, 200]), answered(200, "OK"));
    let slow = said(&[100, 183, 504]);
    assert_eq!(slow, answered(504, "Server Time-out"));
}
