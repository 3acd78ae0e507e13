//! What to write instead of what the TOML reader refuses.

/// The reader's message, with what to write.
pub(super) fn with_remedy(message: &str) -> String {
    let field = message
        .strip_prefix("missing field `")
        .and_then(|rest| rest.split('`').next());
    let remedy = match field {
        Some(field) => missing(field),
        None if message.starts_with("invalid type") || message.starts_with("invalid value") => {
            wrong_type(message)
        }
        None => Some(other(message)),
    };
    match remedy {
        Some(remedy) => format!("{message}: write {remedy}"),
        None => format!("{message}: see the commented examples"),
    }
}

/// What is neither missing nor of another type.
fn other(message: &str) -> &'static str {
    let begins = |start: &str| message.starts_with(start);
    if begins("unknown field") {
        "one of these, or leave it out"
    } else if begins("unknown variant") {
        "one of these"
    } else if begins("wanted string") {
        "a word in quotes"
    } else if begins("duplicate key") {
        "each key once, and each section; one of several of a kind in double brackets, [[NAME]]"
    } else if begins("string values must be quoted") {
        "it in quotes"
    } else if begins("key with no value") {
        "KEY = VALUE, or # before a comment"
    } else if begins("invalid basic string") || begins("invalid literal string") {
        "a text in quotes that begin and end on the line"
    } else if begins("unclosed table") || begins("unclosed array table") {
        "a section as [NAME], one of several as [[NAME]]"
    } else if begins("cannot recurse further") {
        "it with fewer brackets in each other"
    } else {
        "it as TOML: KEY = VALUE, texts in quotes, \\\\ for \\ in them, sections as [NAME] or [[NAME]]"
    }
}

fn missing(field: &str) -> Option<&'static str> {
    Some(match field {
        "node" => "a section [node] with name = \"NAME\"",
        "name" => "name = \"NAME\" in section [node]",
        "system" => {
            "a section [system] with id = \"DOMAIN\", or system = \"DOMAIN\" in a [[partner]]"
        }
        "id" => "id = \"DOMAIN\" in section [system]",
        "listen" => "listen = [\"udp:ADDRESS:PORT\"]",
        "psi" => "psi = \"sip:NAME@DOMAIN\"",
        "services" => "services = [\"mcptt\", \"mcvideo\", \"mcdata\"] or some of them",
        "store" => "store = \"FILE.sqlite\"",
        "next-hop" => "next-hop = \"sip:ADDRESS:PORT\"",
        "issuer" => "issuer = \"TEXT\", as in the tokens' claim iss",
        "audience" => "audience = \"TEXT\", as in the tokens' claim aud",
        "algorithm" => "algorithm = \"RS256\", \"ES256\" or \"EdDSA\"",
        "key-file" => "key-file = \"FILE\", the issuer's public key in PEM",
        "certificate" => "certificate = \"FILE\" in section [tls], the node's certificate in PEM",
        "key" => "key = \"FILE\" in section [tls], its private key in PEM",
        "roots" => "roots = \"FILE\" in section [tls], the root certificates of the peers in PEM",
        "topology-hiding" => "topology-hiding = true or false",
        "address" => "address = \"udp:ADDRESS:PORT\", where the collector is",
        "url" => "url = \"https://HOST/PATH\"",
        "inside" => "inside = \"HOST\", as it is called inside",
        "outside" => "outside = \"HOST\", as it is called outside",
        _ => return None,
    })
}

fn wrong_type(message: &str) -> Option<&'static str> {
    let (_, expected) = message.rsplit_once("expected ")?;
    Some(match expected {
        "a string" | "string" => "it in quotes",
        "a boolean" => "true or false, without quotes",
        "usize" | "u32" | "u64" if message.contains("integer `-") => "a number from 0 on",
        "usize" | "u32" | "u64" if message.contains("integer") => "a smaller number",
        "usize" | "u32" | "u64" => "a whole number, without quotes",
        "a sequence" if message.contains("map") => {
            "it as one of a list, in double brackets: [[NAME]]"
        }
        "a sequence" => "a list in brackets, for example [\"ONE\", \"OTHER\"]",
        _ if expected.starts_with("struct ") => {
            "keys of its own there: a section [NAME], or { KEY = VALUE }"
        }
        _ => return None,
    })
}
