//! The shape of the file, key by key. Values are checked afterwards, where their place in the
//! file is still known.

use mcx::{Algorithm, Service};
use serde::Deserialize;
use toml::{Spanned, Table};

use crate::logging::{Format, Level};

/// A text with its place in the file.
pub(super) type Text = Spanned<String>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct File {
    pub node: Node,
    pub system: System,
    #[serde(default)]
    pub log: Log,
    #[serde(default)]
    pub drain: Drain,
    pub http: Option<Http>,
    #[serde(default)]
    pub timers: Timers,
    #[serde(default)]
    pub limits: Limits,
    #[serde(default)]
    pub trace: Trace,
    pub tls: Option<TlsFiles>,
    #[serde(default)]
    pub connections: Connections,
    #[serde(default)]
    pub dns: Dns,
    pub service_server: Option<Spanned<ServiceServer>>,
    pub gateway: Option<Spanned<Gateway>>,
    #[serde(default)]
    pub partner: Vec<Spanned<Partner>>,
    #[serde(default)]
    pub profile: Profile,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Node {
    pub name: Text,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct System {
    pub id: Text,
    pub domains: Option<Vec<Text>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Log {
    pub level: Option<Level>,
    pub format: Option<Format>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Drain {
    pub announce: Option<Text>,
    pub finish: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Http {
    pub listen: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Timers {
    pub t1: Option<Text>,
    pub t2: Option<Text>,
    pub t4: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Limits {
    pub message: Option<Spanned<usize>>,
    pub body: Option<Spanned<usize>>,
    pub header_fields: Option<Spanned<usize>>,
    pub header_bytes: Option<Spanned<usize>>,
    pub parameters: Option<Spanned<usize>>,
    pub values: Option<Spanned<usize>>,
    pub parts: Option<Spanned<usize>>,
    pub depth: Option<Spanned<usize>>,
    #[serde(default)]
    pub document: DocumentLimits,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct DocumentLimits {
    pub bytes: Option<Spanned<usize>>,
    pub elements: Option<Spanned<usize>>,
    pub depth: Option<Spanned<usize>>,
    pub attributes: Option<Spanned<usize>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Trace {
    pub ring_mib: Option<Spanned<usize>>,
    pub file: Option<Text>,
    pub raw_audit: Option<Text>,
    pub watches: Option<Text>,
    pub collector: Option<Collector>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Collector {
    pub address: Text,
    pub agent: Option<u32>,
    pub password: Option<Text>,
    pub pseudonyms: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct TlsFiles {
    pub certificate: Text,
    pub key: Text,
    pub roots: Text,
    pub require_client_certificate: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Connections {
    pub most: Option<Spanned<usize>>,
    pub most_per_peer: Option<Spanned<usize>>,
    pub most_of_strangers: Option<Spanned<usize>>,
    pub queue_bytes: Option<Spanned<usize>>,
    pub connect: Option<Text>,
    pub handshake: Option<Text>,
    pub message: Option<Text>,
    pub idle: Option<Text>,
    pub write: Option<Text>,
    pub ping: Option<Text>,
    #[serde(default)]
    pub strangers: Strangers,
}

/// What becomes of those whom the configuration does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Strangers {
    /// They get 403.
    #[default]
    Answer,
    /// They get nothing, not a byte.
    Ignore,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Dns {
    pub servers: Option<Vec<Text>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ServiceServer {
    pub listen: Spanned<Vec<Text>>,
    pub psi: Text,
    pub services: Spanned<Vec<Service>>,
    pub store: Text,
    pub admin: Option<Text>,
    pub migration_timeout: Option<Text>,
    pub default_expires: Option<Text>,
    #[serde(default)]
    pub core: Core,
    pub gateway: Option<Peer>,
    #[serde(default)]
    pub events: Events,
    #[serde(default)]
    pub stop: ByService,
    #[serde(default)]
    pub retention: ByService,
    #[serde(default)]
    pub retry: Retry,
    #[serde(default)]
    pub token_issuer: Vec<TokenIssuer>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Core {
    #[serde(default)]
    pub sources: Vec<Text>,
    pub domain: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Peer {
    pub psi: Text,
    pub next_hop: Text,
    #[serde(default)]
    pub route: Vec<Text>,
    pub sources: Option<Vec<Text>>,
    pub domain: Option<Text>,
}

/// Who is told when a service stopped or a mapping was purged.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Events {
    pub keep: Option<u64>,
    pub file: Option<Text>,
    pub socket: Option<Text>,
    #[serde(default)]
    pub webhook: Vec<Webhook>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Webhook {
    pub url: Text,
    pub roots: Option<Text>,
}

/// A choice for all services, and for each.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ByService {
    pub default: Option<Text>,
    pub mcptt: Option<Text>,
    pub mcvideo: Option<Text>,
    pub mcdata: Option<Text>,
}

impl ByService {
    /// What is said of a service.
    pub fn of(&self, service: Service) -> Option<&Text> {
        match service {
            Service::Mcptt => self.mcptt.as_ref(),
            Service::McVideo => self.mcvideo.as_ref(),
            Service::McData => self.mcdata.as_ref(),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Retry {
    pub first: Option<Text>,
    pub longest: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct TokenIssuer {
    pub issuer: Text,
    pub audience: Text,
    pub algorithm: Algorithm,
    pub key_file: Text,
    #[serde(default)]
    pub services: Vec<Service>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Gateway {
    pub listen: Spanned<Vec<Text>>,
    pub psi: Text,
    pub admin: Option<Text>,
    #[serde(default)]
    pub core: Core,
    #[serde(default)]
    pub server: Vec<Behind>,
    #[serde(default)]
    pub host_alias: Vec<HostAlias>,
}

/// A host of the inside, and its name outside.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct HostAlias {
    pub inside: Text,
    pub outside: Text,
}

/// A service server behind a gateway.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Behind {
    pub services: Spanned<Vec<Service>>,
    pub psi: Text,
    pub next_hop: Text,
    #[serde(default)]
    pub route: Vec<Text>,
    pub sources: Option<Vec<Text>>,
    pub domain: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Partner {
    pub system: Text,
    pub domains: Option<Vec<Text>>,
    pub topology_hiding: Spanned<bool>,
    pub services: Option<Spanned<Vec<Service>>>,
    pub stop: Option<Text>,
    pub retention: Option<Text>,
    pub exit_psi: Option<Text>,
    pub server: Option<Peer>,
    pub gateway: Option<Peer>,
    /// Whether marks to be logged (RFC 8497) count from there, and are sent there.
    #[serde(default)]
    pub logme: bool,
    #[serde(default)]
    pub migration: Migration,
}

/// Who may migrate; nobody where nothing is said.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Migration {
    #[serde(default)]
    pub allow: bool,
    pub users: Option<Vec<Text>>,
    #[serde(default)]
    pub refused_users: Vec<Text>,
    pub profile_indexes: Option<Vec<u32>>,
    pub mcptt: Option<MigrationOfService>,
    pub mcvideo: Option<MigrationOfService>,
    pub mcdata: Option<MigrationOfService>,
}

/// Who may migrate in one service, whatever is said of the others.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct MigrationOfService {
    #[serde(default)]
    pub allow: bool,
    pub users: Option<Vec<Text>>,
    #[serde(default)]
    pub refused_users: Vec<Text>,
    pub profile_indexes: Option<Vec<u32>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Profile {
    pub mcptt: Option<Spanned<Table>>,
    pub mcvideo: Option<Spanned<Table>>,
    pub mcdata: Option<Spanned<Table>>,
}
