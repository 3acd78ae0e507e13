//! Checks of addresses and files against each other.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use mcx::NextHop;
use sip_transaction::Transport;

use super::file::{self, Text};
use super::load::Loader;
use super::values::{NO_TLS, parse_listen};
use super::{AdminSocket, Lines};
use crate::next_hop::{self, Hop};

impl Loader<'_, '_> {
    /// Where what depends on the machine is written.
    pub fn lines(&self, file: &file::File) -> Lines {
        let of = |text: &Text| self.report.line(&text.span());
        let all = |list: &[Text]| list.iter().map(of).collect();
        let server = file.service_server.as_ref().map(|s| s.get_ref());
        let gateway = file.gateway.as_ref().map(|g| g.get_ref());
        Lines {
            http: file.http.as_ref().map_or(0, |http| of(&http.listen)),
            trace_file: file.trace.file.as_ref().map_or(0, of),
            watches: file.trace.watches.as_ref().map_or(0, of),
            pseudonyms: file
                .trace
                .collector
                .as_ref()
                .map_or(0, |c| c.pseudonyms.as_ref().map_or(0, of)),
            certificate: file.tls.as_ref().map_or(0, |tls| of(&tls.certificate)),
            key: file.tls.as_ref().map_or(0, |tls| of(&tls.key)),
            roots: file.tls.as_ref().map_or(0, |tls| of(&tls.roots)),
            store: server.map_or(0, |s| of(&s.store)),
            admin: admin_text(file).or(server.map(|s| &s.store)).map_or(0, of),
            events_file: server.map_or(0, |s| s.events.file.as_ref().map_or(0, of)),
            events_socket: server.map_or(0, |s| s.events.socket.as_ref().map_or(0, of)),
            webhooks: server.map_or(Vec::new(), |s| {
                s.events.webhook.iter().map(|hook| of(&hook.url)).collect()
            }),
            service_server: server.map_or(Vec::new(), |s| all(s.listen.get_ref())),
            gateway: gateway.map_or(Vec::new(), |g| all(g.listen.get_ref())),
        }
    }

    /// The admin socket: what is written, or else beside the store, or else beside the configuration, named like the node.
    pub fn admin(&mut self, file: &file::File) -> AdminSocket {
        let server = file.service_server.as_ref().map(|s| s.get_ref());
        let gateway = file.gateway.as_ref().map(|g| g.get_ref());
        let of_gateway = gateway.and_then(|g| g.admin.as_ref());
        if let (Some(second), Some(_)) = (of_gateway, server.and_then(|s| s.admin.as_ref())) {
            self.report.wrong(
                second.span(),
                "a node has one admin socket, for both functions: write admin in one section",
            );
        }
        let written = admin_text(file);
        AdminSocket {
            path: written.map_or_else(|| self.unwritten_admin(file), |text| self.path(text)),
            dispensable: written.is_none() && server.is_none(),
        }
    }

    fn unwritten_admin(&self, file: &file::File) -> PathBuf {
        beside(match &file.service_server {
            Some(server) => self.path(&server.get_ref().store),
            None => self.folder.join(file.node.name.get_ref()),
        })
    }

    /// The store: a file, which not every path is to SQLite.
    pub fn store(&mut self, text: &Text) -> PathBuf {
        let value = text.get_ref();
        if value.is_empty() || value.starts_with(':') || value.starts_with("file:") {
            let why = format!("`{value}` is no path of a store: write store = \"FILE.sqlite\"");
            self.report.wrong(text.span(), why);
        }
        self.path(text)
    }

