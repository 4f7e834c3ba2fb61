//! The one error type: a sentence (what we were doing, to what), the errno by name, a hint where errno misleads, and
//! the exit status. Everyone knows this file. Who prints one: `main.rs`, and a life that goes on after it.

use crate::linux::io::Errno;

use crate::packed::text;
use crate::packed::{Packed, packed};
use crate::text::{cut, decimal, digits, lines, split};

/// Exit status for words on the command line that make no sense.
pub const USAGE: u8 = 2;
/// Exit status when --timeout ended the container, as timeout(1) has it.
pub const TIMED_OUT: u8 = 124;
/// Exit status of a failure of ours, before the command ran.
pub const SET_UP: u8 = 125;
/// Exit status when the command was found but could not be executed.
pub const NOT_EXECUTABLE: u8 = 126;
/// Exit status when the command was not found.
pub const NOT_FOUND: u8 = 127;

pub type Result<T> = std::result::Result<T, Error>;

/// Boxed, so that a `Result` is as small as what succeeds: it travels through every function of the crate.
#[derive(Debug, PartialEq, Eq)]
pub struct Error(Box<Told>);

#[derive(Debug, PartialEq, Eq)]
struct Told {
    doing: &'static str,
    errno: Option<Errno>,
    hint: &'static str,
    status: u8,
}

impl Error {
    /// A failure of set-up that is a finding of ours, with no errno to tell.
    #[cold]
    #[inline(never)]
    pub fn new(sentence: impl Into<&'static str>) -> Self {
        Error::told(sentence.into(), None, SET_UP)
    }

    /// A system call that failed while `doing` something.
    #[cold]
    #[inline(never)]
    pub fn os(doing: impl Into<&'static str>, errno: Errno) -> Self {
        Error::told(doing.into(), Some(errno), SET_UP)
    }

    /// A word on the command line that makes no sense.
    #[cold]
    #[inline(never)]
    pub fn usage(sentence: impl Into<&'static str>) -> Self {
        Error::told(sentence.into(), None, USAGE)
    }

    #[cold]
    #[inline(never)]
    fn told(doing: &'static str, errno: Option<Errno>, status: u8) -> Self {
        Error(Box::new(Told { doing, errno, hint: "", status }))
    }

    /// Adds what would be right. Says nothing where `hint` is empty.
    #[cold]
    #[inline(never)]
    pub fn with_hint(mut self, hint: impl Into<&'static str>) -> Self {
        self.0.hint = hint.into();
        self
    }

    /// All but the hint.
    pub fn sentence(&self) -> &'static str {
        match self.0.errno {
            Some(errno) => text!("%: %", self.0.doing, named(errno)),
            None => self.0.doing,
        }
    }

    pub fn with_status(mut self, status: u8) -> Self {
        self.0.status = status;
        self
    }

    pub fn status(&self) -> u8 {
        self.0.status
    }

    pub fn errno(&self) -> Option<Errno> {
        self.0.errno
    }

    /// What would be right, where that has to be said; else empty.
    pub fn hint(&self) -> &'static str {
        self.0.hint
    }
}

/// An errno as its name and its text: `EPERM (Operation not permitted)`.
pub fn named(errno: Errno) -> &'static str {
    match known(errno) {
        Some((name, text)) => text!("% (%)", name, text),
        None => text!("errno %", digits(errno.raw_os_error() as u64)),
    }
}

/// An errno's name, empty where it has none here.
pub fn name(errno: Errno) -> &'static str {
    known(errno).map_or("", |(name, _)| name)
}

/// The one of the hints, with tabs between, that is for this key: `EACCES,EPERM it needs root`. Empty where there is none.
pub fn hint_for(hints: &'static str, key: &str) -> &'static str {
    for hint in split(hints, b'\t') {
        let (keys, text) = cut(hint, b' ').unwrap_or_default();
        if split(keys, b',').any(|one| one == key) {
            return text;
        }
    }
    ""
}

/// The number of an errno with this name.
pub fn number(name: &[u8]) -> Option<u32> {
    for line in lines(PACKED.text(0)) {
        let (number, told) = cut(line, b' ')?;
        if cut(told, b' ')?.0.as_bytes() == name {
            return decimal(number).map(|number| number as u32);
        }
    }
    None
}

fn known(errno: Errno) -> Option<(&'static str, &'static str)> {
    let number = u64::try_from(errno.raw_os_error()).ok();
    for line in lines(PACKED.text(0)) {
        let (known, told) = cut(line, b' ')?;
        if decimal(known) == number {
            return cut(told, b' ');
        }
    }
    None
}

static PACKED: Packed = packed!(ERRNOS);
/// The errnos that the calls of this program can answer with, as errno(3) names them.
const ERRNOS: &str = "\
1 EPERM Operation not permitted
2 ENOENT No such file or directory
3 ESRCH No such process
4 EINTR Interrupted system call
5 EIO Input/output error
6 ENXIO No such device or address
7 E2BIG Argument list too long
8 ENOEXEC Exec format error
9 EBADF Bad file descriptor
10 ECHILD No child processes
11 EAGAIN Resource temporarily unavailable
12 ENOMEM Cannot allocate memory
13 EACCES Permission denied
14 EFAULT Bad address
15 ENOTBLK Block device required
16 EBUSY Device or resource busy
17 EEXIST File exists
18 EXDEV Invalid cross-device link
19 ENODEV No such device
20 ENOTDIR Not a directory
21 EISDIR Is a directory
22 EINVAL Invalid argument
23 ENFILE Too many open files in system
24 EMFILE Too many open files
25 ENOTTY Inappropriate ioctl for device
26 ETXTBSY Text file busy
27 EFBIG File too large
28 ENOSPC No space left on device
30 EROFS Read-only file system
31 EMLINK Too many links
32 EPIPE Broken pipe
34 ERANGE Numerical result out of range
36 ENAMETOOLONG File name too long
38 ENOSYS Function not implemented
39 ENOTEMPTY Directory not empty
40 ELOOP Too many levels of symbolic links
71 EPROTO Protocol error
74 EBADMSG Bad message
75 EOVERFLOW Value too large for defined data type
87 EUSERS Too many users
95 EOPNOTSUPP Operation not supported
97 EAFNOSUPPORT Address family not supported
105 ENOBUFS No buffer space available
116 ESTALE Stale file handle
117 EUCLEAN Structure needs cleaning
122 EDQUOT Disk quota exceeded
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_what_and_errno() {
        let error = Error::os("mount proc on /proc", Errno::PERM);
        assert_eq!(error.sentence(), "mount proc on /proc: EPERM (Operation not permitted)");
        assert_eq!(error.status(), SET_UP);
    }

    #[test]
    fn an_unlisted_errno_is_told_by_number() {
        assert_eq!(named(Errno::from_raw_os_error(133)), "errno 133");
    }

    #[test]
    fn no_errno_is_listed_twice() {
        let numbers: Vec<_> =
            lines(ERRNOS).map(|line| cut(line, b' ').and_then(|(number, _)| decimal(number))).collect();
        assert!(numbers.iter().all(Option::is_some) && numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
    }
}
