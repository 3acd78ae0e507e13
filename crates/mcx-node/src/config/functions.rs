//! The sections of the functions: what an MC service server and an MC gateway server are told.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use mcx::document::Bounds;
use mcx::{
    ByPartner, Core, GatewayConfig, McId, MigrationPolicy, Partner, Peer, Profile, Retry, Service,
    ServiceServerConfig, Stop, System, Systems,
};
use sip_message::Limits;
use toml::Spanned;

use super::file;
use super::load::Loader;
use super::{GatewaySection, ServiceServerSection};
use crate::events::{EventsConfig, WebhookConfig};

/// How long a was-migrated mapping is kept where nothing is said.
const RETENTION: Duration = Duration::from_secs(30 * 86_400);
/// What may be said.
const RETENTIONS: RangeInclusive<Duration> =
    Duration::from_secs(60)..=Duration::from_secs(3650 * 86_400);
/// Longest waits between two attempts that may be said.
const LONGEST_WAITS: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(86_400);
/// How long a client waits for the primary's answer where nothing is said.
const MIGRATION_TIMEOUT: Duration = Duration::from_secs(20);
/// What may be said.
const MIGRATION_TIMEOUTS: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(30);
/// Validity of a service authorization that names none, where nothing is said.
const EXPIRES: Duration = Duration::from_secs(3600);

impl Loader<'_, '_> {
    pub fn service_server(
        &mut self,
        file: &file::File,
        section: &Spanned<file::ServiceServer>,
        own: System,
        profile: &Profile,
        (limits, bounds): (&Limits, Bounds),
    ) -> ServiceServerSection {
        let at = section.span();
        let section = section.get_ref();
        self.services(&section.services);
        let gateway = section.gateway.as_ref().map(|g| self.report.peer(g));
        let mut partners = Vec::new();
        let read_stop = |this: &mut Self, text: &file::Text| this.report.stop(text);
        let read_kept = |this: &mut Self, text: &file::Text| {
            let range =
                "\"1 min\" to \"3650 d\": a notification that is repeated still finds the mapping";
            this.report
                .duration_within(Some(text), RETENTION, &RETENTIONS, range)
        };
        let mut stop = self.by_service(&section.stop, Stop::Immediately, read_stop);
        let mut retention = self.by_service(&section.retention, RETENTION, read_kept);
        for partner in &file.partner {
            let spanned = partner;
            let partner = partner.get_ref();
            let system = self.system(&partner.system, partner.domains.as_deref());
            if let Some(text) = &partner.stop {
                stop.partners
                    .insert(system.id.clone(), read_stop(self, text));
            }
            if let Some(text) = &partner.retention {
                let kept = read_kept(self, text);
                retention.partners.insert(system.id.clone(), kept);
            }
            // P1.N1: this key alone decides, here alone.
            let peer = if *partner.topology_hiding.get_ref() {
                let missing = "topology-hiding = true, but this server has no gateway: write a section [service-server.gateway] with psi and next-hop, or topology-hiding = false";
                self.route(gateway.clone(), spanned, &partner.topology_hiding, missing)
            } else {
                let direct = partner.server.as_ref().map(|p| self.report.peer(p));
                let missing = "topology-hiding = false, but the partner's server is not named: write [partner.server] with psi and next-hop, or topology-hiding = true";
                self.route(direct, spanned, &partner.topology_hiding, missing)
            };
            let Some(peer) = peer else { continue };
            partners.push(Partner {
                system,
                peer,
                services: self.interconnected(partner),
                migration: self.migration(&partner.migration, &own),
                migration_of: self.migration_of(&partner.migration, &own),
                logme: partner.logme,
            });
        }
        if section.core.sources.is_empty() && section.core.domain.is_none() {
            self.report.wrong(
                at.clone(),
                "no SIP core: write [service-server.core] with sources = [\"ADDRESS\"], where REGISTER and PUBLISH come from",
            );
        }
        if section.token_issuer.is_empty() {
            self.report.wrong(
                at,
                "no token issuer: write a [[service-server.token-issuer]] with issuer, audience, algorithm and key-file",
            );
        }
        let direct = file
            .partner
            .iter()
            .filter_map(|p| p.get_ref().server.as_ref());
        let near = section.gateway.iter().chain(direct).map(|peer| &peer.psi);
        self.check_psis(&section.psi, near);
        let retry = self.retry(&section.retry);
        let (tokens, issuer_keys) = self.tokens(&section.token_issuer);
        let config = ServiceServerConfig {
            psi: self.report.psi(&section.psi),
            services: section.services.get_ref().clone(),
            systems: Systems { own, partners },
            core: self.core(&section.core),
            tokens,
            profile: profile.clone(),
            limits: limits.clone(),
            bounds,
            stop,
            retention,
            retry,
            migration_timeout: self.migration_timeout(section.migration_timeout.as_ref()),
            default_expires: self.duration_secs(section.default_expires.as_ref(), EXPIRES),
        };
        ServiceServerSection {
            listen: self.report.listen(&section.listen, file.tls.is_some()),
            store: self.store(&section.store),
            events: self.events(&section.events),
            issuer_keys,
            config,
        }
    }

