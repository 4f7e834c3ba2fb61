//! Where containers are written down: `--root`, `$CONTAIN_ROOT`, `/run/contain` for root or `$XDG_RUNTIME_DIR/contain`,
//! then `/tmp/contain-<uid>` where the first cannot be made (a read-only /run, no session).

use std::os::fd::OwnedFd;

use crate::linux::fs::{CWD, Mode, OFlags, fstat, openat};
use crate::linux::io::Errno;
use crate::linux::process::{getcwd, geteuid};

use super::Root;
use crate::error::{Error, Result};
use crate::kernel::device::make_directory_as;
use crate::packed::{Sentence, sentence, text};
use crate::text::{Word, digits, kept_below, kept_two, shown, value};

/// What to do where nothing can be written down.
pub const ELSEWHERE: Sentence = sentence!("name another directory for containers: --root DIR, or $CONTAIN_ROOT");

/// The directories that may be it, the best first; only one where the user named it.
pub struct Places(Vec<Word>);

impl Places {
    pub fn of(named: Option<Word>, environment: &[Word]) -> Places {
        if let Some(path) = named.or_else(|| value(environment, "CONTAIN_ROOT")) {
            return Places(vec![absolute(path)]);
        }
        let own = geteuid();
        let mut places = Vec::new();
        if own.is_root() {
            places.push(c"/run/contain");
        } else if let Some(session) = value(environment, "XDG_RUNTIME_DIR") {
            places.push(kept_two(session.to_bytes(), b"/contain"));
        }
        places.push(kept_two(b"/tmp/contain-", digits(own.as_raw().into()).as_bytes()));
        Places(places)
    }

    /// Opens the first that is there or can be made.
    pub fn make(&self) -> Result<&'static Root> {
        let mut first = None;
        for &path in &self.0 {
            match make_directory_as(CWD, path, 0o700) {
                Ok(()) => return open(path),
                Err(errno) if first.is_none() => {
                    first = Some(Error::os(text!("make %", shown(path)), errno).with_hint(ELSEWHERE));
                }
                Err(_) => {}
            }
        }
        Err(first.unwrap_or_else(|| Error::new(sentence!("no place for containers: name one with --root DIR"))))
    }

    /// Opens the first that is there; `None` where no container was ever written down.
    pub fn find(&self) -> Result<Option<&'static Root>> {
        for &path in &self.0 {
            match open(path) {
                Ok(root) => return Ok(Some(root)),
                Err(error) if error.errno() == Some(Errno::NOENT) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

/// From / on: a launch leaves the working directory.
fn absolute(path: Word) -> Word {
    if path.to_bytes().starts_with(b"/") {
        return path;
    }
    getcwd(Vec::new()).map_or(path, |here| kept_below(here.to_bytes(), path.to_bytes()))
}

/// A directory of this user's that nobody else can write to: not one that somebody else put there, as in /tmp. It stays open.
fn open(path: Word) -> Result<&'static Root> {
    let shown = shown(path);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = openat(CWD, path, flags, Mode::empty()).and_then(|directory: OwnedFd| {
        let found = fstat(&directory)?;
        Ok((directory, found))
    });
    let (directory, found) = opened.map_err(|errno| {
        let hint =
            if errno == Errno::NOTDIR || errno == Errno::LOOP { text!("it must be a directory, no link") } else { "" };
        Error::os(text!("open %", shown), errno).with_hint(hint)
    })?;
    if found.st_uid != geteuid().as_raw() || found.st_mode & 0o022 != 0 {
        return Err(Error::new(text!("% is another user's, or others may write to it: it is not trusted", shown))
            .with_hint(ELSEWHERE));
    }
    Ok(Box::leak(Box::new(Root { directory, path: shown })))
}
