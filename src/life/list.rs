//! What there is: `contain ps`, `contain inspect` and `contain top`. Each container is looked at afresh, and what a killed
//! `contain` left is cleared away first, so what is told is true.

use crate::linux::fs::fstat;

use crate::error::Result;
use crate::input::args::written::{Flag, Written};
use crate::json::Writer;
use crate::kernel::proc;
use crate::life::control::is_frozen;
use crate::life::output;
use crate::life::remember::{clear, now};
use crate::life::running::{self, running};
use crate::life::service;
use crate::life::table::{self, Columns, Line, Table};
use crate::log;
use crate::packed::{sentence, text};
use crate::plan::shell_line;
use crate::state::place::Places;
use crate::state::record::{Record, Status};
use crate::state::{Damage, Entry, Root};
use crate::supervise::request::{COMMAND, Verb};
use crate::sys::clock::since_boot;
use crate::text::digits;

/// A container as it is now.
#[derive(Default)]
pub struct Seen {
    /// Of one that cannot be read as much as could be; the id is right.
    pub record: Record,
    /// It has not ended, and the `contain` that waits for it lives.
    pub runs: bool,
    damage: Option<Damage>,
}

/// Whether something has just changed in the directory: a container that begins has no record yet, one that ends has none
/// any more.
fn is_fresh(entry: &Entry) -> bool {
    fstat(&entry.directory).is_ok_and(|found| found.st_mtime as u64 + 10 > now())
}

/// Looks at every container.
pub fn look_around(root: &Root, brief: bool, each: &mut dyn FnMut(&mut Seen)) -> Result<()> {
    let mut seen = Seen::default();
    root.each(&mut |entry| {
        if seen.look(root, &entry, brief) {
            each(&mut seen);
        }
    })
}

impl Seen {
    /// Looks at one container, or only at what `ps` shows of it; false where it has just gone.
    fn look(&mut self, root: &Root, entry: &Entry, brief: bool) -> bool {
        self.glance(entry, brief);
        if !self.runs && self.record.status != Status::Stopped {
            // Nobody saw its end. A record that cannot be read is left as it is.
            clear(root, entry);
            self.glance(entry, brief);
            self.record.status = Status::Stopped;
        }
        if matches!(self.damage, Some(Damage::Missing)) && (!self.runs || is_fresh(entry)) {
            return false;
        }
        if self.record.status == Status::Paused && !is_frozen(entry) {
            self.record.status = Status::Running;
        }
        self.runs &= self.record.status != Status::Stopped;
        true
    }

    fn glance(&mut self, entry: &Entry, brief: bool) {
        *self = Seen::default();
        self.runs = entry.is_alive();
        if let Err(damage) = entry.look(&mut self.record, brief) {
            // Nothing of it is sure.
            self.record.status = Status::Running;
            self.record.id = entry.id;
            self.damage = Some(damage);
        }
    }

    /// In one word.
    fn status(&self) -> &'static str {
        match self.record.status {
            _ if self.damage.is_some() => "damaged",
            Status::Running if self.record.process.pid == 0 => "starting",
            status => status.name(),
        }
    }

    /// What the user named it, or enough of its id.
    pub fn short_name(&self) -> &'static str {
        self.record.name.unwrap_or(self.record.id.get(..12).unwrap_or_default())
    }

    /// As a row of `ps`.
    fn row(&self, table: &mut Table) {
        let Record { id, process, created, name, spec, exit_code, oom, .. } = &self.record;
        let pid = if self.runs && process.pid > 0 { digits(process.pid) } else { "-" };
        let (mut status, code) = (self.status(), exit_code.map_or("?", digits));
        if status == "stopped" {
            status = text!("stopped (%%)", code, if *oom { ", oom" } else { "" });
        }
        let date = if *created == 0 { "-" } else { utc(*created) };
        let command = match &self.damage {
            Some(damage) => damage.text(),
            None => shell_line(spec.command),
        };
        table.row(self.record.newness(), &[id, pid, status, date, name.unwrap_or("-"), command]);
    }

    /// Everything, as JSON.
    fn describe(&mut self, root: &Root) -> Line {
        let mut writer = Writer::default();
        let (place, status) = (text!("%/%", root.path, self.record.id), self.status());
        writer.object(&mut |w| {
            match &self.damage {
                None => self.record.members(status, w),
                Some(damage) => {
                    w.name("id").string(self.record.id.as_bytes());
                    w.name("status").string(status.as_bytes());
                    w.name("damage").string(damage.text().as_bytes());
                }
            }
            w.name("state_directory").string(place.as_bytes());
            for name in &["stdout", "stderr"] {
                let member = w.name(text!("%_log", name));
                match self.record.log {
                    true => member.string(text!("%/%.log", place, name).as_bytes()),
                    false => member.null(),
                }
            }
        });
        (self.record.newness(), writer.finish())
    }
}

/// The columns of the seed document, and the name.
const PS: Columns = &[("CONTAINER ID", 17), ("PID", 7), ("STATUS", 9), ("CREATED", 23), ("NAME", 0), ("COMMAND", 0)];

