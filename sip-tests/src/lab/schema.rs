//! Checks the documents that were sent against the XML schemas.

use std::io::Write as _;
use std::process::{Command, Stdio};

use bytes::Bytes;
use sip_message::{Limits, Message};

use super::project;

/// Every MC info document alone in a message of `sent` validates with xmllint. Says loudly when
/// the schemas or xmllint are not there.
pub fn assert_schema_valid(sent: &[Bytes]) {
    let schemas = project().join("../shared/schemas");
    if !schemas.is_dir() {
        eprintln!("SKIPPED: no XML schemas beside the project: documents are not validated");
        return;
    }
    let mut checked = 0;
    for bytes in sent {
        let message = Message::parse_datagram(bytes.clone(), &Limits::default()).expect("SIP");
        let Ok(Some(media)) = message.headers().content_type() else {
            continue;
        };
        let schema = match media.sub() {
            b"vnd.3gpp.mcptt-info+xml" => "mcptt-info.xsd",
            b"vnd.3gpp.mcvideo-info+xml" => "mcvideo-info.xsd",
            _ => continue,
        };
        let xmllint = Command::new("xmllint")
            .args(["--noout", "--nonet", "--schema"])
            .arg(schemas.join(schema))
            .arg("-")
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut xmllint) = xmllint else {
            eprintln!("SKIPPED: xmllint is not installed (Debian package libxml2-utils)");
            return;
        };
        let mut stdin = xmllint.stdin.take().expect("a pipe");
        stdin.write_all(message.body()).expect("xmllint reads");
        drop(stdin);
        let done = xmllint.wait_with_output().expect("xmllint ends");
        assert!(
            done.status.success(),
            "{}\n{}",
            String::from_utf8_lossy(&done.stderr),
            String::from_utf8_lossy(message.body())
        );
        checked += 1;
    }
    assert!(checked > 0, "no document was sent");
}
