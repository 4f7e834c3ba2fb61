//! The kernel's pool of randomness: what is put there as random, by the ioctl of random(4).

use std::ffi::{c_int, c_long};
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::linux::io::Errno;
use linux_raw_sys::general::__NR_ioctl;
use linux_raw_sys::ioctl::RNDADDENTROPY;

use super::{check, syscall};

/// So many bytes fill the pool.
pub const SEED: usize = 32;

/// struct rand_pool_info of linux/random.h.
#[repr(C)]
struct Info {
    bits: c_int,
    size: c_int,
    bytes: [u8; SEED],
}

/// Mixes the bytes in, and has the kernel count on each of their bits.
pub fn credit(pool: BorrowedFd<'_>, bytes: &[u8; SEED]) -> Result<(), Errno> {
    let info = Info { bits: 8 * SEED as c_int, size: SEED as c_int, bytes: *bytes };
    // SAFETY: the request reads one live rand_pool_info and as many bytes after its head as it says.
    check(unsafe { syscall(__NR_ioctl as c_long, pool.as_raw_fd(), RNDADDENTROPY, &raw const info) }).map(drop)
}
