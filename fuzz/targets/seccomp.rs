//! See checks/seccomp.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::checks::seccomp::check(bytes));
