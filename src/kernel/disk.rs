//! The block devices of the machine by sysfs, which one is meant, and waiting for one that is yet to come. Nothing
//! allocates, for process 1 may wait for days.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, FileType, Mode, OFlags, SeekFrom, fstat, openat, seek};
use rustix::io::{Result, read};
use rustix::net::netlink::{KOBJECT_UEVENT, SocketAddrNetlink};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};

use crate::kernel::file::{names, read_start};
use crate::kernel::root;
use crate::kernel::superblock::{Head, Name, partition, put};
use crate::text::{Word, decimal, lines};

/// How a device is named but by its path; in this order stand its names, behind the path. The second half is udev's.
const KEYS: [&str; 8] = [
    "UUID=",
    "LABEL=",
    "PARTUUID=",
    "PARTLABEL=",
    "/dev/disk/by-uuid/",
    "/dev/disk/by-label/",
    "/dev/disk/by-partuuid/",
    "/dev/disk/by-partlabel/",
];

/// A device: its file system, empty for none that is known, and its names.
pub struct Device {
    pub kind: Word,
    names: [Name; 5],
}

impl Device {
    /// The path below /dev.
    pub fn path(&self) -> &CStr {
        let [path, ..] = &self.names;
        CStr::from_bytes_until_nul(path).unwrap_or_default()
    }

    /// The names but the path, each with what it is.
    pub fn tags(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        let [_, tags @ ..] = &self.names;
        KEYS.into_iter().zip(tags).filter(|(_, name)| !name.is_empty()).map(|(key, name)| (key, &name[..]))
    }
}

/// Which of its names this is, and that. None where it is neither a path nor one of the keys.
pub fn meant(wanted: &str) -> Option<(usize, &str)> {
    for (which, key) in KEYS.iter().enumerate() {
        if let Some(name) = wanted.strip_prefix(key) {
            return Some((1 + which % 4, name));
        }
    }
    wanted.starts_with('/').then_some((0, wanted))
}

/// The device that is meant, where it is there.
pub fn find((which, wanted): (usize, &str)) -> Option<Device> {
    let mut found = None;
    if which == 0 {
        // Nodes may have been made by others, and links.
        let mut path = Name::new();
        put(&mut path, wanted.as_bytes());
        return look(path);
    }
    each(&mut |device| {
        let same = device.names.get(which).is_some_and(|name| match which {
            // UUIDs are numbers, which some write in capitals.
            1 | 3 => name.eq_ignore_ascii_case(wanted.as_bytes()),
            _ => name == wanted.as_bytes(),
        });
        if same && found.is_none() {
            found = Some(device);
        }
    });
    found
}

/// Hands on every device that has a size.
pub fn each(take: &mut dyn FnMut(Device)) {
    let Ok(all) = root::open(c"/sys/class/block") else { return };
    let _rest = names(all.as_fd(), &mut |name| {
        if name.to_bytes().starts_with(b".") {
            return;
        }
        let mut own = [0; 1024];
        let told = uevent(name, b"", &mut own);
        let Some(mut device) = look(path(told)) else { return };
        let [.., part_uuid, part_label] = &mut device.names;
        if let Some(number) = decimal(value(told, "PARTN=")) {
            put(part_label, value(told, "PARTNAME=").as_bytes());
            let mut disk = [0; 1024];
            if let Some(disk) = open(&path(uevent(name, b"/..", &mut disk))) {
                let _unread = partition(disk.as_fd(), number as u32, part_uuid);
            }
        }
        take(device);
    });
}

/// What the kernel tells of a device: `KEY=VALUE` lines.
fn uevent<'a>(name: &CStr, above: &[u8], buffer: &'a mut [u8; 1024]) -> &'a str {
    let mut path = Name::new();
    for part in [b"/sys/class/block/", name.to_bytes(), above, b"/uevent\0"] {
        put(&mut path, part);
    }
    let length = read_start(CStr::from_bytes_until_nul(&path).unwrap_or_default(), buffer).unwrap_or(0);
    buffer.get(..length).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default()
}

fn value<'a>(told: &'a str, key: &str) -> &'a str {
    lines(told).find_map(|line| line.strip_prefix(key)).unwrap_or_default()
}

fn path(told: &str) -> Name {
    let mut path = Name::new();
    put(&mut path, b"/dev/");
    put(&mut path, value(told, "DEVNAME=").as_bytes());
    path
}

/// The block device at a path, which gets its closing zero.
fn open(path: &Name) -> Option<OwnedFd> {
    // A drive without a disk in it is not waited for.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = openat(CWD, CStr::from_bytes_until_nul(path).ok()?, flags, Mode::empty()).ok()?;
    (FileType::from_raw_mode(fstat(&file).ok()?.st_mode) == FileType::BlockDevice).then_some(file)
}

fn look(mut path: Name) -> Option<Device> {
    put(&mut path, b"\0");
    let file = open(&path)?;
    if seek(&file, SeekFrom::End(0)) == Ok(0) {
        return None;
    }
    let mut device = Device { kind: c"", names: Default::default() };
    let [own, uuid, label, ..] = &mut device.names;
    *own = path;
    device.kind = Head::read(file.as_fd()).ok()?.tell(uuid, label);
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
