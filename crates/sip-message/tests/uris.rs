//! URIs: parts, strictness, and equality by the RFC's rules.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use sip_message::{Host, Uri};

fn uri(text: &str) -> Uri<'_> {
    Uri::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn a_sip_uri_has_parts() {
    let uri =
        uri("SIP:al%69ce;day=tuesday:pass@[2001:db8::10]:5070;transport=tcp;lr?Subject=a%20b&X=");
    assert!(uri.is_scheme("sip"));
    assert_eq!(
        (uri.user(), uri.password()),
        (Some(&b"al%69ce;day=tuesday"[..]), Some(&b"pass"[..]))
    );
    assert_eq!(uri.host().unwrap().to_string(), "[2001:db8::10]");
    assert_eq!(uri.port(), Some(5070));
    assert_eq!(uri.params().get("Transport"), Some(Some(&b"tcp"[..])));
    assert_eq!(uri.params().get("lr"), Some(None));
    assert_eq!(uri.headers().len(), 2);
    assert_eq!(uri.headers().get("X"), Some(Some(&b""[..])));
}

#[test]
fn hosts_without_users_and_other_schemes() {
    assert_eq!(
        uri("sips:example.com").host(),
        Some(Host::Name(b"EXAMPLE.com"))
    );
    assert_eq!(uri("sip:1.2.3.4:5060").port(), Some(5060));
    let tel = uri("tel:+358-555-1234567;postd=pp22");
    assert_eq!(tel.telephone_number(), Some(&b"+358-555-1234567"[..]));
    assert_eq!((tel.user(), tel.host().is_none()), (None, true));
    assert_eq!(
        uri("tel:*31#;phone-context=+1").telephone_number(),
        Some(&b"*31#"[..])
    );
    assert_eq!(
        uri("urn:urn-7:3gpp-service.ims.icsi.mcptt").after_scheme(),
        b"urn-7:3gpp-service.ims.icsi.mcptt"
    );
    assert_eq!(uri("soap.beep://192.0.2.103:3002").scheme(), b"soap.beep");
}

#[test]
fn malformed_uris_are_refused() {
    for bad in [
        "",
        "sip",
        "sip:",
        ":a",
        "1sip:a",
        "<sip:a@h>",
        "sip:@h",
        "sip:a@",
        "sip:a@h:",
        "sip:a@h:70000",
        "sip:a@h;",
        "sip:a@h;;lr",
        "sip:a@h;x=",
        "sip:a@h?",
        "sip:a@h?x",
        "sip:a@h;x=%2",
        "sip:%zz@h",
        "sip:a@h lr",
        "sip:a b@h",
        "sip:a@h; lr",
        "sip:a@b@c",
        "sip:2001:db8::1",
        "sip:a@[::1]x",
        "sip:a\"@h",
        "sip:a@h;x=a=b",
        "tel:",
        "tel:+",
        "tel:+12a",
        "tel:12;",
        "urn:",
        "x:a b",
        "sip:\u{fc}@h",
        "sip:a@h>",
        "sip:a@h,",
        "sip:a@-h",
    ] {
        let error = Uri::parse(bad.as_bytes()).map(|_| ()).unwrap_err();
        assert!(error.offset <= bad.len(), "{bad}");
    }
}

#[test]
fn equality_is_that_of_rfc_3261_section_19_1_4() {
    for (one, other) in [
        (
            "sip:%61lice@atlanta.com;transport=TCP",
            "sip:alice@AtLanTa.CoM;Transport=tcp",
        ),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        (
            "sip:carol@chicago.com;newparam=5",
            "sip:carol@chicago.com;security=on",
        ),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("tel:+1-201-555-0123", "TEL:+12015550123"),
        (
            "tel:911;phone-context=+1;x=y",
            "tel:9-1-1;X=y;phone-context=+1",
        ),
        ("urn:EXAMPLE:a%2Cb", "URN:example:a%2cb"),
        ("sip:a@[2001:DB8:0::1]", "sip:a@[2001:db8::1]"),
        ("sip:h?P=x&A=1&p=y", "sip:h?a=1&p=x&P=y"),
    ] {
        assert!(uri(one).equivalent(&uri(other)), "{one} = {other}");
        assert!(uri(other).equivalent(&uri(one)), "{other} = {one}");
    }
    for (one, other) in [
        (
            "SIP:ALICE@AtLanTa.CoM;Transport=udp",
            "sip:alice@AtLanTa.CoM;Transport=UDP",
        ),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sips:bob@biloxi.com"),
        (
            "sip:carol@chicago.com",
            "sip:carol@chicago.com?Subject=next%20meeting",
        ),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        (
            "sip:carol@chicago.com;security=off",
            "sip:carol@chicago.com;security=on",
        ),
        ("sip:a%3Bb@h", "sip:a;b@h"),
        ("sip:a@h", "sip:h"),
        ("tel:911", "tel:911;phone-context=+1"),
        ("tel:+1", "tel:1"),
        ("urn:example:a", "urn:example:A"),
        ("http://a", "http://A"),
        ("sip:h?P=x&p=y", "sip:h?P=y&p=x"),
        ("sip:h?P=x&P=x&A=1", "sip:h?P=x&A=1&A=1"),
    ] {
        assert!(!uri(one).equivalent(&uri(other)), "{one} != {other}");
        assert!(!uri(other).equivalent(&uri(one)), "{other} != {one}");
    }
}
