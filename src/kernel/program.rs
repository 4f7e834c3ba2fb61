//! Programs: executing the first candidate that can be, a sealed copy of contain itself, and why a program could not be
//! executed.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use crate::linux;
use crate::linux::event::{PollFd, PollFlags, poll};
use crate::linux::fs::{
    CWD, MemfdFlags, Mode, OFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, memfd_create, openat, sendfile,
};
use crate::linux::io::{Errno, Result};
use crate::linux::process::Pid;

use crate::error::{Error, NOT_EXECUTABLE, NOT_FOUND};
use crate::kernel::file::read_text;
use crate::kernel::root::{self, Rootfs};
use crate::packed::text;
use crate::sys::process::{Reaped, Vector, execve, reap};
use crate::sys::start::begin_anew;
use crate::text::{Word, kept_one, shown};

/// Executes the first of `candidates` that can be, as execvp(3) does, and returns only with why none could. Called
/// between clone and exec: nothing here allocates.
pub fn execute(candidates: &[Word], arguments: &Vector<'_>, environment: &Vector<'_>) -> Errno {
    let mut worst = Errno::NOENT;
    for candidate in candidates {
        match execve(candidate, arguments, environment) {
            Errno::NOENT | Errno::NOTDIR => {}
            // Found but not for us: one further down the path may be.
            Errno::ACCESS => worst = Errno::ACCESS,
            errno => return errno,
        }
    }
    worst
}

/// Waits for the end of a child, and for nothing else; `None` where somebody else has reaped it.
pub fn wait(child: Pid, pidfd: &OwnedFd) -> Option<Reaped> {
    loop {
        match reap(Some(child)) {
            Ok(None) => {}
            ended => return ended.ok().flatten(),
        }
        let _again = poll(&mut [PollFd::new(pidfd, PollFlags::IN)], None);
    }
}

/// What makes that a file in memory stays as it is.
const SEALS: SealFlags = SealFlags::WRITE.union(SealFlags::GROW).union(SealFlags::SHRINK).union(SealFlags::SEAL);

fn open_own() -> Result<OwnedFd> {
    openat(CWD, c"/proc/self/exe", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
}

/// Makes sure that this process runs from a [`sealed_copy`]: it begins anew from one, with the same words, unless it does.
pub fn become_sealed() -> Result<()> {
    weak!("weak-sealed", return Ok(()));
    let own = match open_own() {
        // Without /proc there is no way to the program either.
        Err(Errno::NOENT) => return Ok(()),
        own => own?,
    };
    if fcntl_get_seals(own).is_ok_and(|seals| seals.contains(SEALS)) {
        // A copy is called by the number of its descriptor.
        return linux::thread::set_name(c"contain");
    }
    Err(begin_anew(sealed_copy()?.as_fd()))
}

/// Begins anew, from the file that this process was started from, which may be a newer one by now. Returns only where that
/// failed.
pub fn start_over() -> Errno {
    let name = read_text(CWD, c"/proc/self/cmdline").unwrap_or_default();
    let named = openat(CWD, kept_one(name.as_bytes()), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    match named.or_else(|_| open_own()) {
        Ok(program) => begin_anew(program.as_fd()),
        Err(errno) => errno,
    }
}

/// This very program as a sealed file in memory. What runs inside a container runs from it, so that /proc/PID/exe leads
/// to a copy that nobody can write, never to the host's file (CVE-2019-5736).
pub fn sealed_copy() -> Result<OwnedFd> {
    let own = open_own()?;
    weak!("weak-sealed", return Ok(own));
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Where vm.memfd_noexec is set, a file in memory can be executed only if that was said (Linux 6.3).
    let copy = match memfd_create(c"contain", flags | MemfdFlags::EXEC) {
        Err(Errno::INVAL) => memfd_create(c"contain", flags)?,
        result => result?,
    };
    while sendfile(&copy, &own, None, 1 << 20)? > 0 {}
    fcntl_add_seals(&copy, SEALS)?;
    Ok(copy)
}

/// Why none of `candidates` could be executed, as an error about `word`, which named them.
pub fn failure(root: &Rootfs, candidates: &[Word], word: &CStr, errno: Errno) -> Error {
    let found = candidates.iter().copied().find(|path| root::has(root, path));
    let mut status = if errno == Errno::NOENT { NOT_FOUND } else { NOT_EXECUTABLE };
    let why = match (found, errno) {
        (None, Errno::NOENT | Errno::NOTDIR) => {
            status = NOT_FOUND;
            match word.to_bytes().contains(&b'/') {
                true => text!(": not found in the container"),
                false => text!(": not found in the PATH of the container"),
            }
        }
        (None, _) => "",
        (Some(path), errno) => explain(root, path, errno).unwrap_or_default(),
    };
    let shown = shown(found.unwrap_or(word));
    let error = match why.is_empty() {
        true => Error::os(text!("execute %", &shown), errno),
        false => Error::new(text!("%%", shown, &why)),
    };
    let is_option = status == NOT_FOUND && word.to_bytes().starts_with(b"-");
    error.with_status(status).with_hint(if is_option {
        text!("options of contain's stand before the rootfs and the command")
    } else {
        ""
    })
}

/// Why the kernel would not execute a file of the rootfs, beyond the errno: the end of a sentence about it.
fn explain(root: &Rootfs, path: &CStr, errno: Errno) -> Option<&'static str> {
    let head = match root::read_head(root, path) {
        Ok(head) => head,
        Err(Errno::ISDIR) => return Some(text!(" is a directory")),
        Err(_) => return None,
    };
    let why = match errno {
        Errno::ACCESS => text!(" is not executable: chmod +x it, or look for a noexec mount"),
        Errno::NOENT => {
            let interpreter = script_interpreter(&head).or_else(|| elf_interpreter(&head))?;
            // A script's interpreter may be there, and lack its own.
            let its = root::read_head(root, kept_one(interpreter.as_bytes())).ok();
            let missing = its.and_then(|head| elf_interpreter(&head)).unwrap_or(interpreter);
            return Some(text!(" needs the interpreter %, which is missing in the rootfs", &missing));
        }
        Errno::NOEXEC if !head.starts_with(b"\x7fELF") => {
            text!(" is neither an ELF program nor a script that begins with #!")
        }
        Errno::NOEXEC => match foreign_machine(&head) {
            Some(machine) => {
                let own = std::env::consts::ARCH;
                return Some(text!(" is a program for %, and this machine is %", machine, own));
            }
            None => text!(" is a damaged or incomplete ELF program"),
        },
        _ => return None,
    };
    Some(why)
}

/// The interpreter that the first line of a script names.
fn script_interpreter(head: &[u8]) -> Option<&'static str> {
    let line = head.strip_prefix(b"#!")?.split(|b| *b == b'\n').next()?;
    let word = line.split(u8::is_ascii_whitespace).find(|word| !word.is_empty())?;
    Some(shown(kept_one(word)))
}

