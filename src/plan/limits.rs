//! Limits become cgroup directories and the values written into their files, for cgroup v2 and for v1. The interface
//! files are those of the kernel's cgroup-v2.rst and cgroup-v1/*.rst.

use std::ffi::CStr;

use crate::error::{Error, Result};
use crate::input::number::readable;
use crate::packed::{Sentence, sentence, text};
use crate::plan::facts::{Cgroups, Controller, Facts, V1, V2, levels};
use crate::plan::step::{Act, Step, add};
use crate::spec::{Limit, Limits, MAX};
use crate::text::{Word, digits, kept, kept_below, kept_one, kept_two, shown};

/// What the limits ask of a launch.
#[derive(Default)]
pub struct Planned {
    /// The launcher's, before the clone: v2's group, which the child is born in.
    pub before: Vec<Step>,
    /// The launcher's, beside the child: v1's groups, and the limits.
    pub beside: Vec<Step>,
    /// v1: the container's own directory of each controller, and where it sees that in /sys/fs/cgroup.
    pub shown: Vec<(Word, Word)>,
    /// For the story: ` memory=64M pids=64`.
    pub told: &'static str,
}

/// The limits, by their numbers: the flag, the controller, and the file of v1's that holds it, and of v2's.
pub const LIMITS: [(&str, Controller, [&CStr; 2]); 7] = [
    ("--memory", Controller::Memory, [c"memory.limit_in_bytes", c"memory.max"]),
    ("--memory-swap", Controller::Memory, [c"memory.memsw.limit_in_bytes", c"memory.swap.max"]),
    ("--memory-high", Controller::Memory, [c"memory.high"; 2]),
    ("--cpu", Controller::Cpu, [c"cpu.cfs_quota_us", c"cpu.max"]),
    ("--cpu-weight", Controller::Cpu, [c"cpu.shares", c"cpu.weight"]),
    ("--cpuset", Controller::Cpuset, [c"cpuset.cpus"; 2]),
    ("--pids", Controller::Pids, [c"pids.max"; 2]),
];
const MEMORY: usize = Limit::Memory as usize;
const SWAP: usize = Limit::MemorySwap as usize;
const HIGH: usize = Limit::MemoryHigh as usize;
const CPU: usize = Limit::Cpu as usize;
const WEIGHT: usize = Limit::CpuWeight as usize;
const CPUSET: usize = Limit::Cpuset as usize;
const PERIOD: usize = Limit::CpuPeriod as usize;

/// One value in one controller's file.
pub struct Write {
    /// The number of its limit in [`LIMITS`].
    pub limit: usize,
    pub file: &'static CStr,
    pub value: &'static str,
}

impl Write {
    fn controller(&self) -> Controller {
        LIMITS[self.limit].1
    }

    fn add(&self, steps: &mut Vec<Step>, group: Word) {
        let file = kept_below(group.to_bytes(), self.file.to_bytes());
        add(steps, Act::WriteLimit, file).with = kept_one(self.value.as_bytes());
    }
}

/// `counting`: a group is wanted even without limits, to count what is used, or to find all processes by.
pub fn plan(limits: &Limits, facts: &Facts, counting: bool, planned: &mut Planned) -> Result<()> {
    check(limits)?;
    match &facts.cgroups {
        Cgroups::Absent if limits.are_none() => {}
        Cgroups::Absent => {
            let flag = LIMITS.get(limits.asked().trailing_zeros() as usize).map_or("", |(flag, ..)| flag);
            return Err(Error::new(text!("%: no cgroup file system is mounted", flag))
                .with_hint(sentence!("mount one: mount -t cgroup2 cgroup2 /sys/fs/cgroup")));
        }
        Cgroups::V2(v2) => plan_v2(limits, v2, facts.id, planned)?,
        Cgroups::V1(v1) => plan_v1(limits, v1, facts.id, counting, planned)?,
    }
    planned.told = told(limits);
    Ok(())
}

impl Limits {
    /// Whether any of the limits is this controller's.
    pub fn need(&self, controller: Controller) -> bool {
        (0..LIMITS.len()).any(|at| LIMITS[at].1 == controller && self.asks(at))
    }

    pub fn are_none(&self) -> bool {
        self.asked() == 0
    }

    fn asks(&self, at: usize) -> bool {
        if at == CPUSET { self.cpuset.is_some() } else { self.numbers[at].is_some() }
    }

