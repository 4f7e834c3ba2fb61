//! Every command line that is measured, and which of them work on this machine. All launchers get the same root
//! filesystem, the same payload and the same five namespaces (contain makes a cgroup namespace as well), with
//! /dev/null for stdin, stdout and stderr. Timing is measure.rs's business.

use crate::Result;
use crate::stage::{self, Stage};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;

/// How a launcher is used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As root, with no more than it does unasked; in contain's case that is all of its walls.
    Plain,
    Limits,
    /// With podman's capabilities, masks and seccomp profile.
    Walls,
    /// As an ordinary user.
    Rootless,
}

impl Way {
    /// As the TSV has it, and as the table does after the launcher's name.
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Way::Plain => ("plain", ""),
            Way::Limits => ("limits", " + limits"),
            Way::Walls => ("walls", " + walls"),
            Way::Rootless => ("rootless", ", rootless"),
        }
    }
}

/// One line of the table: a launcher, used in some way.
pub struct Row {
    pub launcher: &'static str,
    pub way: Way,
    pub words: Vec<String>,
    pub program: PathBuf,
    /// Runs `true`; used over and over.
    pub launch: Command,
    /// Runs `pause`, for a look at the launcher while it waits.
    pub hold: Command,
    /// Where the launcher has to run if the host as it is will not do.
    pub view: Option<Rc<View>>,
    pub launches: usize,
    pub failures: usize,
}

impl Row {
    pub fn name(&self) -> String {
        [self.launcher, self.way.names().1].concat()
    }

    /// Launches in one round. The goals are about the floor and contain, which lie close together: they need more
    /// samples than the peers, which lie far away.
    pub fn turns(&self) -> usize {
        if self.must_work() { 3 } else { 1 }
    }

    /// Not every machine has user namespaces for everyone.
    pub fn must_work(&self) -> bool {
        is_ours(self.launcher) && self.way != Way::Rootless
    }
}

/// The two that must run and that the goals are about; the others are peers.
pub fn is_ours(launcher: &str) -> bool {
    matches!(launcher, "floor" | "contain")
}

/// A launcher before it has been tried: its words when it runs `true`, and when it runs `pause`.
struct Candidate {
    launcher: &'static str,
    way: Way,
    launch: Vec<String>,
    hold: Vec<String>,
}

fn candidates(contain: &Path, stage: &Stage) -> Vec<Candidate> {
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let (contain, floor, rootfs) = (path(contain), path(&stage.floor), path(&stage.rootfs));
    let (crun, runc) = (stage::state("crun"), stage::state("runc"));
    // crun and runc must not know the id yet, also when an earlier bench was killed half-way.
    let id = format!("bench-{}", std::process::id());

    // The payload is the last word, or else crun and runc find it in their bundle.
    let plain = |launcher, way, words: &[&str]| Candidate {
        launcher,
        way,
        launch: owned(words, &["/bin/true"]),
        hold: owned(words, &["/bin/pause"]),
    };
    let oci = |launcher, way, words: &[&str], bundle: &Path| Candidate {
        launcher,
        way,
        launch: owned(words, &["--bundle", &path(bundle), &id]),
        hold: owned(words, &["--bundle", &path(&stage.bundle_pause), &id]),
    };
    let contain_limits = "run --memory 64M --cpus 0.5 --pids 64 --rootfs".split(' ');
    let contain_limits: Vec<&str> = [&*contain].into_iter().chain(contain_limits).chain([&*rootfs, "--"]).collect();
    let unshare_root = format!("--root={rootfs}");
    // unshare does less than the floor: a chroot instead of pivot_root, and no /dev.
    let unshare =
        ["unshare", "--fork", "--pid", "--uts", "--mount", "--ipc", "--net", &unshare_root, "--mount-proc", "--"];
    // --as-pid-1 spares bwrap the init process of its own that it would start, and wait for, inside.
    let bwrap = "bwrap --unshare-pid --unshare-uts --unshare-ipc --unshare-net --as-pid-1 --hostname bench --bind";
    let bwrap: Vec<&str> = bwrap.split(' ').chain([&*rootfs, "/", "--proc", "/proc", "--dev", "/dev", "--"]).collect();
    let without = ["crun", "--root", &crun, "--cgroup-manager=disabled", "run"];
    let mut all = vec![
        plain("floor", Way::Plain, &[&floor, &rootfs]),
        plain("floor", Way::Limits, &[&floor, "--limits", &rootfs]),
        plain("contain", Way::Plain, &[&contain, "run", "--rootfs", &rootfs, "--"]),
        plain("contain", Way::Limits, &contain_limits),
        plain("unshare", Way::Plain, &unshare),
        plain("bwrap", Way::Plain, &bwrap),
        // Without limits crun can be told to leave cgroups alone, as contain does. runc makes cgroups in any case.
        oci("crun", Way::Plain, &without, &stage.bundle),
        oci("crun", Way::Limits, &["crun", "--root", &crun, "--cgroup-manager=cgroupfs", "run"], &stage.bundle_limits),
        oci("runc", Way::Plain, &["runc", "--root", &runc, "run"], &stage.bundle),
        oci("runc", Way::Limits, &["runc", "--root", &runc, "run"], &stage.bundle_limits),
        plain("contain", Way::Rootless, &[&contain, "run", "--rootfs", &rootfs, "--"]),
        plain("unshare", Way::Rootless, &[&unshare[..1], &["--map-root-user"], &unshare[1..]].concat()),
        plain(
            "bwrap",
            Way::Rootless,
            &[&bwrap[..1], &["--unshare-user", "--uid", "0", "--gid", "0"], &bwrap[1..]].concat(),
        ),
    ];
    match &stage.bundle_walls {
        Some(bundle) => all.extend([
            oci("crun", Way::Walls, &without, bundle),
            oci("runc", Way::Walls, &["runc", "--root", &runc, "run"], bundle),
        ]),
        None => {
            println!("missing: crun and runc + walls: no podman's seccomp profile (golang-github-containers-common)")
        }
    }
    all
}

