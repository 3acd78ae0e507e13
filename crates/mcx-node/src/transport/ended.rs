//! Why a connection is over.

use std::fmt;
use std::io;

use tokio_rustls::rustls::{AlertDescription, CertificateError, Error as TlsError};

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The peer closed it, or it was closed here because nobody needs it any more.
    Closed,
    /// The system says that it failed.
    Failed(io::ErrorKind),
    /// It could not be opened in time.
    NotOpened,
    /// TLS failed, or the peer is not the SIP domain that was meant.
    NotProven(Unproven),
    /// There is no room for one more connection.
    Full,
    /// A message took too long to arrive.
    Slow,
    /// The peer does not read.
    Stuck,
    /// The peer did not answer a keep-alive.
    Silent,
    /// Nothing was said for too long.
    Idle,
    /// Where the next message begins cannot be told.
    Unframed,
}

/// What TLS did not prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unproven {
    /// The peer's certificate is of yesterday.
    Expired,
    /// The peer's certificate is of tomorrow.
    NotYetValid,
    /// The authority of the peer's certificate is not known here.
    UnknownAuthority,
    /// The peer's certificate names others than who was meant (RFC 5922 §7.3).
    AnotherDomain,
    /// The peer's certificate is of no use for this, or damaged.
    Unusable,
    /// The peer did not accept the certificate of this node, or wants one.
    Refused,
    /// This node has no certificate.
    NoCertificate,
    /// Anything else: the peer speaks no TLS, or none that is understood.
    Other,
}

impl Unproven {
    /// What a failed handshake, or a connection that TLS ended, says; nothing if it was not for TLS.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<Self> {
        let inner = error.get_ref()?.downcast_ref::<TlsError>()?;
        Some(match inner {
            TlsError::InvalidCertificate(wrong) => match wrong {
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                    Self::Expired
                }
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                    Self::NotYetValid
                }
                CertificateError::UnknownIssuer => Self::UnknownAuthority,
                CertificateError::NotValidForName
                | CertificateError::NotValidForNameContext { .. } => Self::AnotherDomain,
                _ => Self::Unusable,
            },
            TlsError::AlertReceived(alert) if is_about_certificates(*alert) => Self::Refused,
            _ => Self::Other,
        })
    }

    /// In words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "the peer's certificate has expired",
            Self::NotYetValid => "the peer's certificate is not valid yet",
            Self::UnknownAuthority => {
                "the authority of the peer's certificate is not among the roots"
            }
            Self::AnotherDomain => "the peer's certificate does not name the domain that was meant",
            Self::Unusable => "the peer's certificate cannot be used",
            Self::Refused => "the peer does not accept the certificate of this node",
            Self::NoCertificate => "this node has no certificate",
            Self::Other => "the peer speaks no TLS that is understood here",
        }
    }
}

impl fmt::Display for Unproven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a peer says by that alert what it thinks of a certificate (RFC 8446 §6.2).
fn is_about_certificates(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::CertificateRequired
    )
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::Failed(kind) => return write!(f, "failed: {kind}"),
            Self::NotOpened => "could not be opened in time",
            Self::NotProven(why) => return write!(f, "TLS: {why}"),
            Self::Full => "no room for one more connection",
            Self::Slow => "closed: a message took too long to arrive",
            Self::Stuck => "the peer does not read",
            Self::Silent => "closed: no answer to a keep-alive",
            Self::Idle => "closed: nothing was said for long",
            Self::Unframed => "closed: where the next message begins cannot be told",
        })
    }
}
