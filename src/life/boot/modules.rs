//! Modules of the kernel: those that the devices ask for, and those that somebody asks for. A child loads them, because what
//! it reads for that would stay in the memory of process 1.

use crate::kernel::module::{self, Modules};
use crate::kernel::{child, file};
use crate::life::boot::{settings, tell};
use crate::text::{shown, split};

/// In place of a module's name: nothing is loaded but what is named.
const NONE: &str = "none";

/// Loads what the devices ask for, where the kernel has modules.
pub fn plug() {
    if file::place(module::place()).is_some() {
        in_child(&[]);
    }
}

/// Loads these.
pub fn load(names: &[&str]) {
    if !names.is_empty() {
        in_child(names);
    }
}

/// Loads these, or where there are none what the devices ask for.
fn in_child(names: &[&str]) {
    child::run(&mut || {
        let line = settings::command_line();
        let mut modules = Modules::new(module::place(), &line.words);
        for name in names.iter().filter(|name| **name != NONE) {
            modules.load(name).unwrap_or_else(|error| tell::failure(&error));
        }
        let named = line.value("contain.modules").map_or("", |named| shown(named));
        if names.is_empty() && !split(named, b',').any(|name| name == NONE) {
            modules.plug(&mut |error| tell::failure(&error));
        }
    });
}
