//! Work in a child of its own: what it puts on the heap goes with it.

use crate::linux::io::retry_on_intr;
use crate::linux::process::{WaitOptions, waitpid};

use crate::sys::process::{Cloned, clone3, exit_now};

/// Does the work in a child and waits for its end; here, where there can be no child.
pub fn run(work: &mut dyn FnMut()) {
    match clone3(0, None) {
        Ok(Cloned::Child) => {
            work();
            exit_now(0)
        }
        Ok(Cloned::Parent { child, .. }) => {
            let _ended = retry_on_intr(|| waitpid(Some(child), WaitOptions::empty()));
        }
        Err(_) => work(),
    }
}
