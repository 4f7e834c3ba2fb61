//! `contain rm` and `contain prune`: containers are forgotten, and what is left of them is cleared away.

use std::os::fd::AsFd;

use crate::linux::fs::{AtFlags, statat};
use crate::linux::thread::sleep;

use crate::error::{Error, Result};
use crate::kernel::file::names;
use crate::life::control::{end, note, with_each};
use crate::life::output;
use crate::life::remember::{end_rest, sweep_all};
use crate::life::running::{about, handle, held};
use crate::log;
use crate::packed::{sentence, text};
use crate::state::place::Places;
use crate::state::record::{Record, Status};
use crate::state::{Damage, Entry, Root};
use crate::text::{is_id, place, shown};

/// With a `grace` also those that run, once they have ended as by `stop`.
pub fn rm(targets: &[&'static str], grace: Option<u64>, places: &Places) -> Result<u8> {
    if grace.is_some() {
        return end(targets, grace, places, &mut |root, found| {
            for pause in 0..30 {
                if remove(root, &found.entry)? || !found.entry.is_alive() {
                    return Ok(());
                }
                // Who clears it away has the lock for a moment, too.
                sleep(pause * 1_000_000);
            }
            Err(held(found.word))
        });
    }
    with_each(targets, places, &mut |_| (), &mut |root, found| {
        if let Ok((record, _)) = found.running() {
            let text = text!(" is %: stop it first, or use rm -f", record.status.name());
            return Err(about(found.word, text));
        }
        remove(root, &found.entry).map(|_| found.word)
    })
}

/// Removes a container that does not run; false where somebody else has done it, or just makes it.
fn remove(root: &Root, entry: &Entry) -> Result<bool> {
    let record = entry.record();
    // Without a record it may just begin; else whoever has the lock clears it away too.
    let waits = !matches!(record, Err(Damage::Missing));
    // Who notes an end, or clears away, gives the lock back soon; else it is held for as long as the container lives.
    let lasts = match &record {
        Ok(record) => record.status != Status::Stopped && !matches!(handle(record.supervisor), Ok(None)),
        Err(_) => true,
    };
    if lasts && entry.is_alive() {
        return Ok(false);
    }
    if !entry.lock(waits) {
        return match waits && entry.is_alive() {
            true => Err(Error::new(text!("container % has ended, but a contain still holds it", entry.id))
                .with_hint(sentence!("somebody else may be removing it: try again"))),
            false => Ok(false),
        };
    }
    let damaged = record.is_err();
    let record = record.unwrap_or_else(|_| Record::blank());
    record.id = entry.id;
    end_rest(record);
    if let Some(name) = record.name {
        root.disclaim(name, entry.id);
    }
    root.remove(entry)?;
    if damaged {
        // What it was called is not known any more.
        root.disclaim_dead();
    }
    Ok(true)
}

pub fn prune(places: &Places) -> Result<u8> {
    sweep_all();
    let Some(root) = places.find()? else { return Ok(0) };
    let mut status = 0;
    for id in &root.ids()? {
        match prune_one(root, id) {
            Ok(true) => {
                output::print(text!("%\n", id))?;
            }
            Ok(false) => {}
            Err(error) => status = output::fail(&error),
        }
    }
    root.disclaim_dead();
    let listed = names(root.directory.as_fd(), &mut |name| {
        let is_there = || statat(&root.directory, name, AtFlags::SYMLINK_NOFOLLOW).is_ok();
        let ours = place("names\n.\n..", name.to_bytes()).is_some()
            || is_id(name.to_bytes()) && !matches!(root.open(name), Ok(None));
        if !ours && is_there() {
            log::error(text!("%/% is not contain's: left alone", root.path, shown(name)));
        }
    });
    listed.map_err(|errno| Error::os(text!("list %", root.path), errno))?;
    Ok(status)
}

/// Says whether it was removed.
fn prune_one(root: &Root, id: &'static str) -> Result<bool> {
    let Some(entry) = root.entry(id)? else { return Ok(false) };
    let removed = remove(root, &entry)?;
    if !removed {
        tidy(&entry);
    }
    Ok(removed)
}

/// Somebody who was killed while he changed the record of a running container has left a half of it.
fn tidy(entry: &Entry) {
    if entry.has_half() {
        // Whoever is just writing it has the lock; then it is written anew. Before there is a process it is the supervisor's.
        let _left = note(entry.id, entry, &mut |record| record.process.pid != 0);
    }
}
