//! Two processes side by side on two CPUs. A new process starts on its parent's CPU where the scheduler packs tasks (a
//! saving of power that some kernels make), and then does nothing until the parent sleeps.

use crate::linux::io::{Errno, Result};
use crate::linux::process::Pid;
use crate::linux::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::kernel::file;
use crate::sys;

/// The CPUs that this process may run on.
#[inline(never)]
pub fn allowed() -> CpuSet {
    sched_getaffinity(None).unwrap_or_default()
}

/// Sends a child to another CPU than this one's, for as long as the two work beside each other. Only on a machine with
/// nothing else to run: a busy CPU would let it wait. What fails here fails without harm.
pub fn apart(child: Pid, allowed: &CpuSet) {
    let mut others = *allowed;
    others.unset(sys::process::current_cpu());
    if others != CpuSet::new() && is_idle() {
        let _unmoved = sched_setaffinity(Some(child), &others);
    }
}

/// Lets this process run on all of these CPUs again.
pub fn gather(allowed: &CpuSet) -> Result<()> {
    match sched_setaffinity(None, allowed) {
        // There are none; or the container's cpuset has none of them, and rules alone.
        Err(Errno::INVAL) => Ok(()),
        result => result,
    }
}

/// Whether this process and its child are all that wants to run: the fourth field of /proc/loadavg (proc_loadavg(5))
/// counts the runnable, this process among them.
fn is_idle() -> bool {
    let mut text = [0u8; 64];
    let length = file::read_start(c"/proc/loadavg", &mut text).unwrap_or(0);
    let running = text[..length].split(|b| *b == b' ').nth(3);
    running.is_some_and(|field| field.starts_with(b"1/") || field.starts_with(b"2/"))
}
