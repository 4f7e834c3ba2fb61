//! A machine as it is meant, whatever wrote it down: the kernel command line, contain.conf, or an inittab. Plain public
//! values with nothing left to look up; what each means to the user stands in docs/contain.1.

use std::time::Duration;

use crate::text::Word;

/// What process 1 is to make of the machine.
pub struct Machine {
    pub mode: Mode,
    /// The command whose end is the end of the boot: the words after `--`, or those of contain.exec=. Empty where none is named.
    pub command: Vec<Word>,
    /// For `Mode::Run`: the options of `contain run`, each one word, as `--memory=64M`.
    pub options: Vec<Word>,
    /// A shell on the console, and no services (`single`).
    pub single: bool,
    /// Empty where it is not set.
    pub hostname: &'static str,
    pub root: Root,
    /// Modules to load, in their order.
    pub modules: Vec<&'static str>,
    pub mounts: Vec<Mount>,
    pub nets: Vec<Net>,
    pub services: Vec<Service>,
    /// A contain.conf has been read.
    pub has_file: bool,
    /// What follows on the end of the command.
    pub on_exit: OnExit,
    /// What follows on a failure of the boot or of contain itself; none where it is left to `panic=` and the console.
    pub on_fail: Option<OnFail>,
    /// `panic=` is on the command line.
    pub panics: bool,
    /// How long processes have after SIGTERM before SIGKILL.
    pub grace: Duration,
    /// The time after which the watchdog resets the machine; none where it is left alone.
    pub watchdog: Option<Duration>,
    /// Where the exit status goes.
    pub report: Report,
    pub log: Log,
    /// The file with the seed of randomness; empty where that is not said.
    pub seed: Word,
    /// Write down what of the boot took how long.
    pub chart: bool,
}

/// What a boot leads to (contain.mode=).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// A container is the workload.
    Run,
    /// The init of another root takes over.
    Switch,
    /// Services, or the command.
    Services,
}

/// The root of `root=` and its like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Root {
    /// A device, UUID=, LABEL= or PARTUUID=; empty where the initramfs stays the root.
    pub device: &'static str,
    /// rootfstype=, several with commas between; empty where the superblock tells.
    pub filesystem: &'static str,
    /// rootflags=, as mount(8) takes them.
    pub options: &'static str,
    pub read_only: bool,
    /// Wait for the device, and how long; for ever where that is not said.
    pub wait: Option<Option<Duration>>,
    /// rootdelay=: a pause before the device is looked for.
    pub delay: Duration,
    /// contain.overlay=: `tmpfs` or a device that takes what is written; empty for none.
    pub overlay: &'static str,
    /// init=: what takes over there.
    pub init: Word,
}

/// A file system to be mounted: `mount TYPE TARGET [FLAG...] [KEY=VALUE...]`, with the device as source= where there is one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mount {
    pub filesystem: Word,
    pub source: Word,
    pub target: Word,
    /// As mount(8) takes them, commas between.
    pub options: &'static str,
    /// Where this was written: `/etc/contain.conf:3`.
    pub place: &'static str,
}

/// A network interface: `net INTERFACE ...`, or `ip=`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Net {
    /// Empty for the first that is no loopback device.
    pub interface: &'static str,
    pub address: Address,
    /// For resolv.conf; zero where there is none.
    pub servers: [[u8; 4]; 2],
    pub place: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Address {
    Dhcp,
    Static {
        address: [u8; 4],
        prefix: u8,
        /// Zero where there is none.
        gateway: [u8; 4],
    },
}

/// A service: `service NAME [KEY=VALUE...] [--] COMMAND...`; a task is one that is to end: `task NAME ...`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Service {
    pub name: &'static str,
    /// One that begins with /proc/self/exe is executed by contain itself, wherever its file is by then. A dash before the first
    /// word makes it a login shell: `-/bin/sh` is /bin/sh under the name `-/bin/sh`.
    pub command: &'static [Word],
    /// The options of `contain run`, each one word, where it is a container; else empty.
    pub options: &'static [Word],
    pub kind: Kind,
    pub restart: Restart,
    /// The pause before it is started again: from the first to the second, doubled each time it ends early.
    pub backoff: [Duration; 2],
    /// The services that it is started after: a task when it has ended well, another when it was started.
    pub after: &'static [&'static str],
    /// A user of /etc/passwd, or UID[:GID]; empty for root. Of a plain process: a container's is among its options.
    pub user: &'static str,
    /// `KEY=VALUE`, beside PATH, HOME and TERM.
    pub environment: &'static [Word],
    /// A file, `console`, `kmsg` or `none`; empty for a file of its own below /run. A terminal, as `console` or /dev/tty1, is
    /// its standard input, too.
    pub log: Word,
    pub place: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The command of the boot: its end is the end of the boot, unless it is started again.
    Command,
    Service,
    /// Those after it wait until it has ended well.
    Task,
    /// A task that those after it wait for however it ends (inittab's sysinit and wait).
    Step,
    /// A service that waits for Enter on the console first (inittab's askfirst).
    Ask,
    /// Run when ctrl-alt-del is pressed (inittab's ctrlaltdel).
    CtrlAltDel,
    /// Run at the end, before processes are ended (inittab's shutdown).
    Shutdown,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Restart {
    No,
    OnFailure,
    Always,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnExit {
    PowerOff,
    Reboot,
    Halt,
    /// The command is started again.
    Respawn,
    Shell,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnFail {
    Shell,
    Reboot,
    PowerOff,
    Panic,
}

/// Where the exit status goes (contain.exit=), beside the last line on the console.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Report {
    /// To whatever is found.
    Auto,
    Off,
    /// The last line on the console only.
    Serial,
    /// A virtio port of this name.
    Virtio(&'static str),
    /// A port of the host's (vsock(7)).
    Vsock(u32),
    /// isa-debug-exit at this I/O port.
    Isa(u16),
}

/// How much is told on the console (contain.log=); errors always are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Debug)]
pub enum Log {
    Error,
    Info,
    Debug,
}
