//! Who, where and which transaction: Via, addresses, Call-ID and CSeq, and the forms that are refused.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{message_bytes, parse, response, with_lines};
use sip_message::{CSeq, HeaderName, Limits, Message, NameAddr, ValueErrorKind, Via};

#[test]
fn vias_come_from_the_top_over_fields_and_lists() {
    let message = parse(message_bytes());
    let vias: Vec<Via<'_>> = message.headers().vias().map(Result::unwrap).collect();
    let hosts: Vec<String> = vias.iter().map(|via| via.host().to_string()).collect();
    assert_eq!(
        hosts,
        [
            "scscf1.home1.example",
            "pcscf1.home1.example",
            "[2001:db8::1:2:3:4]"
        ]
    );
    assert_eq!(vias[0].rport(), Some(None));
    assert_eq!((vias[1].port(), vias[1].rport()), (Some(7531), None));
    assert_eq!(vias[2].sent_by(), b"[2001:db8::1:2:3:4]:1357");
    assert_eq!(
        vias[2].params().get("comp").flatten(),
        Some(&b"sigcomp"[..])
    );

    let response = response(common::RESPONSE);
    let via = response.headers().top_via().unwrap();
    assert_eq!(
        (via.transport(), via.protocol()),
        (&b"TCP"[..], (&b"SIP"[..], &b"2.0"[..]))
    );
    assert_eq!(via.received(), Some(&b"2001:db8::9"[..]));
    assert_eq!((via.rport(), via.ttl()), (Some(Some(7000)), Some(16)));
    assert_eq!(via.maddr(), Some(&b"239.255.255.1"[..]));
    assert_eq!(
        (via.port(), via.branch()),
        (Some(5061), Some(&b"z9hG4bK1"[..]))
    );
}

#[test]
fn hostile_vias_are_malformed() {
    for bad in [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0 UDP h",
        "SIP/2.0/UDPh",
        "SIP/2.0/UDP h:",
        "SIP/2.0/UDP h:65536",
        "SIP/2.0/UDP h:-1",
        "SIP/2.0/UDP [::1",
        "SIP/2.0/UDP ::1",
        "SIP/2.0/UDP h;;branch=1",
        "SIP/2.0/UDP h;branch=1;branch=2",
        "SIP/2.0/UDP h;branch=",
        "SIP/2.0/UDP h;branch",
        "SIP/2.0/UDP h;rport;Branch",
        "SIP/2.0/UDP h;rport=x",
        "SIP/2.0/UDP h;rport=65536",
        "SIP/2.0/UDP h;ttl=256",
        "SIP/2.0/UDP h branch=1",
        "SIP/2.0/UDP h;branch=\"open",
        "SIP/2.0/UDP h@x",
    ] {
        let error = Via::parse(bad.as_bytes()).unwrap_err();
        assert_eq!(error.kind, ValueErrorKind::Malformed, "{bad}");
        assert!(error.offset <= bad.len());
    }
    assert!(Via::parse(b"SIP / 2.0\t/UDP h : 5060 ; branch = z9hG4bK\r\n 1").is_err());
    assert!(Via::parse(b"SIP / 2.0\t/UDP\r\n h : 5060 ;\r\n branch = z9hG4bK1 ").is_ok());
}

#[test]
fn addresses_have_names_uris_and_parameters() {
    let message = parse(message_bytes());
    let identities = message.headers().p_asserted_identities().unwrap();
    assert_eq!(
        identities[0].display_name().unwrap().as_ref(),
        b"Ann, \"A\""
    );
    assert_eq!(identities[0].uri_bytes(), b"sip:ann@home1.example");
    assert_eq!(
        identities[1].uri().telephone_number(),
        Some(&b"+1-201-555-0123"[..])
    );
    assert_eq!(
        identities[1].uri().params().get("ext"),
        Some(Some(&b"9"[..]))
    );
    let routes = message.headers().routes().unwrap();
    assert!(routes[0].uri().params().contains("LR"));
    assert_eq!(routes[1].params().get("orig"), Some(Some(&b"1"[..])));
    assert_eq!(
        message.headers().from().unwrap().tag(),
        Some(&b"171828"[..])
    );
    assert_eq!(message.headers().to().unwrap().tag(), None);

    let response = response(common::RESPONSE);
    let contacts = response.headers().contacts().unwrap();
    assert_eq!(contacts.len(), 2);
    assert_eq!(
        contacts[0].uri().headers().get("subject"),
        Some(Some(&b"x"[..]))
    );
    assert_eq!(contacts[1].display_name().unwrap().as_ref(), b"*");
    assert_eq!(response.headers().record_routes().unwrap().len(), 2);
    assert_eq!(response.headers().from().unwrap().tag(), Some(&b"1"[..]));
}

