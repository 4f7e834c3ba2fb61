//! The one error type: a sentence (what we were doing, to what), the errno by name, a hint where errno misleads, and
//! the exit status. Everyone knows this file; it knows nobody. `main.rs` alone prints one.

use std::fmt;

use rustix::io::Errno;

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
    doing: String,
    errno: Option<Errno>,
    hint: String,
    status: u8,
}

impl Error {
    /// A failure of set-up that is a finding of ours, with no errno to tell.
    pub fn new(sentence: impl Into<String>) -> Self {
        Error::told(sentence.into(), None, SET_UP)
    }

    /// A system call that failed while `doing` something.
    pub fn os(doing: impl Into<String>, errno: Errno) -> Self {
        Error::told(doing.into(), Some(errno), SET_UP)
    }

    /// A word on the command line that makes no sense.
    pub fn usage(sentence: impl Into<String>) -> Self {
        Error::told(sentence.into(), None, USAGE)
    }

    #[cold]
    #[inline(never)]
    fn told(doing: String, errno: Option<Errno>, status: u8) -> Self {
        Error(Box::new(Told { doing, errno, hint: String::new(), status }))
    }

    /// Adds what would be right. Says nothing where `hint` is empty.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = hint.into();
        self
    }

    pub fn with_status(mut self, status: u8) -> Self {
        self.0.status = status;
        self
    }

    pub fn status(&self) -> u8 {
        self.0.status
    }

    /// What would be right, where that has to be said; else empty.
    pub fn hint(&self) -> &str {
        &self.0.hint
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.doing)?;
        match self.0.errno {
            Some(errno) => write!(f, ": {}", Named(errno)),
            None => Ok(()),
        }
    }
}

/// An errno as its name and its text: `EPERM (Operation not permitted)`.
pub struct Named(pub Errno);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match ERRNOS.iter().find(|(errno, ..)| *errno == self.0) {
            Some((_, name, text)) => write!(f, "{name} ({text})"),
            None => write!(f, "errno {}", self.0.raw_os_error()),
        }
    }
}

/// The errnos that the calls of this program can answer with, as errno(3) names them.
const ERRNOS: &[(Errno, &str, &str)] = &[
    (Errno::PERM, "EPERM", "Operation not permitted"),
    (Errno::NOENT, "ENOENT", "No such file or directory"),
    (Errno::SRCH, "ESRCH", "No such process"),
    (Errno::INTR, "EINTR", "Interrupted system call"),
    (Errno::IO, "EIO", "Input/output error"),
    (Errno::NXIO, "ENXIO", "No such device or address"),
    (Errno::TOOBIG, "E2BIG", "Argument list too long"),
    (Errno::NOEXEC, "ENOEXEC", "Exec format error"),
    (Errno::BADF, "EBADF", "Bad file descriptor"),
    (Errno::CHILD, "ECHILD", "No child processes"),
    (Errno::AGAIN, "EAGAIN", "Resource temporarily unavailable"),
    (Errno::NOMEM, "ENOMEM", "Cannot allocate memory"),
    (Errno::ACCESS, "EACCES", "Permission denied"),
    (Errno::FAULT, "EFAULT", "Bad address"),
    (Errno::NOTBLK, "ENOTBLK", "Block device required"),
    (Errno::BUSY, "EBUSY", "Device or resource busy"),
    (Errno::EXIST, "EEXIST", "File exists"),
    (Errno::XDEV, "EXDEV", "Invalid cross-device link"),
    (Errno::NODEV, "ENODEV", "No such device"),
    (Errno::NOTDIR, "ENOTDIR", "Not a directory"),
    (Errno::ISDIR, "EISDIR", "Is a directory"),
    (Errno::INVAL, "EINVAL", "Invalid argument"),
    (Errno::NFILE, "ENFILE", "Too many open files in system"),
    (Errno::MFILE, "EMFILE", "Too many open files"),
    (Errno::NOTTY, "ENOTTY", "Inappropriate ioctl for device"),
    (Errno::TXTBSY, "ETXTBSY", "Text file busy"),
    (Errno::FBIG, "EFBIG", "File too large"),
    (Errno::NOSPC, "ENOSPC", "No space left on device"),
    (Errno::ROFS, "EROFS", "Read-only file system"),
    (Errno::MLINK, "EMLINK", "Too many links"),
    (Errno::PIPE, "EPIPE", "Broken pipe"),
    (Errno::RANGE, "ERANGE", "Numerical result out of range"),
    (Errno::NAMETOOLONG, "ENAMETOOLONG", "File name too long"),
    (Errno::NOSYS, "ENOSYS", "Function not implemented"),
    (Errno::LOOP, "ELOOP", "Too many levels of symbolic links"),
    (Errno::PROTO, "EPROTO", "Protocol error"),
    (Errno::OVERFLOW, "EOVERFLOW", "Value too large for defined data type"),
    (Errno::USERS, "EUSERS", "Too many users"),
    (Errno::OPNOTSUPP, "EOPNOTSUPP", "Operation not supported"),
    (Errno::NOBUFS, "ENOBUFS", "No buffer space available"),
    (Errno::STALE, "ESTALE", "Stale file handle"),
    (Errno::DQUOT, "EDQUOT", "Disk quota exceeded"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_what_and_errno() {
        let error = Error::os("mount proc on /proc", Errno::PERM);
        assert_eq!(error.to_string(), "mount proc on /proc: EPERM (Operation not permitted)");
        assert_eq!(error.status(), SET_UP);
    }

    #[test]
    fn an_unlisted_errno_is_told_by_number() {
        assert_eq!(Named(Errno::from_raw_os_error(133)).to_string(), "errno 133");
    }

    #[test]
    fn no_errno_is_listed_twice() {
        for (index, (errno, name, _)) in ERRNOS.iter().enumerate() {
            assert!(!ERRNOS[..index].iter().any(|(other, ..)| other == errno), "{name}");
        }
    }
}
