//! What every system has before anything else can work: the early mounts, the links of /dev, the control groups.

use std::ffi::CStr;

use rustix::io::Errno;
use rustix::mount::MountFlags;

use crate::error::Error;
use crate::kernel::{device, mount};
use crate::life::boot::tell;
use crate::text::{fill, shown};

/// A file system that every system has; the directory is made where it is missing.
struct EarlyMount {
    filesystem: &'static CStr,
    target: &'static CStr,
    flags: MountFlags,
    options: &'static CStr,
}

const NO_SUID: MountFlags = MountFlags::NOSUID;
const NO_SUID_DEV: MountFlags = NO_SUID.union(MountFlags::NODEV);
const NO_SUID_EXEC: MountFlags = NO_SUID.union(MountFlags::NOEXEC);
const NO_SUID_DEV_EXEC: MountFlags = NO_SUID_DEV.union(MountFlags::NOEXEC);

const EARLY_MOUNTS: [EarlyMount; 9] = [
    early(c"devtmpfs", c"dev", NO_SUID, c"mode=0755"),
    early(c"proc", c"proc", NO_SUID_DEV_EXEC, c""),
    early(c"sysfs", c"sys", NO_SUID_DEV_EXEC, c""),
    early(c"devpts", c"dev/pts", NO_SUID_EXEC, c"gid=5,mode=620,ptmxmode=666"),
    early(c"tmpfs", c"dev/shm", NO_SUID_DEV, c"mode=1777"),
    early(c"mqueue", c"dev/mqueue", NO_SUID_DEV_EXEC, c""),
    early(c"tmpfs", c"run", NO_SUID_DEV, c"mode=0755"),
    early(c"tmpfs", c"tmp", NO_SUID_DEV, c"mode=1777"),
    early(c"cgroup2", c"sys/fs/cgroup", NO_SUID_DEV_EXEC, c"nsdelegate,memory_recursiveprot"),
];

const fn early(
    filesystem: &'static CStr,
    target: &'static CStr,
    flags: MountFlags,
    options: &'static CStr,
) -> EarlyMount {
    EarlyMount { filesystem, target, flags, options }
}

/// /dev/fd and its like, which devtmpfs does not have.
const LINKS: [(&CStr, &CStr); 4] = [
    (c"dev/fd", c"/proc/self/fd"),
    (c"dev/stdin", c"/proc/self/fd/0"),
    (c"dev/stdout", c"/proc/self/fd/1"),
    (c"dev/stderr", c"/proc/self/fd/2"),
];

/// Makes the mounts and the links.
pub fn mount_all() {
    // No working directory but the root, so the tables need no leading slash.
    tell::failed("enter /", rustix::process::chdir(c"/"));
    for early in &EARLY_MOUNTS {
        let done = mount_one(early);
        if let Err(errno) = done {
            tell::failure(&Error::os(fill("mount % on /%", &[shown(early.filesystem), shown(early.target)]), errno));
        }
    }
    for (name, target) in LINKS {
        // The initramfs may have its own.
        let _there = device::make_link(rustix::fs::CWD, name, target);
    }
}

/// A file system that is mounted already, or that this kernel does not have, is no failure.
fn mount_one(early: &EarlyMount) -> rustix::io::Result<()> {
    let _there = device::make_directory(rustix::fs::CWD, early.target);
    let mount = |options| mount::mount_here(early.target, early.filesystem, options, early.flags);
    let mut done = mount(early.options);
    if done == Err(Errno::INVAL) {
        // Older kernels know fewer options of cgroup2 and devpts.
        done = mount(c"");
    }
    match done {
        Err(Errno::BUSY | Errno::NODEV) => Ok(()),
        done => done,
    }
}
