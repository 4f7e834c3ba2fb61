//! Who a process is and what ends it: user and group ids, session, parent's death. Called between clone and exec.

use rustix::io::Result;
use rustix::process::{Gid, Signal, Uid, set_parent_process_death_signal, setsid};
use rustix::thread::{CapabilitySet, capabilities, set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// A session of its own, away from the caller's terminal and its TIOCSTI; and SIGKILL when the parent dies.
pub fn start_session() -> Result<()> {
    setsid()?;
    die_with_parent()
}

fn die_with_parent() -> Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))
}

/// Gives up the caller's groups and ids for these. A change of ids clears the parent death signal (prctl(2)), so it is
/// set again.
pub fn become_user(uid: u32, gid: u32, groups: &[u32]) -> Result<()> {
    let mut list = heapless::Vec::<Gid, 1024>::new();
    for group in groups {
        // The reader of /etc/group keeps to the same bound.
        let _full = list.push(Gid::from_raw(*group));
    }
    set_thread_groups(&list)?;
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    set_thread_res_gid(gid, gid, gid)?;
    set_thread_res_uid(uid, uid, uid)?;
    die_with_parent()
}

/// Whether this process may mount, make namespaces and the like.
pub fn is_administrator() -> bool {
    capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_ADMIN))
}
