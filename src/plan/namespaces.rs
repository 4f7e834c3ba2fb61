//! Which namespaces (namespaces(7)) a container has for itself, and which of them the clone makes.

use crate::spec::{Share, Spec};

/// The namespaces of namespaces(7) that a process has for itself, or joins: the bits of clone(2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Namespaces(pub u32);

impl Namespaces {
    pub const NONE: Namespaces = Namespaces(0);
    pub const MNT: u32 = 0x0002_0000;
    pub const CGROUP: u32 = 0x0200_0000;
    pub const UTS: u32 = 0x0400_0000;
    pub const IPC: u32 = 0x0800_0000;
    pub const USER: u32 = 0x1000_0000;
    pub const PID: u32 = 0x2000_0000;
    pub const NET: u32 = 0x4000_0000;

    /// The kernel's short names, in the order the story tells them.
    pub const ALL: [(&str, u32); 7] = [
        ("user", Namespaces::USER),
        ("pid", Namespaces::PID),
        ("uts", Namespaces::UTS),
        ("mnt", Namespaces::MNT),
        ("ipc", Namespaces::IPC),
        ("net", Namespaces::NET),
        ("cgroup", Namespaces::CGROUP),
    ];

    /// A container's own.
    pub fn of(spec: &Spec) -> Namespaces {
        let Share { pid, uts, ipc, net } = spec.share;
        weak!("weak-pids", pid = true);
        let always = Namespaces(Namespaces::MNT | Namespaces::CGROUP);
        let all = always.with(Namespaces::USER, !spec.uids.is_none()).with(Namespaces::PID, !pid);
        all.with(Namespaces::UTS, !uts).with(Namespaces::IPC, !ipc).with(Namespaces::NET, !net)
    }

    /// This one too, where it `is` so.
    pub fn with(self, kind: u32, is: bool) -> Namespaces {
        if is { Namespaces(self.0 | kind) } else { self }
    }

    pub fn has(self, kind: u32) -> bool {
        self.0 & kind != 0
    }

    /// All but some.
    pub fn without(self, kinds: u32) -> Namespaces {
        Namespaces(self.0 & !kinds)
    }

    /// Those that the clone makes: the processes', or all with the user namespace that is to own them. But the child makes the
    /// cgroup's itself, once it is in its group, for its root to be there.
    pub fn cloned(self) -> Namespaces {
        self.without(if self.has(Namespaces::USER) { Namespaces::CGROUP } else { !Namespaces::PID })
    }

    /// Those that the child makes, while the launcher makes the network's: it is as dear as they, so neither waits long for the
    /// other. That saves a fifth of a launch.
    pub fn unshared(self) -> Namespaces {
        self.without(self.cloned().0 | Namespaces::NET | Namespaces::CGROUP)
    }

    /// Their names, with blanks between.
    pub fn names(self) -> String {
        let mut names = String::new();
        for (name, bit) in &Namespaces::ALL {
            if self.has(*bit) {
                names.push_str(if names.is_empty() { "" } else { " " });
                names.push_str(name);
            }
        }
        names
    }
}
