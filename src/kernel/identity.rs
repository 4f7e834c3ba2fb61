//! Who a process is and what ends it: user and group ids, session, parent's death. Called between clone and exec.

use rustix::io::{Errno, Result};
use rustix::process::{Gid, Signal, Uid, set_parent_process_death_signal, setsid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, remove_capability_from_bounding_set,
    set_capabilities, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

/// A session of its own, away from the caller's terminal and its TIOCSTI; and SIGKILL when the parent dies.
pub fn start_session() -> Result<()> {
    setsid()?;
    die_with_parent()
}

fn die_with_parent() -> Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))
}

/// What root in a container may do: podman's default capabilities. Without CAP_SYS_ADMIN it can neither lift a mount nor
/// type into a terminal that it was given (TIOCSTI).
const DEFAULT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::SETFCAP)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SYS_CHROOT);

/// Gives up the caller's groups, ids and all but the default capabilities. A change of ids clears the parent death signal
/// (prctl(2)), so it is set again.
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
    // Another user than root has none left by now.
    let held = capabilities(None)?.permitted & DEFAULT;
    set_capabilities(None, CapabilitySets { effective: held, permitted: held, inheritable: CapabilitySet::empty() })?;
    clear_ambient_capability_set()?;
    die_with_parent()
}

/// What no exec can give back (capabilities(7), "Capability bounding set"); what is held now stays for the set-up. The
/// kernel's last capability ends the loop.
pub fn limit_bounding_set() -> Result<()> {
    for number in 0..64 {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        if DEFAULT.contains(capability) {
            continue;
        }
        match remove_capability_from_bounding_set(capability) {
            Err(Errno::INVAL) => break,
            result => result?,
        }
    }
    Ok(())
}

/// Whether this process may mount, make namespaces and the like.
pub fn is_administrator() -> bool {
    capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_ADMIN))
}
