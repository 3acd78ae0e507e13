//! What an operator wants of the node as a whole, on its way to whoever runs it.

use tokio::sync::oneshot;

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directive {
    /// Read the configuration anew.
    Reload,
    /// Take leave, finish, end.
    Drain,
}

/// A directive on its way.
#[derive(Debug)]
pub struct Directed {
    /// What is wanted.
    pub directive: Directive,
    /// By whom.
    pub by: String,
    /// Takes what became of it, or why it was refused.
    pub done: oneshot::Sender<Result<String, String>>,
}
