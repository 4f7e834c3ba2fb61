//! Process 1 of a machine: from what the kernel hands over to a running command, and from its end to power-off.
//!
//! From `boot` on we must not die: the kernel panics when process 1 ends. What fails is said on the console, and the boot
//! goes on with what there is.

use std::ffi::CStr;
use std::time::Duration;

use rustix::io::Errno;
use rustix::mount::MountFlags;
use rustix::process::Signal;
use rustix::system::RebootCommand;

use crate::error::{Error, NOT_FOUND, Result};
use crate::input::cmdline::{CommandLine, split};
use crate::kernel::{cgroup, device, file, machine, mount, network, root};
use crate::life::init;
use crate::life::mean::PATH;
use crate::log;
use crate::supervise::Outcome;
use crate::supervise::reaper::Over;
use crate::supervise::signals::Signals;
use crate::text::{Word, digits, fill, kept, shown, variable};

/// How long processes have after SIGTERM before SIGKILL.
const GRACE: Duration = Duration::from_secs(5);

/// A file system that every system has; the directory is made where it is missing.
struct EarlyMount {
    filesystem: &'static CStr,
    target: &'static CStr,
    flags: MountFlags,
    options: &'static CStr,
}

const NO_SUID: MountFlags = MountFlags::NOSUID;
const NO_SUID_DEV: MountFlags = NO_SUID.union(MountFlags::NODEV);
const NO_SUID_EXEC: MountFlags = NO_SUID.union(MountFlags::NOEXEC);
const NO_SUID_DEV_EXEC: MountFlags = NO_SUID_DEV.union(MountFlags::NOEXEC);

const EARLY_MOUNTS: [EarlyMount; 9] = [
    early(c"devtmpfs", c"dev", NO_SUID, c"mode=0755"),
    early(c"proc", c"proc", NO_SUID_DEV_EXEC, c""),
    early(c"sysfs", c"sys", NO_SUID_DEV_EXEC, c""),
    early(c"devpts", c"dev/pts", NO_SUID_EXEC, c"gid=5,mode=620,ptmxmode=666"),
    early(c"tmpfs", c"dev/shm", NO_SUID_DEV, c"mode=1777"),
    early(c"mqueue", c"dev/mqueue", NO_SUID_DEV_EXEC, c""),
    early(c"tmpfs", c"run", NO_SUID_DEV, c"mode=0755"),
    early(c"tmpfs", c"tmp", NO_SUID_DEV, c"mode=1777"),
    early(c"cgroup2", c"sys/fs/cgroup", NO_SUID_DEV_EXEC, c"nsdelegate,memory_recursiveprot"),
];

const fn early(
    filesystem: &'static CStr,
    target: &'static CStr,
    flags: MountFlags,
    options: &'static CStr,
) -> EarlyMount {
    EarlyMount { filesystem, target, flags, options }
}

/// /dev/fd and its like, which devtmpfs does not have.
const LINKS: [(&CStr, &CStr); 4] = [
    (c"dev/fd", c"/proc/self/fd"),
    (c"dev/stdin", c"/proc/self/fd/0"),
    (c"dev/stdout", c"/proc/self/fd/1"),
    (c"dev/stderr", c"/proc/self/fd/2"),
];

/// Boots, runs the command, and powers off.
pub fn boot(environment: &[Word]) -> ! {
    match live(environment) {
        Ok(Over::Ended(outcome)) => end(outcome, RebootCommand::PowerOff),
        Ok(Over::Asked(signal)) => end(Outcome::Exited(0), asked_for(signal)),
        Err(error) => {
            complain(&error);
            end(Outcome::Exited(error.status()), RebootCommand::PowerOff)
        }
    }
}

/// The signals that ask process 1 to end, as busybox's poweroff, halt and reboot send them.
const ASKING: [Signal; 3] = [Signal::USR2, Signal::USR1, Signal::TERM];

fn asked_for(signal: Signal) -> RebootCommand {
    match signal {
        Signal::TERM => RebootCommand::Restart,
        Signal::USR1 => RebootCommand::Halt,
        _ => RebootCommand::PowerOff,
    }
}

