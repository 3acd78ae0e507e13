//! How a node ends, and how its service manager is told: SIGTERM drains it, a second one ends it at once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/check.rs"]
mod check;
#[path = "common/running.rs"]
mod running;

use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use check::example;
use running::Running;

const PATIENCE: Option<Duration> = Some(Duration::from_secs(20));

/// Somebody beside a gateway: the server behind it, or the gateway of B.
struct Neighbour(UdpSocket);

impl Neighbour {
    fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(PATIENCE).unwrap();
        Self(socket)
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    fn sends(&self, to: SocketAddr, text: &str) {
        self.0.send_to(text.as_bytes(), to).unwrap();
    }

    fn hears(&self) -> (String, SocketAddr) {
        let mut datagram = [0; 65_536];
        let (length, from) = self.0.recv_from(&mut datagram).unwrap();
        (
            String::from_utf8(datagram[..length].to_vec()).unwrap(),
            from,
        )
    }

    /// Asks until the answer begins with this.
    fn asks_until(&self, node: SocketAddr, status: &str) -> String {
        let limit = std::time::Instant::now() + PATIENCE.unwrap();
        for n in 0.. {
            self.sends(node, &request("OPTIONS", self.address(), n, ""));
            let (answer, _) = self.hears();
            if answer.starts_with(&format!("SIP/2.0 {status} ")) {
                return answer;
            }
            assert!(
                std::time::Instant::now() < limit,
                "never {status}: {answer}"
            );
        }
        unreachable!()
    }
}

/// A request of the server's behind the gateway, told from others by `n`.
fn request(method: &str, from: SocketAddr, n: u32, body: &str) -> String {
    let id = format!("{}-{method}-{n}", from.port());
    format!(
        "{method} sip:mc-gateway@a.mcx.example SIP/2.0\r\nVia: SIP/2.0/UDP {from};rport;branch=z9hG4bK{id}\r\n\
         From: <sip:mc-server@a.mcx.example>;tag=1\r\nTo: <sip:mc-gateway@a.mcx.example>\r\nCall-ID: {id}\r\n\
         CSeq: 1 {method}\r\nMax-Forwards: 70\r\nP-Asserted-Identity: <sip:mc-server@a.mcx.example>\r\n\
         Content-Type: application/vnd.3gpp.mcptt-info+xml\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// P1.1 of one of many users.
fn deauthorization(from: SocketAddr, n: u32) -> String {
    let user = format!("sip:user-{n}@a.mcx.example");
    let body = format!(
        "<mcpttinfo xmlns=\"urn:3gpp:ns:mcpttInfo:1.0\"><mcptt-Params><anyExt>\
         <req-type type=\"Normal\"><mcpttString>migration-service-deauthorization-notification</mcpttString></req-type>\
         <primary-mcptt-id type=\"Normal\"><mcpttURI>{user}</mcpttURI></primary-mcptt-id>\
         <partner-mcptt-id type=\"Normal\"><mcpttURI>sip:guest-{n}@b.mcx.example</mcpttURI></partner-mcptt-id>\
         <stay xmlns=\"urn:mcx-sip:migration:1\" number=\"1\" procedure=\"0192d3c4-7a1e-7b60-9f3e-2f4c5a6b7c8d\"/>\
         </anyExt></mcptt-Params></mcpttinfo>"
    );
    request("MESSAGE", from, n, &body)
}

/// The 200 of a request.
fn ok(request: &str) -> String {
    let kept = |line: &&str| {
        ["Via:", "From:", "To:", "Call-ID:", "CSeq:"]
            .iter()
            .any(|name| line.starts_with(name))
    };
    let lines: Vec<_> = request.lines().filter(kept).collect();
    let fields = lines.join("\r\n");
    format!("SIP/2.0 200 OK\r\n{fields}\r\nContent-Length: 0\r\n\r\n")
}

/// A gateway with the server behind it and the gateway of B, that drains like this.
fn gateway(drain: &str) -> (Running, Neighbour, Neighbour) {
    let (server, partner) = (Neighbour::new(), Neighbour::new());
    let text = example("gateways/a-gateway.toml")
        .replace("127.0.0.1:5061", &server.address().to_string())
        .replace("127.0.0.1:5072", &partner.address().to_string());
    let text = format!("{text}\n[drain]\n{drain}\n");
    (Running::start("a-gateway", &text), server, partner)
}

#[test]
fn it_says_that_it_will_leave_and_still_serves_before_it_ends_with_0() {
    let (node, server, partner) = gateway("announce = \"2 s\"");
    server.asks_until(node.address, "200");
    node.signal("TERM");
    let answer = server.asks_until(node.address, "503");
    assert!(answer.contains("\r\nRetry-After: "), "{answer}");
    let (code, _, why) = node.mcx(&["ready"]);
    assert_eq!(code, 1);
    assert!(why.contains("not ready: leaving"), "{why}");
    server.sends(node.address, &deauthorization(server.address(), 1));
    let (forwarded, from) = partner.hears();
    partner.sends(from, &ok(&forwarded));
    let (answer, _) = server.hears();
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    let (code, log) = node.ended();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("takes leave"), "{log}");
}

#[test]
fn it_refuses_what_is_new_and_finishes_what_it_has() {
    let (node, server, partner) = gateway("announce = \"0 s\"\nfinish = \"30 s\"");
    server.sends(node.address, &deauthorization(server.address(), 1));
    let (forwarded, from) = partner.hears();
    let said = node.says(&["drain"]);
    assert!(said.starts_with("takes leave"), "{said}");
    // Asked for until it is draining: what is refused before would not have been.
    server.asks_until(node.address, "503");
    let refused = (2..).find_map(|n| {
        server.sends(node.address, &deauthorization(server.address(), n));
        let (answer, _) = server.hears();
        answer.starts_with("SIP/2.0 503 ").then_some(answer)
    });
    let refused = refused.unwrap();
    assert!(refused.contains("\r\nRetry-After: "), "{refused}");
    partner.sends(from, &ok(&forwarded));
    let (answer, _) = server.hears();
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    assert!(answer.contains("MESSAGE-1\r\n"), "{answer}");
    let (code, log) = node.ended();
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn what_is_not_finished_in_time_is_told() {
    let (node, server, partner) = gateway("announce = \"0 s\"\nfinish = \"100 ms\"");
    server.sends(node.address, &deauthorization(server.address(), 1));
    partner.hears();
    node.signal("TERM");
    let (code, log) = node.ended();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("not everything that was under way"), "{log}");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let (node, server, _) = gateway("announce = \"10 min\"");
    node.signal("TERM");
    server.asks_until(node.address, "503");
    node.signal("TERM");
    let (code, log) = node.ended();
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("a second time"), "{log}");
}

