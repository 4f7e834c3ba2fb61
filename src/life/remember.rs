//! What a running container leaves for other commands to see: its directory, its name, its record, and at the end what
//! became of it. Also what they leave behind when they are killed, and how that is cleared away.

use std::os::fd::AsFd;

use crate::linux::fs::{CWD, fstat, readlinkat_raw};
use crate::linux::process::{Pid, getpid};

use crate::error::{Error, Result};
use crate::kernel::cgroup::{Group, mounts, sweep};
use crate::kernel::root::Rootfs;
use crate::kernel::{file, proc};
use crate::launch::facts;
use crate::life::running;
use crate::packed::text;
use crate::plan::facts::Controllers;
use crate::state::place::{ELSEWHERE, Places};
use crate::state::record::{Process, Record, Status};
use crate::state::{Damage, Entry, METADATA, Root};
use crate::sys::clock::{self, since_boot};
use crate::text::{Word, kept, kept_one};

/// A container of this process's: what is known of it, and where that is written down.
pub struct Remembered {
    pub record: &'static mut Record,
    /// Its directory, once it has one. This process holds the lock for as long as it lives.
    pub place: Option<(&'static Root, &'static Entry)>,
    /// Others see the record, and may change it.
    published: bool,
}

impl Remembered {
    pub fn new(record: &'static mut Record) -> Remembered {
        Remembered { record, place: None, published: false }
    }

    /// Makes the container's directory, locked. By its id alone others find what is left of the container.
    pub fn begin(&mut self, places: &Places) -> Result<()> {
        if self.place.is_none() {
            let root = places.make()?;
            self.place = Some((root, Box::leak(Box::new(root.make(self.record.id)?))));
        }
        Ok(())
    }

    /// Adds what is known before the container runs.
    pub fn describe(&mut self, rootfs: &Rootfs) {
        let record = &mut *self.record;
        (record.supervisor, record.created) = (process(getpid()), now());
        // Layers have their absolute paths already.
        let ([rootfs], []) = (rootfs.layers.as_slice(), record.spec.layers) else { return };
        let mut path = [0; 4096];
        if let Ok(1..) = readlinkat_raw(CWD, file::own(rootfs.as_fd()), &mut path[..]) {
            record.spec.rootfs = kept_one(&path);
        }
    }

    /// Takes the name, and lets others see the record.
    pub fn publish(&mut self) -> Result<()> {
        let (Some(name), Some((root, _))) = (self.record.name, self.place) else { return self.write() };
        // It may be that of a container whose `contain` was killed.
        if let Some(holder) = root.holder(name)? {
            clear(root, &holder);
        }
        let _claimed = root.claim(name, self.record.id)?;
        // Whoever looks the name up while it is held finds the record once it is not.
        self.write()
    }

    /// Writes down the first process of the container that has come to be.
    pub fn running(&mut self, pid: Pid, group: &Group) -> Result<()> {
        self.record.process = process(pid);
        let mut paths = Vec::new();
        group.paths().for_each(|path| paths.push(path));
        self.record.cgroups = paths.leak();
        self.write()
    }

    fn write(&mut self) -> Result<()> {
        let Some((root, entry)) = self.place else { return Ok(()) };
        let Record { process, cgroups, .. } = *self.record;
        let written = match self.published {
            true => entry.change(&mut |record| {
                (record.process, record.cgroups) = (process, cgroups);
                true
            }),
            false => entry.write(self.record).map_err(Damage::Unreadable),
        };
        self.published = true;
        written.map_err(|damage| {
            let doing = text!("write %", &root.file(entry.id, METADATA));
            match damage {
                Damage::Unreadable(errno) => Error::os(doing, errno).with_hint(ELSEWHERE),
                damage => Error::new(text!("%: %", doing, damage.text())),
            }
        })
    }

    /// Notes how the container ended, or forgets it.
    pub fn ended(&mut self, exit_code: u8, oom: bool) {
        let Some((_, entry)) = self.place else { return };
        if !self.record.keep {
            entry.tell_end(exit_code);
            return;
        }
        let finish = |record: &mut Record| {
            record.status = Status::Stopped;
            record.exit_code = Some(exit_code.into());
            record.oom = oom;
            record.finished = Some(now());
            true
        };
        finish(self.record);
        let noted = match entry.change(&mut { finish }) {
            // Somebody spoilt the record: what is known here is true.
            Err(Damage::Malformed(_)) => entry.write(self.record).map_err(Damage::Unreadable),
            // Somebody has removed it.
            Err(Damage::Missing) => Ok(()),
            noted => noted,
        };
        if let Err(damage) = noted {
            crate::log::error(text!("note the end of container %: %", entry.id, &damage.text()));
        }
    }

