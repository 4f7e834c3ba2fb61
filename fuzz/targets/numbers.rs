//! See checks/numbers.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::checks::numbers::check(bytes));