fn owned(words: &[&str], more: &[&str]) -> Vec<String> {
    words.iter().chain(more).map(|word| word.to_string()).collect()
}

/// Tries each candidate once. Peers that are missing or refuse get a line that says so; ours must work.
pub fn present(contain: &Path, stage: &Stage) -> Result<Vec<Row>> {
    let null = File::options().read(true).write(true).open("/dev/null").map_err(|e| format!("open /dev/null: {e}"))?;
    let mut rows = Vec::new();
    let mut legacy: Option<Rc<View>> = None;
    for candidate in candidates(contain, stage) {
        let Candidate { launcher, way, launch, hold } = candidate;
        let label = [launcher, way.names().1].concat();
        let Some(program) = find(&launch[0]) else {
            println!("missing: {label}: no {launcher} in PATH");
            continue;
        };
        let mut view = None;
        let mut refusal = attempt(command(&program, &launch[1..], way));
        if refusal.as_ref().is_some_and(|why| why.contains("hybrid")) {
            let legacy = match &legacy {
                Some(view) => view.clone(),
                None => legacy.insert(Rc::new(View::without_unified()?)).clone(),
            };
            let inside = legacy.enter()?;
            refusal = attempt(command(&program, &launch[1..], way));
            drop(inside);
            view = Some(legacy);
            println!("note: {label}: refuses hybrid cgroups, so it runs where /sys/fs/cgroup/unified is hidden");
        }
        let quiet = |words: &[String]| -> Result<Command> {
            let null = || null.try_clone().map(Stdio::from).map_err(|e| format!("duplicate /dev/null: {e}"));
            let mut command = command(&program, words, way);
            command.stdin(null()?).stdout(null()?).stderr(null()?);
            Ok(command)
        };
        let row = Row {
            launcher,
            way,
            launch: quiet(&launch[1..])?,
            hold: quiet(&hold[1..])?,
            words: launch,
            program,
            view,
            launches: 0,
            failures: 0,
        };
        match refusal {
            None => rows.push(row),
            Some(why) if row.must_work() => return Err(format!("{label} failed: {why}")),
            Some(why) => println!("refuses: {label}: {why}"),
        }
    }
    Ok(rows)
}

/// Runs it once and says what went wrong, in the launcher's own first words.
fn attempt(mut command: Command) -> Option<String> {
    match command.stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => {
            let stderr = String::from_utf8_lossy(&output.stderr);
            let said = stderr.lines().find(|line| !line.trim().is_empty()).unwrap_or("no word on stderr");
            Some(format!("{} ({said})", output.status))
        }
        Err(error) => Some(error.to_string()),
    }
}

/// A command that can be started many times. As root nothing in it keeps std from using posix_spawn, so that the cost of
/// starting a process does not depend on the size of this one. An ordinary user's are forked, all of them alike, since ids
/// are to be changed.
fn command(program: &Path, args: &[String], way: Way) -> Command {
    let mut command = Command::new(program);
    command.args(args).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    match way {
        Way::Rootless => command.uid(NOBODY).gid(NOBODY).env("CONTAIN_ROOT", stage::state("contain-rootless")),
        _ => command.env("CONTAIN_ROOT", stage::state("contain")),
    };
    command
}

const NOBODY: u32 = 65534;

pub fn find(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program));
    }
    // sbin as well: that is where Debian puts runc, and not every caller has it in PATH.
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/usr/bin:/sbin:/bin";
    path.split(':').map(|dir| Path::new(dir).join(program)).find(|file| file.is_file())
}

/// A second mount namespace for this process, entered around a launch and left again, outside the measured time.
///
/// crun reads cgroup v1 and v2, but refuses a host that mounts both. Hiding v2's mount point is all it needs to work,
/// and doing so here costs it nothing.
pub struct View {
    host: OwnedFd,
    inside: OwnedFd,
}

impl View {
    pub fn without_unified() -> Result<View> {
        let explain = |e: rustix::io::Errno| format!("make a mount namespace without cgroup v2: {e}");
        let current =
            || File::open("/proc/self/ns/mnt").map(OwnedFd::from).map_err(|e| format!("/proc/self/ns/mnt: {e}"));
        let host = current()?;
        // SAFETY: a new mount namespace changes no memory and closes no file; this process has one thread.
        unsafe { unshare_unsafe(UnshareFlags::NEWNS) }.map_err(explain)?;
        let hidden = mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)
            .and_then(|()| mount("tmpfs", "/sys/fs/cgroup/unified", "tmpfs", MountFlags::empty(), None));
        let inside = current();
        enter(host.as_fd()).map_err(explain)?;
        hidden.map_err(explain)?;
        Ok(View { host, inside: inside? })
    }

    pub fn enter(&self) -> Result<Inside<'_>> {
        enter(self.inside.as_fd()).map_err(|e| format!("enter the mount namespace without cgroup v2: {e}"))?;
        Ok(Inside(self))
    }
}

/// Goes back to the host's mounts when dropped.
pub struct Inside<'a>(&'a View);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        enter(self.0.host.as_fd()).expect("go back to the host's mount namespace");
    }
}

fn enter(namespace: BorrowedFd) -> rustix::io::Result<()> {
    move_into_link_name_space(namespace, Some(LinkNameSpaceType::Mount))
}
