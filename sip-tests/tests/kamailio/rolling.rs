//! A load balancer in front of two nodes of a gateway: each is drained and started again while de-authorizations come. None is lost, and
//! none fails at who sends them. `MCX_ROLLING_RATE` is how many come a second.

use std::collections::HashSet;
use std::fs;
use std::process::{Child, Command, Stdio};

use sip_tests::lab::{
    Kamailio, Lab, Listening, Node, Partner, kamailio_installed, project, sipp_installed,
};

/// Unless it is said otherwise: what a debug build takes beside other tests.
const RATE: u32 = 60;
/// How long requests come: longer than both restarts take.
const SECONDS: u32 = 30;

const SCENARIO: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<scenario name="de-authorizations">
  <send retrans="500">
    <![CDATA[
MESSAGE sip:mc-gateway@a.mcx.example SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: <sip:mc-server@a.mcx.example>;tag=[call_number]
To: <sip:mc-gateway@a.mcx.example>
Call-ID: [call_id]
CSeq: 1 MESSAGE
P-Asserted-Identity: <sip:mc-server@a.mcx.example>
Content-Type: application/vnd.3gpp.mcptt-info+xml
Content-Length: [len]

<?xml version="1.0" encoding="UTF-8"?>
<mcpttinfo xmlns="urn:3gpp:ns:mcpttInfo:1.0"><mcptt-Params><anyExt><req-type type="Normal"><mcpttString>migration-service-deauthorization-notification</mcpttString></req-type><primary-mcptt-id type="Normal"><mcpttURI>sip:user[call_number]@a.mcx.example</mcpttURI></primary-mcptt-id><partner-mcptt-id type="Normal"><mcpttURI>sip:visitor[call_number]@b.mcx.example</mcpttURI></partner-mcptt-id><stay xmlns="urn:mcx-sip:migration:1" number="1"/></anyExt></mcptt-Params></mcpttinfo>
    ]]>
  </send>
  <recv response="100" optional="true"/>
  <recv response="200"/>
</scenario>
"#;

/// A gateway of A whose SIP core is the balancer.
fn gateway(lab: &Lab, name: &str) -> Node {
    let text = lab.example("gateways/a-gateway");
    let (own, balancer) = (lab.address(name), lab.address("balancer"));
    let text = text
        .replace(
            &format!("udp:{}", lab.address("a-gateway")),
            &format!("udp:{own}"),
        )
        .replace("name = \"a-gateway\"", &format!("name = \"{name}\""));
    let more = format!(
        "\n[gateway.core]\nsources = [\"{balancer}\"]\n[drain]\nannounce = \"4 s\"\nfinish = \"30 s\"\n"
    );
    Node::with_text(lab, name, &(text + &more))
}

/// The example in front of `a-gateway-1` and `a-gateway-2`, which serves who has the lab's address.
pub fn balancer(lab: &Lab) -> Kamailio {
    let folder = lab.folder().join("balancer");
    fs::create_dir_all(&folder).unwrap();
    let at = lab.address("balancer");
    let example = project().join("docs/examples/kamailio/balancer.cfg");
    let text = fs::read_to_string(example).unwrap();
    let text = text
        .replace(":127.0.1.1:5073", &format!(":{at}"))
        .replace("127.0.1.1", &at.ip().to_string());
    fs::write(folder.join("balancer.cfg"), text).unwrap();
    let nodes = ["a-gateway-1", "a-gateway-2"].map(|name| format!("1 sip:{}\n", lab.address(name)));
    fs::write(folder.join("dispatcher.list"), nodes.concat()).unwrap();
    Kamailio::start(&folder, "balancer.cfg", &[(Listening::Udp, at)])
}

/// SIPp as A's server.
struct Load {
    child: Child,
    lab: String,
}

impl Load {
    fn start(lab: &Lab, rate: u32, calls: u32) -> Self {
        fs::write(lab.folder().join("load.xml"), SCENARIO).unwrap();
        let at = lab.address("a-server");
        let child = Command::new("sipp")
            .arg(lab.address("balancer").to_string())
            .args([
                "-sf",
                "load.xml",
                "-nostdin",
                "-trace_stat",
                "-stf",
                "load.counts",
            ])
            .args(["-i", &at.ip().to_string(), "-p", &at.port().to_string()])
            .args(["-r", &rate.to_string(), "-m", &calls.to_string()])
            .current_dir(lab.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            child,
            lab: lab.folder().display().to_string(),
        }
    }

    fn goes_on(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// How many succeeded and failed, at the end.
    fn ends(mut self) -> (u32, u32) {
        self.child.wait().unwrap();
        let counts = fs::read_to_string(format!("{}/load.counts", self.lab)).unwrap();
        let count = |name: &str| {
            let mut lines = counts.lines();
            let column = lines.next()?.split(';').position(|column| column == name)?;
            lines.next_back()?.split(';').nth(column)?.parse().ok()
        };
        let of = |name| count(name).unwrap_or_else(|| panic!("{name} in {counts}"));
        (of("SuccessfulCall(C)"), of("FailedCall(C)"))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn each_node_in_turn_is_drained_and_started_and_nothing_is_lost() {
    if !kamailio_installed() || !sipp_installed() {
        return;
    }
    let rate = std::env::var("MCX_ROLLING_RATE").ok();
    let rate = rate.map_or(RATE, |rate| rate.parse().unwrap());
    let lab = Lab::new("rolling");
    let partner = Partner::start(&lab, "b-gateway");
    let mut nodes = ["a-gateway-1", "a-gateway-2"].map(|name| gateway(&lab, name));
    let _balancer = balancer(&lab);
    let calls = rate * SECONDS;
    let mut load = Load::start(&lab, rate, calls);
    for node in &nodes {
        node.wait_for(&["verdict=forwards"]);
    }
    for node in &mut nodes {
        node.signal("TERM");
        node.wait_for(&["takes leave"]);
        assert_eq!(node.wait_for_end(), Some(0));
        node.forget_log();
        node.start_again();
        // The balancer has found out.
        node.wait_for(&["verdict=forwards"]);
    }
    assert!(load.goes_on(), "requests came as long as it took");
    assert_eq!(load.ends(), (calls, 0));
    let reached: HashSet<_> = partner.got().into_iter().map(|told| told.user).collect();
    assert_eq!(reached.len(), usize::try_from(calls).unwrap());
}
