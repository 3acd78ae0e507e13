//! Every typed read of a message, and what has to hold of each.

use std::fmt::Debug;

use bytes::Bytes;
use sip_message::{
    HeaderName, Headers, Limits, Message, NameAddr, Params, ValueError, ValueErrorKind, multipart,
    validate,
};

use crate::naive;

/// Reads all that can be read of a message.
pub fn message(message: &Message, limits: &Limits) {
    everything(message.headers(), message.body(), limits);
    match message {
        Message::Request(request) => {
            let _ = request.uri();
            let _ = validate::request(request);
        }
        Message::Response(response) => {
            let _ = validate::response(response);
        }
    }
}

/// Reads all header fields in every way there is.
pub fn everything(headers: &Headers, body: &Bytes, limits: &Limits) {
    let read = Read { headers, limits };
    let mut vias = 0;
    for via in headers.vias() {
        read.checked(via);
        vias += 1;
    }
    // A field without a value has one item by the grammar, and that is none.
    let empty = headers
        .all(&HeaderName::Via)
        .filter(|value| value.is_empty());
    assert_eq!(
        vias,
        headers.items(&HeaderName::Via).count() + empty.count()
    );
    for via in headers.vias().flatten() {
        read.params(via.params());
    }
    read.checked(headers.top_via());
    for address in [headers.from(), headers.to()] {
        if let Some(address) = read.checked(address) {
            read.address(&address);
            let named = address.params().contains("tag");
            assert_eq!(address.tag().is_some_and(naive::is_token), named);
        }
    }
    read.checked(headers.call_id());
    read.checked(headers.cseq());
    read.checked(headers.max_forwards());
    read.checked(headers.content_length());
    read.checked(headers.content_disposition());
    read.checked(headers.content_id());
    read.checked(headers.expires());
    read.checked(headers.min_expires());
    read.checked(headers.event());
    read.checked(headers.date());
    read.checked(headers.retry_after());
    read.checked(headers.session_id());
    read.checked(headers.charging_vector());
    read.list(headers.contacts(), |contact| read.address(contact));
    read.list(headers.routes(), |route| read.address(route));
    if headers.routes().is_ok() {
        let mut routes = headers.items(&HeaderName::Route);
        assert!(routes.all(|route| route.contains(&b'<')), "no brackets");
        let mut fields = headers.all(&HeaderName::Route);
        assert!(fields.all(|field| !field.is_empty()), "a list of nothing");
    }
    read.list(headers.record_routes(), |route| read.address(route));
    read.list(headers.p_asserted_identities(), |id| read.address(id));
    read.list(headers.p_preferred_identities(), |id| read.address(id));
    read.list(headers.in_reply_to(), |id| assert!(!id.contains(&b',')));
    read.list(headers.accept(), |media| read.params(media.params()));
    read.list(headers.warnings(), |warning| assert!(warning.code < 1000));
    read.list(headers.reasons(), |reason| read.params(reason.params()));
    read.list(headers.access_network_infos(), |info| {
        read.params(info.params());
    });
    read.list(headers.accept_contacts(), |one| read.params(one.params()));
    read.list(headers.reject_contacts(), |one| read.params(one.params()));
    for name in [
        HeaderName::Require,
        HeaderName::Supported,
        HeaderName::Allow,
    ] {
        let tokens = headers.tokens(&name);
        read.list(tokens, |token| assert!(naive::is_token(token)));
    }
    for name in [HeaderName::Authorization, HeaderName::WwwAuthenticate] {
        if let Some(all) = read.checked(headers.credentials(&name)) {
            all.iter().for_each(|one| read.params(one.params()));
        }
    }
    if let Some(Some(media)) = read.checked(headers.content_type()) {
        let _ = multipart::leaves(&media, body, limits);
    }
}

struct Read<'a> {
    headers: &'a Headers,
    limits: &'a Limits,
}

impl Read<'_> {
    /// An error speaks of a header field that is as it says, and of a place in it.
    fn checked<T>(&self, read: Result<T, ValueError>) -> Option<T> {
        let error = match read {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let name = error.header().expect("an error of a header field");
        let count = self.headers.count(name);
        match error.kind {
            // A list of nothing is none.
            ValueErrorKind::Missing => assert_eq!(self.headers.items(name).count(), 0, "{error}"),
            ValueErrorKind::Duplicate => assert!(count > 1, "{error}"),
            ValueErrorKind::Malformed | ValueErrorKind::TooMany => {
                let longest = self.headers.all(name).map(<[u8]>::len).max();
                assert!(longest.is_some_and(|l| error.offset <= l), "{error}");
            }
        }
        None
    }

    fn list<T: Debug>(&self, list: Result<Vec<T>, ValueError>, each: impl Fn(&T)) {
        if let Some(list) = self.checked(list) {
            assert!(list.len() <= self.limits.values, "more values than allowed");
            list.iter().for_each(each);
        }
    }

    fn address(&self, address: &NameAddr<'_>) {
        self.params(address.params());
        self.params(address.uri().params());
        self.params(address.uri().headers());
        let _ = address.display_name();
    }

    fn params(&self, params: Params<'_>) {
        assert_eq!(params.iter().count(), params.len(), "read again");
        assert!(
            params.len() <= self.limits.parameters,
            "more parameters than allowed"
        );
    }
}
