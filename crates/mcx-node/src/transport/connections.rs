//! The connections of a function by the paths of its transactions: found, reused, opened where there is none.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use sip_transaction::{Path, Transport};
use tokio::runtime;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use super::admission::{Acquaintances, Admission};
use super::connection::{Common, Item};
use super::ended::{Ended, Unproven};
use super::handle::{self, Handle};
use super::listener::Listener;
use super::numbers::Numbers;
use super::opening::Opening;
use super::tls::{Identity, Tls};

/// Most messages of connections that wait for the function; connections stop reading beyond.
const INBOX: usize = 1_024;

/// All connections of one function, and its listeners.
#[derive(Debug)]
pub(super) struct Connections {
    common: watch::Sender<Arc<Common>>,
    admission: Arc<Admission>,
    numbers: Arc<Numbers>,
    tls: Option<Arc<Tls>>,
    /// Where hands are shaken.
    workers: runtime::Handle,
    open: HashMap<Path, Handle>,
    /// Connections that authenticated peers opened, by the address that they may be reached at instead (RFC 5923).
    aliases: HashMap<SocketAddr, Path>,
    sender: mpsc::Sender<Item>,
    inbox: mpsc::Receiver<Item>,
    listeners: Vec<AbortHandle>,
}

/// What a connection brought.
#[derive(Debug)]
pub(super) enum Brought {
    Message {
        path: Path,
        message: Result<sip_message::Message, sip_message::ParseError>,
        last: bool,
    },
    Lost(Path, Ended),
}

impl Connections {
    pub fn new(
        common: Arc<Common>,
        admission: Admission,
        tls: Option<Arc<Tls>>,
        workers: runtime::Handle,
    ) -> Self {
        let (sender, inbox) = mpsc::channel(INBOX);
        let (common, _) = watch::channel(common);
        Self {
            common,
            admission: Arc::new(admission),
            numbers: Arc::default(),
            tls,
            workers,
            open: HashMap::new(),
            aliases: HashMap::new(),
            sender,
            inbox,
            listeners: Vec::new(),
        }
    }

    /// Takes connections from a listener.
    pub fn listen(&mut self, socket: tokio::net::TcpListener, local: SocketAddr, tls: bool) {
        let listener = Listener {
            socket,
            local,
            tls: self.tls.clone().filter(|_| tls),
            workers: self.workers.clone(),
            admission: self.admission.clone(),
            numbers: self.numbers.clone(),
            common: self.common.subscribe(),
            inbox: self.sender.clone(),
            complaints: Arc::default(),
        };
        let task = tokio::spawn(listener.run());
        self.listeners.push(task.abort_handle());
    }

    /// Goes by another configuration from now on: connections that are open keep to the one that they were opened under.
    pub fn change(&self, common: Arc<Common>, acquaintances: Acquaintances) {
        self.admission.change(common.bounds.clone(), acquaintances);
        self.common.send_replace(common);
    }

    /// Waits for what a connection tells.
    pub async fn next(&mut self) -> Option<Item> {
        self.inbox.recv().await
    }

    /// What a connection has told.
    pub fn try_next(&mut self) -> Option<Item> {
        self.inbox.try_recv().ok()
    }

    /// Takes in what a connection told; what of it concerns transactions.
    pub fn take(&mut self, item: Item) -> Option<Brought> {
        match item {
            Item::Accepted(path, handle) => {
                // An earlier connection with the same addresses is over, even if its end was not heard yet.
                self.open.insert(path, handle);
                None
            }
            Item::Opened(path, number, identity) => {
                if let Some(handle) = self.open.get_mut(&path)
                    && handle.number == number
                {
                    handle.identity = Some(identity);
                }
                None
            }
            Item::Alias(path, port) => {
                if let Some(handle) = self.open.get_mut(&path) {
                    let address = SocketAddr::new(path.peer.ip(), port);
                    handle.alias = Some(address);
                    self.aliases.insert(address, path);
                }
                None
            }
            Item::Message {
                path,
                message,
                last,
            } => Some(Brought::Message {
                path,
                message,
                last,
            }),
            Item::Closed(path, number, ended) => {
                let is_this = self.open.get(&path).is_some_and(|h| h.number == number);
                if !is_this {
                    return None;
                }
                self.forget(path);
                Some(Brought::Lost(path, ended))
            }
        }
    }

