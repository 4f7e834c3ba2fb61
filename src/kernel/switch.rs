//! From the initramfs to another root, as switch_root(8) does it: pivot_root(2) cannot, for the initramfs's mount has no
//! parent.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::linux;
use crate::linux::fs::{AtFlags, CWD, Mode, OFlags, RawDir, fstat, mkdirat, openat, unlinkat};
use crate::linux::io::{Errno, Result};
use crate::linux::mount::{UnmountFlags, mount_move, unmount};
use crate::linux::process::{chdir, chroot, fchdir, getpid};

use crate::error::Error;
use crate::kernel::{mount, root};
use crate::log;
use crate::packed::{sentence, text};
use crate::text::{Word, shown, tail};

/// What moves to the new root, and what goes with the old one.
pub type Mounts<'a> = (&'a [Word], &'a [Word]);

/// Makes the directory the root, and says which of the programs is the first that is there. Before anything is destroyed it is
/// made sure that there is a way to switch, and something to switch to.
pub fn switch_to(path: &CStr, inits: &[Word], mounts: Mounts<'_>) -> crate::error::Result<Word> {
    let failed = |errno| Error::os(text!("switch to %", shown(path)), errno);
    let (new, old) = (root::open(path).map_err(failed)?, root::open(c"/").map_err(failed)?);
    let init = inits.iter().find(|init| is_program(new.as_fd(), init));
    let why = if getpid() != linux::process::Pid::INIT {
        text!("only process 1 can")
    } else if !root::is_initramfs() {
        text!("this root is no initramfs, and its files would be deleted")
    } else if fstat(&new).map(|it| it.st_dev) == fstat(&old).map(|it| it.st_dev) {
        text!("nothing is mounted there")
    } else if init.is_none() && !inits.is_empty() {
        text!("it has no program for an init: name one, as init=/sbin/init")
    } else {
        move_root(new.as_fd(), mounts).map_err(failed)?;
        if let Err(errno) = delete_all(old) {
            log::error(Error::os(sentence!("delete what the initramfs held"), errno).sentence());
        }
        return Ok(init.unwrap_or(&c""));
    };
    Err(Error::new(text!("switch to %: %", shown(path), why)))
}

fn is_program(new: BorrowedFd<'_>, path: &CStr) -> bool {
    let found = mount::open_inside(new, path).and_then(fstat).map(|found| found.st_mode);
    found.is_ok_and(|mode| mode & 0o170_000 == 0o100_000 && mode & 0o111 != 0)
}

/// Makes an open directory, where a file system is mounted, the root, with these mounts of the old root's; those that find no
/// directory there go.
fn move_root(new: BorrowedFd<'_>, (moved, gone): Mounts<'_>) -> Result<()> {
    fchdir(new)?;
    for path in moved {
        let name = tail(path, 1);
        let _there = mkdirat(CWD, name, Mode::from_raw_mode(0o755));
        // What is mounted nowhere cannot be moved, nor unmounted.
        if mount_move(path, name).is_err() {
            let _nothing = unmount(path, UnmountFlags::DETACH);
        }
    }
    for path in gone {
        let _nothing = unmount(path, UnmountFlags::DETACH);
    }
    mount_move(c".", c"/")?;
    chroot(c".")?;
    chdir(c"/")
}

/// Deletes what is in a directory, on its own file system: no link is followed, and nothing that is mounted there entered.
///
/// However deep the tree is, one directory is open at a time, and nothing is remembered but the way: on the way up, the
/// one that was left is found again by its number, and what comes behind it is gone through. Names stay in their order there
/// (dcache_readdir() in the kernel's fs/libfs.c), and nobody else is at work.
fn delete_all(top: OwnedFd) -> Result<()> {
    let device = fstat(&top)?.st_dev;
    let (mut here, mut depth, mut behind) = (open_directory(top.as_fd(), c".")?, 0u32, None);
    loop {
        match delete_here(here.as_fd(), device, behind)? {
            Some(down) => (here, depth, behind) = (down, depth + 1, None),
            None if depth == 0 => return Ok(()),
            None => {
                behind = Some(fstat(&here)?.st_ino);
                depth -= 1;
                // The new root is mounted on the top, and `..` would lead into that.
                let (base, name) = if depth == 0 { (top.as_fd(), c".") } else { (here.as_fd(), c"..") };
                let up = open_directory(base, name)?;
                if fstat(&up)?.st_dev != device {
                    return Err(Errno::XDEV);
                }
                here = up;
            }
        }
    }
}

/// Deletes in one directory, from its start or from the entry of this number on; stops at the first directory that is not
/// empty, and opens it.
fn delete_here(here: BorrowedFd<'_>, device: u64, mut behind: Option<u64>) -> Result<Option<OwnedFd>> {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut entries = RawDir::new(open_directory(here, c".")?, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let (name, number) = (entry.file_name(), entry.ino());
        if matches!(name.to_bytes(), b"." | b"..") || behind.is_some_and(|behind| behind != number) {
            continue;
        }
        // It was entered, and could be emptied or not.
        let entered = behind.take().is_some();
        let mut done = unlinkat(here, name, AtFlags::empty());
        if done == Err(Errno::ISDIR) {
            done = unlinkat(here, name, AtFlags::REMOVEDIR);
        }
        if done == Err(Errno::NOTEMPTY) && !entered {
            let down = open_directory(here, name)?;
            if fstat(&down)?.st_dev == device {
                return Ok(Some(down));
            }
        }
    }
    Ok(None)
}

fn open_directory(base: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd> {
    openat(base, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::mkdir;
    use std::ffi::CString;

    /// A tmpfs of the test's own would need root; its directory tells its number, and is empty afterwards.
    fn top(name: &str) -> (std::path::PathBuf, OwnedFd) {
        let path = std::path::Path::new("/dev/shm").join(format!("contain-switch-{}-{name}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        let top = root::open(&CString::new(path.to_str().unwrap()).unwrap()).unwrap();
        (path, top)
    }

    #[test]
    fn a_tree_of_two_thousand_levels_is_deleted() {
        let (path, top) = top("deep");
        let mut here = top.try_clone().unwrap();
        for level in 0..2000 {
            mkdirat(&here, c"below", Mode::from_raw_mode(0o755)).unwrap();
            for name in [c"before", c"behind"] {
                drop(openat(&here, name, OFlags::CREATE | OFlags::WRONLY, Mode::from_raw_mode(0o600)).unwrap());
            }
            if level % 100 == 0 {
                mkdirat(&here, c"empty", Mode::from_raw_mode(0o755)).unwrap();
            }
            here = open_directory(here.as_fd(), c"below").unwrap();
        }
        delete_all(top).unwrap();
        std::fs::remove_dir(path).unwrap();
    }

    #[test]
    fn many_names_are_deleted_and_no_link_is_followed() {
        let (path, top) = top("wide");
        let (other, _kept) = self::top("other");
        std::fs::write(other.join("stays"), "").unwrap();
        for number in 0..3000 {
            let directory = path.join(number.to_string());
            std::fs::create_dir_all(directory.join("x/y")).unwrap();
            std::fs::write(directory.join("x/file"), "").unwrap();
        }
        std::os::unix::fs::symlink(&other, path.join("link")).unwrap();
        let _linked = mkdir(path.join("0/deep"), Mode::from_raw_mode(0o700));
        std::os::unix::fs::symlink("../..", path.join("0/deep/up")).unwrap();
        delete_all(top).unwrap();
        std::fs::remove_dir(path).unwrap();
        std::fs::remove_file(other.join("stays")).unwrap();
        std::fs::remove_dir(other).unwrap();
    }
}
