//! A collector hears what the node records, as HEP3 and without identities; one that is not there, goes away or reads
//! nothing costs the node nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/check.rs"]
mod check;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use check::{Folder, example, refused_text};

/// Longer than any pause of the sender that these tests can meet.
const PATIENCE: Duration = Duration::from_secs(20);

struct Node {
    process: Child,
    address: SocketAddr,
    client: UdpSocket,
    asked: u32,
    folder: Folder,
    /// Header fields of every request.
    more: String,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Node {
    fn telling(collector: &str) -> Self {
        let folder = Folder::new();
        let config = folder.0.join("nodes/a.toml");
        let section = format!(
            "\n[trace]\nfile = \"a.ndjson\"\n[trace.collector]\naddress = \"{collector}\"\nagent = 2001\npassword = \"letmein\"\n"
        );
        std::fs::write(&config, example("direct/a-server.toml") + &section).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_mcx"))
            .args(["run", "--config"])
            .arg(&config)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut address = None;
        for line in BufReader::new(process.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            address = address.or(line
                .rsplit_once("udp:")
                .and_then(|(_, at)| at.trim().parse().ok()));
            if line.ends_with(" ready") {
                break;
            }
        }
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            process,
            address: address.unwrap(),
            client,
            asked: 0,
            folder,
            more: String::new(),
        }
    }

    /// Asks something that names a user, and waits for the answer.
    fn ask(&mut self) -> Duration {
        self.asked += 1;
        let (own, number, more) = (self.client.local_addr().unwrap(), self.asked, &self.more);
        let request = format!(
            "OPTIONS sip:mc-server@a.mcx.example SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bKask{number}\r\n\
            Max-Forwards: 70\r\nFrom: \"Alice\" <sip:alice@a.mcx.example>;tag=1\r\nTo: <sip:mc-server@a.mcx.example>\r\n\
            Call-ID: ask-{number}\r\nCSeq: 1 OPTIONS\r\n{more}Content-Length: 0\r\n\r\n"
        );
        let begin = Instant::now();
        self.client
            .send_to(request.as_bytes(), self.address)
            .unwrap();
        let mut buffer = [0; 65_536];
        let (length, _) = self.client.recv_from(&mut buffer).unwrap();
        assert!(buffer[..length].starts_with(b"SIP/2.0 "));
        begin.elapsed()
    }
}

/// The chunks of one packet.
fn chunks(packet: &[u8]) -> BTreeMap<u16, Vec<u8>> {
    assert_eq!(&packet[..4], b"HEP3");
    let mut rest = &packet[6..];
    let mut chunks = BTreeMap::new();
    while !rest.is_empty() {
        let length = usize::from(u16::from_be_bytes([rest[4], rest[5]]));
        chunks.insert(
            u16::from_be_bytes([rest[2], rest[3]]),
            rest[6..length].to_vec(),
        );
        rest = &rest[length..];
    }
    chunks
}

fn told(stream: &mut TcpStream) -> BTreeMap<u16, Vec<u8>> {
    let mut packet = vec![0; 6];
    stream.read_exact(&mut packet).unwrap();
    let length = usize::from(u16::from_be_bytes([packet[4], packet[5]]));
    packet.resize(length, 0);
    stream.read_exact(&mut packet[6..]).unwrap();
    chunks(&packet)
}

fn accepted(listener: &TcpListener) -> TcpStream {
    let begin = Instant::now();
    listener.set_nonblocking(true).unwrap();
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                return stream;
            }
            Err(_) => std::thread::yield_now(),
        }
        assert!(begin.elapsed() < PATIENCE, "no connection to the collector");
    }
}

