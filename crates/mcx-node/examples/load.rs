//! A load generator: MESSAGE requests over UDP from one thread that never sleeps, without transactions. Every request is
//! the same bytes with other digits in them; an answer is known by its branch, and told apart by its status alone.
//!
//!     taskset -c 1 cargo run --release -p mcx-node --example uas -- --listen udp:127.0.0.1:5070
//!     taskset -c 0 cargo run --release -p mcx-node --example load -- --to 127.0.0.1:5070 --phase 50000:5 --phase max:5

#[path = "support/latencies.rs"]
mod latencies;
#[path = "support/template.rs"]
mod template;

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Parser;
use latencies::Latencies;
use serde_json::json;
use socket2::{Domain, Socket, Type};
use template::Template;

/// Requests whose answers are waited for at most: a power of two.
const RING: u64 = 1 << 20;
/// Most requests sent, and most answers taken, in one turn.
const TURN: usize = 16;
/// Buffers that are asked for.
const BUFFER: usize = 8 * 1024 * 1024;

#[derive(Parser)]
struct Arguments {
    /// Where the requests go
    #[arg(long)]
    to: SocketAddr,
    /// Where they come from
    #[arg(long, default_value = "127.0.0.1:0")]
    from: SocketAddr,
    /// How many a second, and for how many seconds: 20000:5; `max:5` is as many as answers allow; as often as wanted
    #[arg(long = "phase", required = true, value_parser = phase)]
    phases: Vec<Phase>,
    /// Most requests without an answer in a phase `max`
    #[arg(long, default_value_t = 256)]
    window: u64,
    /// How long an answer may take, in milliseconds; what takes longer is lost
    #[arg(long, default_value_t = 1_000)]
    patience: u64,
    /// Requests of so many microseconds are sent at once, as sockets give them to those who have more to do: one at a time,
    /// what is measured is how long a sleeper takes to wake up
    #[arg(long, default_value_t = 1)]
    burst: u64,
    /// The request, instead of one of this program's own; see `support/template.rs`
    #[arg(long)]
    template: Option<PathBuf>,
    /// How many different users the requests speak of
    #[arg(long, default_value_t = 1_000)]
    users: u64,
    /// How far from the first run of this template against this box numbers of stays begin
    #[arg(long, default_value_t = 0)]
    stays: u64,
    /// A line for every so many milliseconds too
    #[arg(long)]
    slices: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Phase {
    /// Requests a second; as many as answers allow if `None`.
    rate: Option<u64>,
    seconds: f64,
}

fn phase(text: &str) -> Result<Phase, String> {
    let wrong = || format!("`{text}` is no phase: write RATE:SECONDS or max:SECONDS");
    let (rate, seconds) = text.split_once(':').ok_or_else(wrong)?;
    let rate = match rate {
        "max" => None,
        rate => Some(rate.parse().map_err(|_| wrong())?),
    };
    let seconds: f64 = seconds.parse().map_err(|_| wrong())?;
    if rate == Some(0) || !(seconds > 0.0 && seconds <= 3_600.0) {
        return Err(wrong());
    }
    Ok(Phase { rate, seconds })
}

/// What came in a stretch of time.
#[derive(Default)]
struct Seen {
    sent: u64,
    /// 2xx, 503, anything else.
    ok: u64,
    refused: u64,
    other: u64,
    /// Of those sent in this stretch.
    lost: u64,
    served: Latencies,
    refusals: Latencies,
}

impl Seen {
    fn answer(&mut self, status: &[u8], took: u64) {
        match status {
            [b'2', ..] => {
                self.ok += 1;
                self.served.add(took);
            }
            b"503" => {
                self.refused += 1;
                self.refusals.add(took);
            }
            _ => self.other += 1,
        }
    }

    fn line(
        &self,
        kind: &str,
        at: impl Into<serde_json::Value>,
        seconds: f64,
    ) -> serde_json::Value {
        json!({
            kind: at.into(), "seconds": round(seconds), "sent": self.sent, "ok": self.ok, "refused": self.refused,
            "other": self.other, "lost": self.lost, "ok_rate": round(count(self.ok) / seconds),
            "p50_us": self.served.at(0.5), "p99_us": self.served.at(0.99), "p999_us": self.served.at(0.999),
            "max_us": self.served.most(), "refused_p99_us": self.refusals.at(0.99),
        })
    }
}

fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

fn count(number: u64) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

/// A request that was sent.
#[derive(Clone, Copy, Default)]
struct Sent {
    /// Since the start, in microseconds.
    at: u64,
    phase: usize,
    waits: bool,
}

struct Load {
    socket: UdpSocket,
    template: Template,
    start: Instant,
    ring: Vec<Sent>,
    /// The number of the next request, and of the oldest whose answer may come.
    next: u64,
    oldest: u64,
    waiting: u64,
    patience: u64,
    seen: Vec<Seen>,
    slice: Seen,
    buffer: Vec<u8>,
}

impl Load {
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn slot(&mut self, number: u64) -> Option<&mut Sent> {
        self.ring.get_mut(usize::try_from(number % RING).ok()?)
    }

