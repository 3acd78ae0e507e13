//! Messages of our own that several tests use.
#![allow(dead_code)]

use bytes::Bytes;
use sip_message::{Limits, Message, Request, Response};

/// An MC service request as it arrives behind an IMS core.
pub const MESSAGE: &str = "MESSAGE sip:mcptt-server@home1.example SIP/2.0\r\n\
Via: SIP/2.0/UDP scscf1.home1.example;branch=z9hG4bK332b23.1;rport, SIP/2.0/UDP pcscf1.home1.example:7531;branch=z9hG4bK240f34.1\r\n\
Via: SIP/2.0/UDP [2001:db8::1:2:3:4]:1357;comp=sigcomp;branch=z9hG4bKnashds7\r\n\
Max-Forwards: 68\r\n\
Route: <sip:as1.home1.example;lr>,<sip:cb03a0s09a2sdfglkj490333@scscf1.home1.example;lr>;orig=1\r\n\
P-Asserted-Identity: \"Ann, \\\"A\\\"\" <sip:ann@home1.example>, <tel:+1-201-555-0123;ext=9>\r\n\
P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.mcptt\r\n\
P-Charging-Vector: icid-value=\"AyretyU0dm+6O2IrT5tAFrbHLso=023551024\";orig-ioi=home1.example ; icid-generated-at=192.0.2.8\r\n\
P-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=234151D0FCE11\r\n\
Accept-Contact: *;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mcptt\";require;explicit\r\n\
a: *;+g.3gpp.mcptt;require;explicit\r\n\
From: <sip:ann@home1.example>;tag=171828\r\n\
To: <sip:mcptt-server@home1.example>\r\n\
Call-ID: cb03a0s09a2sdfglkj490333\r\n\
Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000\r\n\
CSeq: 666 MESSAGE\r\n\
Reason: SIP;cause=200;text=\"done, well\", Q.850;cause=16\r\n\
Supported: timer, 100rel\r\n\
k:path\r\n\
Date: Sat, 13 Nov 2010 23:29:00 GMT\r\n\
Authorization: Digest username=\"ann\", realm=\"home1, example\", nonce=\"abc\", uri=\"sip:home1.example\", response=\"6629fae49393a05397450978507c4ef1\", qop=auth, nc=00000001\r\n\
Subject: folded\r\n\
\t over two lines\r\n\
X-Unknown;ext : not a header name\r\n";

/// The same without the line that breaks it, with a body.
pub fn message_bytes() -> Bytes {
    let head = MESSAGE.rsplit_once("X-Unknown").unwrap().0;
    Bytes::from(format!(
        "{head}X-Unknown  : kept; as = \"it is\"\r\nContent-Type: text/plain;charset=\"utf-8\"\r\nContent-Length: 5\r\n\r\nhello"
    ))
}

/// A response with the headers that only responses have.
pub const RESPONSE: &str = "SIP/2.0 503 Service Unavailable\r\n\
v: SIP / 2.0 / TCP 192.0.2.1:5061 ;branch=z9hG4bK1;received=2001:db8::9;rport=7000;ttl=16;maddr=239.255.255.1\r\n\
f: sip:a@example.org;tag=1\r\n\
t: \"B\" <sip:b@example.org>;tag=2\r\n\
i: 1@192.0.2.1\r\n\
CSeq: 1 INVITE\r\n\
Retry-After: 120 (in (a) meeting) ;duration=3600\r\n\
Warning: 399 server.example \"first, with \\\"quotes\\\"\", 370 [2001:db8::1]:5060 \"second\"\r\n\
Allow: INVITE, ACK,BYE\r\n\
Allow: MESSAGE\r\n\
Event: presence.winfo;id=a1\r\n\
In-Reply-To: 70710@saturn.example.com, 17320@saturn.example.com\r\n\
Contact: <sip:b@192.0.2.2?Subject=x>;q=0.7;expires=3600, \"*\" <sips:b@example.org:5061;transport=tcp>\r\n\
Record-Route: <sip:p2.example;lr>\r\n\
Record-Route: <sip:p1.example;lr>\r\n\
Content-Disposition: render;handling=optional\r\n\
Expires: 0\r\n\
Min-Expires: 60\r\n\
l: 0\r\n\r\n";

pub fn parse(bytes: impl AsRef<[u8]>) -> Message {
    Message::parse_datagram(Bytes::copy_from_slice(bytes.as_ref()), &Limits::default()).unwrap()
}

pub fn request(bytes: impl AsRef<[u8]>) -> Request {
    match parse(bytes) {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a response"),
    }
}

pub fn response(bytes: impl AsRef<[u8]>) -> Response {
    match parse(bytes) {
        Message::Response(response) => response,
        Message::Request(_) => panic!("a request"),
    }
}

/// A request that is right, with these lines in its header.
pub fn with_lines(lines: &str) -> String {
    format!(
        "OPTIONS sip:b@example.org SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
         From: <sip:a@example.org>;tag=1\r\n\
         To: <sip:b@example.org>\r\n\
         Call-ID: 1@192.0.2.1\r\n\
         CSeq: 1 OPTIONS\r\n\
         {lines}\r\n"
    )
}
