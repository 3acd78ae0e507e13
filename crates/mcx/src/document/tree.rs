//! A small tree of an XML document, built within bounds.

use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{NamespaceResolver, PrefixDeclaration, ResolveResult};

use super::DocumentError;
use super::wellformed::{
    are_separated, forbidden_character, is_blank, is_character, is_declaration, is_qualified_name,
    is_target,
};

/// What a document may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Most bytes.
    pub bytes: usize,
    /// Most elements.
    pub elements: usize,
    /// Most levels.
    pub depth: usize,
    /// Most attributes of one element.
    pub attributes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            bytes: 65_535,
            elements: 512,
            depth: 16,
            attributes: 16,
        }
    }
}

/// An element with its namespace resolved.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub namespace: String,
    pub name: String,
    /// Attributes without namespace.
    pub attributes: Vec<(String, String)>,
    /// Character data directly in it.
    pub text: String,
    pub children: Vec<Element>,
}

impl Element {
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        self.namespace == namespace && self.name == name
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }
}

/// Whether any value of the document, character data or attribute, is one that `is` holds for. A document that cannot
/// be read says nothing.
pub(crate) fn says(bytes: &[u8], bounds: Bounds, is: impl Fn(&str) -> bool) -> bool {
    let mut open = Vec::from_iter(parse(bytes, bounds).ok());
    while let Some(element) = open.pop() {
        let mut attributes = element.attributes.iter();
        if is(&element.text) || attributes.any(|(_, value)| is(value)) {
            return true;
        }
        open.extend(element.children);
    }
    false
}

/// Reads a whole document: one root element, and nothing else but comments and processing
/// instructions around it.
pub(super) fn parse(bytes: &[u8], bounds: Bounds) -> Result<Element, DocumentError> {
    if bytes.len() > bounds.bytes {
        return Err(DocumentError::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| DocumentError::NotUtf8)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some(at) = forbidden_character(text) {
        let at = u64::try_from(at).unwrap_or(u64::MAX);
        return Err(DocumentError::NotWellFormed(at));
    }
    let mut reader = NsReader::from_str(text);
    reader.config_mut().check_comments = true;
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    let mut elements = 0;
    loop {
        let at = reader.buffer_position();
        let malformed = DocumentError::NotWellFormed(at);
        let Ok(event) = reader.read_event() else {
            return Err(malformed);
        };
        match event {
            Event::Start(ref start) | Event::Empty(ref start) => {
                elements += 1;
                if elements > bounds.elements {
                    return Err(DocumentError::TooManyElements);
                }
                if open.len() >= bounds.depth {
                    return Err(DocumentError::TooDeep);
                }
                if root.is_some() {
                    return Err(malformed);
                }
                let element = element(reader.resolver(), start, bounds, &malformed)?;
                if matches!(event, Event::Start(_)) {
                    open.push(element);
                } else {
                    close(element, &mut open, &mut root);
                }
            }
            Event::End(_) => match open.pop() {
                Some(element) => close(element, &mut open, &mut root),
                None => return Err(malformed),
            },
            Event::Text(text) if text.contains("]]>") => return Err(malformed),
            Event::Text(text) => append(&mut open, &text.xml10_content(), &malformed)?,
            Event::CData(_) | Event::GeneralRef(_) if open.is_empty() => return Err(malformed),
            Event::CData(text) => append(&mut open, &text.xml10_content(), &malformed)?,
            Event::GeneralRef(reference) => {
                let resolved = if reference.is_char_ref() {
                    let character = reference.resolve_char_ref().ok().flatten();
                    character.filter(|character| is_character(*character))
                } else {
                    predefined(&reference.xml10_content())
                };
                let character = resolved.ok_or(DocumentError::Entity)?;
                append(&mut open, character.encode_utf8(&mut [0; 4]), &malformed)?;
            }
            Event::Decl(declaration) if at > 0 || !is_declaration(&declaration) => {
                return Err(malformed);
            }
            Event::Decl(declaration) => {
                if let Some(encoding) = declaration.encoding() {
                    let encoding = encoding.map_err(|_| malformed)?;
                    if !encoding.eq_ignore_ascii_case("utf-8")
                        && !encoding.eq_ignore_ascii_case("us-ascii")
                    {
                        return Err(DocumentError::NotUtf8);
                    }
                }
            }
            Event::DocType(_) => return Err(DocumentError::Dtd),
            Event::PI(instruction) if !is_target(instruction.target()) => return Err(malformed),
            Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => {
                return match (open.is_empty(), root) {
                    (true, Some(root)) => Ok(root),
                    _ => Err(malformed),
                };
            }
        }
    }
}

fn element(
    namespaces: &NamespaceResolver,
    start: &BytesStart<'_>,
    bounds: Bounds,
    malformed: &DocumentError,
) -> Result<Element, DocumentError> {
    if !is_qualified_name(start.name()) || !are_separated(start.attributes_raw()) {
        return Err(malformed.clone());
    }
    let namespace = match namespaces.resolve_element(start.name()).0 {
        ResolveResult::Bound(namespace) => namespace.into_inner().to_owned(),
        ResolveResult::Unbound => String::new(),
        ResolveResult::Unknown(_) => return Err(malformed.clone()),
    };
    let mut attributes = Vec::new();
    let mut foreign = Vec::new();
    for (count, attribute) in start.attributes().enumerate() {
        let attribute = attribute.map_err(|_| malformed.clone())?;
        if count >= bounds.attributes {
            return Err(DocumentError::TooManyAttributes);
        }
        // XML 1.0 §3.1: no `<` in attribute values. The reader lets it pass.
        if attribute.value.contains('<') || !is_qualified_name(attribute.key) {
            return Err(malformed.clone());
        }
        match attribute.key.as_namespace_binding() {
            Some(PrefixDeclaration::Named(_)) if attribute.value.is_empty() => {
                return Err(malformed.clone());
            }
            Some(_) => continue,
            None => {}
        }
        let value = quick_xml::escape::unescape(&attribute.value);
        let value = value.map_err(|_| DocumentError::Entity)?;
        if forbidden_character(&value).is_some() {
            return Err(DocumentError::Entity);
        }
        if attribute.key.prefix().is_some() {
            // Namespaces in XML 1.0 §6.3: a prefix is declared, and no two names are one.
            let (ResolveResult::Bound(namespace), local) =
                namespaces.resolve_attribute(attribute.key)
            else {
                return Err(malformed.clone());
            };
            let name = (namespace.into_inner(), local.into_inner());
            if foreign.contains(&name) {
                return Err(malformed.clone());
            }
            foreign.push(name);
            continue;
        }
        attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
    }
    Ok(Element {
        namespace,
        name: start.local_name().as_ref().to_owned(),
        attributes,
        text: String::new(),
        children: Vec::new(),
    })
}

fn close(element: Element, open: &mut [Element], root: &mut Option<Element>) {
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None => *root = Some(element),
    }
}

/// Character data; outside the root only white space is allowed.
fn append(
    open: &mut [Element],
    text: &str,
    malformed: &DocumentError,
) -> Result<(), DocumentError> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if is_blank(text) => {}
        None => return Err(malformed.clone()),
    }
    Ok(())
}

/// The five entities of XML 1.0 §4.6; there are no others without a DTD.
fn predefined(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        _ => None,
    }
}
