//! The block devices of the machine by sysfs, which one is meant, and waiting for one that is yet to come. Nothing
//! allocates, for process 1 may wait for days.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use crate::linux::event::{PollFd, PollFlags, Timespec, poll};
use crate::linux::fs::{CWD, FileType, Mode, OFlags, SeekFrom, fstat, openat, seek};
use crate::linux::io::{Result, read};
use crate::linux::net::netlink::{KOBJECT_UEVENT, SocketAddrNetlink};
use crate::linux::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};

use crate::kernel::file::{names, read_start};
use crate::kernel::root;
use crate::kernel::superblock::{Head, Names, partition, put};
use crate::text::{decimal, lines, utf8};

/// How a device is named but by its path, and how udev's links name it.
const KEYS: [(&str, &str); 4] = [
    ("UUID=", "/dev/disk/by-uuid/"),
    ("LABEL=", "/dev/disk/by-label/"),
    ("PARTUUID=", "/dev/disk/by-partuuid/"),
    ("PARTLABEL=", "/dev/disk/by-partlabel/"),
];

/// What is meant by a name: a key and what stands behind it, or no key and a path. None where it is neither.
pub fn meant(wanted: &str) -> Option<(&str, &str)> {
    for (key, link) in &KEYS {
        if let Some(name) = wanted.strip_prefix(key).or_else(|| wanted.strip_prefix(link)) {
            return Some((key, name));
        }
    }
    wanted.starts_with('/').then_some(("", wanted))
}

/// The device that is meant, where it is there.
pub fn find((key, wanted): (&str, &str)) -> Option<Names> {
    if key.is_empty() {
        // Nodes may have been made by others, and links.
        return look(wanted);
    }
    let (mut found, capitals) = (None, wanted.to_ascii_uppercase());
    each(&mut |device| {
        let name = value(text(&device), key);
        // UUIDs are numbers, which some write in capitals.
        let is_number = key.ends_with("UUID=");
        if !wanted.is_empty() && (name == wanted || is_number && name.to_ascii_uppercase() == capitals) {
            found = Some(device);
        }
    });
    found
}

/// What is known of a device, as text: its path and `KEY=VALUE` lines.
pub fn text(device: &Names) -> &str {
    utf8(device).unwrap_or_default()
}

/// Hands on every device that has a size.
pub fn each(take: &mut dyn FnMut(Names)) {
    let Ok(all) = root::open(c"/sys/class/block") else { return };
    let _rest = names(all.as_fd(), &mut |name| {
        let (mut own, mut disk) = ([0; 1024], [0; 1024]);
        let told = uevent(name, b"", &mut own);
        let Some(mut device) = look(text(&path(told))) else { return };
        if let Some(number) = decimal(value(told, "PARTN=")) {
            if let Some(disk) = open(text(&path(uevent(name, b"/..", &mut disk)))) {
                let _unread = partition(disk.as_fd(), number as u32, &mut device);
            }
            put(&mut device, b"\nPARTLABEL=");
            put(&mut device, value(told, "PARTNAME=").as_bytes());
        }
        take(device);
    });
}

/// What the kernel tells of a device: `KEY=VALUE` lines.
fn uevent<'a>(name: &CStr, above: &[u8], buffer: &'a mut [u8; 1024]) -> &'a str {
    let mut path = Names::new();
    for part in [b"/sys/class/block/", name.to_bytes(), above, b"/uevent\0"] {
        put(&mut path, part);
    }
    let length = read_start(CStr::from_bytes_until_nul(&path).unwrap_or_default(), buffer).unwrap_or(0);
    buffer.get(..length).and_then(|text| utf8(text)).unwrap_or_default()
}

/// The value of a `KEY=VALUE` line.
pub fn value<'a>(text: &'a str, key: &str) -> &'a str {
    lines(text).find_map(|line| line.strip_prefix(key)).unwrap_or_default()
}

fn path(told: &str) -> Names {
    let mut path = Names::new();
    put(&mut path, b"/dev/");
    put(&mut path, value(told, "DEVNAME=").as_bytes());
    path
}

/// The block device at a path.
fn open(path: &str) -> Option<OwnedFd> {
    let mut ended = Names::new();
    put(&mut ended, path.as_bytes());
    put(&mut ended, b"\0");
    // A drive without a disk in it is not waited for.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = openat(CWD, CStr::from_bytes_until_nul(&ended).ok()?, flags, Mode::empty()).ok()?;
    fstat(&file).is_ok_and(|found| found.is(FileType::BlockDevice)).then_some(file)
}

fn look(path: &str) -> Option<Names> {
    let file = open(path)?;
    if seek(&file, SeekFrom::End(0)) == Ok(0) {
        return None;
    }
    let mut device = Names::new();
    put(&mut device, path.as_bytes());
    Head::read(file.as_fd()).ok()?.tell(&mut device);
    Some(device)
}

/// The kernel's word of devices that come.
pub struct Events(OwnedFd);

impl Events {
    pub fn open() -> Result<Events> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(KOBJECT_UEVENT))?;
        bind(&socket, &SocketAddrNetlink::new(0, 1))?;
        Ok(Events(socket))
    }

    /// Waits for the next, for so long at most.
    pub fn wait(&self, patience: Duration) {
        let patience = Timespec { tv_sec: patience.as_secs() as i64, tv_nsec: patience.subsec_nanos().into() };
        let _again = poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&patience));
        // An error is word that some have been lost; then there is more to be seen, too.
        while read(&self.0, &mut [0; 2048]).is_ok() {}
    }
}
