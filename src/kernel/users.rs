//! User namespaces (user_namespaces(7)): writing their maps, and what forbids them.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use crate::linux;
use crate::linux::fs::{CWD, Mode, OFlags, openat};
use crate::linux::io::Errno;
use crate::linux::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use crate::linux::pipe::{PipeFlags, pipe_with};
use crate::linux::process::Pid;
use crate::linux::stdio::dup2_stderr;
use crate::linux::thread::UnshareFlags;

use crate::error::{Error, Result, SET_UP};
use crate::kernel::file::{self, read_all, read_start, write_all};
use crate::kernel::mount;
use crate::kernel::program::wait;
use crate::packed::{Sentence, sentence, text};
use crate::sys::net::bind;
use crate::sys::process::{Cloned, Vector, clone3, execve, exit_now};
use crate::text::{Word, digits, kept, kept_one, shown};

/// Writes one of the files of a process's user namespace. The kernel takes a map in one piece, a line for each range.
pub fn write(pid: Pid, file: Word, text: Word) -> linux::io::Result<()> {
    weak!(
        "weak-setgroups",
        if file == c"setgroups" {
            return Ok(());
        }
    );
    let path = kept(&[b"/proc/", digits(pid.as_raw_pid() as u64).as_bytes(), b"/", file.to_bytes()]);
    let mut text = text.to_bytes().to_vec();
    for byte in &mut text {
        match byte {
            b' ' => *byte = b'\n',
            b':' => *byte = b' ',
            _ => {}
        }
    }
    file::write(CWD, path, &text)
}

/// The user namespace of a process.
pub fn of(pid: Pid) -> linux::io::Result<OwnedFd> {
    let path = kept(&[b"/proc/", digits(pid.as_raw_pid() as u64).as_bytes(), b"/ns/user"]);
    openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
}

/// Holds the ids from this one on for as long as this process lives; false where another contain has them. The kernel's
/// abstract names (unix(7)) are held by one socket each and go with it, whatever becomes of their holder.
pub fn hold(first: u64) -> linux::io::Result<bool> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // A struct sockaddr_un: the family, and a name that begins with NUL.
    let family = AddressFamily::UNIX.as_raw().to_ne_bytes();
    match bind(socket.as_fd(), &[&family, &b"\0contain/ids/"[..], digits(first).as_bytes()].concat()) {
        Err(Errno::ADDRINUSE) => Ok(false),
        Err(errno) => Err(errno),
        Ok(()) => {
            let _until_the_end = Box::leak(Box::new(socket));
            Ok(true)
        }
    }
}

/// Has newuidmap(1) or newgidmap(1) write a map.
pub fn run_mapper(program: Word, pid: Pid, map: Word) -> Result<()> {
    let number = kept_one(digits(pid.as_raw_pid() as u64).as_bytes());
    let mut words = vec![program, number];
    let parts = map.to_bytes().split(|b| matches!(b, b' ' | b':'));
    parts.for_each(|part| words.push(kept_one(part)));
    let name = shown(program);
    let told = run(program, &words).map_err(|errno| Error::os(text!("run %", name), errno))?;
    match told {
        None => Ok(()),
        Some(told) => {
            let told = String::from_utf8_lossy(&told);
            Err(Error::new(text!("% cannot map %: %", name, shown(map), told.trim_ascii())).with_hint(MAPPER))
        }
    }
}

/// Runs a program to its end, and says what it told where it failed. It may do more than this user, so it gets none of
/// this user's variables.
fn run(program: Word, words: &[Word]) -> linux::io::Result<Option<Vec<u8>>> {
    let (arguments, environment) = (Vector::new(&[], words), Vector::new(&[], &[]));
    let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC)?;
    match clone3(0, None)? {
        Cloned::Child => {
            let _told = dup2_stderr(&theirs);
            let errno = execve(program, &arguments, &environment);
            let _told = write_all(theirs.as_fd(), crate::error::name(errno).as_bytes());
            exit_now(SET_UP)
        }
        Cloned::Parent { child, pidfd } => {
            drop(theirs);
            // To its end, which is the program's.
            let told = read_all(ours.as_fd(), 4096)?;
            Ok(if wait(child, &pidfd).is_some_and(|ended| ended.status == 0) { None } else { Some(told) })
        }
    }
}

const MAPPER: Sentence = sentence!(
    "it is setuid root, and gives what /etc/subuid and /etc/subgid list; --uidmap 0:ID:1, your own, needs none"
);

/// Whether this user can make a user namespace, and has power in it.
pub fn attempt() -> bool {
    match clone3((UnshareFlags::NEWUSER | UnshareFlags::NEWNS).bits().into(), None) {
        Ok(Cloned::Child) => exit_now(u8::from(mount::make_all_private().is_err())),
        Ok(Cloned::Parent { child, pidfd }) => wait(child, &pidfd).is_some_and(|ended| ended.status == 0),
        Err(_) => false,
    }
}

/// What forbids user namespaces, after the kernel has refused one, or anything in one: a knob, what it says then, the errno,
/// and what to do.
const KNOBS: [(&CStr, u8, [Errno; 2], Sentence); 3] = [
    (
        c"/proc/sys/user/max_user_namespaces",
        b'0',
        [Errno::NOSPC, Errno::USERS],
        sentence!("user namespaces are forbidden here: as root, sysctl user.max_user_namespaces=10000"),
    ),
    (
        c"/proc/sys/kernel/unprivileged_userns_clone",
        b'0',
        [Errno::PERM; 2],
        sentence!("user namespaces are root's only here: as root, sysctl kernel.unprivileged_userns_clone=1"),
    ),
    (
        c"/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        b'1',
        [Errno::PERM, Errno::ACCESS],
        sentence!(
            "AppArmor forbids what is done in user namespaces: as root, sysctl kernel.apparmor_restrict_unprivileged_userns=0"
        ),
    ),
];

/// The knob that forbids user namespaces to this user, and may have been met with this errno; else empty.
pub fn forbidden(met: Option<Errno>) -> &'static str {
    for (path, value, errnos, told) in &KNOBS {
        let mut text = [0; 2];
        if met.is_none_or(|errno| errnos.contains(&errno))
            && read_start(path, &mut text).is_ok()
            && text[0] == *value
            && !text[1].is_ascii_digit()
        {
            return told.get();
        }
    }
    ""
}
