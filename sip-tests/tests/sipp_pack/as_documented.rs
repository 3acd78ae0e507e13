//! The command lines of docs/interop.md, run as they are written there, but for the addresses.

use std::process::{Command, Stdio};

use mcx::Service;
use sip_tests::lab::{Lab, Node, program, project, sipp_installed};

/// The shell's lines: what comes first, then those for a partner (two blocks), a primary and a gateway.
fn blocks() -> [String; 5] {
    let page = std::fs::read_to_string(project().join("docs/interop.md")).unwrap();
    let blocks = page.split("```sh\n").skip(1);
    let blocks: Vec<_> = blocks
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect();
    blocks.try_into().expect("five blocks")
}

/// Runs lines of the page with the addresses of a lab, to the first that fails.
fn run(lab: &Lab, service: Service, lines: &str) {
    let lines = lines.replace("-i 127.0.0.1 -p ", "-at 127.0.0.1:");
    let lines = lab.with_addresses(lines);
    let ip = lab.address("a-server").ip();
    let lines = lines.replace(&format!("-at {ip}:"), &format!("-i {ip} -p "));
    let mcx = format!("mcx={}", program().display());
    let own = "mcx=$PWD/target/release/mcx";
    assert!(lines.contains(own), "{lines}");
    let lines = lines.replace(own, &mcx);
    let lines = lines.replace("service=mcptt", &format!("service={service}"));
    assert!(!lines.contains("127.0.0.1"), "{lines}");
    let done = Command::new("sh")
        .args(["-e", "-c", &lines])
        .current_dir(project())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{}: {said}", done.status);
}

#[test]
fn of_a_partner() {
    if !sipp_installed() {
        return;
    }
    let [first, comes, ends, ..] = blocks();
    for service in Service::ALL {
        let lab = Lab::new("pack-page-partner");
        let node = Node::start(&lab, "direct/b-server", |text| text);
        run(&lab, service, &format!("{first}{comes}{ends}"));
        let (log, _) = node.stop();
        let applied = log.matches("verdict=applied procedure").count();
        let before = log.matches("verdict=applied before").count();
        assert_eq!((applied, before), (1, 1), "{log}");
    }
}

#[test]
fn of_a_primary() {
    if !sipp_installed() {
        return;
    }
    let [first, _, _, primary, _] = blocks();
    for service in Service::ALL {
        let lab = Lab::new("pack-page-primary");
        let node = Node::start(&lab, "direct/a-server", |text| text);
        run(&lab, service, &format!("{first}{primary}"));
        let _ = node.stop();
        assert_eq!(lab.stored("a-server").outbox, []);
    }
}

#[test]
fn of_a_gateway() {
    if !sipp_installed() {
        return;
    }
    let [first, .., gateway] = blocks();
    for service in Service::ALL {
        let lab = Lab::new("pack-page-gateway");
        let node = Node::start(&lab, "gateways/b-gateway", |text| text);
        run(&lab, service, &format!("{first}{gateway}"));
        let (log, _) = node.stop();
        assert_eq!(log.matches("verdict=forwards").count(), 5, "{log}");
    }
}
