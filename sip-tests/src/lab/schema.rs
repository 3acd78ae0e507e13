//! Checks the documents that were sent against the XML schemas.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Once;

use bytes::Bytes;
use sip_message::{Limits, Message};

use super::project;

/// Every MC info document alone in a message of `sent` validates with xmllint; one of MCData, of which there is no
/// schema, is well-formed. Says loudly when the schemas or xmllint are not there.
pub fn assert_schema_valid(sent: &[Bytes]) {
    let schemas = project().join("../shared/schemas");
    if !schemas.is_dir() {
        aloud("no XML schemas beside the project, in ../shared/schemas");
        return;
    }
    let mut checked = 0;
    for bytes in sent {
        let message = Message::parse_datagram(bytes.clone(), &Limits::default()).expect("SIP");
        let Ok(Some(media)) = message.headers().content_type() else {
            continue;
        };
        let schema = match media.sub() {
            b"vnd.3gpp.mcptt-info+xml" => Some("mcptt-info.xsd"),
            b"vnd.3gpp.mcvideo-info+xml" => Some("mcvideo-info.xsd"),
            b"vnd.3gpp.mcdata-info+xml" => None,
            _ => continue,
        };
        let mut xmllint = Command::new("xmllint");
        xmllint.args(["--noout", "--nonet"]);
        if let Some(schema) = schema {
            xmllint.arg("--schema").arg(schemas.join(schema));
        }
        let started = xmllint
            .arg("-")
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut xmllint) = started else {
            aloud("xmllint is not installed (Debian package libxml2-utils)");
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

/// Past the test runner, which keeps what a test that passes prints to itself.
fn aloud(why: &str) {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        let said = writeln!(
            std::io::stderr(),
            "\n!!! SKIPPED: {why}: documents that are sent are NOT VALIDATED !!!\n"
        );
        drop(said);
    });
}
