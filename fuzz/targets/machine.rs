//! See checks/machine.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::checks::machine::check(bytes));