#[test]
fn addresses_without_brackets_lose_their_parameters_to_the_header() {
    let bare = NameAddr::parse(b"sip:a@h;transport=tcp ; tag = x").unwrap();
    assert_eq!(bare.uri_bytes(), b"sip:a@h");
    assert_eq!(bare.tag(), Some(&b"x"[..]));
    assert!(bare.params().contains("transport") && bare.uri().params().is_empty());
}

#[test]
fn hostile_addresses_are_malformed() {
    for bad in [
        "",
        "<>",
        "<sip:a@h",
        "sip:a@h>",
        "\"open <sip:a@h>",
        "\"a\" sip:a@h",
        "A, B <sip:a@h>",
        "< sip:a@h >",
        "<sip:a@h>;tag=1;tag=2",
        "<sip:a@h>;tag=",
        "<sip:a@h>;;tag=1",
        "<sip:a@h> tag=1",
        "<sip:a@h>;tag=1 2",
        "<<sip:a@h>>",
        "sip:a@h?Route=x",
        "*",
        "a <b> <sip:a@h>",
    ] {
        assert!(NameAddr::parse(bad.as_bytes()).is_err(), "{bad}");
    }
    for good in [
        "A B<sip:a@h>",
        "\"\"<sip:a@h>",
        "t~ t'+_ <sip:a@h>;x",
        "\u{442}\u{435}\u{441}\u{442} <tel:112>",
        "\"a\\\"<\" <sip:a@h>",
    ] {
        assert!(NameAddr::parse(good.as_bytes()).is_ok(), "{good}");
    }
}