    /// A bit for each of [`LIMITS`] that is asked for.
    pub fn asked(&self) -> u32 {
        (0..LIMITS.len()).fold(0, |all, at| all | u32::from(self.asks(at)) << at)
    }

    /// Takes over some of the limits of `other`.
    pub fn take(&mut self, other: &Limits, limits: u32) {
        for at in 0..LIMITS.len() {
            match at {
                _ if limits & 1 << at == 0 => {}
                CPUSET => self.cpuset = other.cpuset,
                _ => self.numbers[at] = other.numbers[at],
            }
        }
        if limits & 1 << CPU != 0 {
            self.numbers[PERIOD] = other.numbers[PERIOD];
        }
    }

    /// A limit's number, in the kernel's words.
    fn number(&self, at: usize) -> &'static str {
        match self.numbers[at] {
            None => "",
            Some(MAX) => "max",
            Some(number) => digits(number),
        }
    }
}

/// What to write into the group of a container with limits so that it has those of `asked` too.
pub fn changes(limits: &Limits, asked: &Limits, is_v2: bool) -> Result<Vec<Write>> {
    let mut which = asked.asked();
    let mut all = *limits;
    all.take(asked, which);
    check(&all)?;
    if is_v2 && asked.get(Limit::Memory).is_some() {
        // v2's swap is counted from the memory on.
        which |= 1 << SWAP;
    }
    writes(&all, which, is_v2, false)
}

/// Limits that contradict each other on either version.
fn check(limits: &Limits) -> Result<()> {
    let (Some(total), memory) = (limits.get(Limit::MemorySwap), limits.get(Limit::Memory)) else { return Ok(()) };
    let text = match memory {
        _ if total == MAX => return Ok(()),
        None => text!("--memory-swap needs --memory too"),
        Some(memory) if total < memory => {
            text!("--memory-swap % is less than --memory %", &readable(total), &readable(memory))
        }
        Some(_) => return Ok(()),
    };
    Err(Error::usage(text!("%: it counts memory and swap together", text)))
}

fn plan_v2(limits: &Limits, v2: &V2, id: &str, planned: &mut Planned) -> Result<()> {
    let writes = writes(limits, !0, true, true)?;
    if writes.is_empty() && !v2.writable {
        return Ok(());
    }
    let mut group = c"";
    for (number, (path, enabled)) in v2.levels.iter().enumerate() {
        if number > 0 {
            add(&mut planned.before, Act::MakeParent, path);
        }
        let mut missing = String::new();
        for write in &writes {
            let (controller, name) = (write.controller(), write.controller().name());
            if !v2.available.has(controller) {
                let error = unavailable(write, text!("cgroup.controllers in % does not list it", shown(path)));
                return Err(if v2.delegated { error.with_hint(DELEGATE) } else { error });
            }
            if !enabled.has(controller) && !missing.ends_with(name) {
                missing.push_str(if missing.is_empty() { "+" } else { " +" });
                missing.push_str(name);
            }
        }
        if !missing.is_empty() {
            let file = kept_two(path.to_bytes(), b"/cgroup.subtree_control");
            add(&mut planned.before, Act::EnableControllers, file).with = kept_one(missing.as_bytes());
        }
        group = group_in(path, id);
    }
    for write in &writes {
        write.add(&mut planned.beside, group);
    }
    add(&mut planned.before, Act::MakeCgroup, group);
    Ok(())
}

const DELEGATE: Sentence = sentence!(
    "root has to let it have the controller: add it to cgroup.subtree_control above, or to systemd's \
                        Delegate= for user@.service"
);

fn group_in(parent: Word, id: &str) -> Word {
    kept(&[parent.to_bytes(), b"/contain-", id.as_bytes()])
}

fn plan_v1(limits: &Limits, v1: &V1, id: &str, counting: bool, planned: &mut Planned) -> Result<()> {
    let writes = writes(limits, !0, false, true)?;
    for &(controller, counts) in &V1_GROUPS {
        let asked = writes.iter().find(|write| write.controller() == controller);
        let Some((_, mount)) = v1.mounts.iter().find(|(mounted, _)| *mounted == controller) else {
            match asked {
                Some(write) => return Err(unavailable(write, text!("no cgroup v1 hierarchy has it"))),
                None => continue,
            }
        };
        if asked.is_none() && !(counts && counting && v1.writable) {
            continue;
        }
        let levels = levels(mount, v1.parent);
        let Some(made) = levels.last().map(|level| group_in(level, id)) else { continue };
        // cpu and cpuacct are often one hierarchy.
        if !planned.shown.iter().any(|(path, _)| *path == made) {
            let mut make = |act, path| {
                add(&mut planned.beside, act, path);
                if controller == Controller::Cpuset {
                    add(&mut planned.beside, Act::FillCpuset, path);
                }
            };
            levels[1..].iter().for_each(|level| make(Act::MakeParent, *level));
            make(Act::MakeCgroup, made);
        }
        planned.shown.push((made, controller.path()));
    }
    for write in &writes {
        for (made, place) in &planned.shown {
            if *place == write.controller().path() {
                write.add(&mut planned.beside, made);
            }
        }
    }
    Ok(())
}

