//! What a node has beside its functions: a recorder, and where it is asked.

use std::net::SocketAddr;
use std::sync::Arc;

use mcx::state::Command;
use mcx_store::Store;
use sip_trace::{Capacity, Recorder};
use tracing::warn;

use super::StartError;
use crate::collector::Collector;
use crate::config::{AdminSocket, Config};
use crate::{boot, clock, http, local_socket, trace};

/// The flight recorder, and the thread that empties it: none where nobody wants to know.
pub(super) fn recorder(
    config: &Config,
) -> Result<(Recorder, Option<std::thread::JoinHandle<()>>), StartError> {
    let recorder = match config.ring {
        0 => Recorder::off(),
        bytes => Recorder::new(
            &config.name,
            Capacity {
                bytes,
                ..Capacity::default()
            },
        ),
    };
    let (file, wanted) = (config.trace_file.as_deref(), config.collector.as_ref());
    if file.is_none() && wanted.is_none() {
        return Ok((recorder, None));
    }
    let started = wanted.map(|wanted| Collector::start(wanted, config, recorder.reader()));
    let collector = started.transpose().map_err(StartError::Collector)?;
    let thread = trace::start(file, collector, recorder.reader()).map_err(|error| {
        let path = file.map(std::path::Path::to_path_buf);
        StartError::Trace(path.unwrap_or_default(), error)
    })?;
    Ok((recorder, Some(thread)))
}

/// The admin socket; `None` where it cannot be had and the node can be without.
pub(super) fn admin_socket(
    admin: &AdminSocket,
) -> Result<Option<local_socket::Listener>, StartError> {
    match local_socket::Listener::bind(&admin.path) {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if admin.dispensable => {
            let path = admin.path.display();
            warn!(%path, %error, "nobody can ask this gateway: write admin into [gateway]");
            Ok(None)
        }
        Err(error) => Err(StartError::Admin(admin.path.clone(), error)),
    }
}

/// The HTTP listener, and where it is.
pub(super) fn http_listener(
    address: Option<SocketAddr>,
) -> Result<Option<(http::Listener, SocketAddr)>, StartError> {
    let Some(address) = address else {
        return Ok(None);
    };
    let bound = http::Listener::bind(address);
    let with_address = bound.and_then(|listener| Ok((listener.address()?, listener)));
    match with_address {
        Ok((address, listener)) => Ok(Some((listener, address))),
        Err(error) => Err(StartError::Http(address, error)),
    }
}

/// Tells the store how the clocks stand; queued when this returns.
pub(super) fn anchor_clock(store: &Arc<dyn Store>) -> impl Future<Output = ()> + Send + 'static {
    let at = clock::now().wall;
    let applied =
        boot::anchor().map(|anchor| store.apply(vec![Command::ClockAnchored { anchor, at }]));
    async move {
        match applied {
            None => warn!(
                "this system does not tell how long it runs: a clock that is set while no node runs goes unseen"
            ),
            Some(applied) => {
                if let Err(error) = applied.await {
                    warn!(%error, "the store does not know how the clocks stand");
                }
            }
        }
    }
}