    /// Sends a message on the connection of `path`; opens it when there is none. `domain` is who has to be there
    /// (TLS), `alternative` where else an answer may go (RFC 3261 §18.2.2).
    ///
    /// # Errors
    /// It cannot be sent.
    pub fn send(
        &mut self,
        path: Path,
        domain: Option<&Arc<str>>,
        alternative: Option<SocketAddr>,
        bytes: Bytes,
    ) -> Result<(), Ended> {
        let common = self.common.borrow().clone();
        if let Some(handle) = self.connection(path, domain) {
            // Who is there has to be who is meant; nobody is known before the handshake, which checks it.
            if let (Some(domain), Some(identity)) = (domain, &handle.identity)
                && !identity.is(domain)
            {
                return Err(Ended::NotProven(Unproven::AnotherDomain));
            }
            match handle.send(&common, bytes.clone()) {
                // It ended, and that was not heard yet.
                Err(Ended::Closed) => self.forget(path),
                sent => return sent,
            }
        }
        let path = match alternative {
            None => path,
            Some(peer) => {
                let path = Path { peer, ..path };
                if let Some(handle) = self.open.get(&path) {
                    return handle.send(&common, bytes);
                }
                path
            }
        };
        let handle = self.open(path, domain)?;
        handle.send(&common, bytes)?;
        self.open.insert(path, handle);
        Ok(())
    }

    /// Lets a connection go: what is queued is written, then it ends.
    pub fn release(&mut self, path: Path) {
        self.forget(path);
    }

    /// Who the peer of a connection has proven to be.
    pub fn identity(&self, path: Path) -> Option<&Identity> {
        self.open.get(&path)?.identity.as_ref()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.admission.connections()
    }

    /// The open connection that serves `path`: its own, or one that the peer itself opened and offers (RFC 5923 §5: only
    /// where its certificate proves the domain that is meant).
    fn connection(&self, path: Path, domain: Option<&Arc<str>>) -> Option<&Handle> {
        if let Some(handle) = self.open.get(&path) {
            return Some(handle);
        }
        if path.transport != Transport::Tls {
            return None;
        }
        let handle = self.open.get(self.aliases.get(&path.peer)?)?;
        let proven = handle.identity.as_ref()?.is(domain?);
        proven.then_some(handle)
    }

    /// Begins to open a connection.
    fn open(&self, path: Path, domain: Option<&Arc<str>>) -> Result<Handle, Ended> {
        let tls = match (path.transport, &self.tls) {
            (Transport::Tls, None) => {
                return Err(Ended::NotProven(Unproven::NoCertificate));
            }
            (Transport::Tls, Some(tls)) => Some((tls.clone(), domain.cloned())),
            _ => None,
        };
        let room = self.admission.open().ok_or(Ended::Full)?;
        let number = self.numbers.next();
        let (handle, queue) = handle::handle(number, None);
        let opening = Opening {
            path,
            number,
            common: self.common.borrow().clone(),
            inbox: self.sender.clone(),
            queue,
            room,
            tls,
            workers: self.workers.clone(),
        };
        tokio::spawn(opening.run());
        Ok(handle)
    }

    fn forget(&mut self, path: Path) {
        let handle = self.open.remove(&path);
        if let Some(alias) = handle.and_then(|handle| handle.alias)
            && self.aliases.get(&alias) == Some(&path)
        {
            self.aliases.remove(&alias);
        }
    }

    /// Lets all connections go, and hears them until they have written what was queued.
    pub async fn close(mut self) {
        for listener in self.listeners.drain(..) {
            listener.abort();
        }
        self.open.clear();
        let mut inbox = self.inbox;
        drop(self.sender);
        while inbox.recv().await.is_some() {}
    }
}
