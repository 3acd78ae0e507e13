//! Bodies of several parts. The first line is the Content-Type, the rest the body.

use bytes::Bytes;
use sip_message::multipart::{self, Builder, MultipartError, Part};
use sip_message::{Limits, MediaType};

use crate::{naive, read};

/// Any bytes.
pub fn run(input: &[u8]) {
    let cut = input.iter().position(|byte| *byte == b'\n');
    let (head, body) = input.split_at(cut.map_or(input.len(), |cut| cut + 1));
    let head = naive::trim(head);
    let Ok(media) = MediaType::parse(head) else {
        return;
    };
    let body = Bytes::copy_from_slice(body);
    for limits in [Limits::default(), crate::tight()] {
        one_level(&media, &body, &limits);
        all_levels(&media, &body, &limits);
    }
    built(&body);
}

fn one_level(media: &MediaType<'_>, body: &Bytes, limits: &Limits) {
    let parts = multipart::parts(media, body, limits);
    let boundary = media.params().unquoted("boundary");
    let multipart = media.top().eq_ignore_ascii_case(b"multipart");
    match &parts {
        Err(MultipartError::NotMultipart) => return assert!(!multipart),
        Err(MultipartError::Boundary) => {
            let bad = |boundary: &[u8]| {
                let char = |b: &u8| b.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(b);
                boundary.is_empty()
                    || boundary.len() > 70
                    || boundary.ends_with(b" ")
                    || !boundary.iter().all(char)
            };
            return assert!(boundary.is_none_or(|boundary| bad(&boundary)));
        }
        _ => assert!(multipart),
    }
    let boundary = boundary.expect("there is a boundary");
    let again = naive::parts(&boundary, body);
    let parts = match (parts, again) {
        (Ok(parts), Ok(again)) => {
            assert_eq!(parts.len(), again.len(), "as many parts");
            for (part, again) in parts.iter().zip(again) {
                agrees(part, again);
            }
            parts
        }
        (Err(MultipartError::Unclosed), Err(MultipartError::Unclosed)) => return,
        // The reason comes before the end is seen.
        (Err(MultipartError::TooManyParts), _) => {
            let lines = body.split(|byte| *byte == b'\n');
            let lines = lines.filter(|line| line.starts_with(b"--"));
            return assert!(lines.count() > limits.parts);
        }
        (Err(MultipartError::Part(number)), again) => {
            assert!(number < limits.parts);
            if let Some(part) = again.ok().and_then(|parts| parts.get(number).copied()) {
                let read = naive::part(part);
                let fits = |(fields, _): &(Vec<_>, &[u8])| {
                    fields.len() <= limits.header_fields && part.len() <= limits.header_bytes
                };
                assert!(!read.as_ref().is_some_and(fits), "part {number} is right");
            }
            return;
        }
        (parts, again) => panic!("{parts:?}, but {again:?}"),
    };
    assert!(parts.len() <= limits.parts);
    let whole = body.as_ptr_range();
    let mut total = 0;
    for part in &parts {
        total += part.body.len();
        let range = part.body.as_ptr_range();
        let inside = whole.start <= range.start && range.end <= whole.end;
        assert!(inside || part.body.is_empty(), "a slice, not a copy");
        read::everything(&part.headers, &part.body, limits);
        if let Ok(Some(id)) = part.headers.content_id() {
            let named = |other: &&Part| other.headers.content_id() == Ok(Some(id));
            let found = multipart::by_content_id(&parts, id);
            // One that several parts have is nobody's.
            let alone = parts.iter().filter(named).count() == 1;
            assert_eq!(found.filter(named).is_some(), alone);
            assert_eq!(found.is_some(), alone);
        }
    }
    assert!(total <= body.len(), "parts do not overlap");
}

fn agrees(part: &Part, again: &[u8]) {
    let (fields, body) = naive::part(again).expect("a head");
    assert_eq!(part.body.as_ref(), body, "the content");
    assert_eq!(part.headers.len(), fields.len(), "as many fields");
    for ((name, value), (spelling, again)) in part.headers.iter().zip(fields) {
        assert!(naive::is(spelling, &name));
        assert_eq!(value, again, "the value of {name}");
    }
}

/// Leaves are the parts of the parts.
fn all_levels(media: &MediaType<'_>, body: &Bytes, limits: &Limits) {
    fn collect(
        media: &MediaType<'_>,
        body: &Bytes,
        limits: &Limits,
        depth: usize,
    ) -> Result<Vec<Bytes>, MultipartError> {
        if depth == 0 {
            return Err(MultipartError::TooDeep);
        }
        let mut all = Vec::new();
        for (number, part) in multipart::parts(media, body, limits)?.iter().enumerate() {
            let inner = part.content_type();
            let inner = inner.map_err(|_| MultipartError::Part(number))?;
            if inner.top().eq_ignore_ascii_case(b"multipart") {
                all.extend(collect(&inner, &part.body, limits, depth - 1)?);
            } else {
                all.push(part.body.clone());
            }
        }
        Ok(all)
    }
    let again = collect(media, body, limits, limits.depth);
    match multipart::leaves(media, body, limits) {
        Ok(leaves) => {
            assert!(leaves.len() <= limits.parts, "more leaves than allowed");
            let bodies: Vec<_> = leaves.into_iter().map(|leaf| leaf.body).collect();
            assert_eq!(Ok(bodies), again);
        }
        Err(MultipartError::TooManyParts) => {
            let few = again.is_ok_and(|all| all.len() <= limits.parts);
            assert!(!few, "not too many");
        }
        Err(error) => assert_eq!(again, Err(error)),
    }
}

/// What is built is taken apart as it was, or not built.
fn built(content: &Bytes) {
    let (one, two) = content.split_at(content.len() / 2);
    let built = Builder::new("b")
        .part("text/plain", &[], one)
        .part("application/octet-stream", &[], two)
        .finish();
    match built {
        Err(_) => assert!(content.windows(3).any(|three| three == b"--b")),
        Ok((content_type, body)) => {
            let media = MediaType::parse(content_type.as_bytes()).expect("our own");
            let parts = multipart::parts(&media, &body, &crate::wide()).expect("our own");
            let bodies: Vec<_> = parts.iter().map(|part| part.body.as_ref()).collect();
            assert_eq!(bodies, [one, two]);
        }
    }
}