    /// What the node writes and listens on is each a file of its own, none of them the configuration or the store's.
    pub fn check_own_files(&mut self, file: &file::File) {
        let server = file.service_server.as_ref().map(|s| s.get_ref());
        let store = server.map(|s| self.path(&s.store));
        let mut own = Vec::new();
        if admin_text(file).is_none() {
            own.push((self.unwritten_admin(file), "admin socket"));
        }
        for (text, what, example) in [
            (file.trace.file.as_ref(), "trace file", "trace.ndjson"),
            (
                server.and_then(|s| s.events.file.as_ref()),
                "file of events",
                "events.ndjson",
            ),
            (
                server.and_then(|s| s.events.socket.as_ref()),
                "events socket",
                "events.sock",
            ),
            (admin_text(file), "admin socket", "node.admin"),
            (
                file.trace.raw_audit.as_ref(),
                "audit of raw exports",
                "raw-exports.ndjson",
            ),
            (file.trace.watches.as_ref(), "folder of watches", "watches"),
        ] {
            let Some(text) = text else { continue };
            if text.get_ref().is_empty() {
                let why =
                    format!("the {what} has an empty path: write one, for example \"{example}\"");
                self.report.wrong(text.span(), why);
                continue;
            }
            let path = self.path(text);
            let other = if same_file(&path, self.report.file()) {
                Some("this configuration file".to_owned())
            } else if store
                .as_ref()
                .is_some_and(|store| is_of_store(&path, store))
            {
                Some("a file of the store".to_owned())
            } else {
                let taken = |(other, _): &&(PathBuf, &str)| same_file(&path, other);
                own.iter()
                    .find(taken)
                    .map(|(_, what)| format!("the {what} too"))
            };
            if let Some(other) = other {
                let message = format!(
                    "the {what} is {other}: write the path of a file of its own, for example \"{example}\""
                );
                self.report.wrong(text.span(), message);
            }
            own.push((path, what));
        }
    }

    /// An address is listened on once, and is one that an answer can be sent to.
    pub fn check_listen(&mut self, file: &file::File) {
        let mut seen = Vec::new();
        let (server, gateway) = listen_texts(file);
        for text in server.iter().chain(gateway) {
            let Some(listen) = parse_listen(text.get_ref()) else {
                continue;
            };
            let address = listen.address;
            if address.ip().is_unspecified() {
                self.report.wrong(
                    text.span(),
                    format!("`{}` means every address of this machine, but Via and Contact need one (RFC 3261 §18.1.1): write the machine's own address", text.get_ref()),
                );
            }
            // TLS is spoken on a port of TCP.
            let port = (listen.transport == Transport::Udp, address);
            if seen.contains(&port) {
                self.report.wrong(
                    text.span(),
                    format!(
                        "`{}` is listened on already: write each address once",
                        text.get_ref()
                    ),
                );
            }
            // Port 0 is another one each time.
            if address.port() != 0 {
                seen.push(port);
            }
        }
        let Some(http) = file.http.as_ref().map(|http| &http.listen) else {
            return;
        };
        let of_http = http.get_ref().parse::<SocketAddr>().ok();
        let mut listen = server.iter().chain(gateway);
        let taken = listen.find(|text| {
            parse_listen(text.get_ref()).is_some_and(|listen| {
                let is_same = Some(listen.address) == of_http && listen.address.port() != 0;
                is_same && listen.transport != Transport::Udp
            })
        });
        if let Some(taken) = taken {
            let why = format!(
                "`{}` is listened on already, for SIP (`{}`): write another port",
                http.get_ref(),
                taken.get_ref()
            );
            self.report.wrong(http.span(), why);
        }
    }

    /// Where the SIP core has to prove a domain, there is a listener on which it can.
    pub fn check_core_domains(&mut self, file: &file::File) {
        let (server, gateway) = listen_texts(file);
        let server = file
            .service_server
            .as_ref()
            .map(|s| (&s.get_ref().core, server));
        let gateway = file.gateway.as_ref().map(|g| (&g.get_ref().core, gateway));
        for (core, listen) in [server, gateway].into_iter().flatten() {
            let mut listen = listen
                .iter()
                .filter_map(|text| parse_listen(text.get_ref()));
            let over_tls = listen.any(|listen| listen.transport == Transport::Tls);
            if let Some(domain) = core.domain.as_ref().filter(|_| !over_tls) {
                self.report.wrong(
                    domain.span(),
                    "nobody can prove a domain here: listen on \"tls:ADDRESS:PORT\" too, or leave out domain",
                );
            }
        }
    }

