//! The messages between the systems: the SIP MESSAGE requests that the servers wrote.

use bytes::Bytes;
use mcx::document::{Bounds, Document};
use mcx::state::OutboxRow;
use mcx::{MessageKind, ProcedureId, Service};
use sip_message::{HeaderName, Limits, Message, Request};

use crate::common::profile;

/// A is 0, B is 1, C is 2.
pub const NAMES: [&str; 3] = ["a", "b", "c"];

/// A request between two systems, as its sender wrote it.
#[derive(Clone, Debug)]
pub struct Letter {
    pub from: usize,
    pub to: usize,
    pub kind: MessageKind,
    /// What its sender wrote into the stay element.
    pub number: Option<u64>,
    pub procedure: Option<ProcedureId>,
    pub partner_id: String,
    /// Call-ID, and that of the request that it answers.
    pub call_id: String,
    pub in_reply_to: Option<String>,
    pub request: Request,
    /// What stands in it as number, when that is not what its sender wrote.
    forged: Option<u64>,
}

impl Letter {
    pub fn read(from: usize, request: Request) -> Self {
        let document = document(&request);
        let text = |v: &[u8]| String::from_utf8_lossy(v).into_owned();
        let name = request.uri_bytes();
        let to = NAMES
            .iter()
            .position(|n| text(name).contains(&format!("@{n}.")));
        Self {
            from,
            to: to.unwrap(),
            kind: document.kind.unwrap(),
            number: document.stay_number(),
            procedure: document.procedure(),
            partner_id: document.partner_id.unwrap(),
            call_id: text(request.headers().call_id().unwrap()),
            in_reply_to: request.headers().first(&HeaderName::InReplyTo).map(text),
            request,
            forged: None,
        }
    }

    /// Two letters that say the same are one to the model, whatever their tags and branches.
    pub fn key(&self) -> String {
        let asks = self.kind == MessageKind::AuthorizationRequest;
        format!(
            "{} {} {} {:?} {:?} {} {} {:?} {:?}",
            self.from,
            self.to,
            self.kind,
            self.number,
            self.procedure,
            self.partner_id,
            // What answers a request names it.
            if asks { &self.call_id } else { "" },
            self.in_reply_to,
            self.forged
        )
    }

    /// Whether it is what `row` owes.
    pub fn is_of(&self, row: &OutboxRow) -> bool {
        let (notice, to) = (&row.row.notice, row.row.to.as_str());
        notice.kind() == self.kind
            && to.starts_with(NAMES[self.to])
            && notice.number() == self.number
            && Some(row.row.procedure) == self.procedure
    }

    /// Responses have a lane of their own.
    pub fn lane(&self) -> (usize, usize, bool) {
        let responses = self.kind == MessageKind::AuthorizationResponse;
        (self.from, self.to, responses)
    }

    /// The same letter with another number in the stay element.
    pub fn numbered(&self, number: u64) -> Self {
        let old = format!("number=\"{}\"", self.number.unwrap());
        let new = format!("number=\"{number}\"");
        assert_eq!(old.len(), new.len());
        let text = String::from_utf8(self.request.as_bytes().to_vec()).unwrap();
        Self {
            request: parse(text.replace(&old, &new)),
            forged: Some(number),
            ..self.clone()
        }
    }

    /// The request without the stay element, in whose place blanks stand: so one arrives where
    /// one side does not know it.
    pub fn without_stay(&self) -> Request {
        let mut text = String::from_utf8(self.request.as_bytes().to_vec()).unwrap();
        let start = text.find("<stay").unwrap();
        let end = start + text[start..].find("/>").unwrap() + 2;
        text.replace_range(start..end, &" ".repeat(end - start));
        let request = parse(text);
        assert_eq!(document(&request).stay, None);
        request
    }
}

pub fn parse(text: String) -> Request {
    match Message::parse_datagram(Bytes::from(text), &Limits::default()) {
        Ok(Message::Request(request)) => request,
        other => panic!("no request: {other:?}"),
    }
}

fn document(request: &Request) -> Document {
    Document::read(request.body(), &profile(Service::Mcptt), Bounds::default()).unwrap()
}
