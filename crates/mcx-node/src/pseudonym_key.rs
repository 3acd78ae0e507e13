//! The key that pseudonyms are made with.

use std::path::Path;

use sip_trace::redact::KEY_BYTES;

/// The key in a file, 64 hexadecimal digits; a random one where no file is named.
///
/// # Errors
/// Says what is wrong with the file; never what is in it.
pub(crate) fn of(file: Option<&Path>) -> Result<[u8; KEY_BYTES], String> {
    let mut key = [0; KEY_BYTES];
    let Some(file) = file else {
        getrandom::fill(&mut key).map_err(|error| format!("no random key: {error}"))?;
        return Ok(key);
    };
    let wrong = |why: &str| format!("{}: {why}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| wrong(&error.to_string()))?;
    let text = text.trim();
    let unfit =
        || wrong("no key: write 64 hexadecimal digits, as `openssl rand -hex 32` gives them");
    if text.len() != 2 * KEY_BYTES || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(unfit());
    }
    for (number, byte) in key.iter_mut().enumerate() {
        let digits = text.get(2 * number..2 * number + 2).ok_or_else(unfit)?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| unfit())?;
    }
    Ok(key)
}
