//! Asks a node over HTTP.

#![allow(dead_code, reason = "each test file uses some of it")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Status and body of the answer.
pub fn get(at: SocketAddr, path: &str) -> (u16, String) {
    let (status, _, body) = ask(at, "GET", path);
    (status, body)
}

/// Status, header and body of the answer to a request.
pub fn ask(at: SocketAddr, method: &str, path: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(at).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (header, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = header.split(' ').nth(1).unwrap().parse().unwrap();
    (status, header.to_owned(), body.to_owned())
}
