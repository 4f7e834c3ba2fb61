//! What a group used and where it met its limits, from the files of cgroup-v2.rst and cgroup-v1/*.rst. A file that
//! the kernel does not have leaves its figure out.

use std::ffi::CStr;
use std::time::Duration;

use super::Group;
use crate::kernel::file::read_text;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Bytes at the peak.
    pub memory_peak: Option<u64>,
    pub user: Option<Duration>,
    pub system: Option<Duration>,
    pub pids_peak: Option<u64>,
}

impl Group {
    pub fn usage(&self) -> Usage {
        let cpu = self.text(c"cpu.stat").unwrap_or_default();
        let time = |key: &str, v1: &CStr| {
            let nanos = || self.number(v1).map(Duration::from_nanos);
            value(&cpu, key).map(Duration::from_micros).or_else(nanos)
        };
        Usage {
            memory_peak: self.memory_peak(),
            user: time("user_usec", c"cpuacct.usage_user"),
            system: time("system_usec", c"cpuacct.usage_sys"),
            pids_peak: self.number(c"pids.peak"),
        }
    }

    /// Processes killed for want of memory.
    pub fn oom_kills(&self) -> u64 {
        let text = self.text(c"memory.events").or_else(|| self.text(c"memory.oom_control")).unwrap_or_default();
        value(&text, "oom_kill").unwrap_or(0)
    }

    /// Forks refused.
    pub fn pids_refused(&self) -> u64 {
        self.text(c"pids.events").and_then(|text| value(&text, "max")).unwrap_or(0)
    }

    /// Bytes of memory at the peak.
    pub fn memory_peak(&self) -> Option<u64> {
        self.number(c"memory.peak").or_else(|| self.number(c"memory.max_usage_in_bytes"))
    }

    fn number(&self, file: &CStr) -> Option<u64> {
        self.text(file)?.trim_ascii().parse().ok()
    }

    /// The file from the directory of its controller: on v1 the one with the controller in its path, else any that has it.
    fn text(&self, file: &CStr) -> Option<String> {
        let name = file.to_bytes().split(|b| *b == b'.').next()?;
        let has = |path: &CStr| path.to_bytes().split(|b| matches!(b, b'/' | b',')).any(|part| part == name);
        let likely = self.directories.iter().any(|(path, _)| has(path));
        let mut places = self.directories.iter().filter(|(path, _)| !likely || has(path));
        places.find_map(|(_, directory)| read_text(directory, file).ok())
    }
}

/// The number after `key` in a flat keyed file.
fn value(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))?;
    line.trim_ascii().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_keyed_files() {
        let text = "low 0\nmax 12\noom 3\noom_kill 1\n";
        assert_eq!(value(text, "oom_kill"), Some(1));
        assert_eq!(value(text, "max"), Some(12));
        assert_eq!(value(text, "oom_group_kill"), None);
    }
}
