//! `contain`: one static binary that is a container launcher, a container's init, and the init of a machine. This file
//! chooses the life by process id, name and first word; it alone prints errors and ends the process.
#![cfg_attr(not(test), no_main)]
#![deny(unsafe_code)]

mod error;
mod input;
mod kernel;
mod launch;
mod life;
mod log;
mod plan;
mod spec;
mod supervise;
#[macro_use]
mod sys;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::error::Result;
use crate::input::args::{self, Command};

start!(life_of);

#[cfg(not(test))]
#[global_allocator]
static HEAP: sys::heap::Heap = sys::heap::Heap::new();

/// Chooses a life, lives it, and tells the exit status.
#[cfg_attr(test, allow(dead_code))]
fn life_of(mut words: Vec<OsString>, environment: Vec<OsString>) -> i32 {
    sys::crash::tell_faults();
    let name = if words.is_empty() { OsString::new() } else { words.remove(0) };
    let result = match is_boot(&name, &words) {
        true => life::boot::boot(&environment),
        false => command(words, &environment),
    };
    i32::from(result.unwrap_or_else(|error| {
        log::error(format_args!("{error}"));
        if !error.hint().is_empty() {
            log::line(format_args!("hint: {}", error.hint()));
        }
        error.status()
    }))
}

/// Process 1 is the machine's init when it was started as one: by an init's name, or without a command of ours.
fn is_boot(name: &OsStr, words: &[OsString]) -> bool {
    // Process 1 of a container has no such power.
    let is_first = rustix::process::getpid() == rustix::process::Pid::INIT && kernel::identity::is_administrator();
    let named_init = name.as_bytes().rsplit(|b| *b == b'/').next() == Some(b"init");
    is_first && (named_init || !words.first().is_some_and(|word| args::is_command(word)))
}

fn command(words: Vec<OsString>, environment: &[OsString]) -> Result<u8> {
    life::output::require_streams()?;
    // Nothing that the caller left open is ours to pass on, or to be reached through: see docs/design.md, "Descriptors".
    sys::process::close_from(3).map_err(|errno| error::Error::os("close inherited descriptors", errno))?;
    match args::parse(words)? {
        Command::Run(run) => life::run::run(&run, environment),
        Command::Init(words) => life::init::init(words, environment),
        Command::Check => life::check::check(),
        Command::Help(text) => life::output::print(text).map(|()| 0),
        Command::Version => life::output::print(concat!("contain ", env!("CARGO_PKG_VERSION"), "\n")).map(|()| 0),
    }
}
