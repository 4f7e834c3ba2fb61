//! What a file or a block device holds, by its superblock: the file system, its UUID and its label; and what a disk's table
//! of partitions calls one of them. All of it may be hostile or damaged: nothing read here leads anywhere but to bytes
//! that are there. Nothing allocates, for process 1 may look again and again while it waits for its root.

use std::ffi::CStr;
use std::os::fd::BorrowedFd;

use crate::linux::io::{Result, pread};

use crate::text::{Word, utf8};

/// What is known of a device: its path, and `KEY=VALUE` lines. No label is longer than a fifth of it.
pub type Names = heapless::Vec<u8, 1024>;

/// Adds what has room.
pub fn put(names: &mut Names, bytes: &[u8]) {
    for byte in bytes {
        let _full = names.push(*byte);
    }
}

struct Magic {
    at: u16,
    /// Where the UUID is, and the label, with its length. 0 for none.
    uuid: u16,
    label: u16,
    length: u8,
    kind: &'static CStr,
    magic: &'static [u8],
}

/// The bytes of an id in the order of their digits, and its dashes.
const UUID: &[u8] = b"\x00\x01\x02\x03-\x04\x05-\x06\x07-\x08\x09-\x0a\x0b\x0c\x0d\x0e\x0f";
const GUID: &[u8] = b"\x03\x02\x01\x00-\x05\x04-\x07\x06-\x08\x09-\x0a\x0b\x0c\x0d\x0e\x0f";
const FAT_ID: &[u8] = b"\x03\x02-\x01\x00";
const DISK_ID: &[u8] = b"\x03\x02\x01\x00";

const fn magic(at: u16, kind: &'static CStr, magic: &'static [u8], uuid: u16, label: (u16, u8)) -> Magic {
    Magic { at, uuid, label: label.0, length: label.1, kind, magic }
}

/// Only what comes before is taken for a rootfs image.
pub const IMAGES: usize = 8;

/// The rows are looked for in this order.
const MAGIC: &[Magic] = &[
    magic(0, c"squashfs", b"hsqs", 0, (0, 0)),
    magic(1024, c"erofs", b"\xe2\xe1\xf5\xe0", 1072, (1088, 16)),
    magic(1080, c"ext4", b"\x53\xef", 1128, (1144, 16)),
    magic(257, c"tar", b"ustar", 0, (0, 0)),
    magic(0, c"tar", b"\x1f\x8b", 0, (0, 0)),
    magic(0, c"tar", b"\xfd7zXZ", 0, (0, 0)),
    magic(0, c"tar", b"\x28\xb5\x2f\xfd", 0, (0, 0)),
    magic(0, c"tar", b"BZh", 0, (0, 0)),
    magic(0, c"xfs", b"XFSB", 32, (108, 12)),
    magic(FAR + 64, c"btrfs", b"_BHRfS_M", FAR + 32, (FAR + 299, 255)),
    magic(82, c"vfat", b"FAT32   ", 67, (71, 11)),
    magic(54, c"vfat", b"FAT1", 39, (43, 11)),
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

    /// Adds the file system of a device, its UUID and its label.
    pub fn tell(&self, names: &mut Names) {
        let Some(row) = self.row().and_then(|row| MAGIC.get(row)) else { return };
        put(names, b"\nTYPE=");
        put(names, row.kind.to_bytes());
        if row.uuid > 0 {
            let written = if row.kind == c"vfat" { FAT_ID } else { UUID };
            put_id(names, b"\nUUID=", self.at(row.uuid), written);
        }
        let bytes = self.at(row.label).get(..row.length.into()).unwrap_or_default();
        let end = bytes.iter().position(|byte| *byte < b' ').unwrap_or(bytes.len());
        let mut label = bytes.get(..end).and_then(|bytes| utf8(bytes)).unwrap_or_default();
        while let Some(shorter) = label.strip_suffix(' ') {
            label = shorter;
        }
        if !label.is_empty() && label != "NO NAME" {
            put(names, b"\nLABEL=");
            put(names, label.as_bytes());
        }
    }
}

/// Adds an id in hexadecimal digits, unless it is all zero.
fn put_id(names: &mut Names, key: &[u8], bytes: &[u8], written: &[u8]) {
    let byte = |place: &u8| if *place == b'-' { None } else { bytes.get(usize::from(*place)) };
    if written.iter().filter_map(byte).all(|byte| *byte == 0) {
        return;
    }
    put(names, key);
    for place in written {
        match byte(place) {
            Some(byte) => {
                for &digit in &[byte >> 4, byte & 15] {
                    put(names, &[if digit < 10 { b'0' + digit } else { b'a' - 10 + digit }]);
                }
            }
            None => put(names, b"-"),
        }
    }
}

/// Adds the PARTUUID of a partition by its number, from 1 on: that of the GPT, else disk and number of the MBR, as the kernel
/// makes it.
pub fn partition(disk: BorrowedFd<'_>, number: u32, names: &mut Names) -> Result<()> {
    const KEY: &[u8] = b"\nPARTUUID=";
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
            put_id(names, KEY, &id, GUID);
            return Ok(());
        }
    }
    pread(disk, &mut block, 0)?;
    if block.ends_with(b"\x55\xaa") {
        put_id(names, KEY, block.get(440..).unwrap_or_default(), DISK_ID);
        put_id(names, b"-", &[number as u8], b"\x00");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