/// The dynamic loader that an ELF program names: its PT_INTERP segment (elf(5)), 64-bit, of this byte order.
fn elf_interpreter(head: &[u8]) -> Option<&'static str> {
    let number = |at: usize, size: usize| {
        let bytes = head.get(at..at.checked_add(size)?)?;
        Some(bytes.iter().rev().fold(0usize, |value, byte| value << 8 | usize::from(*byte)))
    };
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let (table, entry, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    let interp = (0..count).map(|index| table.saturating_add(entry * index)).find(|at| number(*at, 4) == Some(3))?;
    let start = number(interp.checked_add(8)?, 8)?;
    let name = head.get(start..)?.split(|b| *b == 0).next()?;
    Some(shown(kept_one(name)))
}

/// The machine that an ELF program is for, where that is not this one.
fn foreign_machine(head: &[u8]) -> Option<&'static str> {
    const MACHINES: [(u16, &str); 9] = [
        (3, "x86"),
        (8, "mips"),
        (20, "powerpc"),
        (21, "powerpc64"),
        (22, "s390x"),
        (40, "arm"),
        (62, "x86_64"),
        (183, "aarch64"),
        (243, "riscv"),
    ];
    let bytes = [*head.get(18)?, *head.get(19)?];
    let number = if head.get(5) == Some(&2) { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
    let name =
        MACHINES.iter().find(|(machine, _)| *machine == number).map_or(text!("another machine"), |(_, name)| name);
    (name != std::env::consts::ARCH).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpreters() {
        for (head, interpreter) in
            [(&b"#!/bin/sh\necho"[..], "/bin/sh"), (b"#! /usr/bin/env -S x\n", "/usr/bin/env"), (b"#!/x", "/x")]
        {
            assert_eq!(script_interpreter(head), Some(interpreter));
        }
        for head in [&b""[..], b"#!", b"#!\n", b"echo"] {
            assert_eq!(script_interpreter(head), None);
        }
        let own = std::fs::read("/bin/true").unwrap();
        assert!(elf_interpreter(&own).is_none_or(|name| name.starts_with("/lib")));
    }

    #[test]
    fn damaged_headers_are_no_panic() {
        let own = std::fs::read("/bin/true").unwrap();
        for length in 0..300 {
            elf_interpreter(&own[..length]);
            foreign_machine(&own[..length]);
        }
        let mut wild = own[..512].to_vec();
        for at in 32..64 {
            wild[at] = 0xff;
            elf_interpreter(&wild);
        }
    }

    #[test]
    fn machines() {
        let mut head = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xb7\0".to_vec();
        let arm = cfg!(target_arch = "aarch64");
        assert_eq!(foreign_machine(&head), (!arm).then_some("aarch64"));
        head[18] = 0xff;
        assert_eq!(foreign_machine(&head), Some("another machine"));
    }
}
