//! What the server is told of registrations, and who counts as registered: what the registrar granted, no more and no longer.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use sip_message::{HeaderName, Method};
use sip_tests::lab::kamailio_installed;

use super::clients::AT_HOME;
use super::systems::{For, Over, Systems};
use super::wire::{Asking, all, field, got, status, wait_until};

/// His other phone.
const OTHER: &str = "Contact: <sip:phone@127.0.0.1:5098>";
const PHONE: &str = "Contact: <sip:phone@127.0.0.1:5099>";

/// Whether a PUBLISH of his is taken.
fn publishes(systems: &Systems, asking: &Asking) -> bool {
    let fields = "Event: poc-settings\r\nExpires: 600\r\n";
    let answer = asking.asks(&AT_HOME.request(systems, "PUBLISH", fields));
    match status(&answer) {
        200 => true,
        403 => false,
        _ => panic!("{answer}"),
    }
}

#[test]
fn the_server_is_told_what_was_granted() {
    if !kamailio_installed() {
        return;
    }
    let mut systems = Systems::start("kamailio-granted", Over::Udp);
    let asking = Asking::new(&systems, "client");
    // His REGISTERs by what they say, how long he is registered then, and whether the server hears of it.
    let story = [
        // Which bindings are there? None.
        (String::new(), 0, false),
        (format!("{PHONE}\r\nExpires: 90000\r\n"), 7200, true),
        (
            format!("{PHONE};expires=120\r\nExpires: 600\r\n"),
            120,
            true,
        ),
        (format!("{PHONE};expires=10\r\n"), 60, true),
        (format!("{PHONE}\r\n"), 3600, true),
        (String::new(), 3600, false),
        (format!("{PHONE};expires=0\r\n"), 0, true),
        (format!("{PHONE}\r\nExpires: 600\r\n"), 600, true),
        (format!("{OTHER};expires=900\r\n"), 900, true),
        (format!("{OTHER};expires=0\r\n"), 600, true),
        (format!("{PHONE}\r\nExpires: 0\r\n"), 0, true),
        (format!("{PHONE}\r\nExpires: 600\r\n"), 600, true),
        ("Contact: *\r\nExpires: 0\r\n".to_owned(), 0, true),
    ];
    let mut told = HashMap::new();
    for (fields, lasts, heard) in &story {
        let request = AT_HOME.request_with(&systems, "REGISTER", fields);
        let answer = asking.asks(&request);
        assert_eq!(status(&answer), 200, "{answer}");
        if *heard {
            systems
                .node("a-server")
                .wait_for(&["P1.0", "verdict=authorized"]);
            let call_id = field(&request, "Call-ID").unwrap().to_owned();
            told.insert(call_id, (fields, *lasts));
        }
        assert_eq!(publishes(&systems, &asking), *lasts > 0, "{fields}");
        if *lasts > 0 {
            // That was heard, too.
            systems
                .node("a-server")
                .wait_for(&["P1.0", "verdict=authorized"]);
        }
    }
    // What the registrar refuses is nothing to tell.
    let every = "Contact: *\r\nExpires: 600\r\n";
    let request = AT_HOME.request_with(&systems, "REGISTER", every);
    assert_eq!(status(&asking.asks(&request)), 400);
    let stopped = systems.stop();
    let (_, records) = stopped
        .iter()
        .find(|(name, _)| *name == "a-server")
        .unwrap();
    let registers = got(records, &Method::Register);
    assert_eq!(registers.len(), told.len());
    for register in registers {
        let inside = String::from_utf8_lossy(register.body()).into_owned();
        let (fields, lasts) = told[field(&inside, "Call-ID").unwrap()];
        let [expires] = all(&register, &HeaderName::Expires).try_into().unwrap();
        let expires: i64 = expires.parse().unwrap();
        // A second may have begun since it was granted.
        assert!(
            (lasts - 1..=lasts).contains(&expires),
            "{expires}: {fields}"
        );
    }
}

#[test]
fn nobody_is_registered_for_longer_than_his_binding_lasts() {
    if !kamailio_installed() {
        return;
    }
    let systems = Systems::made_for(For::ShortBindings, "kamailio-short", Over::Udp);
    let asking = Asking::new(&systems, "client");
    let request = AT_HOME.request(&systems, "REGISTER", "Expires: 3600\r\n");
    let answer = asking.asks(&request);
    assert!(answer.contains(";expires=5;"), "{answer}");
    assert!(publishes(&systems, &asking));
    // Nor from where he did not register.
    let elsewhere = Asking::at(Ipv4Addr::LOCALHOST.into(), systems.core("a"));
    assert!(!publishes(&systems, &elsewhere));
    wait_until(|| !publishes(&systems, &asking));
}
