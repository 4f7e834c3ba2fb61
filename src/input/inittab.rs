//! The part of busybox's inittab that machines use: `ID:RUNLEVELS:ACTION:PROCESS`. The id is the terminal that the process
//! gets; runlevels there are none.

use crate::input::args::option::name;
use crate::input::conf::{Complaint, read_lines};
use crate::input::settings::{Settings, word};
use crate::machine::{Kind, Service};
use crate::text::{cut, cut_last, digits, kept, place, split, words};

/// What a line asks for, in the order in which busybox gets to it.
const ACTIONS: &str = "sysinit\nwait\nonce\nrespawn\naskfirst\nctrlaltdel\nshutdown\nrestart";
const KINDS: [Kind; 8] =
    [Kind::Step, Kind::Step, Kind::Task, Kind::Service, Kind::Ask, Kind::CtrlAltDel, Kind::Shutdown, Kind::Restart];
/// From here on they wait for something to happen.
const EVENTS: usize = 5;

/// Adds what the lines ask for, in busybox's order: each of sysinit and then of wait by itself, and then the others at once.
pub fn read(settings: &mut Settings, path: &str, bytes: &'static [u8]) {
    let mut all = Vec::new();
    read_lines(settings, path, bytes, &mut |settings, line| {
        // As busybox has it, in quotes too.
        let line = split(line, b'#').next().unwrap_or_default();
        if !words(line).is_empty() {
            all.push(entry(line, settings.place)?);
        }
        Ok(())
    });
    let mut steps: &'static [&'static str] = &[];
    for order in 0..KINDS.len() {
        for (_, service) in all.iter().filter(|(its, _)| *its == order) {
            let services = &mut settings.machine.services;
            let mut service: Service = *service;
            if services.iter().any(|other| other.name == service.name) {
                service.name = [service.name, "-", digits(services.len() as u64)].concat().leak();
            }
            if order < EVENTS {
                service.after = steps;
            }
            if service.kind == Kind::Step {
                steps = vec![service.name].leak();
            }
            services.push(service);
        }
    }
}

/// One line, and its place in the order.
fn entry(line: &'static str, place_of_line: &'static str) -> Result<(usize, Service), Complaint> {
    let fields = cut(line, b':').and_then(|(id, rest)| Some((id, cut(cut(rest, b':')?.1, b':')?)));
    let Some((id, (action, process))) = fields else {
        return Err((
            line,
            "has not four fields: write ID:RUNLEVELS:ACTION:PROCESS, as ttyS0::respawn:/sbin/getty -L ttyS0",
        ));
    };
    let order = place(ACTIONS, action.as_bytes()).unwrap_or(KINDS.len());
    let Some(kind) = KINDS.get(order) else {
        let what = "is no action: write one of sysinit, wait, once, respawn, askfirst, ctrlaltdel, shutdown, restart";
        return Err((action, what));
    };
    let process = process.trim_ascii();
    let (dash, bare) = process.strip_prefix('-').map_or(("", process), |bare| ("-", bare));
    let program = words(bare).first().copied().unwrap_or_default();
    if program.is_empty() {
        return Err((line, "names no program: write its path at the end, as /bin/sh"));
    }
    let is_for_shell = |b: u8| b"~`!$^&*()=|\\{}[];\"'<>?".contains(&b);
    let command = match bare.bytes().any(is_for_shell) {
        true => vec![kept(&[dash.as_bytes(), b"/bin/sh"]), c"-c", kept(&[b"exec ", bare.as_bytes()])],
        false => words(process).into_iter().map(word).collect(),
    };
    let title = cut_last(program, b'/').map_or(program, |(_, title)| title);
    let title = if name(title).is_ok() { title } else { "inittab" };
    let log = match id.strip_prefix("/dev/").unwrap_or(id) {
        "" => c"console",
        id => kept(&[b"/dev/", id.as_bytes()]),
    };
    let service = Service { command: command.leak(), log, ..Service::plain(title, *kind, place_of_line) };
    Ok((order, service))
}

#[cfg(test)]
mod tests;
