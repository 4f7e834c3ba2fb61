//! What /proc tells of a process (proc(5)), read from outside the container.

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::process::{Pid, Signal};

use crate::sys::signal::Set;

/// What a process would do with a signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Disposition {
    /// Caught, ignored or blocked: the process has a say.
    Own,
    /// The kernel's default: end, stop or nothing.
    Default,
}

/// The disposition of `signal` in process `pid`. Where /proc does not tell, the process is taken to have a say.
pub fn disposition(pid: Pid, signal: Signal) -> Disposition {
    let Some(text) = read::<4096>(format_args!("/proc/{}/status", pid.as_raw_pid())) else { return Disposition::Own };
    let has = |field: &str| mask(&text, field).is_none_or(|set| set.has(signal));
    match ["SigBlk:", "SigIgn:", "SigCgt:"].into_iter().any(has) {
        true => Disposition::Own,
        false => Disposition::Default,
    }
}

fn mask(status: &str, field: &str) -> Option<Set> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    u64::from_str_radix(line.trim(), 16).ok().map(Set)
}

/// The beginning of a file of /proc, without the heap: PID 1's loop reads these too.
fn read<const N: usize>(path: std::fmt::Arguments<'_>) -> Option<heapless::String<N>> {
    let mut name = heapless::String::<64>::new();
    std::fmt::Write::write_fmt(&mut name, path).ok()?;
    let file = openat(CWD, name.as_str(), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let mut text = heapless::Vec::<u8, N>::new();
    let mut chunk = [0; 512];
    loop {
        match rustix::io::read(&file, &mut chunk).ok()? {
            0 => break,
            count => {
                let room = count.min(N - text.len());
                text.extend_from_slice(&chunk[..room]).ok()?;
                if room < count {
                    break;
                }
            }
        }
    }
    heapless::String::from_utf8(text).ok()
}

/// Whether this kernel has a kind of namespace, by its name below /proc/self/ns.
pub fn has_namespace(name: &str) -> bool {
    std::fs::symlink_metadata(format!("/proc/self/ns/{name}")).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_dispositions() {
        let own = rustix::process::getpid();
        // The test runner leaves SIGPIPE ignored and SIGTERM alone.
        assert_eq!(disposition(own, Signal::PIPE), Disposition::Own);
        assert_eq!(disposition(own, Signal::TERM), Disposition::Default);
    }

    #[test]
    fn masks() {
        let status = "Name:\tx\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001000\nSigCgt:\t0000000000004002\n";
        assert_eq!(mask(status, "SigIgn:"), Some(Set(0x1000)));
        assert!(mask(status, "SigCgt:").is_some_and(|set| set.has(Signal::INT) && set.has(Signal::TERM)));
    }
}
