//! Reads single values: durations, addresses, URIs.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mcx::{McId, NextHop, Peer, Source};
use sip_message::{NameAddr, Uri};

use super::file::{self, Text};
use super::problem::Report;

impl Report<'_> {
    /// A duration such as `500 ms`, `20 s`, `5 min`, `12 h`, `30 d`.
    pub fn duration(&mut self, text: Option<&Text>, default: Duration) -> Duration {
        let Some(text) = text else {
            return default;
        };
        match parse_duration(text.get_ref()) {
            Ok(duration) => duration,
            Err(message) => {
                self.wrong(text.span(), message);
                default
            }
        }
    }

    /// Addresses to listen on, such as `udp:127.0.0.1:5060`; port 0 takes a free one.
    pub fn listen(&mut self, list: &toml::Spanned<Vec<Text>>) -> Vec<SocketAddr> {
        if list.get_ref().is_empty() {
            self.wrong(
                list.span(),
                "nothing to listen on: write [\"udp:ADDRESS:PORT\"]",
            );
        }
        let mut addresses = Vec::new();
        for text in list.get_ref() {
            let value = text.get_ref();
            match value.strip_prefix("udp:").map(str::parse) {
                Some(Ok(address)) => addresses.push(address),
                _ if value.starts_with("tcp:") || value.starts_with("tls:") => self.wrong(
                    text.span(),
                    format!("`{value}`: this version listens on UDP only: write \"udp:ADDRESS:PORT\""),
                ),
                _ => self.wrong(
                    text.span(),
                    format!("`{value}` is no listening address: write \"udp:ADDRESS:PORT\", for example \"udp:127.0.0.1:5060\""),
                ),
            }
        }
        addresses
    }

    /// A public service identity.
    pub fn psi(&mut self, text: &Text) -> String {
        if let Err(message) = check_sip_uri(text.get_ref()) {
            self.wrong(
                text.span(),
                format!("{message}: write the function's public service identity, for example \"sip:mc-server@a.mcx.example\""),
            );
        }
        text.get_ref().clone()
    }

    /// Source addresses, `ADDRESS` or `ADDRESS:PORT`.
    pub fn sources(&mut self, list: &[Text]) -> Vec<Source> {
        let mut sources = Vec::new();
        for text in list {
            let value = text.get_ref();
            if let Ok(ip) = value.parse::<IpAddr>() {
                sources.push(Source { ip, port: None });
            } else if let Ok(address) = value.parse::<SocketAddr>() {
                sources.push(Source {
                    ip: address.ip(),
                    port: Some(address.port()),
                });
            } else {
                self.wrong(
                    text.span(),
                    format!(
                        "`{value}` is no source address: write \"ADDRESS\" or \"ADDRESS:PORT\""
                    ),
                );
            }
        }
        sources
    }

    /// A function that requests are exchanged with.
    pub fn peer(&mut self, peer: &file::Peer) -> Peer {
        self.peer_of(
            &peer.psi,
            &peer.next_hop,
            &peer.route,
            peer.sources.as_deref(),
        )
    }

    pub fn peer_of(
        &mut self,
        psi: &Text,
        next_hop: &Text,
        route: &[Text],
        sources: Option<&[Text]>,
    ) -> Peer {
        let hop = self.next_hop(next_hop);
        for text in route {
            if NameAddr::parse(text.get_ref().as_bytes()).is_err() {
                let value = text.get_ref();
                self.wrong(
                    text.span(),
                    format!("`{value}` is no route: write \"<sip:ADDRESS:PORT;lr>\""),
                );
            }
        }
        let sources = match sources {
            Some(list) => self.sources(list),
            None => hop
                .address()
                .map(|a| Source {
                    ip: a.ip(),
                    port: Some(a.port()),
                })
                .into_iter()
                .collect(),
        };
        Peer {
            psi: self.psi(psi),
            next_hop: hop,
            route: route.iter().map(|r| r.get_ref().clone()).collect(),
            sources,
        }
    }

    fn next_hop(&mut self, text: &Text) -> NextHop {
        let value = text.get_ref();
        let hop = NextHop { uri: value.clone() };
        if let Err(message) = check_sip_uri(value) {
            self.wrong(
                text.span(),
                format!("{message}: write \"sip:ADDRESS:PORT\""),
            );
        } else if hop.address().is_none() {
            self.wrong(
                text.span(),
                format!("`{value}`: this version resolves no host names: write the address, \"sip:ADDRESS:PORT\""),
            );
        } else if let Ok(uri) = Uri::parse(value.as_bytes())
            && let Some(Some(transport)) = uri.params().get(b"transport")
            && !transport.eq_ignore_ascii_case(b"udp")
        {
            self.wrong(
                text.span(),
                format!("`{value}`: this version sends over UDP only: leave out `;transport=`"),
            );
        }
        hop
    }

    /// An MC service ID.
    pub fn mc_id(&mut self, text: &Text) -> Option<McId> {
        match McId::parse(text.get_ref()) {
            Ok(id) => Some(id),
            Err(error) => {
                self.wrong(
                    text.span(),
                    format!("not an MC service ID ({error}): write \"sip:USER@DOMAIN\""),
                );
                None
            }
        }
    }
}

fn check_sip_uri(text: &str) -> Result<(), String> {
    match Uri::parse(text.as_bytes()) {
        Ok(uri) if uri.scheme().eq_ignore_ascii_case(b"sip") && uri.host().is_some() => Ok(()),
        _ => Err(format!("`{text}` is no sip: URI")),
    }
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let instead = "write a number and a unit: ms, s, min, h or d, for example \"30 d\"";
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .ok_or_else(|| format!("`{text}` has no unit: {instead}"))?;
    let (number, unit) = text.split_at(split);
    let number: u64 = number
        .parse()
        .map_err(|_| format!("`{text}` is no duration: {instead}"))?;
    let unit = unit.trim();
    let millis = match unit {
        "ms" => 1,
        "s" => 1000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(format!("`{unit}` is no unit of time: {instead}")),
    };
    number
        .checked_mul(millis)
        .map(Duration::from_millis)
        .ok_or_else(|| format!("`{text}` is too long"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(parse_duration("500 ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("0 s"), Ok(Duration::ZERO));
        assert_eq!(parse_duration("30d"), Ok(Duration::from_secs(30 * 86_400)));
        for wrong in ["", "5", "5 m", "five s", "-1 s", "99999999999999999999 s"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}
