//! The order of a launch: all steps that there are, each with the case in which a launch has it. Those with an empty text
//! are filled in by the plan. `WriteLimit`, `MapIds`, `SetUlimit`, `WriteSysctl` and `AttachVolume`, those without a path of
//! `Take`, `TakeLayer`, `MakeDevice` and `MakeMountPoint`, and `MakeDirectory` and `AttachBelow` on the directory of v1's
//! controllers stand for any number of steps.

use std::ffi::CStr;

use crate::plan::step::{Act, Base, Case, Cases, Flags, Step};
use crate::plan::table::{self, Row, Table, table};

/// The launcher's acts while the child sets itself up.
pub const BESIDE: Table = table!(&[
    Step::of(Act::WriteIds).on(Base::Root, c"setgroups").with(c"deny").case(Case::OwnIds),
    Step::of(Act::WriteIds).on(Base::Root, c"gid_map").case(Case::Users),
    Step::of(Act::WriteIds).on(Base::Root, c"uid_map").case(Case::Users),
    Step::of(Act::MapIds).case(Case::Users),
    Step::of(Act::GiveIds).case(Case::Users),
    Step::of(Act::UnshareNetwork).case(Case::OwnNet),
    Step::of(Act::GiveNetwork).case(Case::OwnNet),
    // And v1's groups before them.
    Step::of(Act::WriteLimit),
    Step::of(Act::GiveCgroups).case(Case::Groups),
    Step::of(Act::RaiseLoopback).case(Case::OwnNet),
    Step::of(Act::GiveGo).case(Case::Untold),
    // Nothing else is left to do until the command ends, which may be soon.
    Step::of(Act::RemoveLeftovers).case(Case::Untold),
]);

/// The launcher's acts once the command runs.
pub const AFTER: Table = table!(&[Step::of(Act::WriteDown), Step::of(Act::RemoveLeftovers).case(Case::Told)]);

