//! Everything of the inside that a message may carry. Every name of the inside has "leak" in it,
//! and the output is searched for it, byte by byte.

use bytes::Bytes;
use sip_message::{Limits, Message, Request};

use super::contains;
use super::world::Incoming;

/// Header lines that a server, or the core before it, may write.
pub const TELLTALES: [&str; 32] = [
    "Via: SIP/2.0/UDP leak-proxy.inside:5060;branch=z9hG4bKleak1",
    "Via: SIP/2.0/TCP 10.9.8.1;branch=z9hG4bKleak2;received=10.9.8.2",
    "Record-Route: <sip:leak-rr.inside;lr>",
    "Route: <sip:leak-route.inside;lr>",
    "Path: <sip:leak-path.inside;lr>",
    "Service-Route: <sip:leak-service-route.inside;lr>",
    "Contact: <sip:server@leak-contact.inside>",
    "User-Agent: leak-agent/1.0",
    "Server: leak-server/1.0",
    "Organization: leak-organization",
    "Reply-To: <sip:leak-reply@inside>",
    "Error-Info: <sip:leak-error@inside>",
    "Call-Info: <http://leak-info.inside/>;purpose=info",
    "History-Info: <sip:leak-history@inside>;index=1",
    "Session-ID: 00000000000000000000000000001eaf;remote=00000000000000000000000000000000",
    "P-Charging-Vector: icid-value=AyretyU0dm6O2IrT5t;icid-generated-at=leak-host.inside;orig-ioi=leak-ioi",
    "P-Charging-Function-Addresses: ccf=leak-ccf.inside",
    "P-Access-Network-Info: IEEE-802.11;leak=leak",
    "P-Visited-Network-ID: leak-network",
    "P-Called-Party-ID: <sip:leak-called@inside>",
    "P-Served-User: <sip:leak-served@inside>",
    "P-Preferred-Identity: <sip:leak-preferred@inside>",
    "P-Early-Media: leak",
    "Subject: leak-subject",
    "Date: Sat, 13 Nov 2010 23:29:00 GMT",
    "In-Reply-To: leak-reply-to@inside",
    "Warning: 399 leak-warning.inside \"141 leak\"",
    "Timestamp: 54",
    "Supported: leak-option",
    "Allow: LEAK",
    "X-Leak: leak-unknown",
    "Content-Disposition: leak",
];

/// Everything of the inside, in a request that crosses the gateway.
pub fn telltale(message: Incoming) -> Request {
    let plain = message.request();
    let text = String::from_utf8(plain.as_bytes().to_vec()).unwrap();
    let lines = format!("\r\n{}\r\nCSeq: 1337", TELLTALES.join("\r\n"));
    let text = text
        .replace("\r\nCSeq: 7", &lines)
        .replace("call@x.example", "leak-call@inside")
        .replace("fromtag", "leak-fromtag")
        .replace(
            "<sip:from@x.example>",
            "\"leak-name\" <sip:leak-from@inside>",
        )
        .replace("z9hG4bKin", "z9hG4bKleak0");
    match Message::parse_datagram(Bytes::from(text), &Limits::default()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

pub fn head(bytes: &[u8]) -> &[u8] {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    &bytes[..end]
}

pub fn hides(bytes: &[u8]) {
    for secret in ["leak", "inside", "10.9.8.", "1337", "13 Nov 2010", "1eaf;"] {
        let shown = String::from_utf8_lossy(bytes);
        assert!(!contains(bytes, secret), "{secret}:\n{shown}");
    }
}
