//! Reads single values: durations, addresses, URIs.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use mcx::{McId, NextHop, Peer, Source, Stop};
use sip_message::{NameAddr, Uri};

use sip_transaction::Transport;

use super::file::{self, Text};
use super::problem::Report;
use crate::next_hop::Hop;
use crate::transport::Listen;

/// More is a slip of the pen: ten years.
const LONGEST_DURATION: Duration = Duration::from_secs(3_650 * 86_400);

/// What to write where TLS is spoken and there is no certificate.
pub(super) const NO_TLS: &str = "write a section [tls] with certificate, key and roots";

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

    /// A duration of which not every one makes sense; `range` is it as it is written.
    pub fn duration_within(
        &mut self,
        text: Option<&Text>,
        default: Duration,
        sensible: &RangeInclusive<Duration>,
        range: &str,
    ) -> Duration {
        let read = self.duration(text, default);
        if let Some(text) = text
            && !sensible.contains(&read)
        {
            let message = format!("`{}` is out of range: write {range}", text.get_ref());
            self.wrong(text.span(), message);
        }
        read
    }

    /// When the service stops for a user who left: `immediately`, or `after 30 s`.
    pub fn stop(&mut self, text: &Text) -> Stop {
        let value = text.get_ref().trim();
        if value == "immediately" {
            return Stop::Immediately;
        }
        let message = match value.strip_prefix("after ").map(parse_duration) {
            Some(Ok(after)) => return Stop::After(after),
            // It begins as one should: what is wrong with it says more.
            Some(Err(why)) if value.contains(|c: char| c.is_ascii_digit()) => why,
            _ => {
                format!("`{value}` is no time to stop: write \"immediately\" or \"after 30 s\"")
            }
        };
        self.wrong(text.span(), message);
        Stop::Immediately
    }

    /// Addresses to listen on, such as `udp:127.0.0.1:5060`; port 0 takes a free one. `tls`: whether there is a
    /// certificate.
    pub fn listen(&mut self, list: &toml::Spanned<Vec<Text>>, tls: bool) -> Vec<Listen> {
        if list.get_ref().is_empty() {
            self.wrong(
                list.span(),
                "nothing to listen on: write [\"udp:ADDRESS:PORT\"]",
            );
        }
        let mut all = Vec::new();
        for text in list.get_ref() {
            let value = text.get_ref();
            match parse_listen(value) {
                Some(listen) if listen.transport == Transport::Tls && !tls => self.wrong(
                    text.span(),
                    format!("`{value}` needs a certificate: {NO_TLS}"),
                ),
                Some(listen) => all.push(listen),
                None => self.wrong(
                    text.span(),
                    format!("`{value}` is no listening address: write \"udp:ADDRESS:PORT\", \"tcp:ADDRESS:PORT\" or \"tls:ADDRESS:PORT\", for example \"udp:127.0.0.1:5060\""),
                ),
            }
        }
        all
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
            peer.domain.as_ref(),
        )
    }

    pub fn peer_of(
        &mut self,
        psi: &Text,
        next_hop: &Text,
        route: &[Text],
        sources: Option<&[Text]>,
        domain: Option<&Text>,
    ) -> Peer {
        let at = next_hop.span();
        let (next_hop, hop) = self.next_hop(next_hop, domain);
        let over_tls = hop
            .as_ref()
            .is_some_and(|h| h.transport == Some(Transport::Tls));
        // Who is reached with TLS has to come with it too.
        let domain = hop
            .as_ref()
            .and_then(|hop| hop.domain.clone())
            .filter(|_| over_tls);
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
            None if domain.is_some() || hop.is_none() => Vec::new(),
            None => {
                let target = hop.and_then(|hop| hop.numeric());
                if target.is_none() {
                    self.wrong(
                        at,
                        "next-hop is a name, so it does not say where this peer's requests come from: write sources = [\"ADDRESS\"], or use TLS",
                    );
                }
                let source = target.map(|target| Source {
                    ip: target.address.ip(),
                    port: Some(target.address.port()),
                });
                source.into_iter().collect()
            }
        };
        Peer {
            psi: self.psi(psi),
            next_hop,
            route: route.iter().map(|r| r.get_ref().clone()).collect(),
            sources,
            domain: domain.map(|domain| domain.to_string()),
        }
    }

    /// A SIP domain that a certificate has to prove.
    pub fn domain(&mut self, text: Option<&Text>) -> Option<String> {
        let text = text?;
        let value = text.get_ref();
        let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
        if value.is_empty() || !value.bytes().all(is_name) || value.parse::<IpAddr>().is_ok() {
            self.wrong(
                text.span(),
                format!("`{value}` is no SIP domain: write the one in the peer's certificate, for example \"b.mcx.example\""),
            );
        }
        Some(value.to_ascii_lowercase())
    }

    fn next_hop(&mut self, text: &Text, domain: Option<&Text>) -> (NextHop, Option<Hop>) {
        let uri = text.get_ref().clone();
        let next_hop = NextHop {
            domain: self.domain(domain),
            uri,
        };
        let value = text.get_ref();
        let instead = "write \"sip:ADDRESS:PORT\", with `;transport=tcp` or `;transport=tls` where that is meant";
        let hop = match Hop::of(&next_hop) {
            Ok(hop) => hop,
            Err(why) => {
                self.wrong(text.span(), format!("`{value}` {why}: {instead}"));
                return (next_hop, None);
            }
        };
        let nowhere = match hop.host.parse::<IpAddr>() {
            _ if hop.port == Some(0) => Some("has port 0"),
            Ok(ip) if ip.is_unspecified() => Some("is no host that can be sent to"),
            _ => None,
        };
        if let Some(why) = nowhere {
            self.wrong(text.span(), format!("`{value}` {why}: {instead}"));
        }
        let over_tls = hop.transport == Some(Transport::Tls);
        if over_tls && hop.domain.is_none() {
            self.wrong(
                text.span(),
                format!("`{value}` does not say who has to be there: write domain = \"DOMAIN\", the SIP domain in the peer's certificate"),
            );
        }
        if let Some(domain) = domain.filter(|_| !over_tls) {
            self.wrong(
                domain.span(),
                "a domain is proven over TLS only: write next-hop with `;transport=tls`, or leave out domain",
            );
        }
        (next_hop, Some(hop))
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

/// `udp:ADDRESS:PORT`, `tcp:…`, `tls:…`.
pub(super) fn parse_listen(text: &str) -> Option<Listen> {
    let (transport, address) = text.split_once(':')?;
    let transport = match transport {
        "udp" => Transport::Udp,
        "tcp" => Transport::Tcp,
        "tls" => Transport::Tls,
        _ => return None,
    };
    let address = address.parse().ok()?;
    Some(Listen { transport, address })
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
    if unit.starts_with(['.', ',']) {
        return Err(format!(
            "`{text}` has a fraction: write a whole number of a smaller unit, for example \"1500 ms\""
        ));
    }
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
        .filter(|duration| *duration <= LONGEST_DURATION)
        .ok_or_else(|| format!("`{text}` is too long: write at most \"3650 d\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(parse_duration("500 ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("0 s"), Ok(Duration::ZERO));
        assert_eq!(parse_duration("30d"), Ok(Duration::from_secs(30 * 86_400)));
        for wrong in [
            "",
            "5",
            "5 m",
            "five s",
            "-1 s",
            "1.5 s",
            "99999999999999999999 s",
            "3651 d",
        ] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}
