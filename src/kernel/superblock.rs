//! What a file or a block device holds, by its superblock: the file system, its UUID and its label; and what a disk's table
//! of partitions calls one of them. All of it may be hostile or damaged: nothing read here leads anywhere but to bytes
//! that are there. Nothing allocates, for process 1 may look again and again while it waits for its root.

use std::ffi::CStr;
use std::os::fd::BorrowedFd;

use rustix::io::{Result, pread};

use crate::text::Word;

/// Longer than any UUID, label or device path.
pub type Name = heapless::Vec<u8, 256>;

/// Adds to a name what has room.
pub fn put(name: &mut Name, bytes: &[u8]) {
    for byte in bytes {
        let _full = name.push(*byte);
    }
}

struct Magic {
    at: u16,
    kind: &'static CStr,
    magic: &'static [u8],
    /// Where the UUID is, and how it is written; and the label, with its length. 0 for none.
    uuid: (u16, &'static [u8]),
    label: (u16, u8),
}

/// The bytes of a UUID in the order of their digits, and its dashes.
const UUID: &[u8] = b"\x00\x01\x02\x03-\x04\x05-\x06\x07-\x08\x09-\x0a\x0b\x0c\x0d\x0e\x0f";
const GUID: &[u8] = b"\x03\x02\x01\x00-\x05\x04-\x07\x06-\x08\x09-\x0a\x0b\x0c\x0d\x0e\x0f";
const FAT_ID: &[u8] = b"\x03\x02-\x01\x00";
const DISK_ID: &[u8] = b"\x03\x02\x01\x00";

const fn magic(at: u16, kind: &'static CStr, magic: &'static [u8]) -> Magic {
    Magic { at, kind, magic, uuid: (0, UUID), label: (0, 0) }
}

const fn named(magic: Magic, uuid: u16, label: (u16, u8)) -> Magic {
    Magic { uuid: (uuid, UUID), label, ..magic }
}

const fn fat(at: u16, magic: &'static [u8], uuid: u16) -> Magic {
    Magic { at, kind: c"vfat", magic, uuid: (uuid, FAT_ID), label: (uuid + 4, 11) }
}

/// Only what comes before is taken for a rootfs image.
pub const IMAGES: usize = 8;

/// The rows are looked for in this order.
const MAGIC: &[Magic] = &[
    magic(0, c"squashfs", b"hsqs"),
    named(magic(1024, c"erofs", b"\xe2\xe1\xf5\xe0"), 1072, (1088, 16)),
    named(magic(1080, c"ext4", b"\x53\xef"), 1128, (1144, 16)),
    magic(257, c"tar", b"ustar"),
    magic(0, c"tar", b"\x1f\x8b"),
    magic(0, c"tar", b"\xfd7zXZ"),
    magic(0, c"tar", b"\x28\xb5\x2f\xfd"),
    magic(0, c"tar", b"BZh"),
    named(magic(0, c"xfs", b"XFSB"), 32, (108, 12)),
    named(magic(FAR + 64, c"btrfs", b"_BHRfS_M"), FAR + 32, (FAR + 299, 255)),
    fat(82, b"FAT32   ", 67),
    fat(54, b"FAT1", 39),
];

/// What is looked at: the beginning, and behind it in the buffer what lies at 64 KiB, the superblock of btrfs.
const FAR: u16 = 2048;
pub struct Head([u8; FAR as usize + 1024]);

impl Head {
    pub fn read(file: BorrowedFd<'_>) -> Result<Head> {
        let mut head = Head([0; _]);
        let (near, far) = head.0.split_at_mut(FAR.into());
        pread(file, near, 0)?;
        pread(file, far, 1 << 16)?;
        Ok(head)
    }

    fn at(&self, at: u16) -> &[u8] {
        self.0.get(usize::from(at)..).unwrap_or_default()
    }

    fn row(&self) -> Option<usize> {
        MAGIC.iter().position(|row| self.at(row.at).starts_with(row.magic))
    }

    /// The file system of an image, `tar` for an archive, or nothing.
    pub fn image(&self) -> Word {
        self.row().and_then(|row| MAGIC.get(..IMAGES)?.get(row)).map_or(c"", |row| row.kind)
    }

    /// The file system of a device, or nothing; its UUID and its label.
    pub fn tell(&self, uuid: &mut Name, label: &mut Name) -> Word {
        let Some(row) = self.row().and_then(|row| MAGIC.get(row)) else { return c"" };
        if row.uuid.0 > 0 {
            put_id(uuid, self.at(row.uuid.0), row.uuid.1);
        }
        let bytes = self.at(row.label.0).get(..row.label.1.into()).unwrap_or_default();
        let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default().trim_ascii_end();
        if bytes != b"NO NAME" {
            put(label, bytes);
        }
        row.kind
    }
}

/// Writes an id in hexadecimal digits, unless it is all zero.
fn put_id(name: &mut Name, bytes: &[u8], written: &[u8]) {
    let bytes = bytes.get(..16).unwrap_or(bytes);
    if written.iter().all(|place| bytes.get(usize::from(*place)).is_none_or(|byte| *byte == 0)) {
        return;
    }
    for place in written {
        match bytes.get(usize::from(*place)) {
            Some(byte) if *place != b'-' => {
                for digit in [byte >> 4, byte & 15] {
                    put(name, &[if digit < 10 { b'0' + digit } else { b'a' - 10 + digit }]);
                }
            }
            _ => put(name, b"-"),
        }
    }
}

/// The PARTUUID of a partition by its number, from 1 on: that of the GPT, else disk and number of the MBR, as the kernel makes it.
pub fn partition(disk: BorrowedFd<'_>, number: u32, name: &mut Name) -> Result<()> {
    let mut block = [0; 512];
    // The table's head is in the second block of the disk, whatever a block is.
    for size in [512u64, 4096] {
        pread(disk, &mut block, size)?;
        if block.starts_with(b"EFI PART") {
            let long =
                |at: usize| block.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |it| u64::from_le_bytes(*it));
            let (first, entry) = (long(72), long(84) & 0xffff_ffff);
            let before = u64::from(number.wrapping_sub(1)).wrapping_mul(entry);
            let mut id = [0; 16];
            // Where this is no place of the disk, nothing is read.
            pread(disk, &mut id, first.wrapping_mul(size).wrapping_add(before).wrapping_add(16) & (u64::MAX >> 1))?;
            put_id(name, &id, GUID);
            return Ok(());
        }
    }
    pread(disk, &mut block, 0)?;
    if block.ends_with(b"\x55\xaa") {
        put_id(name, block.get(440..).unwrap_or_default(), DISK_ID);
        put(name, b"-");
        put_id(name, &[number as u8], b"\x00");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
