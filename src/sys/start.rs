//! What the C start-up code hands to `main`: the argument vector, and the environment that execve wants back.

use std::ffi::{CStr, OsString, c_char};
use std::os::unix::ffi::OsStringExt;

/// The strings of a NULL-terminated vector, as `main` gets its words and its environment.
///
/// Not std::env's: without std's own start nothing keeps the words on musl, and its lock for the environment is a kilobyte.
#[cfg_attr(test, allow(dead_code))]
pub fn strings(vector: *const *const c_char) -> Vec<OsString> {
    let mut strings = Vec::new();
    let mut next = vector;
    loop {
        // SAFETY: the C start-up code ends both vectors with NULL, and the loop stops there.
        let string = unsafe { *next };
        if string.is_null() {
            return strings;
        }
        // SAFETY: each string ends in NUL and lives as long as the process.
        let string = unsafe { CStr::from_ptr(string) };
        strings.push(OsString::from_vec(string.to_bytes().to_vec()));
        // SAFETY: the vector goes on at least to its NULL, which this was not.
        next = unsafe { next.add(1) };
    }
}

/// Where the program starts: `main.rs` gives its `life` here, since the exported symbol needs an unsafe attribute.
#[macro_export]
macro_rules! start {
    ($life:path) => {
        /// C's entry point in place of Rust's: std's start-up would open /dev/null on closed descriptors, so that a
        /// closed standard output could no longer be told, and would set SIGPIPE to ignored.
        #[cfg(not(test))]
        #[allow(unsafe_code)]
        #[unsafe(no_mangle)]
        pub extern "C" fn main(
            _count: std::ffi::c_int,
            words: *const *const std::ffi::c_char,
            environment: *const *const std::ffi::c_char,
        ) -> std::ffi::c_int {
            use $crate::sys::start::strings;
            $life(strings(words), strings(environment))
        }
    };
}
