//! Removing what a killed launcher left behind: groups of ours that nobody holds locked.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::linux::fs::{CWD, FlockOperation, Mode, OFlags, RawDir, openat, stat};

use super::{freeze, lock, remove};
use crate::text::{Word, is_id, kept_below, kept_one};

/// Removes every abandoned group directly below `parent`. Best effort: a group that another sweep removes at the same
/// time, or that cannot be removed, is no concern of this command.
pub fn below(parent: &CStr) {
    // kernfs counts the directories inside as links: with none of them there is nothing to read.
    if stat(parent).is_ok_and(|found| found.st_nlink <= 2) {
        return;
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(directory) = openat(CWD, parent, flags, Mode::empty()) else { return };
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut entries = RawDir::new(&directory, &mut buffer);
    while let Some(Ok(entry)) = entries.next() {
        let name = entry.file_name();
        if is_ours(name.to_bytes())
            && let Some(locked) = abandoned(directory.as_fd(), name)
        {
            let path = kept_below(parent.to_bytes(), name.to_bytes());
            let _left = remove(path, &locked, &mut || freeze::thaw(locked.as_fd()));
        }
    }
}

/// The same for every group that stands beside this one.
pub fn beside(group: Word) {
    let path = group.to_bytes();
    let end = path.iter().rposition(|b| *b == b'/').unwrap_or(0);
    below(kept_one(&path[..end]));
}

/// The group, locked, if nobody else holds it.
fn abandoned(parent: BorrowedFd<'_>, name: &CStr) -> Option<OwnedFd> {
    lock(parent, name, FlockOperation::NonBlockingLockExclusive).ok()
}

/// `contain-` and 16 hexadecimal digits: whoever else begins a name so keeps it.
fn is_ours(name: &[u8]) -> bool {
    name.strip_prefix(b"contain-").is_some_and(is_id)
}

#[cfg(test)]
mod tests {
    use super::is_ours;

    #[test]
    fn only_our_own_names() {
        assert!(is_ours(b"contain-0123456789abcdef"));
        for name in
            [&b"contain-"[..], b"contain-bench-0123456789", b"contain-0123456789abcdeF", b"xcontain-0123456789abcdef"]
        {
            assert!(!is_ours(name));
        }
    }
}
