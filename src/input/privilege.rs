//! What a container may do, as written: capabilities by name.

use crate::input::near::Near;
use crate::input::number::Parsed;
use crate::text::{fill, joined, lines, place, split};

/// The capabilities of capabilities(7) in the order of their numbers, a line each.
pub const CAPABILITIES: &str = "CHOWN\nDAC_OVERRIDE\nDAC_READ_SEARCH\nFOWNER\nFSETID\nKILL\nSETGID\nSETUID\nSETPCAP\n\
    LINUX_IMMUTABLE\nNET_BIND_SERVICE\nNET_BROADCAST\nNET_ADMIN\nNET_RAW\nIPC_LOCK\nIPC_OWNER\nSYS_MODULE\nSYS_RAWIO\n\
    SYS_CHROOT\nSYS_PTRACE\nSYS_PACCT\nSYS_ADMIN\nSYS_BOOT\nSYS_NICE\nSYS_RESOURCE\nSYS_TIME\nSYS_TTY_CONFIG\nMKNOD\n\
    LEASE\nAUDIT_WRITE\nAUDIT_CONTROL\nSETFCAP\nMAC_OVERRIDE\nMAC_ADMIN\nSYSLOG\nWAKE_ALARM\nBLOCK_SUSPEND\nAUDIT_READ\n\
    PERFMON\nBPF\nCHECKPOINT_RESTORE";

/// What stands for every capability.
pub const ALL: u64 = u64::MAX;

/// A capability's number by its name, with or without `CAP_`, in any case.
pub fn capability(name: &str) -> Parsed<usize> {
    let upper = name.to_ascii_uppercase();
    let bare = upper.strip_prefix("CAP_").unwrap_or(&upper);
    if let Some(number) = place(CAPABILITIES, bare.as_bytes()) {
        return Ok(number);
    }
    let mut near = Near::to(bare);
    lines(CAPABILITIES).for_each(|known| near.consider(known));
    let right = match near.hint() {
        hint if hint.is_empty() => "capabilities(7) lists them, as NET_ADMIN".into(),
        hint => hint,
    };
    Err(fill("names no capability with '%': %", &[name, &right]).leak())
}

/// A list of capabilities, or `ALL`: a bit for each.
pub fn capabilities(text: &str) -> Parsed<u64> {
    let mut all = 0;
    for name in split(text, b',') {
        all |= if name.eq_ignore_ascii_case("all") { ALL } else { 1 << capability(name)? };
    }
    Ok(all)
}

/// The default set with some added and some dropped: what is dropped and added is added, and all is but what is dropped.
pub fn capability_set(default: u64, added: u64, dropped: u64) -> u64 {
    match (added, dropped) {
        (_, ALL) => added,
        (ALL, _) => ALL & !dropped,
        _ => default & !dropped | added,
    }
}

/// The names of a set.
pub fn capability_names(set: u64) -> String {
    let mut names = Vec::new();
    for (number, name) in lines(CAPABILITIES).enumerate() {
        if set & 1 << number != 0 {
            names.push(name);
        }
    }
    if names.is_empty() { "none".into() } else { joined(&names, ",") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::DEFAULT_CAPABILITIES;

    #[test]
    fn capabilities_by_name() {
        for (number, name) in lines(CAPABILITIES).enumerate() {
            for text in
                [name.into(), format!("CAP_{name}"), name.to_lowercase(), format!("cap_{}", name.to_lowercase())]
            {
                assert_eq!(capabilities(&text), Ok(1 << number), "{text}");
            }
        }
        assert_eq!(
            (capability("chown"), capability("sys_admin"), capability("checkpoint_restore")),
            (Ok(0), Ok(21), Ok(40))
        );
        assert_eq!((capabilities("all"), capabilities("ALL,kill")), (Ok(ALL), Ok(ALL)));
        assert_eq!(capabilities("KILL,cap_chown"), Ok(1 << 5 | 1));
        let podmans = "CHOWN,DAC_OVERRIDE,FOWNER,FSETID,KILL,NET_BIND_SERVICE,SETFCAP,SETGID,SETPCAP,SETUID,SYS_CHROOT";
        assert_eq!(capabilities(podmans), Ok(DEFAULT_CAPABILITIES));
        for (text, part) in [
            ("", "names no capability with ''"),
            ("CAP_", "names no capability with 'CAP_'"),
            ("KILL,", "with ''"),
            ("SYSADMIN", "did you mean SYS_ADMIN?"),
            ("net_amdin", "did you mean NET_ADMIN?"),
            ("-1", "capabilities(7)"),
            ("21", "capabilities(7)"),
            ("KILL CHOWN", "with 'KILL CHOWN'"),
        ] {
            assert!(capabilities(text).is_err_and(|what| what.contains(part)), "{text}: {:?}", capabilities(text));
        }
    }

    #[test]
    fn sets() {
        let (kill, admin) = (1 << 5, 1 << 21);
        for (added, dropped, set) in [
            (0, 0, DEFAULT_CAPABILITIES),
            (admin, 0, DEFAULT_CAPABILITIES | admin),
            (0, kill, DEFAULT_CAPABILITIES & !kill),
            (kill, ALL, kill),
            (0, ALL, 0),
            (ALL, 0, ALL),
            (ALL, kill, ALL & !kill),
            (ALL, ALL, ALL),
            (kill, kill, DEFAULT_CAPABILITIES),
        ] {
            assert_eq!(capability_set(DEFAULT_CAPABILITIES, added, dropped), set, "{added:x} {dropped:x}");
        }
        assert_eq!((capability_names(0), capability_names(kill | 1)), ("none".into(), "CHOWN,KILL".into()));
        // Each has its name, and no more: 41 of them.
        assert_eq!(capabilities(&capability_names(ALL)), Ok((1 << 41) - 1));
    }
}