#[test]
fn who_wants_something_of_a_node_that_leaves_is_told_so_at_once() {
    let (mut node, server, _) = gateway("announce = \"10 min\"");
    node.signal("TERM");
    server.asks_until(node.address, "503");
    let said = node.says(&["drain"]);
    assert!(said.contains("takes leave already"), "{said}");
    let (code, _, why) = node.mcx(&["reload"]);
    assert_eq!(code, 1);
    assert!(why.contains("takes leave already"), "{why}");
    node.signal("HUP");
    node.logs("SIGHUP");
    node.signal("TERM");
    assert_eq!(node.ended().0, Some(1));
}

#[test]
fn the_service_manager_hears_of_every_step() {
    let folder = std::env::temp_dir().join(format!("mcx-manager-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(PATIENCE).unwrap();
    let hears = || {
        let mut datagram = [0; 4096];
        let length = manager.recv(&mut datagram).unwrap();
        String::from_utf8(datagram[..length].to_vec()).unwrap()
    };
    let hears_next = |wanted: &str| {
        let mut all = std::iter::repeat_with(&hears);
        all.find(|told| told.starts_with(wanted)).unwrap()
    };
    let environment = [
        ("NOTIFY_SOCKET", path.to_str().unwrap()),
        ("WATCHDOG_USEC", "100000"),
    ];
    let text = example("gateways/a-gateway.toml") + "\n[drain]\nannounce = \"1 s\"\n";
    let node = Running::with_environment("a-gateway", &text, |_| {}, &environment);
    assert_eq!(hears(), "READY=1");
    for _ in 0..3 {
        assert_eq!(hears(), "WATCHDOG=1");
    }
    node.signal("HUP");
    let reloading = hears_next("RELOADING=1");
    assert!(reloading.contains("\nMONOTONIC_USEC="), "{reloading}");
    hears_next("READY=1");
    node.signal("TERM");
    hears_next("STOPPING=1");
    // It is still watched over while it takes leave.
    assert_eq!(hears(), "WATCHDOG=1");
    assert_eq!(node.ended().0, Some(0));
    std::fs::remove_dir_all(&folder).unwrap();
}
