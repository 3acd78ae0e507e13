//! The trusted edge: what a client asserts about himself is removed and his identity asserted, who did not register says nothing, and
//! a partner speaks for itself alone.

use std::net::UdpSocket;
use std::time::Duration;

use sip_message::{HeaderName, Limits, Message, Method};
use sip_tests::lab::{ALICE, alice, kamailio_installed};
use sip_trace::{Direction, Record, What};

use super::clients::{Client, sipsak_installed};
use super::systems::{Over, Systems};

const AT_HOME: Client = Client {
    system: "a",
    id_here: ALICE,
    primary_id: ALICE,
};

/// Requests of a method that a node got.
fn got(records: &[Record], method: &Method) -> Vec<sip_message::Request> {
    let messages = records.iter().filter_map(|record| match &record.what {
        What::Message(m) if m.direction == Direction::Received => Some(m.bytes.clone()),
        _ => None,
    });
    let parsed = messages.filter_map(|bytes| {
        match Message::parse_datagram(bytes, &Limits::default()).ok()? {
            Message::Request(request) if request.method() == method => Some(request),
            _ => None,
        }
    });
    parsed.collect()
}

fn all(request: &sip_message::Request, name: &HeaderName) -> Vec<String> {
    let values = request.headers().all(name);
    values
        .map(|value| String::from_utf8_lossy(value).into_owned())
        .collect()
}

#[test]
fn a_client_is_who_registered_and_asserts_nothing() {
    if !kamailio_installed() || !sipsak_installed() {
        return;
    }
    let mut systems = Systems::start("kamailio-edge", Over::Udp);
    let forged = "P-Asserted-Identity: <sip:mc-gateway@a.mcx.example>\r\nP-Charging-Vector: icid-value=forged\r\n\
                  Event: poc-settings\r\nExpires: 1800\r\n";
    let publication = AT_HOME.request(&systems, "PUBLISH", forged);
    let unknown = AT_HOME.sends(&systems, &publication);
    let said = String::from_utf8_lossy(&unknown.stdout).into_owned();
    assert!(said.contains("SIP/2.0 403 "), "{said}");
    let said = AT_HOME.registers(&systems);
    assert!(said.contains("Service-Route: <sip:"), "{said}");
    systems
        .node("a-server")
        .wait_for(&["P1.0", "verdict=authorized"]);
    let publication = AT_HOME.request(&systems, "PUBLISH", forged);
    let published = AT_HOME.sends(&systems, &publication);
    let said = String::from_utf8_lossy(&published.stdout).into_owned();
    assert!(said.contains("SIP/2.0 200 "), "{said}");
    assert!(said.contains("SIP-ETag: "), "{said}");
    assert!(said.contains("Expires: 1800"), "{said}");
    // Who claims to be another user is nobody.
    let other = publication.replace("sip:phone@a.mcx.example", "sip:other@a.mcx.example");
    let said = AT_HOME.sends(&systems, &other).stdout;
    assert!(String::from_utf8_lossy(&said).contains("SIP/2.0 403 "));
    let stopped = systems.stop();
    let (_, records) = stopped
        .iter()
        .find(|(name, _)| *name == "a-server")
        .unwrap();
    let [register] = got(records, &Method::Register).try_into().unwrap();
    assert_eq!(all(&register, &HeaderName::Expires), ["3600"]);
    let [publish] = got(records, &Method::Publish).try_into().unwrap();
    assert_eq!(
        all(&publish, &HeaderName::PAssertedIdentity),
        ["<sip:phone@a.mcx.example>"]
    );
    let charging = all(&publish, &HeaderName::PChargingVector);
    assert_eq!(charging.len(), 1);
    assert!(!charging[0].contains("forged") && charging[0].contains("orig-ioi=a.mcx.example"));
    let route = all(&publish, &HeaderName::Route).join(", ");
    assert!(route.contains(";lr;orig>"), "{route}");
}

