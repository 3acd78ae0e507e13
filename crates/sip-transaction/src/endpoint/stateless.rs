//! Requests that get no transaction: answered from nothing but themselves, or dropped.

use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use sip_message::{
    BuildError, Glance, HeaderName, Method, Request, Response, StatusCode, ValueErrorKind, Via,
};

use super::Endpoint;
use crate::Path;
use crate::event::Event;
use crate::key::Key;
use crate::overload::{self, Digits, Oc, Overload, Sender};

/// Parameters of Via, and header fields, that an answer has besides what it copies.
type Params<'a> = [(&'a [u8], &'a [u8])];
type Fields<'a> = [(HeaderName, &'a [u8])];

impl Endpoint {
    /// Refuses a new request for overload, as cheaply as can be: it is matched to the transactions that there are, and
    /// not looked at any further. Gives whether nothing is left to be done.
    pub(super) fn refuse_at_a_glance(
        &mut self,
        path: Path,
        sender: Sender,
        overload: Overload,
        datagram: &[u8],
    ) -> bool {
        let Some(glance) = Glance::of(datagram) else {
            let drops = sender == Sender::Stranger
                && overload.refuse_strangers >= 100
                && !datagram.starts_with(b"SIP/2.0 ");
            self.counters.dropped += u64::from(drops);
            return drops;
        };
        let via = glance.top_via();
        // An ACK gets no answer; a CANCEL makes room, or is answered without a transaction.
        let key = match glance.method() {
            b"ACK" | b"CANCEL" => None,
            b"OPTIONS" if sender == Sender::Known => None,
            method => self.keys.by_branch(via, method),
        };
        key.is_some_and(|key| {
            self.refuse_with(path, sender, overload, key, via, |tag, via, headers| {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                glance.answer(Some(path.peer), status, tag, via, headers)
            })
        })
    }

    /// The same for what has been parsed.
    pub(super) fn refuse_parsed(
        &mut self,
        path: Path,
        sender: Sender,
        overload: Overload,
        request: &Request,
    ) -> bool {
        let asks = *request.method() == Method::Options && sender == Sender::Known;
        if asks || matches!(request.method(), Method::Ack | Method::Cancel) {
            return false;
        }
        let Ok(via) = request.headers().top_via() else {
            return false;
        };
        let Some(key) = self.keys.server(request, &via, request.method()) else {
            return false;
        };
        self.refuse_with(path, sender, overload, key, &via, |tag, via, headers| {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Response::bytes_to(request, status, tag, via, headers)
        })
    }

    fn refuse_with(
        &mut self,
        path: Path,
        sender: Sender,
        overload: Overload,
        key: Key,
        via: &Via<'_>,
        answer: impl FnOnce(Option<&str>, &Params<'_>, &Fields<'_>) -> Result<Bytes, BuildError>,
    ) -> bool {
        let offers = overload::is_offered(via);
        let refused = match (sender, offers) {
            (Sender::Stranger, _) => overload.refuse_strangers,
            (Sender::Known, true) => overload.refuse_offering,
            (Sender::Known, false) => overload.refuse,
        };
        // The key is as good as a random number, and a request that comes again meets the same fate.
        if key.short() % 100 >= u32::from(refused) || self.server_with(key).is_some() {
            return false;
        }
        let tag = key.tag();
        let tag = std::str::from_utf8(&tag).ok();
        let bytes = match overload.retry_after {
            _ if offers => {
                let told = match sender {
                    Sender::Known => overload.oc,
                    Sender::Stranger => overload.oc.max(overload.refuse_strangers),
                };
                answer(
                    tag,
                    &Oc::of(Some((told, overload)), self.oc_seq).params(),
                    &[],
                )
            }
            None => answer(tag, &[], &[]),
            Some(seconds) => {
                let later = Digits::of(seconds);
                answer(tag, &[], &[(HeaderName::RetryAfter, later.as_bytes())])
            }
        };
        let Ok(bytes) = bytes else {
            return false;
        };
        self.counters.refused += 1;
        self.transmit_alone(path.of_response(via), bytes, path.alternative(via));
        true
    }

    /// Whether a Via of the request is one that this endpoint wrote: it went in a circle.
    pub(super) fn is_own_loop(&self, request: &Request) -> bool {
        // Its branches begin with what nobody can guess: nearly every other request is seen through at a glance.
        self.own.find(request.as_bytes()).is_some()
            && request.headers().vias().any(|via| {
                let branch = via.ok().and_then(|via| via.branch());
                branch.is_some_and(|branch| branch.starts_with(self.branch_prefix.as_bytes()))
            })
    }

    /// The same tag for a retransmission, without keeping anything (§8.2.7).
    pub(super) fn tag_of(&self, request: &Request) -> String {
        let mut hasher = DefaultHasher::new();
        self.branch_prefix.hash(&mut hasher);
        request.as_bytes().hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    pub(super) fn reject_with(
        &mut self,
        path: Path,
        request: &Request,
        status: StatusCode,
        reason: Option<&str>,
        header: Option<(HeaderName, String)>,
    ) {
        let (answers_to, alternative, offers_oc) = match request.headers().top_via() {
            Ok(via) => (
                path.of_response(&via),
                path.alternative(&via),
                overload::is_offered(&via),
            ),
            Err(error) if error.kind == ValueErrorKind::Missing => {
                return self.stray(path, "request without a Via");
            }
            // Its port cannot be read, and the 400 is owed all the same (RFC 4475 §3.1.2.1).
            Err(_) => (path, None, false),
        };
        let mut builder = Response::to(request, status, Some(&self.tag_of(request)));
        if let Some(reason) = reason {
            builder = builder.reason(reason);
        }
        if let Some((name, value)) = header {
            builder = builder.header(name, value);
        }
        match builder.finish() {
            Ok(response) => {
                self.counters.rejected += 1;
                let bytes = match offers_oc {
                    true => overload::told(&response, &self.oc()),
                    false => response.as_bytes().clone(),
                };
                self.transmit_alone(answers_to, bytes, alternative);
                self.events.push_back(Event::Rejected {
                    path,
                    status,
                    reason: reason.unwrap_or(status.default_reason()).to_owned(),
                });
            }
            Err(_) => self.stray(path, "request that cannot be answered"),
        }
    }

    pub(super) fn stray(&mut self, path: Path, what: &'static str) {
        self.counters.strays += 1;
        self.events.push_back(Event::Stray { path, what });
    }
}
