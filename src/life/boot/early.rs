//! What every system has before anything else can work: the early mounts, the links of /dev, the control groups.

use std::ffi::CStr;

use crate::linux;
use crate::linux::fs::CWD;
use crate::linux::io::Errno;
use crate::linux::mount::MountFlags;
use crate::linux::process::{Resource, Rlimit, setrlimit};

use crate::error::Error;
use crate::input::mount::Options;
use crate::input::settings::word;
use crate::kernel::file::read_text;
use crate::kernel::{device, mount};
use crate::life::boot::tell;
use crate::packed::{sentence, text};
use crate::text::{before, lines, words};

/// The file systems that every system has, as fstab(5) has them without a device; a directory is made where it is missing.
const MOUNTS: &str = "\
devtmpfs /dev nosuid,mode=0755
proc /proc nosuid,nodev,noexec
sysfs /sys nosuid,nodev,noexec
devpts /dev/pts nosuid,noexec,gid=5,mode=620,ptmxmode=666
tmpfs /dev/shm nosuid,nodev,mode=1777
tmpfs /run nosuid,nodev,mode=0755
tmpfs /tmp nosuid,nodev,mode=1777
cgroup2 /sys/fs/cgroup nosuid,nodev,noexec,nsdelegate,memory_recursiveprot
";

/// Those that a kernel may have or not.
const OPTIONAL_MOUNTS: &str = "\
mqueue /dev/mqueue nosuid,nodev,noexec
securityfs /sys/kernel/security nosuid,nodev,noexec
debugfs /sys/kernel/debug nosuid,nodev,noexec
tracefs /sys/kernel/tracing nosuid,nodev,noexec
bpf /sys/fs/bpf nosuid,nodev,noexec,mode=700
efivarfs /sys/firmware/efi/efivars nosuid,nodev,noexec
pstore /sys/fs/pstore nosuid,nodev,noexec
";

/// /dev/fd and its like, which devtmpfs does not have.
const LINKS: [(&CStr, &CStr); 4] = [
    (c"/dev/fd", c"/proc/self/fd"),
    (c"/dev/stdin", c"/proc/self/fd/0"),
    (c"/dev/stdout", c"/proc/self/fd/1"),
    (c"/dev/stderr", c"/proc/self/fd/2"),
];

/// As systemd has it: select(2) knows no descriptor above 1023, and who needs more may ask for them.
pub fn limit_files() {
    let limit = Rlimit { current: Some(1024), maximum: Some(1 << 19) };
    tell::failed(sentence!("limit open files"), setrlimit(Resource::Nofile, limit));
}

/// Makes the mounts and the links.
pub fn mount_all() {
    tell::failed(sentence!("enter /"), linux::process::chdir(c"/"));
    lines(MOUNTS).for_each(mount_one);
    // To try one that the kernel lacks would have it look for a module.
    let known = read_text(CWD, c"/proc/filesystems").unwrap_or_default();
    for mount in lines(OPTIONAL_MOUNTS) {
        if lines(known).any(|line| line.ends_with(before(mount, b' '))) {
            mount_one(mount);
        }
    }
    for (name, target) in &LINKS {
        // The initramfs may have its own.
        let _there = device::make_link(CWD, name, target);
    }
}

/// A file system that is mounted already, that this kernel does not have, or for which it has no place, is no failure.
fn mount_one(line: &str) {
    let [filesystem, target, options] = *words(line) else { return };
    let (place, options) = (word(target), Options::parse(options));
    let _there = device::make_directory(CWD, place);
    if mount::is_mounted(place) {
        // An init before this one has mounted it: what is there must not be hidden.
        return;
    }
    let flags = MountFlags::from_bits_retain(options.flags);
    let mount = |options| mount::mount_here(place, word(filesystem), word(options), flags);
    let mut done = mount(&options.data);
    if done == Err(Errno::INVAL) {
        // Older kernels know fewer options of cgroup2 and devpts.
        done = mount("");
    }
    match done {
        Ok(()) | Err(Errno::BUSY | Errno::NODEV) => {}
        Err(Errno::NOENT) if target.starts_with("/sys/") => {}
        Err(errno) => tell::failure(&Error::os(text!("mount % on %", filesystem, target), errno)),
    }
}
