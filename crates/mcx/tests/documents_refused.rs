//! What is no document that can be trusted is refused, in words that name the element.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::documents::{EXAMPLE, ext, params, read, read_as};
use mcx::Service;
use mcx::document::DocumentError;

fn error(xml: impl AsRef<[u8]>) -> DocumentError {
    read(xml).expect_err("it is refused")
}

fn named(make: fn(String) -> DocumentError, name: &str) -> DocumentError {
    let error = make(name.to_owned());
    assert!(error.to_string().contains(name), "{error}");
    error
}

#[test]
fn another_root_or_namespace() {
    for xml in [
        EXAMPLE.replace("mcpttinfo", "mcvideoinfo"),
        "<html/>".to_owned(),
    ] {
        assert_eq!(error(xml), DocumentError::WrongRoot);
    }
    for xml in [
        EXAMPLE.replace("urn:3gpp:ns:mcpttInfo:1.0", "urn:3gpp:ns:mcpttInfo:2.0"),
        EXAMPLE.replace(" xmlns=\"urn:3gpp:ns:mcpttInfo:1.0\"", ""),
    ] {
        assert_eq!(error(xml), DocumentError::WrongNamespace);
    }
    let said = [DocumentError::WrongRoot, DocumentError::WrongNamespace].map(|e| e.to_string());
    assert!(said[0].contains("root element") && said[1].contains("namespace"));
    let of_video = read_as(Service::McVideo, EXAMPLE);
    assert_eq!(of_video, Err(DocumentError::WrongRoot));
}

#[test]
fn not_well_formed() {
    for xml in [
        "",
        "   ",
        "text",
        "<mcpttinfo",
        "<a><b></a></b>",
        "<a/><b/>",
        "<a/>text",
        "</a>",
        "<a b='1' b='2'/>",
        "<a b=1/>",
        "<a b/>",
        "<x:a/>",
        "<a>\0</a>",
        "<!-- open",
        "<a><![CDATA[open</a>",
        // names
        "<a=b/>",
        "<a\"b/>",
        "<a><primary-mure=\"01<!-x-\"/></a>",
        "<a'b></a'b>",
        "<1a/>",
        "<-a/>",
        "<.a/>",
        "<a&b/>",
        "<:a/>",
        "<a:/>",
        "<a xmlns:p='u'><p:a:b/></a>",
        "<a><p:\u{b7}b xmlns:p='u'/></a>",
        "<\u{d7}/>",
        "<a 1b='c'/>",
        "<a b\"='c'/>",
        "<a <b='c'/>",
        "<a xmlns:='u'/>",
        "<a p:b='c'/>",
        "<a xmlns:p='u' xmlns:q='u' p:b='c' q:b='c'/>",
        "<a xmlns:p=''/>",
        "<a></a b>",
        "<a></a=>",
        "<a/ >",
        "< a/>",
        "<?1?><a/>",
        "<? a?><a/>",
        "<a/><?xml version='1.0'?>",
        " <?xml version='1.0'?><a/>",
        "<?xml version='1.0'?><?xml version='1.0'?><a/>",
        "<?XML version='1.0'?><a/>",
        "<?xml version='1.0' enc<x/>oding='UTF-8'?><a/>",
        "<?xml encoding='UTF-8'?><a/>",
        "<?xml version='1.0'encoding='UTF-8'?><a/>",
        "<?xml version='1.0' encoding='UTF-8' version='1.0'?><a/>",
        "<?xml version='1.0' standalone='yes' encoding='UTF-8'?><a/>",
        "<?xml?><a/>",
        // attributes
        "<a b='c'd='e'/>",
        "<a b='<'/>",
        "<a xmlns='<'/>",
        "<a b=c'/>",
        "<a b='c' b = 'd'/>",
        // characters
        "<a>\u{1}</a>",
        "<a>\u{ffff}</a>",
        "<a>\u{fffe}</a>",
        "<a b='\u{1f}'/>",
        "<a><!--\u{2}--></a>",
        "<a>]]></a>",
        "<a>&</a>",
        "<a><!-- a -- b --></a>",
        "<a><!-- a ---></a>",
        "<a/>\u{a0}",
        "<a/>&#32;",
        "<a/><![CDATA[ ]]>",
        "<![CDATA[]]><a/>",
    ] {
        let DocumentError::NotWellFormed(at) = error(xml) else {
            panic!("{xml}: {:?}", error(xml));
        };
        assert!(at <= 64);
    }
    let cut = &EXAMPLE[..EXAMPLE.len() - 5];
    assert!(error(cut).to_string().contains("not well-formed at byte"));
}

#[test]
fn no_document_is_cut_anywhere_into_another_valid_one() {
    let end = EXAMPLE.rfind('>').unwrap();
    for length in 0..end {
        assert!(
            read(&EXAMPLE.as_bytes()[..length]).is_err(),
            "{length} bytes"
        );
    }
}

#[test]
fn a_document_type_declaration() {
    for dtd in [
        "<!DOCTYPE mcpttinfo>",
        "<!DOCTYPE mcpttinfo SYSTEM 'http://evil.example/x.dtd'>",
        "<!DOCTYPE mcpttinfo [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>",
    ] {
        let xml = format!("{dtd}{}", ext("<primary-mcptt-id>&x;</primary-mcptt-id>"));
        assert_eq!(error(xml), DocumentError::Dtd);
    }
    assert!(DocumentError::Dtd.to_string().contains("DTD"));
}

