//! What is known of containers, on disk: one directory for each, named by its id, below a root that belongs to this user
//! alone. `metadata.json` in it is a [`Record`]; `stdout.log` and `stderr.log` are what the container printed.
//!
//! The `contain` that waits for a container holds flock(2) on the container's directory for as long as it lives. So
//! whether a record that says "running" is still true needs no guess from process numbers. Nobody holds a lock on the
//! root: any number of commands work at the same time.

pub mod log;
pub mod name;
pub mod place;
pub mod record;
pub mod select;
pub mod waited;

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::linux;
use crate::linux::fs::{
    AtFlags, FlockOperation, Mode, OFlags, fdatasync, flock, fstat, mkdirat, openat, renameat, statat, unlinkat,
};
use crate::linux::io::Errno;

use crate::error::{Error, Result, named};
use crate::kernel::file::{names, read_all, write_all};
use crate::kernel::mount;
use crate::packed::{Sentence, sentence, text};
use crate::state::record::{Record, Status};
use crate::text::{is_id, kept_one, shown};

/// The largest metadata.json that is read; a command line and an environment fit into it (execve(2), "Limits").
const LARGEST: usize = 4 << 20;
pub const METADATA: &CStr = c"metadata.json";
const METADATA_NEW: &CStr = c"metadata.json.new";
/// The files that a container's directory may hold.
const FILES: [&CStr; 9] = {
    let [out, err] = log::NAMES;
    [METADATA, METADATA_NEW, waited::WAITED, out.current, err.current, out.previous, err.previous, out.next, err.next]
};

/// The directory of all containers.
pub struct Root {
    pub directory: OwnedFd,
    /// As the user knows it.
    pub path: &'static str,
}

/// One container's directory.
pub struct Entry {
    pub id: &'static str,
    pub directory: OwnedFd,
}

/// Why a record cannot be told.
#[derive(Debug)]
pub enum Damage {
    /// There is none: it is just being made, or its making was cut short.
    Missing,
    Unreadable(Errno),
    Malformed(crate::json::Wrong),
}

impl Damage {
    pub fn text(&self) -> &'static str {
        match self {
            Damage::Missing => text!("metadata.json is missing"),
            Damage::Unreadable(errno) => text!("metadata.json: %", &named(*errno)),
            Damage::Malformed(wrong) => text!("metadata.json: %", &wrong.text()),
        }
    }
}

