//! A machine as it is meant, whatever wrote it down: the kernel command line, contain.conf, or an inittab. Plain public
//! values with nothing left to look up; what each means to the user stands in docs/contain.1.

use crate::text::Word;

/// What process 1 is to make of the machine.
pub struct Machine {
    /// The command whose end is the end of the boot: the words after `--`, or those of contain.exec=. Empty where none is named.
    pub command: Vec<Word>,
    /// For `Mode::Run`: the options of `contain run`, each one word, as `--memory=64M`.
    pub options: Vec<Word>,
    /// By [`Text`], [`Time`] and [`Choice`].
    pub texts: [&'static str; 7],
    pub times: [u64; 4],
    pub choices: [u8; 8],
    /// Modules to load, in their order.
    pub modules: Vec<&'static str>,
    pub mounts: Vec<Mount>,
    pub nets: Vec<Net>,
    pub services: Vec<&'static Service>,
    /// A contain.conf has been read.
    pub has_file: bool,
    /// Where the exit status goes.
    pub report: Report,
}

/// What a text says of a machine; most are empty where nothing is said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Text {
    /// A device, UUID=, LABEL= or PARTUUID=; empty where the initramfs stays the root.
    Root,
    /// rootfstype=, several with commas between; empty where the superblock tells.
    RootType,
    /// rootflags=, as mount(8) takes them.
    RootFlags,
    /// contain.overlay=: `tmpfs` or a device that takes what is written; empty for none.
    Overlay,
    /// init=: what takes over there.
    Init,
    Hostname,
    /// The file with the seed of randomness.
    Seed,
}

/// Times, in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Time {
    /// How long the device of the root is waited for.
    RootWait,
    /// A pause before it is looked for.
    RootDelay,
    /// How long processes have after SIGTERM before SIGKILL.
    Grace,
    /// The time after which the watchdog resets the machine; zero where it is left alone.
    Watchdog,
}

/// Drivers look for their devices while the machine boots. So nobody has to ask for so short a time.
pub const PATIENCE: u64 = 5 * SECOND;
pub const FOR_EVER: u64 = 1 << 62;
pub const SECOND: u64 = 1_000_000;

/// One of a few, each by its number: 0 or 1, or an enum's below.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choice {
    Mode,
    /// How much is told on the console (contain.log=): errors, and from 1 on what they are not.
    Log,
    OnExit,
    OnFail,
    /// Write down what of the boot took how long.
    Chart,
    /// The root is.
    ReadOnly,
    /// A shell on the console, and no services (`single`).
    Single,
    /// `panic=` is on the command line.
    Panics,
}

/// A choice that nobody has made.
pub const UNSAID: u8 = u8::MAX;

impl Machine {
    /// Where nothing is written.
    pub fn nothing() -> Machine {
        Machine {
            command: Vec::new(),
            options: Vec::new(),
            texts: ["", "", "", "", "/sbin/init", "", ""],
            times: [PATIENCE, 0, 5 * SECOND, 0],
            choices: [UNSAID, 1, OnExit::PowerOff as u8, UNSAID, 0, 1, 0, 0],
            modules: Vec::new(),
            mounts: Vec::new(),
            nets: Vec::new(),
            services: Vec::new(),
            has_file: false,
            report: Report::Auto,
        }
    }

    pub fn set_text(&mut self, text: Text, to: &'static str) {
        if let Some(place) = self.texts.get_mut(text as usize) {
            *place = to;
        }
    }

    pub fn set_time(&mut self, time: Time, to: u64) {
        if let Some(place) = self.times.get_mut(time as usize) {
            *place = to;
        }
    }

    pub fn choose(&mut self, choice: Choice, to: u8) {
        if let Some(place) = self.choices.get_mut(choice as usize) {
            *place = to;
        }
    }

    pub fn text(&self, text: Text) -> &'static str {
        self.texts[text as usize]
    }

    pub fn time(&self, time: Time) -> u64 {
        self.times[time as usize]
    }

    pub fn choice(&self, choice: Choice) -> u8 {
        self.choices[choice as usize]
    }

    pub fn is(&self, choice: Choice) -> bool {
        self.choice(choice) == 1
    }

    /// More than errors is told on the console.
    pub fn tells(&self) -> bool {
        self.choice(Choice::Log) > 0
    }

    pub fn mode(&self) -> Mode {
        match self.choice(Choice::Mode) {
            0 => Mode::Run,
            1 => Mode::Switch,
            _ => Mode::Services,
        }
    }

    /// What follows on the end of the command.
    pub fn on_exit(&self) -> OnExit {
        match self.choice(Choice::OnExit) {
            1 => OnExit::Reboot,
            2 => OnExit::Halt,
            3 => OnExit::Respawn,
            4 => OnExit::Shell,
            _ => OnExit::PowerOff,
        }
    }

    /// What follows on a failure of the boot or of contain itself; none where it is left to `panic=` and the console.
    pub fn on_fail(&self) -> Option<OnFail> {
        match self.choice(Choice::OnFail) {
            0 => Some(OnFail::Shell),
            1 => Some(OnFail::Reboot),
            2 => Some(OnFail::PowerOff),
            3 => Some(OnFail::Panic),
            _ => None,
        }
    }
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
    /// The pause before it is started again, in microseconds: from the first to the second, doubled each time it ends early.
    pub backoff: [u64; 2],
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
