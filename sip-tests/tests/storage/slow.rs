//! A disk that takes a second to sync.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use sip_message::Message;
use sip_tests::lab::{Faults, deauthorization, options, strace_works};

use super::target::Target;

#[test]
fn who_does_not_need_the_disk_does_not_wait_for_it() {
    if !strace_works() {
        return;
    }
    let target = Target::new("store-slow");
    let from = target.peer.address();
    let first = deauthorization(from, 0, "first");
    assert_eq!(target.peer.ask(&first).status().as_u16(), 200);
    let fault = Faults::begin(
        &target.node,
        &["fdatasync:delay_exit=1000000", "fsync:delay_exit=1000000"],
    );
    let begin = Instant::now();
    let second = deauthorization(from, 1, "second");
    // Its own retransmission gets no answer of its own, and is not applied again.
    for message in [&second, &second, &first, &options(from, "options")] {
        target.peer.send(message);
    }
    let mut answered = Vec::new();
    while answered.len() < 3 {
        if let Message::Response(response) = target.peer.receive()
            && response.status().is_final()
        {
            assert_eq!(response.status().as_u16(), 200);
            let call = response.headers().call_id().unwrap();
            answered.push(String::from_utf8_lossy(call).into_owned());
        }
    }
    let (soon, late) = answered.split_at(2);
    let soon: HashSet<_> = soon.iter().map(String::as_str).collect();
    assert_eq!(soon, HashSet::from(["first", "options"]));
    assert_eq!(late, ["second"]);
    let took = begin.elapsed();
    assert!(
        took >= Duration::from_secs(1),
        "the disk was not slow: {took:?}"
    );
    assert_eq!(
        target.ready(),
        (0, "ready\n".to_owned()),
        "slow is no fault"
    );
    fault.end();
    assert_eq!(target.left(), [0, 1]);
    let (log, _) = target.node.stop();
    assert!(!log.contains("ERROR") && !log.contains("WARN"), "{log}");
}
