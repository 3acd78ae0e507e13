//! MC service server and MC gateway server: the migration procedures of 3GPP TS 23.280
//! clause 10.6.3 as pure state machines.
//!
//! Nothing in this crate knows a socket, a SIP transaction, a database, a clock or a source of
//! randomness. A role ([`ServiceServer`], [`GatewayServer`]) is handed an [`Input`] with the
//! time at which it happened and answers with [`Effect`]s; whoever drives it (the program
//! `mcx`, a simulated network, a model checker) carries them out:
//!
//! ```text
//! Input::Request ─▶ Role::handle ─▶ Effect::Store(batch) ─▶ … durable … ─▶ Input::Stored ─▶ Effect::Respond
//!                                └▶ Effect::Send(request) ─▶ … answer … ─▶ Input::Answer
//! ```
//!
//! What is durable is changed in one place only, [`state::apply()`]: a pure function over rows
//! that every store runs inside its own transaction. So the order of stays (L2) and "once" (L3)
//! are decided by the same code in SQLite, in memory and in a model.
//!
//! The requirement ids (P1.4, L2, …) are those of `docs/conformance.md`.

mod answer;
mod availability;
mod charging;
mod delivery;
pub mod document;
mod gateway;
mod id;
mod incoming;
pub mod marking;
mod names;
mod outgoing;
mod random;
mod role;
mod service_server;
pub mod state;
mod time;
mod token;
mod topology;
mod trust;

pub use answer::{Refusal, Warning};
pub use availability::Availability;
pub use delivery::Retry;
pub use gateway::{GatewayConfig, GatewayServer, HostAlias};
pub use id::{InvalidId, McId, ProcedureId, SystemId};
pub use names::{KindElement, MessageKind, Profile, Service, ServiceProfile};
pub use random::Random;
pub use role::{
    Decision, Effect, Input, Order, OrderId, Ordered, RequestId, Role, SendFailure, SendId,
    StoreFailure, StoreId, Weight,
};
pub use service_server::{ByPartner, ServiceServer, ServiceServerConfig, Stop};
pub use time::{Now, Timestamp};
pub use token::{Algorithm, Claims, Issuer, IssuerKeyError, Tokens};
pub use topology::{
    Core, MigrationPolicy, NextHop, Origin, Partner, Peer, Source, System, Systems,
};
pub use trust::Sender;
