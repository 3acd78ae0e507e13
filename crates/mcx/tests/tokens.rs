//! What proves a user's identity, and everything else that looks like it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::tokens::{
    AUDIENCE, IDMS_A_KEY, IDMS_A_PEM, IDMS_B_KEY, ISSUER, claims, idms, sign, sign_with,
};
use common::{ALICE, START, id, profile};
use jsonwebtoken::{EncodingKey, Header};
use mcx::{Algorithm, Issuer, Service, Timestamp, Tokens};
use serde_json::json;

const NOW: Timestamp = Timestamp(START);
const SECONDS: u64 = START / 1000;

/// Why a token proves nothing.
fn refused(token: &str) -> String {
    let error = idms().verify(token, NOW).unwrap_err();
    assert!(!format!("{error:?} {error}").contains(token) || token.is_empty());
    format!("{error:?}")
}

#[test]
fn a_valid_token_names_its_user() {
    let token = sign(&claims(ALICE));
    let verified = idms().verify(&token, NOW).unwrap();
    assert_eq!(verified.user(&profile(Service::Mcptt)).unwrap(), id(ALICE));
    assert_eq!(verified.expires(), Timestamp(START + 3_600_000));
    let user = idms().user(Some(&token), Service::Mcptt, &profile(Service::Mcptt), NOW);
    assert_eq!(user.unwrap(), id(ALICE));
}

#[test]
fn an_audience_among_several_is_enough() {
    let mut claims = claims(ALICE);
    claims["aud"] = json!(["other", AUDIENCE]);
    assert!(idms().verify(&sign(&claims), NOW).is_ok());
}

#[test]
fn validity_begins_and_ends_on_the_second() {
    let mut claims = claims(ALICE);
    claims["nbf"] = json!(SECONDS);
    claims["exp"] = json!(SECONDS + 1);
    let token = sign(&claims);
    let at = |millis| idms().verify(&token, Timestamp(millis)).map(drop);
    assert!(at(START).is_ok());
    assert!(at(START + 999).is_ok());
    for outside in [START - 1, START + 1000, 0, u64::MAX] {
        assert_eq!(format!("{:?}", at(outside).unwrap_err()), "Expired");
    }
}

#[test]
fn expired_and_not_valid_yet() {
    let mut expired = claims(ALICE);
    expired["exp"] = json!(SECONDS);
    assert_eq!(refused(&sign(&expired)), "Expired");
    let mut early = claims(ALICE);
    early["nbf"] = json!(SECONDS + 1);
    assert_eq!(refused(&sign(&early)), "Expired");
}

#[test]
fn what_is_required_is_not_optional() {
    for (claim, why) in [("exp", "Malformed"), ("iss", "Issuer"), ("aud", "Issuer")] {
        let mut claims = claims(ALICE);
        claims.as_object_mut().unwrap().remove(claim);
        let refused = refused(&sign(&claims));
        assert!(
            refused == why || refused == "Expired" && claim == "exp",
            "{claim}: {refused}"
        );
    }
    for exp in [json!("tomorrow"), json!(-1), json!(null), json!([1])] {
        let mut claims = claims(ALICE);
        claims["exp"] = exp.clone();
        let refused = refused(&sign(&claims));
        assert!(
            refused == "Malformed" || refused == "Expired",
            "{exp}: {refused}"
        );
    }
}

#[test]
fn of_another_issuer_or_for_another_audience() {
    let mut claims_ = claims(ALICE);
    claims_["iss"] = json!("https://idms.evil.example");
    assert_eq!(refused(&sign(&claims_)), "Issuer");
    let mut claims_ = claims(ALICE);
    claims_["aud"] = json!("somebody-else");
    assert_eq!(refused(&sign(&claims_)), "Issuer");
    assert!(
        Tokens::default()
            .verify(&sign(&claims(ALICE)), NOW)
            .is_err()
    );
}

#[test]
fn signed_with_another_key_or_changed_afterwards() {
    assert_eq!(refused(&sign_with(IDMS_B_KEY, &claims(ALICE))), "Signature");
    let token = sign(&claims(ALICE));
    let other = sign(&claims("sip:eve@a.mcx.example"));
    let parts: Vec<&str> = token.split('.').collect();
    let others: Vec<&str> = other.split('.').collect();
    assert_eq!(
        refused(&format!("{}.{}.{}", parts[0], others[1], parts[2])),
        "Signature"
    );
}

#[test]
fn unsigned() {
    for header in [
        json!({"alg": "none", "typ": "JWT"}),
        json!({"alg": "None"}),
        json!({"alg": ""}),
        json!({}),
    ] {
        let token = common::tokens::unsigned(&header, &claims(ALICE));
        assert_eq!(refused(&token), "Algorithm", "{header}");
    }
    // A signed token whose signature was cut off.
    let token = sign(&claims(ALICE));
    let cut = &token[..=token.rfind('.').unwrap()];
    let why = refused(cut);
    assert!(why == "Signature" || why == "Algorithm", "{why}");
}

#[test]
fn the_public_key_is_no_shared_secret() {
    let algorithms = [
        jsonwebtoken::Algorithm::HS256,
        jsonwebtoken::Algorithm::HS384,
        jsonwebtoken::Algorithm::HS512,
    ];
    for algorithm in algorithms {
        let key = EncodingKey::from_secret(IDMS_A_PEM);
        let token = jsonwebtoken::encode(&Header::new(algorithm), &claims(ALICE), &key).unwrap();
        assert_eq!(refused(&token), "Algorithm", "{algorithm:?}");
    }
}

