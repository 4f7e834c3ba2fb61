//! Nodes and links in the container's /dev. Called between clone and exec: nothing here allocates.

use std::ffi::CStr;
use std::os::fd::BorrowedFd;

use rustix::fs::{FileType, Mode, mkdirat, mknodat, symlinkat};
use rustix::io::Result;

/// A character device that everyone may read and write, as null(4) and its like are.
pub fn make_node(dev: BorrowedFd<'_>, name: &CStr, number: u32) -> Result<()> {
    mknodat(dev, name, FileType::CharacterDevice, Mode::from_raw_mode(0o666), number.into())
}

pub fn make_link(dev: BorrowedFd<'_>, name: &CStr, target: &CStr) -> Result<()> {
    symlinkat(target, dev, name)
}

pub fn make_directory(base: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    mkdirat(base, path, Mode::from_raw_mode(0o755))
}
