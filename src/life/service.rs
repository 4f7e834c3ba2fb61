//! `contain service`: what process 1 of this machine starts, asked of it over its socket.

use std::os::fd::{AsFd, OwnedFd};

use crate::linux;
use crate::linux::fs::{CWD, Mode, OFlags, openat};
use crate::linux::io::Errno;
use crate::linux::net::{SocketFlags, connect};
use crate::linux::stdio::stdout;

use crate::error::{Error, Result};
use crate::input::near::Near;
use crate::json::Writer;
use crate::kernel::file::{copy, write_all};
use crate::kernel::proc;
use crate::life::boot::logs;
use crate::life::list::print_array;
use crate::life::output;
use crate::life::table::Table;
use crate::packed::{sentence, text};
use crate::state::record::optional;
use crate::supervise::request::{self, END, MOST, PATH, REFUSED, STATES, Told, UNKNOWN, Verb};
use crate::sys::clock::since_boot;
use crate::sys::net::send;
use crate::text::{Word, digits, kept_one, place, shown, split};

/// `contain service`, with the words that follow.
pub fn service(words: &[&'static str], json: bool) -> Result<u8> {
    let (first, names) = words.split_first().unwrap_or((&"ls", &[]));
    let verb = match place("ls\nstart\nstop\nrestart\nlog", first.as_bytes()) {
        Some(0) if names.is_empty() => return list(json),
        Some(0) => return Err(Error::usage(text!("service ls takes no name: %", names[0]))),
        Some(1) => Verb::Start,
        Some(2) => Verb::Stop,
        Some(3) => Verb::Restart,
        Some(_) => Verb::Show,
        None => {
            let mut near = Near::to(first);
            split(text!("start stop restart log"), b' ').for_each(|known| near.consider(known));
            return Err(near.unknown(text!("service %: write ls, start, stop, restart or log", first)));
        }
    };
    if names.is_empty() {
        let text = text!(
            "service %: which one? write `contain service % NAME`; `contain service ls` lists them",
            first,
            first
        );
        return Err(Error::usage(text));
    }
    let mut status = 0;
    for name in names {
        let done = one(verb, name);
        if let Err(error) = done {
            status = output::fail(&error);
        }
    }
    Ok(status)
}

fn one(verb: Verb, name: &'static str) -> Result<()> {
    let answers = ask(verb, name)?;
    let Some(told) = answers.first() else { return Err(unknown(name)?) };
    match verb {
        Verb::Show => show_log(told),
        // It has no process: the error has been told where services' errors are.
        Verb::Start | Verb::Restart if told.state == PAUSING => {
            Err(Error::new(text!("service % could not be started: see the console", name)))
        }
        _ => Ok(()),
    }
}

const PAUSING: usize = 3;

/// That no service has this name.
fn unknown(name: &'static str) -> Result<Error> {
    let mut near = Near::to(name);
    ask(Verb::List, "")?.iter().for_each(|told| near.consider(told.name));
    Ok(Error::new(text!("no service is called %; `contain service ls` lists them", name)).with_hint(near.hint()))
}

/// Asks process 1, which tells of each service that is meant: of none where it knows no such name.
pub fn ask(verb: Verb, name: &str) -> Result<Vec<Told<'static>>> {
    let socket = connected()?;
    let failed = |errno| Error::os(sentence!("ask process 1"), errno);
    send(socket.as_fd(), &[&[verb as u8], name.as_bytes()].concat(), &[]).map_err(failed)?;
    let mut all = Vec::new();
    loop {
        let mut message = [0; MOST];
        let length = linux::io::read(&socket, &mut message).map_err(failed)?;
        match message.get(..length).unwrap_or_default() {
            END | UNKNOWN => return Ok(all),
            REFUSED => return Err(refused()),
            [] => return Err(Error::new(sentence!("process 1 gave no answer in time: it waits for a service to end"))),
            told => {
                if let Some(told) = request::read(told.to_vec().leak()) {
                    all.push(told);
                }
            }
        }
    }
}

fn refused() -> Error {
    Error::new(sentence!("services are root's to ask about: run it as root"))
}

fn connected() -> Result<OwnedFd> {
    let socket = request::socket(SocketFlags::empty());
    let socket = socket.and_then(|(socket, address)| connect(&socket, &address).map(|()| socket));
    socket.map_err(|errno| match errno {
        Errno::NOENT | Errno::CONNREFUSED => {
            Error::new(text!("process 1 is not contain: nobody answers at %", shown(PATH)))
                .with_hint(sentence!("services are there where contain is the init of the machine"))
        }
        Errno::ACCESS => refused(),
        errno => Error::os(text!("ask process 1 at %", shown(PATH)), errno),
    })
}

impl Told<'_> {
    /// As ps has it: `ended (1)`.
    pub fn status(&self) -> &'static str {
        let state = split(STATES, b' ').nth(self.state).unwrap_or("?");
        match self.status {
            Some(status) if self.pid == 0 => text!("% (%)", state, digits(status.into())),
            _ => state,
        }
    }

    /// What runs there now.
    pub fn command(&self) -> &'static str {
        let told = linux::process::Pid::from_raw(self.pid as i32).and_then(proc::tell);
        told.map_or("-", |told| told.command)
    }
}

fn list(json: bool) -> Result<u8> {
    let all = ask(Verb::List, "")?;
    if json {
        let mut lines = Vec::new();
        for (place, told) in all.iter().enumerate() {
            let mut writer = Writer::default();
            writer.object(&mut |w| {
                w.name("name").string(told.name.as_bytes());
                w.name("status").string(split(STATES, b' ').nth(told.state).unwrap_or_default().as_bytes());
                w.name("pid").number(told.pid);
                w.name("starts").number(told.starts);
                w.name("since").number(told.since);
                optional(w, "exit_code", told.status.map(u64::from));
            });
            // In the order in which they are started.
            lines.push((u64::MAX - place as u64, writer.finish()));
        }
        return print_array(&mut lines);
    }
    let mut table =
        Table::new(&[("NAME", 0), ("STATUS", 11), ("PID", 7), ("STARTS", 6), ("SECONDS", 7), ("COMMAND", 0)]);
    for told in &all {
        let (mut pid, mut seconds) = ("-", "-");
        if told.pid > 0 {
            pid = digits(told.pid);
            seconds = digits(since_boot().saturating_sub(told.since) / 1_000_000);
        }
        table.row(0, &[told.name, told.status(), pid, digits(told.starts), seconds, told.command()]);
    }
    table.print(false)
}

/// Shows what a service printed: what went before, where there is that, and the rest.
fn show_log(told: &Told<'static>) -> Result<()> {
    let path: Word = match told.log {
        "" => logs::path(told.name),
        path if !path.starts_with('/') || path.starts_with("/dev/") => {
            return Err(Error::new(text!("service % has no log file: log=%", told.name, path)));
        }
        path => kept_one(path.as_bytes()),
    };
    for part in [logs::previous(path), path] {
        match openat(CWD, part, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY, Mode::empty()) {
            Ok(file) => match copy(file.as_fd(), 0..u64::MAX, &mut |part| write_all(stdout(), part)) {
                // A reader that has gone wanted no more.
                Ok(_) | Err(Errno::PIPE) => {}
                Err(errno) => return Err(Error::os(text!("show %", shown(part)), errno)),
            },
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(Error::os(text!("open %", shown(part)), errno)),
        }
    }
    Ok(())
}