    pub fn gateway(
        &mut self,
        file: &file::File,
        section: &Spanned<file::Gateway>,
        own: System,
        profile: &Profile,
        (limits, bounds): (&Limits, Bounds),
    ) -> GatewaySection {
        let at = section.span();
        let section = section.get_ref();
        let mut servers: Vec<(Vec<Service>, Peer)> = Vec::new();
        for server in &section.server {
            self.services(&server.services);
            let mut earlier = servers.iter().flat_map(|(services, _)| services);
            if let Some(twice) = earlier.find(|s| server.services.get_ref().contains(s)) {
                let why = format!(
                    "{twice} has its server already: write each service in one [[gateway.server]]"
                );
                self.report.wrong(server.services.span(), why);
            }
            let peer = self.report.peer_of(
                &server.psi,
                &server.next_hop,
                &server.route,
                server.sources.as_deref(),
                server.domain.as_ref(),
            );
            servers.push((server.services.get_ref().clone(), peer));
        }
        if servers.is_empty() {
            self.report.wrong(
                at,
                "nothing behind the gateway: write a [[gateway.server]] with services, psi and next-hop",
            );
        }
        let mut partners = Vec::new();
        let mut exits = Vec::new();
        for partner in &file.partner {
            let spanned = partner;
            let partner = partner.get_ref();
            // A partner that is reached directly passes no gateway.
            if !*partner.topology_hiding.get_ref() {
                continue;
            }
            let system = self.system(&partner.system, partner.domains.as_deref());
            if let Some(psi) = &partner.exit_psi {
                exits.push((self.report.psi(psi), system.id.clone()));
            }
            let peer = partner.gateway.as_ref().map(|g| self.report.peer(g));
            let missing = "topology-hiding = true, but the partner's gateway is not named: write [partner.gateway] with psi and next-hop";
            let Some(peer) = self.route(peer, spanned, &partner.topology_hiding, missing) else {
                continue;
            };
            partners.push(Partner {
                system,
                peer,
                services: self.interconnected(partner),
                migration: self.migration(&partner.migration, &own),
                migration_of: HashMap::new(),
                logme: partner.logme,
            });
        }
        let behind = section.server.iter().map(|server| &server.psi);
        let outside = file
            .partner
            .iter()
            .filter_map(|p| p.get_ref().gateway.as_ref());
        self.check_psis(&section.psi, behind.chain(outside.map(|peer| &peer.psi)));
        let host_aliases = self.host_aliases(file, &section.host_alias, &own);
        GatewaySection {
            listen: self.report.listen(&section.listen, file.tls.is_some()),
            config: GatewayConfig {
                psi: self.report.psi(&section.psi),
                systems: Systems { own, partners },
                servers,
                exits,
                host_aliases,
                core: self.core(&section.core),
                profile: profile.clone(),
                limits: limits.clone(),
                bounds,
            },
        }
    }

