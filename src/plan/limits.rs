//! Limits become cgroup directories and the values written into their files, for cgroup v2 and for v1. The interface
//! files are those of the kernel's cgroup-v2.rst and cgroup-v1/*.rst.

use std::ffi::{CStr, CString};

use crate::error::{Error, Result};
use crate::input::number::readable;
use crate::plan::facts::{Cgroups, Controller, Facts, V1, V2};
use crate::plan::step::Step;
use crate::spec::{Bound, Limits};

/// What the limits ask of a launch.
#[derive(Default)]
pub struct Planned {
    /// The launcher's, before the clone: v2's group, which the child is born in.
    pub before: Vec<Step>,
    /// The launcher's, beside the child: v1's groups, and the limits.
    pub beside: Vec<Step>,
    /// v1: the container's own directory of each controller, and where it sees that in /sys/fs/cgroup.
    pub shown: Vec<(CString, &'static CStr)>,
    /// For the story: ` memory=64M pids=64`.
    pub told: String,
}

/// One value in one controller's file.
struct Write {
    flag: &'static str,
    controller: Controller,
    file: &'static str,
    value: String,
}

impl Write {
    fn step(self, group: &str) -> Step {
        Step::WriteLimit { file: path(&[group, self.file]), value: self.value }
    }
}

/// `counting`: a group is wanted even without limits, to count what is used, or to find all processes by.
pub fn plan(limits: &Limits, facts: &Facts, counting: bool) -> Result<Planned> {
    check(limits)?;
    let mut planned = match &facts.cgroups {
        Cgroups::Absent if limits.are_none() => Planned::default(),
        Cgroups::Absent => {
            return Err(Error::new(format!("{}: no cgroup file system is mounted", first_flag(limits)))
                .with_hint("mount one: mount -t cgroup2 cgroup2 /sys/fs/cgroup"));
        }
        Cgroups::V2(v2) => plan_v2(limits, v2, &facts.id)?,
        Cgroups::V1(v1) => plan_v1(limits, v1, &facts.id, counting)?,
    };
    planned.told = told(limits);
    Ok(planned)
}

impl Limits {
    /// Whether any of the limits is this controller's.
    pub fn need(&self, controller: Controller) -> bool {
        match controller {
            Controller::Memory => self.memory.is_some() || self.memory_swap.is_some() || self.memory_high.is_some(),
            Controller::Cpu => self.cpu.is_some() || self.cpu_weight.is_some(),
            Controller::Cpuset => self.cpuset.is_some(),
            Controller::Pids => self.pids.is_some(),
            Controller::Cpuacct => false,
        }
    }
}

/// Limits that contradict each other on either version.
fn check(limits: &Limits) -> Result<()> {
    let (Some(Bound::At(total)), memory) = (limits.memory_swap, limits.memory) else { return Ok(()) };
    match memory {
        None => Err(Error::usage("--memory-swap needs --memory too: it counts memory and swap together")),
        Some(memory) if total < memory => Err(Error::usage(format!(
            "--memory-swap {} is less than --memory {}: it counts memory and swap together",
            readable(total),
            readable(memory)
        ))),
        Some(_) => Ok(()),
    }
}

fn plan_v2(limits: &Limits, v2: &V2, id: &str) -> Result<Planned> {
    let writes = writes_v2(limits);
    let mut planned = Planned::default();
    if writes.is_empty() && !v2.writable {
        return Ok(planned);
    }
    let mut missing = String::new();
    for write in &writes {
        if !v2.available.contains(&write.controller) {
            return Err(unavailable(write, "cgroup.controllers of the top cgroup does not list it"));
        }
        let name = write.controller.name();
        if !v2.enabled.contains(&write.controller) && !missing.ends_with(name) {
            missing.push_str(if missing.is_empty() { "+" } else { " +" });
            missing.push_str(name);
        }
    }
    if !missing.is_empty() {
        let file = path(&[&v2.mount, "cgroup.subtree_control"]);
        planned.before.push(Step::EnableControllers { file, controllers: missing });
    }
    let group = [&v2.mount, "/", &leaf(id)].concat();
    planned.beside.extend(writes.into_iter().map(|write| write.step(&group)));
    planned.before.push(Step::MakeCgroup { path: path(&[&group]) });
    Ok(planned)
}

fn plan_v1(limits: &Limits, v1: &V1, id: &str, counting: bool) -> Result<Planned> {
    let writes = writes_v1(limits, &v1.memory_nodes)?;
    let counted: &[Controller] = match counting && v1.writable {
        true => &[Controller::Pids, Controller::Cpuacct, Controller::Memory],
        false => &[],
    };
    let mut planned = Planned::default();
    for controller in [Controller::Cpuset, Controller::Cpu, Controller::Cpuacct, Controller::Pids, Controller::Memory] {
        let asked = writes.iter().find(|write| write.controller == controller);
        let mount = match (asked, v1.mounts.iter().find(|(mounted, _)| *mounted == controller)) {
            (Some(write), None) => return Err(unavailable(write, "no cgroup v1 hierarchy has it")),
            (None, Some(_)) if !counted.contains(&controller) => continue,
            (_, None) => continue,
            (_, Some((_, mount))) => mount,
        };
        let group = [mount, "/", &leaf(id)].concat();
        let made = path(&[&group]);
        // cpu and cpuacct are often one hierarchy.
        if !planned.shown.iter().any(|(path, _)| *path == made) {
            planned.beside.push(Step::MakeCgroup { path: made.clone() });
        }
        planned.shown.push((made, controller.path()));
    }
    for write in writes {
        let place = v1.mounts.iter().find(|(mounted, _)| *mounted == write.controller);
        planned.beside.extend(place.map(|(_, mount)| write.step(&[mount, "/", &leaf(id)].concat())));
    }
    Ok(planned)
}

fn writes_v2(limits: &Limits) -> Vec<Write> {
    let mut writes = Vec::new();
    let mut write = |flag, controller, file, value| writes.push(Write { flag, controller, file, value });
    if let Some(bytes) = limits.memory {
        write("--memory", Controller::Memory, "memory.max", bytes.to_string());
        // A container is one workload: half of it left alive serves nobody.
        write("--memory", Controller::Memory, "memory.oom.group", "1".into());
    }
    if let Some(bytes) = limits.memory_high {
        write("--memory-high", Controller::Memory, "memory.high", bytes.to_string());
    }
    if let Some(total) = limits.memory_swap {
        // v2 counts swap by itself.
        let swap = bound(total, |total| total - limits.memory.unwrap_or(0));
        write("--memory-swap", Controller::Memory, "memory.swap.max", swap);
    }
    if let Some(cpu) = limits.cpu {
        write("--cpu", Controller::Cpu, "cpu.max", format!("{} {}", cpu.quota, cpu.period));
    }
    if let Some(weight) = limits.cpu_weight {
        write("--cpu-weight", Controller::Cpu, "cpu.weight", weight.to_string());
    }
    if let Some(list) = &limits.cpuset {
        write("--cpuset", Controller::Cpuset, "cpuset.cpus", list.clone());
    }
    if let Some(pids) = limits.pids {
        write("--pids", Controller::Pids, "pids.max", bound(pids, |count| count));
    }
    writes
}

fn writes_v1(limits: &Limits, memory_nodes: &str) -> Result<Vec<Write>> {
    if limits.memory_high.is_some() {
        return Err(Error::new(
            "--memory-high: cgroup v1 has no such limit, and this machine's memory controller is v1",
        )
        .with_hint("use --memory, or boot with systemd.unified_cgroup_hierarchy=1"));
    }
    let mut writes = Vec::new();
    let mut write = |flag, controller, file, value| writes.push(Write { flag, controller, file, value });
    if let Some(bytes) = limits.memory {
        write("--memory", Controller::Memory, "memory.limit_in_bytes", bytes.to_string());
    }
    if let Some(total) = limits.memory_swap {
        let total = if total == Bound::Max { "-1".into() } else { bound(total, |total| total) };
        write("--memory-swap", Controller::Memory, "memory.memsw.limit_in_bytes", total);
    }
    if let Some(cpu) = limits.cpu {
        if cpu.period != DEFAULT_PERIOD {
            write("--cpu", Controller::Cpu, "cpu.cfs_period_us", cpu.period.to_string());
        }
        write("--cpu", Controller::Cpu, "cpu.cfs_quota_us", cpu.quota.to_string());
    }
    if let Some(weight) = limits.cpu_weight {
        // Shares are the same proportion on another scale: everyone's default of 100 is 1024 there.
        let shares = (u64::from(weight) * 1024 / 100).max(2);
        write("--cpu-weight", Controller::Cpu, "cpu.shares", shares.to_string());
    }
    if let Some(list) = &limits.cpuset {
        write("--cpuset", Controller::Cpuset, "cpuset.mems", memory_nodes.into());
        write("--cpuset", Controller::Cpuset, "cpuset.cpus", list.clone());
    }
    if let Some(pids) = limits.pids {
        write("--pids", Controller::Pids, "pids.max", bound(pids, |count| count));
    }
    Ok(writes)
}

/// What a new group has in cpu.cfs_period_us already, in microseconds.
const DEFAULT_PERIOD: u64 = 100_000;

/// The name of a container's group: `contain-<id>`.
pub fn leaf(id: &str) -> String {
    format!("contain-{id}")
}

fn bound(bound: Bound, value: impl Fn(u64) -> u64) -> String {
    match bound {
        Bound::Max => "max".into(),
        Bound::At(number) => value(number).to_string(),
    }
}

fn path(parts: &[&str]) -> CString {
    CString::new(parts.join("/")).unwrap_or_default()
}

fn unavailable(write: &Write, why: &str) -> Error {
    let name = write.controller.name();
    let hint = match write.controller {
        Controller::Memory => "boot with cgroup_enable=memory, or build the kernel with CONFIG_MEMCG",
        Controller::Cpu | Controller::Cpuacct => "build the kernel with CONFIG_CFS_BANDWIDTH",
        Controller::Cpuset => "build the kernel with CONFIG_CPUSETS",
        Controller::Pids => "build the kernel with CONFIG_CGROUP_PIDS",
    };
    Error::new(format!("{}: this machine's cgroups have no {name} controller: {why}", write.flag)).with_hint(hint)
}

/// The first limit asked for, as its flag.
fn first_flag(limits: &Limits) -> &'static str {
    let asked = [
        (limits.memory.is_some(), "--memory"),
        (limits.memory_swap.is_some(), "--memory-swap"),
        (limits.memory_high.is_some(), "--memory-high"),
        (limits.cpu.is_some(), "--cpu"),
        (limits.cpu_weight.is_some(), "--cpu-weight"),
        (limits.cpuset.is_some(), "--cpuset"),
    ];
    asked.iter().find(|(asked, _)| *asked).map_or("--pids", |(_, flag)| flag)
}

fn told(limits: &Limits) -> String {
    let size = |bound| match bound {
        Bound::Max => "max".into(),
        Bound::At(bytes) => readable(bytes),
    };
    let parts = [
        limits.memory.map(|bytes| format!(" memory={}", readable(bytes))),
        limits.memory_swap.map(|total| format!(" memory-swap={}", size(total))),
        limits.memory_high.map(|bytes| format!(" memory-high={}", readable(bytes))),
        limits.cpu.map(|cpu| format!(" cpu={}/{}", cpu.quota, cpu.period)),
        limits.cpu_weight.map(|weight| format!(" cpu-weight={weight}")),
        limits.cpuset.as_ref().map(|list| format!(" cpuset={list}")),
        limits.pids.map(|pids| format!(" pids={}", bound(pids, |count| count))),
    ];
    parts.into_iter().flatten().collect()
}
