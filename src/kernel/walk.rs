//! Opening a path of a directory that may be hostile: openat2(2), or, where a kernel before 5.6 does not have it or a
//! filter refuses it, the same walk made here. Called between clone and exec: nothing here allocates.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::linux::fs::{
    FileType, Mode, OFlags, PROC_SUPER_MAGIC, ResolveFlags, fstat, fstatfs, openat, openat2, readlinkat_raw,
};
use crate::linux::io::{Errno, Result};

/// The path as a container sees it that has the directory as its root: no link and no `..` leads out of it, and none of
/// proc's magic links is followed.
pub const IN_ROOT: ResolveFlags = ResolveFlags::IN_ROOT.union(ResolveFlags::NO_MAGICLINKS);

/// No link at all is followed, and a path that leads out is an error.
pub const STRICT: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS);

/// Opens `path` below `root`, in one of the two ways above.
pub fn open(root: BorrowedFd<'_>, path: &CStr, flags: OFlags, mode: Mode, within: ResolveFlags) -> Result<OwnedFd> {
    match openat2(root, path, flags | OFlags::CLOEXEC, mode, within) {
        // systemd-nspawn and docker before 20.10 answer EPERM to calls that they do not know. EAGAIN is the kernel's word
        // where something was renamed during a ".."; here that is no matter.
        Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => by_hand(root, path, flags, mode, within),
        result => result,
    }
}

/// PATH_MAX and the kernel's MAXSYMLINKS.
const LONGEST: usize = 4096;
const MOST_LINKS: usize = 40;
const END: usize = 4 * LONGEST;

/// Why it holds: the kernel only ever gets one name at a time, which is no `..` and is not followed where it is a link, in
/// a directory that was reached from `root` in just that way. So every step leads down. What a link says is put in front of
/// the names still to come. At a `..`, the last of the names gone through is dropped, and the others are gone through again
/// from `root`: a directory that was moved meanwhile, out of `root` even, has no say in it.
///
/// Never a part of [`open`]: four pages of stack would be touched at each path that openat2 opens.
#[inline(never)]
pub fn by_hand(root: BorrowedFd<'_>, path: &CStr, flags: OFlags, mode: Mode, within: ResolveFlags) -> Result<OwnedFd> {
    let path = path.to_bytes();
    match path.len() {
        0 => return Err(Errno::NOENT),
        1..LONGEST => {}
        _ => return Err(Errno::NAMETOOLONG),
    }
    // From the start, as far as `gone`, the names gone through, each with its NUL; at the end, from `at` on, those to come,
    // with slashes or NULs between them. `gone` is less than `at`.
    let mut text = [0; END];
    let mut at = END - path.len();
    text[at..].copy_from_slice(path);
    let (mut gone, mut links, mut begins) = (0usize, 0, true);
    // Where the names gone through lead to; `None` is the root.
    let mut here = None::<OwnedFd>;
    loop {
        if begins && text.get(at) == Some(&b'/') {
            if within == STRICT {
                return Err(Errno::XDEV);
            }
            (gone, here) = (0, None);
        }
        begins = false;
        while at < END && is_separator(text[at]) {
            at += 1;
        }
        let mut next = at;
        while next < END && !is_separator(text[next]) {
            next += 1;
        }
        match &text[at..next] {
            b"." => {}
            b".." => {
                if gone == 0 && within == STRICT {
                    return Err(Errno::XDEV);
                }
                let mut left = gone.saturating_sub(1);
                while left > 0 && text[left - 1] != 0 {
                    left -= 1;
                }
                next -= left;
                text.copy_within(..left, next);
                (gone, here) = (0, None);
            }
            name => {
                let (last, stop) = (next == END, gone + name.len());
                text.copy_within(at..next, gone);
                text[stop] = 0;
                let (before, free) = text[..next].split_at_mut(stop + 1);
                let name = CStr::from_bytes_with_nul(&before[gone..]).unwrap_or_default();
                // After a slash at the end.
                let name = if name.is_empty() { c"." } else { name };
                let base = here.as_ref().map_or(root, AsFd::as_fd);
                match readlinkat_raw(base, name, &mut *free) {
                    Ok(_) if links == MOST_LINKS || within == STRICT || is_magic(base)? => return Err(Errno::LOOP),
                    Ok(length) if length == free.len() => return Err(Errno::NAMETOOLONG),
                    Ok(length) => {
                        next -= length;
                        text.copy_within(stop + 1..stop + 1 + length, next);
                        (begins, links) = (true, links + 1);
                    }
                    // It is no link; one that is missing may be to be made.
                    Err(Errno::INVAL | Errno::NOENT) => {
                        let how = if last { flags } else { OFlags::PATH | OFlags::DIRECTORY };
                        let found = openat(base, name, how | OFlags::NOFOLLOW | OFlags::CLOEXEC, mode)?;
                        if last {
                            // One that has become a link since then: O_PATH opens the link itself.
                            return if fstat(&found)?.is(FileType::Symlink) { Err(Errno::LOOP) } else { Ok(found) };
                        }
                        (gone, here) = (stop + 1, Some(found));
                    }
                    Err(errno) => return Err(errno),
                }
            }
        }
        at = next;
    }
}

fn is_separator(byte: u8) -> bool {
    byte == b'/' || byte == 0
}

/// Whether the links in this directory are magic ones, which lead elsewhere than they say: all of proc's, but for those
/// right below its root, as `self` and `mounts`. The root is number 1.
fn is_magic(directory: BorrowedFd<'_>) -> Result<bool> {
    Ok(fstatfs(directory)?.f_type == PROC_SUPER_MAGIC && fstat(directory)?.st_ino != 1)
}

#[cfg(test)]
mod tests;
