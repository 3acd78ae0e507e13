//! TLS connections: who is there is proven by the SIP domain of a certificate, in both directions.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod common;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use common::certificates::Authority;
use common::{
    address, free, lost, meanwhile, message, name, ok, request, sent, transmit, with_alias,
};
use mcx_node::transport::tls::{Tls, TlsFiles};
use mcx_node::transport::{Acquaintances, Bounds, Ended, Setup, Transports, Unproven};
use sip_transaction::{Path, Transport};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

fn speaking(tls: Arc<Tls>) -> Transports {
    common::bind(Setup {
        listen: vec![free(Transport::Tls, "127.0.0.1")],
        tls: Some(tls),
        ..Setup::default()
    })
}

fn towards(from: &Transports, to: &Transports) -> Path {
    Path {
        local: address(from),
        peer: address(to),
        transport: Transport::Tls,
    }
}

/// Sends a request to whoever is meant to be `domain`, and gives how it went.
async fn reaches(a: &mut Transports, b: &mut Transports, domain: &str) -> Result<(), Ended> {
    let path = towards(a, b);
    a.expect(path, &domain.into());
    a.send(sent(path, "hello")).await.unwrap();
    tokio::select! {
        (_, ended) = lost(a) => Err(ended),
        (_, request) = message(b) => {
            assert_eq!(name(&request), "hello");
            Ok(())
        }
    }
}

#[tokio::test]
async fn both_sides_prove_their_domains_and_answers_come_back() {
    let ca = Authority::new();
    let mut a = speaking(ca.tls("a", &["URI:sip:a.mcx.example"]));
    let mut b = speaking(ca.tls("b", &["URI:sip:b.mcx.example"]));
    let path = towards(&a, &b);
    a.expect(path, &"b.mcx.example".into());
    a.send(sent(path, "hello")).await.unwrap();
    let (there, request) = meanwhile(&mut a, message(&mut b)).await;
    assert!(b.identity(there).unwrap().is("a.mcx.example"));
    assert!(!b.identity(there).unwrap().is("b.mcx.example"));
    b.send(transmit(there, ok(&request))).await.unwrap();
    let (back, answer) = meanwhile(&mut b, message(&mut a)).await;
    assert_eq!((back, name(&answer).as_str()), (path, "hello"));
    assert!(a.identity(path).unwrap().is("B.mcx.example."));
}

/// Roots are names and keys that the operator trusts; their own end is not looked at. `mcx check` says so of one that ended.
#[tokio::test]
async fn a_root_that_ended_is_a_root_and_a_certificate_that_ended_is_none() {
    let (now, day) = (SystemTime::now(), Duration::from_secs(86_400));
    let ca = Authority::valid(now - 90 * day..now - day);
    let mut a = speaking(ca.tls("a", &["URI:sip:a.mcx.example"]));
    let mut b = speaking(ca.tls("b", &["URI:sip:b.mcx.example"]));
    reaches(&mut a, &mut b, "b.mcx.example").await.unwrap();
    let ended = ca.sign_for(now - 90 * day..now - day, "c", &["URI:sip:c.mcx.example"]);
    let mut c = speaking(Arc::new(Tls::load(ended).unwrap()));
    assert!(reaches(&mut a, &mut c, "c.mcx.example").await.is_err());
    assert!(reaches(&mut c, &mut b, "b.mcx.example").await.is_err());
}

#[tokio::test]
async fn nobody_waits_for_the_handshakes_of_others() {
    let ca = Authority::new();
    // Those who work out handshakes are busy with others until they are said not to be.
    let workers = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut b = common::bind(Setup {
        listen: [Transport::Tls, Transport::Tcp]
            .map(|transport| free(transport, "127.0.0.1"))
            .to_vec(),
        tls: Some(ca.tls("b", &["URI:sip:b.mcx.example"])),
        workers: Some(workers.handle().clone()),
        ..Setup::default()
    });
    let mut a = speaking(ca.tls("a", &["URI:sip:a.mcx.example"]));
    let path = towards(&a, &b);
    a.expect(path, &"b.mcx.example".into());
    a.send(sent(path, "hello")).await.unwrap();
    let mut c = common::tcp(Bounds::default());
    let path = Path {
        local: address(&c),
        peer: b.listening()[1].address,
        transport: Transport::Tcp,
    };
    // So long that any handshake would be done.
    for _ in 0..200 {
        c.send(sent(path, "meanwhile")).await.unwrap();
        let (_, request) = meanwhile(&mut a, message(&mut b)).await;
        assert_eq!(name(&request), "meanwhile");
    }
    let (end, until) = tokio::sync::oneshot::channel::<()>();
    let working = std::thread::spawn(move || workers.block_on(until));
    let (_, request) = meanwhile(&mut a, message(&mut b)).await;
    assert_eq!(name(&request), "hello");
    end.send(()).unwrap();
    working.join().unwrap().unwrap();
}

