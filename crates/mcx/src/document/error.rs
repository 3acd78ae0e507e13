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
    /// More bytes than allowed.
    TooLarge,
    /// More elements than allowed.
    TooManyElements,
    /// More levels than allowed.
    TooDeep,
    /// An element with more attributes than allowed.
    TooManyAttributes,
    /// Another root element than the media type says.
    WrongRoot,
    /// The root element in another namespace than the media type says.
    WrongNamespace,
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
            Self::TooLarge => f.write_str("MC info document too large"),
            Self::TooManyElements => f.write_str("Too many elements in MC info document"),
            Self::TooDeep => f.write_str("Elements of MC info document nested too deeply"),
            Self::TooManyAttributes => f.write_str("Too many attributes in MC info document"),
            Self::WrongRoot => f.write_str("MC info document has the wrong root element"),
            Self::WrongNamespace => {
                f.write_str("Root element of MC info document in the wrong namespace")
            }
            Self::Missing(name) => write!(f, "Missing element {name}"),
            Self::Contradiction(name) => write!(f, "Two different values for element {name}"),
            Self::Invalid(name) => write!(f, "Invalid value of element {name}"),
            Self::Encrypted(name) => write!(f, "Encrypted value of element {name} not supported"),
        }
    }
}

impl std::error::Error for DocumentError {}
