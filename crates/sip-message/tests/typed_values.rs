//! Typed values of header fields: what they give, and which forms are refused.

mod common;

use common::{message_bytes, parse, request, response, with_lines};
use sip_message::{
    CSeq, Credentials, Event, HeaderName, Limits, MediaType, Message, NameAddr, SessionId,
    ValueErrorKind, Via, Warning,
};

fn texts(values: Vec<&[u8]>) -> Vec<&str> {
    values
        .into_iter()
        .map(|value| std::str::from_utf8(value).unwrap())
        .collect()
}

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
fn numbers_that_do_not_fit_are_malformed() {
    for (line, ok) in [
        ("Max-Forwards: 255", true),
        ("Max-Forwards: 256", false),
        ("Max-Forwards: -1", false),
        ("Max-Forwards: 70 hops", false),
        ("Expires: 4294967295", true),
        ("Expires: 4294967296", false),
        ("Expires: \r\n 3600", true),
        ("Expires:", false),
        ("Max-Forwards: 1\r\nMax-Forwards: 1", false),
    ] {
        let message = parse(with_lines(&format!("{line}\r\n")));
        let (hops, expires) = (
            message.headers().max_forwards(),
            message.headers().expires(),
        );
        assert_eq!(hops.is_ok() && expires.is_ok(), ok, "{line}");
    }
    let error = parse(with_lines("Max-Forwards: 70x\r\n"))
        .headers()
        .max_forwards()
        .unwrap_err();
    assert_eq!(error.to_string(), "Max-Forwards: malformed at byte 2");
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
fn token_lists_run_over_fields() {
    let (message, response) = (parse(message_bytes()), response(common::RESPONSE));
    assert_eq!(
        texts(message.headers().tokens(&HeaderName::Supported).unwrap()),
        ["timer", "100rel", "path"]
    );
    assert_eq!(
        texts(response.headers().tokens(&HeaderName::Allow).unwrap()),
        ["INVITE", "ACK", "BYE", "MESSAGE"]
    );
    assert!(
        response
            .headers()
            .tokens(&HeaderName::Require)
            .unwrap()
            .is_empty()
    );
    let broken = parse(with_lines("Require: a,,b\r\nSupported:\r\n"));
    let error = broken.headers().tokens(&HeaderName::Require).unwrap_err();
    assert_eq!(error.to_string(), "Require: malformed at byte 2");
    assert!(
        broken
            .headers()
            .tokens(&HeaderName::Supported)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn what_3gpp_adds_is_typed() {
    let message = parse(message_bytes());
    let headers = message.headers();
    let vector = headers.charging_vector().unwrap().unwrap();
    assert_eq!(
        vector.icid_value().unwrap().as_ref(),
        b"AyretyU0dm+6O2IrT5tAFrbHLso=023551024"
    );
    assert_eq!(vector.orig_ioi().unwrap().as_ref(), b"home1.example");
    assert_eq!(vector.icid_generated_at().unwrap().as_ref(), b"192.0.2.8");
    assert_eq!(vector.term_ioi(), None);
    let accept = headers.accept_contacts().unwrap();
    assert_eq!(accept.len(), 2);
    assert!(accept.iter().all(|one| one.require() && one.explicit()));
    let icsi = accept[0].feature("+g.3gpp.icsi-ref").unwrap();
    assert_eq!(icsi.as_ref(), b"urn%3Aurn-7%3A3gpp-service.ims.icsi.mcptt");
    assert!(accept[1].params().contains("+g.3gpp.mcptt"));
    let network = headers.access_network_infos().unwrap();
    assert!(network[0].is("3gpp-e-utran-fdd"));
    let session = headers.session_id().unwrap().unwrap();
    assert_eq!(session.local(), b"ab30317f1a784dc48ff824d0d3715d86");
    assert_eq!(session.remote(), Some(&SessionId::NIL[..]));
}

#[test]
fn session_ids_are_32_lower_case_digits() {
    let id = "ab30317f1a784dc48ff824d0d3715d86";
    assert_eq!(SessionId::parse(id.as_bytes()).unwrap().remote(), None);
    for bad in [
        id[1..].to_owned(),
        format!("{id}0"),
        id.to_uppercase(),
        format!("{id};remote"),
        format!("{id};remote=1"),
        format!("{id};remote={id};remote={id}"),
        format!("{id};remote=\"{id}\""),
    ] {
        assert!(SessionId::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn warnings_reasons_and_retry_after_tell_why() {
    let response = response(common::RESPONSE);
    let warnings = response.headers().warnings().unwrap();
    assert_eq!(
        (warnings[0].code, warnings[0].agent),
        (399, &b"server.example"[..])
    );
    assert_eq!(warnings[0].text.as_ref(), b"first, with \"quotes\"");
    assert_eq!(
        (warnings[1].agent, warnings[1].text.as_ref()),
        (&b"[2001:db8::1]:5060"[..], &b"second"[..])
    );
    assert_eq!(response.headers().retry_after(), Ok(Some(120)));
    for bad in [
        "39 a \"b\"",
        "3999 a \"b\"",
        "1812 a \"b\"",
        "399 \"b\"",
        "399 a b",
        "399 a \"b",
    ] {
        assert!(Warning::parse(bad.as_bytes()).is_err(), "{bad}");
    }
    let message = parse(message_bytes());
    let reasons = message.headers().reasons().unwrap();
    assert_eq!(
        (reasons[0].protocol(), reasons[0].cause()),
        (&b"SIP"[..], Some(200))
    );
    assert_eq!(reasons[0].text().unwrap().as_ref(), b"done, well");
    assert_eq!(
        (reasons[1].protocol(), reasons[1].cause()),
        (&b"Q.850"[..], Some(16))
    );
}

#[test]
fn content_and_events_are_typed() {
    let (request, response) = (request(message_bytes()), response(common::RESPONSE));
    let content = request.headers().content_type().unwrap().unwrap();
    assert!(content.is("TEXT", "plain") && !content.is("text", "html"));
    assert_eq!(content.param("CharSet").unwrap().as_ref(), b"utf-8");
    assert_eq!(request.headers().content_length(), Ok(Some(5)));
    let event = response.headers().event().unwrap().unwrap();
    assert_eq!(
        (event.package(), event.id()),
        (&b"presence.winfo"[..], Some(&b"a1"[..]))
    );
    assert!(Event::parse(b"presence winfo").is_err());
    let disposition = response.headers().content_disposition().unwrap().unwrap();
    assert!(disposition.is("render") && disposition.params().contains("handling"));
    assert_eq!(
        texts(response.headers().in_reply_to().unwrap()),
        ["70710@saturn.example.com", "17320@saturn.example.com"]
    );
    assert_eq!(
        (
            response.headers().expires(),
            response.headers().min_expires()
        ),
        (Ok(Some(0)), Ok(Some(60)))
    );
    let accept = parse(with_lines(
        "Accept: application/sdp;level=1, */*;q=0\r\nContent-ID: <a@b>\r\n",
    ));
    assert!(accept.headers().accept().unwrap()[1].is("*", "*"));
    assert_eq!(accept.headers().content_id(), Ok(Some(&b"a@b"[..])));
    for bad in [
        "",
        "text",
        "text/",
        "/plain",
        "text/plain;",
        "text/plain charset=x",
        "a/b;boundary=1;boundary=2",
    ] {
        assert!(MediaType::parse(bad.as_bytes()).is_err(), "{bad}");
    }
    assert_eq!(
        request.headers().date().unwrap().unwrap().unix_seconds(),
        1_289_690_940
    );
}

#[test]
fn credentials_hold_parameters_or_a_token() {
    let message = parse(message_bytes());
    let digest = message
        .headers()
        .credentials(&HeaderName::Authorization)
        .unwrap()[0];
    assert_eq!(digest.scheme(), b"Digest");
    assert_eq!(digest.param("realm").unwrap().as_ref(), b"home1, example");
    assert_eq!(
        (digest.params().len(), digest.params().get("nc")),
        (7, Some(Some(&b"00000001"[..])))
    );
    let bearer = Credentials::parse(b"Bearer eyJ0eXAi.eyJhdWQi.aG9tZTE_-w==").unwrap();
    assert_eq!(
        bearer.token68(),
        Some(&b"eyJ0eXAi.eyJhdWQi.aG9tZTE_-w=="[..])
    );
    let challenge = Credentials::parse(b"Bearer authz_server=\"https://a/\"").unwrap();
    assert!(challenge.token68().is_none() && challenge.params().contains("authz_server"));
    for bad in [
        "Digest",
        "Digest ",
        "Digest a=b,,c=d",
        "Digest a=b c=d",
        "\"Digest\" a=b",
    ] {
        assert!(Credentials::parse(bad.as_bytes()).is_err(), "{bad}");
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
}
