//! Storage that fails for a while.

use sip_message::Response;
use sip_tests::lab::{Disk, Faults, Lab, strace_works};

use super::target::Target;

fn status(response: &Response) -> u16 {
    response.status().as_u16()
}

/// 503 with a Retry-After.
fn is_refused(response: &Response) {
    assert_eq!(status(response), 503);
    let after = response.headers().retry_after().unwrap();
    assert!(after.is_some_and(|seconds| seconds > 0), "{after:?}");
}

/// The whole story of a fault: `begin` makes it, `end` takes it away again, `why` is said by `mcx ready` meanwhile.
fn while_it_lasts<F>(
    mut target: Target,
    begin: impl FnOnce(&Target) -> F,
    end: impl FnOnce(F),
    why: &str,
) {
    assert_eq!(status(&target.deauthorize(0, "before")), 200);
    assert_eq!(target.ready(), (0, "ready\n".to_owned()));
    let fault = begin(&target);
    for n in 1..40 {
        is_refused(&target.deauthorize(n, &format!("fault-{n}")));
        // A load balancer is told to send elsewhere.
        is_refused(&target.options(&format!("options-{n}")));
    }
    let (code, said) = target.ready();
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("not ready: store: ") && said.contains(why),
        "{said}"
    );
    assert_eq!(target.left(), [0], "nothing else was acknowledged");
    end(fault);
    target.node.wait_for(&["the store commits again"]);
    assert_eq!(target.ready(), (0, "ready\n".to_owned()));
    assert_eq!(status(&target.options("options-after")), 200);
    assert_eq!(target.left_without_the_log(), [0]);
    for n in 1..10 {
        assert_eq!(status(&target.deauthorize(n, &format!("after-{n}"))), 200);
    }
    target.kill();
    assert_eq!(target.left(), (0..10).collect::<Vec<_>>());
    let (log, _) = target.node.stop();
    let complaints: Vec<_> = log
        .lines()
        .filter(|line| line.contains("ERROR") || line.contains("WARN"))
        .collect();
    assert_eq!(complaints.len(), 2, "{complaints:#?}");
    assert!(complaints[0].contains("the store cannot commit") && complaints[0].contains(why));
    assert!(complaints[1].contains("WARN the store commits again"));
    // Each of them is in the trace; the log has the one complaint, and its end.
    assert!(!log.contains("verdict=refused 503"), "{log}");
    assert!(
        !log.contains("visitor-"),
        "an identity is in the log:\n{log}"
    );
}

fn of_calls(test: &str, inject: &[&str], why: &str) {
    if strace_works() {
        let target = Target::new(test);
        while_it_lasts(target, |t| Faults::begin(&t.node, inject), Faults::end, why);
    }
}

#[test]
fn an_fsync_that_fails() {
    of_calls(
        "store-fsync",
        &["fdatasync:error=EIO", "fsync:error=EIO"],
        "disk I/O error",
    );
}

#[test]
fn a_write_that_fails() {
    of_calls("store-write", &["pwrite64:error=EIO"], "disk I/O error");
}

#[test]
fn a_write_that_finds_no_space() {
    of_calls("store-space", &["pwrite64:error=ENOSPC"], "disk is full");
}

#[test]
fn a_file_system_that_turned_read_only() {
    let inject = [
        "pwrite64:error=EROFS",
        "ftruncate:error=EROFS",
        "fdatasync:error=EROFS",
        "fsync:error=EROFS",
    ];
    of_calls("store-read-only", &inject, "disk I/O error");
}

#[test]
fn a_disk_that_is_full() {
    let lab = Lab::new("store-full");
    let Some(disk) = Disk::mount(&lab, "disk", 2048) else {
        return;
    };
    let target = Target::with_store(lab, "disk/b-server");
    let begin = |_: &Target| disk.fill();
    while_it_lasts(
        target,
        begin,
        |filler| std::fs::remove_file(filler).unwrap(),
        "full",
    );
}

#[test]
fn a_file_that_is_removed() {
    let target = Target::new("store-removed");
    let file = target.lab.folder().join("nodes/b-server.sqlite");
    let away = file.with_extension("away");
    assert_eq!(status(&target.deauthorize(0, "before")), 200);
    std::fs::rename(&file, &away).unwrap();
    is_refused(&target.deauthorize(1, "fault"));
    assert!(target.ready().1.contains("removed or replaced"));
    assert!(!file.exists(), "no empty store takes its place");
    std::fs::rename(&away, &file).unwrap();
    target.node.wait_for(&["the store commits again"]);
    assert_eq!(status(&target.deauthorize(1, "after")), 200);
    assert_eq!(target.left(), [0, 1]);
    let _ = target.node.stop();
}

/// Syncs that fail now and then, those of mending among them: what was answered is there, and nothing else.
#[test]
fn fsyncs_that_fail_now_and_then() {
    if !strace_works() {
        return;
    }
    let mut target = Target::new("store-some-fsyncs");
    let some = ["fdatasync:error=EIO:when=3+5", "fsync:error=EIO:when=3+5"];
    let fault = Faults::begin(&target.node, &some);
    let mut answered = Vec::new();
    let mut refused = 0;
    for n in 0..60 {
        match status(&target.deauthorize(n, &format!("some-{n}"))) {
            200 => answered.push(n),
            503 => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert!(refused > 0, "no sync failed");
    fault.end();
    while target.ready().0 != 0 {}
    assert_eq!(status(&target.deauthorize(99, "after")), 200);
    answered.push(99);
    assert_eq!(target.left(), answered);
    target.kill();
    assert_eq!(target.left(), answered);
    let _ = target.node.stop();
}
