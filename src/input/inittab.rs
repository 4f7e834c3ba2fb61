//! The part of busybox's inittab that machines use: `ID:RUNLEVELS:ACTION:PROCESS`. The id is the terminal that the process
//! gets; runlevels there are none.

use crate::input::args::option::name;
use crate::input::conf::read_lines;
use crate::input::number::Parsed;
use crate::input::settings::{Settings, word};
use crate::machine::{Kind, Service};
use crate::packed::text;
use crate::text::{self, digits, kept_two, place, split, words};

const ACTIONS: &str = "sysinit\nwait\nonce\nrespawn\naskfirst\nctrlaltdel\nshutdown\nrestart";
const KINDS: [Kind; 7] =
    [Kind::Step, Kind::Step, Kind::Task, Kind::Service, Kind::Ask, Kind::CtrlAltDel, Kind::Shutdown];

/// Adds what the lines ask for, in busybox's order: each of sysinit and then of wait by itself, and then the others at once.
pub fn read(settings: &mut Settings, path: &str, bytes: &'static [u8]) {
    let mut before: &'static [&'static str] = &[];
    for turn in 0..3 {
        settings.hushed = turn > 0;
        read_lines(settings, path, bytes, &mut |settings, line| {
            // As busybox has it, in quotes too.
            let line = text::before(line, b'#');
            if !words(line).is_empty() {
                match entry(settings, line, turn, before) {
                    Ok(last) => before = last,
                    Err(what) => settings.complain(line, what),
                }
            }
        });
    }
    settings.hushed = false;
}

/// Adds what one line asks for, if it is its turn; tells what those after it come after.
fn entry(
    settings: &mut Settings,
    line: &'static str,
    turn: usize,
    before: &'static [&'static str],
) -> Parsed<&'static [&'static str]> {
    let mut fields = line;
    let mut next = || {
        let field = text::before(fields, b':');
        fields = text::after(fields, b':').unwrap_or_default();
        field
    };
    let (id, _, action) = (next(), next(), next());
    let at = place(ACTIONS, action.as_bytes());
    // Another process 1 on SIGQUIT: what nobody can have, and many images ask for.
    if at == Some(KINDS.len()) {
        return Ok(before);
    }
    let Some((at, kind)) = at.and_then(|at| Some((at, *KINDS.get(at)?))) else {
        return Err(text!("has no action: write ID:RUNLEVELS:ACTION:PROCESS, as ttyS0::respawn:/sbin/getty -L ttyS0"));
    };
    let process = fields.trim_ascii();
    let bare = process.strip_prefix('-').unwrap_or(process);
    let Some(program) = words(bare).first().copied() else {
        return Err(text!("names no program: write its path at the end, as /bin/sh"));
    };
    if at.min(2) != turn {
        return Ok(before);
    }
    let command = match bare.bytes().any(|b| b"~`!$^&*()=|\\{}[];\"'<>?".contains(&b)) {
        true if bare == process => vec![c"/bin/sh", c"-c", kept_two(b"exec ", bare.as_bytes())],
        true => vec![c"-/bin/sh", c"-c", kept_two(b"exec ", bare.as_bytes())],
        false => words(process).into_iter().map(word).collect(),
    };
    let services = &mut settings.machine.services;
    let mut title = split(program, b'/').last().unwrap_or_default();
    if name(title).is_err() {
        title = "inittab";
    }
    if services.iter().any(|other| other.name == title) {
        title = text!("%-%", title, digits(services.len() as u64));
    }
    let log = match id.strip_prefix("/dev/").unwrap_or(id) {
        "" => c"console",
        id => kept_two(b"/dev/", id.as_bytes()),
    };
    // The last two wait for something to happen.
    let after = if at < 5 { before } else { &[] };
    let service = Service::plain(title, kind, settings.place);
    (service.command, service.log, service.after) = (command.leak(), log, after);
    services.push(service);
    Ok(if kind == Kind::Step { vec![title].leak() } else { before })
}

#[cfg(test)]
mod tests;
