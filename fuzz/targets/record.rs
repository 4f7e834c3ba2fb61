//! See checks/record.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::checks::record::check(bytes));
