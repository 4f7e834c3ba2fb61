//! The words of the kernel command line as a machine's init understands them.

use std::time::Duration;

use crate::error::Error;
use crate::input::cmdline::{CommandLine, split};
use crate::machine::{Log, Machine, Mode, OnExit, Report, Root};
use crate::text::kept;

/// The machine that a command line asks for; what makes no sense in it is told, and left out.
pub fn machine(line: &CommandLine, tell: &mut dyn FnMut(Error)) -> Machine {
    let words = match line.value("contain.exec") {
        _ if !line.command.is_empty() => line.command.clone(),
        Some(exec) => split(exec),
        None => Vec::new(),
    };
    if words.is_empty() && line.value("contain.exec").is_some() {
        tell(Error::new("contain.exec= on the kernel command line is empty: name a program, as /bin/sh"));
    }
    Machine { command: words.iter().map(|word| kept(&[word.as_bytes()])).collect(), ..Machine::nothing() }
}

impl Machine {
    /// Where nothing is written.
    pub fn nothing() -> Machine {
        Machine {
            mode: Mode::Services,
            command: Vec::new(),
            options: Vec::new(),
            single: false,
            hostname: "",
            root: Root {
                device: "",
                filesystem: "",
                options: "",
                read_only: true,
                wait: None,
                delay: Duration::ZERO,
                overlay: "",
                init: c"/sbin/init",
            },
            modules: Vec::new(),
            mounts: Vec::new(),
            nets: Vec::new(),
            services: Vec::new(),
            on_exit: OnExit::PowerOff,
            on_fail: None,
            panics: false,
            grace: Duration::from_secs(5),
            watchdog: None,
            report: Report::Auto,
            log: Log::Info,
            chart: false,
        }
    }
}
