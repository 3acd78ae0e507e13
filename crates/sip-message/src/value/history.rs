use super::name_addr::NameAddr;
use super::params::Params;
use crate::error::{ValueError, ValueErrorKind};
use crate::name::HeaderName;

/// One `hi-entry` of History-Info (RFC 7044 §5): a target that the request was sent to.
#[derive(Clone, Copy, Debug)]
pub struct HistoryEntry<'a> {
    target: NameAddr<'a>,
    index: &'a [u8],
}

impl<'a> HistoryEntry<'a> {
    /// Parses `name-addr *( SEMI hi-param )`.
    ///
    /// # Errors
    /// Malformed, with the place: an `index` that is missing or is no numbers between dots is.
    pub fn parse(value: &'a [u8]) -> Result<HistoryEntry<'a>, ValueError> {
        let target =
            NameAddr::parse(value).map_err(|error| error.within(&HeaderName::HistoryInfo, 0))?;
        let index = target.params().get("index").flatten().unwrap_or_default();
        let number = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
        if !index.split(|byte| *byte == b'.').all(number) {
            return Err(ValueError {
                kind: ValueErrorKind::Malformed,
                ..ValueError::malformed(HeaderName::HistoryInfo, value.len())
            });
        }
        Ok(HistoryEntry { target, index })
    }

    /// Where the request was sent; a `Reason` and a `Privacy` may be headers of its URI.
    pub fn target(&self) -> &NameAddr<'a> {
        &self.target
    }

    /// Its place in the tree of targets: `1.1.2`.
    pub fn index(&self) -> &'a [u8] {
        self.index
    }

    /// The index that this target came from when a mapping (`mp`), a contact (`rc`) or nothing (`np`) led to it: the
    /// parameter's name and its value.
    pub fn came_from(&self) -> Option<(&'static str, &'a [u8])> {
        ["rc", "mp", "np"].into_iter().find_map(|name| {
            let index = self.params().get(name).flatten()?;
            Some((name, index))
        })
    }

    /// All parameters.
    pub fn params(&self) -> Params<'a> {
        self.target.params()
    }
}
