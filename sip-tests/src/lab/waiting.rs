//! Waiting for programs that do not say when they are ready.

use std::net::{IpAddr, SocketAddr};
use std::process::Child;
use std::time::{Duration, Instant};

/// How long a program may take to listen.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often the system is asked.
const STEP: Duration = Duration::from_millis(5);

/// What a program listens with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listening {
    /// A UDP socket.
    Udp,
    /// A listening TCP socket.
    Tcp,
}

/// Waits until `address` is listened on, which the system's own table of sockets says: a connection or a datagram to
/// find out would be one more than the test is about.
///
/// # Panics
/// `program` ends before it listens, or takes too long.
pub fn wait_until_listening(program: &mut Child, listening: Listening, address: SocketAddr) {
    let limit = Instant::now() + PATIENCE;
    while !is_listened_on(listening, address) {
        if let Ok(Some(status)) = program.try_wait() {
            panic!("the program for {address} ended with {status} before it listened");
        }
        assert!(Instant::now() < limit, "nobody listens on {address}");
        std::thread::sleep(STEP);
    }
}

/// Waits until every TCP connection to `address`, where nobody is any more, is closed on the other side, too: what is sent over one that
/// is not would be lost.
///
/// # Panics
/// Somebody keeps one for too long.
pub fn wait_until_let_go(address: SocketAddr) {
    let limit = Instant::now() + PATIENCE;
    while is_held(address) {
        assert!(Instant::now() < limit, "somebody holds on to {address}");
        std::thread::sleep(STEP);
    }
}

fn is_held(remote: SocketAddr) -> bool {
    // Established, or with the other side's end received.
    const HELD: [&str; 2] = ["01", "08"];
    let remote = in_table(remote);
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the table of sockets");
    table.lines().any(|line| {
        let mut columns = line.split_ascii_whitespace().skip(2);
        columns.next() == Some(&remote) && columns.next().is_some_and(|s| HELD.contains(&s))
    })
}

/// As the kernel prints it: the address in its own byte order.
fn in_table(address: SocketAddr) -> String {
    let IpAddr::V4(ip) = address.ip() else {
        panic!("labs have IPv4 addresses");
    };
    let ip = u32::from_ne_bytes(ip.octets());
    format!("{ip:08X}:{:04X}", address.port())
}

fn is_listened_on(listening: Listening, address: SocketAddr) -> bool {
    let local = in_table(address);
    // 0A is a TCP socket that listens.
    let (table, state) = match listening {
        Listening::Udp => ("/proc/net/udp", "07"),
        Listening::Tcp => ("/proc/net/tcp", "0A"),
    };
    let table = std::fs::read_to_string(table).expect("the table of sockets");
    table.lines().any(|line| {
        let mut columns = line.split_ascii_whitespace();
        columns.nth(1) == Some(&local) && columns.nth(1) == Some(state)
    })
}
