//! A tree and a path in it, a line each: `NAME/` is a directory, `NAME>TARGET` a link, `NAME` a file; the last line is the
//! path. The walk that stands in for openat2(2) leads where that leads, or fails as that fails.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};

use crate::kernel::walk::{IN_ROOT, STRICT, by_hand};
use crate::linux::fs::{fstat, openat2, symlinkat};
use crate::linux::io::{Errno, Result};

const READ: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY);
const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY);

pub fn check(bytes: &[u8]) {
    let mut lines: Vec<&[u8]> = bytes.split(|b| *b == b'\n').collect();
    let Some(path) = lines.pop().and_then(|path| CString::new(path).ok()) else { return };
    let tree = Tree::new();
    let root = openat(CWD, &tree.0, DIRECTORY | OFlags::CLOEXEC, Mode::empty()).expect("the directory just made");
    for line in lines.into_iter().take(32) {
        // What cannot be made is not there.
        let _none = make(root.as_fd(), line);
    }
    let ways = [
        (OFlags::PATH, IN_ROOT),
        (DIRECTORY, IN_ROOT),
        (READ, IN_ROOT),
        (DIRECTORY, STRICT),
        (READ | OFlags::NOFOLLOW, STRICT),
    ];
    for (flags, within) in ways {
        let flags = flags | OFlags::CLOEXEC;
        let kernels = loop {
            // Renames elsewhere on the machine make the kernel unsure of any "..".
            match openat2(&root, &path, flags, Mode::empty(), within) {
                Err(Errno::AGAIN) => {}
                found => break outcome(found),
            }
        };
        let ours = outcome(by_hand(root.as_fd(), &path, flags, Mode::empty(), within));
        assert_eq!(ours, kernels, "{path:?} {flags:?} {within:?}");
    }
}

fn outcome(found: Result<OwnedFd>) -> Result<(u64, u64)> {
    found.and_then(fstat).map(|found| (found.st_dev, found.st_ino))
}

/// An empty directory, in memory where that is possible, which goes away with what is in it.
struct Tree(PathBuf);

impl Tree {
    fn new() -> Tree {
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        let place = base.join(format!("contain-fuzz-{}", std::process::id()));
        std::fs::create_dir(&place).expect("a directory for trees");
        Tree(place)
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _left = std::fs::remove_dir_all(&self.0);
    }
}

/// Makes what a line says, whatever links are there already: nothing is made outside.
fn make(root: BorrowedFd<'_>, line: &[u8]) -> Result<()> {
    let (path, target) = match line.iter().position(|b| *b == b'>') {
        Some(at) => (&line[..at], Some(&line[at + 1..])),
        None => (line, None),
    };
    let word = |bytes: &[u8]| CString::new(bytes).map_err(|_nul| Errno::INVAL);
    let end = path.len() - usize::from(path.ends_with(b"/"));
    let start = path[..end].iter().rposition(|b| *b == b'/').map_or(0, |slash| slash + 1);
    let (parent, name): (_, &CStr) = (word(&path[..start])?, &word(&path[start..end])?);
    if [c"", c".", c".."].contains(&name) {
        return Err(Errno::INVAL);
    }
    let parent = openat2(
        root,
        if parent.is_empty() { c"." } else { &parent },
        DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
        STRICT,
    )?;
    match target {
        Some(target) => symlinkat(&word(target)?, &parent, name),
        None if path.ends_with(b"/") => Ok(mkdirat(&parent, name, Mode::RWXU)?),
        None => {
            openat(&parent, name, OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC, Mode::RWXU)?;
            Ok(())
        }
    }
}
