//! L4 as the kernel sees it: `fdatasync` has returned before the 200 is sent.

use sip_tests::lab::{Calls, strace_works};

use super::target::Target;

/// A call of the trace, whole: one that another thread's came in between of is on two lines.
fn whole_calls(recorded: &str) -> Vec<String> {
    let mut open: Vec<(String, String)> = Vec::new();
    let mut calls = Vec::new();
    for line in recorded.lines() {
        let Some((thread, call)) = line.split_once(' ') else {
            continue;
        };
        let call = call.trim_start();
        if let Some(begun) = call.strip_suffix("<unfinished ...>") {
            open.push((thread.to_owned(), begun.to_owned()));
        } else if call.starts_with("<...") {
            let at = open.iter().position(|(of, _)| of == thread).unwrap();
            let (_, begun) = open.remove(at);
            let rest = call.split_once("resumed>").unwrap().1;
            // Where it returned, which is what counts.
            calls.push(format!("{begun}{rest}"));
        } else {
            calls.push(call.to_owned());
        }
    }
    calls
}

#[test]
fn every_answer_is_sent_after_a_sync_that_returned() {
    if !strace_works() {
        return;
    }
    let target = Target::new("store-order");
    let trace = "fdatasync,fsync,pwrite64,sendto,sendmsg,sendmmsg";
    let calls = Calls::of(&target.lab, &target.node, trace);
    for n in 0..20 {
        let answer = target.deauthorize(n, &format!("order-{n}"));
        assert_eq!(answer.status().as_u16(), 200);
    }
    let recorded = calls.recorded();
    let _ = target.node.stop();
    let (mut written, mut synced, mut answers) = (false, false, 0);
    for call in whole_calls(&recorded) {
        if call.starts_with("pwrite64(") && call.contains("-wal>") {
            (written, synced) = (true, false);
        } else if (call.starts_with("fdatasync(") || call.starts_with("fsync("))
            && call.contains("-wal>")
            && call.ends_with("= 0")
        {
            synced = written;
        } else if call.starts_with("send") && call.contains("SIP/2.0 200") {
            assert!(synced, "not synced before\n{call}\nin\n{recorded}");
            // The next one needs a sync of its own.
            (written, synced) = (false, false);
            answers += 1;
        }
    }
    assert_eq!(answers, 20, "{recorded}");
}
