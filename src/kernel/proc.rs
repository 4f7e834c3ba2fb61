//! What /proc tells of a process (proc(5)), read from outside the container.

use rustix::process::{Pid, Signal};

use crate::kernel::file::read_start;
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
    // The groups, which stand before the signals, may be many.
    let mut buffer = [0u8; 16384];
    let Some(text) = status(pid, &mut buffer) else { return Disposition::Own };
    let has = |field: &str| mask(text, field).is_none_or(|set| set.has(signal));
    match ["SigBlk:", "SigIgn:", "SigCgt:"].into_iter().any(has) {
        true => Disposition::Own,
        false => Disposition::Default,
    }
}

/// The beginning of /proc/PID/status, without the heap: PID 1's loop asks too.
fn status(pid: Pid, buffer: &mut [u8]) -> Option<&str> {
    let mut path = heapless::CString::<32>::new();
    let mut number = heapless::String::<16>::new();
    std::fmt::Write::write_fmt(&mut number, format_args!("{}", pid.as_raw_pid())).ok()?;
    for part in ["/proc/", &number, "/status"] {
        path.extend_from_bytes(part.as_bytes()).ok()?;
    }
    let length = read_start(&path, buffer).ok()?;
    std::str::from_utf8(&buffer[..length]).ok()
}

fn mask(status: &str, field: &str) -> Option<Set> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    u64::from_str_radix(line.trim_ascii(), 16).ok().map(Set)
}

/// Whether this kernel has a kind of namespace, by its name below /proc/self/ns.
pub fn has_namespace(name: &str) -> bool {
    rustix::fs::lstat(["/proc/self/ns/", name].concat()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_dispositions() {
        let own = rustix::process::getpid();
        // The test runner leaves SIGPIPE ignored and SIGVTALRM alone.
        assert_eq!(disposition(own, Signal::PIPE), Disposition::Own);
        assert_eq!(disposition(own, Signal::VTALARM), Disposition::Default);
    }

    #[test]
    fn masks() {
        let status = "Name:\tx\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001000\nSigCgt:\t0000000000004002\n";
        assert_eq!(mask(status, "SigIgn:"), Some(Set(0x1000)));
        assert!(mask(status, "SigCgt:").is_some_and(|set| set.has(Signal::INT) && set.has(Signal::TERM)));
    }
}
