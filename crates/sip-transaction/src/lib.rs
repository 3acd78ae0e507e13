//! RFC 3261 section 17 as one sans-IO endpoint: state machines, matching, timers.