    /// Forgets it, unless its end was noted.
    pub fn leave(&self) {
        let Record { status, cgroups, name, .. } = *self.record;
        // Groups that could not be removed are found by their container's directory, which the next command does.
        if let Some((root, entry)) = self.place
            && status != Status::Stopped
            && Group::open(cgroups).is_none()
        {
            forget(root, entry, name);
        }
    }
}

fn process(pid: Pid) -> Process {
    Process { pid: pid.as_raw_pid() as u64, start: proc::start_time(pid).ok().flatten().unwrap_or(0) }
}

/// Seconds since the epoch.
pub fn now() -> u64 {
    clock::read(clock::REAL).map_or(0, |(seconds, _)| seconds as u64)
}

/// Removes a container's directory and gives its name back. What cannot be removed now is cleared away later.
pub fn forget(root: &Root, entry: &Entry, name: Option<&str>) {
    if let Some(name) = name {
        root.disclaim(name, entry.id);
    }
    let _later = root.remove(entry);
}

/// Clears away what is left of a container whose `contain` was killed: its processes and groups, and its directory
/// unless it is to be kept. Of a living one, or one that ended in order, nothing is touched.
pub fn clear(root: &Root, entry: &Entry) {
    if entry.is_alive() {
        return;
    }
    match entry.record() {
        Ok(record) if record.status == Status::Stopped => {}
        // Looked at again: it may have begun between the first look and the record. A lock that is gone now never comes back.
        Ok(_) if entry.is_alive() => {}
        // Several may do this at the same time, since each of it can be done twice. They leave the lock alone: whoever
        // looks meanwhile would take the container for alive.
        Ok(record) => {
            end_rest(record);
            match record.keep {
                true => {
                    let _later = entry.change(&mut |record| {
                        let unnoted = record.status != Status::Stopped;
                        if unnoted {
                            record.status = Status::Stopped;
                            record.finished = Some(now());
                        }
                        unnoted
                    });
                }
                false => forget(root, entry, record.name),
            }
        }
        // It may just begin: with the lock it cannot.
        Err(Damage::Missing) if entry.lock(false) => {
            if matches!(entry.record(), Err(Damage::Missing)) {
                groups(entry.id, &[]).remove();
                forget(root, entry, None);
            }
            entry.unlock();
        }
        // Somebody may want to look at it: `rm` and `prune` remove it.
        Err(_) => {}
    }
}

/// The groups of a container, however early its `contain` was killed, and those that are written down.
fn groups(id: &str, known: &[Word]) -> Group {
    let mut all = group_places();
    for place in &mut all {
        *place = kept(&[place.to_bytes(), b"/contain-", id.as_bytes()]);
    }
    for path in known {
        if !all.contains(path) {
            all.push(path);
        }
    }
    Group::open(&all)
}

fn group_places() -> Vec<Word> {
    facts::places(&facts::cgroups_of(mounts::find(), Controllers::ALL, ""))
}

/// Removes every group of ours that nobody holds.
pub fn sweep_all() {
    group_places().iter().for_each(|place| sweep::below(place));
}

/// Ends what still runs of a container that nobody waits for, and removes its groups.
pub fn end_rest(record: &Record) {
    let group = groups(record.id, record.cgroups);
    if let Ok(Some(first)) = running::handle(record.process) {
        running::kill(record, &first, &group);
        running::wait(&first, since_boot() + running::PATIENCE);
    }
    group.remove();
}

/// How many containers a launch looks at: with very many of them, each launch clears away a part.
const MOST: usize = 16;
/// With more than this, the list of them alone is a good part of a launch: one launch in sixteen makes it.
const MANY: u8 = 64;

/// Clears away what is left of some containers. `id` is the launch's own.
pub fn clear_some(root: &Root, id: &str) {
    // A directory counts those inside as links, on most file systems (inode(7)); elsewhere they seem few.
    let many = fstat(&root.directory).is_ok_and(|found| found.st_nlink > MANY.into());
    if many && !id.starts_with('0') {
        return;
    }
    let Ok(ids) = root.ids() else { return };
    let start = if ids.len() <= MOST { 0 } else { now() as usize % ids.len() };
    for at in start..start + ids.len().min(MOST) {
        if let Ok(Some(entry)) = root.entry(ids[at % ids.len()]) {
            clear(root, &entry);
        }
    }
}