#[test]
fn a_header_that_brings_its_own_key_is_not_listened_to() {
    let mut header = Header::new(jsonwebtoken::Algorithm::ES256);
    header.kid = Some("../../idms-b".into());
    header.jku = Some("https://evil.example/keys".into());
    let key = EncodingKey::from_ec_pem(IDMS_B_KEY).unwrap();
    let token = jsonwebtoken::encode(&header, &claims(ALICE), &key).unwrap();
    assert_eq!(refused(&token), "Signature");
}

#[test]
fn a_token_of_another_service() {
    let token = sign(&claims(ALICE));
    for service in [Service::McVideo, Service::McData] {
        let error = idms()
            .user(Some(&token), service, &profile(service), NOW)
            .unwrap_err();
        assert_eq!(format!("{error:?}"), "NoIdentity");
    }
    for value in [
        json!("alice"),
        json!(7),
        json!(null),
        json!(["sip:alice@a.mcx.example"]),
    ] {
        let mut claims = claims(ALICE);
        claims["mcptt_id"] = value;
        let error = idms().user(
            Some(&sign(&claims)),
            Service::Mcptt,
            &profile(Service::Mcptt),
            NOW,
        );
        assert_eq!(format!("{:?}", error.unwrap_err()), "NoIdentity");
    }
}

#[test]
fn no_token_at_all() {
    let error = idms()
        .user(None, Service::Mcptt, &profile(Service::Mcptt), NOW)
        .unwrap_err();
    assert_eq!(format!("{error:?}"), "Missing");
}

#[test]
fn garbage() {
    for text in [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        "\u{20ac}.\u{20ac}.\u{20ac}",
        "e30.e30.e30",
        "=.=.=",
    ] {
        let why = refused(text);
        assert!(
            ["Malformed", "Algorithm"].contains(&why.as_str()),
            "{text}: {why}"
        );
    }
}

#[test]
fn longer_than_sixteen_kibibytes() {
    let mut claims = claims(ALICE);
    claims["padding"] = json!("x".repeat(11_000));
    assert!(idms().verify(&sign(&claims), NOW).is_ok());
    claims["padding"] = json!("x".repeat(13_000));
    let long = sign(&claims);
    assert!(long.len() > 16 * 1024);
    assert_eq!(refused(&long), "Malformed");
}

#[test]
fn several_issuers_each_with_a_key_of_its_own() {
    let issuer = |name: &str, pem| Issuer::new(name, AUDIENCE, Algorithm::ES256, pem).unwrap();
    let b = "https://idms.b.mcx.example";
    let both = Tokens::new(vec![
        issuer(b, common::tokens::IDMS_B_PEM),
        issuer(ISSUER, IDMS_A_PEM),
    ]);
    assert!(both.verify(&sign(&claims(ALICE)), NOW).is_ok());
    let mut of_b = claims(ALICE);
    of_b["iss"] = json!(b);
    assert!(both.verify(&sign_with(IDMS_B_KEY, &of_b), NOW).is_ok());
    // A's key under B's name, and B's key under A's.
    assert!(both.verify(&sign(&of_b), NOW).is_err());
    assert!(
        both.verify(&sign_with(IDMS_B_KEY, &claims(ALICE)), NOW)
            .is_err()
    );
}

/// An issuer who changes his key: tokens that the old one signed are valid for a while.
#[test]
fn an_issuer_may_have_two_keys() {
    let issuer = |pem| Issuer::new(ISSUER, AUDIENCE, Algorithm::ES256, pem).unwrap();
    let (old, new) = (common::tokens::IDMS_B_PEM, IDMS_A_PEM);
    for both in [[old, new], [new, old]] {
        let both = Tokens::new(both.map(issuer).into());
        assert!(both.verify(&sign(&claims(ALICE)), NOW).is_ok());
        let of_old = sign_with(IDMS_B_KEY, &claims(ALICE));
        assert!(both.verify(&of_old, NOW).is_ok());
    }
}

#[test]
fn a_key_of_another_kind_is_refused_when_it_is_configured() {
    for (algorithm, pem) in [
        (Algorithm::RS256, IDMS_A_PEM),
        (Algorithm::EdDSA, IDMS_A_PEM),
        (Algorithm::ES256, b"no pem".as_slice()),
        (Algorithm::ES256, IDMS_A_KEY),
    ] {
        assert!(
            Issuer::new(ISSUER, AUDIENCE, algorithm, pem).is_err(),
            "{algorithm:?}"
        );
    }
}

#[test]
fn debug_names_nobody() {
    let verified = idms().verify(&sign(&claims(ALICE)), NOW).unwrap();
    let shown = format!("{verified:?} {:?}", idms());
    assert!(!shown.contains("alice"), "{shown}");
    assert!(!shown.contains("BEGIN"), "{shown}");
}

#[test]
fn an_issuer_of_one_service_says_nothing_about_another() {
    let issuer = Issuer::new(ISSUER, AUDIENCE, Algorithm::ES256, IDMS_A_PEM).unwrap();
    let tokens = Tokens::new(vec![issuer.for_services(vec![Service::McData])]);
    let mut claims = claims(ALICE);
    claims["mcdata_id"] = ALICE.into();
    let token = sign(&claims);
    let user = |service| {
        let profile = profile(service);
        tokens.user(Some(&token), service, &profile, NOW)
    };
    assert_eq!(user(Service::McData).unwrap(), id(ALICE));
    let error = user(Service::Mcptt).unwrap_err().to_string();
    assert!(error.contains("another issuer"), "{error}");
}