fn live(given: &[Word]) -> Result<Over> {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    // The kernel may have made process 1 a session leader already.
    let _leader = rustix::process::setsid();
    mount_early();
    tell_failure("open /dev/console", machine::open_console());
    // Not before 0, 1 and 2 are taken: a signalfd with one of these numbers would be lost.
    let signals = Signals::take()?;
    tell_failure("enable cgroup controllers", cgroup::enable_all());
    tell_failure("raise lo", network::raise_loopback());
    tell_failure("take ctrl-alt-del", machine::take_ctrl_alt_del());
    if root::is_initramfs() {
        tell_failure("make the root pivotable", root::make_pivotable());
    }
    let command =
        command(&CommandLine::parse(&file::read_text(rustix::fs::CWD, c"/proc/cmdline").unwrap_or_default()))?;
    init::look_after(&command, &environment(given), &signals, &ASKING)
}

fn mount_early() {
    // No working directory but the root, so the tables need no leading slash.
    tell_failure("enter /", rustix::process::chdir(c"/"));
    for early in &EARLY_MOUNTS {
        let done = mount_one(early);
        if let Err(errno) = done {
            complain(&Error::os(fill("mount % on /%", &[shown(early.filesystem), shown(early.target)]), errno));
        }
    }
    for (name, target) in LINKS {
        // The initramfs may have its own.
        let _there = device::make_link(rustix::fs::CWD, name, target);
    }
}

/// A file system that is mounted already, or that this kernel does not have, is no failure.
fn mount_one(early: &EarlyMount) -> rustix::io::Result<()> {
    let _there = device::make_directory(rustix::fs::CWD, early.target);
    let mount = |options| mount::mount_here(early.target, early.filesystem, options, early.flags);
    let mut done = mount(early.options);
    if done == Err(Errno::INVAL) {
        // Older kernels know fewer options of cgroup2 and devpts.
        done = mount(c"");
    }
    match done {
        Err(Errno::BUSY | Errno::NODEV) => Ok(()),
        done => done,
    }
}

/// The words after `--`, else `contain.exec=`, else a shell.
fn command(line: &CommandLine) -> Result<Vec<Word>> {
    let words = match line.value("contain.exec") {
        _ if !line.command.is_empty() => line.command.clone(),
        Some(exec) => split(exec),
        None => vec!["/bin/sh".into()],
    };
    if words.is_empty() {
        return Err(Error::new("contain.exec= on the kernel command line is empty: name a program, as /bin/sh")
            .with_status(NOT_FOUND));
    }
    Ok(words.iter().map(|word| kept(&[word.as_bytes()])).collect())
}

/// What the command finds; of the words that the kernel passed on only TERM is kept.
fn environment(given: &[Word]) -> [Word; 3] {
    [PATH, c"HOME=/root", variable(given, "TERM").unwrap_or(c"TERM=linux")]
}

/// Ends every process, tells the command's outcome on the console, and ends the machine.
fn end(outcome: Outcome, how: RebootCommand) -> ! {
    // A stopped process does not see SIGTERM before it goes on.
    if machine::signal_everyone(Signal::TERM)
        && machine::signal_everyone(Signal::CONT)
        && !machine::reap_everyone(GRACE)
    {
        machine::signal_everyone(Signal::KILL);
        machine::reap_everyone(GRACE);
    }
    // The command's session may have taken the console with it.
    let _none = machine::open_console();
    let (exit, signal) = match outcome {
        Outcome::Exited(status) => (u64::from(status), 0),
        Outcome::Killed(signal) => (0, signal as u64),
    };
    machine::last_words(|| log::line(&fill("contain: exit=% signal=%", &[digits(exit), digits(signal)])));
    machine::end(how)
}

fn tell_failure(doing: &str, done: rustix::io::Result<()>) {
    if let Err(errno) = done {
        complain(&Error::os(doing, errno));
    }
}

fn complain(error: &Error) {
    log::error(&error.sentence());
}
