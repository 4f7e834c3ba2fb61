//! `contain stats`: what containers use, from the files of their groups. On a terminal one table that is drawn again every
//! second; elsewhere a table a second. Nothing of the terminal is changed, so ^C may end it at any time.

use crate::linux::io::retry_on_intr;
use crate::linux::process::{Signal, WaitOptions, set_parent_process_death_signal, waitpid};

use crate::error::{Error, Result};
use crate::input::number::readable;
use crate::json::Writer;
use crate::kernel::cgroup::Group;
use crate::kernel::cgroup::usage::{COUNT, FIGURES};
use crate::kernel::terminal;
use crate::life::list::{Seen, look_around, print_array};
use crate::life::output;
use crate::life::running::{find, root};
use crate::life::table::{BARS, BLANKS, Columns, Line, Table, many};
use crate::packed::{sentence, text};
use crate::state::place::Places;
use crate::state::record::{Record, optional};
use crate::supervise::Outcome;
use crate::sys;
use crate::sys::clock::since_boot;
use crate::sys::process::{Cloned, clone3, exit_now};
use crate::text::digits;

/// Nanoseconds between the first two looks; what CPU was used is told by two.
const MOMENT: u64 = 200_000_000;
const SECOND: u64 = 1_000_000_000;
/// The exit status of a child after whose table there are no more. None of contain's own.
const OVER: u8 = 3;

/// One look at one container.
struct Sample {
    id: &'static str,
    /// Or the beginning of its id.
    name: &'static str,
    newness: u64,
    at: u64,
    figures: Box<[Option<u64>; COUNT]>,
}

/// Where these stand among the figures: the time that was spent, and the share of one CPU since the look before.
const CPU: usize = 2;
const SHARE: usize = 7;

const COLUMNS: Columns = &[
    ("CONTAINER", 12),
    ("MEMORY", 12),
    ("OF LIMIT", 12),
    ("CPU %", 6),
    ("PIDS", 4),
    ("READ/WRITTEN", 0),
    ("CPU/MEM/IO PRESSURE", 0),
];

/// What is asked for.
struct Asked<'a> {
    /// Of these containers; of all where none is named.
    ids: Vec<&'static str>,
    places: &'a Places,
    stream: bool,
    json: bool,
}

