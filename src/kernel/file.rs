//! Files, read and written whole, and the names in a directory.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use crate::linux;
use crate::linux::buffer::spare_capacity;
use crate::linux::fs::{CWD, Mode, OFlags, RawDir, openat, rename, unlink};
use crate::linux::io::{Errno, Result};
use crate::linux::process::{Resource, Rlimit, getrlimit, setrlimit};
use crate::text::{Word, digits, kept_two, utf8};

/// The beginning of a file, as far as it fits, without the heap.
pub fn read_start(path: &CStr, buffer: &mut [u8]) -> Result<usize> {
    let file = openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut filled = 0;
    while filled < buffer.len() {
        match linux::io::read(&file, &mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(filled)
}

/// The path that leads to what a descriptor of this process's is of.
pub fn own(descriptor: BorrowedFd<'_>) -> Word {
    kept_two(b"/proc/self/fd/", digits(descriptor.as_raw_fd() as u64).as_bytes())
}

/// Which file a path leads to, links followed.
pub fn place(path: &CStr) -> Option<(u64, u64)> {
    linux::fs::stat(path).ok().map(|found| (found.st_dev, found.st_ino))
}

/// More than any file of text that is read whole: the kernel's own lists, or variables that somebody wrote down.
const MOST: usize = 16 << 20;

/// The whole of a file of text below an open directory, or at an absolute path.
pub fn read_text(directory: BorrowedFd<'_>, path: &CStr) -> Result<&'static str> {
    let file = openat(directory, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let all = read_all(file.as_fd(), MOST)?;
    if all.len() == MOST {
        return Err(Errno::FBIG);
    }
    utf8(all.leak()).ok_or(Errno::ILSEQ)
}

/// What an open file holds, `most` bytes of it.
pub fn read_all(file: BorrowedFd<'_>, most: usize) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    while all.len() < most {
        all.reserve((most - all.len()).min(4096));
        match linux::io::read_into(file, spare_capacity(&mut all)) {
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    all.truncate(most);
    Ok(all)
}

/// Makes this process be allowed as many descriptors as it may ask for, and says how many those are.
pub fn most_open() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let _as_many_as_before = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    limit.maximum.map_or(usize::MAX, |most| most as usize)
}

/// Every name in an open directory, read from its start.
pub fn names(directory: BorrowedFd<'_>, each: &mut dyn FnMut(&CStr)) -> Result<()> {
    // An open file of its own has a position of its own.
    let again = openat(directory, c".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let mut buffer = [MaybeUninit::uninit(); 8192];
    let mut entries = RawDir::new(again, &mut buffer);
    while let Some(entry) = entries.next() {
        each(entry?.file_name());
    }
    Ok(())
}

/// Writes one value, which the kernel takes in one piece, into one of its files below an open directory, or at an absolute path. Called between clone and exec too.
pub fn write(directory: BorrowedFd<'_>, file: &CStr, value: &[u8]) -> Result<()> {
    let file = openat(directory, file, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    linux::io::write(&file, value).map(drop)
}

/// Writes a file anew, under another name that then becomes its own, so that nobody reads a part of it; in place where it is a
/// mount, which nothing can take the place of.
pub fn replace(path: &CStr, bytes: &[u8]) -> Result<()> {
    let create = |path: &CStr| {
        let flags = OFlags::CREATE | OFlags::TRUNC | OFlags::WRONLY | OFlags::CLOEXEC;
        write_all(openat(CWD, path, flags, Mode::from_raw_mode(0o644))?.as_fd(), bytes)
    };
    let new = kept_two(path.to_bytes(), b".new");
    match create(new).and_then(|()| rename(new, path)) {
        Err(Errno::BUSY) => {
            unlink(new)?;
            create(path)
        }
        done => done,
    }
}

/// Writes all of it.
pub fn write_all(file: BorrowedFd<'_>, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        match linux::io::write(file, bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Writes all of it at a place, which moves on with what is written.
pub fn write_at(file: BorrowedFd<'_>, at: &mut u64, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        match linux::io::pwrite(file, bytes, *at) {
            Ok(count) => {
                *at += count as u64;
                bytes = &bytes[count..];
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Hands a range of a file on, part by part, as far as the file goes; says where that was.
pub fn copy(file: BorrowedFd<'_>, range: Range<u64>, give: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<u64> {
    let mut part = [0; 8192];
    let mut at = range.start;
    while at < range.end {
        let most = (range.end - at).min(part.len() as u64) as usize;
        match linux::io::pread(file, &mut part[..most], at) {
            Ok(0) => break,
            Ok(count) => {
                give(&part[..count])?;
                at += count as u64;
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(at)
}
