//! The end of what is mounted: swap is switched off, and every file system that keeps something becomes read-only and is
//! unmounted, the last one first.

use crate::linux::fs::CWD;
use crate::linux::mount::{MountFlags, UnmountFlags, mount_remount, unmount};

use crate::error::Error;
use crate::kernel::cgroup::mounts::unescape;
use crate::kernel::{file, mount};
use crate::packed::text;
use crate::sys;
use crate::text::{cut, kept_one, lines, place};

/// Those that keep nothing.
const KEEP_NOTHING: &str = "rootfs\ntmpfs\nramfs\ndevtmpfs\nproc\nsysfs\ndevpts\ncgroup\ncgroup2\nmqueue\nsecurityfs\ndebugfs\n\
tracefs\nbpf\nefivarfs\npstore\nconfigfs\nhugetlbfs\nbinfmt_misc\nautofs\nfusectl\nnsfs";

/// Ends them all; what fails is told.
pub fn all(tell: &mut dyn FnMut(Error)) {
    let swaps = file::read_text(CWD, c"/proc/swaps").unwrap_or_default();
    for line in lines(swaps).skip(1) {
        let path = unescape(cut(line, b' ').map_or(line, |(path, _)| path));
        if let Err(errno) = sys::mount::swapoff(kept_one(path.as_bytes())) {
            tell(Error::os(text!("switch off swap on %", &path), errno));
        }
    }
    let mut points = Vec::new();
    mount::each(&mut |fields| {
        let kind = fields.iter().skip_while(|field| **field != "-").nth(1);
        if let (Some(point), Some(kind)) = (fields.get(4), kind)
            && place(KEEP_NOTHING, kind.as_bytes()).is_none()
        {
            points.push(unescape(point));
        }
    });
    for point in points.iter().rev() {
        let path = kept_one(point.as_bytes());
        // First of all: what an overlay lies on can be unmounted, and is written to all the same.
        let done = mount_remount(path, MountFlags::RDONLY, c"");
        let is_gone = *point != "/" && unmount(path, UnmountFlags::NOFOLLOW).is_ok();
        if let (Err(errno), false) = (done, is_gone) {
            tell(Error::os(text!("unmount %, or make it read-only", point), errno));
        }
    }
}
