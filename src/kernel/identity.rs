//! Who a process is, what it may do and what ends it: user and group ids, capabilities, session and its keyring, parent's
//! death. What changes any of it is called between clone and exec: it allocates nothing.

use crate::linux::io::{Errno, Result};
use crate::linux::process::{
    DumpableBehavior, Gid, Signal, Uid, set_dumpable_behavior, set_parent_process_death_signal, setsid,
};
use crate::linux::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set, remove_capability_from_bounding_set,
    set_capabilities, set_thread_res_gid, set_thread_res_uid,
};

use crate::sys;

/// A session of its own, away from the caller's terminal and its TIOCSTI; and SIGKILL when the parent dies.
pub fn start_session() -> Result<()> {
    weak!("weak-session", return die_with_parent());
    setsid()?;
    die_with_parent()
}

fn die_with_parent() -> Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))
}

/// A new session keyring in place of the caller's. Where the kernel has no keyrings, or a filter over the caller forbids them,
/// which is over the container too, there is nothing to share.
pub fn start_keyring() -> Result<()> {
    match sys::process::join_session_keyring() {
        Err(Errno::NOSYS | Errno::PERM) => Ok(()),
        result => result,
    }
}

/// Until it executes a program, nobody with no more rights than this process may trace it, or look at its memory and
/// descriptors.
pub fn forbid_dumps() -> Result<()> {
    weak!("weak-dumpable", return Ok(()));
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
}

/// Becomes root of the user namespace that this process is in, with the power that it has there.
pub fn become_root() -> Result<()> {
    set_ids(0, 0)?;
    die_with_parent()
}

fn set_ids(uid: u32, gid: u32) -> Result<()> {
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    set_thread_res_gid(gid, gid, gid)?;
    set_thread_res_uid(uid, uid, uid)
}

/// Gives up the caller's groups, unless they stay, ids and all but these capabilities. A change of ids clears the parent
/// death signal (prctl(2)), so it is set again.
pub fn become_user(uid: u32, gid: u32, groups: Option<&[u32]>, keep: u64) -> Result<()> {
    weak!("weak-permitted", keep = u64::MAX);
    if let Some(groups) = groups {
        sys::process::set_groups(groups)?;
    }
    set_ids(uid, gid)?;
    // Another user than root has none; where the ids did not change the kernel has left them.
    let held = if uid == 0 { capabilities(None)?.permitted.bits() & keep } else { 0 };
    let held = CapabilitySet::from_bits_retain(held);
    weak!("weak-inheritable", return die_with_parent());
    set_capabilities(None, CapabilitySets { effective: held, permitted: held, inheritable: CapabilitySet::empty() })?;
    // The kernel keeps of the ambient ones what is inheritable: none (capabilities(7)).
    die_with_parent()
}

/// Gives up all capabilities but these, until the next exec.
pub fn keep_only(bits: u64) -> Result<()> {
    let kept = capabilities(None)?.permitted & CapabilitySet::from_bits_retain(bits);
    set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() })
}

/// What no exec can give back (capabilities(7), "Capability bounding set"); what is held now stays for the set-up. The
/// kernel's last capability ends the loop.
pub fn limit_bounding_set(keep: u64) -> Result<()> {
    weak!("weak-bounding", return Ok(()));
    for number in 0..64 {
        if keep & 1 << number != 0 {
            continue;
        }
        match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << number)) {
            Err(Errno::INVAL) => break,
            result => result?,
        }
    }
    Ok(())
}

/// What this process holds of capabilities(7).
pub fn held() -> u64 {
    capabilities(None).map_or(0, |sets| sets.permitted.bits())
}

/// All that this kernel knows of.
pub fn known() -> u64 {
    let is_unknown =
        |number: &u32| capability_is_in_bounding_set(CapabilitySet::from_bits_retain(1 << *number)).is_err();
    (1 << (0..63).find(is_unknown).unwrap_or(63)) - 1
}

/// Whether this process may mount, make namespaces and the like.
pub fn is_administrator() -> bool {
    capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_ADMIN))
}
