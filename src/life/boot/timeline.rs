//! What of the boot took how long.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use crate::linux::fs::{CWD, Mode, OFlags, openat};
use crate::linux::io::Result;

use crate::kernel::{device, file};
use crate::life::boot::tell;
use crate::packed::{sentence, text};
use crate::sys::clock::since_boot as now;
use crate::sys::watchdog;
use crate::text::digits;

/// Lines BEGIN END NAME, in microseconds since the kernel's start.
pub const PATH: &CStr = c"/run/contain/bootchart";

/// A part of the boot: its name, and when it began and ended, in microseconds since the kernel's own start.
#[derive(Clone, Copy)]
pub struct Stage {
    pub name: &'static str,
    pub begin: u64,
    pub end: u64,
}

pub struct Timeline {
    stages: Vec<Stage>,
    /// When the last stage ended.
    last: u64,
}

impl Timeline {
    /// From the kernel's start to that of process 1.
    pub fn begin() -> &'static mut Timeline {
        let timeline = Box::leak(Box::new(Timeline { stages: Vec::new(), last: 0 }));
        timeline.note("kernel");
        timeline
    }

    /// Does a part of the boot, and notes how long it took.
    pub fn stage<T>(&mut self, name: &'static str, act: impl FnOnce() -> T) -> T {
        let result = act();
        self.note(name);
        result
    }

    #[inline(never)]
    fn note(&mut self, name: &'static str) {
        watchdog::feed();
        let begin = std::mem::replace(&mut self.last, now());
        self.stages.push(Stage { name, begin, end: self.last });
    }

    /// The boot is over. Where a chart is wanted, what `contain bootchart` draws is written down.
    pub fn end(&mut self, chart: bool) {
        self.last = 0;
        self.note("boot");
        if chart {
            tell::failed(sentence!("write /run/contain/bootchart"), self.write());
        }
    }

    fn write(&self) -> Result<()> {
        device::make_directory(CWD, c"/run/contain")?;
        let file = open(OFlags::CREATE | OFlags::TRUNC)?;
        let mut text = String::new();
        for Stage { name, begin, end } in &self.stages {
            text.push_str(line(name, *begin, *end));
        }
        file::write_all(file.as_fd(), text.as_bytes())
    }
}

/// Adds what begins now to the chart.
pub fn add(name: &str) {
    let line = line(name, now(), now());
    let _no_chart = open(OFlags::APPEND).and_then(|file| file::write_all(file.as_fd(), line.as_bytes()));
}

fn open(flags: OFlags) -> Result<OwnedFd> {
    openat(CWD, PATH, flags | OFlags::WRONLY | OFlags::CLOEXEC, Mode::from_raw_mode(0o644))
}

fn line(name: &str, begin: u64, end: u64) -> &'static str {
    text!("% % %\n", digits(begin), digits(end), name)
}
