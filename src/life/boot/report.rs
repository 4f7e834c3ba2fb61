//! What the world outside hears of the end: the last line on the console, and the same over what the hypervisor has for it.

use std::ffi::CStr;
use std::os::fd::AsFd;

use crate::linux::fs::{CWD, Mode, OFlags, openat};
use crate::linux::io::{Errno, Result};
use crate::linux::stdio::stdout;
use crate::linux::termios::tcdrain;

use crate::kernel::{console, file};
use crate::life::boot::tell;
use crate::log;
use crate::machine::Report;
use crate::packed::{sentence, text};
use crate::supervise::Outcome;
use crate::sys::{port, vsock};
use crate::text::{cut, decimal, digits, kept_two, lines};

/// The virtio port that is looked for where none is named.
const USUAL_PORT: &str = "contain.exit";
/// Where QEMU's isa-debug-exit usually is; it answers 0, and nobody else answers there.
const USUAL_EXIT: u16 = 0xf4;

/// Tells how the command ended. `is_last`: nothing of the machine is to come after that.
pub fn report(outcome: Outcome, to: Report, is_last: bool) {
    // The command's session may have taken the console with it.
    let _none = console::open();
    let (exit, signal) = match outcome {
        Outcome::Exited(status) => (u64::from(status), 0),
        Outcome::Killed(signal) => (0, signal as u64),
    };
    let text = text!("exit=% signal=% oom=%", digits(exit), digits(signal), digits(kills()));
    log::error(text);
    let line = text!("%\n", text);
    let done = match to {
        Report::Off | Report::Serial | Report::Isa(_) => Ok(()),
        Report::Auto => match virtio(USUAL_PORT, line) {
            Err(Errno::NODEV) => Ok(()),
            done => done,
        },
        Report::Virtio(name) => virtio(name, line),
        Report::Vsock(port) => vsock::connect(port).and_then(|host| file::write_all(host.as_fd(), line.as_bytes())),
    };
    tell::failed(sentence!("report the exit status as contain.exit= says"), done);
    let _no_terminal = tcdrain(stdout());
    // QEMU ends with twice the value and one, so more than this has no room; and it ends at once.
    let value = outcome.status().min(127);
    match to {
        Report::Isa(port) if is_last => {
            tell::failed(sentence!("report the exit status to isa-debug-exit"), port::write(port, value))
        }
        Report::Auto if is_last && port::read(USUAL_EXIT) == Ok(0) => drop(port::write(USUAL_EXIT, value)),
        _ => {}
    }
}

/// Has the hypervisor know of a panic that is to come: QEMU's pvpanic, which tells what it takes, and nothing else does there.
pub fn panic() {
    const PANIC: u16 = 0x505;
    if matches!(port::read(PANIC), Ok(1..=15)) {
        let _told = port::write(PANIC, 1);
    }
}

/// How often the kernel has killed for memory.
fn kills() -> u64 {
    let counters = file::read_text(CWD, c"/proc/vmstat").unwrap_or_default();
    let count = |line| cut(line, b' ').filter(|(name, _)| *name == "oom_kill").and_then(|(_, count)| decimal(count));
    lines(counters).find_map(count).unwrap_or(0)
}

/// Writes a line to the virtio port of that name (/dev/vportNpM); ENODEV where there is none.
fn virtio(name: &str, line: &str) -> Result<()> {
    let open = |path: &CStr, flags| openat(CWD, path, flags | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty());
    let mut done = Err(Errno::NODEV);
    let Ok(ports) = open(c"/sys/class/virtio-ports", OFlags::RDONLY) else { return done };
    file::names(ports.as_fd(), &mut |port| {
        let own = kept_two(port.to_bytes(), b"/name");
        if file::read_text(ports.as_fd(), own).is_ok_and(|own| lines(own).next() == Some(name)) {
            let device = open(kept_two(b"/dev/", port.to_bytes()), OFlags::WRONLY);
            done = device.and_then(|device| file::write_all(device.as_fd(), line.as_bytes()));
        }
    })?;
    done
}