/// Shows what the containers use until none of them runs; without `stream` once.
pub fn stats(targets: &[&'static str], stream: bool, json: bool, places: &Places) -> Result<u8> {
    // A reader that has gone ends this, also where the caller ignores it.
    sys::signal::reset(Signal::PIPE);
    let mut asked = Asked { ids: Vec::new(), places, stream, json };
    let mut failed = 0;
    for target in targets {
        match running_id(places, target) {
            Ok(id) => asked.ids.push(id),
            Err(error) => failed = output::fail(&error),
        }
    }
    // None of them at all; without a word all that run are meant.
    if asked.ids.is_empty() && !targets.is_empty() {
        return Ok(failed);
    }
    if !stream {
        return asked.table(MOMENT).map(|_| failed);
    }
    let mut pause = MOMENT;
    loop {
        // This may go on for days, and the heap takes nothing back: each table is a child's.
        let no_child = |errno| Error::os(sentence!("make a process"), errno);
        match clone3(0, None).map_err(no_child)? {
            Cloned::Child => {
                let _unasked = set_parent_process_death_signal(Some(Signal::TERM));
                exit_now(
                    asked.table(pause).map_or_else(|error| output::fail(&error), |over| if over { OVER } else { 0 }),
                );
            }
            Cloned::Parent { child, .. } => {
                let ended = retry_on_intr(|| waitpid(Some(child), WaitOptions::empty())).map_err(no_child)?;
                match ended.map_or(0, |(_, status)| Outcome::of(status.as_raw()).status()) {
                    0 => pause = SECOND,
                    OVER => return Ok(failed),
                    status => return Ok(status),
                }
            }
        }
    }
}

/// The id of a container that runs. There may be more of them than descriptors.
fn running_id(places: &Places, word: &'static str) -> Result<&'static str> {
    let found = find(root(places, word)?, word)?;
    found.running().map(|(record, _)| record.id)
}

impl Asked<'_> {
    /// Shows one table; says whether there is nothing more to be shown.
    fn table(&self, pause: u64) -> Result<bool> {
        let before = self.sample(&[])?;
        if !before.is_empty() {
            crate::linux::thread::sleep(pause);
        }
        let now = self.sample(&before)?;
        // Where all have ended, the last table stays.
        if !now.is_empty() || pause == MOMENT {
            self.show(&now)?;
        }
        Ok(now.is_empty())
    }

    /// Looks at those that run.
    fn sample(&self, before: &[Sample]) -> Result<Vec<Sample>> {
        let mut all = Vec::new();
        let Some(root) = self.places.find()? else { return Ok(all) };
        look_around(root, false, &mut |seen| {
            let Seen { record: record @ Record { id, cgroups, .. }, runs, .. } = &*seen;
            if !runs || !(self.ids.is_empty() || self.ids.contains(id)) {
                return;
            }
            let (at, mut figures) = (since_boot(), Group::open(cgroups).current());
            figures[SHARE] = before.iter().find(|sample| sample.id == *id).and_then(|before| {
                Some(figures[CPU]?.checked_sub(before.figures[CPU]?)? * 1000 / (at - before.at).max(1))
            });
            all.push(Sample { id, name: seen.short_name(), newness: record.newness(), at, figures });
        })?;
        Ok(all)
    }

    fn show(&self, all: &[Sample]) -> Result<()> {
        let mut lines = Vec::new();
        let mut table = Table::new(COLUMNS);
        for sample in all {
            match self.json {
                true => lines.push(sample.describe()),
                false => sample.row(&mut table),
            }
        }
        if self.json {
            return print_array(&mut lines).map(drop);
        }
        table.sort();
        match terminal::size() {
            Some((columns @ 1.., rows @ 2..)) if self.stream => {
                // From the top left corner on, each line cleared before it is written, then what is below (console_codes(4)).
                let mut text = table.text(columns, "\x1b[K");
                let (mut lines, mut last) = (0, 0);
                for (at, _) in text.bytes().enumerate().filter(|(_, b)| *b == b'\n') {
                    lines += 1;
                    if lines == rows - 2 {
                        last = at + 1;
                    }
                }
                if lines >= rows {
                    text.truncate(last);
                    text.push_str("\x1b[K...\n");
                }
                output::print(text!("\x1b[H%\x1b[J", &text)).map(drop)
            }
            _ => table.print(false).map(drop),
        }
    }
}

impl Sample {
    fn row(&self, table: &mut Table) {
        let text = |at: usize| match (self.figures[at], FIGURES[at].0) {
            (None, _) => "-",
            (Some(count), "pids" | "pids_limit") => digits(count),
            (Some(tenths), name) if name.ends_with("permille") => tenth(tenths),
            (Some(bytes), _) => readable(bytes),
        };
        let all: [_; COUNT] = std::array::from_fn(text);
        let pair = |a: usize, b: usize| text!("%/%", all[a], all[b]);
        let share = match *self.figures {
            [Some(memory), Some(limit), ..] => bar(memory, limit),
            _ => "-",
        };
        let (memory, pids, io, pressure) = (pair(0, 1), pair(3, 4), pair(5, 6), pair(8, 9));
        let pressures = text!("%/%", pressure, all[10]);
        table.row(self.newness, &[self.name, memory, share, all[SHARE], pids, io, pressures]);
    }

    fn describe(&self) -> Line {
        let mut writer = Writer::default();
        writer.object(&mut |w| {
            w.name("id").string(self.id.as_bytes());
            w.name("name").string(self.name.as_bytes());
            FIGURES.iter().zip(&*self.figures).for_each(|((name, _), figure)| optional(w, name, *figure));
        });
        (self.newness, writer.finish())
    }
}

pub fn tenth(tenths: u64) -> &'static str {
    text!("%.%", digits(tenths / 10), digits(tenths % 10))
}

/// How much of the whole a part is: `[##      ] 31.2%`.
fn bar(part: u64, whole: u64) -> &'static str {
    let tenths = part.saturating_mul(1000) / whole.max(1);
    let mut bar = String::from("[");
    let full = (tenths / 125).min(8) as usize;
    many(&mut bar, BARS, full);
    many(&mut bar, BLANKS, 8 - full);
    text!("%] %%", &bar, tenth(tenths), "%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars() {
        for (part, whole, bar_of) in [
            (0, 64, "[        ] 0.0%"),
            (20, 64, "[##      ] 31.2%"),
            (64, 64, "[########] 100.0%"),
            (70, 64, "[########] 109.3%"),
            (1, 0, "[########] 100.0%"),
        ] {
            assert_eq!(bar(part, whole), bar_of);
        }
    }

    #[test]
    fn figures_stand_where_they_are_looked_for() {
        let names = [0, 1, CPU, 3, 4, 5, 6, SHARE, 8, 9, 10].map(|at| FIGURES[at].0);
        assert_eq!(names[..4], ["memory", "memory_limit", "cpu_microseconds", "pids"]);
        assert_eq!(names[4..8], ["pids_limit", "io_read", "io_written", "cpu_permille"]);
        assert!(names[8..].iter().all(|name| name.starts_with("pressure_")));
    }
}
