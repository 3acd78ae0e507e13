//! The node that is flooded.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::os::fd::AsRawFd as _;
use std::sync::Mutex;

use mcx_node::process::NodeProcess;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, SockaddrIn};
use sip_tests::lab::{Lab, mapping_at_b, program};

/// B's MC service server, with TCP and TLS too, and room for as many connections of strangers as come.
#[derive(Debug)]
pub struct Target {
    node: Mutex<NodeProcess>,
    /// Where it listens.
    pub udp: SocketAddr,
    pub tcp: SocketAddr,
    pub tls: SocketAddr,
}

impl Target {
    pub fn start(lab: &Lab) -> Self {
        lab.seed("b-server", mapping_at_b(Some(1)));
        let (udp, tls) = (lab.address("b-server"), lab.address("b-server-tls"));
        let text = lab.example("direct/b-server").replace(
            &format!("[\"udp:{udp}\"]"),
            &format!("[\"udp:{udp}\", \"tcp:{udp}\", \"tls:{tls}\"]"),
        );
        let config = lab.folder().join("nodes/b-server.toml");
        let more = "\n[connections]\nmost = 18000\nmost-per-peer = 3000\nmost-of-strangers = 17000\n\n\
            [tls]\ncertificate = \"b.pem\"\nkey = \"b.key.pem\"\nroots = \"b.pem\"\n";
        std::fs::write(&config, format!("{text}{more}")).unwrap();
        let key = rcgen::generate_simple_self_signed(["b.mcx.example".to_owned()]).unwrap();
        std::fs::write(lab.folder().join("nodes/b.pem"), key.cert.pem()).unwrap();
        let pem = key.signing_key.serialize_pem();
        std::fs::write(lab.folder().join("nodes/b.key.pem"), pem).unwrap();
        let logs = lab.folder().join("nodes");
        let mut node = NodeProcess::new(program(), "b-server", config, &logs);
        node.start().expect("the node starts");
        Self {
            node: Mutex::new(node),
            udp,
            tcp: udp,
            tls,
        }
    }

    /// Ends it in order; it must still be there.
    pub fn stop(&self) {
        let mut node = self.node.lock().unwrap();
        assert_eq!(node.ended(), None, "the node is still there");
        node.stop();
    }
}

/// The stranger of that number: of a few, so that none has more connections than one address may.
pub fn stranger(number: usize) -> IpAddr {
    Ipv4Addr::new(127, 250, 0, u8::try_from(number % 10 + 1).unwrap()).into()
}

/// A connection from that address.
pub fn connect(own: IpAddr, to: SocketAddr) -> nix::Result<TcpStream> {
    let (IpAddr::V4(own), SocketAddr::V4(to)) = (own, to) else {
        panic!("the lab's addresses are IPv4")
    };
    let own = SockaddrIn::from(SocketAddrV4::new(own, 0));
    let stream = socket::socket(
        AddressFamily::Inet,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    let fd = stream.as_raw_fd();
    socket::bind(fd, &own)?;
    socket::connect(fd, &SockaddrIn::from(to))?;
    Ok(stream.into())
}

/// Lets this process and what it starts have that many files.
pub fn allow_files(many: usize) {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let many = u64::try_from(many).unwrap();
    assert!(hard >= many, "`ulimit -Hn` is {hard}: {many} are needed");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
}
