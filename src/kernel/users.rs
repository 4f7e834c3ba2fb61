//! User namespaces (user_namespaces(7)): writing their maps, and what forbids them.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Pid;

use crate::error::{Error, Result, SET_UP};
use crate::kernel::file::{read_all, read_start, write_all};
use crate::sys;
use crate::sys::process::{Cloned, Vector, clone3};
use crate::text::{Word, kept, shown, split};

/// Writes one of the files of a process's user namespace. The kernel takes a map in one piece, a line for each range.
pub fn write(pid: Pid, file: Word, text: Word) -> rustix::io::Result<()> {
    let path = kept(&[b"/proc/", pid.to_string().as_bytes(), b"/", file.to_bytes()]);
    let file = openat(CWD, path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut text = text.to_bytes().to_vec();
    for byte in &mut text {
        match byte {
            b' ' => *byte = b'\n',
            b':' => *byte = b' ',
            _ => {}
        }
    }
    write_all(file.as_fd(), &text)
}

/// Has newuidmap(1) or newgidmap(1) write a map.
pub fn run_mapper(program: Word, pid: Pid, map: Word) -> Result<()> {
    let number = kept(&[pid.to_string().as_bytes()]);
    let mut words = vec![program, number];
    for range in split(shown(map), b' ') {
        split(range, b':').for_each(|part| words.push(kept(&[part.as_bytes()])));
    }
    let name = shown(program);
    let failed = |errno| Error::os(["run ", name].concat(), errno);
    // It may do more than this user, so it gets none of this user's variables.
    let (arguments, environment) = (Vector::new(&[], &words), Vector::new(&[], &[]));
    let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC).map_err(failed)?;
    match clone3(0, None).map_err(failed)? {
        Cloned::Child => {
            let errno = match rustix::stdio::dup2_stderr(&theirs) {
                Ok(()) => sys::process::execve(program, &arguments, &environment),
                Err(errno) => errno,
            };
            let _told = write_all(theirs.as_fd(), crate::error::name(errno).as_bytes());
            sys::process::exit_now(SET_UP)
        }
        Cloned::Parent { child, .. } => {
            drop::<OwnedFd>(theirs);
            // To its end, which is the program's.
            let told = read_all(ours.as_fd(), 4096).map_err(failed)?;
            match sys::process::reap_now(child).map_err(failed)? {
                0 => Ok(()),
                _ => {
                    let told = String::from_utf8_lossy(&told);
                    let text = [name, " cannot map ", shown(map), ": ", told.trim_ascii()].concat();
                    Err(Error::new(text).with_hint(MAPPER))
                }
            }
        }
    }
}

const MAPPER: &str = "it gives what /etc/subuid and /etc/subgid list, where it is setuid root; --uidmap 0:ID:1 with your own \
    id does without";

/// What forbids this user a user namespace, or the use of one, after the kernel has said so.
pub fn forbidden(errno: Errno) -> &'static str {
    let is = |path, value: u8| {
        let mut text = [0; 2];
        read_start(path, &mut text).is_ok_and(|_| text[0] == value && !text[1].is_ascii_digit())
    };
    match errno {
        Errno::NOSPC | Errno::USERS if is(c"/proc/sys/user/max_user_namespaces", b'0') => {
            "user namespaces are forbidden here: as root, sysctl user.max_user_namespaces=10000"
        }
        Errno::NOSPC | Errno::USERS => {
            "the limit in /proc/sys/user/max_user_namespaces, or of 32 nested ones, is reached"
        }
        Errno::PERM if is(c"/proc/sys/kernel/unprivileged_userns_clone", b'0') => {
            "user namespaces are root's only here: as root, sysctl kernel.unprivileged_userns_clone=1"
        }
        Errno::PERM | Errno::ACCESS if is(c"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", b'1') => {
            "AppArmor takes all power from user namespaces here: as root, sysctl \
            kernel.apparmor_restrict_unprivileged_userns=0, or give contain a profile with userns"
        }
        _ => "",
    }
}
