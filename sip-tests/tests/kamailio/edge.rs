//! The trusted edge: what a client asserts about himself is removed and his identity asserted, who did not register says nothing, and
//! a partner speaks for itself alone.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use sip_message::{HeaderName, Limits, Message, Method, Response, StatusCode};
use sip_tests::lab::{alice, kamailio_installed};
use sip_trace::{Direction, What};

use super::clients::{AT_HOME, sipsak_installed};
use super::systems::{Over, Systems};
use super::wire::{Asking, all, field, got, status};

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
    assert!(!said.contains("P-Charging-Vector"), "{said}");
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

/// RFC 3325, RFC 7315: whatever a server says for trusted hops alone.
#[test]
fn a_client_hears_nothing_of_what_trusted_hops_tell_each_other() {
    if !kamailio_installed() {
        return;
    }
    let mut systems = Systems::start("kamailio-answers", Over::Udp);
    let asking = Asking::new(&systems, "client");
    let register = AT_HOME.request(&systems, "REGISTER", "Expires: 600\r\n");
    assert_eq!(status(&asking.asks(&register)), 200);
    let publication = AT_HOME.request(&systems, "PUBLISH", "Event: poc-settings\r\n");
    // Another server in the place of A's.
    systems.drain("a-server");
    let server = SocketAddr::new(systems.core("a").ip(), 5071);
    let server = UdpSocket::bind(server).unwrap();
    server
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let trusted = [
        "P-Asserted-Identity: <sip:mc-server@a.mcx.example>",
        "P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.mcptt",
        "P-Charging-Vector: icid-value=1;orig-ioi=a.mcx.example;term-ioi=a.mcx.example",
        "P-Charging-Function-Addresses: ccf=192.0.2.1",
        "P-Served-User: <sip:phone@a.mcx.example>",
        "P-Access-Network-Info: IEEE-802.11",
    ];
    for line in ["200 OK", "404 Not Found", "503 Service Unavailable"] {
        let again = publication.replace("client-", &format!("client-{}-", &line[..3]));
        asking.sends(&again);
        let mut datagram = [0; 65_536];
        let (length, core) = server.recv_from(&mut datagram).unwrap();
        let bytes = Bytes::copy_from_slice(&datagram[..length]);
        let parsed = Message::parse_datagram(bytes, &Limits::default()).unwrap();
        let Message::Request(request) = parsed else {
            panic!("{parsed:?}");
        };
        let own = request.headers().all(&HeaderName::PChargingVector);
        assert_eq!(own.count(), 1, "the core's own");
        let answer = Response::to(&request, StatusCode::OK, Some("server")).finish();
        let answer = String::from_utf8_lossy(answer.unwrap().as_bytes()).into_owned();
        let answer = answer.replacen("200 OK", line, 1).replacen(
            "\r\n",
            &format!("\r\n{}\r\nRetry-After: 7\r\n", trusted.join("\r\n")),
            1,
        );
        server.send_to(answer.as_bytes(), core).unwrap();
        let heard = asking.hears();
        assert!(heard.starts_with(&format!("SIP/2.0 {line}")), "{heard}");
        assert_eq!(field(&heard, "Retry-After"), Some("7"));
        assert!(!heard.contains("\r\nP-"), "{heard}");
    }
}

#[test]
fn a_stranger_reaches_no_function_and_a_partner_speaks_for_itself_alone() {
    if !kamailio_installed() {
        return;
    }
    let mut systems = Systems::start("kamailio-stranger", Over::Udp);
    let from = |host, asserted: &str| {
        let asking = Asking::new(&systems, host);
        status(&asking.asks(&deauthorization(asserted)))
    };
    // A host that is nobody's, in the name of B's gateway.
    assert_eq!(from("client", "mc-gateway@b.mcx.example"), 403);
    // B's host in the name of C's gateway, and in its own: that reaches A's gateway, which knows no such user.
    assert_eq!(from("b", "mc-gateway@c.mcx.example"), 403);
    assert_eq!(from("b", "mc-gateway@b.mcx.example"), 404);
    let asked = deauthorization("mc-gateway@c.mcx.example").replace("MESSAGE", "OPTIONS");
    let answer = Asking::new(&systems, "b").asks(&asked);
    assert_eq!(status(&answer), 403, "{answer}");
    // The partner is told who answers for what it costs.
    let charged = deauthorization("mc-gateway@b.mcx.example").replacen(
        "CSeq",
        "P-Charging-Vector: icid-value=1;orig-ioi=b.mcx.example\r\nCSeq",
        1,
    );
    let answer = Asking::new(&systems, "b").asks(&charged);
    let vector = field(&answer, "P-Charging-Vector").unwrap_or_else(|| panic!("{answer}"));
    assert!(vector.contains("term-ioi=a.mcx.example"), "{vector}");
    let stored = systems.lab.stored("a-server");
    assert!(stored.visitors.iter().all(|(key, _)| *key != alice()));
    let stopped = systems.stop();
    let (_, records) = stopped
        .iter()
        .find(|(name, _)| *name == "a-gateway")
        .unwrap();
    assert_eq!(got(records, &Method::Message).len(), 2);
}

/// Anybody can write a partner's address on a datagram: where partners speak TLS, they do in nothing else.
#[test]
fn a_partner_that_speaks_no_tls_is_nobody() {
    if !kamailio_installed() {
        return;
    }
    let mut systems = Systems::start("kamailio-no-tls", Over::AsWritten);
    let asking = Asking::new(&systems, "b");
    let answer = asking.asks(&deauthorization("mc-gateway@b.mcx.example"));
    assert_eq!(status(&answer), 403, "{answer}");
    let options = deauthorization("mc-gateway@b.mcx.example").replace("MESSAGE", "OPTIONS");
    assert_eq!(status(&asking.asks(&options)), 403);
    let stopped = systems.stop();
    let (_, records) = stopped
        .iter()
        .find(|(name, _)| *name == "a-gateway")
        .unwrap();
    assert_eq!(got(records, &Method::Message).len(), 0);
}

/// A's gateway is told by who is asserted that a user moved on whom nobody knows.
pub fn deauthorization(asserted: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let body = "<mcpttinfo xmlns=\"urn:3gpp:ns:mcpttInfo:1.0\"><mcptt-Params><anyExt>\
         <req-type type=\"Normal\"><mcpttString>migration-service-deauthorization-notification</mcpttString></req-type>\
         <primary-mcptt-id type=\"Normal\"><mcpttURI>sip:bob@b.mcx.example</mcpttURI></primary-mcptt-id>\
         </anyExt></mcptt-Params></mcpttinfo>";
    format!(
        "MESSAGE sip:mc-gateway@a.mcx.example SIP/2.0\r\nMax-Forwards: 70\r\nFrom: <sip:{asserted}>;tag=1\r\nTo: <sip:mc-gateway@a.mcx.example>\r\nCall-ID: {}-{}\r\n\
         CSeq: 1 MESSAGE\r\nP-Asserted-Identity: <sip:{asserted}>\r\n\
         Content-Type: application/vnd.3gpp.mcptt-info+xml\r\nContent-Length: {}\r\n\r\n{body}",
        asserted.replace('@', "-"),
        COUNT.fetch_add(1, Ordering::Relaxed),
        body.len()
    )
}
