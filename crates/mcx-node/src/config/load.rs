//! From the file to the configuration.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mcx::document::Bounds;
use mcx::{Profile, Service, ServiceProfile, System, SystemId};
use sip_message::Limits;
use sip_trace::Capacity;
use sip_transaction::Timers;
use toml::{Spanned, Table};

use super::file::{self, Text};
use super::problem::Report;
use super::remedy::with_remedy;
use super::{Config, Drain, Problem, Problems, shape};
use crate::logging::LogConfig;

/// Largest ring of the flight recorder.
const MOST_MIB: usize = 16_384;

/// How long a node that takes leave still serves where nothing is said: load balancers that ask every second have seen it.
const ANNOUNCE: Duration = Duration::from_secs(5);
/// How long it finishes where nothing is said: longer than a request of its own can take (64·T1).
const FINISH: Duration = Duration::from_secs(35);
/// The longest of both.
const LONGEST_LEAVE: Duration = Duration::from_secs(600);

/// Reads and checks the configuration in `path`.
///
/// # Errors
/// What is wrong with it, as much as can be found at once.
pub fn load(path: &Path) -> Result<Config, Problems> {
    let problem = |line, message| {
        Problems(vec![Problem {
            file: path.to_owned(),
            line,
            message,
        }])
    };
    let bytes = std::fs::read(path).map_err(|e| {
        let remedy = "write the path of a file that this user may read";
        problem(0, format!("cannot be read ({e}): {remedy}"))
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..at).unwrap_or_default();
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        problem(
            line,
            format!(
                "byte {} of the file is no UTF-8: write the file in UTF-8",
                at + 1
            ),
        )
    })?;
    parse(path, &text)
}

/// Checks a configuration that was read from `path`; relative files in it are relative to that.
///
/// # Errors
/// What is wrong with it, as much as can be found at once.
pub fn parse(path: &Path, text: &str) -> Result<Config, Problems> {
    let mut report = Report::new(path, text);
    let Some(file) = shape::read(text, &mut report) else {
        return Err(report.finish());
    };
    let config = Loader {
        folder: path.parent().unwrap_or(Path::new("")).to_owned(),
        report: &mut report,
    }
    .config(&file);
    if report.is_empty() {
        let written = text.parse().unwrap_or_default();
        Ok(Config { written, ..config })
    } else {
        Err(report.finish())
    }
}

/// Turns the file into a configuration; wherever something is wrong it says so and goes on with
/// something harmless, so that one run names all that is wrong.
pub(super) struct Loader<'r, 'f> {
    pub folder: PathBuf,
    pub report: &'r mut Report<'f>,
}

impl Loader<'_, '_> {
    fn config(&mut self, file: &file::File) -> Config {
        let name = file.node.name.get_ref().clone();
        if name.is_empty() || name.len() > 32 || !name.bytes().all(is_name_byte) {
            self.report.wrong(
                file.node.name.span(),
                format!("`{name}` is no node name: write 1 to 32 letters, digits, `-`, `_` or `.`"),
            );
        }
        if file.service_server.is_none() && file.gateway.is_none() {
            self.report.wrong(
                0..0,
                "the node has no function: write a section [service-server] or [gateway]",
            );
        }
        let (limits, bounds) = self.limits(&file.limits);
        let profile = self.profile(&file.profile);
        let own = self.system(&file.system.id, file.system.domains.as_deref());
        self.check_systems(file, &own);
        self.check_own_files(file);
        self.check_listen(file);
        self.check_next_hops(file);
        self.check_core_domains(file);
        Config {
            name,
            system: own.clone(),
            written: toml::Table::new(),
            log: LogConfig {
                level: file.log.level.unwrap_or_default(),
                format: file.log.format.unwrap_or_default(),
            },
            drain: self.drain(&file.drain),
            http: file.http.as_ref().and_then(|http| self.http(http)),
            timers: self.timers(&file.timers),
            lines: self.lines(file),
            tls: file.tls.as_ref().map(|tls| self.tls(tls)),
            connections: self.connections(&file.connections),
            ignore_strangers: file.connections.strangers == file::Strangers::Ignore,
            dns: file.dns.servers.as_ref().map(|list| self.dns(list)),
            ring: self.ring(&file.trace),
            trace_file: file.trace.file.as_ref().map(|f| self.path(f)),
            collector: file.trace.collector.as_ref().map(|c| self.collector(c)),
            admin: self.admin(file),
            watches: file.trace.watches.as_ref().map(|f| self.path(f)),
            raw_audit: file.trace.raw_audit.as_ref().map(|f| self.path(f)),
            service_server: file.service_server.as_ref().map(|section| {
                self.service_server(file, section, own.clone(), &profile, (&limits, bounds))
            }),
            gateway: file.gateway.as_ref().map(|section| {
                self.gateway(file, section, own.clone(), &profile, (&limits, bounds))
            }),
            limits,
        }
    }

