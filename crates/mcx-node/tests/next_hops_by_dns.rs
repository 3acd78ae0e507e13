//! Names of next hops become targets as RFC 3263 says, by a real DNS server.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod common;

use common::dns::Dns;
use mcx::NextHop;
use mcx_node::next_hop::{Capability, Hop, LocateError, Locator};
use sip_transaction::Transport::{self, Tcp, Tls, Udp};

const RECORDS: [&str; 20] = [
    // NAPTR prefers TLS, then TCP, then UDP.
    "naptr-record=b.example,10,50,s,SIPS+D2T,,_sips._tcp.b.example",
    "naptr-record=b.example,20,50,s,SIP+D2T,,_sip._tcp.b.example",
    "naptr-record=b.example,30,50,s,SIP+D2U,,_sip._udp.elsewhere.example",
    "srv-host=_sips._tcp.b.example,sip1.b.example,5081,10,1",
    "srv-host=_sip._tcp.b.example,sip1.b.example,5080,20,1",
    "srv-host=_sip._tcp.b.example,sip2.b.example,5082,10,1",
    "srv-host=_sip._udp.elsewhere.example,sip3.b.example,5090,1,1",
    "host-record=sip1.b.example,192.0.2.1,2001:db8::1",
    "host-record=sip2.b.example,192.0.2.2",
    "host-record=sip3.b.example,192.0.2.3",
    // SRV alone.
    "srv-host=_sip._udp.srv.example,sip2.b.example,6000,1,1",
    "srv-host=_sip._tcp.srv.example,sip3.b.example,6001,1,1",
    // Nothing but an address.
    "host-record=plain.example,192.0.2.9",
    // There is no service here, though the host has an address.
    "srv-host=_sip._udp.refused.example,,0,0,0",
    "srv-host=_sip._tcp.refused.example,,0,0,0",
    "srv-host=_sips._tcp.refused.example,,0,0,0",
    "host-record=refused.example,192.0.2.8",
    // A target without an address beside one that has one.
    "srv-host=_sip._udp.partly.example,nowhere.b.example,1,1,1",
    "srv-host=_sip._udp.partly.example,sip2.b.example,2,2,1",
    "cname=alias.b.example,sip2.b.example",
];

fn able(transports: &[Transport]) -> Vec<Capability> {
    let with = |is_ipv4| {
        let of = move |t: &Transport| Capability {
            transport: *t,
            is_ipv4,
        };
        transports.iter().map(of)
    };
    with(true).collect()
}

async fn targets(dns: &Dns, can: &[Transport], uri: &str) -> Result<Vec<String>, LocateError> {
    located(dns, able(can), uri).await
}

async fn located(dns: &Dns, can: Vec<Capability>, uri: &str) -> Result<Vec<String>, LocateError> {
    let locator = Locator::new(Some(&[dns.address]), can).unwrap();
    let hop = Hop::of(&NextHop {
        uri: uri.to_owned(),
        domain: None,
    });
    let found = locator.locate(&hop.unwrap()).await?;
    let written = found.iter().map(|target| {
        let (transport, address) = (target.transport, target.address);
        format!("{transport} {address}")
    });
    Ok(written.collect())
}

