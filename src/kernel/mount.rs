//! File systems and mounts: fsopen(2), open_tree(2), move_mount(2) and, below a directory that is held by descriptor,
//! plain mount(2). Called between clone and exec: nothing here allocates.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::linux;
use crate::linux::fs::{AtFlags, CWD, FileType, Mode, OFlags, StatxAttributes, StatxFlags, fstat, openat};
use crate::linux::io::{Errno, Result};
use crate::linux::mount as rmount;
use crate::linux::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags,
};
use crate::linux::process::fchdir;

use crate::kernel::device::make_directory;
use crate::kernel::file::read_text;
use crate::kernel::walk;
use crate::sys;
use crate::text::{decimal, lines, split};

/// Keeps what is mounted from here on out of every other mount namespace.
pub fn make_all_private() -> Result<()> {
    rmount::mount_change(c"/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
}

/// A file system of its own, attached nowhere yet (fsopen(2), Linux 5.2). An option without a value is a flag. Where no source
/// is among them that is only a name, for those who read /proc/mounts.
pub fn create(filesystem: &CStr, options: &[(&CStr, &CStr)], flags: MountFlags) -> Result<OwnedFd> {
    let context = rmount::fsopen(filesystem, FsOpenFlags::FSOPEN_CLOEXEC)?;
    let mut source = filesystem;
    for (key, value) in options {
        weak!(
            "weak-sizes",
            if *key == c"size" {
                continue;
            }
        );
        if *key == c"source" {
            source = value;
        } else if value.is_empty() {
            rmount::fsconfig_set_flag(context.as_fd(), key)?;
        } else {
            rmount::fsconfig_set_string(context.as_fd(), key, value)?;
        }
    }
    rmount::fsconfig_set_string(context.as_fd(), c"source", source)?;
    rmount::fsconfig_create(context.as_fd())?;
    rmount::fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes(flags))
}

/// A copy of the mount at `path`, with all that is mounted below it, attached nowhere yet (open_tree(2)).
pub fn copy_tree(path: &CStr) -> Result<OwnedFd> {
    copy(path, true)
}

/// The same, with or without what is mounted below it.
pub fn copy(path: &CStr, all: bool) -> Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    rmount::open_tree(CWD, path, if all { flags | OpenTreeFlags::AT_RECURSIVE } else { flags })
}

/// A copy of an open directory with what is mounted below it, attached nowhere yet.
pub fn copy_open(directory: BorrowedFd<'_>) -> Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    rmount::open_tree(directory, c"", flags | OpenTreeFlags::AT_RECURSIVE)
}

/// A copy of an open directory, through which nothing is executed and no device used.
pub fn copy_harmless(directory: BorrowedFd<'_>) -> Result<OwnedFd> {
    let copy = copy_open(directory)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    sys::mount::set_attributes(copy.as_fd(), attributes(flags).bits().into(), 0, None).map(|()| copy)
}

/// Makes a mount private, and all below it.
pub fn make_private(mount: BorrowedFd<'_>) -> Result<()> {
    sys::mount::set_attributes(mount, 0, MountPropagationFlags::PRIVATE.bits().into(), None)
}

/// Shows the files of a detached mount, and of all below it, with owners that are this user namespace's ids of the same
/// numbers. Not every file system can do that (mount_setattr(2), "ID-mapped mounts").
pub fn map_ids(mount: BorrowedFd<'_>, users: BorrowedFd<'_>) -> Result<()> {
    sys::mount::set_attributes(mount, MountAttrFlags::MOUNT_ATTR_IDMAP.bits().into(), 0, Some(users))
}

/// What the file systems are called that there are at `path` and below, as far as /proc tells.
pub fn file_systems(path: &CStr) -> String {
    let mut names = String::new();
    let _untold = find(path, true, &mut |fields| {
        if let Some(name) = fields.iter().skip_while(|field| **field != "-").nth(1) {
            names.extend([if names.is_empty() { "" } else { ", " }, name]);
        }
    });
    names
}

/// The line of /proc/self/mountinfo that is of the mount that `path` is on; or, `all`, those of the mounts below it, too.
fn find(path: &CStr, all: bool, take: &mut dyn FnMut(&[&str])) -> Result<()> {
    let id = linux::fs::statx(CWD, path, AtFlags::empty(), StatxFlags::MNT_ID)?.stx_mnt_id;
    let path = path.to_bytes();
    each(&mut |fields| {
        let [own, _, _, _, point, ..] = fields else { return };
        let below = || point.as_bytes().strip_prefix(path).is_some_and(|rest| rest.starts_with(b"/"));
        if decimal(own) == Some(id) || all && below() {
            take(fields);
        }
    });
    Ok(())
}