    /// The bounds of messages and of MC info documents in them.
    fn limits(&mut self, limits: &file::Limits) -> (Limits, Bounds) {
        let mut result = Limits::default();
        let mut bounds = Bounds::default();
        let document = &limits.document;
        for (key, value, target, range) in [
            // What is below these is no message that the procedures have.
            ("message", &limits.message, &mut result.message, 1..=65_535),
            ("body", &limits.body, &mut result.body, 1..=65_535),
            (
                "header-fields",
                &limits.header_fields,
                &mut result.header_fields,
                1..=4_096,
            ),
            (
                "header-bytes",
                &limits.header_bytes,
                &mut result.header_bytes,
                1_024..=65_535,
            ),
            (
                "parameters",
                &limits.parameters,
                &mut result.parameters,
                8..=Limits::MOST_PARAMETERS,
            ),
            ("values", &limits.values, &mut result.values, 8..=4_096),
            ("parts", &limits.parts, &mut result.parts, 1..=1_024),
            ("depth", &limits.depth, &mut result.depth, 1..=16),
            (
                "document.bytes",
                &document.bytes,
                &mut bounds.bytes,
                1_024..=65_535,
            ),
            (
                "document.elements",
                &document.elements,
                &mut bounds.elements,
                16..=65_535,
            ),
            ("document.depth", &document.depth, &mut bounds.depth, 6..=64),
            (
                "document.attributes",
                &document.attributes,
                &mut bounds.attributes,
                4..=256,
            ),
        ] {
            let Some(value) = value else { continue };
            if range.contains(value.get_ref()) {
                *target = *value.get_ref();
            } else {
                self.report.wrong(
                    value.span(),
                    format!(
                        "limits.{key} = {} is out of range: write {} to {}",
                        value.get_ref(),
                        range.start(),
                        range.end()
                    ),
                );
            }
        }
        (result, bounds)
    }

    /// The ring of the flight recorder, in bytes.
    fn ring(&mut self, trace: &file::Trace) -> usize {
        let Some(said) = &trace.ring_mib else {
            return Capacity::DEFAULT_BYTES;
        };
        let mib = *said.get_ref();
        let wanted = trace.file.is_some() || trace.collector.is_some() || trace.watches.is_some();
        if mib > MOST_MIB || mib == 0 && wanted {
            self.report.wrong(
                said.span(),
                format!("trace.ring-mib = {mib} is out of range: write 1 to {MOST_MIB}, or 0 without a trace file, a collector and watches to record nothing"),
            );
        }
        mib.saturating_mul(1024 * 1024)
    }

    /// Where HTTP is answered. It tells what nobody outside has to know, and asks nobody who he is.
    fn http(&mut self, http: &file::Http) -> Option<SocketAddr> {
        let value = http.listen.get_ref();
        let address = value.parse::<SocketAddr>().ok();
        if address.is_none_or(|address| !address.ip().is_loopback()) {
            let why = format!(
                "`{value}` is no loopback address with a port: write for example \"127.0.0.1:9464\""
            );
            self.report.wrong(http.listen.span(), why);
        }
        address
    }

    /// How the node takes leave.
    fn drain(&mut self, drain: &file::Drain) -> Drain {
        let mut of = |text: Option<&Text>, default| {
            let duration = self.report.duration(text, default);
            if let Some(text) = text
                && duration > LONGEST_LEAVE
            {
                let why = "a node takes leave within 10 min: write for example \"5 s\"";
                self.report.wrong(text.span(), why);
            }
            duration
        };
        Drain {
            announce: of(drain.announce.as_ref(), ANNOUNCE),
            finish: of(drain.finish.as_ref(), FINISH),
        }
    }

