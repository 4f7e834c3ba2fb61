//! What /proc tells of a process (proc(5)), read from outside the container.

use std::ffi::CStr;
use std::os::fd::AsFd;

use crate::linux;
use crate::linux::fs::{CWD, Mode, OFlags, openat};
use crate::linux::io::Errno;
use crate::linux::process::{Pid, Signal};

use crate::kernel::file::{names, place, read_start};
use crate::packed::text;
use crate::sys::signal::Set;
use crate::text::{cut_last, decimal, digits, kept, kept_two, lines, shown, split, utf8};

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
    let Some(text) = beginning(pid, "/status", &mut buffer) else { return Disposition::Own };
    for field in &["SigBlk:", "SigIgn:", "SigCgt:"] {
        if mask(text, field).is_none_or(|set| set.has(signal)) {
            return Disposition::Own;
        }
    }
    Disposition::Default
}

/// What no exec of a process can give it beyond (capabilities(7), "Capability bounding set"); nothing where /proc does not
/// tell.
pub fn bounding(pid: u64) -> u64 {
    let Some(pid) = Pid::from_raw(pid as i32) else { return 0 };
    beginning(pid, "/status", &mut [0; 16384]).and_then(|text| mask(text, "CapBnd:")).map_or(0, |set| set.0)
}

/// When a process started, in clock ticks since boot; `None` where there is none (proc_pid_stat(5), field 22).
pub fn start_time(pid: Pid) -> linux::io::Result<Option<u64>> {
    let mut buffer = [0u8; 1024];
    match start(pid, "/stat", &mut buffer) {
        Ok(length) => Ok(ascii(&mut buffer[..length]).and_then(|text| stat(text, 22))),
        Err(Errno::NOENT | Errno::SRCH) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Whether a process was stopped, as a job of its shell.
pub fn is_stopped(pid: Pid) -> bool {
    let mut buffer = [0u8; 1024];
    let state = beginning(pid, "/stat", &mut buffer).and_then(|text| cut_last(text, b')'));
    state.is_some_and(|(_, state)| state.starts_with(" T"))
}

/// A field of /proc/PID/stat after the second, numbered as in proc_pid_stat(5).
fn stat(text: &str, number: usize) -> Option<u64> {
    // The second field is the name, in parentheses, which may have any character in it.
    let (_, after_name) = cut_last(text, b')')?;
    decimal(split(after_name, b' ').nth(number - 2)?)
}

/// One process as a list shows it.
#[derive(Debug)]
pub struct Told {
    /// Its number in its own pid namespace.
    pub inside: u64,
    /// The effective one.
    pub uid: u64,
    /// The time that it ran, in hundredths of a second.
    pub ran: u64,
    /// Its words; where it has none, its name in brackets.
    pub command: &'static str,
}

/// What /proc tells of a process; `None` where there is none.
pub fn tell(pid: Pid) -> Option<Told> {
    let mut buffer = [0u8; 16384];
    let text = beginning(pid, "/stat", &mut buffer)?;
    // USER_HZ is 100 on every machine that contain runs on (time(7)).
    let ran = stat(text, 14)? + stat(text, 15)?;
    let text = beginning(pid, "/status", &mut buffer)?;
    // A number for each namespace, the innermost last; and the effective user after the real one.
    let inside = decimal(cut_last(line(text, "NSpid:")?, b'\t')?.1)?;
    let uid = decimal(split(line(text, "Uid:\t")?, b'\t').nth(1)?)?;
    let mut command = text!("[%]", line(text, "Name:\t")?);
    if let Ok(length @ 1..) = start(pid, "/cmdline", &mut buffer) {
        // Each word ends with a NUL.
        buffer[..length].iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = b' ');
        command = shown(kept(&[buffer[..length].trim_ascii_end()]));
    }
    Some(Told { inside, uid, ran, command })
}

/// Every process whose pid namespace is that of the process `first`, or whose control group's name ends with `group`, in
/// the order of their numbers.
pub fn companions(first: u64, group: Option<&str>) -> Vec<Pid> {
    let namespace = |number: &str| place(kept(&[b"/proc/", number.as_bytes(), b"/ns/pid"]));
    let (mut found, own) = (Vec::new(), namespace(digits(first)));
    let mut consider = |name: &CStr| {
        let name = utf8(name.to_bytes()).unwrap_or_default();
        let Some(pid) = decimal(name).and_then(|number| Pid::from_raw(number as i32)) else { return };
        let belongs = match group {
            None => own.is_some() && namespace(name) == own,
            Some(group) => beginning(pid, "/cgroup", &mut [0; 4096])
                .is_some_and(|text| lines(text).any(|line| line.ends_with(group))),
        };
        if belongs {
            found.push(pid);
        }
    };
    let directory = openat(CWD, c"/proc", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let _without = directory.and_then(|directory| names(directory.as_fd(), &mut consider));
    found
}

/// The beginning of a file in /proc/PID as ASCII, without the heap: PID 1's loop asks too.
fn beginning<'a>(pid: Pid, file: &str, buffer: &'a mut [u8]) -> Option<&'a str> {
    let length = start(pid, file, buffer).ok()?;
    ascii(&mut buffer[..length])
}

