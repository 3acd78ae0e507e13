//! The admin socket of a gateway: what it answers, what it cannot, and that a gateway can be without.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/check.rs"]
mod check;
#[path = "common/running.rs"]
mod running;

use check::example;
use running::Running;

#[test]
fn a_gateway_says_that_it_is_ready_and_who_can_be_asked_for_users() {
    let gateway = Running::start("a-gateway", &example("gateways/a-gateway.toml"));
    let socket = gateway.folder().join("a-gateway.admin");
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(gateway.mcx(&["ready"]), (0, "ready\n".into(), "".into()));
    for args in [
        &["users"][..],
        &["outbox"],
        &["outbox", "drop", "1", "--because", "drill"],
    ] {
        let (code, out, error) = gateway.mcx(args);
        assert_eq!((code, out.as_str()), (1, ""), "{args:?}");
        assert!(error.contains("no service server"), "{error}");
    }
}

#[test]
fn the_admin_socket_of_a_gateway_is_where_the_configuration_says() {
    let text = example("gateways/a-gateway.toml").replace("[gateway]", "[gateway]\nadmin = \"x\"");
    let gateway = Running::start("a-gateway", &text);
    assert!(gateway.folder().join("x").exists());
    assert_eq!(gateway.mcx(&["ready"]).0, 0);
}

#[test]
fn a_gateway_runs_without_an_admin_socket_where_it_cannot_have_one() {
    let gateway = Running::prepared("a-gateway", &example("gateways/a-gateway.toml"), |folder| {
        std::fs::write(folder.join("a-gateway.admin"), "a letter").unwrap()
    });
    assert_eq!(gateway.mcx(&["ready"]).0, 1);
    let log = gateway.killed();
    assert!(log.contains("nobody can ask this gateway"), "{log}");
}
