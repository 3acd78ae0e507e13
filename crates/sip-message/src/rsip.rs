//! Conversions to and from the types of the crate [`rsip`](https://docs.rs/rsip/0.4) 0.4, for programs that speak it.

mod error;
mod header;
mod host;
mod message;
mod name_addr;
mod params;
mod small;
mod start_line;
mod text;
mod uri;
mod via;

pub use error::{ConversionError, ConversionErrorKind};
pub use header::HeaderField;
pub use uri::UriBuf;
