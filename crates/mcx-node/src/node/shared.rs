//! What the functions of a node share, and how one is made of it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use mcx::Role;
use sip_message::Limits;
use sip_trace::Recorder;
use sip_transaction::Transport;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::StartError;
use super::running::MOST_CHANGES;
use crate::admin::Orders;
use crate::congestion::Congestion;
use crate::driver::Driver;
use crate::function::{Change, Function};
use crate::function_thread::FunctionThread;
use crate::life::Life;
use crate::next_hop::{Capability, Locator};
use crate::outbox_reading::OutboxReading;
use crate::transport::tls::Tls;
use crate::transport::{Acquaintances, Bounds, Listen, Setup, Transports};

/// What the functions of a node share.
pub(super) struct Common {
    pub node: Arc<str>,
    pub tls: Option<Arc<Tls>>,
    /// What runs beside the functions.
    pub workers: Handle,
    pub recorder: Recorder,
    pub transactions: sip_transaction::Config,
    pub bounds: Bounds,
    pub limits: Limits,
    pub dns: Option<Vec<SocketAddr>>,
}

impl Common {
    pub fn bind(
        &self,
        thread: &FunctionThread,
        listen: Vec<Listen>,
        acquaintances: Acquaintances,
    ) -> Result<Transports, StartError> {
        let setup = Setup {
            workers: Some(self.workers.clone()),
            listen,
            tls: self.tls.clone(),
            bounds: self.bounds.clone(),
            limits: self.limits.clone(),
            acquaintances,
        };
        let _of_it = thread.enter();
        Transports::bind(setup, self.recorder.clone())
            .map_err(|(listen, error)| StartError::Listen(listen, error))
    }

    /// A function without a store.
    pub fn function<R: Role>(
        &self,
        life: Life,
        role: R,
        transports: Transports,
    ) -> Result<(mpsc::Sender<Change<R>>, Function<R>), StartError> {
        let driver = Driver::new(
            role,
            transports.listening().to_vec(),
            self.limits.clone(),
            self.transactions.clone(),
            seed()?,
        );
        let can = capabilities(transports.listening(), self.tls.is_some());
        let (change, changes) = mpsc::channel(MOST_CHANGES);
        let function = Function {
            node: self.node.clone(),
            life,
            changes,
            driver,
            transports,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            congestion: Congestion::new(Instant::now()),
            emptied: Instant::now(),
            looked: Instant::now(),
            locator: Locator::new(self.dns.as_deref(), can),
            locating: JoinSet::new(),
            opening: None,
            store: None,
            complained: None,
            outbox: OutboxReading::default(),
            orders: Orders::default(),
            recorder: self.recorder.clone(),
            about: None,
        };
        Ok((change, function))
    }
}

/// What a function that listens there can send with, preferred first (RFC 3263 §4.1). Connections can be opened by
/// everybody, with TLS by who has a certificate.
fn capabilities(listening: &[Listen], tls: bool) -> Vec<Capability> {
    let udp = listening.iter().filter(|l| l.transport == Transport::Udp);
    let mut all: Vec<_> = udp.map(|l| (Transport::Udp, l.address.is_ipv4())).collect();
    let connections = [(Transport::Tcp, true), (Transport::Tls, tls)];
    for (transport, _) in connections.into_iter().filter(|(_, can)| *can) {
        all.extend(listening.iter().map(|l| (transport, l.address.is_ipv4())));
    }
    let of = |(transport, is_ipv4)| Capability { transport, is_ipv4 };
    let mut distinct: Vec<Capability> = Vec::new();
    for capability in all.into_iter().map(of) {
        if !distinct.contains(&capability) {
            distinct.push(capability);
        }
    }
    distinct
}

pub(super) fn seed() -> Result<[u8; 32], StartError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|_| StartError::Seed)?;
    Ok(seed)
}
