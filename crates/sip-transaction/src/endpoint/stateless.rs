//! Requests that get no transaction: answered from nothing but themselves, or dropped.

use std::hash::{DefaultHasher, Hash, Hasher};

use sip_message::{HeaderName, Request, Response, StatusCode, ValueErrorKind};

use super::Endpoint;
use crate::Path;
use crate::event::Event;

impl Endpoint {
    /// Whether a Via of the request is one that this endpoint wrote: it went in a circle.
    pub(super) fn is_own_loop(&self, request: &Request) -> bool {
        request.headers().vias().any(|via| {
            via.is_ok_and(|via| {
                via.branch()
                    .is_some_and(|b| b.starts_with(self.branch_prefix.as_bytes()))
            })
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
        let answers_to = match request.headers().top_via() {
            Ok(via) => path.of_response(&via),
            Err(error) if error.kind == ValueErrorKind::Missing => {
                return self.stray(path, "request without a Via");
            }
            // Its port cannot be read, and the 400 is owed all the same (RFC 4475 §3.1.2.1).
            Err(_) => path,
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
                self.transmit(answers_to, response.as_bytes().clone(), false);
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
