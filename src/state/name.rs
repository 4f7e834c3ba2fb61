//! Names of containers: `names/<name>` below the root holds the id. flock(2) on that file makes a name be one
//! container's at a time.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use crate::linux;
use crate::linux::fs::{AtFlags, FlockOperation, Mode, OFlags, flock, fstat, ftruncate, statat, unlinkat};
use crate::linux::io::Errno;

use super::{Damage, Entry, Root, SAFELY, regular};
use crate::error::{Error, Result};
use crate::kernel::device::make_directory_as;
use crate::kernel::file::{names, read_all, write_all};
use crate::kernel::walk;
use crate::packed::text;
use crate::text::{Word, is_id, kept_one, kept_two, utf8};

impl Root {
    /// Takes a name for the container `id`. Held until the descriptor is dropped, which is when its record is written.
    pub fn claim(&self, name: &str, id: &str) -> Result<OwnedFd> {
        match self.take(name, id) {
            Ok(Ok(file)) => Ok(file),
            Ok(Err(holder)) => Err(Error::new(text!("--name %: container % has this name", name, holder))
                .with_hint(text!("remove that one (contain rm %), or choose another name", name))),
            Err(errno) => {
                let doing = text!("write %/names/%", self.path, name);
                Err(Error::os(doing, errno).with_hint(super::place::ELSEWHERE.get()))
            }
        }
    }

    /// The file of the name, or the id of the container that has it.
    fn take(&self, name: &str, id: &str) -> linux::io::Result<std::result::Result<OwnedFd, &'static str>> {
        let path = path(name);
        make_directory_as(self.directory.as_fd(), c"names", 0o700)?;
        loop {
            let Some(file) = self.open_name(path, OFlags::RDWR | OFlags::CREATE)? else { continue };
            // A name outlives its container where that was removed in the middle.
            if let Some(holder) = holder(&file)?
                && let Some(directory) = self.open(kept_one(holder.as_bytes()))?
            {
                let entry = Entry { id: holder, directory };
                let has_it = match entry.record() {
                    Ok(record) => record.name == Some(name),
                    Err(Damage::Unreadable(errno)) => return Err(errno),
                    Err(_) => entry.is_alive(),
                };
                if has_it {
                    return Ok(Err(holder));
                }
            }
            let written = ftruncate(&file, 0).and_then(|()| write_all(file.as_fd(), id.as_bytes()));
            if written.is_err() {
                let _none = unlinkat(&self.directory, path, AtFlags::empty());
            }
            return written.map(|()| Ok(file));
        }
    }

    /// Gives a name back, if it is still this container's.
    pub fn disclaim(&self, name: &str, id: &str) {
        let _kept = self.disclaim_if(path(name), &mut |holder| holder == id.as_bytes());
    }

    /// Removes the names that no container has any more: a death in the wrong moment or a power failure left them.
    pub fn disclaim_dead(&self) {
        let mut all = Vec::new();
        if let Ok(directory) = self.open_safely(c"names", OFlags::RDONLY | OFlags::DIRECTORY) {
            let _rest = names(directory.as_fd(), &mut |name| all.push(kept_two(b"names/", name.to_bytes())));
        }
        for path in all {
            // A file that was being written may be short, or hold zeros after a power failure. What else somebody keeps
            // there is not ours.
            let dead = &mut |holder: &[u8]| {
                let ours = holder.len() <= 16 && holder.iter().all(|b| *b == 0 || b.is_ascii_hexdigit());
                ours && matches!(self.open(kept_one(holder)), Ok(None))
            };
            let _left = self.disclaim_if(path, dead);
        }
    }

    fn disclaim_if(&self, path: &CStr, condition: &mut dyn FnMut(&[u8]) -> bool) -> linux::io::Result<()> {
        match self.open_name(path, OFlags::RDWR)? {
            Some(file) if condition(&read_all(file.as_fd(), LONGEST)?) => {
                unlinkat(&self.directory, path, AtFlags::empty())
            }
            _ => Ok(()),
        }
    }

    /// The container that a name stands for.
    pub fn holder(&self, name: &str) -> Result<Option<Entry>> {
        let held = self.open_safely(path(name), OFlags::RDONLY).and_then(regular).and_then(|file| holder(&file));
        match held {
            Ok(Some(id)) => self.entry(id),
            // No name could be so, or nobody has it.
            Ok(None) | Err(Errno::NOENT | Errno::NOTDIR | Errno::ISDIR | Errno::LOOP | Errno::XDEV | Errno::INVAL) => {
                Ok(None)
            }
            Err(errno) => Err(Error::os(text!("read %/names/%", self.path, name), errno)),
        }
    }

    /// The file of a name, locked; `None` where it was removed before the lock was ours.
    fn open_name(&self, path: &CStr, flags: OFlags) -> linux::io::Result<Option<OwnedFd>> {
        let file = regular(self.open_safely(path, flags)?)?;
        flock(&file, FlockOperation::LockExclusive)?;
        let current = statat(&self.directory, path, AtFlags::SYMLINK_NOFOLLOW).map(|found| found.st_ino);
        Ok((current == fstat(&file).map(|found| found.st_ino)).then_some(file))
    }

    /// Opens what lies below the root itself, through no link and no `..`.
    fn open_safely(&self, path: &CStr, flags: OFlags) -> linux::io::Result<OwnedFd> {
        let mode = if flags.contains(OFlags::CREATE) { Mode::RUSR | Mode::WUSR } else { Mode::empty() };
        walk::open(self.directory.as_fd(), path, flags | SAFELY, mode, walk::STRICT)
    }
}

fn path(name: &str) -> Word {
    kept_two(b"names/", name.as_bytes())
}

/// More than an id.
const LONGEST: usize = 64;

fn holder(file: &OwnedFd) -> linux::io::Result<Option<&'static str>> {
    let text = utf8(read_all(file.as_fd(), LONGEST)?.leak()).unwrap_or_default();
    linux::fs::seek(file, linux::fs::SeekFrom::Start(0))?;
    Ok(is_id(text.as_bytes()).then_some(text))
}