/// v1's controllers, in the order in which their groups are made, and whether what is used is counted in them.
const V1_GROUPS: [(Controller, bool); 6] = [
    (Controller::Freezer, true),
    (Controller::Cpuset, false),
    (Controller::Cpu, false),
    (Controller::Cpuacct, true),
    (Controller::Pids, true),
    (Controller::Memory, true),
];

/// The writes of those of the limits that `which` has a bit for, into a new group or one that is there already.
fn writes(limits: &Limits, which: u32, is_v2: bool, new: bool) -> Result<Vec<Write>> {
    let (mut writes, which) = (Vec::new(), which & limits.asked());
    for (limit, (.., files)) in LIMITS.iter().enumerate() {
        if which & 1 << limit == 0 {
            continue;
        }
        let mut write = |file, value| writes.push(Write { limit, file, value });
        let (number, mut value) = (limits.numbers[limit].unwrap_or(0), limits.number(limit));
        match limit {
            SWAP if !is_v2 && number == MAX => value = "-1",
            // v2 counts swap by itself.
            SWAP if is_v2 && number != MAX => {
                value = digits(number.saturating_sub(limits.numbers[MEMORY].unwrap_or(0)));
            }
            HIGH if !is_v2 => {
                return Err(Error::new(sentence!(
                    "--memory-high: cgroup v1 has no such limit, and this machine's memory controller is v1"
                ))
                .with_hint(sentence!("use --memory, or boot with systemd.unified_cgroup_hierarchy=1")));
            }
            CPU if is_v2 => value = text!("% %", value, limits.number(PERIOD)),
            // That of a group that is there already may have been changed.
            CPU if !new || limits.numbers[PERIOD] != Some(DEFAULT_PERIOD) => {
                write(c"cpu.cfs_period_us", limits.number(PERIOD));
            }
            // Shares are the same proportion on another scale: everyone's default of 100 is 1024 there.
            WEIGHT if !is_v2 => value = digits((number * 1024 / 100).max(2)),
            CPUSET => value = limits.cpuset.unwrap_or_default(),
            _ => {}
        }
        write(files[usize::from(is_v2)], value);
        if is_v2 && limit == MEMORY {
            // A container is one workload: half of it left alive serves nobody.
            write(c"memory.oom.group", "1");
        }
    }
    Ok(writes)
}

/// What a new group has in cpu.cfs_period_us already, in microseconds.
const DEFAULT_PERIOD: u64 = 100_000;

fn unavailable(write: &Write, why: &str) -> Error {
    let hint = match write.controller() {
        Controller::Memory => text!("boot with cgroup_enable=memory, or build the kernel with CONFIG_MEMCG"),
        Controller::Cpu | Controller::Cpuacct => text!("build the kernel with CONFIG_CFS_BANDWIDTH"),
        Controller::Cpuset => text!("build the kernel with CONFIG_CPUSETS"),
        Controller::Pids => text!("build the kernel with CONFIG_CGROUP_PIDS"),
        Controller::Freezer => "",
    };
    let (flag, controller, _) = LIMITS[write.limit];
    let text = text!("%: this machine's cgroups have no % controller: %", flag, controller.name(), why);
    Error::new(text).with_hint(hint)
}

fn told(limits: &Limits) -> &'static str {
    let mut text = "";
    for (at, (flag, ..)) in LIMITS.iter().enumerate() {
        let value = match limits.numbers[at] {
            _ if !limits.asks(at) => continue,
            _ if at == CPUSET => limits.cpuset.unwrap_or_default(),
            _ if at == CPU => text!("%/%", limits.number(CPU), limits.number(PERIOD)),
            Some(bytes) if at <= HIGH && bytes != MAX => readable(bytes),
            _ => limits.number(at),
        };
        text = text!("% %=%", text, &flag[2..], value);
    }
    text
}
