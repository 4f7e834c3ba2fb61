//! Looks once at this machine and writes down what a plan needs.

use rustix::rand::{GetRandomFlags, getrandom};

use crate::error::{Error, Result};
use crate::kernel::cgroup::mounts::{self, Mounted};
use crate::plan::facts::{Cgroups, Controller, Facts, Mapper, V1, V2};
use crate::spec::Limits;
use crate::text::{Word, hex, kept, words};

/// What a container with these limits needs to know. v1's controllers are looked for only where they will be used.
pub fn gather(id: &'static str, limits: &Limits, counting: bool) -> Facts {
    let mut used = Vec::new();
    for controller in Controller::ALL {
        if counting || limits.need(controller) {
            used.push(controller);
        }
    }
    let cgroups = cgroups_of(mounts::find(), &used);
    Facts { id, cgroups, mapper: Mapper::default() }
}

/// Where groups of ours may be.
pub fn places(cgroups: &Cgroups) -> Vec<Word> {
    let mut places: Vec<Word> = Vec::new();
    // The v1 ones come from two sources, in an order that counts.
    let mut add = |place: &str| {
        let place = kept(&[place.as_bytes()]);
        if !places.contains(&place) {
            places.push(place);
        }
    };
    match cgroups {
        Cgroups::Absent => {}
        Cgroups::V2(v2) => add(&v2.mount),
        Cgroups::V1(v1) => {
            mounts::usual_v1().iter().for_each(|place| add(place));
            v1.mounts.iter().for_each(|(_, place)| add(place));
        }
    }
    places
}

/// What is to be known of these cgroups, on v1 of these controllers.
pub fn cgroups_of(mounted: Mounted, used: &[Controller]) -> Cgroups {
    match mounted {
        Mounted::Nothing => Cgroups::Absent,
        Mounted::V1 => Cgroups::V1(v1(used)),
        Mounted::V2(mount) => Cgroups::V2(V2 {
            writable: mounts::is_writable(&mount),
            available: listed(&mounts::top_file(&mount, "cgroup.controllers")),
            enabled: listed(&mounts::top_file(&mount, "cgroup.subtree_control")),
            mount,
        }),
    }
}

/// The v1 controllers among these that are mounted.
fn v1(used: &[Controller]) -> V1 {
    let mut found: Vec<(Controller, String)> = Vec::new();
    let mut places = Vec::new();
    for controller in used {
        let Some(mut mount) = mounts::controller(controller.name()) else { continue };
        // cpu and cpuacct are often links to one hierarchy, in which one group is enough.
        let place = mounts::place(&mount);
        if let Some(same) = places.iter().position(|other| place.is_some() && *other == place) {
            mount = found[same].1.clone();
        }
        places.push(place);
        found.push((*controller, mount));
    }
    let cpuset = found.iter().find(|(controller, _)| *controller == Controller::Cpuset);
    let memory_nodes =
        cpuset.map(|(_, mount)| mounts::top_file(mount, "cpuset.mems").trim_ascii().into()).unwrap_or_default();
    let writable = found.iter().all(|(_, mount)| mounts::is_writable(mount));
    V1 { mounts: found, memory_nodes, writable }
}

/// The controllers that a list of the kernel's names.
pub fn listed(text: &str) -> Vec<Controller> {
    let mut listed = Vec::new();
    for controller in Controller::ALL {
        if words(text).contains(&controller.name()) {
            listed.push(controller);
        }
    }
    listed
}

/// 16 hexadecimal digits of the kernel's randomness.
pub fn draw_id() -> Result<&'static str> {
    let mut bytes = [0u8; 8];
    getrandom(&mut bytes, GetRandomFlags::empty()).map_err(|errno| Error::os("draw the container's id", errno))?;
    Ok(hex(u64::from_ne_bytes(bytes), 16).leak())
}
