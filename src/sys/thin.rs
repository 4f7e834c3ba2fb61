//! A text that ends in a NUL, by where it begins, as C passes texts on: half of what a slice is.

use std::ffi::{CStr, c_char};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Thin(*const c_char);

// SAFETY: what it points to lives as long as the program, and nobody changes it.
unsafe impl Sync for Thin {}

impl Thin {
    /// Of a text that ends in a NUL and has no other.
    pub const fn new(text: &'static [u8]) -> Thin {
        match CStr::from_bytes_with_nul(text) {
            Ok(text) => Thin(text.as_ptr()),
            Err(_) => panic!("the text has no NUL at its end, or another one before"),
        }
    }

    pub fn bytes(self) -> &'static [u8] {
        // SAFETY: `new` has seen the NUL.
        unsafe { CStr::from_ptr(self.0) }.to_bytes()
    }
}
