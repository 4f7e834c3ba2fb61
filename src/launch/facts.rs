//! Looks once at this machine and writes down what a plan needs.

use std::ffi::CString;

use rustix::rand::{GetRandomFlags, getrandom};

use crate::error::{Error, Result};
use crate::kernel::cgroup::mounts::{self, Mounted};
use crate::plan::facts::{Cgroups, Controller, Facts, V1, V2};
use crate::spec::Limits;

/// What a container with these limits needs to know. v1's controllers are looked for only where they will be used.
pub fn gather(id: String, limits: &Limits, counting: bool) -> Facts {
    let used: Vec<Controller> = Controller::ALL.into_iter().filter(|one| counting || limits.need(*one)).collect();
    let cgroups = cgroups_of(mounts::find(), &used);
    let places = places(&cgroups);
    Facts { id, cgroups, places }
}

/// Where groups of ours may be.
pub fn places(cgroups: &Cgroups) -> Vec<CString> {
    let mut places: Vec<String> = match cgroups {
        Cgroups::Absent => Vec::new(),
        Cgroups::V2(v2) => vec![v2.mount.clone()],
        Cgroups::V1(v1) => mounts::usual_v1().chain(v1.mounts.iter().map(|(_, mount)| mount.clone())).collect(),
    };
    places.sort();
    places.dedup();
    places.into_iter().filter_map(|place| CString::new(place).ok()).collect()
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
        let Some(mount) = mounts::controller(controller.name()) else { continue };
        // cpu and cpuacct are often links to one hierarchy, in which one group is enough.
        let place = mounts::place(&mount);
        let same = places.iter().position(|other| place.is_some() && *other == place);
        places.push(place);
        found.push((*controller, same.map_or(mount, |index| found[index].1.clone())));
    }
    let cpuset = found.iter().find(|(controller, _)| *controller == Controller::Cpuset);
    let memory_nodes =
        cpuset.map(|(_, mount)| mounts::top_file(mount, "cpuset.mems").trim_ascii().into()).unwrap_or_default();
    let writable = found.iter().all(|(_, mount)| mounts::is_writable(mount));
    V1 { mounts: found, memory_nodes, writable }
}

/// The controllers that a list of the kernel's names.
pub fn listed(text: &str) -> Vec<Controller> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    Controller::ALL.into_iter().filter(|controller| words.contains(&controller.name())).collect()
}

/// 16 hexadecimal digits of the kernel's randomness.
pub fn draw_id() -> Result<String> {
    let mut bytes = [0u8; 8];
    getrandom(&mut bytes, GetRandomFlags::empty()).map_err(|errno| Error::os("draw the container's id", errno))?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes)))
}