    /// Sends one; false when the system takes no more.
    fn send(&mut self, phase: usize, now: u64) -> bool {
        if self.next - self.oldest >= RING {
            return false;
        }
        let number = self.next;
        match self.socket.send(self.template.number(number)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
            // Somebody was not there; whoever is asked next may be.
            Err(_) => {}
        }
        self.next += 1;
        self.waiting += 1;
        if let Some(slot) = self.slot(number) {
            *slot = Sent {
                at: now,
                phase,
                waits: true,
            };
        }
        self.slice.sent += 1;
        if let Some(seen) = self.seen.get_mut(phase) {
            seen.sent += 1;
        }
        true
    }

    /// Takes answers that are there; they count for the phase that is now. When there are none, whoever else is on this
    /// core (the far end of a relay) may run.
    fn receive(&mut self, phase: usize) {
        let mut buffer = std::mem::take(&mut self.buffer);
        for turn in 0..TURN {
            let Ok(length) = self.socket.recv(&mut buffer) else {
                if turn == 0 {
                    std::thread::yield_now();
                }
                break;
            };
            let answer = buffer.get(..length).unwrap_or_default();
            let status = answer.strip_prefix(b"SIP/2.0 ").and_then(|a| a.get(..3));
            let (Some(status), Some(number)) = (status, self.template.number_of(answer)) else {
                continue;
            };
            if status.starts_with(b"1") || number < self.oldest || number >= self.next {
                continue;
            }
            let now = self.now();
            let Some(slot) = self.slot(number).filter(|slot| slot.waits) else {
                continue;
            };
            slot.waits = false;
            let took = now - slot.at.min(now);
            self.waiting -= 1;
            self.slice.answer(status, took);
            if let Some(seen) = self.seen.get_mut(phase) {
                seen.answer(status, took);
            }
        }
        self.buffer = buffer;
    }

    /// Gives up on what was sent too long ago.
    fn give_up(&mut self, now: u64) {
        while self.oldest < self.next {
            let (oldest, patience) = (self.oldest, self.patience);
            let Some(slot) = self.slot(oldest) else { break };
            if slot.waits && slot.at + patience > now {
                break;
            }
            let (lost, phase) = (std::mem::take(&mut slot.waits), slot.phase);
            self.oldest += 1;
            if lost {
                self.waiting -= 1;
                self.slice.lost += 1;
                if let Some(seen) = self.seen.get_mut(phase) {
                    seen.lost += 1;
                }
            }
        }
    }

    fn run(&mut self, phases: &[Phase], window: u64, burst: u64, slices: Option<u64>) {
        let micros = |seconds: f64| u64::try_from(Duration::from_secs_f64(seconds).as_micros());
        let mut begun = 0;
        let mut slice = 0;
        for (number, phase) in phases.iter().enumerate() {
            let (mut sent, end) = (0, begun + micros(phase.seconds).unwrap_or_default());
            loop {
                let now = self.now();
                if now >= end {
                    break;
                }
                let due = |n: u64, rate: u64| begun + (n * 1_000_000 / rate) / burst * burst;
                for _ in 0..TURN {
                    let go = match phase.rate {
                        Some(rate) => due(sent, rate) <= now,
                        None => self.waiting < window,
                    };
                    if !go || !self.send(number, now) {
                        break;
                    }
                    sent += 1;
                }
                self.receive(number);
                self.give_up(now);
                if let Some(length) = slices
                    && now >= slice + length * 1_000
                {
                    let passed = (count(slice) / 1e6, count(now - slice) / 1e6);
                    println!("{}", self.slice.line("slice", round(passed.0), passed.1));
                    (self.slice, slice) = (Seen::default(), now);
                }
            }
            begun = end;
        }
        let last = phases.len().saturating_sub(1);
        // What is answered after the end counts as answered, and for no rate.
        let mut seen = std::mem::take(&mut self.seen);
        self.seen.resize_with(phases.len(), Seen::default);
        while self.waiting > 0 {
            self.receive(last);
            self.give_up(self.now());
        }
        for ((number, phase), (seen, late)) in
            (1_u32..).zip(phases).zip(seen.iter_mut().zip(&self.seen))
        {
            seen.lost += late.lost;
            println!("{}", seen.line("phase", number, phase.seconds));
        }
    }
}

fn socket(from: SocketAddr, to: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(to), Type::DGRAM, None)?;
    let _ = socket.set_recv_buffer_size(BUFFER);
    let _ = socket.set_send_buffer_size(BUFFER);
    socket.bind(&from.into())?;
    socket.set_nonblocking(true)?;
    socket.connect(&to.into())?;
    Ok(socket.into())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let socket = socket(arguments.from, arguments.to)?;
    let text = match &arguments.template {
        Some(file) => std::fs::read_to_string(file)?,
        None => template::OWN.to_owned(),
    };
    let mut run = [0; 4];
    getrandom::fill(&mut run)?;
    let run = u32::from_be_bytes(run);
    let ends = (socket.local_addr()?, arguments.to);
    let mut load = Load {
        socket,
        template: Template::new(&text, run, ends, (arguments.users, arguments.stays))?,
        start: Instant::now(),
        ring: vec![Sent::default(); usize::try_from(RING)?],
        next: 0,
        oldest: 0,
        waiting: 0,
        patience: arguments.patience * 1_000,
        seen: Vec::new(),
        slice: Seen::default(),
        buffer: vec![0; 65_535],
    };
    load.seen.resize_with(arguments.phases.len(), Seen::default);
    load.run(
        &arguments.phases,
        arguments.window,
        arguments.burst.max(1),
        arguments.slices,
    );
    Ok(())
}
