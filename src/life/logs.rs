//! `contain logs`: what a container printed, from its log files, and with `-f` what it goes on to print. The bytes go
//! through as they are, to a terminal too.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::linux;
use crate::linux::event::{PollFd, PollFlags, Timespec, poll};
use crate::linux::fs::inotify::{self, CreateFlags, WatchFlags};
use crate::linux::fs::{AtFlags, fstat, statat};
use crate::linux::io::{Errno, pread};
use crate::linux::stdio::{stderr, stdout};

use crate::error::{Error, Result};
use crate::kernel::file;
use crate::kernel::file::{copy, write_all};
use crate::life::running;
use crate::packed::{sentence, text};
use crate::state::Entry;
use crate::state::log::{self, NAMES, Names};
use crate::state::place::Places;

/// How often it is looked where nothing tells of a change.
const MOMENT: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// All of them, or the last `lines` of each.
#[inline(never)]
pub fn logs(target: &'static str, follow: bool, lines: Option<u64>, places: &Places) -> Result<u8> {
    let root = running::root(places, target)?;
    let entry = root.select(target)?;
    match show(&entry, follow, lines) {
        // A reader that has gone wanted no more.
        Ok(true) | Err(Errno::PIPE) => Ok(0),
        Ok(false) => Err(Error::new(text!("container % has no logs: what it prints goes to its caller", target))
            .with_hint(sentence!("run it with -d, or with --log"))),
        Err(errno) => Err(Error::os(text!("show the logs of %", target), errno)),
    }
}

/// Says whether there are any.
fn show(entry: &Entry, follow: bool, lines: Option<u64>) -> linux::io::Result<bool> {
    // Before anything is read: what is written later is told. A kernel without inotify, or at its limit, tells nothing.
    let changes = if follow { changes(entry).ok() } else { None };
    let [out, err] = &NAMES;
    let begin = |names, to| Shown { entry, names, to, file: None, at: 0 };
    let mut streams = [begin(out, stdout()), begin(err, stderr())];
    for stream in &mut streams {
        stream.start(lines)?;
    }
    let mut supervisor = None;
    loop {
        // Asked first: what is there after the end is all.
        let over = !follow || !entry.is_alive();
        for stream in &mut streams {
            stream.go_on(follow)?;
        }
        let are_any = streams.iter().any(|stream| stream.file.is_some());
        if over || !are_any {
            return Ok(are_any);
        }
        if supervisor.is_none() {
            supervisor = entry.record().ok().and_then(|record| running::handle(record.supervisor).ok().flatten());
        }
        // Without any event asked for, poll(2) tells of a pipe that nobody reads any more.
        let mut descriptors: [_; 3] = std::array::from_fn(|_| PollFd::from_borrowed_fd(stdout(), PollFlags::empty()));
        let tells = [&changes, &supervisor];
        for (place, told) in descriptors[1..].iter_mut().zip(tells.into_iter().flatten()) {
            *place = PollFd::new(told, PollFlags::IN);
        }
        let _again = poll(&mut descriptors, tells.iter().any(|told| told.is_none()).then_some(&MOMENT));
        if !descriptors[0].revents().is_empty() {
            return Ok(true);
        }
        if let Some(changes) = &changes {
            // What changed is looked at anyway.
            let _which = linux::io::read(changes, &mut [0; 4096]);
        }
    }
}

/// Tells of each change to a container's files.
fn changes(entry: &Entry) -> linux::io::Result<OwnedFd> {
    let changes = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
    let directory = file::own(entry.directory.as_fd());
    inotify::add_watch(&changes, directory, WatchFlags::MODIFY | WatchFlags::MOVED_TO)?;
    Ok(changes)
}

/// One stream of a container, on its way to ours.
struct Shown<'a> {
    entry: &'a Entry,
    names: &'static Names,
    to: BorrowedFd<'static>,
    /// The file that is being read, and how far; none where there are none.
    file: Option<OwnedFd>,
    at: u64,
}

impl Shown<'_> {
    /// Shows all that there is; once the files go on to be rotated, no more than two of them.
    fn go_on(&mut self, follow: bool) -> linux::io::Result<()> {
        let mut files = 0;
        while let Some(file) = &self.file {
            files += 1;
            let own = identity(file);
            // Asked first: a file that was replaced has all that it ever will.
            let current = self.identity(self.names.current);
            let size = fstat(file)?.st_size as u64;
            if size < self.at && self.identity(self.names.current) == own {
                // The container has cut it: it begins again.
                self.at = 0;
            }
            self.at = copy(file.as_fd(), self.at..size, &mut |part| write_all(self.to, part))?;
            // While one is being replaced there is none.
            if current.is_none() || current == own || !follow && files == 2 {
                break;
            }
            let [previous, current] = self.open()?;
            match if previous.as_ref().is_some_and(|previous| identity(previous) != own) { previous } else { current } {
                None => break,
                next => self.file = next,
            }
            // A line that had no end yet has moved to the beginning of the next one.
            self.at = self.at.saturating_sub(size);
        }
        Ok(())
    }

    /// The previous file and the current one.
    fn open(&self) -> linux::io::Result<[Option<OwnedFd>; 2]> {
        let open = |name| log::read(self.entry, name);
        let mut tries = 0;
        loop {
            let [previous, current] = [open(self.names.previous)?, open(self.names.current)?];
            tries += 1;
            // Between the two the current one may have become the previous one, or be just about to.
            let same = self.identity(self.names.previous) == previous.as_ref().and_then(identity);
            if (same && (current.is_some() || previous.is_none())) || tries == 100 {
                return Ok([previous, current]);
            }
        }
    }

    /// Which file has a name now.
    fn identity(&self, name: &CStr) -> Option<(u64, u64)> {
        statat(&self.entry.directory, name, AtFlags::SYMLINK_NOFOLLOW).ok().map(|found| (found.st_dev, found.st_ino))
    }

    /// Finds where to begin for the last `lines`, or all.
    fn start(&mut self, lines: Option<u64>) -> linux::io::Result<()> {
        let mut missing = lines.unwrap_or(u64::MAX);
        // The last byte of all ends the last line; it does not begin another.
        let mut is_last = true;
        let [mut previous, mut next] = self.open()?;
        for _of_two in 0..2 {
            let Some(file) = next.or_else(|| previous.take()) else { break };
            self.at = if lines.is_none() { 0 } else { fstat(&file)?.st_size as u64 };
            while self.at > 0 && missing > 0 {
                let mut block = [0; 8192];
                let from = self.at.saturating_sub(8192);
                let count = pread(&file, &mut block[..(self.at - from) as usize], from)?;
                self.at = from;
                for index in (0..count).rev() {
                    missing -= u64::from(block[index] == b'\n' && !is_last);
                    is_last = false;
                    if missing == 0 {
                        self.at = from + index as u64 + 1;
                        break;
                    }
                }
            }
            self.file = Some(file);
            if missing == 0 {
                break;
            }
            next = previous.take();
        }
        Ok(())
    }
}

fn identity(file: &OwnedFd) -> Option<(u64, u64)> {
    fstat(file).ok().map(|found| (found.st_dev, found.st_ino))
}
