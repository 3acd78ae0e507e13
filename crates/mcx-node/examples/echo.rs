//! The floor under every figure: a UDP socket that sends each datagram back with the first line of a 200 instead of its
//! own, and knows nothing else of SIP.
//!
//!     cargo run --release -p mcx-node --example echo -- --listen 127.0.0.1:5070

use std::net::{SocketAddr, UdpSocket};

use clap::Parser;
use socket2::{Domain, Socket, Type};

/// Receive buffer that is asked for.
const BUFFER: usize = 4 * 1024 * 1024;
const FIRST_LINE: &[u8] = b"SIP/2.0 200 OK";

#[derive(Parser)]
struct Arguments {
    /// Where to listen
    #[arg(long)]
    listen: SocketAddr,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let socket = Socket::new(Domain::for_address(arguments.listen), Type::DGRAM, None)?;
    let _ = socket.set_recv_buffer_size(BUFFER);
    socket.bind(&arguments.listen.into())?;
    let socket = UdpSocket::from(socket);
    // Room before what is received, where the new first line ends where the old one did.
    let mut buffer = vec![0; FIRST_LINE.len() + 65_535];
    loop {
        let Some(room) = buffer.get_mut(FIRST_LINE.len()..) else {
            return Ok(());
        };
        let Ok((length, peer)) = socket.recv_from(room) else {
            continue;
        };
        let Some(line) = room.iter().take(length).position(|byte| *byte == b'\r') else {
            continue;
        };
        if let Some(first) = buffer.get_mut(line..line + FIRST_LINE.len()) {
            first.copy_from_slice(FIRST_LINE);
        }
        if let Some(answer) = buffer.get(line..FIRST_LINE.len() + length) {
            let _ = socket.send_to(answer, peer);
        }
    }
}
