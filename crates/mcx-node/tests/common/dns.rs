//! A DNS server (Debian's dnsmasq) on a loopback address of its own.

use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Where it listens; nobody else uses the address.
const PORT: u16 = 20_053;

pub struct Dns {
    child: Child,
    pub address: SocketAddr,
}

impl Dns {
    /// Starts it with these records (options of dnsmasq, without their dashes); nothing where it is not installed.
    pub fn start(records: &[&str]) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let pid = std::process::id();
        let octet = |n: u32| u8::try_from(n).unwrap();
        let (high, low) = (octet(16 + pid % 200), octet(pid / 200 % 256));
        let ip: IpAddr = Ipv4Addr::new(127, high, low, octet(count)).into();
        let address = SocketAddr::new(ip, PORT);
        let child = Command::new("dnsmasq")
            .args([
                "--keep-in-foreground",
                "--log-facility=-",
                "--conf-file=/dev/null",
            ])
            .args(["--no-resolv", "--no-hosts", "--bind-interfaces", "--user="])
            .args(["--pid-file=", "--local-ttl=60", "--local=/example/"])
            .arg(format!("--listen-address={ip}"))
            .arg(format!("--port={PORT}"))
            .args(records.iter().map(|record| format!("--{record}")))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut child) = child else {
            eprintln!(
                "SKIPPED: dnsmasq is not installed (Debian package dnsmasq-base); sip-tests/run installs it"
            );
            return None;
        };
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut seen = Vec::new();
        let started = log.by_ref().map_while(Result::ok).any(|line| {
            let started = line.contains("started, version");
            seen.push(line);
            started
        });
        assert!(started, "dnsmasq: {seen:?}");
        // It goes on logging.
        std::thread::spawn(move || log.for_each(drop));
        Some(Self { child, address })
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
