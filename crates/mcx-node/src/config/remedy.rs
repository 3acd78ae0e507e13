//! What to write instead of what the TOML reader refuses.

/// The reader's message, with what to write where that is known.
pub(super) fn with_remedy(message: &str) -> String {
    let field = message
        .strip_prefix("missing field `")
        .and_then(|rest| rest.split('`').next());
    let remedy = match field {
        Some(field) => missing(field),
        None if message.starts_with("invalid type") => wrong_type(message),
        None => None,
    };
    match remedy {
        Some(remedy) => format!("{message}: write {remedy}"),
        None => message.to_owned(),
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
        _ => return None,
    })
}

fn wrong_type(message: &str) -> Option<&'static str> {
    let (_, expected) = message.rsplit_once("expected ")?;
    Some(match expected {
        "a string" | "string" => "it in quotes",
        "a boolean" => "true or false, without quotes",
        "usize" => "a number, without quotes",
        "a sequence" => "a list in brackets, for example [\"ONE\", \"OTHER\"]",
        _ => return None,
    })
}
