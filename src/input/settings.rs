//! What a machine is to be, word by word, in one table: the words of the kernel command line, and the directives of
//! contain.conf, which are the same words without `contain.` before them.

use std::ops::Range;

use crate::error::Error;
use crate::input::args::{self, option};
use crate::input::cmdline::CommandLine;
use crate::input::conf::{self, split_words};
use crate::input::help::{self, Topic};
use crate::input::ip;
use crate::input::near::Near;
use crate::input::number::{self, Parsed, number};
use crate::input::services::{self, Words};
use crate::machine::{Choice, FOR_EVER, Kind, Machine, Mode, Report, Text, Time, UNSAID};
use crate::packed::text;
use crate::text::{Word, after, before, decimal, digits, fill, kept_one, kept_two, lines, place, shown, split};

/// What a word sets.
#[derive(Clone, Copy)]
pub enum Act {
    Text(Text),
    /// An absolute path.
    Path(Text),
    Time(Time),
    /// The longest that there is.
    ForEver(Time),
    /// To what its value, one of [`CHOICES`], stands for.
    Choice(Choice),
    /// To this.
    Choose(Choice, u8),
    Ip,
    Hostname,
    /// Where contain.conf is: looked up before it is read.
    Config,
    Exec,
    Modules,
    Exit,
    Mount,
    Net,
    Service(Kind),
    Run,
    OfService,
}

/// The values of the first choices, a line for each.
const CHOICES: &str = "run, switch, services\nerror, info, debug\npoweroff, reboot, halt, respawn, shell\n\
    shell, reboot, poweroff, panic\n0, 1";

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
        "root=": Act::Text(Text::Root),
        "rootfstype=": Act::Text(Text::RootType),
        "rootflags=": Act::Text(Text::RootFlags),
        "rootwait": Act::ForEver(Time::RootWait),
        "rootwait=": Act::Time(Time::RootWait),
        "rootdelay=": Act::Time(Time::RootDelay),
        "ro": Act::Choose(Choice::ReadOnly, 1),
        "rw": Act::Choose(Choice::ReadOnly, 0),
        "init=": Act::Path(Text::Init),
        "panic=": Act::Choose(Choice::Panics, 1),
        "quiet": Act::Choose(Choice::Log, 0),
        "ip=": Act::Ip,
        "hostname=": Act::Hostname,
        "single": Act::Choose(Choice::Single, 1),
    }
    // Contain's own: `contain.grace=5s`.
    {
        "config=": Act::Config,
        "log=": Act::Choice(Choice::Log),
        "mode=": Act::Choice(Choice::Mode),
        "exec=": Act::Exec,
        "overlay=": Act::Text(Text::Overlay),
        "modules=": Act::Modules,
        "exit=": Act::Exit,
        "onexit=": Act::Choice(Choice::OnExit),
        "onfail=": Act::Choice(Choice::OnFail),
        "grace=": Act::Time(Time::Grace),
        "watchdog=": Act::Time(Time::Watchdog),
        "seed=": Act::Path(Text::Seed),
        "bootchart": Act::Choose(Choice::Chart, 1),
        "bootchart=": Act::Choice(Choice::Chart),
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
    /// All of that has been told.
    pub hushed: bool,
    tell: &'a mut dyn FnMut(Error),
}

