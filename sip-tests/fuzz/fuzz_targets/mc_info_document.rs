//! The target `mc_info_document` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sip_fuzz::mc_info_document::run(bytes));
