//! Three systems, each with a core of Kamailio's, a server and a gateway, on a host of its own.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use mcx_node::transport::tls::TlsFiles;
use sip_tests::lab::{Authority, Kamailio, Lab, Listening, Node, project, wait_until_let_go};
use sip_trace::Record;

/// The hosts in the configurations.
const HOSTS: [(&str, &str); 3] = [("a", "127.0.1.1"), ("b", "127.0.2.1"), ("c", "127.0.3.1")];

/// What cores and functions speak with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// What the examples say: UDP within a system, mutual TLS between cores.
    AsWritten,
    Udp,
    Tcp,
    MutualTls,
}

/// Three systems; everything ends with this.
pub struct Systems {
    pub lab: Lab,
    cores: Vec<Kamailio>,
    pub nodes: Vec<(&'static str, Node)>,
    over: Over,
}

/// The host of a system in this lab: the lab's own with another last number, of which labs have less than 64.
fn host(lab: &Lab, system: &str) -> IpAddr {
    let IpAddr::V4(own) = lab.address("client").ip() else {
        panic!("labs have IPv4 addresses");
    };
    let [a, b, c, d] = own.octets();
    let number = match system {
        "a" => 64,
        "b" => 128,
        _ => 192,
    };
    assert!(d < 64, "too many labs");
    Ipv4Addr::new(a, b, c, number + d).into()
}

/// An example of system A as that of `system`, with the lab's hosts: A's part is played by it, and its own by A.
fn of_system(lab: &Lab, system: &str, file: &str) -> String {
    let text = fs::read_to_string(project().join("docs/examples/kamailio").join(file)).unwrap();
    let text = text.replace("\"idms-a", "\"../keys/idms-a");
    let swap = |text: String, of: &dyn Fn(&str) -> String| {
        let (a, other) = (of("a"), of(system));
        if a == other {
            return text;
        }
        text.replace(&a, "@a@")
            .replace(&other, &a)
            .replace("@a@", &other)
    };
    let mut text = text;
    for around in [
        "{}.mcx.example",
        "idms-{}.",
        "\"{}-server",
        "\"{}-gateway",
        "/{}-core",
    ] {
        text = swap(text, &|name| around.replace("{}", name));
    }
    let number = |name: &str| HOSTS.iter().find(|(n, _)| *n == name).unwrap().1.to_owned();
    text = swap(text, &number);
    for (name, example) in HOSTS {
        text = text.replace(example, &host(lab, name).to_string());
    }
    // Each has an HTTP listener of its own.
    let mut http = |example, kind| {
        let own = lab.address(&format!("{system}-{kind}-http"));
        text = text.replace(example, &own.to_string());
    };
    http("127.0.0.1:9464", "server");
    http("127.0.0.1:9465", "gateway");
    text
}

/// What changes where something else is spoken, in a configuration of Kamailio's.
fn core_over(text: String, over: Over) -> String {
    let without_tls = |transport: &str| {
        text.replace("#!define WITH_TLS", "##!define WITH_TLS")
            .replace("PARTNER_PORT 5061", "PARTNER_PORT 5060")
            .replace(";transport=tls\n", ";transport=udp\n")
            .replace(
                "OVER ;transport=udp",
                &format!("OVER ;transport={transport}"),
            )
    };
    match over {
        Over::AsWritten => text,
        Over::Udp => without_tls("udp"),
        Over::Tcp => without_tls("tcp"),
        Over::MutualTls => text
            .replace("OVER ;transport=udp", "OVER ;transport=tls")
            .replace("CORE_PORT 5060", "CORE_PORT 5061")
            .replace(":5071\n", ":5081\n")
            .replace(":5072\n", ":5082\n")
            .replace(":5073\n", ":5083\n"),
    }
}

/// A function's configuration with this transport written down for every hop.
fn fixed(text: &str, transport: &str) -> String {
    let hop = format!(":5060;transport={transport}");
    text.replace(":5060\"\nroute", &format!("{hop}\"\nroute"))
        .replace(":5060\", route", &format!("{hop}\", route"))
        .replace(":5060;lr>", &format!("{hop};lr>"))
}

/// What changes in that of a function.
fn node_over(text: String, over: Over, files: &TlsFiles, system: &str) -> String {
    match over {
        // Without that, what is large goes over TCP (RFC 3261 §18.1.1).
        Over::AsWritten | Over::Udp => fixed(&text, "udp"),
        Over::Tcp => fixed(&text, "tcp"),
        Over::MutualTls => {
            let domain = format!("domain = \"{system}.mcx.example\"");
            let text = text
                .replace(
                    ":5060\"\nroute",
                    &format!(":5061;transport=tls\"\n{domain}\nroute"),
                )
                .replace(
                    ":5060\", route",
                    &format!(":5061;transport=tls\", {domain}, route"),
                )
                .replace(":5060;lr>", ":5061;transport=tls;lr>")
                .replace(":5060\"]", &format!("\"]\n{domain}"))
                .replace("\"tcp:", "\"tls:")
                .replace(":5071\"]", ":5081\"]")
                .replace(":5072\"]", ":5082\"]")
                .replace(":5074\"]", ":5084\"]");
            format!(
                "{text}\n[tls]\ncertificate = \"{}\"\nkey = \"{}\"\nroots = \"{}\"\n",
                files.certificate.display(),
                files.key.display(),
                files.roots.display()
            )
        }
    }
}

/// For how long systems are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// A few procedures: nodes write all that they log and record to files.
    AFew,
    /// As many as there is time for: files that grow are not written, events are as many as they will be soon, and cores have memory
    /// for many transactions.
    Many,
    /// A few, with two gateways of A's behind a load balancer.
    Balancing,
    /// A few, of clients whose registrars let a binding last for five seconds.
    ShortBindings,
}

