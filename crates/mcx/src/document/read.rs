//! Reads an MC info document, with the leniency that real peers need (wire profile, "Leniency"):
//! any order inside Params, values without their value child or in the child of another type,
//! missing `type`.

use super::tree::{self, Bounds, Element};
use super::{Document, DocumentError, STAY_NAMESPACE, Stay};
use crate::{KindElement, ProcedureId, ServiceProfile};

impl Document {
    /// Reads the document of a service.
    ///
    /// # Errors
    /// Says what is wrong, and names the element.
    pub fn read(
        bytes: &[u8],
        profile: &ServiceProfile,
        bounds: Bounds,
    ) -> Result<Self, DocumentError> {
        let root = tree::parse(bytes, bounds)?;
        if root.name != profile.root {
            return Err(DocumentError::WrongRoot);
        }
        if root.namespace != profile.namespace {
            return Err(DocumentError::WrongNamespace);
        }
        let places = Places::find(&root, profile)?;
        let mut document = Self {
            access_token: places.value(&profile.access_token)?,
            request_uri: places.value(&profile.request_uri)?,
            primary_id: places.value(&profile.primary_id)?,
            partner_id: places.value(&profile.partner_id)?,
            stay: places.stay()?,
            ..Self::default()
        };
        if let Some(result) = places.value(&profile.result)? {
            document.result = Some(match result.as_str() {
                "true" | "1" => true,
                "false" | "0" => false,
                _ => return Err(DocumentError::Invalid(profile.result.clone())),
            });
        }
        document.profile_index = places.profile_index(&profile.profile_index)?;
        if let Some(kind) = places.kind()? {
            match profile.kind_of(&kind) {
                Some(kind) => document.kind = Some(kind),
                None => document.unknown_kind = Some(kind),
            }
        }
        Ok(document)
    }
}

/// The three places where elements are accepted: Params, its `anyExt`, the root's `anyExt`.
struct Places<'a> {
    profile: &'a ServiceProfile,
    elements: Vec<&'a Element>,
}

impl<'a> Places<'a> {
    fn find(root: &'a Element, profile: &'a ServiceProfile) -> Result<Self, DocumentError> {
        let own = |e: &&Element, name: &str| e.is(&profile.namespace, name);
        let mut params = root.children.iter().filter(|e| own(e, &profile.params));
        let mut elements = Vec::new();
        if let Some(params) = params.next() {
            for child in &params.children {
                if own(&child, "anyExt") {
                    elements.extend(&child.children);
                } else {
                    elements.push(child);
                }
            }
        }
        if params.next().is_some() {
            return Err(DocumentError::Contradiction(profile.params.clone()));
        }
        for ext in root.children.iter().filter(|e| own(e, "anyExt")) {
            elements.extend(&ext.children);
        }
        Ok(Self { profile, elements })
    }

    fn named(&self, name: &str) -> impl Iterator<Item = &'a Element> {
        let (namespace, name) = (self.profile.namespace.clone(), name.to_owned());
        self.elements
            .clone()
            .into_iter()
            .filter(move |e| e.is(&namespace, &name))
    }

    /// The value of the element `name`; the same value twice is one value.
    fn value(&self, name: &str) -> Result<Option<String>, DocumentError> {
        let mut found = None;
        for element in self.named(name) {
            let value = self.content(element)?;
            match &found {
                Some(other) if *other != value => {
                    return Err(DocumentError::Contradiction(name.to_owned()));
                }
                _ => found = Some(value),
            }
        }
        Ok(found)
    }

    /// The content of an element of `contentType`: its one value child of whatever type, or its
    /// own text.
    fn content(&self, element: &Element) -> Result<String, DocumentError> {
        let profile = self.profile;
        if element.attribute("type") == Some("Encrypted") {
            return Err(DocumentError::Encrypted(element.name.clone()));
        }
        let mut found: Option<&str> = None;
        for child in &element.children {
            let is_value = [&profile.uri, &profile.string, &profile.boolean]
                .into_iter()
                .any(|n| child.is(&profile.namespace, n));
            if !is_value {
                continue;
            }
            match found {
                Some(other) if other != child.text.trim() => {
                    return Err(DocumentError::Contradiction(element.name.clone()));
                }
                _ => found = Some(child.text.trim()),
            }
        }
        let value = found.unwrap_or(element.text.trim());
        if value.is_empty() {
            return Err(DocumentError::Invalid(element.name.clone()));
        }
        Ok(value.to_owned())
    }

    /// The kind of message, in whichever of the two forms.
    fn kind(&self) -> Result<Option<String>, DocumentError> {
        let forms = match self.profile.kind_element {
            KindElement::ReqTypeInAnyExt => ["req-type", "resp-type", "request-type"],
            KindElement::RequestTypeInParams => ["request-type", "req-type", "resp-type"],
        };
        let mut found: Option<String> = None;
        for form in forms {
            if let Some(value) = self.value(form)? {
                match &found {
                    Some(other) if *other != value => {
                        return Err(DocumentError::Contradiction(form.to_owned()));
                    }
                    _ => found = Some(value),
                }
            }
        }
        Ok(found)
    }

    fn profile_index(&self, name: &str) -> Result<Option<u32>, DocumentError> {
        let mut found = None;
        for element in self.named(name) {
            let index = element
                .children
                .iter()
                .find(|c| c.is(&self.profile.namespace, "user-profile-index"))
                .map_or(element.text.trim(), |c| c.text.trim());
            let index: u32 = index
                .parse()
                .map_err(|_| DocumentError::Invalid(name.to_owned()))?;
            if found.replace(index).is_some_and(|other| other != index) {
                return Err(DocumentError::Contradiction(name.to_owned()));
            }
        }
        Ok(found)
    }

    fn stay(&self) -> Result<Option<Stay>, DocumentError> {
        let mut found = None;
        for element in &self.elements {
            if !element.is(STAY_NAMESPACE, "stay") {
                continue;
            }
            let invalid = || DocumentError::Invalid("stay".to_owned());
            let number = match element.attribute("number") {
                None => None,
                Some(number) => Some(stay_number(number).ok_or_else(invalid)?),
            };
            let procedure = match element.attribute("procedure") {
                None => None,
                Some(procedure) => Some(ProcedureId::parse(procedure).ok_or_else(invalid)?),
            };
            let stay = Stay { number, procedure };
            if found.replace(stay).is_some_and(|other| other != stay) {
                return Err(DocumentError::Contradiction("stay".to_owned()));
            }
        }
        Ok(found)
    }
}

/// Number of a stay: digits alone, at most 2⁶³ − 1, which is what every store can hold.
fn stay_number(text: &str) -> Option<u64> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: u64 = text.parse().ok()?;
    i64::try_from(number).is_ok().then_some(number)
}
