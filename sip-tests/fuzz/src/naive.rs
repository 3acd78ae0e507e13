//! The same bytes read a second time, in the simplest way there is: slow, and plain enough to be seen to be right.

use sip_message::{HeaderName, Limits, Message, MultipartError};

/// A message as two lists and a body.
#[derive(Debug)]
pub struct Reading<'a> {
    /// The first line, without its end.
    pub start: &'a [u8],
    /// Names as they came, and values trimmed, with folding inside.
    pub fields: Fields<'a>,
    /// The body, cut to Content-Length.
    pub body: &'a [u8],
    /// Content-Length says more than there is.
    pub truncated: bool,
    /// From the start line to the end of the body.
    pub whole: &'a [u8],
}

/// Names as they came, and values.
pub type Fields<'a> = Vec<(&'a [u8], &'a [u8])>;

/// SP, HTAB, and the line ends of folding: the white space of RFC 3261 §25.1, and no other byte.
#[must_use]
pub fn is_lws(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Without the white space around it.
#[must_use]
pub fn trim(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| !is_lws(*byte));
    let end = bytes.iter().rposition(|byte| !is_lws(*byte));
    match (start, end) {
        (Some(start), Some(end)) => &bytes[start..=end],
        _ => &[],
    }
}

/// `token` (RFC 3261 §25.1).
#[must_use]
pub fn is_token(text: &[u8]) -> bool {
    let char = |byte: &u8| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(byte);
    !text.is_empty() && text.iter().all(char)
}

/// Every run of white space is one blank: what folding means.
#[must_use]
pub fn unfold(text: &[u8]) -> Vec<u8> {
    let words = text
        .split(|byte| is_lws(*byte))
        .filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(&b' ')
}

/// Text of a URI in lower case, `%HH` undone where it is no reserved character (RFC 3261 §19.1.4).
#[must_use]
pub fn without_escapes(text: &[u8]) -> Vec<u8> {
    let lower = text.to_ascii_lowercase();
    let mut result = Vec::new();
    let mut at = 0;
    while at < lower.len() {
        let digits = lower.get(at + 1..at + 3).filter(|_| lower[at] == b'%');
        let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let byte = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = byte.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte {
            Some(byte) if !b";/?:@&=+$,%".contains(&byte) => {
                result.push(byte.to_ascii_lowercase());
                at += 3;
            }
            _ => {
                result.push(lower[at]);
                at += 1;
            }
        }
    }
    result
}

/// The lines up to the blank one, and where the body begins; `None` without a blank line.
fn head(bytes: &[u8]) -> Option<(Vec<&[u8]>, usize)> {
    let mut lines = Vec::new();
    let mut at = 0;
    loop {
        let end = at + bytes[at..].iter().position(|byte| *byte == b'\n')?;
        let line = &bytes[at..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        at = end + 1;
        if line.is_empty() {
            return Some((lines, at));
        }
        lines.push(line);
    }
}

/// The fields of header lines; `None` for a line that is none.
fn fields<'a>(bytes: &'a [u8], lines: &[&'a [u8]]) -> Option<Fields<'a>> {
    let place = |line: &[u8]| line.as_ptr().addr() - bytes.as_ptr().addr();
    let mut fields: Vec<(&[u8], usize, usize)> = Vec::new();
    for line in lines {
        // A pair of backslashes escapes nothing behind it.
        let escapes = |at: usize| {
            line[..at]
                .rsplit(|byte| *byte != b'\\')
                .next()
                .unwrap()
                .len()
        };
        let nul = |at: usize| line[at] == 0 && escapes(at).is_multiple_of(2);
        if line.contains(&b'\r') || (0..line.len()).any(nul) {
            return None;
        }
        let end = place(line) + line.len();
        if matches!(line[0], b' ' | b'\t') {
            fields.last_mut()?.2 = end;
        } else {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let name = trim(&line[..colon]);
            if !is_token(name) {
                return None;
            }
            fields.push((name, place(line) + colon + 1, end));
        }
    }
    let values = fields
        .into_iter()
        .map(|(name, start, end)| (name, trim(&bytes[start..end])));
    Some(values.collect())
}

/// A start line that can be represented.
fn is_start_line(line: &[u8]) -> bool {
    let is_version = |text: &[u8]| {
        let text = String::from_utf8_lossy(text).to_ascii_uppercase();
        let halves = text.strip_prefix("SIP/").and_then(|t| t.split_once('.'));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        halves.is_some_and(|(major, minor)| digits(major) && digits(minor))
    };
    if line.contains(&b'\r') || line.contains(&0) {
        return false;
    }
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    if line
        .get(..4)
        .is_some_and(|s| s.eq_ignore_ascii_case(b"SIP/"))
    {
        let code = words
            .get(1)
            .filter(|code| code.len() == 3 && code.iter().all(u8::is_ascii_digit));
        return is_version(words[0]) && code.is_some_and(|code| (b'1'..=b'6').contains(&code[0]));
    }
    // A blank before the method is none of its grammar.
    let line = &line[..line
        .iter()
        .rposition(|byte| !is_lws(*byte))
        .map_or(0, |last| last + 1)];
    let first = line.iter().position(|byte| *byte == b' ');
    let last = line.iter().rposition(|byte| *byte == b' ');
    match (first, last) {
        (Some(first), Some(last)) if first < last => {
            is_token(&line[..first])
                && !trim(&line[first..last]).is_empty()
                && is_version(&line[last + 1..])
        }
        _ => false,
    }
}

/// What the Content-Length fields agree on, as digits without leading zeros.
#[must_use]
pub fn content_length<'a>(fields: &[(&[u8], &'a [u8])]) -> Option<&'a [u8]> {
    let mut found: Option<&[u8]> = None;
    for (name, value) in fields {
        if !is(name, &HeaderName::ContentLength) {
            continue;
        }
        if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let zeros = value.iter().take_while(|byte| **byte == b'0').count();
        let digits = &value[zeros.min(value.len() - 1)..];
        // What no length can be is as long as any other such.
        let digits = if digits.len() > 19 { b"huge" } else { digits };
        if found.is_some_and(|found| found != digits) {
            return None;
        }
        found = Some(digits);
    }
    found
}

