//! Documents for tests: the wire profile's example, and the validator of the schemas.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use mcx::document::{Bounds, Document, DocumentError};
use mcx::{Service, ServiceProfile};

use super::profile;

/// The example of the wire profile, byte for byte.
pub const EXAMPLE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<mcpttinfo xmlns="urn:3gpp:ns:mcpttInfo:1.0"><mcptt-Params>
  <mcptt-request-uri type="Normal"><mcpttURI>sip:alice@a.mcx.example</mcpttURI></mcptt-request-uri>
  <anyExt>
    <req-type type="Normal"><mcpttString>migration-service-deauthorization-notification</mcpttString></req-type>
    <primary-mcptt-id type="Normal"><mcpttURI>sip:alice@a.mcx.example</mcpttURI></primary-mcptt-id>
    <partner-mcptt-id type="Normal"><mcpttURI>sip:visitor-4711@b.mcx.example</mcpttURI></partner-mcptt-id>
    <stay xmlns="urn:mcx-sip:migration:1" number="7" procedure="0192d3c4-7a1e-7b60-9f3e-2f4c5a6b7c8d"/>
  </anyExt>
</mcptt-Params></mcpttinfo>
"#;

/// Reads an MCPTT document.
pub fn read(xml: impl AsRef<[u8]>) -> Result<Document, DocumentError> {
    read_as(Service::Mcptt, xml)
}

pub fn read_as(service: Service, xml: impl AsRef<[u8]>) -> Result<Document, DocumentError> {
    Document::read(xml.as_ref(), &profile(service), Bounds::default())
}

/// An MCPTT document with these elements directly in Params.
pub fn params(elements: &str) -> String {
    format!(
        "<mcpttinfo xmlns=\"urn:3gpp:ns:mcpttInfo:1.0\"><mcptt-Params>{elements}</mcptt-Params></mcpttinfo>"
    )
}

/// An MCPTT document with these elements in `anyExt` of Params.
pub fn ext(elements: &str) -> String {
    params(&format!("<anyExt>{elements}</anyExt>"))
}

/// Which schema a service has.
fn schema(service: Service) -> Option<&'static str> {
    match service {
        Service::Mcptt => Some("mcptt-info.xsd"),
        Service::McVideo => Some("mcvideo-info.xsd"),
        Service::McData => None,
    }
}

/// Fails when `xml` does not validate; does nothing, loudly, where there is no schema or no
/// validator.
pub fn validates(service: Service, xml: &str) {
    let Some(schema) = schema(service) else {
        return;
    };
    let schema = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/schemas")
        .join(schema);
    if !schema.exists() {
        eprintln!("\n*** NOT VALIDATED: the 3GPP schemas are not here ***\n");
        return;
    }
    let started = Command::new("xmllint")
        .args(["--noout", "--nonet", "--schema"])
        .arg(&schema)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = started else {
        eprintln!("\n*** NOT VALIDATED: xmllint is not installed ***\n");
        return;
    };
    child
        .stdin
        .take()
        .unwrap()
        .write_all(xml.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{xml}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Every service with its names.
pub fn services() -> impl Iterator<Item = (Service, ServiceProfile)> {
    Service::ALL.into_iter().map(|s| (s, profile(s)))
}
