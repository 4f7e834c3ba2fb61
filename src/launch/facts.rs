//! Looks once at this machine and writes down what a plan needs.

use std::ffi::CString;

use rustix::rand::{GetRandomFlags, getrandom};

use crate::error::{Error, Result};
use crate::kernel::cgroup::mounts::{self, Mounted};
use crate::plan::facts::{Cgroups, Controller, Facts, V1, V2};
use crate::spec::Limits;

/// What a container with these limits needs to know. v1's controllers are looked for only where they will be used.
pub fn gather(id: String, limits: &Limits, counting: bool) -> Facts {
    let cgroups = match mounts::find() {
        Mounted::V1 if !counting && limits.are_none() => Cgroups::V1(V1::default()),
        mounted => cgroups_of(mounted),
    };
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

/// All that is to be known of these cgroups.
pub fn cgroups_of(mounted: Mounted) -> Cgroups {
    let writable = mounts::are_writable(&mounted);
    match mounted {
        Mounted::Nothing => Cgroups::Absent,
        Mounted::V1 => Cgroups::V1(V1 { writable, ..v1() }),
        Mounted::V2(mount) => Cgroups::V2(V2 {
            writable,
            available: listed(&mounts::top_file(&mount, "cgroup.controllers")),
            enabled: listed(&mounts::top_file(&mount, "cgroup.subtree_control")),
            mount,
        }),
    }
}

/// Every v1 controller that is mounted.
pub fn v1() -> V1 {
    let mut found: Vec<(Controller, String)> = Vec::new();
    for controller in Controller::ALL {
        let Some(mount) = mounts::controller(controller.name()) else { continue };
        // cpu and cpuacct are often links to one hierarchy, in which one group is enough.
        let same = found.iter().map(|(_, other)| other).find(|other| mounts::are_one(other, &mount)).cloned();
        found.push((controller, same.unwrap_or(mount)));
    }
    let cpuset = found.iter().find(|(controller, _)| *controller == Controller::Cpuset);
    let memory_nodes =
        cpuset.map(|(_, mount)| mounts::top_file(mount, "cpuset.mems").trim_ascii().into()).unwrap_or_default();
    V1 { mounts: found, memory_nodes, writable: false }
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
