//! Every message at a real node: what is refused gets the answer it is owed, what is dropped gets none, and the node
//! serves on.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use bytes::Bytes;
use sip_message::{HeaderName, Headers, Limits, Message, Method, Request, Response};
use sip_tests::lab::{Lab, Node};
use sip_tests::torture::{Case, Fate, corpus};

use crate::known_wrong::{At, assert_only_known};

/// The largest payload of UDP over IPv4.
const MAX_DATAGRAM: usize = 65_507;

/// A peer with a socket at every port to which the corpus can send an answer (RFC 3261 §18.2.2: to the address the
/// request came from, and there to the port in the top Via, 5060 if it names none; RFC 3581 §4: with `rport` to the
/// port it came from). The lab's address belongs to the lab alone, so that these ports are free.
struct Peer {
    node: SocketAddr,
    sender: UdpSocket,
    others: BTreeMap<u16, UdpSocket>,
    barriers: usize,
}

impl Peer {
    fn new(lab: &Lab, cases: &[Case]) -> Self {
        let sender = lab.socket("stranger");
        let here = sender.local_addr().unwrap();
        sender
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let mut others = BTreeMap::new();
        for port in cases
            .iter()
            .filter_map(|case| answer_port(&request(&case.bytes)?))
        {
            others.entry(port).or_insert_with(|| {
                let socket = UdpSocket::bind((here.ip(), port)).expect("a port of the lab's own");
                socket.set_nonblocking(true).unwrap();
                socket
            });
        }
        Peer {
            node: lab.address("b-server"),
            sender,
            others,
            barriers: 0,
        }
    }

    fn send(&self, bytes: &[u8]) {
        self.sender.send_to(bytes, self.node).unwrap();
    }

    /// Everything that came back before the answer to a request that is sent now: the node takes datagrams and sends
    /// answers in order. With the port it came to; `None` is the sender's own.
    fn answers(&mut self) -> Vec<(Option<u16>, Response)> {
        self.barriers += 1;
        let id = format!("barrier-{}", self.barriers);
        let here = self.sender.local_addr().unwrap();
        self.send(
            format!(
                "OPTIONS sip:mc-server@b.mcx.example SIP/2.0\r\n\
                 Via: SIP/2.0/UDP {here};branch=z9hG4bK{id};rport\r\nMax-Forwards: 70\r\n\
                 From: <sip:barrier@example.org>;tag=1\r\nTo: <sip:mc-server@b.mcx.example>\r\n\
                 Call-ID: {id}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
            )
            .as_bytes(),
        );
        let mut answers = Vec::new();
        loop {
            let response = receive(&self.sender).expect("the node serves on");
            if response.headers().first(&HeaderName::CallId) == Some(id.as_bytes()) {
                assert_eq!(response.status().as_u16(), 200);
                break;
            }
            answers.push((None, response));
        }
        for (port, socket) in &self.others {
            while let Some(response) = receive(socket) {
                answers.push((Some(*port), response));
            }
        }
        answers
    }
}

fn receive(socket: &UdpSocket) -> Option<Response> {
    let mut buffer = vec![0; 65_535];
    let length = match socket.recv(&mut buffer) {
        Ok(length) => length,
        Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
        Err(error) => panic!("{error}"),
    };
    let bytes = Bytes::copy_from_slice(&buffer[..length]);
    match Message::parse_datagram(bytes, &Limits::default()) {
        Ok(Message::Response(response)) => Some(response),
        other => panic!("a response was expected: {other:?}"),
    }
}

/// The request, as far as it can be read.
fn request(bytes: &Bytes) -> Option<Request> {
    match Message::parse_datagram(bytes.clone(), &Limits::default()) {
        Ok(Message::Request(request)) => Some(request),
        Ok(Message::Response(_)) => None,
        Err(error) => error.into_answerable(),
    }
}

/// The port that an answer goes to; `None` is the one that the request came from.
fn answer_port(request: &Request) -> Option<u16> {
    let via = request.headers().top_via().ok()?;
    match via.rport() {
        Some(_) => None,
        None => Some(via.port().unwrap_or(5060)),
    }
}

