//! What a machine is to be, word by word, in one table: the words of the kernel command line, and the directives of
//! contain.conf, which are the same words without `contain.` before them.

use std::ops::Range;
use std::time::Duration;

use crate::error::Error;
use crate::input::args::{self, option};
use crate::input::cmdline::CommandLine;
use crate::input::conf::{self, split_words};
use crate::input::help::{self, Topic};
use crate::input::ip;
use crate::input::near::Near;
use crate::input::number::{self, Parsed, number, wrong};
use crate::input::services::{self, Words};
use crate::machine::{Kind, Log, Machine, Mode, OnExit, OnFail, Report, Root};
use crate::text::{Word, cut, decimal, digits, fill, joined, kept, lines, place, shown, split};

/// What a word sets.
#[derive(Clone, Copy)]
pub enum Act {
    Root,
    RootType,
    RootFlags,
    RootWait,
    RootDelay,
    ReadOnly(bool),
    Init,
    Panic,
    Quiet,
    Ip,
    Hostname,
    Single,
    /// Where contain.conf is: looked up before it is read.
    Config,
    Log,
    Mode,
    Exec,
    Overlay,
    Modules,
    Exit,
    OnExit,
    OnFail,
    Grace,
    Watchdog,
    Seed,
    Chart,
    Mount,
    Net,
    Service(Kind),
    Run,
    OfService,
}

macro_rules! words {
    ($({ $($name:literal: $act:expr),* $(,)? })*) => {
        /// Words, each with `=` where it takes a value; a directive has that behind a blank.
        const NAMES: &str = concat!($($($name, "\n"),*),*);
        const ACTS: &[Act] = &[$($($act),*),*];
        const COUNTS: &[usize] = &[$([$($name),*].len()),*];
    };
}

words! {
    // The words that the kernel and other inits know, too.
    {
        "root=": Act::Root,
        "rootfstype=": Act::RootType,
        "rootflags=": Act::RootFlags,
        "rootwait": Act::RootWait,
        "rootwait=": Act::RootWait,
        "rootdelay=": Act::RootDelay,
        "ro": Act::ReadOnly(true),
        "rw": Act::ReadOnly(false),
        "init=": Act::Init,
        "panic=": Act::Panic,
        "quiet": Act::Quiet,
        "ip=": Act::Ip,
        "hostname=": Act::Hostname,
        "single": Act::Single,
    }
    // Contain's own: `contain.grace=5s`.
    {
        "config=": Act::Config,
        "log=": Act::Log,
        "mode=": Act::Mode,
        "exec=": Act::Exec,
        "overlay=": Act::Overlay,
        "modules=": Act::Modules,
        "exit=": Act::Exit,
        "onexit=": Act::OnExit,
        "onfail=": Act::OnFail,
        "grace=": Act::Grace,
        "watchdog=": Act::Watchdog,
        "seed=": Act::Seed,
        "bootchart": Act::Chart,
        "bootchart=": Act::Chart,
    }
    // Those that need a line.
    {
        "mount=": Act::Mount,
        "net=": Act::Net,
        "service=": Act::Service(Kind::Service),
        "task=": Act::Service(Kind::Task),
        "run=": Act::Run,
    }
    // Those of a service, in a line of its own (services.rs).
    {
        "restart=": Act::OfService,
        "backoff=": Act::OfService,
        "after=": Act::OfService,
        "log=": Act::OfService,
        "user=": Act::OfService,
        "env=": Act::OfService,
    }
}

/// How many are the kernel's, how many can stand on its command line, and how many in a line of contain.conf.
const STANDARD: usize = COUNTS[0];
const ONE_WORD: usize = STANDARD + COUNTS[1];
const LINES: usize = ONE_WORD + COUNTS[2];
/// Those of a service's line; a container's user and variables are options of `contain run`. A `run` line has no others at all.
pub const OF_PROCESS: Range<usize> = LINES..ACTS.len();
pub const OF_CONTAINER: Range<usize> = LINES..ACTS.len() - 2;
pub const OF_RUN: Range<usize> = LINES..LINES;

