//! What is in the way. Each says when it is under way, goes on until the end, and tells what became of it.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use super::target::{Target, connect, stranger};
use super::{End, Size};

pub type Attack = fn(&Target, Size, &End, &dyn Fn()) -> String;

pub const ATTACKS: [(&str, Attack); 6] = [
    ("idle connections", idle),
    ("a byte a second", drips),
    ("half-open TLS handshakes", half_open),
    ("ClientHellos and no more", hellos),
    ("junk datagrams", junk),
    ("never reads", deaf),
];

fn open(many: usize, to: std::net::SocketAddr) -> Vec<TcpStream> {
    let connect = |n| {
        let stream = connect(stranger(n), to).expect("a connection");
        stream.set_nonblocking(true).unwrap();
        stream
    };
    (0..many).map(connect).collect()
}

/// Whether the other side has not closed it; reads what is there.
fn is_open(mut stream: &TcpStream) -> bool {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
}

fn idle(target: &Target, size: Size, end: &End, ready: &dyn Fn()) -> String {
    let streams = open(size.idle, target.tcp);
    ready();
    while !end.by(Instant::now() + Duration::from_secs(60)) {}
    let open = streams.iter().filter(|stream| is_open(stream)).count();
    assert_eq!(open, size.idle, "within its bounds the node keeps them");
    format!("{open} of {} still open", size.idle)
}

fn drips(target: &Target, size: Size, end: &End, ready: &dyn Fn()) -> String {
    let text = format!(
        "OPTIONS sip:mc-server@b.mcx.example SIP/2.0\r\nSubject: {}",
        "slowly ".repeat(50)
    );
    let mut streams = open(size.drips, target.tcp);
    ready();
    let (mut next, mut sent) = (Instant::now(), 0);
    for byte in text.bytes() {
        for stream in &mut streams {
            sent += stream.write(&[byte]).unwrap_or_default();
        }
        next += Duration::from_secs(1);
        if end.by(next) {
            break;
        }
    }
    format!("{sent} bytes on {} connections", size.drips)
}

fn half_open(target: &Target, size: Size, end: &End, ready: &dyn Fn()) -> String {
    // The head of a record with a ClientHello of 508 bytes, of which none come.
    let begin = [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3];
    handshakes(target, size, &begin, end, ready)
}

/// The server answers with its certificate, a key and a signature, and hears no more.
fn hellos(target: &Target, size: Size, end: &End, ready: &dyn Fn()) -> String {
    let hello = client_hello();
    let mut first = connect(stranger(0), target.tls).unwrap();
    first.write_all(&hello).unwrap();
    let mut record = [0; 6];
    first.read_exact(&mut record).unwrap();
    assert_eq!((record[0], record[5]), (22, 2), "it is a ServerHello");
    handshakes(target, size, &hello, end, ready)
}

fn handshakes(target: &Target, size: Size, begin: &[u8], end: &End, ready: &dyn Fn()) -> String {
    let mut streams = open(size.handshakes, target.tls);
    for stream in &mut streams {
        stream.write_all(begin).unwrap();
    }
    ready();
    let (mut next, mut begun) = (Instant::now(), size.handshakes);
    while !end.by(next) {
        next += Duration::from_millis(100);
        // Closed ones begin anew.
        for (number, stream) in streams.iter_mut().enumerate() {
            if !is_open(stream)
                && let Ok(mut again) = connect(stranger(number), target.tls)
                && again.write_all(begin).is_ok()
            {
                again.set_nonblocking(true).unwrap();
                *stream = again;
                begun += 1;
            }
        }
    }
    format!("{} at once, {begun} begun", size.handshakes)
}

