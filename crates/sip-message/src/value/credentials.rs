use std::fmt;

use nom::bytes::complete::take_while1;
use nom::{IResult, Parser};

use super::params::{Params, list};
use crate::error::ValueError;
use crate::grammar::{Bits, behind_lws, failed, lws, token, whole};

/// One value of Authorization, Proxy-Authorization, WWW-Authenticate or Proxy-Authenticate (RFC 3261 §20.7, §20.44;
/// RFC 8760 for Digest, RFC 8898 for Bearer). The commas inside are its own: such headers are no comma lists.
///
/// ```
/// use sip_message::Credentials;
///
/// let digest = Credentials::parse(b"Digest username=\"ann\", realm=\"home1, example\", qop=auth, nc=00000001")?;
/// assert_eq!(digest.params().unquoted("realm").as_deref(), Some(&b"home1, example"[..]));
///
/// let bearer = Credentials::parse(b"Bearer eyJhbGciOiJFUzI1NiJ9.e30.c2ln")?;
/// assert!(bearer.token68().is_some() && bearer.params().is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    scheme: &'a [u8],
    token68: Option<&'a [u8]>,
    params: Params<'a>,
}

impl<'a> Credentials<'a> {
    /// Parses `scheme LWS ( token68 / parameter *( COMMA parameter ) )`.
    ///
    /// ```
    /// use sip_message::Credentials;
    ///
    /// let challenge = b"Bearer authz_server=\"https://idms.home1.example\", scope=\"3gpp:mcptt:ptt_server\"";
    /// assert!(Credentials::parse(challenge).is_ok());
    /// assert!(Credentials::parse(b"Digest").is_err());
    /// ```
    ///
    /// # Errors
    /// Malformed, with the place.
    pub fn parse(value: &'a [u8]) -> Result<Credentials<'a>, ValueError> {
        whole("credentials", value, |input| {
            let (rest, scheme) = token(input)?;
            let (rest, blank) = lws(rest)?;
            if blank.is_empty() {
                return failed(rest);
            }
            if let Ok((after, token68)) = token68(rest)
                && behind_lws(after).is_empty()
                && token68
                    .iter()
                    .position(|byte| *byte == b'=')
                    .is_none_or(|equal| {
                        token68
                            .get(equal..)
                            .unwrap_or_default()
                            .iter()
                            .all(|byte| *byte == b'=')
                    })
            {
                return Ok((
                    after,
                    Credentials {
                        scheme,
                        token68: Some(token68),
                        params: Params::none(),
                    },
                ));
            }
            let (rest, params) = list(b',', rest)?;
            Ok((
                rest,
                Credentials {
                    scheme,
                    token68: None,
                    params,
                },
            ))
        })
    }

    /// `Digest`, `Bearer` …; compare it without case.
    ///
    /// ```
    /// use sip_message::Credentials;
    ///
    /// let credentials = Credentials::parse(b"bearer abc")?;
    /// assert!(credentials.scheme().eq_ignore_ascii_case(b"Bearer"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn scheme(&self) -> &'a [u8] {
        self.scheme
    }

    /// What stands there instead of parameters, such as a bearer token.
    ///
    /// ```
    /// use sip_message::Credentials;
    ///
    /// assert_eq!(Credentials::parse(b"Basic YW5uOnB3")?.token68(), Some(&b"YW5uOnB3"[..]));
    /// assert_eq!(Credentials::parse(b"Digest nc=00000001")?.token68(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn token68(&self) -> Option<&'a [u8]> {
        self.token68
    }

    /// All parameters.
    ///
    /// ```
    /// use sip_message::Credentials;
    ///
    /// let challenge = Credentials::parse(b"Digest realm=\"home1.example\", stale=TRUE")?;
    /// let names: Vec<_> = challenge.params().iter().map(|(name, _)| name).collect();
    /// assert_eq!(names, [&b"realm"[..], b"stale"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn params(&self) -> Params<'a> {
        self.params
    }
}

impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Credentials({})",
            std::str::from_utf8(self.scheme).unwrap_or_default()
        )
    }
}

/// `token68` (RFC 9110 §11.2)
fn token68(input: Bits<'_>) -> IResult<Bits<'_>, Bits<'_>> {
    take_while1(is_token68).parse(input)
}

fn is_token68(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}
