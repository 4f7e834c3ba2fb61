//! The `mount` lines of contain.conf.

use crate::linux::fs::CWD;

use crate::input::mount::Options;
use crate::kernel::device;
use crate::life::boot::source::Source;
use crate::life::boot::tell;
use crate::machine::{FOR_EVER, Machine, PATIENCE};
use crate::text::{kept_one, shown};

/// Mounts one after the other; what fails is told by file and line.
#[inline(never)]
pub fn mount_all(machine: &Machine) {
    for mount in &machine.mounts {
        let options = Options::parse(mount.options);
        // The directories on the way, too.
        let path = mount.target.to_bytes();
        for end in 1..=path.len() {
            if end == path.len() || path.get(end) == Some(&b'/') {
                let _there = device::make_directory(CWD, kept_one(path.get(..end).unwrap_or_default()));
            }
        }
        let name = if mount.source.is_empty() { mount.filesystem } else { mount.source };
        let patience = if options.wait { FOR_EVER } else { PATIENCE };
        let (name, filesystem) = (shown(name), shown(mount.filesystem));
        let source = Source { place: mount.place, name, filesystem, options, patience };
        if let Err(error) = source.mount(mount.target) {
            tell::failure(&error);
        }
    }
}