/// The datagram, or nothing where it cannot be represented within the limits.
#[must_use]
pub fn datagram<'a>(input: &'a [u8], limits: &Limits) -> Option<Reading<'a>> {
    let mut bytes = input;
    while let Some(rest) = bytes
        .strip_prefix(b"\r\n")
        .or_else(|| bytes.strip_prefix(b"\n"))
    {
        bytes = rest;
    }
    let (lines, end) = head(bytes)?;
    let (start, lines) = lines.split_first()?;
    let fields = fields(bytes, lines)?;
    if !is_start_line(start)
        || bytes.len() > limits.message
        || end > limits.header_bytes
        || fields.len() > limits.header_fields
    {
        return None;
    }
    let rest = &bytes[end..];
    let declared = content_length(&fields).map(|digits| {
        let digits = String::from_utf8_lossy(digits);
        digits.parse().unwrap_or(u64::MAX)
    });
    let there = u64::try_from(rest.len()).unwrap();
    let length = declared.filter(|declared| *declared <= there);
    let length = length.map_or(rest.len(), |length| usize::try_from(length).unwrap());
    if length > limits.body {
        return None;
    }
    Some(Reading {
        start,
        fields,
        body: &rest[..length],
        truncated: declared.is_some_and(|declared| declared > there),
        whole: &bytes[..end + length],
    })
}

/// Single letters for names (RFC 3261 §7.3.3 and the registry that grew out of it).
const COMPACT: [(&str, &str); 20] = [
    ("a", "Accept-Contact"),
    ("b", "Referred-By"),
    ("c", "Content-Type"),
    ("d", "Request-Disposition"),
    ("e", "Content-Encoding"),
    ("f", "From"),
    ("i", "Call-ID"),
    ("j", "Reject-Contact"),
    ("k", "Supported"),
    ("l", "Content-Length"),
    ("m", "Contact"),
    ("n", "Identity-Info"),
    ("o", "Event"),
    ("r", "Refer-To"),
    ("s", "Subject"),
    ("t", "To"),
    ("u", "Allow-Events"),
    ("v", "Via"),
    ("x", "Session-Expires"),
    ("y", "Identity"),
];

/// Is this spelling that name?
#[must_use]
pub fn is(spelling: &[u8], name: &HeaderName) -> bool {
    let same = |text: &[u8]| text.eq_ignore_ascii_case(name.as_bytes());
    let long = COMPACT
        .iter()
        .find(|(compact, _)| compact.as_bytes().eq_ignore_ascii_case(spelling));
    same(long.map_or(spelling, |(_, long)| long.as_bytes()))
}