    /// No function sends to itself; a node's server and gateway may send to each other. Who sends over TLS has a
    /// certificate.
    pub fn check_next_hops(&mut self, file: &file::File) {
        let (server, gateway) = listen_texts(file);
        let server: Vec<_> = server.iter().filter_map(address).collect();
        let gateway: Vec<_> = gateway.iter().filter_map(address).collect();
        let both = [server.as_slice(), &gateway].concat();
        let mut hops: Vec<(&Text, &[SocketAddr])> = Vec::new();
        if let Some(peer) = own_gateway(file) {
            hops.push((&peer.next_hop, &server));
        }
        for behind in file.gateway.iter().flat_map(|g| &g.get_ref().server) {
            hops.push((&behind.next_hop, &gateway));
        }
        for partner in &file.partner {
            let partner = partner.get_ref();
            for peer in [&partner.server, &partner.gateway].into_iter().flatten() {
                hops.push((&peer.next_hop, &both));
            }
        }
        for (hop, own) in hops {
            if file.tls.is_none() && is_over_tls(hop) {
                self.report.wrong(
                    hop.span(),
                    format!("`{}` needs a certificate: {NO_TLS}", hop.get_ref()),
                );
            }
            if address_of(hop).is_some_and(|address| own.contains(&address)) {
                self.report.wrong(
                    hop.span(),
                    format!("next-hop `{}` is this node's own listening address: write the other one's, \"sip:ADDRESS:PORT\"", hop.get_ref()),
                );
            }
        }
    }
}

/// The admin socket of a node of which none is written.
pub(super) fn beside(path: PathBuf) -> PathBuf {
    let mut path = path.into_os_string();
    path.push(".admin");
    path.into()
}

fn is_over_tls(hop: &Text) -> bool {
    let (uri, domain) = (hop.get_ref().clone(), None);
    Hop::of(&NextHop { uri, domain }).is_ok_and(|hop| hop.transport == Some(Transport::Tls))
}

/// The admin socket as written.
fn admin_text(file: &file::File) -> Option<&Text> {
    let server = file.service_server.as_ref().map(|s| s.get_ref());
    let gateway = file.gateway.as_ref().map(|g| g.get_ref());
    let of_server = server.and_then(|s| s.admin.as_ref());
    of_server.or(gateway.and_then(|g| g.admin.as_ref()))
}

/// The listening addresses as written: of the server, of the gateway.
fn listen_texts(file: &file::File) -> (&[Text], &[Text]) {
    let server = file.service_server.as_ref().map(|s| &s.get_ref().listen);
    let gateway = file.gateway.as_ref().map(|g| &g.get_ref().listen);
    (
        server.map_or(&[], |l| l.get_ref()),
        gateway.map_or(&[], |l| l.get_ref()),
    )
}

fn own_gateway(file: &file::File) -> Option<&file::Peer> {
    file.service_server.as_ref()?.get_ref().gateway.as_ref()
}

fn address(text: &Text) -> Option<SocketAddr> {
    parse_listen(text.get_ref()).map(|listen| listen.address)
}

fn address_of(hop: &Text) -> Option<SocketAddr> {
    let (uri, domain) = (hop.get_ref().clone(), None);
    let target = next_hop::of_numeric(&NextHop { uri, domain })?;
    Some(target.address)
}

/// Whether `path` is the store or one of the files that stand beside it.
fn is_of_store(path: &Path, store: &Path) -> bool {
    let mut ends = ["", "-wal", "-shm", "-journal"].into_iter();
    ends.any(|end| {
        let mut name = store.as_os_str().to_owned();
        name.push(end);
        same_file(path, Path::new(&name))
    })
}

/// Whether both paths lead to one file, which need not exist yet.
fn same_file(one: &Path, other: &Path) -> bool {
    let resolved = |path: &Path| {
        path.canonicalize().or_else(|_| {
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new(".")).canonicalize()?;
            Ok::<_, std::io::Error>(folder.join(path.file_name().unwrap_or_default()))
        })
    };
    let same_inode = || {
        use std::os::unix::fs::MetadataExt as _;
        let id = |path: &Path| path.metadata().map(|m| (m.dev(), m.ino())).ok();
        id(one).is_some_and(|one| Some(one) == id(other))
    };
    one == other
        || matches!((resolved(one), resolved(other)), (Ok(one), Ok(other)) if one == other)
        || same_inode()
}
