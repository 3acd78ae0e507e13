//! The target `foreign_capture` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sip_fuzz::foreign_capture::run(bytes));