/// RFC 3608 and RFC 3327: the core tells its client by which way to come, who comes by it; where the client registered from is
/// between it and its registrar.
#[test]
fn a_client_comes_by_the_service_route_and_its_path_goes_no_further() {
    if !kamailio_installed() || !sipsak_installed() {
        return;
    }
    let mut systems = Systems::start("kamailio-service-route", Over::Udp);
    let path = "Supported: path\r\nPath: <sip:telltale-edge.a.mcx.example;lr>\r\nExpires: 3600\r\n";
    let registration = AT_HOME.request(&systems, "REGISTER", path);
    let said = AT_HOME.sends(&systems, &registration).stdout;
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(said.contains("SIP/2.0 200 "), "{said}");
    let line = said.lines().find_map(|l| l.strip_prefix("Service-Route: "));
    let route = line.unwrap_or_else(|| panic!("{said}")).trim();
    let by_it = format!("Route: {route}\r\nEvent: poc-settings\r\nExpires: 1800\r\n");
    let publication = AT_HOME.request(&systems, "PUBLISH", &by_it);
    let said = AT_HOME.sends(&systems, &publication).stdout;
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(said.contains("SIP/2.0 200 "), "{said}");
    let stopped = systems.stop();
    let (_, records) = stopped
        .iter()
        .find(|(name, _)| *name == "a-server")
        .unwrap();
    for method in [Method::Register, Method::Publish] {
        let [request] = got(records, &method).try_into().unwrap();
        assert!(all(&request, &HeaderName::Path).is_empty());
        assert!(all(&request, &HeaderName::ServiceRoute).is_empty());
    }
    let answers = records.iter().filter_map(|record| match &record.what {
        What::Message(m) if m.direction == Direction::Sent => Some(&m.bytes),
        _ => None,
    });
    for answer in answers {
        let text = String::from_utf8_lossy(answer);
        let told = ["telltale", "Service-Route", "Path:"].map(|word| text.contains(word));
        assert_eq!(told, [false; 3], "{text}");
    }
}

#[test]
fn a_stranger_reaches_no_function_and_a_partner_speaks_for_itself_alone() {
    if !kamailio_installed() {
        return;
    }
    let mut systems = Systems::start("kamailio-stranger", Over::Udp);
    let from = |host, asserted: &str| {
        let request = deauthorization(asserted);
        asks(&systems, host, &request)
    };
    // A host that is nobody's, in the name of B's gateway.
    assert_eq!(from("client", "mc-gateway@b.mcx.example"), 403);
    // B's host in the name of C's gateway, and in its own: that reaches A's gateway, which knows no such user.
    assert_eq!(from("b", "mc-gateway@c.mcx.example"), 403);
    assert_eq!(from("b", "mc-gateway@b.mcx.example"), 404);
    let stored = systems.lab.stored("a-server");
    assert!(stored.visitors.iter().all(|(key, _)| *key != alice()));
    let stopped = systems.stop();
    let (_, records) = stopped
        .iter()
        .find(|(name, _)| *name == "a-gateway")
        .unwrap();
    assert_eq!(got(records, &Method::Message).len(), 1);
}

fn deauthorization(asserted: &str) -> String {
    let body = "<mcpttinfo xmlns=\"urn:3gpp:ns:mcpttInfo:1.0\"><mcptt-Params><anyExt>\
         <req-type type=\"Normal\"><mcpttString>migration-service-deauthorization-notification</mcpttString></req-type>\
         <primary-mcptt-id type=\"Normal\"><mcpttURI>sip:bob@b.mcx.example</mcpttURI></primary-mcptt-id>\
         </anyExt></mcptt-Params></mcpttinfo>";
    format!(
        "MESSAGE sip:mc-gateway@a.mcx.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;rport;branch=z9hG4bK{}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:{asserted}>;tag=1\r\nTo: <sip:mc-gateway@a.mcx.example>\r\nCall-ID: {}\r\n\
         CSeq: 1 MESSAGE\r\nP-Asserted-Identity: <sip:{asserted}>\r\n\
         Content-Type: application/vnd.3gpp.mcptt-info+xml\r\nContent-Length: {}\r\n\r\n{body}",
        asserted.len(),
        asserted.replace('@', "-"),
        body.len()
    )
}

/// The status of the final answer of A's core to a request from a host.
fn asks(systems: &Systems, host: &str, request: &str) -> u16 {
    let ip = match host {
        "client" => systems.lab.address("client").ip(),
        system => systems.core(system).ip(),
    };
    let socket = UdpSocket::bind((ip, 0)).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let n = socket.local_addr().unwrap().port();
    let request = request.replace("z9hG4bK", &format!("z9hG4bK{n}"));
    socket
        .send_to(request.as_bytes(), systems.core("a"))
        .unwrap();
    loop {
        let mut datagram = [0; 65_536];
        let length = socket.recv(&mut datagram).unwrap();
        let answer = String::from_utf8_lossy(&datagram[..length]).into_owned();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        if status >= 200 {
            return status;
        }
    }
}