/// A process may have any bytes in its name, which is of no interest here.
fn ascii(text: &mut [u8]) -> Option<&str> {
    text.iter_mut().filter(|byte| !byte.is_ascii()).for_each(|byte| *byte = b'?');
    utf8(text)
}

fn start(pid: Pid, file: &str, buffer: &mut [u8]) -> linux::io::Result<usize> {
    // Written from its end on.
    let mut path = [0; 32];
    let mut at = path.len() - 1;
    let mut put = |byte| {
        at -= 1;
        path[at] = byte;
    };
    file.bytes().rev().for_each(&mut put);
    let mut number = pid.as_raw_pid();
    while number > 0 {
        put(b'0' + (number % 10) as u8);
        number /= 10;
    }
    b"/proc/".iter().rev().copied().for_each(put);
    read_start(CStr::from_bytes_until_nul(&path[at..]).unwrap_or_default(), buffer)
}

fn mask(status: &str, field: &str) -> Option<Set> {
    let digits = line(status, field)?.trim_ascii();
    digits.chars().try_fold(0, |mask, digit| Some(mask << 4 | u64::from(digit.to_digit(16)?))).map(Set)
}

fn line<'a>(status: &'a str, field: &str) -> Option<&'a str> {
    lines(status).find_map(|line| line.strip_prefix(field))
}

/// Whether this kernel has a kind of namespace, by its name below /proc/self/ns.
pub fn has_namespace(name: &str) -> bool {
    place(kept_two(b"/proc/self/ns/", name.as_bytes())).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_dispositions() {
        let own = rustix::process::getpid();
        // The test runner leaves SIGPIPE ignored and SIGVTALRM alone.
        assert_eq!(disposition(own, Signal::PIPE), Disposition::Own);
        // While the runner starts another thread, it blocks every signal.
        assert!((0..10_000).any(|_| disposition(own, Signal::VTALARM) == Disposition::Default));
    }

    #[test]
    fn tells_of_itself() {
        let own = rustix::process::getpid();
        let told = tell(own).expect("we are there");
        assert_eq!((told.inside, told.uid), (own.as_raw_pid() as u64, rustix::process::geteuid().as_raw().into()));
        assert!(told.command.starts_with(&std::env::args().next().unwrap()), "{told:?}");
        assert!(companions(told.inside, None).contains(&own));
        assert!(companions(told.inside, Some("no such group")).is_empty());
    }

    #[test]
    fn a_name_may_have_any_character() {
        let text = "12 (a) b ( R 1 12) S 1 2 3 4 5 6 7 8 9 10 140 150 0 0 20 0 1 0 220 1\n";
        assert_eq!((stat(text, 14), stat(text, 15), stat(text, 22)), (Some(140), Some(150), Some(220)));
        assert_eq!(stat("", 22), None);
    }

    #[test]
    fn masks() {
        let status = "Name:\tx\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001000\nSigCgt:\t0000000000004002\n";
        assert_eq!(mask(status, "SigIgn:"), Some(Set(0x1000)));
        assert!(mask(status, "SigCgt:").is_some_and(|set| set.has(Signal::INT) && set.has(Signal::TERM)));
    }
}