/// The child's acts.
pub const INSIDE: Table = table!(&[
    Step::of(Act::Session),
    Step::of(Act::Unshare),
    Step::of(Act::RaiseLoopback).case(Case::OwnedNet),
    Step::of(Act::SetHostname).case(Case::OwnUts),
    Step::of(Act::SetDomainname),
    // What is to hear of mounts on the host is taken while they are heard of here.
    Step::of(Act::Take).flags(HEARS),
    Step::of(Act::MakeMountsPrivate),
    Step::of(Act::Take),
    // The devices below, in their order: in a user namespace none can be made.
    Step::of(Act::Take).on(Base::Dev, c"").case(Case::Users),
    // POSIX shared memory (shm_overview(7)) is files in /dev/shm: to share IPC is to share them.
    Step::of(Act::Take).on(Base::Root, c"/dev/shm").case(Case::SharedIpc),
    // In a user namespace the kernel makes these only while it sees whole ones (mount_too_revealing() of its fs/namespace.c).
    Step::of(Act::BorrowBase).on(Base::Proc, c"").with(c"proc").flags(Flags::NO_SUID_DEV_EXEC).case(Case::Users),
    Step::of(Act::BorrowBase).on(Base::Sys, c"").with(c"sysfs").flags(Flags::READ_ONLY).case(Case::Users),
    Step::of(Act::TakeLayer),
    Step::of(Act::TakeUpper).case(Case::UpperKept),
    // What is id-mapped can be mounted then.
    Step::of(Act::AwaitIds).case(Case::Users),
    Step::of(Act::BindRootfs).case(Case::Plain),
    Step::of(Act::BecomeRoot).case(Case::MoreIds),
    Step::of(Act::MakeUpper).case(Case::UpperInMemory),
    Step::of(Act::MountOverlay).flags(Flags(Flags::NO_DEV)).case(Case::Layered),
    Step::of(Act::PivotRoot),
    // Mount points are made first: nothing can be made once the root is read-only.
    Step::of(Act::DetachOldRoot).case(Case::ReadOnly),
    make_mount_point(c"/proc", c"proc"),
    make_mount_point(c"/dev", c"dev"),
    make_mount_point(c"/sys", c"sys"),
    Step::of(Act::MakeMountPoint).case(Case::ReadOnly),
    Step::of(Act::Freeze).on(Base::Root, c"/").flags(Flags(Flags::READ)).case(Case::ReadOnly),
    Step::of(Act::MountBase).on(Base::Proc, c"").with(c"proc").flags(Flags::NO_SUID_DEV_EXEC),
    bind_read_only(c"bus", Case::Confined),
    bind_read_only(c"fs", Case::Confined),
    bind_read_only(c"irq", Case::Confined),
    bind_read_only(c"sys", Case::Unchanged),
    bind_read_only(c"sysrq-trigger", Case::Confined),
    Step::of(Act::MountBase).on(Base::Dev, c"").with(c"tmpfs").flags(Flags::NO_SUID_EXEC),
    // The device nodes that every program may count on (the OCI runtime specification's default devices).
    make_device(c"null", c"1:3", 1 << 8 | 3),
    make_device(c"zero", c"1:5", 1 << 8 | 5),
    make_device(c"full", c"1:7", 1 << 8 | 7),
    make_device(c"random", c"1:8", 1 << 8 | 8),
    make_device(c"urandom", c"1:9", 1 << 8 | 9),
    make_device(c"tty", c"5:0", 5 << 8),
    Step::of(Act::MakeLink).on(Base::Dev, c"fd").with(c"/proc/self/fd"),
    Step::of(Act::MakeLink).on(Base::Dev, c"stdin").with(c"/proc/self/fd/0"),
    Step::of(Act::MakeLink).on(Base::Dev, c"stdout").with(c"/proc/self/fd/1"),
    Step::of(Act::MakeLink).on(Base::Dev, c"stderr").with(c"/proc/self/fd/2"),
    Step::of(Act::MakeLink).on(Base::Dev, c"ptmx").with(c"pts/ptmx"),
    make_directory(c"pts", c"0755"),
    mount_below(Base::Dev, c"pts", c"devpts", Flags::NO_SUID_EXEC)
        .options(c"newinstance,ptmxmode=0666,mode=0620,gid=5"),
    make_directory(c"shm", c"1777"),
    Step::of(Act::BindOnItself).on(Base::Dev, c"shm").flags(Flags::NO_SUID_DEV_EXEC).case(Case::OwnIpc),
    Step::of(Act::AttachBelow).on(Base::Dev, c"shm").case(Case::SharedIpc),
    make_directory(c"mqueue", c"0755"),
    // Those of the user's choice.
    Step::of(Act::MakeDevice).on(Base::Dev, c""),
    // What of the kernel a container has no business to see; podman's list.
    Step::of(Act::MaskDirectory).on(Base::Proc, c"acpi").case(Case::Confined),
    Step::of(Act::MaskDirectory).on(Base::Proc, c"asound").case(Case::Confined),
    Step::of(Act::MaskFile).on(Base::Proc, c"kcore").case(Case::Confined),
    Step::of(Act::MaskFile).on(Base::Proc, c"keys").case(Case::Confined),
    Step::of(Act::MaskFile).on(Base::Proc, c"latency_stats").case(Case::Confined),
    Step::of(Act::MaskFile).on(Base::Proc, c"timer_list").case(Case::Confined),
    Step::of(Act::MaskFile).on(Base::Proc, c"sched_debug").case(Case::Confined),
    Step::of(Act::MaskDirectory).on(Base::Proc, c"scsi").case(Case::Confined),
    Step::of(Act::MaskFile).on(Base::Proc, c"interrupts").case(Case::Confined),
    // The network is still being made: what can be done is done before it is waited for.
    Step::of(Act::StartKeyring),
    Step::of(Act::ForbidDumps),
    Step::of(Act::LimitCapabilities),
    Step::of(Act::ForbidNewPrivileges).case(Case::NoNewPrivileges),
    Step::of(Act::MakeBase).on(Base::Cgroup, c"").with(c"tmpfs").flags(Flags::NO_SUID_DEV_EXEC).case(Case::Groups),
    Step::of(Act::MakeDirectory).on(Base::Cgroup, c"").with(c"0755").case(Case::Groups),
    // The kernel takes its time for this, and holds up the launcher where that is in the middle of the network. Until here the
    // host is reachable as "/..", so no path of the rootfs with links or dots is followed before.
    Step::of(Act::DetachOldRoot).case(Case::Writable),
    // sysfs shows the network namespace it is mounted in.
    Step::of(Act::AwaitNetwork).case(Case::OwnNet),
    Step::of(Act::JoinNetwork).case(Case::OwnNet),
    // Those of the network are the ones of the namespace that this process is in.
    Step::of(Act::WriteSysctl),
    bind_read_only(c"sys", Case::Changed),
    Step::of(Act::MountBase).on(Base::Sys, c"").with(c"sysfs").flags(Flags::READ_ONLY),
    Step::of(Act::MaskDirectory).on(Base::Sys, c"firmware").case(Case::Confined),
    Step::of(Act::MaskDirectory).on(Base::Sys, c"fs/selinux").case(Case::Confined),
    Step::of(Act::MaskDirectory).on(Base::Sys, c"dev/block").case(Case::Confined),
    Step::of(Act::MaskDirectory).on(Base::Sys, c"devices/virtual/powercap").case(Case::Confined),
    Step::of(Act::AttachBase).on(Base::Cgroup, c"").case(Case::Groups),
    Step::of(Act::AwaitCgroups).case(Case::Groups),
    Step::of(Act::JoinCgroups).case(Case::Groups),
    Step::of(Act::UnshareCgroup),
    // The container's own group is the root of what it sees there; without one it sees nothing of the host's.
    mount_below(Base::Sys, c"fs/cgroup", c"cgroup2", Flags::READ_ONLY).case(Case::Born),
    Step::of(Act::MaskDirectory).on(Base::Sys, c"fs/cgroup").case(Case::HostGroups),
    Step::of(Act::AttachBelow).on(Base::Cgroup, c"").flags(Flags::READ_ONLY).case(Case::Groups),
    Step::of(Act::Freeze).on(Base::Cgroup, c"").flags(Flags::READ_ONLY).case(Case::Groups),
    // Until here it was empty, for the directories that are masked.
    Step::of(Act::TryMountBelow).on(Base::Dev, c"mqueue").with(c"mqueue").flags(Flags::NO_SUID_DEV_EXEC),
    Step::of(Act::AttachVolume),
    Step::of(Act::OpenConsole).case(Case::Tty),
    Step::of(Act::SetUlimit),
    Step::of(Act::InstallFilter).case(Case::FilteredEarly),
    Step::of(Act::BecomeUser),
    Step::of(Act::EnterWorkdir),
    Step::of(Act::Redirect).case(Case::Redirected),
    Step::of(Act::CloseDescriptors),
    Step::of(Act::AwaitGo),
    Step::of(Act::Unblock),
    Step::of(Act::InstallFilter).case(Case::Filtered),
    Step::of(Act::Execute),
]);

