//! What a root is made of where it is no plain directory: images behind loop devices, and layers under overlayfs
//! (Documentation/filesystems/overlayfs.rst in the kernel's sources).

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{CWD, FileType, FlockOperation, Mode, OFlags, flock, fstat, mkdir, mkdirat, openat};
use rustix::io::{Errno, Result, fcntl_dupfd_cloexec};
use rustix::mount as rmount;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags};
use rustix::process::fchdir;

use crate::kernel::file::read_all;
use crate::kernel::{mount, root};
use crate::sys::loopback;
use crate::text::kept;

/// Opens a regular file, and tells the file system in it, `tar` for an archive, or nothing: by what it holds, since a name
/// proves nothing.
pub fn open_image(path: &CStr) -> Result<(OwnedFd, &'static CStr)> {
    let file = openat(CWD, path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?;
    if FileType::from_raw_mode(fstat(&file)?.st_mode) != FileType::RegularFile {
        return Ok((file, c""));
    }
    let head = read_all(file.as_fd(), 2048)?;
    let is = |at: usize, magic: &[u8]| head.get(at..).is_some_and(|rest| rest.starts_with(magic));
    let packed: [&[u8]; 4] = [b"\x1f\x8b", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"BZh"];
    let kind = match () {
        () if is(0, b"hsqs") => c"squashfs",
        () if is(1024, b"\xe2\xe1\xf5\xe0") => c"erofs",
        () if is(1080, b"\x53\xef") => c"ext4",
        () if is(257, b"ustar") || packed.iter().any(|magic| is(0, magic)) => c"tar",
        () => c"",
    };
    Ok((file, kind))
}

/// The file system in a file, read-only, attached nowhere yet. When its last user goes, so does the loop device.
pub fn mount_image(file: BorrowedFd<'_>, kind: &CStr) -> Result<OwnedFd> {
    let control = openat(CWD, c"/dev/loop-control", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    let (path, _used) = loop {
        let number = loopback::free(control.as_fd())?;
        let path = kept(&[b"/dev/loop", number.to_string().as_bytes()]);
        let device = openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        match loopback::configure(device.as_fd(), file) {
            // Another launch was faster.
            Err(Errno::BUSY) => {}
            done => break (path, done.map(|()| device)?),
        }
    };
    let context = rmount::fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    rmount::fsconfig_set_string(context.as_fd(), c"source", path)?;
    rmount::fsconfig_set_flag(context.as_fd(), c"ro")?;
    if kind == c"ext4" {
        // A journal cannot be replayed; and the image is not to say that its errors stop the machine.
        rmount::fsconfig_set_flag(context.as_fd(), c"noload")?;
        rmount::fsconfig_set_string(context.as_fd(), c"errors", c"continue")?;
    }
    rmount::fsconfig_create(context.as_fd())?;
    let attributes = MountAttrFlags::MOUNT_ATTR_RDONLY | MountAttrFlags::MOUNT_ATTR_NODEV;
    rmount::fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}

/// The directory that keeps an upper layer, by its absolute path, made where it is missing; nobody else's for as long as this process lives.
pub fn open_upper(path: &CStr, layers: &[OwnedFd]) -> Result<OwnedFd> {
    let mut directory = root::open(path);
    if let Err(Errno::NOENT) = directory {
        let path = path.to_bytes();
        // "keep/" is "keep".
        let end = path.iter().rposition(|b| *b != b'/').unwrap_or(0);
        let parent = path[..end].iter().rposition(|b| *b == b'/').unwrap_or(0);
        directory = root::open(kept(&[&path[..parent], b"/"]));
    }
    if is_inside(directory?.as_fd(), layers)? {
        return Err(Errno::LOOP);
    }
    match mkdir(path, Mode::from_raw_mode(0o755)) {
        Err(Errno::EXIST) => {}
        made => made?,
    }
    let directory = root::open(path)?;
    flock(&directory, FlockOperation::NonBlockingLockExclusive)?;
    Ok(directory)
}

/// Whether a directory is one of the layers, or below it.
fn is_inside(directory: BorrowedFd<'_>, layers: &[OwnedFd]) -> Result<bool> {
    let mut here = fcntl_dupfd_cloexec(directory, 0)?;
    loop {
        for layer in layers {
            if mount::same_file(here.as_fd(), layer.as_fd())? {
                return Ok(true);
            }
        }
        let above = openat(&here, c"..", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        if mount::same_file(here.as_fd(), above.as_fd())? {
            return Ok(false);
        }
        here = above;
    }
}

// From here on between clone and exec: nothing allocates.

/// Any directory of the host's but the root, to attach things to that overlayfs must find in this mount namespace. It goes
/// with the old root.
const ROOM: &CStr = c"/dev";

/// An upper layer's file system in memory.
pub fn make_upper() -> Result<OwnedFd> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    let made = mount::create(c"tmpfs", &[(c"mode", c"700")], flags)?;
    attach(made.as_fd()).map(|()| made)
}

/// A directory of the launcher's, as it is in this mount namespace.
pub fn take(path: &CStr, held: BorrowedFd<'_>) -> Result<OwnedFd> {
    let taken = openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    match mount::same_file(taken.as_fd(), held)? {
        true => Ok(taken),
        false => Err(Errno::STALE),
    }
}

/// An image of the launcher's.
pub fn take_image(held: BorrowedFd<'_>) -> Result<OwnedFd> {
    attach(held)?;
    fcntl_dupfd_cloexec(held, 0)
}

fn attach(mount: BorrowedFd<'_>) -> Result<()> {
    mount::attach(mount, openat(CWD, ROOM, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?.as_fd())
}

/// The longest options that mount(2) takes: a page with its closing zero.
type Options = heapless::Vec<u8, 4096>;

/// Mounts these layers on top of the root, and stands there: the lowest first, and last, `has_upper`, the directory with the
/// upper one. They are named by their descriptors, so no path has to be fit for a list.
pub fn mount_overlay(layers: &[OwnedFd], has_upper: bool, more: &CStr, flags: MountFlags) -> Result<OwnedFd> {
    let (lower, upper) = layers.split_at_checked(layers.len().wrapping_sub(has_upper.into())).ok_or(Errno::INVAL)?;
    let mut options = Options::new();
    let mut before = c"lowerdir=";
    for layer in lower.iter().rev() {
        put(&mut options, before, layer, c"")?;
        before = c":";
    }
    for directory in upper {
        for (name, mode) in [(c"upper", 0o755), (c"work", 0o700)] {
            match mkdirat(directory, name, Mode::from_raw_mode(mode)) {
                Err(Errno::EXIST) => {}
                made => made?,
            }
        }
        put(&mut options, c",upperdir=", directory, c"/upper")?;
        put(&mut options, c",workdir=", directory, c"/work")?;
    }
    if !more.is_empty() {
        options.extend_from_slice(b",").map_err(|_full| Errno::TOOBIG)?;
    }
    options.extend_from_slice(more.to_bytes_with_nul()).map_err(|_full| Errno::TOOBIG)?;
    let options = CStr::from_bytes_until_nul(&options).unwrap_or_default();
    fchdir(openat(CWD, c"/proc/self/fd", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)?;
    mount::mount_here(c"/", c"overlay", options, flags)?;
    // ".." of the root leads up to what lies on top of it.
    let root = openat(CWD, c"/..", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    fchdir(&root)?;
    Ok(root)
}

/// Adds a path below a descriptor of ours.
fn put(options: &mut Options, before: &CStr, directory: &OwnedFd, after: &CStr) -> Result<()> {
    let (mut digits, mut at, mut rest) = ([0; 10], 10, directory.as_raw_fd());
    while at == 10 || rest > 0 {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    for part in [before.to_bytes(), &digits[at..], after.to_bytes()] {
        options.extend_from_slice(part).map_err(|_full| Errno::TOOBIG)?;
    }
    Ok(())
}