/// `contain ps`.
pub fn ps(ps: &Written, places: &Places) -> Result<u8> {
    let mut table = Table::new(PS);
    let (mut lines, mut ended) = (Vec::new(), 0);
    if let Some(root) = places.find()? {
        look_around(root, !ps.has(Flag::Json), &mut |seen| {
            if !(seen.runs || ps.has(Flag::All)) {
                ended += 1;
            } else if ps.has(Flag::Json) {
                lines.push(seen.describe(root));
            } else if ps.has(Flag::Quiet) {
                lines.push((seen.record.newness(), text!("%\n", seen.record.id).into()));
            } else {
                seen.row(&mut table);
            }
        })?;
    }
    if ps.has(Flag::Json) {
        return print_array(&mut lines);
    }
    if ps.has(Flag::Quiet) {
        table::sort(&mut lines);
        let mut ids = String::new();
        for (_, id) in &lines {
            ids.push_str(id);
        }
        return output::print(&ids);
    }
    services(&mut table);
    table.sort();
    let printed = table.print(ps.has(Flag::NoTrunc));
    if table.is_empty() && ended > 0 {
        let have = if ended == 1 { "has" } else { "have" };
        log::error(text!("% % ended: contain ps -a", digits(ended as u64), have));
    }
    printed
}

/// Adds the services that run, where process 1 is contain, but the command of the boot. Those that are containers are listed
/// already.
fn services(table: &mut Table) {
    // Whoever may not ask sees what there is without them.
    let Ok(all) = service::ask(Verb::List, "") else { return };
    for told in all.iter().filter(|told| told.pid > 0 && told.name != COMMAND) {
        let command = told.command();
        if command.starts_with("contain run ") {
            continue;
        }
        let created = now().saturating_sub(since_boot().saturating_sub(told.since) / 1_000_000);
        let cells = ["service", digits(told.pid), told.status(), utc(created), told.name, command];
        table.row(created << 23 | told.pid, &cells);
    }
}

/// `contain inspect`.
pub fn inspect(targets: &[&'static str], places: &Places) -> Result<u8> {
    let (mut lines, mut status) = (Vec::new(), 0);
    for target in targets {
        match described(target, places) {
            Ok(line) => lines.push(line),
            Err(error) => status = output::fail(&error),
        }
    }
    print_array(&mut lines).map(|_| status)
}

fn described(target: &'static str, places: &Places) -> Result<Line> {
    let root = running::root(places, target)?;
    let mut seen = Seen::default();
    match seen.look(root, &root.select(target)?, false) {
        true => Ok(seen.describe(root)),
        false => Err(running::unknown(target)),
    }
}

/// Prints JSON values as one array, the newest first.
pub fn print_array(lines: &mut [Line]) -> Result<u8> {
    table::sort(lines);
    let mut text = String::from("[");
    for (_, value) in &*lines {
        text.push_str(if text.len() > 1 { ",\n" } else { "\n" });
        text.push_str(value.trim_ascii_end());
    }
    text.push_str(if lines.is_empty() { "]\n" } else { "\n]\n" });
    output::print(&text)
}

/// `contain top`.
pub fn top(target: &'static str, places: &Places) -> Result<u8> {
    let Record { id, process, spec, .. } = running(places, target)?.record;
    let mut table = Table::new(&[("PID", 6), ("HOST PID", 8), ("USER", 5), ("TIME", 7), ("COMMAND", 0)]);
    for pid in proc::companions(process.pid, if spec.share.pid { Some(id) } else { None }) {
        // One that has just ended is left out.
        let Some(told) = proc::tell(pid) else { continue };
        let (inside, outside, user) = (digits(told.inside), digits(pid.as_raw_pid() as u64), digits(told.uid));
        let time = text!("%:%.%", digits(told.ran / 6000), two(told.ran / 100 % 60), two(told.ran % 100));
        table.row(0, &[inside, outside, user, time, told.command]);
    }
    table.print(false)
}

/// A number with two digits at least.
fn two(number: u64) -> &'static str {
    let text = digits(number);
    if number > 9 { text } else { text!("0%", text) }
}

/// Seconds since the epoch as a date, up to the year 9999.
fn utc(seconds: u64) -> &'static str {
    let seconds = seconds.min(253_402_300_799);
    // Years from the first of March of the year 0 on, so that a leap day ends one; 400 of them have 146,097 days.
    let days = seconds / 86_400 + 719_468;
    let (cycle, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // Five months have 153 days, from March as from August on.
    let month = (5 * day + 2) / 153;
    let (day, year) = (day - (153 * month + 2) / 5, cycle * 400 + year + month / 10);
    let month = (month + 2) % 12 + 1;
    let numbers = [year, month, day + 1, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60];
    sentence!("%-%-% %:%:% UTC").fill(&numbers.map(two))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (seconds, date) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_827_696, "2000-02-29 12:34:56 UTC"),
            (1_749_983_400, "2025-06-15 10:30:00 UTC"),
            (1_735_689_599, "2024-12-31 23:59:59 UTC"),
            (4_107_542_399, "2100-02-28 23:59:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
            (13_569_465_599, "2399-12-31 23:59:59 UTC"),
            (u64::MAX, "9999-12-31 23:59:59 UTC"),
        ] {
            assert_eq!(utc(seconds), date);
        }
    }
}
