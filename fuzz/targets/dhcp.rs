//! See checks/dhcp.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::checks::dhcp::check(bytes));
