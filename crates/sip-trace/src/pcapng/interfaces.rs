//! Which interface of the file a message belongs to.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::Interface;
use crate::record::{MessageRecord, Transport};

/// Most interfaces of one file. The last one is shared by all listeners and connections for which there is none left.
pub const MAX_INTERFACES: usize = 256;

/// What the names of interfaces end with that stand for the connections that a node opened.
pub(crate) const OPENED: &str = ", connections it opened";

const SHARED: &str = "all other listeners and connections";
/// Of a file without packets.
const NONE: &str = "no message";

/// A listener of a node, or, without an address, the connections that it opened.
type Key<'a> = (&'a str, Transport, Option<SocketAddr>);

/// Those that there are so far, in the order in which they were met.
#[derive(Default)]
pub(super) struct Interfaces<'a> {
    numbers: HashMap<Key<'a>, u32>,
    described: Vec<Interface>,
}

impl<'a> Interfaces<'a> {
    /// The number of the interface that carried a message of this node.
    pub(super) fn of(&mut self, node: &'a str, message: &MessageRecord) -> u32 {
        let listener = (!message.opened_here).then_some(message.local);
        let key = (node, message.transport, listener);
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let last = MAX_INTERFACES - 1;
        if self.described.len() > last {
            return number(last);
        }
        let number = number(self.described.len());
        let name = match self.described.len() == last {
            true => SHARED.to_owned(),
            false => {
                self.numbers.insert(key, number);
                name(key)
            }
        };
        self.described.push(Interface { name });
        number
    }

    pub(super) fn described(mut self) -> Vec<Interface> {
        if self.described.is_empty() {
            let name = NONE.to_owned();
            self.described.push(Interface { name });
        }
        self.described
    }
}

/// There are few.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

fn name((node, transport, listener): Key<'_>) -> String {
    match listener {
        Some(local) => format!("{node} · {transport} {local}"),
        None => format!("{node} · {transport}{OPENED}"),
    }
}
