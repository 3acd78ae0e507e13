//! Access tokens: JSON Web Tokens (RFC 7519) of the identity management servers that
//! configuration lists (TS 33.180 clause 5.1, annex B).

use std::collections::HashMap;
use std::fmt;

use jsonwebtoken::{Algorithm as JwtAlgorithm, DecodingKey, Validation};
use serde::Deserialize;

use crate::{McId, Service, ServiceProfile, Timestamp};

/// Longest token accepted, in bytes.
const MAX_TOKEN: usize = 16 * 1024;

/// Signature algorithm of an issuer's tokens (RFC 7518 §3.1, RFC 8037). All are asymmetric: a
/// server that checks tokens cannot make any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// Ed25519.
    EdDSA,
}

/// One issuer of tokens.
#[derive(Clone)]
pub struct Issuer {
    issuer: String,
    audience: String,
    key: DecodingKey,
    validation: Validation,
    /// Of which services it names the users; of all where none are named.
    services: Vec<Service>,
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

/// A key file that holds no public key for the algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IssuerKeyError(pub Algorithm);

impl fmt::Display for IssuerKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no PEM public key for {:?}", self.0)
    }
}

impl std::error::Error for IssuerKeyError {}

impl Issuer {
    /// An issuer whose tokens carry `iss` = `issuer` and `audience` among `aud`, signed with the
    /// private key to the public key in `pem`.
    ///
    /// # Errors
    /// `pem` holds no public key for `algorithm`.
    pub fn new(
        issuer: &str,
        audience: &str,
        algorithm: Algorithm,
        pem: &[u8],
    ) -> Result<Self, IssuerKeyError> {
        let (jwt, key) = match algorithm {
            Algorithm::RS256 => (JwtAlgorithm::RS256, DecodingKey::from_rsa_pem(pem)),
            Algorithm::ES256 => (JwtAlgorithm::ES256, DecodingKey::from_ec_pem(pem)),
            Algorithm::EdDSA => (JwtAlgorithm::EdDSA, DecodingKey::from_ed_pem(pem)),
        };
        let mut validation = Validation::new(jwt);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        // The time is an argument; the library would ask the system clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Ok(Self {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            key: key.map_err(|_| IssuerKeyError(algorithm))?,
            validation,
            services: Vec::new(),
        })
    }

    /// The same issuer, whose word counts for users of these services alone.
    #[must_use]
    pub fn for_services(mut self, services: Vec<Service>) -> Self {
        self.services = services;
        self
    }

    fn names_users_of(&self, service: Service) -> bool {
        self.services.is_empty() || self.services.contains(&service)
    }
}

/// What a verified token says.
#[derive(Clone, Deserialize)]
pub struct Claims {
    exp: u64,
    #[serde(default)]
    nbf: u64,
    #[serde(flatten)]
    rest: HashMap<String, serde_json::Value>,
}

/// Shows the times, not the identities.
impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims")
            .field("exp", &self.exp)
            .field("nbf", &self.nbf)
            .finish_non_exhaustive()
    }
}

impl Claims {
    /// The user of a service.
    ///
    /// # Errors
    /// The token names none.
    pub fn user(&self, profile: &ServiceProfile) -> Result<McId, TokenError> {
        let value = self.rest.get(&profile.claim).and_then(|v| v.as_str());
        McId::parse(value.ok_or(TokenError::NoIdentity)?).map_err(|_| TokenError::NoIdentity)
    }

    /// When the token's validity ends.
    #[must_use]
    pub fn expires(&self) -> Timestamp {
        Timestamp(self.exp.saturating_mul(1000))
    }
}

/// Why a token proves nothing. All of them are answered 403 with 101; the difference is for the
/// engineer who traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// There is no token in the document.
    Missing,
    /// Not three base64url parts of JSON, or too long.
    Malformed,
    /// Not signed, or with an algorithm that the issuer does not use.
    Algorithm,
    /// No configured issuer signed it.
    Signature,
    /// Of an issuer, or for an audience, that is not configured.
    Issuer,
    /// Its validity is over, or has not begun.
    Expired,
    /// It names no user of that service.
    NoIdentity,
    /// It is for another id than the message says, or for one that this system did not give.
    AnotherIdentity,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "the document carries no access token",
            Self::Malformed => "the access token is no JWT",
            Self::Algorithm => "the access token is unsigned or of another algorithm",
            Self::Signature => "the access token's signature is not the issuer's",
            Self::Issuer => "the access token is of another issuer or for another audience",
            Self::Expired => "the access token is not valid at this time",
            Self::NoIdentity => "the access token names no user of this service",
            Self::AnotherIdentity => "the access token is for another id",
        })
    }
}

impl std::error::Error for TokenError {}

/// The issuers whose tokens are accepted.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    issuers: Vec<Issuer>,
}

impl Tokens {
    /// Accepts tokens of these issuers.
    #[must_use]
    pub fn new(issuers: Vec<Issuer>) -> Self {
        Self { issuers }
    }

    /// Verifies a token: signature, issuer, audience, time.
    ///
    /// # Errors
    /// Says why it proves nothing.
    pub fn verify(&self, token: &str, at: Timestamp) -> Result<Claims, TokenError> {
        self.verify_by(token, at, |_| true)
    }

    fn verify_by(
        &self,
        token: &str,
        at: Timestamp,
        counts: impl Fn(&Issuer) -> bool,
    ) -> Result<Claims, TokenError> {
        if token.len() > MAX_TOKEN || token.split('.').count() != 3 {
            return Err(TokenError::Malformed);
        }
        let mut last = TokenError::Issuer;
        for issuer in self.issuers.iter().filter(|issuer| counts(issuer)) {
            match issuer.verify(token) {
                Ok(claims) if claims.exp <= at.as_secs() || claims.nbf > at.as_secs() => {
                    return Err(TokenError::Expired);
                }
                Ok(claims) => return Ok(claims),
                // Another issuer's key or name is no news while one may still fit.
                Err(TokenError::Issuer) => {}
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Verifies a token and takes the user of a service from it.
    ///
    /// # Errors
    /// Says why it proves nothing.
    pub fn user(
        &self,
        token: Option<&str>,
        service: Service,
        profile: &ServiceProfile,
        at: Timestamp,
    ) -> Result<McId, TokenError> {
        let token = token.ok_or(TokenError::Missing)?;
        self.verify_by(token, at, |issuer| issuer.names_users_of(service))?
            .user(profile)
    }
}

impl Issuer {
    fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        use jsonwebtoken::errors::ErrorKind;
        match jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation) {
            Ok(data) => Ok(data.claims),
            Err(error) => Err(match error.kind() {
                ErrorKind::InvalidSignature => TokenError::Signature,
                ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => {
                    TokenError::Algorithm
                }
                ErrorKind::InvalidIssuer | ErrorKind::InvalidAudience => TokenError::Issuer,
                ErrorKind::MissingRequiredClaim(name) if name == "exp" => TokenError::Expired,
                ErrorKind::MissingRequiredClaim(_) => TokenError::Issuer,
                // An unsigned token's header names `none`, which is no algorithm to the library.
                ErrorKind::Json(_) => match unsigned(token) {
                    true => TokenError::Algorithm,
                    false => TokenError::Malformed,
                },
                _ => TokenError::Malformed,
            }),
        }
    }
}

/// Whether the token says of itself that nobody signed it (RFC 7519 §6).
fn unsigned(token: &str) -> bool {
    token.ends_with('.')
}