#[test]
fn cseq_has_a_number_below_two_to_the_31_and_a_method() {
    let cseq = CSeq::parse(b"0000000000004711 \r\n MESSAGE").unwrap();
    assert_eq!(
        cseq,
        CSeq {
            number: 4711,
            method: b"MESSAGE"
        }
    );
    assert!(CSeq::parse(b"2147483647 A").is_ok());
    for bad in [
        "2147483648 A",
        "1",
        "1A",
        "A 1",
        "1 A B",
        "-1 A",
        "",
        "1 \"A\"",
    ] {
        assert!(CSeq::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn duplicates_of_singular_headers_are_refused() {
    let message = parse(with_lines("f: <sip:evil@example.org>;tag=2\r\n"));
    let error = message.headers().from().unwrap_err();
    assert_eq!(
        (error.kind, error.header()),
        (ValueErrorKind::Duplicate, Some(&HeaderName::From))
    );
    assert_eq!(error.to_string(), "From: more than one");
    assert_eq!(
        message
            .headers()
            .one(&HeaderName::Date)
            .unwrap_err()
            .to_string(),
        "Date: missing"
    );
    assert_eq!(message.headers().at_most_one(&HeaderName::Date), Ok(None));
}

#[test]
fn call_ids_are_one_or_two_words() {
    for (value, ok) in [
        ("a@b", true),
        ("(<>:\\\"/[]?{})", true),
        ("a@b@c", false),
        ("@b", false),
        ("a@", false),
        ("a b", false),
        ("a,b", false),
        ("", false),
    ] {
        let message = parse(with_lines("").replace("1@192.0.2.1", value));
        assert_eq!(message.headers().call_id().is_ok(), ok, "{value}");
    }
}

#[test]
fn a_star_is_no_contact_address() {
    let message = parse(with_lines("Contact: *\r\n"));
    assert!(message.headers().contact_is_wildcard());
    assert!(message.headers().contacts().unwrap().is_empty());
    assert!(
        parse(with_lines("Contact: *, <sip:a@h>\r\n"))
            .headers()
            .contacts()
            .is_err()
    );
}

#[test]
fn values_and_parameters_are_bounded() {
    let limits = Limits {
        parameters: 2,
        values: 3,
        ..Limits::default()
    };
    let parse = |lines: &str| {
        let bytes = with_lines(lines).into_bytes().into();
        Message::parse_datagram(bytes, &limits).unwrap()
    };
    let many = |lines| {
        parse(lines)
            .headers()
            .contacts()
            .map(|_| ())
            .map_err(|error| error.kind)
    };
    assert_eq!(
        many("m: <sip:a@h;x;y>;x;y,<sip:b@h>\r\nm: <sip:c@h>\r\n"),
        Ok(())
    );
    assert_eq!(
        many("m: <sip:a@h>,<sip:b@h>\r\nm: <sip:c@h>,<sip:d@h>\r\n"),
        Err(ValueErrorKind::TooMany)
    );
    assert_eq!(many("m: <sip:a@h>;x;y;z\r\n"), Err(ValueErrorKind::TooMany));
    assert_eq!(many("m: <sip:a@h;x;y;z>\r\n"), Err(ValueErrorKind::TooMany));
    let vias = parse("v: SIP/2.0/UDP a,SIP/2.0/UDP b\r\nVia: SIP/2.0/UDP c\r\n");
    let kinds: Vec<_> = vias
        .headers()
        .vias()
        .map(|via| via.map(|_| ()).map_err(|error| error.kind))
        .collect();
    assert_eq!(
        kinds,
        [Ok(()), Ok(()), Ok(()), Err(ValueErrorKind::TooMany)]
    );
}

/// RFC 3261 §7.3.1: a folded value is the value on one line.
#[test]
fn folding_in_a_display_name_is_one_blank() {
    let name = |value: &[u8]| {
        let address = NameAddr::parse(value).unwrap();
        String::from_utf8(address.display_name().unwrap().to_vec()).unwrap()
    };
    assert_eq!(name(b"Ann\r\n\t of  Home <sip:a@h>"), "Ann of  Home");
    assert_eq!(name(b"Ann \n  Home\r\n <sip:a@h>"), "Ann Home");
    assert_eq!(
        name(b"\"Ann \r\n \\\"A\\\"\r\n B\" <sip:a@h>"),
        "Ann \"A\" B"
    );
}

/// RFC 3261 §25.1: `tag-param = "tag" EQUAL token`.
#[test]
fn a_tag_of_from_and_to_is_a_token() {
    for tag in [";tag", ";tag=\"1\"", ";x;TAG", ";tag=[::1]", ";tag=a/b"] {
        for name in ["From", "To"] {
            let line = format!("{name}: <sip:a@example.org>{tag}\r\n");
            let others = with_lines("")
                .replace("From:", "X-F:")
                .replace("To:", "X-T:");
            let head = others.replace("X-F:", &format!("{line}X-F:"));
            let message = parse(head);
            let headers = message.headers();
            let error = match name {
                "From" => headers.from().unwrap_err(),
                _ => headers.to().unwrap_err(),
            };
            assert_eq!(error.kind, ValueErrorKind::Malformed, "{name} {tag}");
            assert_eq!(error.offset, "<sip:a@example.org>".len());
        }
    }
    // Elsewhere it is a parameter like any other.
    assert!(NameAddr::parse(b"<sip:a@h>;tag").is_ok());
    let contact = parse(with_lines("Contact: <sip:a@h>;tag\r\n"));
    assert_eq!(contact.headers().contacts().unwrap().len(), 1);
}

/// RFC 3261 §20.30, §20.34, RFC 3327 §4, RFC 3608 §4: `name-addr`, and no `addr-spec`.
#[test]
fn routes_stand_in_brackets() {
    for name in [
        "Route",
        "Record-Route",
        "Path",
        "Service-Route",
        "P-Served-User",
    ] {
        for (value, right) in [
            ("<sip:p.example;lr>", true),
            ("P <sip:p.example;lr>;x=1", true),
            ("sip:p.example", false),
            ("<sip:p.example;lr>, sip:q.example;lr", false),
        ] {
            let message = parse(with_lines(&format!("{name}: {value}\r\n")));
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            assert_eq!(
                message.headers().addresses(&name).is_ok(),
                right,
                "{name}: {value}"
            );
        }
    }
    let message = parse(with_lines("Route: <sip:p.example>, sip:q.example\r\n"));
    let error = message.headers().routes().unwrap_err();
    assert_eq!(error.to_string(), "Route: malformed at byte 17");
    let message = parse(with_lines("History-Info: sip:p.example;index=1\r\n"));
    assert!(message.headers().history_info().is_err());
    // These have both.
    let both = "Contact: sip:p.example\r\nP-Asserted-Identity: sip:a@h\r\nRefer-To: sip:a@h\r\n";
    let message = parse(with_lines(both));
    for name in [
        HeaderName::Contact,
        HeaderName::PAssertedIdentity,
        HeaderName::ReferTo,
    ] {
        assert_eq!(message.headers().addresses(&name).unwrap().len(), 1);
    }
}
