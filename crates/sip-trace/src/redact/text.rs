//! Free text: reasons, warnings, comments. URIs and addresses in it are found by their looks, names by having been met.

use super::Walk;
use super::known::Known;

/// Schemes of URIs that are looked for.
const SCHEMES: [&[u8]; 8] = [
    b"sip:", b"sips:", b"tel:", b"im:", b"pres:", b"mailto:", b"xmpp:", b"urn:",
];

impl Walk<'_> {
    /// Free text without URIs of users, addresses, names that are known, tokens.
    pub(super) fn text(&mut self, text: &[u8]) -> Vec<u8> {
        self.text_of(text, Known::sweep)
    }

    /// The same of what a node says of its decisions.
    pub(super) fn decided(&mut self, text: &[u8]) -> Vec<u8> {
        self.text_of(text, Known::sweep_decision)
    }

    fn text_of(&mut self, text: &[u8], sweep: fn(&Known, &[u8]) -> Vec<u8>) -> Vec<u8> {
        if self.redactor.secrets_only {
            return sweep(&self.redactor.known, text);
        }
        let mut out = Vec::with_capacity(text.len());
        // From here to `at` is text without any address.
        let mut plain = 0;
        let mut at = 0;
        // A word that was looked at whole and is no address is not looked at again from its middle.
        let mut no_address = 0;
        while at < text.len() {
            let rest = text.get(at..).unwrap_or_default();
            let begins = at.checked_sub(1).and_then(|before| text.get(before));
            let begins = begins.is_none_or(|before| !before.is_ascii_alphanumeric());
            let mut length = if begins { uri(rest) } else { 0 };
            if length == 0 && begins && at >= no_address {
                let (word, whole) = address(rest);
                length = whole;
                no_address = at + word;
            }
            if length == 0 {
                at += 1;
                continue;
            }
            let before = text.get(plain..at).unwrap_or_default();
            out.extend(sweep(&self.redactor.known, before));
            out.extend(self.identity(rest.get(..length).unwrap_or_default()));
            at += length;
            plain = at;
        }
        let after = text.get(plain..).unwrap_or_default();
        out.extend(sweep(&self.redactor.known, after));
        out
    }
}

/// How far a URI reaches from here; 0 when none begins.
fn uri(text: &[u8]) -> usize {
    let begins = |scheme: &&&[u8]| {
        let head = text.get(..scheme.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(scheme))
    };
    let Some(scheme) = SCHEMES.iter().find(begins) else {
        return 0;
    };
    match reach(text, is_uri_byte) {
        whole if whole > scheme.len() => whole,
        _ => 0,
    }
}

/// How long the word is that begins here, and how far `user@host` reaches; 0 when it is none.
fn address(text: &[u8]) -> (usize, usize) {
    let local = text.iter().take_while(|b| is_local(**b)).count();
    let host = text.get(local..).and_then(|rest| rest.strip_prefix(b"@"));
    let host = host.filter(|_| local > 0).map_or(0, |host| {
        reach(host, |b| b.is_ascii_alphanumeric() || b".-[]:".contains(&b))
    });
    let whole = if host == 0 { 0 } else { local + 1 + host };
    (local, whole)
}

/// How many bytes belong to it, less the full stop of a sentence.
fn reach(text: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    let all = text.iter().take_while(|b| belongs(**b)).count();
    let trailing = text.get(..all).unwrap_or_default().iter().rev();
    all - trailing.take_while(|b| b".,;:!?)'".contains(b)).count()
}

fn is_uri_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.!~*'()%:@&=+$,;?/[]".contains(&byte) || byte >= 0x80
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.!~*'%=+$&".contains(&byte) || byte >= 0x80
}
