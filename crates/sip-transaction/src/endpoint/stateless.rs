//! Requests that get no transaction: answered from nothing but themselves, or dropped.

use std::hash::{DefaultHasher, Hash, Hasher};

use sip_message::{HeaderName, Method, Request, Response, StatusCode, ValueErrorKind};

use super::Endpoint;
use crate::Path;
use crate::event::Event;
use crate::overload::{self, Digits};

impl Endpoint {
    /// Refuses a new request for overload, as cheaply as can be: it is matched to the transactions that there are, and
    /// not looked at any further. Gives whether it was.
    pub(super) fn refuse(&mut self, path: Path, request: &Request) -> bool {
        // An ACK gets no answer; a CANCEL makes room, or is answered without a transaction.
        let (Some(overload), false) = (
            self.overload,
            matches!(request.method(), Method::Ack | Method::Cancel),
        ) else {
            return false;
        };
        let Ok(via) = request.headers().top_via() else {
            return false;
        };
        let Some(key) = self.keys.server(request, &via, request.method()) else {
            return false;
        };
        let offers = overload::is_offered(&via);
        let refused = match offers {
            true => overload.refuse_offering,
            false => overload.refuse,
        };
        // The key is as good as a random number, and a request that comes again meets the same fate.
        if key.short() % 100 >= u32::from(refused) || self.server_with(key).is_some() {
            return false;
        }
        let tag = key.tag();
        let tag = std::str::from_utf8(&tag).ok();
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let bytes = match overload.retry_after.filter(|_| !offers) {
            _ if offers => Response::bytes_to(request, status, tag, &self.oc().params(), &[]),
            None => Response::bytes_to(request, status, tag, &[], &[]),
            Some(seconds) => {
                let later = Digits::of(seconds);
                let later = [(HeaderName::RetryAfter, later.as_bytes())];
                Response::bytes_to(request, status, tag, &[], &later)
            }
        };
        let Ok(bytes) = bytes else {
            return false;
        };
        self.counters.refused += 1;
        let alternative = path.alternative(&via);
        self.transmit_alone(path.of_response(&via), bytes, alternative);
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