#[tokio::test]
async fn a_uri_in_the_certificate_comes_before_its_dns_names() {
    let ca = Authority::new();
    let cases: [(&[&str], &str, bool); 8] = [
        (&["URI:sip:b.mcx.example"], "b.mcx.example", true),
        (&["DNS:b.mcx.example"], "b.mcx.example", true),
        (&["DNS:B.MCX.example"], "b.mcx.example", true),
        // RFC 5922 §7.1: with a SIP URI there, DNS names are none.
        (
            &["URI:sip:x.example", "DNS:b.mcx.example"],
            "b.mcx.example",
            false,
        ),
        // A URI with a user names a person, no domain.
        (&["URI:sip:who@b.mcx.example"], "b.mcx.example", false),
        (
            &["URI:sip:who@x.example", "DNS:b.mcx.example"],
            "b.mcx.example",
            true,
        ),
        // §7.2: wildcards match nothing.
        (&["DNS:*.mcx.example"], "b.mcx.example", false),
        (&["URI:sip:other.example"], "b.mcx.example", false),
    ];
    for (n, (names, domain, proven)) in cases.into_iter().enumerate() {
        let mut a = speaking(ca.tls("a", &["URI:sip:a.mcx.example"]));
        let mut b = speaking(ca.tls(&format!("b{n}"), names));
        let expected = if proven {
            Ok(())
        } else {
            Err(Ended::NotProven(Unproven::AnotherDomain))
        };
        assert_eq!(reaches(&mut a, &mut b, domain).await, expected, "{names:?}");
    }
}

#[tokio::test]
async fn certificates_of_another_authority_prove_nothing() {
    let (ca, other) = (Authority::new(), Authority::new());
    let mut a = speaking(ca.tls("a", &["URI:sip:a.mcx.example"]));
    let mut b = speaking(other.tls("b", &["URI:sip:b.mcx.example"]));
    let ended = reaches(&mut a, &mut b, "b.mcx.example").await;
    assert_eq!(ended, Err(Ended::NotProven(Unproven::UnknownAuthority)));
    assert_eq!(a.counters().not_opened.get(), 1);
}

#[tokio::test]
async fn a_connection_to_one_domain_carries_nothing_for_another() {
    let ca = Authority::new();
    let mut a = speaking(ca.tls("a", &["URI:sip:a.mcx.example"]));
    let mut b = speaking(ca.tls("b", &["URI:sip:b.mcx.example"]));
    reaches(&mut a, &mut b, "b.mcx.example").await.unwrap();
    let path = towards(&a, &b);
    a.expect(path, &"c.mcx.example".into());
    assert_eq!(
        a.send(sent(path, "astray")).await,
        Err(Ended::NotProven(Unproven::AnotherDomain))
    );
}

#[tokio::test]
async fn a_client_without_a_certificate_is_not_let_in_where_one_is_wanted() {
    let ca = Authority::new();
    let mut b = speaking(ca.tls("b", &["URI:sip:b.mcx.example"]));
    let other = Authority::new();
    let mut files = other.sign("a", &["URI:sip:a.mcx.example"]);
    files.roots = ca.sign("unused", &[]).roots;
    let mut a = speaking(Arc::new(Tls::load(files).unwrap()));
    let path = towards(&a, &b);
    a.expect(path, &"b.mcx.example".into());
    a.send(sent(path, "uninvited")).await.unwrap();
    // The server refuses; in TLS 1.3 the client hears of it when it reads.
    let (at, ended) = meanwhile(&mut b, lost(&mut a)).await;
    assert_eq!((at, ended), (path, Ended::NotProven(Unproven::Refused)));
    assert_eq!(b.counters().handshakes_failed.get(), 1);
    assert_eq!(b.counters().accepted.get(), 0);
}

#[tokio::test]
async fn certificates_are_read_anew_without_a_restart() {
    let ca = Authority::new();
    let files = ca.sign("b", &["URI:sip:old.example"]);
    let tls = Arc::new(Tls::load(files.clone()).unwrap());
    let mut b = speaking(tls.clone());
    let mut a = speaking(ca.tls("a", &["URI:sip:a.mcx.example"]));
    let ended = reaches(&mut a, &mut b, "b.mcx.example").await;
    assert_eq!(ended, Err(Ended::NotProven(Unproven::AnotherDomain)));
    // A file that cannot be used leaves everything as it was, and is named.
    std::fs::write(&files.certificate, "nothing").unwrap();
    let error = tls.reload().unwrap_err();
    assert_eq!(error.file, files.certificate);
    let ended = reaches(&mut a, &mut b, "old.example").await;
    assert_eq!(ended, Ok(()));
    ca.sign("b", &["URI:sip:b.mcx.example"]);
    tls.reload().unwrap();
    let mut other = speaking(ca.tls("c", &["URI:sip:c.mcx.example"]));
    assert_eq!(reaches(&mut other, &mut b, "b.mcx.example").await, Ok(()));
}

