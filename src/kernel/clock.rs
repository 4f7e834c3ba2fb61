//! The real-time clock, stepped to one that knows better: the hypervisor's, or the one on a battery where the kernel has not
//! read it.

use std::os::fd::AsFd;

use crate::linux::fs::{CWD, Mode, OFlags, openat};
use crate::linux::io::Result;

use crate::kernel::file;
use crate::packed::text;
use crate::sys::clock::{self, REAL, Time};
use crate::text::{decimal, digits, kept_two, lines, place};

/// How the clocks of hypervisors are called in /sys/class/ptp. That of a network card says nothing before somebody sets it.
const HYPERVISORS: &str = "KVM virtual PTP\nhyperv\nptp_vmclock\nptp_vmw";
/// A clock that says less than 2025 was never set.
const NEVER_SET: i64 = 1_735_689_600;

/// Steps the clock where it is wrong; says by what.
pub fn step() -> Result<Option<&'static str>> {
    let now = clock::read(REAL)?;
    if let Some((name, time)) = hypervisors() {
        let off = millis(now).abs_diff(millis(time)) / 1000;
        if off == 0 {
            return Ok(None);
        }
        clock::set(time)?;
        return Ok(Some(text!("the clock was off by % s: set by %", digits(off), &name)));
    }
    match battery() {
        Some(time) if now.0 < NEVER_SET && time.0 >= NEVER_SET => {
            clock::set(time)?;
            Ok(Some(text!("the clock was not set: set by /dev/rtc0")))
        }
        _ => Ok(None),
    }
}

fn millis((seconds, nanoseconds): Time) -> i64 {
    seconds.saturating_mul(1000) + nanoseconds / 1_000_000
}

/// The clock of a hypervisor, its name and its time.
fn hypervisors() -> Option<(String, Time)> {
    let clocks = openat(CWD, c"/sys/class/ptp", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let clocks = clocks.ok()?;
    let mut found = None;
    let _some = file::names(clocks.as_fd(), &mut |clock| {
        let text = file::read_text(clocks.as_fd(), kept_two(clock.to_bytes(), b"/clock_name")).unwrap_or_default();
        let Some(name) = lines(text).next().filter(|name| place(HYPERVISORS, name.as_bytes()).is_some()) else {
            return;
        };
        let device = openat(CWD, kept_two(b"/dev/", clock.to_bytes()), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        if let Ok(time) = device.and_then(|device| clock::read(clock::of_device(device.as_fd()))) {
            found = Some((name.into(), time));
        }
    });
    found
}

/// The clock that goes on while the machine is off; it counts whole seconds.
fn battery() -> Option<Time> {
    let text = file::read_text(CWD, c"/sys/class/rtc/rtc0/since_epoch").ok()?;
    Some((decimal(lines(text).next()?)? as i64, 0))
}
