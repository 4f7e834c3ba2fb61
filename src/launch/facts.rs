//! Looks once at this machine and writes down what a plan needs.

use crate::linux::io::Errno;
use crate::linux::rand::{GetRandomFlags, getrandom};

use crate::error::{Error, Result};
use crate::kernel::cgroup::mounts::{self, Mounted};
use crate::packed::sentence;
use crate::plan::facts::{Cgroups, Controller, Controllers, Facts, Mapper, V1, V2, levels};
use crate::spec::Spec;
use crate::text::{Word, hex, words};

/// What a container with these limits needs to know. v1's controllers are looked for only where they will be used.
pub fn gather(id: &'static str, spec: &Spec, counting: bool) -> Facts {
    let mut used = Controllers::default();
    for controller in &Controller::ALL {
        if counting || spec.limits.need(*controller) {
            used.add(*controller);
        }
    }
    let cgroups = cgroups_of(mounts::find(), used, spec.cgroup_parent);
    Facts { id, cgroups, mapper: Mapper::default() }
}

/// Where groups of ours may be.
pub fn places(cgroups: &Cgroups) -> Vec<Word> {
    let mut places: Vec<Word> = Vec::new();
    // The v1 ones come from two sources, in an order that counts.
    let mut add = |mount: &str, parent: &str| {
        if let Some(place) = levels(mount, parent).pop()
            && !places.contains(&place)
        {
            places.push(place);
        }
    };
    match cgroups {
        Cgroups::Absent => {}
        Cgroups::V2(v2) => places.extend(v2.levels.last().map(|(place, _)| *place)),
        Cgroups::V1(v1) => {
            mounts::usual_v1().iter().for_each(|mount| add(mount, v1.parent));
            v1.mounts.iter().for_each(|(_, mount)| add(mount, v1.parent));
        }
    }
    places
}

/// What is to be known of these cgroups, on v1 of these controllers, for groups below this path.
pub fn cgroups_of(mounted: Mounted, used: Controllers, parent: &'static str) -> Cgroups {
    match mounted {
        Mounted::Nothing => Cgroups::Absent,
        Mounted::V1 => Cgroups::V1(v1(used, parent)),
        Mounted::V2(mount) => Cgroups::V2(v2(mount, parent)),
    }
}

/// The directories from the first that this user may change down to the one of this path, and whether groups can be made
/// there. Where it may change none there is one, for the error to name.
fn changeable(mount: &str, path: &str, first_only: bool) -> (Vec<Word>, bool) {
    let (mut found, mut writable) = (Vec::new(), true);
    for path in levels(mount, path) {
        let is = mounts::writable(path);
        // What is missing will be made, or not, as what it is in.
        if is != Err(Errno::NOENT) {
            if is.is_err() || !writable {
                found.clear();
            }
            writable = is.is_ok();
        }
        found.push(path);
        if first_only && writable {
            break;
        }
    }
    (found, writable)
}

/// Where no path is named and this user may not change the top, groups are made in the first directory on the way to its
/// own group that it may change: the root of the subtree that is delegated to it, which is above itself and its containers
/// (cgroups(7), "Delegation").
fn v2(mount: &str, parent: &str) -> V2 {
    let (mut found, mut writable) = changeable(mount, parent, false);
    if !writable && parent.is_empty() {
        (found, writable) = changeable(mount, &mounts::own_group(), true);
    }
    let delegated = found[0].to_bytes() != mount.as_bytes();
    let available = listed(mounts::file(found[0], "cgroup.controllers"));
    let mut levels = Vec::new();
    for path in found {
        levels.push((path, listed(mounts::file(path, "cgroup.subtree_control"))));
    }
    V2 { levels, writable, delegated, available }
}

/// The v1 controllers among these that are mounted.
fn v1(used: Controllers, parent: &'static str) -> V1 {
    let mut found: Vec<(Controller, &str)> = Vec::new();
    let (mut places, mut writable) = (Vec::new(), true);
    for controller in &Controller::ALL {
        if !used.has(*controller) {
            continue;
        }
        let Some(mut mount) = mounts::controller(controller.name()) else { continue };
        // cpu and cpuacct are often links to one hierarchy, in which one group is enough.
        let place = mounts::place(mount);
        if let Some(same) = places.iter().position(|other| place.is_some() && *other == place) {
            mount = found[same].1;
        }
        places.push(place);
        writable &= changeable(mount, parent, false).1;
        found.push((*controller, mount));
    }
    V1 { mounts: found, parent, writable }
}

/// The controllers that a list of the kernel's names.
pub fn listed(text: &str) -> Controllers {
    let mut listed = Controllers::default();
    for word in words(text) {
        for controller in &Controller::ALL {
            if word == controller.name() {
                listed.add(*controller);
            }
        }
    }
    listed
}

/// 16 hexadecimal digits of the kernel's randomness.
pub fn draw_id() -> Result<&'static str> {
    let mut bytes = [0u8; 8];
    getrandom(&mut bytes, GetRandomFlags::empty())
        .map_err(|errno| Error::os(sentence!("draw the container's id"), errno))?;
    Ok(hex(u64::from_ne_bytes(bytes), 16).leak())
}