impl Reading<'_> {
    /// The values of the fields with this name.
    pub fn all(&self, name: &HeaderName) -> impl Iterator<Item = &[u8]> {
        let named = self
            .fields
            .iter()
            .filter(move |(spelling, _)| is(spelling, name));
        named.map(|(_, value)| *value)
    }

    /// Says the message the same?
    pub fn agrees(&self, message: &Message) {
        let fields: Vec<_> = message.headers().iter().collect();
        assert_eq!(fields.len(), self.fields.len(), "as many fields");
        for ((name, value), (spelling, again)) in fields.into_iter().zip(&self.fields) {
            assert!(
                is(spelling, &name),
                "{name} for {}",
                spelling.escape_ascii()
            );
            assert!(
                value == *again,
                "the value of {name}: {} is {}",
                value.escape_ascii(),
                again.escape_ascii()
            );
        }
        assert_eq!(message.body().as_ref(), self.body, "the body");
        assert_eq!(message.truncated(), self.truncated, "truncated");
        assert_eq!(message.as_bytes().as_ref(), self.whole, "the whole");
        match message {
            Message::Request(request) => {
                let line = trim(self.start);
                assert!(line.starts_with(request.method().as_bytes()));
                let rest = trim(&line[request.method().as_bytes().len()..]);
                let blank = rest.iter().rposition(|byte| *byte == b' ').unwrap();
                assert_eq!(request.uri_bytes(), trim(&rest[..blank]), "the URI");
                let sip2 = rest[blank + 1..].eq_ignore_ascii_case(b"SIP/2.0");
                assert_eq!(request.version_is_sip2(), sip2, "the version");
            }
            Message::Response(response) => {
                let mut words = self.start.splitn(3, |byte| *byte == b' ');
                let sip2 = words.next().unwrap().eq_ignore_ascii_case(b"SIP/2.0");
                assert_eq!(response.version_is_sip2(), sip2, "the version");
                let code = String::from_utf8_lossy(words.next().unwrap());
                assert_eq!(response.status().to_string(), code, "the status");
                assert_eq!(response.reason(), words.next().unwrap_or_default());
            }
        }
    }
}

/// The items of a comma list, split outside quoted strings and angle brackets.
#[must_use]
pub fn items(value: &[u8]) -> Vec<&[u8]> {
    if trim(value).is_empty() {
        return Vec::new();
    }
    let mut items = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < value.len() {
        at = match value[at] {
            b',' => {
                items.push(trim(&value[start..at]));
                start = at + 1;
                at
            }
            b'"' => quoted_end(value, at),
            b'<' => (at..value.len())
                .find(|at| value[*at] == b'>')
                .unwrap_or(value.len()),
            _ => at,
        } + 1;
    }
    items.push(trim(&value[start..]));
    items
}

/// Where the quoted string that begins here has its closing quote, or the end.
fn quoted_end(value: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < value.len() && value[at] != b'"' {
        at += if value[at] == b'\\' { 2 } else { 1 };
    }
    at.min(value.len())
}

/// Names and values of parameters that were found to be right, split at semicolons or commas outside quotes.
#[must_use]
pub fn params(raw: &[u8], separator: u8) -> Vec<(&[u8], Option<&[u8]>)> {
    let mut pieces = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < raw.len() {
        if raw[at] == b'"' {
            at = quoted_end(raw, at);
        } else if raw[at] == separator {
            pieces.push(trim(&raw[start..at]));
            start = at + 1;
        }
        at += 1;
    }
    pieces.push(trim(&raw[start.min(raw.len())..]));
    if pieces[0].is_empty() {
        pieces.remove(0);
    }
    let pair = |piece: &'_ [u8]| piece.iter().position(|byte| *byte == b'=');
    pieces
        .into_iter()
        .map(|piece| match pair(piece) {
            Some(equal) => (trim(&piece[..equal]), Some(trim(&piece[equal + 1..]))),
            None => (piece, None),
        })
        .collect()
}

/// The parts of a multipart body as head and content (RFC 2046 §5.1.1).
///
/// # Errors
/// As the library's, as far as this reading goes.
pub fn parts<'a>(boundary: &[u8], body: &'a [u8]) -> Result<Vec<&'a [u8]>, MultipartError> {
    let mut parts = Vec::new();
    let mut begun: Option<usize> = None;
    let mut at = 0;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let after = line
            .strip_prefix(b"--")
            .and_then(|rest| rest.strip_prefix(boundary));
        let ended = line.ends_with(b"\n");
        let kind = match after.map(trim) {
            Some(b"") if ended => Some(false),
            // Padding stands after the hyphens, never before them.
            Some(b"--") if after.is_some_and(|after| after.starts_with(b"--")) => Some(true),
            _ => None,
        };
        if let Some(last) = kind {
            if let Some(start) = begun {
                let part = &body[start..at.max(start)];
                let part = part.strip_suffix(b"\n").unwrap_or(part);
                parts.push(part.strip_suffix(b"\r").unwrap_or(part));
            }
            if last {
                return Ok(parts);
            }
            begun = Some(at + line.len());
        }
        at += line.len();
    }
    Err(MultipartError::Unclosed)
}

/// A part's fields and content; `None` for a head that is none. No blank line means no content.
#[must_use]
pub fn part(bytes: &[u8]) -> Option<(Fields<'_>, &[u8])> {
    if let Some((lines, end)) = head(bytes) {
        return Some((fields(bytes, &lines)?, &bytes[end..]));
    }
    let mut lines: Vec<&[u8]> = bytes
        .split_inclusive(|byte| *byte == b'\n')
        .map(|line| match line.strip_suffix(b"\n") {
            Some(line) => line.strip_suffix(b"\r").unwrap_or(line),
            None => line,
        })
        .collect();
    if lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    Some((fields(bytes, &lines)?, &[]))
}
