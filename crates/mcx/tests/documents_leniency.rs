//! What real peers send is understood (wire profile, "Leniency").
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::documents::{EXAMPLE, ext, params, read, read_as};
use common::{ALICE, ALICE_AT_B};
use mcx::document::DocumentError;
use mcx::{MessageKind, Service};

#[test]
fn a_value_without_its_value_child() {
    let xml = params("<mcptt-request-uri>\n sip:alice@a.mcx.example\t</mcptt-request-uri>");
    assert_eq!(read(xml).unwrap().request_uri.as_deref(), Some(ALICE));
    let xml = ext("<req-type>mc-service-user-authorization-notification</req-type>");
    assert_eq!(
        read(xml).unwrap().kind,
        Some(MessageKind::UserAuthorizationNotification)
    );
    let xml = ext("<migration-auth-result>1</migration-auth-result>\
                   <selected-user-profile-index>4</selected-user-profile-index>");
    let document = read(xml).unwrap();
    assert_eq!(
        (document.result, document.profile_index),
        (Some(true), Some(4))
    );
}

/// What XML allows and few use: names beyond ASCII, attributes of other namespaces, white space and comments anywhere.
#[test]
fn all_that_is_well_formed() {
    let foreign = "<?a b?><!-- a - b --><\u{e9}t\u{e9}.1-\u{b7} xmlns:x='urn:x' xmlns:y='urn:y'\r\n x:a='1'\ty:a = \"'>\"\n\
                   xml:lang='de' \u{e4}=''></\u{e9}t\u{e9}.1-\u{b7} ><x:a xmlns:x='urn:x'/>";
    let at = EXAMPLE.find("<mcptt-Params>").unwrap();
    for xml in [
        format!("{}{foreign}{}", &EXAMPLE[..at], &EXAMPLE[at..]),
        format!("\u{feff}{EXAMPLE}\n<!-- - --><?a?>\t"),
    ] {
        assert_eq!(read(&xml).unwrap(), read(EXAMPLE).unwrap(), "{xml}");
    }
}

#[test]
fn a_missing_type() {
    let xml = EXAMPLE.replace(" type=\"Normal\"", "");
    assert_eq!(read(xml).unwrap(), read(EXAMPLE).unwrap());
}

#[test]
fn a_value_child_of_the_other_kind() {
    let xml = EXAMPLE.replace("mcpttURI>", "mcpttString>");
    assert_eq!(read(xml).unwrap(), read(EXAMPLE).unwrap());
    let xml = EXAMPLE.replace("mcpttString>", "mcpttURI>");
    assert_eq!(read(xml).unwrap(), read(EXAMPLE).unwrap());
    for value in ["true", "1", " true\n"] {
        let xml = ext(&format!(
            "<migration-auth-result><mcpttString>{value}</mcpttString></migration-auth-result>"
        ));
        assert_eq!(read(xml).unwrap().result, Some(true));
    }
}

#[test]
fn another_order_and_elements_directly_in_params() {
    let xml = params(
        "<anyExt><partner-mcptt-id><mcpttURI>sip:visitor-4711@b.mcx.example</mcpttURI></partner-mcptt-id></anyExt>\
         <primary-mcptt-id><mcpttURI>sip:alice@a.mcx.example</mcpttURI></primary-mcptt-id>\
         <stay xmlns=\"urn:mcx-sip:migration:1\" procedure=\"0192d3c4-7a1e-7b60-9f3e-2f4c5a6b7c8d\" number=\"7\"/>\
         <req-type>migration-service-deauthorization-notification</req-type>\
         <mcptt-request-uri>sip:alice@a.mcx.example</mcptt-request-uri>",
    );
    assert_eq!(read(xml).unwrap(), read(EXAMPLE).unwrap());
}

#[test]
fn elements_in_any_ext_of_the_root() {
    let (params, rest) = EXAMPLE.split_once("<anyExt>").unwrap();
    let (ext, _) = rest.split_once("</anyExt>").unwrap();
    let xml = format!("{params}</mcptt-Params><anyExt>{ext}</anyExt></mcpttinfo>");
    assert_eq!(read(xml).unwrap(), read(EXAMPLE).unwrap());
}

#[test]
fn prefixes_instead_of_the_default_namespace() {
    let xml = "<m:mcpttinfo xmlns:m='urn:3gpp:ns:mcpttInfo:1.0' xmlns:x='urn:mcx-sip:migration:1'>\
        <m:mcptt-Params><m:anyExt><m:primary-mcptt-id><m:mcpttURI>sip:alice@a.mcx.example</m:mcpttURI>\
        </m:primary-mcptt-id><x:stay number='7'/></m:anyExt></m:mcptt-Params></m:mcpttinfo>";
    let document = read(xml).unwrap();
    assert_eq!(document.primary_id.as_deref(), Some(ALICE));
    assert_eq!(document.stay_number(), Some(7));
}