#[tokio::test]
async fn names_become_targets() {
    let Some(dns) = Dns::start(&RECORDS) else {
        return;
    };
    let all = [Udp, Tcp, Tls];
    for (can, uri, expected) in [
        // NAPTR decides, not our own preference …
        (
            &all[..],
            "sip:b.example",
            &[
                "TLS 192.0.2.1:5081",
                "TCP 192.0.2.2:5082",
                "TCP 192.0.2.1:5080",
                "UDP 192.0.2.3:5090",
            ][..],
        ),
        // … among what both can.
        (&[Udp][..], "sip:b.example", &["UDP 192.0.2.3:5090"]),
        (
            &[Tcp],
            "sip:b.example",
            &["TCP 192.0.2.2:5082", "TCP 192.0.2.1:5080"],
        ),
        // sips is TLS alone.
        (&all, "sips:b.example", &["TLS 192.0.2.1:5081"]),
        // A transport that is written down leaves NAPTR out.
        (
            &all,
            "sip:b.example;transport=tcp",
            &["TCP 192.0.2.2:5082", "TCP 192.0.2.1:5080"],
        ),
        (&all, "sip:b.example;transport=tls", &["TLS 192.0.2.1:5081"]),
        // A port leaves SRV out.
        (&all, "sip:sip1.b.example:5099", &["UDP 192.0.2.1:5099"]),
        (&all, "sips:sip1.b.example:5099", &["TLS 192.0.2.1:5099"]),
        // Without NAPTR every transport's SRV counts, without SRV the address.
        (
            &all,
            "sip:srv.example",
            &["UDP 192.0.2.2:6000", "TCP 192.0.2.3:6001"],
        ),
        (&all, "sip:plain.example", &["UDP 192.0.2.9:5060"]),
        (
            &all,
            "sip:plain.example;transport=tcp",
            &["TCP 192.0.2.9:5060"],
        ),
        (&all, "sips:plain.example", &["TLS 192.0.2.9:5061"]),
        (&all, "sip:alias.b.example", &["UDP 192.0.2.2:5060"]),
        (&all, "sip:partly.example", &["UDP 192.0.2.2:2"]),
        // An address asks nobody.
        (&all, "sip:192.0.2.77", &["UDP 192.0.2.77:5060"]),
    ] {
        let found = targets(&dns, can, uri).await;
        assert_eq!(
            found.as_deref(),
            Ok(&expected.iter().map(|e| (*e).to_owned()).collect::<Vec<_>>()[..]),
            "{uri}"
        );
    }
    for uri in [
        "sip:refused.example",
        "sip:unknown.example",
        "sip:nowhere.b.example:5060",
    ] {
        assert_eq!(
            targets(&dns, &all, uri).await,
            Err(LocateError::NotFound),
            "{uri}"
        );
    }
}

#[tokio::test]
async fn addresses_of_a_family_that_nobody_listens_on_are_left_out() {
    let Some(dns) = Dns::start(&RECORDS) else {
        return;
    };
    let udp = |is_ipv4| Capability {
        transport: Udp,
        is_ipv4,
    };
    let uri = "sip:sip1.b.example:5060";
    for (can, expected) in [
        (vec![udp(true)], vec!["UDP 192.0.2.1:5060"]),
        (vec![udp(false)], vec!["UDP [2001:db8::1]:5060"]),
        (
            vec![udp(true), udp(false)],
            vec!["UDP 192.0.2.1:5060", "UDP [2001:db8::1]:5060"],
        ),
    ] {
        assert_eq!(located(&dns, can, uri).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn heavier_targets_come_first_more_often() {
    let Some(dns) = Dns::start(&[
        "srv-host=_sip._udp.w.example,one.w.example,1,1,10",
        "srv-host=_sip._udp.w.example,nine.w.example,9,1,90",
        "host-record=one.w.example,192.0.2.1",
        "host-record=nine.w.example,192.0.2.9",
    ]) else {
        return;
    };
    let locator = Locator::new(Some(&[dns.address]), able(&[Udp])).unwrap();
    let hop = Hop::of(&NextHop {
        uri: "sip:w.example".to_owned(),
        domain: None,
    })
    .unwrap();
    let mut nine = 0;
    for _ in 0..500 {
        let targets = locator.locate(&hop).await.unwrap();
        assert_eq!(targets.len(), 2);
        nine += usize::from(targets[0].address.port() == 9);
    }
    // 450 are expected; less than 400 or more than 490 is one case in many millions.
    assert!((400..490).contains(&nine), "{nine}");
}

#[tokio::test]
async fn a_dns_server_that_is_not_there_is_an_error_of_its_own() {
    let Some(dns) = Dns::start(&RECORDS) else {
        return;
    };
    let address = dns.address;
    drop(dns);
    let locator = Locator::new(Some(&[address]), able(&[Udp])).unwrap();
    let hop = Hop::of(&NextHop {
        uri: "sip:b.example".to_owned(),
        domain: None,
    });
    let found = locator.locate(&hop.unwrap()).await;
    assert!(matches!(found, Err(LocateError::Failed(_))), "{found:?}");
}