#[tokio::test]
async fn a_connection_that_its_peer_offers_is_used_for_requests_to_the_peer() {
    let ca = Authority::new();
    let mut a = speaking(ca.tls("a", &["URI:sip:a.mcx.example"]));
    let mut b = speaking(ca.tls("b", &["URI:sip:b.mcx.example"]));
    let out = towards(&a, &b);
    a.expect(out, &"b.mcx.example".into());
    let offered = with_alias(&request("TLS", out.local, "offered"));
    a.send(transmit(out, offered)).await.unwrap();
    meanwhile(&mut a, message(&mut b)).await;
    // B reaches A's listening address by what A opened (RFC 5923) …
    let back = towards(&b, &a);
    b.expect(back, &"a.mcx.example".into());
    b.send(sent(back, "back")).await.unwrap();
    let (path, request) = meanwhile(&mut b, message(&mut a)).await;
    assert_eq!((path, name(&request).as_str()), (out, "back"));
    assert_eq!(b.counters().opened.get(), 0);
    // … and not for a domain that A has not proven.
    b.expect(back, &"x.mcx.example".into());
    b.send(sent(back, "other")).await.unwrap();
    let (path, ended) = tokio::select! {
        lost = lost(&mut b) => lost,
        (_, request) = message(&mut a) => panic!("{request:?}"),
    };
    assert_eq!(
        (path, ended),
        (back, Ended::NotProven(Unproven::AnotherDomain))
    );
}

#[tokio::test]
async fn where_strangers_are_ignored_a_certificate_makes_an_acquaintance() {
    let ca = Authority::new();
    let mut b = common::bind(Setup {
        listen: vec![free(Transport::Tls, "127.0.0.1")],
        tls: Some(ca.tls("b", &["URI:sip:b.mcx.example"])),
        acquaintances: Acquaintances {
            domains: vec!["a.mcx.example".to_owned()],
            ignore_strangers: true,
            ..Acquaintances::default()
        },
        bounds: Bounds {
            connections_of_strangers: 1,
            ..Bounds::default()
        },
        ..Setup::default()
    });
    let mut x = speaking(ca.tls("x", &["URI:sip:x.example"]));
    let path = towards(&x, &b);
    x.expect(path, &"b.mcx.example".into());
    x.send(sent(path, "strange")).await.unwrap();
    let (at, _) = meanwhile(&mut b, lost(&mut x)).await;
    assert_eq!(at, path);
    assert_eq!(b.counters().full_of_strangers.get(), 1);
    assert_eq!(b.counters().accepted.get(), 0);
    // Who is known takes no room of strangers.
    let mut known = Vec::new();
    for n in 0..3 {
        let mut a = speaking(ca.tls(&format!("a{n}"), &["URI:sip:a.mcx.example"]));
        assert_eq!(reaches(&mut a, &mut b, "b.mcx.example").await, Ok(()));
        known.push(a);
    }
    assert_eq!(b.counters().full_of_strangers.get(), 1);
}

#[tokio::test]
async fn half_a_handshake_is_given_up() {
    let ca = Authority::new();
    let mut b = common::bind(Setup {
        listen: vec![free(Transport::Tls, "127.0.0.1")],
        tls: Some(ca.tls("b", &["URI:sip:b.mcx.example"])),
        bounds: Bounds {
            handshake: Duration::from_millis(50),
            ..Bounds::default()
        },
        ..Setup::default()
    });
    let mut peer = TcpStream::connect(address(&b)).await.unwrap();
    let read = meanwhile(&mut b, peer.read(&mut [0])).await;
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    assert_eq!(b.counters().handshakes_failed.get(), 1);
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let ca = Authority::new();
    let files = ca.sign("a", &["URI:sip:a.mcx.example"]);
    let wrong = files.key.with_file_name("missing.pem");
    for files in [
        TlsFiles {
            certificate: wrong.clone(),
            ..files.clone()
        },
        TlsFiles {
            key: wrong.clone(),
            ..files.clone()
        },
        TlsFiles {
            roots: wrong.clone(),
            ..files.clone()
        },
    ] {
        assert_eq!(Tls::load(files).unwrap_err().file, wrong);
    }
    // A key that does not belong to the certificate.
    let other = ca.sign("other", &["URI:sip:b.mcx.example"]);
    let mixed = TlsFiles {
        key: other.key.clone(),
        ..files
    };
    assert_eq!(Tls::load(mixed).unwrap_err().file, other.key);
}
