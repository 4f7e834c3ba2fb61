//! What a root is made of where it is no plain directory: images behind loop devices, and layers under overlayfs
//! (Documentation/filesystems/overlayfs.rst in the kernel's sources).

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use crate::linux::fs::{CWD, FileType, FlockOperation, Mode, OFlags, flock, fstat, openat};
use crate::linux::io::{Errno, Result, fcntl_dupfd_cloexec};
use crate::linux::mount::MountFlags;
use crate::linux::process::fchdir;

use crate::kernel::device::{make_directory, make_directory_as};
use crate::kernel::superblock::Head;
use crate::kernel::{mount, root};
use crate::sys::loopback;
use crate::text::{digits, kept_two};

/// Opens a regular file or a block device, and tells the file system in it, `tar` for an archive, or nothing: by what it holds,
/// since a name proves nothing.
#[inline(never)]
pub fn open_image(path: &CStr) -> Result<(OwnedFd, &'static CStr)> {
    let file = openat(CWD, path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?;
    let found = fstat(&file)?;
    if !found.is(FileType::RegularFile) && !found.is(FileType::BlockDevice) {
        return Ok((file, c""));
    }
    let kind = Head::read(file.as_fd())?.image();
    Ok((file, kind))
}

/// The file system in a file or on a block device, read-only, attached nowhere yet. When its last user goes, so does the loop
/// device.
#[inline(never)]
pub fn mount_image(path: &CStr, file: BorrowedFd<'_>, kind: &CStr) -> Result<OwnedFd> {
    let (device, _used) = if fstat(file)?.is(FileType::BlockDevice) { (path, None) } else { loop_device(file)? };
    // A journal cannot be replayed; and the image is not to say that its errors stop the machine.
    let options = [(c"source", device), (c"ro", c""), (c"noload", c""), (c"errors", c"continue")];
    let count = if kind == c"ext4" { 4 } else { 2 };
    mount::create(kind, &options[..count], MountFlags::RDONLY | MountFlags::NODEV)
}

/// A loop device of the file, and what keeps it until somebody uses it.
fn loop_device(file: BorrowedFd<'_>) -> Result<(&'static CStr, Option<OwnedFd>)> {
    let open = |path| openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    let control = open(c"/dev/loop-control")?;
    loop {
        let number = loopback::free(control.as_fd())?;
        let path = kept_two(b"/dev/loop", digits(number.into()).as_bytes());
        let device = open(path)?;
        match loopback::configure(device.as_fd(), file) {
            // Another launch was faster.
            Err(Errno::BUSY) => {}
            done => return done.map(|()| (path, Some(device))),
        }
    }
}

/// The directory that keeps an upper layer, by its absolute path, made where it is missing; nobody else's for as long as this process lives.
#[inline(never)]
pub fn open_upper(path: &CStr, layers: &[OwnedFd]) -> Result<OwnedFd> {
    let mut directory = root::open(path);
    if let Err(Errno::NOENT) = directory {
        let path = path.to_bytes();
        // "keep/" is "keep".
        let end = path.iter().rposition(|b| *b != b'/').unwrap_or(0);
        let parent = path[..end].iter().rposition(|b| *b == b'/').unwrap_or(0);
        directory = root::open(kept_two(&path[..parent], b"/"));
    }
    if is_inside(directory?.as_fd(), layers)? {
        return Err(Errno::LOOP);
    }
    make_directory(CWD, path)?;
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
        let above = open_path(here.as_fd(), c"..")?;
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
    let taken = open_path(CWD, path)?;
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
    mount::attach(mount, open_path(CWD, ROOM)?.as_fd())
}

#[inline(never)]
fn open_path(base: BorrowedFd<'_>, path: &CStr) -> Result<OwnedFd> {
    openat(base, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// More than as many layers as there can be need, and less than the page that mount(2) takes.
type Options = heapless::Vec<u8, 2048>;

/// The root, and the way to what is mounted on top of it: `..` of the root leads up there.
pub const ON_ROOT: (&CStr, &CStr) = (c"/", c"/..");

/// Mounts these layers on a place, and stands there: the lowest first, and last, `has_upper`, the directory with the
/// upper one. They are named by their descriptors, so no path has to be fit for a list.
#[inline(never)]
pub fn mount_overlay(
    layers: &[OwnedFd],
    has_upper: bool,
    more: &CStr,
    flags: MountFlags,
    (place, top): (&CStr, &CStr),
) -> Result<OwnedFd> {
    let (lower, upper) = layers.split_at_checked(layers.len().wrapping_sub(has_upper.into())).ok_or(Errno::INVAL)?;
    let mut options = Options::new();
    let mut before = c"lowerdir=";
    for layer in lower.iter().rev() {
        put(&mut options, before, layer, c"");
        before = c":";
    }
    let mut uppers = heapless::Vec::<OwnedFd, 2>::new();
    for directory in upper {
        for &(name, mode) in &[(c"upper", 0o755), (c"work", 0o700)] {
            make_directory_as(directory.as_fd(), name, mode)?;
            // Somebody may have put a link there. Held, since the kernel looks the path up again.
            let held = mount::real_directory(directory.as_fd(), name)?;
            let key = if name == c"upper" { c",upperdir=" } else { c",workdir=" };
            put(&mut options, key, &held, c"");
            uppers.push(held).map_err(|_full| Errno::MFILE)?;
        }
    }
    add(&mut options, if more.is_empty() { c"" } else { c"," });
    add(&mut options, more);
    let _full = options.push(0);
    let options = CStr::from_bytes_with_nul(&options).map_err(|_full| Errno::TOOBIG)?;
    fchdir(open_path(CWD, c"/proc/self/fd")?)?;
    mount::mount_here(place, c"overlay", options, flags)?;
    let root = open_path(CWD, top)?;
    fchdir(&root)?;
    Ok(root)
}

/// Adds a path below a descriptor of ours.
fn put(options: &mut Options, before: &CStr, directory: &OwnedFd, after: &CStr) {
    let (mut digits, mut at, mut rest) = ([0; 12], 11, directory.as_raw_fd());
    while at == 11 || rest > 0 {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    add(options, before);
    add(options, CStr::from_bytes_until_nul(&digits[at..]).unwrap_or_default());
    add(options, after);
}

fn add(options: &mut Options, text: &CStr) {
    for byte in text.to_bytes() {
        // Whether all has found room is seen at the end.
        let _full = options.push(*byte);
    }
}