/// Is this the answer that the request is owed? If not, why.
fn check(
    request: &Request,
    status: u16,
    answers: &[(Option<u16>, Response)],
) -> Result<(), String> {
    let [(port, answer)] = answers else {
        return Err(format!("one answer {status} is right, {answers:?} came"));
    };
    let equal = |what: &str, is: &dyn std::fmt::Debug, right: &dyn std::fmt::Debug| {
        let (is, right) = (format!("{is:?}"), format!("{right:?}"));
        match is == right {
            true => Ok(()),
            false => Err(format!("{what} is {is}, {right} is right")),
        }
    };
    equal("the status", &answer.status().as_u16(), &status)?;
    equal("the port", port, &answer_port(request))?;
    let (sent, back) = (request.headers(), answer.headers());
    for name in [HeaderName::From, HeaderName::CallId, HeaderName::CSeq] {
        let words = |value: Option<&[u8]>| value.map(unfolded);
        equal(
            name.as_str(),
            &words(back.first(&name)),
            &words(sent.first(&name)),
        )?;
    }
    let to = sent
        .first(&HeaderName::To)
        .map(unfolded)
        .unwrap_or_default();
    let tagged = back
        .first(&HeaderName::To)
        .map(unfolded)
        .unwrap_or_default();
    equal("To", &tagged.starts_with(&to), &true)?;
    equal(
        "Via",
        &back.count(&HeaderName::Via),
        &sent.count(&HeaderName::Via),
    )?;
    let lower = |headers: &Headers| -> Vec<String> {
        let vias = headers.items(&HeaderName::Via).skip(1);
        vias.map(unfolded).collect()
    };
    equal("the lower Vias", &lower(back), &lower(sent))?;
    if let (Ok(ours), Ok(theirs)) = (sent.top_via(), back.top_via()) {
        let key = |via: &sip_message::Via<'_>| {
            (unfolded(via.sent_by()), via.branch().map(<[u8]>::to_vec))
        };
        equal("the top Via", &key(&theirs), &key(&ours))?;
        equal("received", &theirs.received().is_some(), &true)?;
    }
    Ok(())
}

/// Without folding: one blank for all white space.
fn unfolded(value: &[u8]) -> String {
    let text = value.escape_ascii().to_string();
    let text = text
        .replace("\\r", " ")
        .replace("\\n", " ")
        .replace("\\t", " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_node_answers_what_it_refuses_drops_the_rest_and_serves_on() {
    let lab = Lab::new("torture");
    let node = Node::start(&lab, "direct/b-server", |text| text);
    let mut cases = corpus();
    cases.retain(|case| case.bytes.len() <= MAX_DATAGRAM);
    let mut peer = Peer::new(&lab, &cases);
    assert!(peer.answers().is_empty());

    let (accepted, refused): (Vec<Case>, Vec<Case>) = cases
        .into_iter()
        .partition(|case| case.verdict.datagram == Fate::Accept);
    let mut failed = Vec::new();
    for case in &refused {
        peer.send(&case.bytes);
        let answers = peer.answers();
        let outcome = match (case.verdict.datagram, request(&case.bytes)) {
            (Fate::Answer(status), Some(request)) => check(&request, status, &answers),
            (Fate::Answer(_), None) => Err("it cannot be read far enough to answer".to_owned()),
            _ if answers.is_empty() => Ok(()),
            _ => Err(format!("no answer is right, {answers:?} came")),
        };
        if let Err(why) = outcome {
            failed.push((case.verdict.name.clone(), why));
        }
    }
    // What is accepted is the application's, which may answer late; but a response and an ACK never are answered.
    let requests: Vec<Request> = accepted
        .iter()
        .filter_map(|case| request(&case.bytes))
        .collect();
    for case in &accepted {
        peer.send(&case.bytes);
        let answers = peer.answers();
        for (_, answer) in &answers {
            let to_whom =
                |request: &&Request| request.headers().call_id() == answer.headers().call_id();
            let owed = requests.iter().find(to_whom).map(Request::method);
            assert!(
                owed.is_some_and(|method| *method != Method::Ack),
                "{}: {answer:?}",
                case.verdict.name
            );
        }
        if let (Some(status), Some(request)) = (case.verdict.node, request(&case.bytes))
            && let Err(why) = check(&request, status, &answers)
        {
            failed.push((case.verdict.name.clone(), why));
        }
    }
    let _ = node.stop();
    assert_only_known(At::Node, &failed);
}
