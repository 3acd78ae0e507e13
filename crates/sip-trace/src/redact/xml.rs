//! XML documents: markup stays, what it says stays only where it is known to name nobody.

use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesDecl, BytesStart, BytesText, Event};
use quick_xml::name::QName;
use quick_xml::{Reader, Writer};

use super::pseudonym::Kind;
use super::uri::{is_uri, rsplit};
use super::{MASKED, Walk};

/// Elements that name a kind of message or a mode, by their local names; what is in them and in their children stays.
const KINDS: [&str; 7] = [
    "req-type",
    "resp-type",
    "request-type",
    "response-type",
    "session-type",
    "broadcast-ind",
    "basic",
];

/// Words in the names of elements, attributes and header fields whose content is never shown.
const SECRETS: [&str; 11] = [
    "token",
    "key",
    "secret",
    "password",
    "credential",
    "cipher",
    "signature",
    "digest",
    "certificate",
    "nonce",
    "cookie",
];

/// Attributes that stay: numbers of the protocol, and how a document is written.
const ATTRIBUTES: [&str; 6] = [
    "type",
    "version",
    "encoding",
    "number",
    "procedure",
    "standalone",
];

/// Longest word of a kind.
const MAX_WORD: usize = 64;

/// Most attributes of one element; documents with more are masked.
const MAX_ATTRIBUTES: usize = 256;

/// Most levels of elements; documents that are deeper are masked.
const MAX_LEVELS: usize = 128;

impl Walk<'_> {
    /// A whole document; one that is not well-formed, or has a document type, is masked.
    pub(super) fn xml(&mut self, document: &[u8]) -> Vec<u8> {
        self.elements(document)
            .unwrap_or_else(|| super::mask(document).to_vec())
    }

    fn elements(&mut self, document: &[u8]) -> Option<Vec<u8>> {
        let mut reader = Reader::from_str(std::str::from_utf8(document).ok()?);
        let mut writer = Writer::new(Vec::with_capacity(document.len()));
        // Local names of the elements that are open.
        let mut open: Vec<String> = Vec::new();
        let mut text = String::new();
        loop {
            let event = reader.read_event().ok()?;
            match &event {
                Event::Text(part) => {
                    text.push_str(part);
                    continue;
                }
                Event::CData(part) => {
                    text.push_str(part);
                    continue;
                }
                Event::GeneralRef(reference) => {
                    text.push_str(&resolved(reference)?);
                    continue;
                }
                _ => {}
            }
            if !text.is_empty() {
                let shown = self.content(&open, &text);
                let shown = BytesText::from_escaped(escaped(&shown));
                writer.write_event(Event::Text(shown)).ok()?;
                text.clear();
            }
            match event {
                Event::Start(start) => {
                    let name = start.local_name().as_ref().to_owned();
                    writer
                        .write_event(Event::Start(self.tag(&start, &name)?))
                        .ok()?;
                    open.push(name);
                    if open.len() > MAX_LEVELS {
                        return None;
                    }
                }
                Event::Empty(start) => {
                    let name = start.local_name().as_ref().to_owned();
                    writer
                        .write_event(Event::Empty(self.tag(&start, &name)?))
                        .ok()?;
                }
                Event::End(end) => {
                    open.pop()?;
                    writer.write_event(Event::End(end)).ok()?;
                }
                Event::Decl(_) => {
                    let utf8 = BytesDecl::new("1.0", Some("UTF-8"), None);
                    writer.write_event(Event::Decl(utf8)).ok()?;
                }
                Event::Comment(_) => {
                    let masked = BytesText::new("masked");
                    writer.write_event(Event::Comment(masked)).ok()?;
                }
                Event::Eof if open.is_empty() => return Some(writer.into_inner()),
                // Processing instructions and document types have no place in these documents.
                _ => return None,
            }
        }
    }

    fn tag(&mut self, start: &BytesStart<'_>, local: &str) -> Option<BytesStart<'static>> {
        let mut tag = BytesStart::new(qualified(start.name())?);
        for (number, attribute) in start.attributes().enumerate() {
            if number >= MAX_ATTRIBUTES {
                return None;
            }
            let attribute = attribute.ok()?;
            let key = qualified(attribute.key)?;
            let value = self.attribute(local, &attribute)?;
            tag.push_attribute((key.as_str(), value.as_str()));
        }
        Some(tag)
    }

    fn attribute(&mut self, element: &str, attribute: &Attribute<'_>) -> Option<String> {
        let value = quick_xml::escape::unescape(&attribute.value).ok()?;
        let key = attribute.key.as_ref();
        let stays = ATTRIBUTES.contains(&key)
            || ["xmlns", "xml:", "xsi:"].iter().any(|p| key.starts_with(p));
        let local = attribute.key.local_name().as_ref().to_owned();
        match stays {
            true => Some(lossy(self.redactor.known.sweep(value.as_bytes()))),
            false => Some(self.content(&[element.to_owned(), local], &value)),
        }
    }

    /// What stands in an element, without the white space around it.
    fn content(&mut self, open: &[String], text: &str) -> String {
        let inner = text.trim();
        if inner.is_empty() {
            return text.to_owned();
        }
        let kind = open.iter().any(|name| KINDS.contains(&name.as_str()));
        let shown = if open.iter().any(|name| is_secret(name)) {
            MASKED.to_vec()
        } else if kind && is_word(inner) || is_plain(inner) || inner.as_bytes() == MASKED {
            inner.as_bytes().to_vec()
        } else {
            self.said(open.last().map_or("", String::as_str), inner.as_bytes())
        };
        text.replacen(inner, &lossy(shown), 1)
    }

    fn said(&mut self, element: &str, text: &[u8]) -> Vec<u8> {
        let element = element.to_ascii_lowercase();
        if is_uri(text) {
            self.uri(text)
        } else if rsplit(text, b'@').is_some() && !text.contains(&b' ') {
            self.identity(text)
        } else if element.contains("name") || element.contains("alias") {
            self.named(Kind::Name, text)
        } else {
            self.hidden(text)
        }
    }
}

/// The name, when it is one; the reader takes nearly anything.
fn qualified(name: QName<'_>) -> Option<String> {
    let name = name.as_ref();
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"-_.:".contains(&b);
    (!name.is_empty() && name.bytes().all(legal)).then(|| name.to_owned())
}

/// Whether a name says that what it names is a secret.
pub(super) fn is_secret(element: &str) -> bool {
    let lower = element.to_ascii_lowercase();
    SECRETS.iter().any(|word| lower.contains(word))
}

/// Truth values and small numbers.
fn is_plain(text: &str) -> bool {
    ["true", "false"].contains(&text) || text.len() <= 3 && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_word(text: &str) -> bool {
    text.len() <= MAX_WORD
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// The five entities of XML and characters by number; there are no others without a document type.
fn resolved(reference: &quick_xml::events::BytesRef<'_>) -> Option<String> {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return Some(character.into());
    }
    quick_xml::escape::resolve_predefined_entity(reference).map(str::to_owned)
}

/// Without markup; line ends stay what they are.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}
