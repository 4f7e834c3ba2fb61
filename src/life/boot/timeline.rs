//! What of the boot took how long.

use heapless::Vec;

use crate::sys::clock::since_boot as now;

/// More stages than a boot has.
const MOST: usize = 48;

/// A part of the boot: its name, and when it began and ended, in microseconds since the kernel's own start.
#[derive(Clone, Copy)]
#[expect(dead_code)]
pub struct Stage {
    pub name: &'static str,
    pub begin: u64,
    pub end: u64,
}

pub struct Timeline {
    stages: Vec<Stage, MOST>,
}

impl Timeline {
    /// From the kernel's start to that of process 1.
    pub fn begin() -> Timeline {
        let mut timeline = Timeline { stages: Vec::new() };
        timeline.note("kernel", 0);
        timeline
    }

    /// Does a part of the boot, and notes how long it took.
    pub fn stage<T>(&mut self, name: &'static str, act: impl FnOnce() -> T) -> T {
        let begin = now();
        let result = act();
        self.note(name, begin);
        result
    }

    fn note(&mut self, name: &'static str, begin: u64) {
        // A stage too many is not drawn.
        let _full = self.stages.push(Stage { name, begin, end: now() });
    }

    /// The boot is over.
    pub fn end(&mut self) {
        self.note("boot", 0);
    }
}
