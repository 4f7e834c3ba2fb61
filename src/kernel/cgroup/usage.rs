//! What a group used and where it met its limits, from the files of cgroup-v2.rst and cgroup-v1/*.rst. A file that
//! the kernel does not have leaves its figure out.

use std::ffi::CStr;
use std::os::fd::AsFd;

use super::{Group, is_of};
use crate::kernel::file::read_text;
use crate::text::words;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Bytes at the peak.
    pub memory_peak: Option<u64>,
    /// Microseconds.
    pub user: Option<u64>,
    pub system: Option<u64>,
    pub pids_peak: Option<u64>,
}

/// A figure's file, what stands before it there, and what to divide it by.
type Source = (&'static CStr, &'static str, u64);

/// How many figures there are of a moment.
pub const COUNT: usize = 11;

/// What a group uses at a moment, by name. Sizes are bytes; pressure is how much of the last ten seconds some process had to
/// wait (psi.rst). Each is taken from the first file that there is: those of v2 come first.
pub const FIGURES: [(&str, &[Source]); COUNT] = [
    ("memory", &[(c"memory.current", "", 1), (c"memory.usage_in_bytes", "", 1)]),
    ("memory_limit", &[(c"memory.max", "", 1), (c"memory.limit_in_bytes", "", 1)]),
    ("cpu_microseconds", &[(c"cpu.stat", "usage_usec", 1), (c"cpuacct.usage", "", 1000)]),
    ("pids", &[(c"pids.current", "", 1)]),
    ("pids_limit", &[(c"pids.max", "", 1)]),
    ("io_read", &[(c"io.stat", "rbytes=", 1)]),
    ("io_written", &[(c"io.stat", "wbytes=", 1)]),
    // Takes two moments, see [`Group::current`].
    ("cpu_permille", &[]),
    ("pressure_cpu_permille", &[(c"cpu.pressure", "avg10=", 10)]),
    ("pressure_memory_permille", &[(c"memory.pressure", "avg10=", 10)]),
    ("pressure_io_permille", &[(c"io.pressure", "avg10=", 10)]),
];

impl Group {
    /// The FIGURES in their order, but for `cpu_permille`: that is for who looks twice. Of a limit that is none, nothing.
    pub fn current(&self) -> Box<[Option<u64>; COUNT]> {
        let mut figures = Box::new([None; COUNT]);
        for (figure, (_, sources)) in figures.iter_mut().zip(&FIGURES) {
            *figure = self.figure(sources);
        }
        figures
    }

    /// Bytes of memory now.
    pub fn memory(&self) -> Option<u64> {
        self.figure(FIGURES[0].1)
    }

    pub fn usage(&self) -> Usage {
        Usage {
            memory_peak: self.memory_peak(),
            user: self.figure(&[(c"cpu.stat", "user_usec", 1), (c"cpuacct.usage_user", "", 1000)]),
            system: self.figure(&[(c"cpu.stat", "system_usec", 1), (c"cpuacct.usage_sys", "", 1000)]),
            pids_peak: self.figure(&[(c"pids.peak", "", 1)]),
        }
    }

    /// Processes killed for want of memory.
    pub fn oom_kills(&self) -> u64 {
        self.figure(&[(c"memory.events", "oom_kill", 1), (c"memory.oom_control", "oom_kill", 1)]).unwrap_or(0)
    }

    /// Forks refused.
    pub fn pids_refused(&self) -> u64 {
        self.figure(&[(c"pids.events", "max", 1)]).unwrap_or(0)
    }

    /// Bytes of memory at the peak.
    pub fn memory_peak(&self) -> Option<u64> {
        self.figure(&[(c"memory.peak", "", 1), (c"memory.max_usage_in_bytes", "", 1)])
    }

    fn figure(&self, sources: &[Source]) -> Option<u64> {
        for (file, key, unit) in sources {
            if let Some(found) = self.text(file).and_then(|text| number(text, key)) {
                let figure = found / unit;
                // v1 tells no limit as the largest number of pages that there can be.
                return if figure < 1 << 60 { Some(figure) } else { None };
            }
        }
        None
    }

    /// The file from the directory of its controller: on v1 the one with the controller in its path, else any that has it.
    fn text(&self, file: &CStr) -> Option<&'static str> {
        let name = file.to_bytes().split(|b| *b == b'.').next()?;
        let has = |path: &CStr| is_of(path, name);
        let likely = self.directories.iter().any(|(path, _)| has(path));
        let mut places = self.directories.iter().filter(|(path, _)| !likely || has(path));
        places.find_map(|(_, directory)| read_text(directory.as_fd(), file).ok())
    }
}

/// The sum of all numbers that `key` stands before, with a blank between or not; of a pressure only the first, `some`, in
/// hundredths.
fn number(text: &str, key: &str) -> Option<u64> {
    let mut words = words(text).into_iter().take_while(|word| *word != "full");
    // Without a device there is nothing to sum up.
    let mut sum = key.ends_with("bytes=").then_some(0);
    while let Some(word) = words.next() {
        let Some(rest) = word.strip_prefix(key) else { continue };
        let mut number = Some(0u64);
        for b in if rest.is_empty() { words.next()? } else { rest }.bytes() {
            number = match b {
                b'.' => number,
                b'0'..=b'9' => number.map(|all| all.wrapping_mul(10).wrapping_add((b - b'0').into())),
                _ => None,
            };
        }
        if let Some(number) = number {
            sum = Some(number.wrapping_add(sum.unwrap_or(0)));
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_file() {
        let io = "8:16 rbytes=1459200 wbytes=314773504 rios=192\n8:0 rbytes=90 wbytes=2 rios=x\n";
        let pressure = "some avg10=12.34 avg60=0.00 avg300=0.00 total=1\nfull avg10=5.00 avg60=0.00\n";
        let events = "oom_kill_disable 0\nmax 12\noom 3\noom_kill 1\n";
        for (text, key, found) in [
            ("9223372036854771712\n", "", Some(9_223_372_036_854_771_712)),
            ("max\n", "", None),
            ("", "", None),
            (io, "rbytes=", Some(1_459_290)),
            (io, "wbytes=", Some(314_773_506)),
            (io, "rios=", Some(192)),
            ("", "rbytes=", Some(0)),
            (pressure, "avg10=", Some(1234)),
            (events, "oom_kill", Some(1)),
            (events, "max", Some(12)),
            (events, "oom_group_kill", None),
            ("max", "max", None),
        ] {
            assert_eq!(number(text, key), found, "{key} in {text}");
        }
    }
}