    /// A public service identity is one function's: who sent a request is told by it.
    fn check_psis<'a>(
        &mut self,
        own: &'a file::Text,
        others: impl Iterator<Item = &'a file::Text>,
    ) {
        let mut seen = vec![own];
        for psi in others {
            if seen.iter().any(|other| other.get_ref() == psi.get_ref()) {
                let message = format!(
                    "`{}` is another function's already: write each public service identity once",
                    psi.get_ref()
                );
                self.report.wrong(psi.span(), message);
            }
            seen.push(psi);
        }
    }

    /// The way to a partner, or a problem when there is none.
    fn route(
        &mut self,
        peer: Option<Peer>,
        partner: &Spanned<file::Partner>,
        at: &Spanned<bool>,
        missing: &str,
    ) -> Option<Peer> {
        if peer.is_none() {
            let system = partner.get_ref().system.get_ref();
            self.report.wrong(
                at.span(),
                format!("partner {system} has no route: {missing}"),
            );
        }
        peer
    }

    fn services(&mut self, services: &Spanned<Vec<Service>>) {
        if services.get_ref().is_empty() {
            self.report.wrong(
                services.span(),
                "no service: write some of \"mcptt\", \"mcvideo\", \"mcdata\"",
            );
        }
    }

    /// The services that are interconnected with a partner; all where nothing is said.
    fn interconnected(&mut self, partner: &file::Partner) -> Vec<Service> {
        match &partner.services {
            Some(services) => {
                self.services(services);
                services.get_ref().clone()
            }
            None => Service::ALL.to_vec(),
        }
    }

    fn core(&mut self, core: &file::Core) -> Core {
        Core {
            sources: self.report.sources(&core.sources),
            domain: self.report.domain(core.domain.as_ref()),
        }
    }

    fn migration(&mut self, said: &file::Migration, own: &System) -> MigrationPolicy {
        self.policy(
            own,
            said.allow,
            said.users.as_deref(),
            &said.refused_users,
            said.profile_indexes.as_deref(),
        )
    }

    fn migration_of(
        &mut self,
        said: &file::Migration,
        own: &System,
    ) -> HashMap<Service, MigrationPolicy> {
        let all = [
            (Service::Mcptt, &said.mcptt),
            (Service::McVideo, &said.mcvideo),
            (Service::McData, &said.mcdata),
        ];
        let said = all
            .into_iter()
            .filter_map(|(service, said)| Some((service, said.as_ref()?)));
        let policies = said.map(|(service, said)| {
            let (users, indexes) = (said.users.as_deref(), said.profile_indexes.as_deref());
            (
                service,
                self.policy(own, said.allow, users, &said.refused_users, indexes),
            )
        });
        policies.collect()
    }

    fn policy(
        &mut self,
        own: &System,
        allowed: bool,
        users: Option<&[file::Text]>,
        refused_users: &[file::Text],
        profile_indexes: Option<&[u32]>,
    ) -> MigrationPolicy {
        let mut read = |users: &[file::Text]| -> Vec<McId> {
            let read = users.iter().filter_map(|user| {
                let id = self.report.mc_id(user)?;
                if !own.gave(&id) {
                    let (domain, own) = (id.domain(), &own.id);
                    let why = format!(
                        "a user of {domain} is none of {own}: write own users here, as \"sip:USER@{own}\""
                    );
                    self.report.wrong(user.span(), why);
                }
                Some(id)
            });
            read.collect()
        };
        MigrationPolicy {
            allowed,
            users: users.map(&mut read),
            refused_users: read(refused_users),
            profile_indexes: profile_indexes.map(<[u32]>::to_vec),
        }
    }

    fn events(&mut self, said: &file::Events) -> EventsConfig {
        let mut webhooks: Vec<WebhookConfig> = Vec::new();
        for hook in &said.webhook {
            let url = hook.url.get_ref().clone();
            if webhooks.iter().any(|other| other.url == url) {
                let message = format!(
                    "`{url}` is written twice: one section [[service-server.events.webhook]] is enough"
                );
                self.report.wrong(hook.url.span(), message);
            }
            let roots = hook.roots.as_ref().map(|roots| self.path(roots));
            webhooks.push(WebhookConfig { url, roots });
        }
        EventsConfig {
            keep: said.keep.unwrap_or(EventsConfig::default().keep),
            file: said.file.as_ref().map(|file| self.path(file)),
            socket: said.socket.as_ref().map(|socket| self.path(socket)),
            webhooks,
        }
    }

    fn by_service<T>(
        &mut self,
        said: &file::ByService,
        otherwise: T,
        read: impl Fn(&mut Self, &file::Text) -> T,
    ) -> ByPartner<T> {
        let default = said.default.as_ref();
        let default = default.map_or(otherwise, |text| read(self, text));
        let mut services = HashMap::new();
        for service in Service::ALL {
            if let Some(text) = said.of(service) {
                services.insert(service, read(self, text));
            }
        }
        ByPartner {
            default,
            services,
            partners: HashMap::new(),
        }
    }

    fn migration_timeout(&mut self, text: Option<&file::Text>) -> Duration {
        let range = "\"1 s\" to \"30 s\"";
        self.report
            .duration_within(text, MIGRATION_TIMEOUT, &MIGRATION_TIMEOUTS, range)
    }

    fn retry(&mut self, retry: &file::Retry) -> Retry {
        let default = Retry::default();
        let (first, longest) = (retry.first.as_ref(), retry.longest.as_ref());
        let range = "at most \"1 d\": a partner that is back is not found sooner";
        let read = Retry {
            first: self.report.duration(first, default.first),
            longest: self
                .report
                .duration_within(longest, default.longest, &LONGEST_WAITS, range),
            ..default
        };
        if let Some(at) = first.or(longest)
            && (read.first.is_zero() || read.first > read.longest)
        {
            self.report.wrong(
                at.span(),
                "first is more than zero and at most longest: write for example first = \"1 s\", longest = \"5 min\"",
            );
        }
        read
    }
}
