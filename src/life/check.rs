//! `contain check`: what this kernel and user can do, a line each, and how to get what is missing.

use std::fmt::Write;

use crate::error::Result;
use crate::kernel::cgroup::mounts::{self, Mounted};
use crate::kernel::cgroup::sweep;
use crate::kernel::{file, identity, proc, root};
use crate::launch::facts;
use crate::life::output;
use crate::plan::facts::{Cgroups, Controller};

/// The findings so far.
struct Report {
    text: String,
    can_run: bool,
}

/// Prints every finding; 0 when `contain run` can work here, else 1.
pub fn check() -> Result<u8> {
    let mut report = Report { text: String::new(), can_run: true };
    kernel(&mut report);
    user(&mut report);
    file_systems(&mut report);
    cgroups(&mut report);
    output::print(&report.text)?;
    Ok(u8::from(!report.can_run))
}

impl Report {
    /// One line. What `run` cannot do without is `needed`.
    fn line(&mut self, yes: bool, needed: bool, what: &str, remedy: &str) {
        let word = if yes { "yes" } else { "no " };
        let remedy = if yes { String::new() } else { format!(": {remedy}") };
        // Writing to a String does not fail.
        let _ = writeln!(self.text, "{word}  {what}{remedy}");
        self.can_run &= yes || !needed;
    }
}

fn kernel(report: &mut Report) {
    let system = rustix::system::uname();
    let release = system.release().to_string_lossy().into_owned();
    let recent = version(&release) >= (5, 9);
    report.line(
        recent,
        true,
        &format!("Linux {release}"),
        "contain needs Linux 5.9 or newer (clone3, openat2, close_range)",
    );
    report.line(
        version(&release) >= (5, 12),
        false,
        "read-only volumes with what is mounted below them",
        "needs Linux 5.12 (mount_setattr)",
    );
    let namespaces = [
        ("mnt", "MNT_NS", true),
        ("pid", "PID_NS", false),
        ("uts", "UTS_NS", false),
        ("ipc", "IPC_NS", false),
        ("net", "NET_NS", false),
        ("cgroup", "CGROUPS", true),
        ("user", "USER_NS", false),
    ];
    for (name, option, needed) in namespaces {
        let remedy = match name {
            "mnt" | "cgroup" | "user" => format!("build the kernel with CONFIG_{option}"),
            name => format!("build the kernel with CONFIG_{option}, or use --{name} host"),
        };
        report.line(proc::has_namespace(name), needed, &format!("{name} namespaces"), &remedy);
    }
}

/// The first two numbers of a kernel release.
fn version(release: &str) -> (u32, u32) {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

fn user(report: &mut Report) {
    report.line(
        identity::is_administrator(),
        true,
        "this user may make containers",
        "run contain as root (CAP_SYS_ADMIN)",
    );
    let remedy = "this is a bare initramfs; let contain be its /init, which makes the root pivotable";
    report.line(root::is_pivotable(), true, "the root can be pivoted from", remedy);
}

fn file_systems(report: &mut Report) {
    let known = file::read_text(rustix::fs::CWD, c"/proc/filesystems").unwrap_or_default();
    for (name, needed) in [("proc", true), ("tmpfs", true), ("devpts", true), ("sysfs", true), ("mqueue", false)] {
        let found = known.lines().any(|line| line.split_ascii_whitespace().last() == Some(name));
        report.line(found, needed, &format!("file system {name}"), "this kernel was built without it");
    }
}

fn cgroups(report: &mut Report) {
    let mounted = mounts::find();
    let version = match &mounted {
        Mounted::Nothing => "",
        Mounted::V1 => "cgroup v1",
        Mounted::V2(_) => "cgroup v2",
    };
    let what = if version.is_empty() { "cgroups are mounted" } else { version };
    report.line(!version.is_empty(), false, what, "mount -t cgroup2 cgroup2 /sys/fs/cgroup");
    let cgroups = facts::cgroups_of(mounted, &Controller::ALL);
    let (writable, controllers) = match &cgroups {
        Cgroups::Absent => (false, Vec::new()),
        Cgroups::V1(v1) => (v1.writable, v1.mounts.iter().map(|(controller, _)| *controller).collect()),
        Cgroups::V2(v2) => (v2.writable, v2.available.clone()),
    };
    let limits = [
        (Controller::Memory, "--memory", "boot with cgroup_enable=memory, or build the kernel with CONFIG_MEMCG"),
        (
            Controller::Cpu,
            "--cpu, --cpus, --cpu-weight",
            "build the kernel with CONFIG_CGROUP_SCHED and CONFIG_CFS_BANDWIDTH",
        ),
        (Controller::Cpuset, "--cpuset", "build the kernel with CONFIG_CPUSETS"),
        (Controller::Pids, "--pids", "build the kernel with CONFIG_CGROUP_PIDS"),
    ];
    for (controller, flags, remedy) in limits {
        let what = format!("limit {} ({flags})", controller.name());
        report.line(controllers.contains(&controller), false, &what, remedy);
    }
    report.line(writable, false, "limits can be set", "the cgroup file system is not writable for this user");
    facts::places(&cgroups).iter().for_each(|place| sweep::below(place));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (release, expected) in
            [("6.1.0-13-cloud-amd64", (6, 1)), ("5.9", (5, 9)), ("4.19.0+", (4, 19)), ("", (0, 0))]
        {
            assert_eq!(version(release), expected, "{release}");
        }
        assert!(version("5.10.1") >= (5, 9) && version("5.8.0") < (5, 9));
    }
}
