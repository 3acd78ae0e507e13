//! SIPp on both sides of our entry gateway: the answers of the inside go on with their Warning, under the gateway's name.

use mcx::{MessageKind, Service};
use sip_tests::lab::{Lab, Node, Scenario, sipp_installed};

use super::people::{gateway, message, server};

fn from_outside(service: Service) -> Scenario {
    let kind = MessageKind::DeauthorizationNotification;
    let (from, to) = (gateway("a"), gateway("b"));
    message("send-message", service, kind, &from, &to).key("stay", "1")
}

fn inside(service: Service) -> Scenario {
    let kind = MessageKind::DeauthorizationNotification;
    let (from, to) = (gateway("b"), server("b"));
    let inside = message("answer-message", service, kind, &from, &to);
    inside.key("stay", "1").key("max_forwards", "69")
}

#[test]
fn answers_of_the_inside_pass() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("pack-gateway");
    let node = Node::start(&lab, "gateways/b-gateway", |text| text);
    for service in Service::ALL {
        for row in ["200", "404-141", "403-179", "403-100", "503"] {
            let answers = inside(service).rows(&format!("answers/{row}"));
            let answers = answers.run(&lab, "b-server", None);
            let sends = from_outside(service).rows(&format!("rows/{row}"));
            let messages = sends.run(&lab, "a-gateway", Some("b-gateway")).succeeds();
            answers.succeeds();
            assert!(!messages.contains("interop.invalid"), "{messages}");
        }
        // What it refuses by itself.
        let of_another = from_outside(service).key("user", "sip:alice@c.mcx.example");
        let of_another = of_another.rows("rows/403-179");
        of_another
            .run(&lab, "a-gateway", Some("b-gateway"))
            .succeeds();
        let refused = from_outside(service).rows("rows/refused");
        refused.run(&lab, "a-gateway", Some("b-gateway")).succeeds();
    }
    let _ = node.stop();
}
