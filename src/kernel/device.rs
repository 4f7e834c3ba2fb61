//! Nodes and links in the container's /dev, made between clone and exec: that allocates nothing. And those of the host.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd};

use crate::linux::fs::{AtFlags, CWD, FileType, Mode, OFlags, mkdirat, mknodat, openat, statat, symlinkat};
use crate::linux::io::{Errno, Result};

use crate::kernel::file::names;
use crate::text::{Word, kept_below, place};

/// A device that everyone may read and write, as null(4) and its like are, or only root.
pub fn make_node(dev: BorrowedFd<'_>, name: &CStr, number: u32, (block, private): (bool, bool)) -> Result<()> {
    let kind = if block { FileType::BlockDevice } else { FileType::CharacterDevice };
    mknodat(dev, name, kind, Mode::from_raw_mode(if private { 0o600 } else { 0o666 }), number.into())
}

pub fn make_link(dev: BorrowedFd<'_>, name: &CStr, target: &CStr) -> Result<()> {
    symlinkat(target, dev, name)
}

/// Makes a directory where it is missing.
pub fn make_directory(base: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    make_directory_as(base, path, 0o755)
}

/// The same with another mode.
pub fn make_directory_as(base: BorrowedFd<'_>, path: &CStr, mode: u32) -> Result<()> {
    match mkdirat(base, path, Mode::from_raw_mode(mode)) {
        Err(Errno::EXIST) => Ok(()),
        made => made,
    }
}

/// A device node of the host's: its number, whether it is a block device, and whether others than its owner may use it.
pub struct Node {
    pub number: u32,
    pub block: bool,
    pub shared: bool,
}

/// The node at a path; `None` for what is no device.
pub fn node(path: Word, flags: AtFlags) -> Result<Option<Node>> {
    let found = statat(CWD, path, flags)?;
    let block = found.is(FileType::BlockDevice);
    let is_one = block || found.is(FileType::CharacterDevice);
    // The low 32 bits of what makedev(3) makes are all that the kernel counts.
    Ok(is_one.then_some(Node { number: found.st_rdev as u32, block, shared: found.st_mode & 0o006 == 0o006 }))
}

/// Hands on every device below a directory, by its path, but those that a container has of its own.
pub fn each(directory: Word, take: &mut dyn FnMut(Word, Node)) {
    const OWN: &str = "pts\nshm\nmqueue\nconsole\nptmx\nnull\nzero\nfull\nrandom\nurandom\ntty";
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let Ok(open) = openat(CWD, directory, flags, Mode::empty()) else { return };
    let _rest = names(open.as_fd(), &mut |name| {
        if name.to_bytes().starts_with(b".") || place(OWN, name.to_bytes()).is_some() {
            return;
        }
        let path = kept_below(directory.to_bytes(), name.to_bytes());
        match node(path, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(Some(node)) => take(path, node),
            _ => each(path, take),
        }
    });
}