/// Lets a mount, and all below it, hear of mounts that come where it was copied from, and tell of none.
pub fn enslave(mount: BorrowedFd<'_>) -> Result<()> {
    fchdir(mount)?;
    rmount::mount_change(c".", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)
}

/// Whether others hear of what is mounted below `path`; or, `slave`, it hears of others at least: the optional fields of
/// proc_pid_mountinfo(5).
pub fn is_heard(path: &CStr, slave: bool) -> Result<bool> {
    let mut heard = false;
    find(path, false, &mut |fields| {
        let mut optional = fields.iter().skip(6).take_while(|field| **field != "-");
        heard = optional.any(|field| field.starts_with("shared:") || slave && field.starts_with("master:"));
    })?;
    Ok(heard)
}

/// Attaches a detached mount on an open directory or file.
pub fn attach(mount: BorrowedFd<'_>, target: BorrowedFd<'_>) -> Result<()> {
    let both = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    rmount::move_mount(mount, c"", target, c"", both)
}

/// Attaches a detached mount on `path` below an open directory that nobody in the container can reach.
pub fn attach_below(mount: BorrowedFd<'_>, base: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    rmount::move_mount(mount, c"", base, path, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}

/// A new file system on `path` below an open directory.
pub fn mount_below(
    base: BorrowedFd<'_>,
    path: &CStr,
    filesystem: &CStr,
    options: &CStr,
    flags: MountFlags,
) -> Result<()> {
    fchdir(base)?;
    mount_here(path, filesystem, options, flags)
}

/// The same on a path that nobody else can change: an init's early mounts.
pub fn mount_here(path: &CStr, filesystem: &CStr, options: &CStr, flags: MountFlags) -> Result<()> {
    // An empty string would be copied from user space as a page of options; NULL is not.
    let options = (!options.is_empty()).then_some(options);
    weak!("weak-sizes", options = None);
    rmount::mount(filesystem, path, filesystem, flags, options)
}

/// mount(2) with MS_* flags as they are. A bind mount gets its further flags by a second call, and propagation is always one
/// of its own.
pub fn mount_as(source: &CStr, target: &CStr, filesystem: &CStr, flags: u32, options: &CStr) -> Result<()> {
    const BIND: u32 = MountFlags::BIND.bits();
    const REC: u32 = MountPropagationFlags::REC.bits();
    // MS_REMOUNT, which rustix sets by itself.
    const REMOUNT: u32 = 1 << 5;
    // Unbindable, private, slave, shared.
    const CHANGES: u32 = 15 << 17;
    let (change, flags) = (flags & CHANGES, flags & !CHANGES);
    let options = (!options.is_empty()).then_some(options);
    let call = |flags| rmount::mount(source, target, filesystem, MountFlags::from_bits_retain(flags), options);
    if flags & BIND != 0 && flags & REMOUNT == 0 {
        call(flags & (BIND | REC))?;
        if flags & !(BIND | REC) != 0 {
            call(flags & !REC | REMOUNT)?;
        }
    } else if change == 0 || filesystem != c"none" {
        call(flags)?;
    }
    if change == 0 { Ok(()) } else { call(change | flags & REC) }
}

/// Makes a directory or file below `base` a mount, with flags of its own. What does not exist is left alone.
pub fn bind_on_itself(base: BorrowedFd<'_>, path: &CStr, flags: MountFlags) -> Result<()> {
    weak!("weak-readonly", return Ok(()));
    bind_below(base, path, path, flags)
}

fn bind_below(base: BorrowedFd<'_>, source: &CStr, path: &CStr, flags: MountFlags) -> Result<()> {
    fchdir(base)?;
    match rmount::mount_bind(source, path) {
        Err(Errno::NOENT) => Ok(()),
        bound => {
            bound?;
            remount(path, flags)
        }
    }
}

fn remount(path: &CStr, flags: MountFlags) -> Result<()> {
    rmount::mount_remount(path, flags | MountFlags::BIND, c"")
}

/// Gives a mount these flags, and all below it where the kernel can (mount_setattr(2), Linux 5.12; before, only the
/// mount itself).
pub fn restrict(mount: BorrowedFd<'_>, flags: MountFlags) -> Result<()> {
    match sys::mount::set_attributes(mount, attributes(flags).bits().into(), 0, None) {
        Err(Errno::NOSYS) => {
            fchdir(mount)?;
            remount(c".", flags)
        }
        result => result,
    }
}

/// Hides a file below `base` behind the null device of the container's own /dev. What does not exist needs no hiding.
pub fn mask_file(base: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    weak!("weak-masks", return Ok(()));
    match fchdir(base).and_then(|()| rmount::mount_bind(c"/dev/null", path)) {
        Err(Errno::NOENT) => Ok(()),
        masked => masked,
    }
}

/// Hides a directory below `base` behind an empty one of the container's own /dev, where nothing is mounted yet: a file system
/// of its own would cost the kernel time and memory. What does not exist needs no hiding.
pub fn mask_directory(base: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    weak!("weak-masks", return Ok(()));
    let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    bind_below(base, c"/dev/mqueue", path, flags)
}

/// A directory of the rootfs to mount a base on: a real one, made where it is missing, never a symbolic link, which
/// could lead the kernel's files to another place (CVE-2019-19921).
pub fn base_directory(root: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd> {
    weak!("weak-dev", name = if name == c"dev" { c"mnt" } else { name });
    match real_directory(root, name) {
        Err(Errno::NOENT) => {
            make_directory(root, name)?;
            real_directory(root, name)
        }
        result => result,
    }
}

/// A directory below another, with no symbolic link on the way.
pub fn real_directory(base: BorrowedFd<'_>, path: &CStr) -> Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    weak!("weak-symlinks", return openat(base, path, flags, Mode::empty()));
    walk::open(base, path, flags, Mode::empty(), walk::STRICT)
}

/// Opens a path of the rootfs as the container would see it: links lead nowhere outside it.
pub fn open_inside(root: BorrowedFd<'_>, path: &CStr) -> Result<OwnedFd> {
    open_inside_as(root, path, OFlags::PATH)
}

/// The same with flags of open(2).
pub fn open_inside_as(root: BorrowedFd<'_>, path: &CStr, flags: OFlags) -> Result<OwnedFd> {
    weak!("weak-inroot", return openat(root, path, flags | OFlags::CLOEXEC, Mode::empty()));
    walk::open(root, path, flags, Mode::empty(), walk::IN_ROOT)
}

/// Makes `name` in the directory `parent` of the rootfs where `path`, which is both together, is missing: a directory, or
/// an empty file where `like` is no directory.
pub fn make_mount_point(
    root: BorrowedFd<'_>,
    (path, parent, name): (&CStr, &CStr, &CStr),
    like: Option<BorrowedFd<'_>>,
) -> Result<()> {
    let directory = like.is_none_or(|source| is_directory(source).unwrap_or(true));
    let found = match open_inside(root, path) {
        Err(Errno::NOENT) => {
            let parent = open_inside(root, parent)?;
            // A launch beside this one may be the first to make something in a rootfs that both have. What it made is
            // looked at then like what was there from the start.
            match if directory { make_directory(parent.as_fd(), name) } else { create_file(parent.as_fd(), name) } {
                Err(Errno::EXIST) => {}
                made => made?,
            }
            match open_inside(root, path) {
                // What is there leads nowhere.
                Err(Errno::NOENT) => return Err(Errno::EXIST),
                found => found?,
            }
        }
        found => found?,
    };
    match (directory, is_directory(found.as_fd())?) {
        (true, false) => Err(Errno::NOTDIR),
        (false, true) => Err(Errno::ISDIR),
        _ => Ok(()),
    }
}

fn is_directory(file: BorrowedFd<'_>) -> Result<bool> {
    Ok(fstat(file)?.is(FileType::Directory))
}

/// Creates an empty file below an open directory, to mount something on.
pub fn create_file(base: BorrowedFd<'_>, name: &CStr) -> Result<()> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    openat(base, name, flags, Mode::from_raw_mode(0o644)).map(drop)
}

/// The same flags in the words of the mount API of Linux 5.2: these four bits are the same there.
fn attributes(flags: MountFlags) -> MountAttrFlags {
    MountAttrFlags::from_bits_retain(flags.bits())
}

/// Each line of /proc/self/mountinfo by its fields (proc_pid_mountinfo(5)). Where /proc does not tell, there is none.
pub fn each(take: &mut dyn FnMut(&[&str])) {
    let text = read_text(CWD, c"/proc/self/mountinfo").unwrap_or_default();
    for line in lines(text) {
        let mut fields = Vec::new();
        split(line, b' ').for_each(|field| fields.push(field));
        take(&fields);
    }
}

/// Whether two descriptors lead to the same file.
pub fn same_file(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> Result<bool> {
    let (one, other) = (fstat(one)?, fstat(other)?);
    Ok((one.st_dev, one.st_ino) == (other.st_dev, other.st_ino))
}

/// Whether something is mounted right on a path (statx(2), Linux 5.8).
pub fn is_mounted(path: &CStr) -> bool {
    let found = linux::fs::statx(CWD, path, AtFlags::empty(), StatxFlags::empty());
    found.is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// Whether `path` can be reached below the directory.
pub fn exists(base: BorrowedFd<'_>, path: &CStr) -> bool {
    linux::fs::statat(base, path, AtFlags::SYMLINK_NOFOLLOW).is_ok()
}
