//! See checks/words.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::checks::words::check(bytes));