#[test]
fn in_datagrams_without_identities() {
    let collector = UdpSocket::bind("127.0.0.1:0").unwrap();
    collector.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut node = Node::telling(&format!("udp:{}", collector.local_addr().unwrap()));
    node.ask();
    let mut packets = Vec::new();
    let mut buffer = vec![0; 65_536];
    while packets
        .iter()
        .filter(|chunks: &&BTreeMap<u16, Vec<u8>>| chunks[&0x0b] == [1])
        .count()
        < 2
    {
        let length = collector.recv(&mut buffer).unwrap();
        assert!(
            !buffer[..length]
                .windows(5)
                .any(|word| word.eq_ignore_ascii_case(b"alice"))
        );
        packets.push(chunks(&buffer[..length]));
    }
    let request = packets
        .iter()
        .find(|chunks| chunks[&0x0f].starts_with(b"OPTIONS"))
        .unwrap();
    let text = String::from_utf8_lossy(&request[&0x0f]).into_owned();
    assert!(
        text.contains("\" <sip:u-") && text.contains("To: <sip:mc-server@a.mcx.example>"),
        "{text}"
    );
    assert_eq!(
        request[&0x07],
        node.client.local_addr().unwrap().port().to_be_bytes()
    );
    assert_eq!(request[&0x08], node.address.port().to_be_bytes());
    assert_eq!(
        (request[&0x0c].as_slice(), request[&0x0e].as_slice()),
        (&2001_u32.to_be_bytes()[..], &b"letmein"[..])
    );
    assert_eq!(
        (request[&0x11].as_slice(), request[&0x13].as_slice()),
        (&b"ask-1"[..], &b"a-server"[..])
    );
}

#[test]
fn over_a_connection_that_is_opened_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    drop(listener);
    let mut node = Node::telling(&format!("tcp:{at}"));
    // Nobody is there.
    assert!(node.ask() < Duration::from_secs(2));
    let listener = TcpListener::bind(at).unwrap();
    for _ in 0..2 {
        // What is recorded while nobody is there is lost; the connection comes with what is recorded later.
        let begin = Instant::now();
        let mut stream = None;
        while stream.is_none() {
            assert!(begin.elapsed() < PATIENCE, "no connection to the collector");
            node.ask();
            listener.set_nonblocking(true).unwrap();
            stream = listener.accept().ok().map(|(stream, _)| stream);
        }
        let mut stream = stream.unwrap();
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        assert_eq!(told(&mut stream)[&0x13], b"a-server");
        // The collector goes away.
    }
}

#[test]
fn one_that_reads_nothing_makes_neither_the_node_nor_its_trace_file_wait() {
    let listener = listener_with_little_room();
    let mut node = Node::telling(&format!("tcp:{}", listener.local_addr().unwrap()));
    node.ask();
    let stream = accepted(&listener);
    // More than the system keeps for a connection, 4 MiB at the sender's side.
    node.more = format!("Supported: {}\r\n", "x".repeat(8_000));
    let mut slowest = Duration::ZERO;
    for _ in 0..1_500 {
        slowest = slowest.max(node.ask());
    }
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    let mut trace = File::open(node.folder.0.join("nodes/a.ndjson")).unwrap();
    let begin = Instant::now();
    let mut end = Vec::new();
    // It may begin in the middle of a letter.
    while !String::from_utf8_lossy(&end).contains("Call-ID: ask-1501\\r") {
        assert!(
            begin.elapsed() < PATIENCE,
            "the trace file waits for the collector"
        );
        let length = trace.seek(SeekFrom::End(0)).unwrap();
        trace
            .seek(SeekFrom::Start(length.saturating_sub(20_000)))
            .unwrap();
        end.clear();
        trace.read_to_end(&mut end).unwrap();
    }
    drop(stream);
}

fn listener_with_little_room() -> TcpListener {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    socket.listen(1).unwrap();
    socket.into()
}

#[test]
fn its_address_and_key_are_checked() {
    let section = |line: &str| {
        format!(
            "{}\n[trace.collector]\n{line}\n",
            example("direct/a-server.toml")
        )
    };
    let text = section("address = \"tls:192.0.2.1:9060\"");
    let line = text.lines().count();
    refused_text(
        &text,
        line,
        "is no address of a collector: write \"udp:ADDRESS:PORT\"",
    );
    let text = section("address = \"udp:127.0.0.1:9060\"\npseudonyms = \"../keys/idms-a.pub.pem\"");
    let (output, said) = check::check(&text);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("64 hexadecimal digits") && !said.contains("BEGIN"),
        "{said}"
    );
}
