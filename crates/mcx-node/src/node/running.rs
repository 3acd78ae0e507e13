//! A function that runs, and where it is told things.

use std::sync::Arc;

use mcx::{GatewayServer, Role, ServiceServer};
use tokio::sync::{mpsc, oneshot};

use super::peers::{acquaintances, peers_of_gateway, peers_of_server};
use crate::config::Config;
use crate::driver::Totals;
use crate::function::{Change, Function, Reconfigured};
use crate::function_thread::FunctionThread;
use crate::life::Life;
use crate::metrics::Measured;
use crate::transport::{Acquaintances, Counters, Listen};

/// A function that runs.
pub(super) struct Running {
    pub life: Life,
    pub changes: Changes,
    pub listening: Vec<Listen>,
    pub counters: Arc<Counters>,
    pub ended: oneshot::Receiver<Totals>,
}

impl Running {
    pub fn start<R: Role + Send + 'static>(
        changes: Changes,
        function: Function<R>,
        thread: FunctionThread,
    ) -> Self {
        Self {
            life: function.life.clone(),
            changes,
            listening: function.transports.listening().to_vec(),
            counters: function.transports.counters().clone(),
            ended: thread.run(function.run()),
        }
    }
}

/// Asks the functions of a node whether they still work.
#[derive(Clone)]
pub struct Pulse(pub(super) Vec<Changes>);

impl Pulse {
    /// Whether each of them turned to the question; it waits until they do.
    pub async fn beats(&self) -> bool {
        for changes in &self.0 {
            if !changes.is_alive().await {
                return false;
            }
        }
        true
    }

    /// What each of them has measured.
    pub async fn measured(&self) -> Vec<Measured> {
        let mut all = Vec::new();
        for changes in &self.0 {
            all.extend(changes.measured().await.map(|measured| *measured));
        }
        all
    }
}

/// Where a function is told things.
#[derive(Clone)]
pub(super) enum Changes {
    Server(mpsc::Sender<Change<ServiceServer>>),
    Gateway(mpsc::Sender<Change<GatewayServer>>),
}

impl Changes {
    /// Tells the function what holds from now on; whether it will.
    pub async fn reconfigure(&self, config: &Config, done: oneshot::Sender<()>) -> bool {
        match (self, &config.service_server, &config.gateway) {
            (Self::Server(changes), Some(section), _) => {
                let of_role = section.config.clone();
                let known = acquaintances(config, &of_role.core, peers_of_server(&of_role));
                let role = |role: &mut ServiceServer| role.reconfigure(of_role);
                changes
                    .send(changed(config, role, known, done))
                    .await
                    .is_ok()
            }
            (Self::Gateway(changes), _, Some(section)) => {
                let of_role = section.config.clone();
                let known = acquaintances(config, &of_role.core, peers_of_gateway(&of_role));
                let role = |role: &mut GatewayServer| role.reconfigure(of_role);
                changes
                    .send(changed(config, role, known, done))
                    .await
                    .is_ok()
            }
            // It is not there any more, which needs a restart.
            _ => false,
        }
    }

    /// What the function has measured; `None` when it has ended.
    async fn measured(&self) -> Option<Box<Measured>> {
        let (asker, answer) = oneshot::channel();
        let asked = match self {
            Self::Server(changes) => changes.send(Change::Measure(asker)).await.is_ok(),
            Self::Gateway(changes) => changes.send(Change::Measure(asker)).await.is_ok(),
        };
        if asked { answer.await.ok() } else { None }
    }

    /// Whether the function takes notice of a question.
    pub async fn is_alive(&self) -> bool {
        let (asker, answer) = oneshot::channel();
        let asked = match self {
            Self::Server(changes) => changes.send(Change::Alive(asker)).await.is_ok(),
            Self::Gateway(changes) => changes.send(Change::Alive(asker)).await.is_ok(),
        };
        asked && answer.await.is_ok()
    }
}

/// What a function of another configuration is told.
fn changed<R>(
    config: &Config,
    role: impl FnOnce(&mut R) + Send + 'static,
    acquaintances: Acquaintances,
    done: oneshot::Sender<()>,
) -> Change<R> {
    Change::Reconfigured(Box::new(Reconfigured {
        role: Box::new(role),
        limits: config.limits.clone(),
        bounds: config.connections.clone(),
        acquaintances,
        done,
    }))
}

/// Most changes that wait for a function.
pub(super) const MOST_CHANGES: usize = 8;
