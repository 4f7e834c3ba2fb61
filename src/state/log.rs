//! A container's log files: what they are called, and how they are written where contain writes them itself. A file that
//! gets too large becomes the one before, and a new one is begun; no line stands in both, unless it is longer than a file.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use crate::linux;
use crate::linux::fs::{AtFlags, FlockOperation, OFlags, flock, fstat, ftruncate, renameat, unlinkat};
use crate::linux::io::{Errno, Result};

use super::Entry;
use crate::kernel::file;

/// The files of one stream.
pub struct Names {
    /// The one that is written.
    pub current: &'static CStr,
    pub previous: &'static CStr,
    /// The next one, while it is being made.
    pub next: &'static CStr,
}

/// Standard output's and standard error's.
pub const NAMES: [Names; 2] = [
    Names { current: c"stdout.log", previous: c"stdout.log.1", next: c"stdout.log.new" },
    Names { current: c"stderr.log", previous: c"stderr.log.1", next: c"stderr.log.new" },
];

/// Opens a file to read it, and holds a lock on it, if there is such a file.
pub fn read(entry: &Entry, name: &CStr) -> Result<Option<OwnedFd>> {
    let file = match entry.open(name, OFlags::RDONLY) {
        Err(Errno::NOENT) => return Ok(None),
        file => file?,
    };
    // Who removes the files has it otherwise, for a moment.
    let _told = flock(&file, FlockOperation::NonBlockingLockShared);
    Ok(Some(file))
}

/// Before the files are removed: who still reads a previous one finds all of the current one after it.
pub fn join_read(entry: &Entry) -> Result<()> {
    for names in &NAMES {
        let Ok(previous) = entry.open(names.previous, OFlags::RDWR) else { continue };
        if flock(&previous, FlockOperation::NonBlockingLockExclusive).is_err() {
            let current = entry.open(names.current, OFlags::RDONLY)?;
            // From now on nobody opens that, and would see it twice.
            unlinkat(&entry.directory, names.current, AtFlags::empty())?;
            let mut end = fstat(&previous)?.st_size as u64;
            file::copy(current.as_fd(), 0..u64::MAX, &mut |part| file::write_at(previous.as_fd(), &mut end, part))?;
        }
    }
    Ok(())
}

/// One of them, as its only writer has it.
pub struct Log {
    directory: Entry,
    names: &'static Names,
    file: OwnedFd,
    size: u64,
    /// Where the last line that has an end ends.
    whole: u64,
    most: u64,
    /// Why the last line could not be written.
    failed: Option<Errno>,
}

impl Log {
    pub fn open(entry: &Entry, names: &'static Names, most: u64) -> Result<Log> {
        let directory = Entry { id: "", directory: linux::io::fcntl_dupfd_cloexec(&entry.directory, 3)? };
        let file = directory.open(names.current, Log::FLAGS)?;
        Ok(Log { directory, names, file, size: 0, whole: 0, most, failed: None })
    }

    const FLAGS: OFlags = OFlags::RDWR.union(OFlags::CREATE).union(OFlags::TRUNC);

    /// Adds what the container printed. What cannot be written is left out, by whole lines, until it can be again.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        if let Some(errno) = self.failed {
            let end = bytes.iter().position(|b| *b == b'\n').ok_or(errno)?;
            bytes = &bytes[end + 1..];
        }
        let written = self.write_lines(bytes);
        self.failed = written.err();
        if written.is_err() {
            let _kept = ftruncate(&self.file, self.whole);
            self.size = self.whole;
        }
        written
    }

    fn write_lines(&mut self, mut bytes: &[u8]) -> Result<()> {
        loop {
            let room = self.most - self.size;
            if bytes.len() as u64 <= room {
                return self.append(bytes);
            }
            // Less than there are bytes.
            let room = room as usize;
            let lines = end_of_lines(&bytes[..room]);
            // A line that is longer than a file is cut where the file ends.
            let fitting = if lines == 0 && self.whole == 0 { room } else { lines };
            self.append(&bytes[..fitting])?;
            self.rotate()?;
            bytes = &bytes[fitting..];
        }
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let start = self.size;
        let lines = end_of_lines(bytes) as u64;
        file::write_at(self.file.as_fd(), &mut self.size, bytes)?;
        if lines > 0 {
            self.whole = start + lines;
        }
        Ok(())
    }

    /// Begins a new file, with the line that has no end yet. Who follows the file sees it replaced once all is in place.
    fn rotate(&mut self) -> Result<()> {
        let whole = if self.whole == 0 { self.size } else { self.whole };
        let next = self.directory.open(self.names.next, Log::FLAGS)?;
        let mut size = 0;
        file::copy(self.file.as_fd(), whole..self.size, &mut |part| file::write_at(next.as_fd(), &mut size, part))?;
        let directory = &self.directory.directory;
        renameat(directory, self.names.current, directory, self.names.previous)?;
        ftruncate(&self.file, whole)?;
        renameat(directory, self.names.next, directory, self.names.current)?;
        (self.file, self.size, self.whole) = (next, size, 0);
        Ok(())
    }
}

/// Where the last line that ends in `bytes` ends; 0 where none does.
fn end_of_lines(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, Mode, openat};

    use super::*;

    /// However the output comes in pieces: no file is too large, and together they are the end of what was printed, from
    /// the beginning of a line, unless that line is longer than a file.
    #[test]
    fn rotated_between_lines() {
        const MOST: usize = 4096;
        let path = std::env::temp_dir().join(format!("contain-log-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        let directory = openat(CWD, &path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let mut log = Log::open(&Entry { id: "", directory }, &NAMES[1], MOST as u64).unwrap();
        let mut seed = 1u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        let mut printed = Vec::new();
        let mut rotated = 0;
        for round in 0..5000 {
            let often = [2, 60, 2500][round % 3];
            let piece: Vec<u8> = (0..random(4096)).map(|_| if random(often) == 0 { b'\n' } else { b'x' }).collect();
            log.write(&piece).unwrap();
            printed.extend(piece);
            let read = |name: &str| std::fs::read(path.join(name)).unwrap_or_default();
            let files = [read("stderr.log.1"), read("stderr.log")];
            assert!(files.iter().all(|file| file.len() <= MOST));
            let kept = files.concat();
            assert!(printed.ends_with(&kept), "round {round}");
            let before = &printed[..printed.len() - kept.len()];
            let line = before.len() - end_of_lines(before) + kept.iter().take_while(|byte| **byte != b'\n').count();
            assert!(before.is_empty() || before.ends_with(b"\n") || line >= MOST, "round {round}");
            rotated += usize::from(files[0].last() == Some(&b'\n'));
            printed.drain(..end_of_lines(before));
        }
        assert!(rotated > 2000 && !path.join("stderr.log.new").exists());
        std::fs::remove_dir_all(path).unwrap();
    }
}
