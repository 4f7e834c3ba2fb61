//! What is wanted of the machine: read from where it may be written down.

use std::ffi::CStr;
use std::os::fd::AsFd;

use crate::linux::fs::{CWD, FileType, Mode, OFlags, fstat, openat};
use crate::linux::io::{Errno, Result};

use crate::error::Error;
use crate::input::cmdline::CommandLine;
use crate::input::settings::Settings;
use crate::input::{conf, inittab};
use crate::kernel::file;
use crate::life::boot::{modules, tell};
use crate::machine::Machine;
use crate::packed::text;
use crate::text::{shown, split};

/// Where contain.conf may be, beside what contain.config= names.
const PLACES: [&CStr; 3] = [c"/run/contain.conf", c"/etc/contain.conf", FIRMWARE];
/// What `qemu -fw_cfg name=opt/contain.conf` gives.
const FIRMWARE: &CStr = c"/sys/firmware/qemu_fw_cfg/by_name/opt/contain.conf/raw";

/// More than any file of settings has; of a longer one the rest is left out.
const MOST: usize = 1 << 20;

/// Reads the first file of settings that there is (the hypervisor's may need a module, if that is asked for by name), then the
/// kernel command line, which wins. What makes no sense there is told and left out.
pub fn read() -> &'static Machine {
    let line = command_line();
    let tell = &mut |error| tell::failure(&error);
    let mut settings = Settings::new(tell);
    let named = line.value("contain.config");
    let mut found = named.iter().chain(&PLACES).find_map(|path| read_file(path, named == Some(path)));
    const MODULE: &str = "qemu_fw_cfg";
    if found.is_none()
        && line.value("contain.modules").is_some_and(|all| split(shown(all), b',').any(|one| one == MODULE))
    {
        modules::load(&[MODULE]);
        found = read_file(FIRMWARE, false);
    }
    if let Some((path, bytes)) = found {
        settings.machine.has_file = true;
        conf::read(&mut settings, path, bytes);
    }
    settings.read_line(&line);
    // Where nobody has said what to run, busybox's own file may.
    if found.is_none()
        && settings.machine.command.is_empty()
        && let Some((path, bytes)) = read_file(c"/etc/inittab", false)
    {
        inittab::read(&mut settings, path, bytes);
    }
    settings.decide()
}

/// The kernel's own.
pub fn command_line() -> CommandLine {
    CommandLine::parse(&read_whole(c"/proc/cmdline").unwrap_or_default())
}

/// A file's path and what it holds, where there is one; one that cannot be read is told, and one that must be there.
fn read_file(path: &'static CStr, must: bool) -> Option<(&'static str, &'static [u8])> {
    let path_shown = shown(path);
    match read_whole(path) {
        Ok(bytes) => {
            if bytes.len() == MOST {
                let text = text!("%: it is longer than 1 MB, and the rest is left out", path_shown);
                tell::failure(&Error::new(text));
            }
            Some((path_shown, bytes.leak()))
        }
        Err(Errno::NOENT) if !must => None,
        Err(errno) => {
            tell::failure(&Error::os(text!("read %", path_shown), errno));
            None
        }
    }
}

fn read_whole(path: &CStr) -> Result<Vec<u8>> {
    let file = openat(CWD, path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?;
    match FileType::from_raw_mode(fstat(&file)?.st_mode) {
        // A pipe or a terminal would keep the boot waiting.
        FileType::RegularFile | FileType::Directory => file::read_all(file.as_fd(), MOST),
        _ => Err(Errno::NOTSUP),
    }
}
