//! What is to be mounted, and from where: devices by path, UUID or label are waited for, and told of where they do not come.

use std::ffi::CStr;
use std::time::Duration;

use crate::linux::io::Errno;

use crate::error::{Error, Result};
use crate::input::mount::{self, Options};
use crate::kernel::disk::{self, Events};
use crate::kernel::mount::mount_as;
use crate::kernel::superblock::Names;
use crate::life::boot::modules;
use crate::log;
use crate::packed::text;
use crate::sys::clock::since_boot as now;
use crate::sys::watchdog;
use crate::text::{fill, kept_one, lines, shown, split};

/// A file system to be mounted.
pub struct Source<'a> {
    /// Where it is written: `root=`, or file and line.
    pub place: &'a str,
    /// As the device is written there, or whatever the file system takes for one.
    pub name: &'a str,
    /// Several with commas between are tried one after the other; none, or `auto`, where the superblock tells.
    pub filesystem: &'a str,
    pub options: Options,
    /// How long a device is waited for, in microseconds.
    pub patience: u64,
}

impl Source<'_> {
    /// Mounts it, by the device once that is there.
    pub fn mount(&self, target: &CStr) -> Result<()> {
        let no_device = self.options.flags & (mount::BIND | mount::MOVE | mount::REMOUNT) != 0;
        let (mut path, mut filesystem) = (self.name, self.filesystem);
        let device;
        if let Some(meant) = disk::meant(path).filter(|_| !no_device) {
            device = self.wait(meant).ok_or_else(|| self.missing())?;
            let text = disk::text(&device);
            path = lines(text).next().unwrap_or_default();
            if matches!(filesystem, "" | "auto") {
                filesystem = disk::value(text, "TYPE=");
            }
        }
        if filesystem.is_empty() && !no_device {
            let text =
                text!("%: on % is no file system that contain knows: name it, with rootfstype= or in place of auto");
            return Err(Error::new(fill(text, &[self.place, self.name])));
        }
        let (path, data) = (kept_one(path.as_bytes()), kept_one(self.options.data.as_bytes()));
        let (mut done, mut flags) = (Err(Errno::NODEV), self.options.flags);
        for one in split(filesystem, b',') {
            let kind = kept_one(one.as_bytes());
            for _ in 0..3 {
                done = mount_as(path, target, kind, flags, data);
                match done {
                    // The kernel asks modprobe(8) for it, where there is one.
                    Err(Errno::NODEV) => modules::load(&[one]),
                    // The device cannot be written to.
                    Err(Errno::ACCESS | Errno::ROFS) => flags |= mount::READ_ONLY,
                    _ => break,
                }
            }
            if done.is_ok() {
                break;
            }
        }
        let told = || text!("%: mount % (%) on %", self.place, self.name, filesystem, shown(target));
        done.map_err(|errno| Error::os(told(), errno))
    }

    fn wait(&self, meant: (&str, &str)) -> Option<Names> {
        // From before the first look on: what comes meanwhile is an event.
        let events = Events::open();
        let until = now() + self.patience;
        let mut told = false;
        loop {
            let found = disk::find(meant);
            let left = until.saturating_sub(now());
            if found.is_some() || left == 0 {
                return found;
            }
            if !std::mem::replace(&mut told, true) {
                log::error(text!("%: waiting for %", self.place, self.name));
            }
            let left = Duration::from_micros(watchdog::feed().saturating_sub(now()).min(left));
            match &events {
                Ok(events) => events.wait(left),
                // A kernel without sockets.
                Err(_) => crate::linux::thread::sleep(100_000_000),
            }
            modules::plug();
        }
    }

    /// That the device did not come, and which there are.
    fn missing(&self) -> Error {
        let mut list = String::new();
        disk::each(&mut |device| {
            list.push_str(if list.is_empty() { text!("; there are") } else { "," });
            for part in lines(disk::text(&device)) {
                list.extend([" ", part]);
            }
        });
        if list.is_empty() {
            list.push_str(text!(", nor any other: name their drivers in contain.modules="));
        }
        Error::new(text!("%: there is no device %%", self.place, self.name, &list))
    }
}
