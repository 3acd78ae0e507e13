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
        "sip:a@h;lr;%6C%72",
        "sip:a@h;%6cr;a;b;c;d;e;f;g;l%72",
        "sip:a@h;x%2F;X%2f",
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
        ("sip:h?%50=x&p=y&A=1", "sip:h?a=1&p=x&P=y"),
        ("sip:a@h;%6C%72;maddr=x", "sip:a@h;maddr=x;LR"),
        ("sip:a@h;%74ransport=%74cp", "sip:a@h;transport=TCP"),
        ("sip:a@h;%5bx", "sip:a@h;[x"),
        ("sip:a@h;a%2fb=%2F", "sip:a@h;A%2Fb=%2f"),
        // two names, each on one side
        ("sip:a@h;a%2fb=1", "sip:a@h;a/b=2"),
        (
            "tel:7042;phone-context=+1-914-555;ext=1-2",
            "tel:7-042;EXT=12;phone-context=+1(914)555",
        ),
        (
            "tel:+1-201-555-0123;isub=A%2d1;x=Y",
            "tel:+12015550123;X=y;ISUB=a-1",
        ),
        (
            "tel:863-1234;phone-context=Example.COM",
            "tel:8631234;phone-context=example.com",
        ),
        ("tel:A-b;phone-context=x.y", "tel:aB;phone-context=x.y"),
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
        ("tel:+1;ext=1", "tel:+1;ext=2"),
        ("tel:+1;ext=1", "tel:+1"),
        ("tel:+1;isub=1-2", "tel:+1;isub=12"),
        ("tel:1;phone-context=+1-2", "tel:1;phone-context=+13"),
        ("tel:1;phone-context=a-b.c", "tel:1;phone-context=ab.c"),
        ("tel:1;phone-context=+12", "tel:1;phone-context=12.x"),
        ("sip:a@h;%74ransport=tcp", "sip:a@h"),
        ("sip:h?a%26b=1", "sip:h?a=1&b=1"),
        ("urn:example:a", "urn:example:A"),
        ("http://a", "http://A"),
        ("sip:h?P=x&p=y", "sip:h?P=y&p=x"),
        ("sip:h?P=x&P=x&A=1", "sip:h?P=x&A=1&A=1"),
    ] {
        assert!(!uri(one).equivalent(&uri(other)), "{one} != {other}");
        assert!(!uri(other).equivalent(&uri(one)), "{other} != {one}");
    }
}

#[test]
fn escapes_in_the_names_of_parameters_are_undone() {
    let uri = uri("sip:a@h;%6C%72;%74ransport=%74CP;x%2fy=1;%78=2?%53ubject=a&x=b&%58=c");
    let params = uri.params();
    assert_eq!(params.get("lr"), Some(None));
    assert!(params.contains("LR") && params.contains("l%52"));
    assert_eq!(params.get("transport"), Some(Some(&b"%74CP"[..]))); // as it stands
    assert!(params.is("Transport", "tcp") && !params.is("transport", "udp"));
    // an escaped reserved character is not the character
    assert_eq!(params.get("x/y"), None);
    assert_eq!(params.get("X%2FY"), Some(Some(&b"1"[..])));
    assert_eq!(params.get("x"), Some(Some(&b"2"[..])));
    assert_eq!(uri.headers().get("Subject"), Some(Some(&b"a"[..])));
    assert_eq!(uri.headers().get("X"), Some(Some(&b"b"[..])));
    // names look as they came
    assert_eq!(params.iter().next(), Some((&b"%6C%72"[..], None)));
    // in a header field's parameters the character is one of a token
    let params = sip_message::Params::parse(b";%6C%72;lr").unwrap();
    assert_eq!(params.len(), 2);
    assert!(
        !sip_message::Params::parse(b";%6C%72")
            .unwrap()
            .contains("lr")
    );
}

/// A quarter of a thousand parameters are compared in hardly more time than it takes to read them, whatever they are.
#[test]
fn equality_of_many_parameters_takes_no_square_of_them() {
    let many = |name: &dyn Fn(usize) -> String| {
        let names = (0..250).map(|n| format!(";{}", name(n)));
        format!("sip:a@h{}", names.collect::<String>())
    };
    let prefix = "%61".repeat(30);
    let forth = many(&|n| format!("{prefix}{n}=%41{n}"));
    let back = many(&|n| format!("{prefix}{}=a{}", 249 - n, 249 - n));
    let (forth, back) = (uri(&forth), uri(&back));
    let fastest = |work: &dyn Fn()| {
        let times = (0..5).map(|_| {
            let start = std::time::Instant::now();
            work();
            start.elapsed()
        });
        times.min().unwrap()
    };
    let equal = fastest(&|| assert!(forth.equivalent(&back)));
    let read = fastest(&|| assert!(Uri::parse(forth.as_bytes()).is_ok()));
    assert!(equal < read * 10, "compared in {equal:?}, read in {read:?}");
}

#[test]
fn what_a_urn_asks_for_beside_its_name_is_not_compared() {
    // RFC 8141 §3.1: r-, q- and f-component do not matter.
    for one in [
        "urn:service:sos?+r",
        "urn:service:sos?=q",
        "urn:service:sos#f",
    ] {
        assert!(uri(one).equivalent(&uri("urn:service:sos")));
        assert!(uri("urn:service:sos").equivalent(&uri(one)));
        assert!(!uri(one).equivalent(&uri("urn:service:fire")));
    }
}

#[test]
fn a_call_id_in_a_uri_is_compared_with_case() {
    // RFC 3261 §19.1.4: header fields in URIs match as they do elsewhere, and Call-ID does byte by byte (§20.8).
    assert!(uri("sip:a@h?Call-ID=x").equivalent(&uri("sip:a@h?call-id=%78")));
    for name in ["Call-ID", "i", "body"] {
        let one = format!("sip:a@h?{name}=x");
        let two = format!("sip:a@h?{name}=X");
        assert!(!uri(&one).equivalent(&uri(&two)), "{name}");
    }
}

#[test]
fn an_address_is_itself_however_maddr_writes_it() {
    let uri = |maddr: &str| format!("sip:h;maddr={maddr}");
    let same = |one: &str, other: &str| {
        let (one, other) = (uri(one), uri(other));
        let (one, other) = (
            Uri::parse(one.as_bytes()).unwrap(),
            Uri::parse(other.as_bytes()).unwrap(),
        );
        one.equivalent(&other) && other.equivalent(&one)
    };
    assert!(same("[2001:db8::1]", "[2001:DB8:0:0::1]"));
    assert!(same("A.example", "a.EXAMPLE"));
    assert!(!same("[2001:db8::1]", "[2001:db8::2]"));
    assert!(!same("192.0.2.1", "192.0.2.2"));
    assert!(!same("a.example", "b.example"));
}
