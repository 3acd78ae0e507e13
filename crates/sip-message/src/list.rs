//! Comma lists (RFC 3261 §7.3.1).

use std::sync::LazyLock;

use memchr::{memchr, memchr3};

use crate::class::{LWS, QUOTED};
use crate::grammar::{Bits, trim};
use crate::index::Names;
use crate::name::HeaderName;
use crate::name::known::Number;

/// The items of a comma list: split at commas outside quoted strings and angle brackets. Items are trimmed and come
/// with their offset. An empty value has no items; `a,,b` has an empty one, which no grammar accepts.
#[derive(Clone)]
pub(crate) struct List<'a> {
    value: Bits<'a>,
    at: Option<usize>,
    /// Where the first comma of a text is that ends an item.
    comma: fn(&[u8]) -> Option<usize>,
}

/// Lists that may have no item by their grammar (RFC 3261 §25.1, RFC 4412 §3.2, RFC 5009 §8, RFC 6086 §8.2).
const MAY_BE_EMPTY: &[HeaderName] = &[
    HeaderName::Accept,
    HeaderName::AcceptEncoding,
    HeaderName::AcceptLanguage,
    HeaderName::AcceptResourcePriority,
    HeaderName::Allow,
    HeaderName::PEarlyMedia,
    HeaderName::RecvInfo,
    HeaderName::Supported,
];

/// Fields that are comma lists by their grammar (RFC 3261 §25.1 and the RFCs of the others).
const LISTS: &[HeaderName] = &[
    HeaderName::Accept,
    HeaderName::AcceptContact,
    HeaderName::AcceptEncoding,
    HeaderName::AcceptLanguage,
    HeaderName::AcceptResourcePriority,
    HeaderName::AlertInfo,
    HeaderName::Allow,
    HeaderName::AllowEvents,
    HeaderName::CallInfo,
    HeaderName::Contact,
    HeaderName::ContentEncoding,
    HeaderName::ContentLanguage,
    HeaderName::ErrorInfo,
    HeaderName::FeatureCaps,
    HeaderName::Geolocation,
    HeaderName::HistoryInfo,
    HeaderName::InReplyTo,
    HeaderName::PAccessNetworkInfo,
    HeaderName::PAssertedIdentity,
    HeaderName::PAssertedService,
    HeaderName::PAssociatedUri,
    HeaderName::PEarlyMedia,
    HeaderName::PPreferredIdentity,
    HeaderName::PPreferredService,
    HeaderName::PVisitedNetworkId,
    HeaderName::Path,
    HeaderName::ProxyRequire,
    HeaderName::Reason,
    HeaderName::RecordRoute,
    HeaderName::RecvInfo,
    HeaderName::RejectContact,
    HeaderName::RequestDisposition,
    HeaderName::Require,
    HeaderName::ResourcePriority,
    HeaderName::Route,
    HeaderName::SecurityClient,
    HeaderName::SecurityServer,
    HeaderName::SecurityVerify,
    HeaderName::ServiceRoute,
    HeaderName::Supported,
    HeaderName::Unsupported,
    HeaderName::UserToUser,
    HeaderName::Via,
    HeaderName::Warning,
];

static LIST_NAMES: LazyLock<Names> = LazyLock::new(|| Names::of(LISTS));

static MAY_BE_EMPTY_NAMES: LazyLock<Names> = LazyLock::new(|| Names::of(MAY_BE_EMPTY));

impl<'a> List<'a> {
    pub(crate) fn new(value: Bits<'a>) -> Self {
        let empty = LWS.span(value) == value.len();
        List {
            value,
            at: (!empty).then_some(0),
            comma,
        }
    }

    /// The list that is the value of a field with this name. A Call-ID is made of words, in which quotes and brackets
    /// are characters like others (RFC 3261 §25.1): a list of them is split at every comma.
    pub(crate) fn of(name: &HeaderName, value: Bits<'a>) -> Self {
        let list = List::new(value);
        match *name == HeaderName::InReplyTo {
            true => List {
                comma: |text| memchr(b',', text),
                ..list
            },
            false => list,
        }
    }

    /// Is a field with this name a comma list? Of a name that is not known, nobody can say.
    pub(crate) fn is_one(name: &HeaderName) -> bool {
        let number = name.number();
        number != Number::UNKNOWN && LIST_NAMES.contains(number)
    }

    /// The same by the grammar: where it wants one item at least, an empty value is an empty item.
    pub(crate) fn by_grammar(name: &HeaderName, value: Bits<'a>) -> Self {
        let mut list = List::of(name, value);
        let number = name.number();
        if number != Number::UNKNOWN && !MAY_BE_EMPTY_NAMES.contains(number) {
            list.at.get_or_insert(0);
        }
        list
    }
}

impl<'a> Iterator for List<'a> {
    type Item = (usize, Bits<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at?;
        let rest = self.value.get(start..)?;
        let comma = (self.comma)(rest);
        self.at = comma.map(|comma| start + comma + 1);
        let item = comma.and_then(|comma| rest.get(..comma)).unwrap_or(rest);
        Some((start + LWS.span(item), trim(item)))
    }
}

/// The first comma outside quoted strings and angle brackets. What is opened and not closed goes to the end.
fn comma(value: &[u8]) -> Option<usize> {
    // as a rule there is none at all
    memchr(b',', value)?;
    let mut at = 0;
    loop {
        let found = at + memchr3(b',', b'"', b'<', value.get(at..)?)?;
        let inside = found + 1;
        at = match value.get(found) {
            Some(b'"') => inside + quoted_end(value.get(inside..)?)?,
            Some(b'<') => inside + memchr(b'>', value.get(inside..)?)? + 1,
            _ => return Some(found),
        };
    }
}

/// Where a quoted string that has begun is over: behind its second quote.
fn quoted_end(value: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += QUOTED.span(value.get(at..)?);
        if *value.get(at)? == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(value: &[u8]) -> Vec<&[u8]> {
        List::new(value).map(|(_, item)| item).collect()
    }

    #[test]
    fn lists_split_outside_quotes_and_brackets_only() {
        assert_eq!(
            items(br#""a, \", b" <sip:x,y@h> , <sip:z>"#),
            [&br#""a, \", b" <sip:x,y@h>"#[..], b"<sip:z>"]
        );
        assert_eq!(items(b"a,,b"), [&b"a"[..], b"", b"b"]);
        assert_eq!(items(b"a,"), [&b"a"[..], b""]);
        assert_eq!(items(b" \r\n "), Vec::<&[u8]>::new());
        assert_eq!(
            items(b"\"open, never closed"),
            [&b"\"open, never closed"[..]]
        );
    }

    #[test]
    fn offsets_point_at_the_item() {
        let offsets: Vec<usize> = List::new(b"a ,  bc,d").map(|(offset, _)| offset).collect();
        assert_eq!(offsets, [0, 5, 8]);
    }
}
