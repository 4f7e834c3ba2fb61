//! Modules of the kernel: those that are asked for, and those that the devices ask for. A child loads them, because
//! what it reads for that would stay in the memory of process 1.

use crate::kernel::module::{self, Modules};
use crate::kernel::{child, file};
use crate::life::boot::{settings, tell};

/// In place of a module's name: nothing is loaded but what is named.
pub const NONE: &str = "none";

/// Loads these modules; then, where the kernel has any, what the devices ask for.
pub fn load(names: &[&str]) {
    let place = module::place();
    if names.is_empty() && file::place(place).is_none() {
        return;
    }
    child::run(&mut || {
        let line = settings::command_line();
        let mut modules = Modules::new(place, &line.words);
        let mut all = true;
        for name in names {
            match *name {
                NONE => all = false,
                name => modules.load(name).unwrap_or_else(|error| tell::failure(&error)),
            }
        }
        if all {
            modules.plug(&mut |error| tell::failure(&error));
        }
    });
}