#[test]
fn comments_cdata_references_and_instructions() {
    for value in [
        "<![CDATA[sip:alice@a.mcx.example]]>",
        "sip:<!-- who? -->alice@a.mcx.example",
        "sip:&#97;lice&#x40;a.mcx.example",
        "sip:alice<?pi data?>@a.mcx.example",
        "sip:al<![CDATA[ice@a]]>.mcx.example",
    ] {
        let xml = ext(&format!(
            "<primary-mcptt-id><mcpttURI>{value}</mcpttURI></primary-mcptt-id>"
        ));
        assert_eq!(
            read(xml).unwrap().primary_id.as_deref(),
            Some(ALICE),
            "{value}"
        );
    }
    let xml = ext("<primary-mcptt-id>sip:a&amp;b&lt;&gt;&quot;&apos;</primary-mcptt-id>");
    assert_eq!(
        read(xml).unwrap().primary_id.as_deref(),
        Some("sip:a&b<>\"'")
    );
    let around = format!("<!-- before --><?pi?>\n{}\n<!-- after -->\n", ext(""));
    assert!(read(around).is_ok());
}

#[test]
fn a_byte_order_mark_and_any_line_ends() {
    let with_mark = format!("\u{feff}{EXAMPLE}");
    assert_eq!(read(with_mark).unwrap(), read(EXAMPLE).unwrap());
    let crlf = EXAMPLE.replace('\n', "\r\n");
    assert_eq!(read(crlf).unwrap(), read(EXAMPLE).unwrap());
    for declaration in [
        "",
        "<?xml version='1.0'?>",
        "<?xml version='1.0' encoding='utf-8' standalone='yes'?>",
    ] {
        let xml = EXAMPLE.replace("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", declaration);
        assert_eq!(read(xml).unwrap(), read(EXAMPLE).unwrap());
    }
}

#[test]
fn foreign_namespaces_and_unknown_elements_are_ignored() {
    let xml = ext(
        "<x:primary-mcptt-id xmlns:x='urn:other'>sip:eve@evil.example</x:primary-mcptt-id>\
         <stay number='9'/>\
         <stay xmlns='urn:other' number='9'/>\
         <something-new deep='yes'><primary-mcptt-id>sip:eve@evil.example</primary-mcptt-id></something-new>\
         <primary-mcptt-id x:type='Encrypted' xmlns:x='urn:other'><y:mcpttURI xmlns:y='urn:other'>no</y:mcpttURI>\
         <mcpttURI>sip:alice@a.mcx.example</mcpttURI></primary-mcptt-id>",
    );
    let document = read(xml).unwrap();
    assert_eq!(document.primary_id.as_deref(), Some(ALICE));
    assert_eq!(document.stay, None);
}

#[test]
fn the_same_value_twice_is_one_value() {
    let once = "<primary-mcptt-id><mcpttURI>sip:alice@a.mcx.example</mcpttURI></primary-mcptt-id>";
    let again = "<primary-mcptt-id>sip:alice@a.mcx.example</primary-mcptt-id>";
    assert_eq!(
        read(ext(&format!("{once}{again}")))
            .unwrap()
            .primary_id
            .as_deref(),
        Some(ALICE)
    );
    let stay = "<stay xmlns='urn:mcx-sip:migration:1' number='7'/>";
    assert_eq!(
        read(ext(&format!("{stay}{stay}"))).unwrap().stay_number(),
        Some(7)
    );
}

#[test]
fn the_kind_of_message_in_either_form() {
    let value = "migration-service-deauthorization-notification";
    for form in ["req-type", "resp-type", "request-type"] {
        let xml = params(&format!("<{form}>{value}</{form}>"));
        assert_eq!(
            read(xml).unwrap().kind,
            Some(MessageKind::DeauthorizationNotification)
        );
    }
    let xml = format!(
        "<mcdatainfo xmlns='urn:3gpp:ns:mcdataInfo:1.0'><mcdata-Params><anyExt><req-type>\
         <mcdataString>{value}</mcdataString></req-type></anyExt></mcdata-Params></mcdatainfo>"
    );
    let kind = read_as(Service::McData, xml).unwrap().kind;
    assert_eq!(kind, Some(MessageKind::DeauthorizationNotification));
    let unknown = read(ext("<req-type>group-something</req-type>")).unwrap();
    assert_eq!(unknown.kind, None);
    assert_eq!(unknown.unknown_kind.as_deref(), Some("group-something"));
}

#[test]
fn leniency_is_read_and_never_written() {
    let lenient = params(&format!(
        "<partner-mcptt-id>{ALICE_AT_B}</partner-mcptt-id>"
    ));
    let written = read(lenient)
        .unwrap()
        .write(&common::profile(Service::Mcptt));
    let strict =
        format!("<anyExt><partner-mcptt-id type=\"Normal\"><mcpttURI>{ALICE_AT_B}</mcpttURI>");
    assert!(written.contains(&strict));
}

#[test]
fn debug_shows_which_elements_are_there_and_not_what_they_say() {
    let token = "<mcptt-access-token>secret-token</mcptt-access-token>";
    let xml = EXAMPLE.replace("<anyExt>", &format!("{token}<anyExt>"));
    let document = read(xml).unwrap();
    let shown = format!("{document:?}");
    for secret in ["alice", "visitor-4711", "secret-token"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("access_token: true"));
    let error = read(ext(
        "<primary-mcptt-id type='Encrypted'>secret</primary-mcptt-id>",
    ))
    .unwrap_err();
    assert_eq!(error, DocumentError::Encrypted("primary-mcptt-id".into()));
    assert!(!format!("{error:?} {error}").contains("secret"));
}
