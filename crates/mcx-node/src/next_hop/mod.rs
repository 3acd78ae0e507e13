//! Where a request goes: the targets of a next hop (RFC 3263), in which order they are tried, and which are left for later.

mod attempts;
mod down;
mod locate;
pub(crate) mod source;
mod srv;
mod target;

pub use self::attempts::{Attempt, Attempts, Next, Outcome};
pub use self::down::Down;
pub use self::locate::{Capability, LocateError, Locator};
pub use self::target::{Hop, Target, of_numeric};
