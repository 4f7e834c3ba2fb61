//! What every system has before anything else can work: the early mounts, the links of /dev, the control groups.

use std::ffi::CStr;

use crate::linux;
use crate::linux::fs::CWD;
use crate::linux::io::Errno;
use crate::linux::mount::MountFlags;
use crate::linux::process::{Resource, Rlimit, setrlimit};

use crate::error::Error;
use crate::kernel::file::read_text;
use crate::kernel::{device, mount};
use crate::life::boot::tell;
use crate::text::{fill, lines, shown};

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

const EARLY_MOUNTS: [EarlyMount; 8] = [
    early(c"devtmpfs", c"dev", NO_SUID, c"mode=0755"),
    early(c"proc", c"proc", NO_SUID_DEV_EXEC, c""),
    early(c"sysfs", c"sys", NO_SUID_DEV_EXEC, c""),
    early(c"devpts", c"dev/pts", NO_SUID_EXEC, c"gid=5,mode=620,ptmxmode=666"),
    early(c"tmpfs", c"dev/shm", NO_SUID_DEV, c"mode=1777"),
    early(c"tmpfs", c"run", NO_SUID_DEV, c"mode=0755"),
    early(c"tmpfs", c"tmp", NO_SUID_DEV, c"mode=1777"),
    early(c"cgroup2", c"sys/fs/cgroup", NO_SUID_DEV_EXEC, c"nsdelegate,memory_recursiveprot"),
];

/// Those that a kernel may have or not.
const OPTIONAL_MOUNTS: [EarlyMount; 7] = [
    early(c"mqueue", c"dev/mqueue", NO_SUID_DEV_EXEC, c""),
    early(c"securityfs", c"sys/kernel/security", NO_SUID_DEV_EXEC, c""),
    early(c"debugfs", c"sys/kernel/debug", NO_SUID_DEV_EXEC, c""),
    early(c"tracefs", c"sys/kernel/tracing", NO_SUID_DEV_EXEC, c""),
    early(c"bpf", c"sys/fs/bpf", NO_SUID_DEV_EXEC, c"mode=700"),
    early(c"efivarfs", c"sys/firmware/efi/efivars", NO_SUID_DEV_EXEC, c""),
    early(c"pstore", c"sys/fs/pstore", NO_SUID_DEV_EXEC, c""),
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

/// As systemd has it: select(2) knows no descriptor above 1023, and who needs more may ask for them.
pub fn limit_files() {
    let limit = Rlimit { current: Some(1024), maximum: Some(1 << 19) };
    tell::failed("limit open files", setrlimit(Resource::Nofile, limit));
}

/// Makes the mounts and the links.
pub fn mount_all() {
    // No working directory but the root, so the tables need no leading slash.
    tell::failed("enter /", linux::process::chdir(c"/"));
    EARLY_MOUNTS.iter().for_each(mount_one);
    // To try one that the kernel lacks would have it look for a module.
    let known = read_text(CWD, c"/proc/filesystems").unwrap_or_default();
    let knows = |early: &&EarlyMount| lines(&known).any(|line| line.ends_with(shown(early.filesystem)));
    OPTIONAL_MOUNTS.iter().filter(knows).for_each(mount_one);
    for (name, target) in LINKS {
        // The initramfs may have its own.
        let _there = device::make_link(CWD, name, target);
    }
}

/// A file system that is mounted already, that this kernel does not have, or for which it has no place, is no failure.
fn mount_one(early: &EarlyMount) {
    let _there = device::make_directory(CWD, early.target);
    if mount::is_mounted(early.target) {
        // An init before this one has mounted it: what is there must not be hidden.
        return;
    }
    let mount = |options| mount::mount_here(early.target, early.filesystem, options, early.flags);
    let mut done = mount(early.options);
    if done == Err(Errno::INVAL) {
        // Older kernels know fewer options of cgroup2 and devpts.
        done = mount(c"");
    }
    let place = early.target.to_bytes();
    match done {
        Ok(()) | Err(Errno::BUSY | Errno::NODEV) => {}
        Err(Errno::NOENT) if place.starts_with(b"sys/") => {}
        Err(errno) => {
            let doing = fill("mount % on /%", &[shown(early.filesystem), shown(early.target)]);
            tell::failure(&Error::os(doing, errno));
        }
    }
}