/// The other gateway of A's behind the balancer.
pub const SECOND: &str = "a-gateway-2";

/// A gateway of A's whose balancer is told in time that it leaves.
fn behind_balancer(text: &str) -> String {
    let core = ":5060\"]\n";
    let host = text.split("sources = [\"").nth(1).unwrap();
    let host = host.split(':').next().unwrap();
    let text = text.replace(core, &format!(":5060\", \"{host}:5073\"]\n"));
    text + "\n[drain]\nannounce = \"4 s\"\nfinish = \"30 s\"\n"
}

fn second_gateway(lab: &Lab) -> String {
    let http = lab.address("a-gateway-http").to_string();
    let text = of_system(lab, "a", "a-gateway.toml");
    let text = text
        .replace("\"a-gateway\"", &format!("\"{SECOND}\""))
        .replace(":5072\"", ":5074\"")
        .replace(&http, &lab.address("a-gateway-2-http").to_string());
    behind_balancer(&text)
}

fn balancer(lab: &Lab, folder: &Path, over: Over) -> Kamailio {
    let text = of_system(lab, "a", "balancer.cfg");
    let (text, transport, ports, listens) = match over {
        Over::AsWritten | Over::Udp => (text, "udp", [5072, 5074], (Listening::Udp, 5073)),
        Over::Tcp => (text, "tcp", [5072, 5074], (Listening::Tcp, 5073)),
        Over::MutualTls => (
            text.replace("##!define WITH_TLS", "#!define WITH_TLS"),
            "tls",
            [5082, 5084],
            (Listening::Tcp, 5083),
        ),
    };
    fs::write(folder.join("balancer.cfg"), text).unwrap();
    let at = host(lab, "a");
    let nodes = ports.map(|port| format!("1 sip:{at}:{port};transport={transport}\n"));
    fs::write(folder.join("dispatcher.list"), nodes.concat()).unwrap();
    let (listening, port) = listens;
    let at = SocketAddr::new(at, port);
    Kamailio::start(folder, "balancer.cfg", &[(listening, at)])
}

impl Systems {
    pub fn start(test: &str, over: Over) -> Self {
        Self::made_for(For::AFew, test, over)
    }

