//! Reading files of the kernel's.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{Errno, Result};

/// The beginning of a file, as far as it fits, without the heap.
pub fn read_start(path: &CStr, buffer: &mut [u8]) -> Result<usize> {
    let file = openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut filled = 0;
    while filled < buffer.len() {
        match rustix::io::read(&file, &mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(filled)
}

/// More than any file of text that is read whole: the kernel's own lists, or variables that somebody wrote down.
const MOST: usize = 16 << 20;

/// The whole of a file of text below an open directory, or at an absolute path.
pub fn read_text(directory: impl AsFd, path: &CStr) -> Result<String> {
    let file = openat(directory, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let all = read_all(file.as_fd(), MOST)?;
    if all.len() == MOST {
        return Err(Errno::FBIG);
    }
    String::from_utf8(all).map_err(|_| Errno::ILSEQ)
}

/// What an open file holds, `most` bytes of it.
pub fn read_all(file: BorrowedFd<'_>, most: usize) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    let mut chunk = [0; 1024];
    while all.len() < most {
        match rustix::io::read(file, &mut chunk) {
            Ok(0) => break,
            Ok(count) => all.extend_from_slice(&chunk[..count.min(most - all.len())]),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(all)
}
