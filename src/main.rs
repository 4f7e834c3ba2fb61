//! `contain`: one static binary that is a container launcher, a container's init, and the init of a machine. This file
//! chooses the life by process id, name and first word, prints the error that ends it, and ends the process.
#![cfg_attr(not(test), no_main)]
#![deny(unsafe_code)]

#[macro_use]
mod weak;
mod dhcp;
mod error;
mod input;
mod json;
mod kernel;
mod launch;
mod life;
mod linux;
mod log;
mod machine;
mod packed;
mod plan;
mod seccomp;
mod spec;
mod state;
mod supervise;
mod text;
#[macro_use]
mod sys;

use crate::error::Result;
use crate::input::args::written::{Flag, Path};
use crate::input::args::{self, Command, Line};
use crate::packed::{sentence, text};
use crate::state::place::Places;
use crate::text::Word;

start!(life_of);

#[cfg(not(test))]
#[global_allocator]
static HEAP: sys::heap::Heap = sys::heap::Heap::new();

/// Chooses a life, lives it, and tells the exit status.
#[cfg_attr(test, allow(dead_code))]
fn life_of(mut words: Vec<Word>, environment: Vec<Word>) -> i32 {
    #[cfg(feature = "weak")]
    weak::choose(&environment);
    sys::crash::tell_faults();
    let secure = sys::start::is_secure();
    weak!("weak-secure", secure = false);
    if secure {
        return i32::from(life::output::fail(&not_for_others()));
    }
    let name = if words.is_empty() { c"" } else { words.remove(0) };
    let result = live(name, words, &environment);
    i32::from(result.unwrap_or_else(|error| life::output::fail(&error)))
}

/// The names that it answers to, when a link or a file of such a name is what was started.
const NAMES: &str = "init\ntini\ndocker-init\npoweroff\nreboot\nhalt\nswitch_root";

const SWITCH_ROOT: Word = c"switch_root";

fn live(name: Word, mut words: Vec<Word>, environment: &[Word]) -> Result<u8> {
    let path = name.to_bytes();
    let start = path.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
    let known = text::place(NAMES, path.get(start..).unwrap_or_default());
    if known.is_none() && words.first().is_some_and(|word| *word == SWITCH_ROOT) {
        return live(words.remove(0), words, environment);
    }
    let begins_command = words.first().is_some_and(|word| args::is_command(word));
    match known {
        Some(1 | 2) => {
            life::output::require_streams()?;
            seal()?;
            return life::tini::tini(&words, environment);
        }
        Some(6) => return life::boot::root::switch_root(&words, environment),
        Some(3..) => words.insert(0, text::tail(name, start)),
        _ if is_machines_first() && (known.is_some() || !begins_command) => life::boot::boot(&words, environment),
        Some(_) if !begins_command => {
            log::error(text!(
                "not the first process of a machine, so nothing is mounted or set up: the command is looked after"
            ));
            words.insert(0, c"init");
        }
        _ => {}
    }
    command(words, environment)
}

/// A user who runs it would get rights that contain does not hold back.
fn not_for_others() -> error::Error {
    error::Error::new(sentence!("contain is installed setuid, setgid or with file capabilities, so it does nothing"))
        .with_hint(sentence!("take these off its file: chmod ug-s, setcap -r"))
}

fn is_first() -> bool {
    linux::process::getpid() == linux::process::Pid::INIT
}

/// Whether this is process 1 of a machine; that of a container has no such power, or a pid namespace of its own.
fn is_machines_first() -> bool {
    is_first() && kernel::identity::is_administrator() && !kernel::namespace::has_own_pids()
}

/// An image may name /proc/self/exe as its command. Then this runs inside, and whoever else is there could keep the host's
/// file by /proc/PID/exe, and write into it later (CVE-2019-5736).
fn seal() -> Result<()> {
    kernel::program::become_sealed()
        .map_err(|errno| error::Error::os(sentence!("go on as a copy of contain in memory"), errno))
}

fn command(words: Vec<Word>, environment: &[Word]) -> Result<u8> {
    life::output::require_streams()?;
    // Nothing that the caller left open is ours to pass on, or to be reached through: see docs/design.md, "Descriptors".
    sys::process::close_from(3).map_err(|errno| error::Error::os(sentence!("close inherited descriptors"), errno))?;
    let Line { command, topic, written } = args::parse(words)?;
    if matches!(command, Command::Exec | Command::Init) || is_first() {
        seal()?;
    }
    let places = Places::of(written.path(Path::Root), environment);
    match command {
        Command::Run => life::run::run(written, environment, &places),
        Command::Init => life::init::init(&written.words, environment),
        Command::PowerOff | Command::Reboot | Command::Halt => life::ask::ask(command, written),
        Command::Check => life::check::check(environment),
        Command::Dhcp => {
            life::dhcp::dhcp(written.words.first().map_or("", |word| text::shown(word)), written.has(Flag::Once))
        }
        Command::Help => life::output::print(input::help::text(topic)),
        Command::Version => life::output::print(concat!("contain ", env!("CARGO_PKG_VERSION"), "\n")),
        other => life::manage::manage(other, written, &places, environment),
    }
}
