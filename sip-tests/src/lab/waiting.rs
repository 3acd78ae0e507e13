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

fn is_listened_on(listening: Listening, address: SocketAddr) -> bool {
    let IpAddr::V4(ip) = address.ip() else {
        panic!("labs have IPv4 addresses");
    };
    // As the kernel prints it: the address in its own byte order, 0A for a TCP socket that listens.
    let local = format!(
        "{:08X}:{:04X}",
        u32::from_ne_bytes(ip.octets()),
        address.port()
    );
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
