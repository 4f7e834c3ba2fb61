//! Stand-ins for libunwind's three symbols that std's panic message wants for a backtrace. A static musl program
//! built with panic=abort never unwinds; with these, libunwind (about 60 KB) is not linked in.

#[cfg(all(not(test), target_env = "musl", feature = "static"))]
mod stubs {
    use std::ffi::{c_int, c_void};

    /// Says at once that there are no frames (5 is _URC_END_OF_STACK).
    #[unsafe(no_mangle)]
    extern "C" fn _Unwind_Backtrace(_trace: *mut c_void, _argument: *mut c_void) -> c_int {
        5
    }

    #[unsafe(no_mangle)]
    extern "C" fn _Unwind_GetIP(_context: *mut c_void) -> usize {
        0
    }

    #[unsafe(no_mangle)]
    extern "C" fn _Unwind_GetCFA(_context: *mut c_void) -> usize {
        0
    }
}