#[test]
fn an_undefined_entity() {
    for value in [
        "&nbsp;",
        "&lol9;",
        "&#0;",
        "&#xD800;",
        "&#x6;",
        "&#xFFFE;",
        "&#x110000;",
        "&#xyz;",
        "& b;",
    ] {
        let xml = ext(&format!("<primary-mcptt-id>{value}</primary-mcptt-id>"));
        assert_eq!(error(xml), DocumentError::Entity, "{value}");
    }
    for stay in [
        "<stay xmlns='urn:mcx-sip:migration:1' number='&seven;'/>",
        "<stay xmlns='urn:mcx-sip:migration:1' number='7&#x6;'/>",
        "<x:y xmlns:x='urn:x' x:z='&seven;'/>",
    ] {
        assert_eq!(error(ext(stay)), DocumentError::Entity, "{stay}");
    }
    assert!(DocumentError::Entity.to_string().contains("entity"));
}

#[test]
fn another_encoding() {
    for encoding in ["UTF-16", "ISO-8859-1", "windows-1252"] {
        let xml = EXAMPLE.replace("UTF-8", encoding);
        assert_eq!(error(xml), DocumentError::NotUtf8, "{encoding}");
    }
    let mut latin1 = EXAMPLE.replace("alice", "al\u{1}ce").into_bytes();
    for byte in &mut latin1 {
        if *byte == 1 {
            *byte = 0xec;
        }
    }
    assert_eq!(error(latin1), DocumentError::NotUtf8);
    let utf16: Vec<u8> = EXAMPLE.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let (DocumentError::NotUtf8 | DocumentError::NotWellFormed(_)) = error(utf16) else {
        panic!("UTF-16 is refused as what it is");
    };
    assert!(DocumentError::NotUtf8.to_string().contains("UTF-8"));
}

#[test]
fn two_different_values_for_one_element() {
    for name in [
        "mcptt-access-token",
        "mcptt-request-uri",
        "primary-mcptt-id",
        "partner-mcptt-id",
        "migration-auth-result",
        "req-type",
        "selected-user-profile-index",
    ] {
        let xml = params(&format!(
            "<{name}>1</{name}><anyExt><{name}>0</{name}></anyExt>"
        ));
        assert_eq!(error(xml), named(DocumentError::Contradiction, name));
    }
    let two = "<mcpttURI>sip:a@a</mcpttURI><mcpttString>sip:b@a</mcpttString>";
    let xml = ext(&format!("<primary-mcptt-id>{two}</primary-mcptt-id>"));
    assert_eq!(
        error(xml),
        named(DocumentError::Contradiction, "primary-mcptt-id")
    );
    let stays = "<stay xmlns='urn:mcx-sip:migration:1' number='7'/>\
                 <stay xmlns='urn:mcx-sip:migration:1' number='8'/>";
    assert_eq!(
        error(ext(stays)),
        named(DocumentError::Contradiction, "stay")
    );
    let kinds = ext("<req-type>one</req-type><resp-type>another</resp-type>");
    assert_eq!(
        error(kinds),
        named(DocumentError::Contradiction, "resp-type")
    );
    let twice = EXAMPLE.replace("</mcptt-Params>", "</mcptt-Params><mcptt-Params/>");
    assert_eq!(
        error(twice),
        named(DocumentError::Contradiction, "mcptt-Params")
    );
}

#[test]
fn values_that_are_none() {
    let invalid = |name, xml: String| {
        assert_eq!(error(&xml), named(DocumentError::Invalid, name), "{xml}");
    };
    for name in [
        "primary-mcptt-id",
        "partner-mcptt-id",
        "mcptt-request-uri",
        "mcptt-access-token",
        "req-type",
    ] {
        for nothing in [
            "",
            " \n ",
            "<mcpttURI/>",
            "<mcpttString> </mcpttString>",
            "<mcpttURI></mcpttURI>",
        ] {
            invalid(name, ext(&format!("<{name}>{nothing}</{name}>")));
        }
        invalid(name, ext(&format!("<{name}/>")));
    }
    for no_boolean in ["yes", "TRUE", "2", "-1", "true false"] {
        let element = "migration-auth-result";
        invalid(
            element,
            ext(&format!(
                "<{element}><mcpttBoolean>{no_boolean}</mcpttBoolean></{element}>"
            )),
        );
    }
    for number in [
        "",
        "seven",
        "-7",
        "7.0",
        "18446744073709551616",
        "0x7",
        " 7",
    ] {
        invalid(
            "stay",
            ext(&format!(
                "<stay xmlns='urn:mcx-sip:migration:1' number='{number}'/>"
            )),
        );
    }
    for procedure in [
        "",
        "7",
        "0192d3c47a1e7b609f3e2f4c5a6b7c8d",
        "{0192d3c4-7a1e-7b60-9f3e-2f4c5a6b7c8d}",
        "0192d3c4-7a1e-7b60-9f3e-2f4c5a6b7c8z",
    ] {
        invalid(
            "stay",
            ext(&format!(
                "<stay xmlns='urn:mcx-sip:migration:1' procedure='{procedure}'/>"
            )),
        );
    }
    for index in ["", "-1", "x", "4294967296"] {
        let element = "selected-user-profile-index";
        invalid(
            element,
            ext(&format!(
                "<{element}><user-profile-index>{index}</user-profile-index></{element}>"
            )),
        );
    }
}

#[test]
fn encrypted_values() {
    for name in [
        "mcptt-access-token",
        "mcptt-request-uri",
        "primary-mcptt-id",
        "partner-mcptt-id",
    ] {
        let xml = ext(&format!(
            "<{name} type=\"Encrypted\"><e:EncryptedData xmlns:e=\"http://www.w3.org/2001/04/xmlenc#\"/></{name}>"
        ));
        assert_eq!(error(xml), named(DocumentError::Encrypted, name));
    }
}
