//! Typed values: one noun a file. All borrow from the header they were parsed from, and none prints its content.

mod credentials;
mod date;
mod equivalent;
mod escapes;
mod features;
mod history;
mod host;
mod media_type;
mod name_addr;
mod network;
mod params;
mod priority;
mod product;
mod session_id;
mod small;
mod uri;
mod uri_pairs;
mod via;

pub use credentials::Credentials;
pub use date::Date;
pub use features::{AcceptContact, ChargingVector};
pub use history::HistoryEntry;
pub use host::Host;
pub use media_type::MediaType;
pub use name_addr::NameAddr;
pub use network::VisitedNetwork;
pub use params::Params;
pub(crate) use params::is_param_value;
pub use priority::ResourcePriority;
pub use product::Product;
pub use session_id::SessionId;
pub use small::{CSeq, Event, ParameterizedToken, Reason, Warning};
pub(crate) use small::{retry_after, seconds_or_an_hour, whole_number};
pub use uri::Uri;
pub use via::Via;