/// Which of the words it is, that has a value or has none.
pub fn find(key: &str, valued: bool, among: &Range<usize>) -> Option<usize> {
    for (at, name) in lines(NAMES).enumerate() {
        let bare = name.strip_suffix('=');
        if among.contains(&at) && bare.is_some() == valued && bare.unwrap_or(name) == key {
            return Some(at);
        }
    }
    None
}

const LINE: &str = "kernel command line";
/// So many complaints are told: more than anyone mends at a time. A file of rubbish shall not hold the boot up.
const MOST: usize = 20;

/// What has been read so far.
pub struct Settings<'a> {
    pub machine: &'static mut Machine,
    /// Where the words stand that are being read: `/etc/contain.conf:3`.
    pub place: &'static str,
    /// What was wrong so far.
    complaints: usize,
    /// As contain.mode= says.
    mode: Option<Mode>,
    tell: &'a mut dyn FnMut(Error),
}

impl<'a> Settings<'a> {
    pub fn new(tell: &'a mut dyn FnMut(Error)) -> Settings<'a> {
        Settings { machine: Box::leak(Box::new(Machine::nothing())), place: LINE, complaints: 0, mode: None, tell }
    }

    /// Tells what is wrong with words that are left out.
    pub fn complain(&mut self, subject: &str, what: &str) {
        self.complaints += 1;
        if self.complaints > MOST {
            return;
        }
        // Who writes that much reads the beginning.
        let short = (0..=100).rev().find_map(|end| subject.get(..end)).unwrap_or_default();
        let subject = if short.len() < subject.len() { [short, "..."].concat() } else { short.into() };
        (self.tell)(Error::new(fill("%: % %", &[self.place, &subject, what])));
    }

    /// The kernel command line, which comes last: it wins over what a file says.
    pub fn read_line(&mut self, line: &CommandLine) {
        let of_file = std::mem::take(&mut self.machine.options);
        for word in &line.words {
            let text = shown(word);
            let own = text.strip_prefix("contain.");
            let (key, value) =
                cut(own.unwrap_or(text), b'=').map_or((own.unwrap_or(text), None), |(key, value)| (key, Some(value)));
            let among = if own.is_some() { STANDARD..ONE_WORD } else { 0..STANDARD };
            if let Err(what) = self.read(key, value.as_slice(), among) {
                self.complain(text, what);
            }
        }
        let options = &mut self.machine.options;
        let name = |option: &Word| option.to_bytes().split(|b| *b == b'=').next();
        let count = options.len();
        for option in of_file {
            if !options.iter().take(count).any(|wins| name(wins) == name(&option)) {
                options.push(option);
            }
        }
        if !line.command.is_empty() {
            self.machine.command = line.command.clone();
        }
    }

    /// One directive.
    pub fn read_directive(&mut self, words: &[&'static str]) -> Parsed<()> {
        let Some((key, values)) = words.split_first() else { return Ok(()) };
        self.read(key, values, 0..LINES)
    }

    /// One word with its values, which may be one of `among`, or an option of `contain run`.
    fn read(&mut self, key: &str, values: &[&'static str], among: Range<usize>) -> Parsed<()> {
        let valued = !values.is_empty();
        if let Some(act) = find(key, valued, &among).and_then(|at| ACTS.get(at)) {
            return self.set(*act, values);
        }
        // What else there is of the kernel's is for others.
        if among.end == STANDARD {
            return Ok(());
        }
        if find(key, !valued, &among).is_some() {
            return Err(if valued { "has a value, and takes none" } else { "needs a value" });
        }
        let mut option = String::from(key);
        for value in values {
            option.push('=');
            option.push_str(value);
        }
        self.machine.options.push(run_option(&option, among)?);
        Ok(())
    }

    fn set(&mut self, act: Act, values: &[&'static str]) -> Parsed<()> {
        let machine = &mut *self.machine;
        match act {
            Act::Exec => {
                machine.command = match values {
                    // On the command line all words are one.
                    [text] => split_words(text, 0)?,
                    _ => values.to_vec(),
                }
                .into_iter()
                .map(word)
                .collect();
                if machine.command.first().is_none_or(|word| word.is_empty()) {
                    machine.command.clear();
                    return Err("names no program: write one, as /bin/sh");
                }
                return Ok(());
            }
            Act::Modules => {
                for value in values {
                    machine.modules.extend(split(value, b',').filter(|module| !module.is_empty()));
                }
                return Ok(());
            }
            Act::Mount => {
                machine.mounts.push(conf::mount(values, self.place)?);
                return Ok(());
            }
            Act::Net => {
                return ip::add(machine, &ip::line(values)?, self.place);
            }
            Act::Service(kind) => return services::add(self, kind, values),
            Act::Run => {
                let Words { options, command, .. } = services::take_apart(values, OF_RUN)?;
                (machine.options, machine.command) = (options, command);
                self.mode = self.mode.or(Some(Mode::Run));
                return Ok(());
            }
            _ => {}
        }
        let value = match values {
            [] => "",
            [value] => value,
            _ => return Err("takes one value: put double quotes around it"),
        };
        let root = &mut machine.root;
        match act {
            Act::Root => root.device = value,
            Act::RootType => root.filesystem = value,
            Act::RootFlags => root.options = value,
            Act::RootWait => root.wait = Some(if values.is_empty() { None } else { Some(time(value)?) }),
            Act::RootDelay => root.delay = time(value)?,
            Act::ReadOnly(read_only) => root.read_only = read_only,
            Act::Init => root.init = absolute(value)?,
            Act::Overlay => root.overlay = value,
            Act::Panic => machine.panics = true,
            Act::Quiet => machine.log = Log::Error,
            Act::Ip => return ip::add(machine, &ip::fields(value)?, self.place),
            Act::Hostname => {
                option::hostname(value)?;
                machine.hostname = value;
            }
            Act::Single => machine.single = true,
            Act::Log => machine.log = one_of(value, "error\ninfo\ndebug", &[Log::Error, Log::Info, Log::Debug])?,
            Act::Mode => {
                let modes = [Mode::Run, Mode::Switch, Mode::Services];
                self.mode = Some(one_of(value, "run\nswitch\nservices", &modes)?);
            }
            Act::Exit => machine.report = report(value)?,
            Act::OnExit => {
                let all = [OnExit::PowerOff, OnExit::Reboot, OnExit::Halt, OnExit::Respawn, OnExit::Shell];
                machine.on_exit = one_of(value, "poweroff\nreboot\nhalt\nrespawn\nshell", &all)?;
            }
            Act::OnFail => {
                let all = [OnFail::Shell, OnFail::Reboot, OnFail::PowerOff, OnFail::Panic];
                machine.on_fail = Some(one_of(value, "shell\nreboot\npoweroff\npanic", &all)?);
            }
            Act::Grace => machine.grace = time(value)?,
            Act::Watchdog => machine.watchdog = Some(time(value)?).filter(|time| !time.is_zero()),
            Act::Seed => machine.seed = absolute(value)?,
            Act::Chart => machine.chart = values.is_empty() || one_of(value, "1\n0", &[true, false])?,
            _ => {}
        }
        Ok(())
    }

    /// What all of it comes to.
    pub fn decide(self) -> &'static mut Machine {
        let Settings { machine, mode, tell, complaints, .. } = self;
        let is_run = machine.options.iter().any(|option| option.to_bytes().starts_with(b"--rootfs"));
        let has_work = !machine.command.is_empty() || !machine.services.is_empty();
        machine.mode = match mode {
            Some(mode) => mode,
            None if is_run => Mode::Run,
            None if !machine.root.device.is_empty() && !has_work => Mode::Switch,
            None => Mode::Services,
        };
        if let (Mode::Switch | Mode::Services, Some(option)) = (machine.mode, machine.options.first()) {
            let text = "% is for a container, and there is none: name its root file system, contain.rootfs=DIR";
            tell(Error::new(fill(text, &[shown(option)])));
            machine.options.clear();
        }
        if complaints > MOST {
            tell(Error::new(fill(
                "% more complaints about the settings are not told",
                &[digits((complaints - MOST) as u64)],
            )));
        }
        machine
    }
}

/// An option of `contain run`, as `memory=64M` or `read-only`, in one word. Where there is none, the complaint asks for the
/// nearest of the options and of the words.
pub fn run_option(text: &str, among: Range<usize>) -> Parsed<Word> {
    let key = cut(text, b'=').map_or(text, |(key, _)| key);
    let mut option = kept(&[b"--", text.as_bytes()]);
    match help::option(Topic::Run, &["--", key].concat()) {
        None => return unknown(key, among),
        // As bootchart=1 has it.
        Some((name, option::Act::Set(_))) if text.ends_with("=1") => option = word(name),
        _ => {}
    }
    match args::parse(vec![c"run", option]) {
        Ok(_) => Ok(option),
        Err(error) => wrong("makes no sense: ", &error.sentence()),
    }
}

fn unknown(key: &str, among: Range<usize>) -> Parsed<Word> {
    let mut near = Near::to(key);
    for (at, known) in lines(NAMES).enumerate() {
        if among.contains(&at) {
            near.consider(known.strip_suffix('=').unwrap_or(known));
        }
    }
    for flag in help::flags(Topic::Run) {
        near.consider(flag.strip_prefix("--").unwrap_or(flag));
    }
    let before = if among.start == STANDARD { "contain." } else { "" };
    match near.nearest() {
        Some(known) => wrong("is not known: did you mean ", &[before, known, "?"].concat()),
        None => Err("is not known"),
    }
}

#[inline(never)]
pub fn one_of<T: Copy>(text: &str, names: &'static str, all: &[T]) -> Parsed<T> {
    match place(names, text.as_bytes()).and_then(|at| all.get(at)) {
        Some(one) => Ok(*one),
        None => wrong("is not known: write one of ", &joined(&lines(names).collect::<Vec<_>>(), ", ")),
    }
}

pub fn time(text: &str) -> Parsed<Duration> {
    number(number::Kind::Wait, text).map(Duration::from_millis)
}

pub fn word(text: &str) -> Word {
    kept(&[text.as_bytes()])
}

pub fn absolute(text: &str) -> Parsed<Word> {
    if text.starts_with('/') { Ok(word(text)) } else { Err("is no absolute path: write one that begins with /") }
}

fn report(text: &'static str) -> Parsed<Report> {
    const WRONG: &str = "is not known: write auto, off, serial, virtio:NAME, vsock:PORT or isa:0xf4";
    let hex = |text: &str| {
        let mut number = 0_u16;
        for byte in text.bytes() {
            number = number.checked_mul(16)? | char::from(byte).to_digit(16)? as u16;
        }
        Some(number)
    };
    let found = match cut(text, b':') {
        None => return one_of(text, "auto\noff\nserial", &[Report::Auto, Report::Off, Report::Serial]).or(Err(WRONG)),
        Some(("virtio", name)) if !name.is_empty() => Some(Report::Virtio(name)),
        Some(("vsock", port)) => decimal(port).and_then(|port| u32::try_from(port).ok()).map(Report::Vsock),
        Some(("isa", port)) => port.strip_prefix("0x").filter(|port| !port.is_empty()).and_then(hex).map(Report::Isa),
        Some(_) => None,
    };
    found.ok_or(WRONG)
}

impl Machine {
    /// Where nothing is written.
    pub fn nothing() -> Machine {
        Machine {
            mode: Mode::Services,
            command: Vec::new(),
            options: Vec::new(),
            single: false,
            hostname: "",
            root: Root {
                device: "",
                filesystem: "",
                options: "",
                read_only: true,
                wait: None,
                delay: Duration::ZERO,
                overlay: "",
                init: c"/sbin/init",
            },
            modules: Vec::new(),
            mounts: Vec::new(),
            nets: Vec::new(),
            services: Vec::new(),
            has_file: false,
            on_exit: OnExit::PowerOff,
            on_fail: None,
            panics: false,
            grace: Duration::from_secs(5),
            watchdog: None,
            report: Report::Auto,
            log: Log::Info,
            seed: c"",
            chart: false,
        }
    }
}

#[cfg(test)]
mod tests;
