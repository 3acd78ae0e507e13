//! The target `parse_print_parse` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sip_fuzz::parse_print_parse::run(bytes));
