//! What the C start-up code hands to `main`: the argument vector, and the environment that execve wants back.

use std::ffi::{CStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStringExt;

/// The arguments as owned strings.
pub struct Args(pub Vec<OsString>);

impl Args {
    /// Reads what `main` was given. Without std's own runtime start nothing else keeps it on musl.
    pub fn from_main(count: c_int, words: *const *const c_char) -> Self {
        let mut args = Vec::with_capacity(count.max(0) as usize);
        for index in 0..count.max(0) as usize {
            // SAFETY: `main` is called by the C start-up code with `count` pointers to NUL-terminated strings, which
            // live as long as the process.
            let word = unsafe { CStr::from_ptr(*words.add(index)) };
            args.push(OsString::from_vec(word.to_bytes().to_vec()));
        }
        Args(args)
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
        pub extern "C" fn main(count: std::ffi::c_int, words: *const *const std::ffi::c_char) -> std::ffi::c_int {
            $life($crate::sys::start::Args::from_main(count, words).0)
        }
    };
}
