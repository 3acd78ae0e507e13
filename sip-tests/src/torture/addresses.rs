//! Questions about URIs, addresses and Vias.

use sip_message::{NameAddr, Uri, Via};

use super::found::{Absent, Found, cut, number, optional, params, text, yes};

/// `scheme`, `user`, `password`, `host`, `port`, `number`, `params`, `param.NAME`, `headers`, `header.NAME`,
/// `opaque`, `equivalent.URI`; with nothing left to ask, the URI as it came.
pub(super) fn uri(uri: &Uri<'_>, question: &str) -> Found {
    let (what, rest) = cut(question);
    match what {
        "" => text(uri.as_bytes()),
        "scheme" => text(uri.scheme()),
        "user" => optional(uri.user()),
        "password" => optional(uri.password()),
        "host" => optional(uri.host().map(|host| host.to_string())),
        "port" => optional(uri.port().map(|port| port.to_string())),
        "number" => optional(uri.telephone_number()),
        "opaque" => text(uri.after_scheme()),
        "params" | "param" => params(uri.params(), what, rest),
        "headers" | "header" => params(uri.headers(), what, rest),
        "equivalent" => yes(Uri::parse(rest.as_bytes()).is_ok_and(|other| uri.equivalent(&other))),
        _ => Err(Absent::Unasked),
    }
}

/// `display`, `tag`, `uri…`, `params`, `param.NAME`.
pub(super) fn address(address: &NameAddr<'_>, question: &str) -> Found {
    let (what, rest) = cut(question);
    match what {
        "display" => optional(address.display_name()),
        "tag" => optional(address.tag()),
        "uri" => uri(address.uri(), rest),
        "params" | "param" => params(address.params(), what, rest),
        _ => Err(Absent::Unasked),
    }
}

/// `protocol`, `transport`, `sent-by`, `host`, `port`, `branch`, `received`, `rport`, `maddr`, `ttl`, `params`,
/// `param.NAME`.
pub(super) fn via(via: &Via<'_>, question: &str) -> Found {
    let (what, rest) = cut(question);
    match what {
        "protocol" => {
            let (name, version) = via.protocol();
            text([name, b"/", version].concat())
        }
        "transport" => text(via.transport()),
        "sent-by" => text(via.sent_by()),
        "host" => text(via.host().to_string()),
        "port" => optional(via.port().map(|port| port.to_string())),
        "branch" => optional(via.branch()),
        "received" => optional(via.received()),
        "rport" => match via.rport() {
            None => Err(Absent::None),
            Some(None) => Err(Absent::NoValue),
            Some(Some(port)) => number(port),
        },
        "maddr" => optional(via.maddr()),
        "ttl" => optional(via.ttl().map(|ttl| ttl.to_string())),
        "params" | "param" => params(via.params(), what, rest),
        _ => Err(Absent::Unasked),
    }
}