    fn timers(&mut self, timers: &file::Timers) -> Timers {
        let default = Timers::default();
        let read = Timers {
            t1: self.report.duration(timers.t1.as_ref(), default.t1),
            t2: self.report.duration(timers.t2.as_ref(), default.t2),
            t4: self.report.duration(timers.t4.as_ref(), default.t4),
            ..default
        };
        let at = [&timers.t1, &timers.t2].into_iter().flatten().next();
        if let Some(at) = at
            && (read.t1.is_zero() || read.t1 > read.t2)
        {
            self.report.wrong(
                at.span(),
                "t1 is more than zero and at most t2 (RFC 3261: t1 = \"500 ms\", t2 = \"4 s\")",
            );
        }
        read
    }

    pub fn system(&mut self, id: &Text, written: Option<&[Text]>) -> System {
        let system = SystemId::new(id.get_ref());
        let domain = |text: &Text| text.get_ref().to_ascii_lowercase();
        let domains = match written {
            Some(list) => list.iter().map(domain).collect(),
            None => vec![system.as_str().to_owned()],
        };
        if !is_domain(system.as_str()) {
            self.report.wrong(
                id.span(),
                format!("`{system}` is no MC system id: write the operator's domain, for example \"a.mcx.example\""),
            );
        }
        for text in written.unwrap_or_default() {
            let value = text.get_ref();
            if !is_domain(value) {
                let why = format!(
                    "`{value}` is no domain of MC service IDs: write for example \"a.mcx.example\""
                );
                self.report.wrong(text.span(), why);
            }
        }
        System {
            id: system,
            domains,
        }
    }

    /// A system is named once, and a domain belongs to one system.
    fn check_systems(&mut self, file: &file::File, own: &System) {
        let mut seen = vec![(own.id.clone(), own.domains.clone())];
        for partner in &file.partner {
            let partner = partner.get_ref();
            let system = self.system(&partner.system, partner.domains.as_deref());
            for (other, domains) in &seen {
                if *other == system.id {
                    self.report.wrong(
                        partner.system.span(),
                        format!("system {other} is there already: write one [[partner]] a system, and none for the own one"),
                    );
                } else if let Some(domain) = domains.iter().find(|d| system.domains.contains(d)) {
                    self.report.wrong(
                        partner.system.span(),
                        format!("domain {domain} belongs to {other} already: write each domain under one system"),
                    );
                }
            }
            seen.push((system.id, system.domains));
        }
    }

    fn profile(&mut self, file: &file::Profile) -> Profile {
        let mut profile = Profile::default();
        for (service, overrides) in [
            (Service::Mcptt, &file.mcptt),
            (Service::McVideo, &file.mcvideo),
            (Service::McData, &file.mcdata),
        ] {
            if let Some(overrides) = overrides {
                match overridden(profile.of(service), overrides) {
                    Ok(changed) => *profile.of_mut(service) = changed,
                    Err(message) => self.report.wrong(overrides.span(), message),
                }
            }
        }
        profile
    }

    pub fn path(&self, text: &Text) -> PathBuf {
        self.folder.join(text.get_ref())
    }

    pub fn duration_secs(&mut self, text: Option<&Text>, default: Duration) -> u32 {
        let duration = self.report.duration(text, default);
        u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
    }
}

/// The names of a service with some of them replaced.
fn overridden(
    profile: &ServiceProfile,
    overrides: &Spanned<Table>,
) -> Result<ServiceProfile, String> {
    let mut table = Table::try_from(profile).map_err(|e| e.to_string())?;
    for (key, value) in overrides.get_ref() {
        table.insert(key.clone(), value.clone());
    }
    table
        .try_into()
        .map_err(|error: toml::de::Error| with_remedy(error.message()))
}

/// Whether it is a domain, or an address: labels of 1 to 63 letters, 253 in all (RFC 1035 §2.3.4).
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(is_name_byte);
    text.len() <= 253 && text.split('.').all(is_label)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}