impl<'a> Settings<'a> {
    pub fn new(tell: &'a mut dyn FnMut(Error)) -> Settings<'a> {
        Settings { machine: Box::leak(Box::new(Machine::nothing())), place: LINE, complaints: 0, hushed: false, tell }
    }

    /// Tells what is wrong with words that are left out.
    pub fn complain(&mut self, subject: &str, what: &str) {
        self.complaints += usize::from(!self.hushed);
        if self.hushed || self.complaints > MOST {
            return;
        }
        // Who writes that much reads the beginning.
        let short = (0..=100).rev().find_map(|end| subject.get(..end)).unwrap_or_default();
        let subject = if short.len() < subject.len() { text!("%...", short) } else { short };
        (self.tell)(Error::new(text!("%: % %", self.place, &subject, what)));
    }

    /// The kernel command line, which comes last: it wins over what a file says.
    pub fn read_line(&mut self, line: &CommandLine) {
        let of_file = std::mem::take(&mut self.machine.options);
        for word in &line.words {
            let text = shown(word);
            let own = text.strip_prefix("contain.");
            let word = own.unwrap_or(text);
            let among = if own.is_some() { STANDARD..ONE_WORD } else { 0..STANDARD };
            if let Err(what) = self.read(before(word, b'='), after(word, b'=').as_slice(), among) {
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
            return Err(if valued { text!("has a value, and takes none") } else { text!("needs a value") });
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
        match (act, values) {
            (Act::Exec, _) => exec(machine, values),
            (Act::Modules, _) => {
                for value in values {
                    machine.modules.extend(split(value, b',').filter(|module| !module.is_empty()));
                }
                Ok(())
            }
            (Act::Mount, _) => conf::mount(machine, values, self.place),
            (Act::Net, _) => ip::line(machine, values, self.place),
            (Act::Service(kind), _) => services::add(self, kind, values),
            (Act::Run, _) => run(machine, values),
            (_, []) => set_to(machine, act, "", self.place),
            (_, [value]) => set_to(machine, act, value, self.place),
            _ => Err(text!("takes one value: put double quotes around it")),
        }
    }

    /// What all of it comes to.
    pub fn decide(self) -> &'static mut Machine {
        let Settings { machine, tell, complaints, .. } = self;
        let is_run = machine.options.iter().any(|option| option.to_bytes().starts_with(b"--rootfs"));
        let has_work = !machine.command.is_empty() || !machine.services.is_empty();
        let usual = match is_run {
            true => Mode::Run,
            false if !machine.text(Text::Root).is_empty() && !has_work => Mode::Switch,
            false => Mode::Services,
        };
        choose_unsaid(machine, usual);
        if machine.mode() != Mode::Run
            && let Some(option) = machine.options.first()
        {
            let text = text!("% is for a container, and there is none: name its root file system, contain.rootfs=DIR");
            tell(Error::new(fill(text, &[shown(option)])));
            machine.options.clear();
        }
        if complaints > MOST {
            tell(Error::new(text!(
                "% more complaints about the settings are not told",
                digits((complaints - MOST) as u64)
            )));
        }
        machine
    }
}

/// An option of `contain run`, as `memory=64M` or `read-only`, in one word. Where there is none, the complaint asks for the
/// nearest of the options and of the words.
pub fn run_option(text: &str, among: Range<usize>) -> Parsed<Word> {
    let key = before(text, b'=');
    let mut option = kept_two(b"--", text.as_bytes());
    match help::option(Topic::Run, text!("--%", key)) {
        None => return unknown(key, among),
        // As bootchart=1 has it.
        Some((name, option::Act::Set(_))) if text.ends_with("=1") => option = word(name),
        _ => {}
    }
    match args::parse(vec![c"run", option]) {
        Ok(_) => Ok(option),
        Err(error) => Err(text!("makes no sense: %", error.sentence())),
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
        Some(known) => Err(text!("is not known: did you mean %%?", before, known)),
        None => Err(text!("is not known")),
    }
}

/// What has one value or none.
#[inline(never)]
fn set_to(machine: &mut Machine, act: Act, value: &'static str, place: &'static str) -> Parsed<()> {
    match act {
        Act::Text(at) => machine.set_text(at, value),
        Act::Path(at) => {
            absolute(value)?;
            machine.set_text(at, value);
        }
        Act::Hostname => {
            option::hostname(value)?;
            machine.set_text(Text::Hostname, value);
        }
        Act::Time(at) => machine.set_time(at, time(value)?),
        Act::ForEver(at) => machine.set_time(at, FOR_EVER),
        Act::Choice(at) => {
            let names = lines(CHOICES).nth(at as usize).unwrap_or_default();
            machine.choose(at, one_of(value, names)? as u8);
        }
        Act::Choose(at, to) => machine.choose(at, to),
        Act::Ip => ip::fields(machine, value, place)?,
        Act::Exit => machine.report = report(value)?,
        _ => {}
    }
    Ok(())
}

/// A mode that the words of a line lead to, where none says it.
fn choose_unsaid(machine: &mut Machine, mode: Mode) {
    if machine.choice(Choice::Mode) == UNSAID {
        machine.choose(Choice::Mode, mode as u8);
    }
}

#[inline(never)]
fn exec(machine: &mut Machine, values: &[&'static str]) -> Parsed<()> {
    // On the command line all words are one.
    let split;
    let words = match values {
        [text] => {
            split = split_words(text, 0)?;
            &split
        }
        _ => values,
    };
    machine.command.clear();
    if words.first().is_none_or(|word| word.is_empty()) {
        return Err(text!("names no program: write one, as /bin/sh"));
    }
    for text in words {
        machine.command.push(word(text));
    }
    Ok(())
}

#[inline(never)]
fn run(machine: &mut Machine, values: &[&'static str]) -> Parsed<()> {
    let Words { options, command } = services::take_apart(values, OF_RUN, &mut |_, _| Ok(()))?;
    (machine.options, machine.command) = (options, command);
    choose_unsaid(machine, Mode::Run);
    Ok(())
}

/// Which of these it is; there are commas between.
pub fn one_of(text: &str, names: &'static str) -> Parsed<usize> {
    match split(names, b',').position(|name| name.trim_ascii_start() == text) {
        Some(at) => Ok(at),
        None => Err(text!("is not known: write one of %", names)),
    }
}

/// In microseconds.
pub fn time(text: &str) -> Parsed<u64> {
    number(number::Kind::Wait, text).map(|time| time * 1000)
}

pub fn word(text: &str) -> Word {
    kept_one(text.as_bytes())
}

pub fn absolute(text: &str) -> Parsed<()> {
    if text.starts_with('/') { Ok(()) } else { Err(text!("is no absolute path: write one that begins with /")) }
}

#[inline(never)]
fn report(text: &'static str) -> Parsed<Report> {
    let hex = |text: &str| {
        let mut number = 0_u16;
        for byte in text.bytes() {
            number = number.checked_mul(16)? | char::from(byte).to_digit(16)? as u16;
        }
        Some(number)
    };
    let kind = place("auto\noff\nserial\nvirtio\nvsock\nisa", before(text, b':').as_bytes());
    let found = match (kind, after(text, b':')) {
        (Some(0), None) => Some(Report::Auto),
        (Some(1), None) => Some(Report::Off),
        (Some(2), None) => Some(Report::Serial),
        (Some(3), Some(name)) if !name.is_empty() => Some(Report::Virtio(name)),
        (Some(4), Some(port)) => decimal(port).and_then(|port| u32::try_from(port).ok()).map(Report::Vsock),
        (Some(5), Some(port)) => port.strip_prefix("0x").filter(|port| !port.is_empty()).and_then(hex).map(Report::Isa),
        _ => None,
    };
    found.ok_or(text!("is not known: write auto, off, serial, virtio:NAME, vsock:PORT or isa:0xf4"))
}

#[cfg(test)]
mod tests;
