//! The root file system: opened once, bound onto itself, and made the root by pivot_root(2).

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::linux;
use crate::linux::fs::{CWD, FileType, Mode, OFlags, StatVfsMountFlags, fstat, fstatvfs, openat};
use crate::linux::io::{Errno, Result};
use crate::linux::mount::{UnmountFlags, unmount};
use crate::linux::process::{fchdir, pivot_root};

use crate::kernel::file::read_all;
use crate::kernel::mount;

/// A root as the launcher holds it.
pub struct Rootfs {
    /// To look into, the lowest layer first; often there is one.
    pub layers: Vec<OwnedFd>,
    /// The directory that keeps the upper layer, where one does.
    pub upper: Option<OwnedFd>,
}

/// The rootfs directory, to be looked into and bound from.
pub fn open(path: &CStr) -> Result<OwnedFd> {
    openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// Whether a path of the caller's names a directory.
pub fn is_directory(path: &CStr) -> bool {
    linux::fs::stat(path).is_ok_and(|found| found.is(FileType::Directory))
}

/// Whether the directory is the caller's own root, by whatever name.
pub fn is_host_root(root: BorrowedFd<'_>) -> Result<bool> {
    mount::same_file(root, openat(CWD, c"/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?.as_fd())
}

/// Whether the directory holds anything of what a root file system has.
pub fn looks_like_one(root: BorrowedFd<'_>) -> bool {
    [c"bin", c"usr", c"etc"].iter().any(|name| mount::exists(root, name))
}

/// Whether nothing can be executed from there: it is mounted noexec.
pub fn is_noexec(root: BorrowedFd<'_>) -> Result<bool> {
    // ST_NOEXEC of statvfs(3), which rustix has no name for.
    Ok(fstatvfs(root)?.f_flag.contains(StatVfsMountFlags::from_bits_retain(8)))
}

/// Attaches a copy of the rootfs on the working directory, which is the rootfs, and stands in the new mount. The launcher has
/// entered that by descriptor before the clone; a mount namespace's copy keeps the place, so the name is not resolved a second
/// time.
pub fn bind_here(tree: OwnedFd) -> Result<OwnedFd> {
    mount::attach(tree.as_fd(), openat(CWD, c".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?.as_fd())?;
    fchdir(tree.as_fd())?;
    Ok(tree)
}

/// Makes the working directory the root. The old root lies on top of it until [`detach_old`] (pivot_root(2), "." twice).
pub fn pivot() -> Result<()> {
    pivot_root(c".", c".")
}

/// Takes the old root out of reach: from here on no path leads to the host.
pub fn detach_old(root: BorrowedFd<'_>) -> Result<()> {
    // "." leads from the new root up to what lies on top of it.
    fchdir(root)?;
    weak!("weak-detach", return Ok(()));
    unmount(c".", UnmountFlags::DETACH)?;
    linux::process::chdir(c"/")
}

/// Makes the root of an initramfs one that containers can pivot from: that mount has no parent, so pivot_root(2) refuses
/// it. A copy of it, bound on top and entered through "/..", has one. Neither files nor memory are copied.
pub fn make_pivotable() -> Result<()> {
    linux::mount::mount_bind_recursive(c"/", c"/")?;
    linux::process::chdir(c"/..")?;
    linux::process::chroot(c".")?;
    linux::process::chdir(c"/")
}

/// Whether pivot_root(2) can work from here: the root mount has a parent other than itself (proc_pid_mountinfo(5), the
/// first two fields). Where /proc does not tell, it is taken to have one.
pub fn is_pivotable() -> bool {
    let mut pivotable = true;
    // What is mounted last lies on top.
    mount::each(&mut |fields| {
        if let [own, parent, _, _, "/", ..] = fields {
            pivotable = own != parent;
        }
    });
    pivotable
}

/// Whether the root is an initramfs's: tmpfs or ramfs. A root on a disk has been switched to, and has a parent.
pub fn is_initramfs() -> bool {
    // TMPFS_MAGIC and RAMFS_MAGIC of statfs(2).
    linux::fs::statfs(c"/").is_ok_and(|found| [0x0102_1994, 0x8584_58f6].contains(&(found.f_type as u64)))
}

/// The bytes of a file of the rootfs, of 1 MiB at most.
pub fn read_file(root: &Rootfs, path: &CStr) -> Result<Vec<u8>> {
    let (file, size) = open_file(root, path)?;
    if size > 1 << 20 {
        return Err(Errno::FBIG);
    }
    read_all(file.as_fd(), size)
}

/// The first 4 KiB of a file of the rootfs.
pub fn read_head(root: &Rootfs, path: &CStr) -> Result<Vec<u8>> {
    let (file, size) = open_file(root, path)?;
    read_all(file.as_fd(), size.min(4096))
}

/// Whether the rootfs has a file of this path, links followed inside it.
pub fn has(root: &Rootfs, path: &CStr) -> bool {
    open_as(root, path, OFlags::PATH).is_ok()
}

/// Opens a path in the topmost layer that has it. What a layer hides of those below it with a device of no number, or a file
/// in place of a directory, stays hidden; a link that leads to another layer is not followed.
fn open_as(root: &Rootfs, path: &CStr, flags: OFlags) -> Result<OwnedFd> {
    let mut found = Err(Errno::NOENT);
    for layer in root.layers.iter().rev() {
        found = mount::open_inside_as(layer.as_fd(), path, flags);
        if !matches!(found, Err(Errno::NOENT)) {
            break;
        }
    }
    match &found {
        Err(Errno::NXIO) => Err(Errno::NOENT),
        Ok(file) if fstat(file).is_ok_and(|it| it.st_mode & 0o170000 == 0o020000 && it.st_rdev == 0) => {
            Err(Errno::NOENT)
        }
        _ => found,
    }
}

/// Opens a file of the rootfs that may be anything: a FIFO is not waited for, links stay inside the rootfs, and what is no
/// regular file is refused.
fn open_file(root: &Rootfs, path: &CStr) -> Result<(OwnedFd, usize)> {
    let file = open_as(root, path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
    let stat = fstat(&file)?;
    stat.regular()?;
    Ok((file, usize::try_from(stat.st_size).unwrap_or(0)))
}
