//! Via.

use ::rsip::typed;

use super::error::ConversionError;
use super::header::HeaderField;
use super::host::{host_with_port, only_hostport};
use super::params;
use super::start_line::{version, wrong_version};
use super::text::is_generic;
use crate::error::Subject;
use crate::name::HeaderName;
use crate::value::Via;

const SUBJECT: Subject = Subject::Header(HeaderName::Via);

impl TryFrom<&Via<'_>> for typed::Via {
    type Error = ConversionError;

    /// The same Via. `rport` becomes `Param::Other`, as it does when rsip parses it.
    ///
    /// # Errors
    /// A protocol other than `SIP/1.0` and `SIP/2.0`; a transport that rsip does not have; a parameter that is not
    /// UTF-8.
    fn try_from(via: &Via<'_>) -> Result<Self, ConversionError> {
        let within = |error: ConversionError| error.within(SUBJECT);
        let (name, number) = via.protocol();
        if !name.eq_ignore_ascii_case(b"SIP") {
            return Err(within(wrong_version()));
        }
        Ok(typed::Via {
            version: version(number).map_err(within)?,
            transport: params::transport(via.transport()).map_err(within)?,
            uri: host_with_port(&via.host(), via.port())
                .map_err(within)?
                .into(),
            params: params::params(&SUBJECT, via.params())?,
        })
    }
}

impl TryFrom<&typed::Via> for HeaderField {
    type Error = ConversionError;

    /// A field with this one Via.
    ///
    /// # Errors
    /// A `sent-by` that is more than host and port; a part that is malformed.
    fn try_from(via: &typed::Via) -> Result<Self, ConversionError> {
        let sent_by = only_hostport(&via.uri).map_err(|error| error.within(SUBJECT))?;
        let mut value = format!("{}/{} {sent_by}", via.version, via.transport);
        params::write(&mut value, &SUBJECT, &via.params, is_generic)?;
        HeaderField::checked(HeaderName::Via, value, |value| Via::parse(value).map(drop))
    }
}
