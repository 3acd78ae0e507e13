//! The sections of what functions share on the network: TLS, connections, DNS.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use sip_trace::hep::Agent;
use toml::Spanned;

use super::file::{self, Text};
use super::load::Loader;
use crate::collector::CollectorConfig;
use crate::transport::Bounds;
use crate::transport::tls::TlsFiles;

/// What a duration of connections may be.
const DURATIONS: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(86_400);

impl Loader<'_, '_> {
    pub fn tls(&self, tls: &file::TlsFiles) -> TlsFiles {
        TlsFiles {
            certificate: self.path(&tls.certificate),
            key: self.path(&tls.key),
            roots: self.path(&tls.roots),
            require_client_certificate: tls.require_client_certificate.unwrap_or(true),
        }
    }

    pub fn connections(&mut self, section: &file::Connections) -> Bounds {
        let default = Bounds::default();
        let queue = 65_536..=1 << 30;
        let ping = section.ping.as_ref();
        Bounds {
            connections: self.number("most", &section.most, 1..=1_000_000, default.connections),
            connections_per_peer: self.number(
                "most-per-peer",
                &section.most_per_peer,
                1..=1_000_000,
                default.connections_per_peer,
            ),
            connections_of_strangers: self.number(
                "most-of-strangers",
                &section.most_of_strangers,
                0..=1_000_000,
                default.connections_of_strangers,
            ),
            queue: self.number("queue-bytes", &section.queue_bytes, queue, default.queue),
            connect: self.time("connect", section.connect.as_ref(), default.connect),
            handshake: self.time("handshake", section.handshake.as_ref(), default.handshake),
            message: self.time("message", section.message.as_ref(), default.message),
            idle: self.time("idle", section.idle.as_ref(), default.idle),
            write: self.time("write", section.write.as_ref(), default.write),
            ping: ping.map(|text| self.time("ping", Some(text), default.pong)),
            pong: default.pong,
        }
    }

    /// The collector that is told what the flight recorder takes: `udp:ADDRESS:PORT` or `tcp:ADDRESS:PORT`.
    pub fn collector(&mut self, section: &file::Collector) -> CollectorConfig {
        let value = section.address.get_ref();
        let parts = match value.split_once(':') {
            Some(("udp", address)) => address.parse().ok().map(|address| (false, address)),
            Some(("tcp", address)) => address.parse().ok().map(|address| (true, address)),
            _ => None,
        };
        if parts.is_none() {
            self.report.wrong(
                section.address.span(),
                format!("`{value}` is no address of a collector: write \"udp:ADDRESS:PORT\" or \"tcp:ADDRESS:PORT\""),
            );
        }
        let nowhere = (false, SocketAddr::from(([0, 0, 0, 0], 0)));
        let (tcp, address) = parts.unwrap_or(nowhere);
        let password = section.password.as_ref();
        CollectorConfig {
            tcp,
            address,
            agent: Agent {
                id: section.agent.unwrap_or(1),
                key: password
                    .map(|text| text.get_ref().clone())
                    .unwrap_or_default(),
            },
            pseudonyms: section.pseudonyms.as_ref().map(|text| self.path(text)),
        }
    }

    /// Addresses of DNS servers, `ADDRESS` or `ADDRESS:PORT`.
    pub fn dns(&mut self, list: &[Text]) -> Vec<SocketAddr> {
        let mut servers = Vec::new();
        for text in list {
            let value = text.get_ref();
            match (value.parse::<IpAddr>(), value.parse()) {
                (Ok(ip), _) => servers.push(SocketAddr::new(ip, 53)),
                (_, Ok(address)) => servers.push(address),
                _ => self.report.wrong(
                    text.span(),
                    format!(
                        "`{value}` is no address of a DNS server: write \"ADDRESS\" or \"ADDRESS:PORT\""
                    ),
                ),
            }
        }
        servers
    }

    fn number(
        &mut self,
        key: &str,
        value: &Option<Spanned<usize>>,
        range: RangeInclusive<usize>,
        default: usize,
    ) -> usize {
        let Some(value) = value else { return default };
        let number = *value.get_ref();
        if !range.contains(&number) {
            let (least, most) = (range.start(), range.end());
            self.report.wrong(
                value.span(),
                format!("connections.{key} = {number} is out of range: write {least} to {most}"),
            );
        }
        number
    }

    fn time(&mut self, key: &str, text: Option<&Text>, default: Duration) -> Duration {
        let duration = self.report.duration(text, default);
        if let Some(text) = text
            && !DURATIONS.contains(&duration)
        {
            self.report.wrong(
                text.span(),
                format!("connections.{key} is out of range: write \"10 ms\" to \"1 d\""),
            );
        }
        duration
    }
}
