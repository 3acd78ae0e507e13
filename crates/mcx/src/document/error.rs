//! What is wrong with a document, in words that fit a reason phrase.

use std::fmt;

/// Why a document is refused. `Display` names the element and quotes nothing of its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentError {
    /// Not well-formed XML, at that byte.
    NotWellFormed(u64),
    /// Declared in another encoding than UTF-8, or not UTF-8.
    NotUtf8,
    /// It has a document type declaration.
    Dtd,
    /// It refers to an entity other than the five of XML.
    Entity,
    /// More bytes, elements or levels than allowed.
    TooLarge,
    /// Another root element or namespace than the media type says.
    WrongRoot,
    /// The element is missing.
    Missing(String),
    /// The element is there twice, with different values.
    Contradiction(String),
    /// The element's value is none of its type.
    Invalid(String),
    /// The element's value is encrypted, and there is no key.
    Encrypted(String),
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotWellFormed(at) => write!(f, "MC info document not well-formed at byte {at}"),
            Self::NotUtf8 => f.write_str("MC info document not in UTF-8"),
            Self::Dtd => f.write_str("MC info document has a DTD"),
            Self::Entity => f.write_str("MC info document has an undefined entity"),
            Self::TooLarge => f.write_str("MC info document exceeds a limit"),
            Self::WrongRoot => f.write_str("MC info document has the wrong root element"),
            Self::Missing(name) => write!(f, "Missing element {name}"),
            Self::Contradiction(name) => write!(f, "Two different values for element {name}"),
            Self::Invalid(name) => write!(f, "Invalid value of element {name}"),
            Self::Encrypted(name) => write!(f, "Encrypted value of element {name} not supported"),
        }
    }
}

impl std::error::Error for DocumentError {}
