//! A seed for the kernel's pool of randomness, which the boot before left in a file: a machine that has just begun has
//! little else. What a device gives (virtio-rng) the kernel counts on by itself.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use crate::linux::fs::{CWD, Mode, OFlags, fchmod, fsync, openat};
use crate::linux::io::{Result, pread, read, write};

use crate::kernel::file;
use crate::sys::random::{SEED, credit};

/// Writes a new seed into the file; at boot the kernel is to count on the one that was there. It is told so only once its
/// successor is on the disk: no two boots count on the same.
pub fn renew(path: &CStr, at_boot: bool) -> Result<()> {
    let (seed, pool) = (open(path, OFlags::CREATE)?, open(c"/dev/urandom", OFlags::empty())?);
    fchmod(&seed, PRIVATE)?;
    let (mut old, mut new) = ([0; SEED], [0; SEED]);
    let was_there = pread(&seed, &mut old, 0)? == SEED;
    // What comes out of the pool then is new, whatever else it holds.
    write(&pool, &old)?;
    read(&pool, &mut new)?;
    file::write_at(seed.as_fd(), &mut 0, &new)?;
    fsync(&seed)?;
    if at_boot && was_there { credit(pool.as_fd(), &old) } else { Ok(()) }
}

const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

fn open(path: &CStr, flags: OFlags) -> Result<OwnedFd> {
    openat(CWD, path, flags | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC, PRIVATE)
}
