//! See checks/volumes.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::checks::volumes::check(bytes));
