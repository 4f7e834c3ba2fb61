//! `contain check`: what this kernel and user can do, a line each, and how to get what is missing.

use crate::error::Result;
use crate::kernel::cgroup::mounts;
use crate::kernel::{file, identity, proc, root, users};
use crate::launch::facts;
use crate::life::ids::of_ordinary;
use crate::life::output;
use crate::life::remember::sweep_all;
use crate::linux;
use crate::packed::{Sentence, sentence, text};
use crate::plan::facts::{Cgroups, Controller, Controllers, Mapper};
use crate::spec::User;
use crate::text::{Word, cut, lines, shown, version, words};

/// The findings so far.
struct Report {
    text: String,
    can_run: bool,
}

/// Prints every finding; 0 when `contain run` can work here, else 1.
pub fn check(environment: &[Word]) -> Result<u8> {
    let mut report = Report { text: String::new(), can_run: true };
    kernel(&mut report);
    user(&mut report, environment);
    file_systems(&mut report);
    cgroups(&mut report);
    output::print(&report.text)?;
    Ok(u8::from(!report.can_run))
}

impl Report {
    /// One line. What `run` cannot do without is `needed`.
    fn line(&mut self, yes: bool, needed: bool, what: &str, remedy: &str) {
        let (word, colon, remedy) = if yes { ("yes  ", "", "") } else { ("no   ", ": ", remedy) };
        self.text.push_str(text!("%%%%\n", word, what, colon, remedy));
        self.can_run &= yes || !needed;
    }

    /// A line for each line of a table. What `run` cannot do without is marked there.
    fn table(&mut self, table: &str, find: &dyn Fn(&str) -> bool, what: [&str; 2], remedy: &str) {
        for line in lines(table) {
            let (name, more) = cut(line, b'|').unwrap_or((line, ""));
            let (name, needed) = name.strip_prefix('*').map_or((name, false), |name| (name, true));
            let found = find(cut(name, b' ').map_or(name, |(name, _)| name));
            self.line(found, needed, text!("%%%", what[0], name, what[1]), text!("%%", remedy, more));
        }
    }
}

/// How each is built into a kernel, or done without.
const NAMESPACES: &str = "\
*mnt|MNT_NS
pid|PID_NS, or use --pid host
uts|UTS_NS, or use --uts host
ipc|IPC_NS, or use --ipc host
net|NET_NS, or use --net host
*cgroup|CGROUPS
user|USER_NS
";

const FILE_SYSTEMS: &str = "*proc\n*tmpfs\n*devpts\n*sysfs\nmqueue\n";

/// The controllers with their flags.
const LIMITS: Sentence = sentence!(
    "\
memory (--memory)|boot with cgroup_enable=memory, or build the kernel with CONFIG_MEMCG
cpu (--cpu, --cpus, --cpu-weight)|build the kernel with CONFIG_CGROUP_SCHED and CONFIG_CFS_BANDWIDTH
cpuset (--cpuset)|build the kernel with CONFIG_CPUSETS
pids (--pids)|build the kernel with CONFIG_CGROUP_PIDS
"
);

fn kernel(report: &mut Report) {
    let system = linux::system::uname();
    let release = shown(system.release());
    let remedy = text!("contain needs Linux 5.9 or newer (close_range)");
    report.line(version(release) >= (5, 9), true, text!("Linux %", release), remedy);
    let what = text!("read-only volumes with what is mounted below them");
    report.line(version(release) >= (5, 12), false, what, text!("needs Linux 5.12 (mount_setattr)"));
    report.table(NAMESPACES, &proc::has_namespace, ["", text!(" namespaces")], text!("build the kernel with CONFIG_"));
}

fn user(report: &mut Report, environment: &[Word]) {
    match identity::is_administrator() {
        true => report.line(true, true, text!("this user may make containers"), ""),
        false => {
            let tried = users::attempt();
            let knob = users::forbidden(None);
            let remedy =
                if knob.is_empty() { text!("it was refused, as in a chroot; run contain as root") } else { knob };
            report.line(tried, true, text!("this user may make containers, in user namespaces"), remedy);
            let (_, mapper) = of_ordinary(false, &User::default(), environment);
            let remedy =
                text!("install uidmap, and have root give a range: usermod -v 100000-165535 -w 100000-165535 USER");
            report.line(mapper != Mapper::OwnIds, false, text!("with more ids than the user's own"), remedy);
        }
    }
    let remedy = text!("this is a bare initramfs; let contain be its /init, which makes the root pivotable");
    report.line(root::is_pivotable(), true, text!("the root can be pivoted from"), remedy);
}

fn file_systems(report: &mut Report) {
    let known = file::read_text(linux::fs::CWD, c"/proc/filesystems").unwrap_or_default();
    let known = words(known);
    let is_known = |name: &str| known.contains(&name);
    report.table(FILE_SYSTEMS, &is_known, [text!("file system "), ""], text!("this kernel was built without it"));
}

fn cgroups(report: &mut Report) {
    let cgroups = facts::cgroups_of(mounts::find(), Controllers::ALL, "");
    let (found, what, writable) = match &cgroups {
        Cgroups::Absent => (false, text!("cgroups are mounted"), false),
        Cgroups::V1(v1) => (true, text!("cgroup v1"), v1.writable),
        Cgroups::V2(v2) => (true, text!("cgroup v2"), v2.writable),
    };
    report.line(found, false, what, text!("mount -t cgroup2 cgroup2 /sys/fs/cgroup"));
    let has = |name: &str| match &cgroups {
        Cgroups::Absent => false,
        Cgroups::V1(v1) => v1.mounts.iter().any(|(controller, _)| controller.name() == name),
        Cgroups::V2(v2) => {
            Controller::ALL.iter().any(|controller| controller.name() == name && v2.available.has(*controller))
        }
    };
    report.table(LIMITS.get(), &has, ["limit ", ""], "");
    report.line(
        writable,
        false,
        text!("limits can be set"),
        text!("the cgroup file system is not writable for this user"),
    );
    sweep_all();
}
