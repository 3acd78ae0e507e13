//! Functions that cannot serve: whoever asks through the core or the balancer hears 503 and when to come again, and OPTIONS says so.

use std::fs;

use sip_tests::lab::kamailio_installed;

use super::clients::{AT_B, AT_HOME, sipsak_installed};
use super::edge::deauthorization;
use super::systems::{For, Over, SECOND, Systems};
use super::wire::{Asking, field, status, wait_until};

const SERVER: &str = "sip:mc-server@a.mcx.example";
const GATEWAY: &str = "sip:mc-gateway@a.mcx.example";

/// It says that it cannot serve now, and when it may.
fn is_unavailable(answer: &str) {
    assert_eq!(status(answer), 503, "{answer}");
    let seconds = field(answer, "Retry-After").unwrap_or_else(|| panic!("{answer}"));
    assert!(seconds.parse::<u32>().unwrap() > 0, "{answer}");
}

fn registered(systems: &Systems) -> Asking {
    let asking = Asking::new(systems, "client");
    let request = AT_HOME.request(systems, "REGISTER", "Expires: 600\r\n");
    assert_eq!(status(&asking.asks(&request)), 200);
    asking
}

fn publication(systems: &Systems) -> String {
    let fields = "Event: poc-settings\r\nExpires: 600\r\n";
    AT_HOME.request(systems, "PUBLISH", fields)
}

#[test]
fn what_a_function_says_of_itself_is_what_is_heard() {
    if !kamailio_installed() {
        return;
    }
    let systems = Systems::start("kamailio-options", Over::Udp);
    let core = "sip:a.mcx.example";
    let ready = |asking: &Asking, uri| asking.asks_whether_ready(uri);
    // The core answers for itself, whoever asks.
    let stranger = Asking::new(&systems, "client");
    assert_eq!(status(&ready(&stranger, core)), 200);
    assert_eq!(status(&ready(&stranger, SERVER)), 403);
    let asking = registered(&systems);
    let [own, partner] = ["a", "b"].map(|host| Asking::new(&systems, host));
    for (who, uri) in [
        (&own, SERVER),
        (&own, GATEWAY),
        (&asking, SERVER),
        (&partner, GATEWAY),
    ] {
        let answer = ready(who, uri);
        assert_eq!(status(&answer), 200, "{answer}");
        let allow = field(&answer, "Allow").unwrap_or_else(|| panic!("the function's: {answer}"));
        assert!(allow.contains("MESSAGE"));
    }
    assert_eq!(status(&ready(&partner, SERVER)), 403);
    assert_eq!(status(&ready(&asking, GATEWAY)), 405);
    // Its store is gone.
    let store = systems.file("nodes/a-server.sqlite");
    let away = store.with_extension("away");
    fs::rename(&store, &away).unwrap();
    is_unavailable(&asking.asks(&publication(&systems)));
    is_unavailable(&ready(&own, SERVER));
    is_unavailable(&ready(&asking, SERVER));
    assert_eq!(status(&ready(&own, GATEWAY)), 200);
    assert_eq!(status(&ready(&asking, core)), 200);
}

/// Over a transport that says so when nobody is there.
#[test]
fn a_function_that_is_gone_is_one_that_comes_again() {
    if !kamailio_installed() || !sipsak_installed() {
        return;
    }
    let mut systems = Systems::start("kamailio-gone", Over::Tcp);
    AT_B.registers(&systems);
    systems.node("b-server").wait_for(&["verdict=delivered"]);
    systems.kill("a-gateway");
    let partner = Asking::new(&systems, "b");
    let request = deauthorization("mc-gateway@b.mcx.example");
    is_unavailable(&partner.asks(&request));
    is_unavailable(&partner.asks_whether_ready(GATEWAY));
    // What is owed to a partner waits, and is not given up.
    let asking = registered(&systems);
    let server = systems.node("a-server");
    server.wait_for(&["verdict=kept"]);
    systems.start_again("a-gateway");
    let delivered = "b.mcx.example has it";
    systems
        .node("a-server")
        .wait_for(&["verdict=delivered", delivered]);
    systems.kill("a-server");
    is_unavailable(&asking.asks(&publication(&systems)));
}

#[test]
fn one_gateway_that_is_gone_is_not_noticed_and_both_are() {
    if !kamailio_installed() {
        return;
    }
    let mut systems = Systems::made_for(For::Balancing, "kamailio-both-gone", Over::Tcp);
    let partner = Asking::new(&systems, "b");
    let asks = || {
        let request = deauthorization("mc-gateway@b.mcx.example");
        partner.asks(&request)
    };
    // The balancer has heard of both.
    let forwards = |name| systems.node(name).logged().contains("verdict=forwards");
    wait_until(|| {
        asks();
        ["a-gateway", SECOND].into_iter().all(forwards)
    });
    systems.kill("a-gateway");
    // Before it was asked again whether it is there.
    for _ in 0..2 {
        assert_eq!(status(&asks()), 404);
    }
    systems.kill(SECOND);
    is_unavailable(&asks());
    is_unavailable(&partner.asks_whether_ready(GATEWAY));
}
