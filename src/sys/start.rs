//! Where the program starts, and what it gets: the words of its command line, and the environment that execve wants back.
//!
//! The shipped program has no start-up code but this. That of Rust would open /dev/null on closed descriptors, so that a
//! closed standard output could no longer be told, and would set SIGPIPE to ignored; that of C would prepare threads,
//! locales and buffers, which nothing here needs: 4 KB of binary and some pages less at each start.

use std::ffi::{CStr, c_char, c_long};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::linux::io::Errno;
use linux_raw_sys::general as raw;

use super::{check, syscall};

/// The strings of a NULL-terminated vector, as the kernel gives words and environment.
///
/// Not std::env's: without std's own start nothing keeps the words on musl, and its lock for the environment is a kilobyte.
#[cfg_attr(test, allow(dead_code))]
pub fn strings(vector: *const *const c_char) -> Vec<&'static CStr> {
    let mut strings = Vec::new();
    let mut next = vector;
    loop {
        // SAFETY: the kernel ends both vectors with NULL, and the loop stops there.
        let string = unsafe { *next };
        if string.is_null() {
            return strings;
        }
        // SAFETY: each string ends in NUL and lives as long as the process; nobody writes to it.
        strings.push(unsafe { CStr::from_ptr(string) });
        // SAFETY: the vector goes on at least to its NULL, which this was not.
        next = unsafe { next.add(1) };
    }
}

/// The words and the environment, as they were given.
static GIVEN: [AtomicPtr<*const c_char>; 2] = [const { AtomicPtr::new(null_mut()) }; 2];

/// Keeps what [`begin_anew`] will need.
#[cfg_attr(test, allow(dead_code))]
pub fn remember(words: *const *const c_char, environment: *const *const c_char) {
    GIVEN[0].store(words.cast_mut(), Ordering::Relaxed);
    GIVEN[1].store(environment.cast_mut(), Ordering::Relaxed);
}

/// Whether the kernel gave this program more rights than its caller has, for its file is setuid, setgid or has capabilities
/// (AT_SECURE of getauxval(3)).
pub fn is_secure() -> bool {
    const AT_SECURE: usize = 23;
    let mut next = GIVEN[1].load(Ordering::Relaxed).cast_const().cast::<usize>();
    if next.is_null() {
        return false;
    }
    // SAFETY: the environment ends in NULL, and the auxiliary vector, which follows it, in a pair that begins with 0.
    unsafe {
        while *next != 0 {
            next = next.add(1);
        }
        next = next.add(1);
        while *next != AT_SECURE && *next != 0 {
            next = next.add(2);
        }
        *next == AT_SECURE && *next.add(1) != 0
    }
}

/// execveat(2) of the program behind a descriptor, with the words and the environment that this one was given. Returns
/// only where that failed.
pub fn begin_anew(program: BorrowedFd<'_>) -> Errno {
    let [words, environment] = GIVEN.each_ref().map(|vector| vector.load(Ordering::Relaxed));
    let number = raw::__NR_execveat as c_long;
    // SAFETY: the vectors are as the kernel gave them, or NULL, which it takes for empty; the empty path is a constant.
    let result = unsafe { syscall(number, program.as_raw_fd(), c"".as_ptr(), words, environment, raw::AT_EMPTY_PATH) };
    check(result).err().unwrap_or(Errno::INVAL)
}

/// execve(2) of this very program by the name of init, with one word and the environment that this one was given. Returns
/// only where that failed.
pub fn begin_again(word: &CStr) -> Errno {
    let words = [c"init".as_ptr(), word.as_ptr(), std::ptr::null()];
    let environment = GIVEN[1].load(Ordering::Relaxed);
    // SAFETY: the path is a constant, and both vectors end in NULL.
    let result =
        unsafe { syscall(raw::__NR_execve as c_long, c"/proc/self/exe".as_ptr(), words.as_ptr(), environment) };
    check(result).err().unwrap_or(Errno::INVAL)
}

/// `main.rs` gives its `life` here, since the exported symbol needs an unsafe attribute.
#[macro_export]
macro_rules! start {
    ($life:path) => {
        /// The entry of the ELF file: the stack pointer is all that the kernel gives (the psABI, "Process Initialization").
        #[cfg(all(target_env = "musl", target_arch = "x86_64"))]
        #[allow(unsafe_code)]
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        extern "C" fn enter() -> ! {
            std::arch::naked_asm!("xor ebp, ebp", "mov rdi, rsp", "and rsp, -16", "call {main}", "ud2", main = sym begin)
        }

        /// The same; here the stack is aligned as a call wants it.
        #[cfg(all(target_env = "musl", target_arch = "aarch64"))]
        #[allow(unsafe_code)]
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        extern "C" fn enter() -> ! {
            std::arch::naked_asm!("mov x29, xzr", "mov x30, xzr", "mov x0, sp", "b {main}", main = sym begin)
        }

        /// From the count of words, the words, and the environment, as they lie on the stack.
        #[cfg(target_env = "musl")]
        #[allow(unsafe_code)]
        extern "C" fn begin(stack: *const usize) -> ! {
            // SAFETY: the kernel has put a count there, so many words, a NULL, and the environment, which ends in NULL.
            let (words, environment) = unsafe { (stack.add(1).cast(), stack.add(*stack + 2).cast()) };
            $crate::sys::process::exit_now(main(0, words, environment) as u8)
        }

        /// C's entry point in place of Rust's, where there is a C library to start.
        #[cfg(not(test))]
        #[allow(unsafe_code)]
        #[unsafe(no_mangle)]
        pub extern "C" fn main(
            _count: std::ffi::c_int,
            words: *const *const std::ffi::c_char,
            environment: *const *const std::ffi::c_char,
        ) -> std::ffi::c_int {
            use $crate::sys::start::{remember, strings};
            remember(words, environment);
            $life(strings(words), strings(environment))
        }
    };
}