    pub fn made_for(what: For, test: &str, over: Over) -> Self {
        let (lab, ca) = (Lab::new(test), Authority::new());
        let (mut cores, mut nodes) = (Vec::new(), Vec::new());
        for (system, _) in HOSTS {
            let folder = lab.folder().join(format!("core-{system}"));
            fs::create_dir_all(folder.join("certificates")).unwrap();
            let files = ca.sign(system, &[&format!("URI:sip:{system}.mcx.example")]);
            for (from, to) in [
                (&files.certificate, format!("{system}-core.pem")),
                (&files.key, format!("{system}-core.key.pem")),
                (&files.roots, "roots.pem".to_owned()),
            ] {
                fs::copy(from, folder.join("certificates").join(to)).unwrap();
            }
            let write = |file: &str, text: String| fs::write(folder.join(file), text).unwrap();
            let mut core = of_system(&lab, system, "core.cfg");
            if what == For::ShortBindings {
                core = core.replace("\"max_expires\", 7200)", "\"max_expires\", 5)");
            }
            write("core.cfg", core);
            write("tls.cfg", of_system(&lab, system, "tls.cfg"));
            let balanced = what == For::Balancing && system == "a";
            let mut own = of_system(&lab, system, "system-a.cfg");
            if balanced {
                own = own.replace(":5072\n", ":5073\n");
            }
            write("system.cfg", core_over(own, over));
            let at = |port| SocketAddr::new(host(&lab, system), port);
            let mut listens = vec![(Listening::Udp, at(5060)), (Listening::Tcp, at(5060))];
            if matches!(over, Over::AsWritten | Over::MutualTls) {
                listens.push((Listening::Tcp, at(5061)));
            }
            cores.push(match what {
                For::Many => Kamailio::start_for_much(&folder, "core.cfg", &listens),
                _ => Kamailio::start(&folder, "core.cfg", &listens),
            });
            if balanced {
                cores.push(balancer(&lab, &folder, over));
                let text = node_over(second_gateway(&lab), over, &files, system);
                let node = Node::with_text(&lab, SECOND, &text);
                nodes.push((SECOND, node));
            }
            for (kind, name) in [("server", NAMES[0]), ("gateway", NAMES[1])] {
                let mut text = of_system(&lab, system, &format!("a-{kind}.toml"));
                if balanced && kind == "gateway" {
                    text = behind_balancer(&text);
                }
                let text = node_over(text, over, &files, system);
                let full = format!("{system}-{kind}");
                let node = match what {
                    For::Many => {
                        let few = match kind {
                            "server" => "\n[service-server.events]\nkeep = 10000\n",
                            _ => "",
                        };
                        let quiet = format!("{text}{few}\n[log]\nlevel = \"warn\"\n");
                        Node::untraced(&lab, &full, &quiet)
                    }
                    _ => Node::with_text(&lab, &full, &text),
                };
                let name = name.iter().find(|name| name.starts_with(system)).unwrap();
                nodes.push((*name, node));
            }
        }
        Self {
            lab,
            cores,
            nodes,
            over,
        }
    }

    /// Where the clients of a system find its core.
    pub fn core(&self, system: &str) -> SocketAddr {
        SocketAddr::new(host(&self.lab, system), 5060)
    }

    /// What the cores logged.
    pub fn cores_logged(&self) -> String {
        self.cores.iter().map(Kamailio::logged).collect()
    }

    /// Ends one in order, when its balancer has heard that it leaves.
    pub fn drain(&mut self, name: &str) {
        let node = self.node_mut(name);
        node.signal("TERM");
        assert_eq!(node.wait_for_end(), Some(0), "{name}");
    }

    /// Ends one at once, which those who had connections to it have noticed.
    pub fn kill(&mut self, name: &str) {
        self.node_mut(name).kill();
        let port = match name {
            SECOND => 5074,
            _ if name.ends_with("gateway") => 5072,
            _ => 5071,
        };
        wait_until_let_go(SocketAddr::new(host(&self.lab, &name[..1]), port));
    }

    /// Starts one that ended.
    pub fn start_again(&mut self, name: &str) {
        self.node_mut(name).start_again();
    }

    fn node_mut(&mut self, name: &str) -> &mut Node {
        let found = self.nodes.iter_mut().find(|(n, _)| *n == name);
        &mut found.unwrap_or_else(|| panic!("{name}")).1
    }

    pub fn node(&self, name: &str) -> &Node {
        let found = self.nodes.iter().find(|(n, _)| *n == name);
        &found.unwrap_or_else(|| panic!("{name}")).1
    }

    /// Ends all nodes; what each recorded.
    pub fn stop(&mut self) -> Vec<(&'static str, Vec<Record>)> {
        let all = self.nodes.drain(..);
        all.map(|(name, node)| (name, node.stop().1)).collect()
    }

    pub fn over(&self) -> Over {
        self.over
    }

    /// A file of the lab.
    pub fn file(&self, name: &str) -> PathBuf {
        self.lab.folder().join(name)
    }
}

const NAMES: [[&str; 3]; 2] = [
    ["a-server", "b-server", "c-server"],
    ["a-gateway", "b-gateway", "c-gateway"],
];