impl Root {
    /// One of a container's files, or with an empty name its directory, as the user knows it.
    pub fn file(&self, id: &str, file: &CStr) -> &'static str {
        let slash = if file.is_empty() { "" } else { "/" };
        text!("%/%%%", self.path, id, slash, shown(file))
    }

    #[cold]
    #[inline(never)]
    fn failed(&self, doing: Sentence, id: &str, file: &CStr, errno: Errno) -> Error {
        Error::os(doing.with(self.file(id, file)), errno)
    }

    /// Every container's id, in no order.
    pub fn ids(&self) -> Result<Vec<&'static str>> {
        let mut ids = Vec::new();
        self.list(&mut |id, _| ids.push(id))?;
        Ok(ids)
    }

    /// Hands over every container's directory, in no order. A list of very many lists no ids first.
    pub fn each(&self, each: &mut dyn FnMut(Entry)) -> Result<()> {
        let mut failed = Ok(());
        self.list(&mut |id, name| match self.open(name) {
            Ok(Some(directory)) => each(Entry { id, directory }),
            Ok(None) => {}
            Err(errno) => failed = Err(self.failed(sentence!("open %"), id, c"", errno)),
        })?;
        failed
    }

    fn list(&self, each: &mut dyn FnMut(&'static str, &CStr)) -> Result<()> {
        let mut consider = |name: &CStr| {
            if let Some(id) = id_of(name) {
                each(id, name);
            }
        };
        let listed = names(self.directory.as_fd(), &mut consider);
        listed.map_err(|errno| Error::os(text!("list %", self.path), errno))
    }

    /// One container's directory; `None` where there is none, or it has just gone.
    pub fn entry(&self, id: &'static str) -> Result<Option<Entry>> {
        match self.open(kept_one(id.as_bytes())) {
            Ok(directory) => Ok(directory.map(|directory| Entry { id, directory })),
            Err(errno) => Err(self.failed(sentence!("open %"), id, c"", errno)),
        }
    }

    /// A directory in it; `None` where there is none of that name. What could not be looked at is not taken for gone.
    pub fn open(&self, name: &CStr) -> linux::io::Result<Option<OwnedFd>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(&self.directory, name, flags, Mode::empty()) {
            Ok(directory) => Ok(Some(directory)),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// Makes a new container's directory and holds its lock for as long as this process lives.
    pub fn make(&self, id: &'static str) -> Result<Entry> {
        let name = kept_one(id.as_bytes());
        self.make_locked(id, name).map_err(|errno| {
            // Nobody shall take what has this id for left behind: the container may live without a directory.
            let _left = unlinkat(&self.directory, name, AtFlags::REMOVEDIR);
            self.failed(sentence!("make %"), id, c"", errno).with_hint(place::ELSEWHERE.get())
        })
    }

    /// Between making and locking somebody may take it for rubbish; then it is made again.
    fn make_locked(&self, id: &'static str, name: &CStr) -> linux::io::Result<Entry> {
        for _ in 0..100 {
            mkdirat(&self.directory, name, Mode::RWXU)?;
            let Some(directory) = self.open(name)? else { continue };
            flock(&directory, FlockOperation::LockExclusive)?;
            // A directory that was removed has no links left.
            if fstat(&directory)?.st_nlink > 0 {
                return Ok(Entry { id, directory });
            }
        }
        Err(Errno::BUSY)
    }

    /// Removes a container's directory and all of ours in it. What others put there stays, and is told.
    pub fn remove(&self, entry: &Entry) -> Result<()> {
        let name = kept_one(entry.id.as_bytes());
        let mut tries = 0;
        loop {
            match unlinkat(&self.directory, name, AtFlags::REMOVEDIR) {
                Ok(()) | Err(Errno::NOENT) => return Ok(()),
                // A record that somebody was just changing may have come after its removal.
                Err(Errno::NOTEMPTY) if tries < 10 => tries += 1,
                Err(errno) => {
                    let hint =
                        if errno == Errno::NOTEMPTY { text!("somebody put files there: remove them") } else { "" };
                    return Err(self.failed(sentence!("remove %"), entry.id, c"", errno).with_hint(hint));
                }
            }
            for file in &FILES {
                if *file == log::NAMES[0].current {
                    let _best = log::join_read(entry);
                }
                if let Err(errno) = remove_any(&entry.directory, file) {
                    return Err(self.failed(sentence!("remove %"), entry.id, file, errno));
                }
            }
        }
    }
}

impl Entry {
    /// Whether the `contain` that waits for the container lives.
    pub fn is_alive(&self) -> bool {
        // Shared: two who look at the same time do not take each other for it. Given back at once.
        match flock(&self.directory, FlockOperation::NonBlockingLockShared) {
            Ok(()) => {
                self.unlock();
                false
            }
            // EWOULDBLOCK; where the kernel cannot tell, nothing is taken for dead.
            Err(_) => true,
        }
    }

    /// Takes the lock of a container that nobody waits for, to clear it away; false where somebody has it, or it is gone.
    /// One who `waits` does so for some seconds.
    pub fn lock(&self, waits: bool) -> bool {
        for pause in 0..100 {
            if flock(&self.directory, FlockOperation::NonBlockingLockExclusive).is_ok() {
                return fstat(&self.directory).is_ok_and(|found| found.st_nlink > 0);
            }
            // Who just looks whether it is alive has the lock for a moment only.
            match waits {
                true => crate::linux::thread::sleep(pause * 1_000_000),
                false if self.is_alive() => break,
                false => {}
            }
        }
        false
    }

    /// Whether somebody writes the record, or was killed while he did.
    pub fn has_half(&self) -> bool {
        statat(&self.directory, METADATA_NEW, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    pub fn unlock(&self) {
        let _given = flock(&self.directory, FlockOperation::Unlock);
    }

    pub fn record(&self) -> std::result::Result<&'static mut Record, Damage> {
        let record = Record::blank();
        self.look(record, false)?;
        Ok(record)
    }

    /// Fills a record in, or as much of it as a list shows.
    pub fn look(&self, record: &mut Record, brief: bool) -> std::result::Result<(), Damage> {
        let file = self.metadata()?;
        self.read(&file, record, brief)
    }

    /// What is no regular file has no record to read.
    fn metadata(&self) -> std::result::Result<OwnedFd, Damage> {
        openat(&self.directory, METADATA, OFlags::RDONLY | SAFELY, Mode::empty()).map_err(|errno| match errno {
            Errno::NOENT => Damage::Missing,
            errno => Damage::Unreadable(errno),
        })
    }

    fn read(&self, file: &OwnedFd, record: &mut Record, brief: bool) -> std::result::Result<(), Damage> {
        let mut beginning = [MaybeUninit::uninit(); 4096];
        let (text, rest) = linux::io::read_into(file.as_fd(), &mut beginning).map_err(Damage::Unreadable)?;
        let mut text = &*text;
        // A file that gives less than was asked for ends there; `ps` reads very many of them.
        if rest.is_empty() {
            let more = read_all(file.as_fd(), LARGEST).map_err(Damage::Unreadable)?;
            text = [text, &more].concat().leak();
        }
        if text.len() >= LARGEST {
            return Err(Damage::Unreadable(Errno::FBIG));
        }
        record.fill(text, brief).map_err(Damage::Malformed)?;
        // The directory's name is what counts.
        record.id = self.id;
        // Nobody's group but its own is ever touched, whatever is written there.
        let mut own = record.cgroups.to_vec();
        own.retain(|path| {
            path.to_bytes().strip_suffix(self.id.as_bytes()).is_some_and(|rest| rest.ends_with(b"/contain-"))
        });
        record.cgroups = own.leak();
        Ok(())
    }

    /// Writes the record, whole or not at all.
    pub fn write(&self, record: &mut Record) -> linux::io::Result<()> {
        // Whatever a killed one left in its place.
        remove_any(&self.directory, METADATA_NEW)?;
        let new = self.open(METADATA_NEW, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)?;
        let written = write_all(new.as_fd(), record.write().as_bytes())
            // A power failure ends every container anyway; how one ended before that shall not be lost.
            .and_then(|()| if record.status == Status::Stopped { fdatasync(&new) } else { Ok(()) })
            .and_then(|()| renameat(&self.directory, METADATA_NEW, &self.directory, METADATA));
        if written.is_err() {
            let _none = unlinkat(&self.directory, METADATA_NEW, AtFlags::empty());
        }
        written
    }

    /// Reads, changes and writes the record, one after the other where several do so at the same time. `change` says
    /// whether there is anything to write.
    pub fn change(&self, change: &mut dyn FnMut(&mut Record) -> bool) -> std::result::Result<(), Damage> {
        loop {
            let file = self.metadata()?;
            flock(&file, FlockOperation::LockExclusive).map_err(Damage::Unreadable)?;
            // Somebody else may have put another file in its place before the lock was ours.
            let inode = |stat: linux::fs::Stat| (stat.st_dev, stat.st_ino);
            let current = statat(&self.directory, METADATA, AtFlags::SYMLINK_NOFOLLOW).map(inode);
            if current != fstat(&file).map(inode) {
                continue;
            }
            let record = Record::blank();
            self.read(&file, record, false)?;
            return match change(record) {
                true => self.write(record).map_err(Damage::Unreadable),
                false => Ok(()),
            };
        }
    }

    /// One of the files of a container's directory, never through a link.
    pub fn open(&self, name: &CStr, flags: OFlags) -> linux::io::Result<OwnedFd> {
        self.open_below(self.directory.as_fd(), name, flags)
    }

    /// The same for a file that a container is given: whatever it makes of the file's mode, by this descriptor nobody executes
    /// it. A user who may not mount has no container that could make it another user's program.
    pub fn open_harmless(&self, name: &CStr, flags: OFlags) -> linux::io::Result<OwnedFd> {
        match mount::copy_harmless(self.directory.as_fd()) {
            Ok(copy) => self.open_below(copy.as_fd(), name, flags),
            // Before Linux 5.12 a mount that is attached nowhere takes no flags.
            Err(_) => self.open(name, flags),
        }
    }

    fn open_below(&self, directory: BorrowedFd<'_>, name: &CStr, flags: OFlags) -> linux::io::Result<OwnedFd> {
        // A new one may be the container's, which shall not see O_NONBLOCK.
        let waits = if flags.contains(OFlags::EXCL) { OFlags::NONBLOCK } else { OFlags::empty() };
        regular(openat(directory, name, flags | SAFELY.difference(waits), Mode::RUSR | Mode::WUSR)?)
    }
}

/// Follows no link and waits for nobody, whatever stands in the place of a file: a FIFO, say.
const SAFELY: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// Refuses what is no regular file.
fn regular(file: OwnedFd) -> linux::io::Result<OwnedFd> {
    fstat(&file)?.regular().map(|()| file)
}

/// Removes what has this name, if there is anything: of directories those that are empty.
fn remove_any(directory: &OwnedFd, name: &CStr) -> linux::io::Result<()> {
    let removed = match unlinkat(directory, name, AtFlags::empty()) {
        Err(Errno::ISDIR) => unlinkat(directory, name, AtFlags::REMOVEDIR),
        removed => removed,
    };
    if removed == Err(Errno::NOENT) { Ok(()) } else { removed }
}

/// The id that a directory's name is: 16 hexadecimal digits.
fn id_of(name: &CStr) -> Option<&'static str> {
    if is_id(name.to_bytes()) { Some(shown(kept_one(name.to_bytes()))) } else { None }
}