/// The acts of one that joins a container.
pub const JOINING: Table = table!(&[
    Step::of(Act::Session),
    // While the host's files are in reach; the memory group last, as in a launch.
    Step::of(Act::JoinCgroups).case(Case::Groups),
    Step::of(Act::JoinNamespaces),
    Step::of(Act::OpenTerminal).case(Case::Tty),
    Step::of(Act::StartKeyring),
    Step::of(Act::LimitCapabilities),
    Step::of(Act::ForbidNewPrivileges).case(Case::NoNewPrivileges),
    Step::of(Act::SetUlimit),
    Step::of(Act::InstallFilter).case(Case::FilteredEarly),
    Step::of(Act::BecomeUser),
    Step::of(Act::EnterWorkdir),
    Step::of(Act::Redirect).case(Case::Redirected),
    Step::of(Act::CloseDescriptors),
    Step::of(Act::AwaitGo),
    Step::of(Act::Unblock),
    Step::of(Act::InstallFilter).case(Case::Filtered),
    Step::of(Act::Execute),
]);

pub const HEARS: Flags = Flags(Flags::SLAVE | Flags::SHARED);

const fn make_mount_point(path: &'static CStr, name: &'static CStr) -> Step {
    Step::of(Act::MakeMountPoint).on(Base::Root, path).with(c"/").options(name).case(Case::ReadOnly)
}

const fn bind_read_only(path: &'static CStr, case: Case) -> Step {
    Step::of(Act::BindOnItself).on(Base::Proc, path).flags(Flags::READ_ONLY).case(case)
}

const fn make_directory(path: &'static CStr, mode: &'static CStr) -> Step {
    Step::of(Act::MakeDirectory).on(Base::Dev, path).with(mode)
}

const fn make_device(name: &'static CStr, shown: &'static CStr, number: u32) -> Step {
    Step::of(Act::MakeDevice).on(Base::Dev, name).with(shown).number(number)
}

const fn mount_below(base: Base, path: &'static CStr, filesystem: &'static CStr, flags: Flags) -> Step {
    Step::of(Act::MountBelow).on(base, path).with(filesystem).flags(flags)
}

/// The steps of a table that are to be had in these cases.
pub fn each(table: Table, cases: &Cases, add: &mut dyn FnMut(Step)) {
    table.those(&|case| cases[case as usize]).for_each(add);
}