/// A ClientHello of TLS 1.3 (RFC 8446 §4.1.2) that nothing is wrong with: X25519, ECDSA with P-256, AES-128-GCM.
fn client_hello() -> Vec<u8> {
    fn sized(bytes: &[u8]) -> Vec<u8> {
        let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
        [&length[..], bytes].concat()
    }
    let extension = |kind: u8, content: &[u8]| [&[0, kind][..], &sized(content)].concat();
    let share = [&[0, 29][..], &sized(&[9; 32])].concat();
    let extensions = [
        extension(10, &sized(&[0, 29])),
        extension(13, &sized(&[4, 3])),
        extension(43, &[2, 3, 4]),
        extension(51, &sized(&share)),
    ];
    let random = [7; 32];
    let body = [
        &[3, 3][..],
        &random,
        &[0],
        &sized(&[0x13, 0x01]),
        &[1, 0],
        &sized(&extensions.concat()),
    ];
    let body = body.concat();
    let handshake = [&[1, 0][..], &sized(&body)].concat();
    [&[22, 3, 1][..], &sized(&handshake)].concat()
}

/// What is no request, or not quite.
fn rubbish() -> Vec<Vec<u8>> {
    let mut dice = 1_u64;
    let mut noise = || {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (dice >> 33).to_le_bytes()[0]
    };
    let cut = "MESSAGE sip:mc-server@b.mcx.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKj\r\nFrom: <sip:a";
    vec![
        (0..300).map(|_| noise()).collect(),
        b"INVITE sip:mc-server@b.mcx.example SIP/2.0\r\n\r\n".to_vec(),
        cut.into(),
        b"\r\n\r\n".to_vec(),
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKj\r\nContent-Length: 9\r\n\r\n".to_vec(),
        vec![b','; 1_200],
    ]
}

fn junk(target: &Target, size: Size, end: &End, ready: &dyn Fn()) -> String {
    let sockets: Vec<_> = (0..5)
        .map(|n| UdpSocket::bind((stranger(n), 0)).unwrap())
        .collect();
    for socket in &sockets {
        // Answers stay where they are.
        socket.set_nonblocking(true).unwrap();
    }
    let rubbish = rubbish();
    let mut kinds = rubbish.iter().cycle().zip(sockets.iter().cycle());
    ready();
    let begun = Instant::now();
    let (mut next, mut sent) = (begun, 0);
    while !end.by(next) {
        let due = u64::try_from(begun.elapsed().as_micros()).unwrap() * size.junk / 1_000_000;
        while sent < due {
            let (bytes, socket) = kinds.next().unwrap();
            let _ = socket.send_to(bytes, target.udp);
            sent += 1;
        }
        next = Instant::now() + Duration::from_millis(1);
    }
    let rate = sent * 1_000 / u64::try_from(begun.elapsed().as_millis()).unwrap().max(1);
    format!("{rate} a second, {sent} in all")
}

fn deaf(target: &Target, size: Size, end: &End, ready: &dyn Fn()) -> String {
    let request = |n: usize| {
        format!(
            "OPTIONS sip:mc-server@b.mcx.example SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKdeaf{n}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:deaf@c.example>;tag=1\r\nTo: <sip:mc-server@b.mcx.example>\r\n\
             Call-ID: deaf{n}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        )
    };
    let mut streams: Vec<_> = open(size.deaf, target.tcp)
        .into_iter()
        .map(|stream| (stream, Vec::new()))
        .collect();
    ready();
    let (mut asked, mut bytes, mut closed) = (0, 0, 0);
    while !end.by(Instant::now() + Duration::from_millis(5)) {
        for (number, (stream, left)) in streams.iter_mut().enumerate() {
            for _ in 0..size.asks {
                if left.is_empty() {
                    asked += 1;
                    *left = request(asked).into_bytes();
                }
                match stream.write(left) {
                    Ok(written) => {
                        bytes += written;
                        left.drain(..written);
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(_) => {
                        closed += 1;
                        left.clear();
                        if let Ok(again) = connect(stranger(number), target.tcp) {
                            again.set_nonblocking(true).unwrap();
                            *stream = again;
                        }
                        break;
                    }
                }
            }
        }
    }
    format!(
        "{asked} requests of {} peers, {bytes} bytes taken, {closed} closed by the node",
        size.deaf
    )
}
