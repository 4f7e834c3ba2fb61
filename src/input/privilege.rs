//! What a container may do, as written: capabilities and limits by name, the kernel's parameters.

use std::ffi::CStr;

use crate::input::near::Near;
use crate::input::number::Parsed;
use crate::packed::text;
use crate::text::{Word, after, before, decimal, fill, has, joined, kept_one, limits, lines, place, shown, split};

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
    Err(unknown(
        CAPABILITIES,
        bare,
        text!("names no capability with '%': %"),
        text!("capabilities(7) lists them, as NET_ADMIN"),
    ))
}

/// A complaint about a word that is none of these, with the nearest of them or what would be `right`.
fn unknown(known: &'static str, word: &str, complaint: &str, right: &str) -> &'static str {
    let mut near = Near::to(word);
    lines(known).for_each(|known| near.consider(known));
    let hint = near.hint();
    fill(complaint, &[word, if hint.is_empty() { right } else { hint }])
}

/// A list of capabilities, or `ALL`: a bit for each.
pub fn capabilities(text: &str) -> Parsed<u64> {
    let mut all = 0;
    for name in split(text, b',') {
        all |= if place("ALL", name.to_ascii_uppercase().as_bytes()).is_some() { ALL } else { 1 << capability(name)? };
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
pub fn capability_names(set: u64) -> &'static str {
    let mut names = Vec::new();
    for (number, name) in lines(CAPABILITIES).enumerate() {
        if set & 1 << number != 0 {
            names.push(name);
        }
    }
    if names.is_empty() { "none" } else { joined(&names, ",") }
}

/// The limits of setrlimit(2) in the order of their numbers, a line each.
pub const ULIMITS: &str =
    "cpu\nfsize\ndata\nstack\ncore\nrss\nnproc\nnofile\nmemlock\nas\nlocks\nsigpending\nmsgqueue\nnice\nrtprio\nrttime";

/// The number of the one that `NAME=...` names.
pub fn resource(word: &CStr) -> u32 {
    place(ULIMITS, before(shown(word), b'=').as_bytes()).unwrap_or(0) as u32
}

/// Checks `NAME=SOFT[:HARD]`.
pub fn ulimit(text: &str) -> Parsed<()> {
    let (name, values) = (before(text, b'='), after(text, b'=').unwrap_or_default());
    if place(ULIMITS, name.as_bytes()).is_none() {
        return Err(unknown(
            ULIMITS,
            name,
            text!("names no limit with '%': %"),
            text!("setrlimit(2) lists them, as nofile"),
        ));
    }
    match limits(values) {
        Some([soft, hard]) if soft <= hard => Ok(()),
        _ => Err(text!("has no limit that can be: write NAME=SOFT:HARD, as nofile=1024:4096, or unlimited")),
    }
}

/// Checks a number that the kernel takes as it is.
pub fn oom_score_adj(text: &str) -> Parsed<()> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    // With a 0 before it the kernel takes a number for an octal one.
    match decimal(digits) {
        Some(..=1000) if !digits.starts_with('0') || digits.len() == 1 => Ok(()),
        _ => Err(text!("is no score: write -1000 to 1000; what is higher is killed sooner")),
    }
}

/// Those of a container's own IPC namespace; with those below fs/mqueue.
const IPC: &str = "sys/kernel/msgmax\nsys/kernel/msgmnb\nsys/kernel/msgmni\nsys/kernel/sem\nsys/kernel/shmall\n\
    sys/kernel/shmmax\nsys/kernel/shmmni\nsys/kernel/shm_rmid_forced";

/// Adds `KEY=VALUE`, the key with dots, or with slashes where one of its parts has a dot: its path below /proc, and the value.
#[inline(never)]
pub fn sysctl(all: &mut Vec<(Word, Word)>, text: &str) -> Parsed<()> {
    let (key, value) = (before(text, b'='), after(text, b'=').unwrap_or_default());
    let mut path = Vec::from(text!("sys/%", key));
    if !has(key, b'/') {
        path.iter_mut().filter(|b| **b == b'.').for_each(|b| *b = b'/');
    }
    if value.is_empty() || !is_plain(&path) {
        return Err(text!("is not KEY=VALUE: write it as net.ipv4.ip_forward=1"));
    }
    let begins = |with: &str| path.starts_with(with.as_bytes());
    match begins("sys/net/") || begins("sys/fs/mqueue/") || place(IPC, &path).is_some() {
        true => {
            all.push((kept_one(&path), kept_one(value.as_bytes())));
            Ok(())
        }
        false => Err(text!(
            "would change the host: a container has its own net.*, fs.mqueue.*, kernel.{msg*,sem,shm*}, and --hostname"
        )),
    }
}

/// Whether a path has names only.
fn is_plain(path: &[u8]) -> bool {
    !path.ends_with(b"/") && !path.windows(2).any(|two| matches!(two, b"//" | b"/."))
}

/// Adds `HOST[:INSIDE][:rwm]`: the path on the host, and the one below /dev.
#[inline(never)]
pub fn device(all: &mut Vec<(Word, Word)>, text: &str) -> Parsed<()> {
    let (host, rest) = (before(text, b':'), after(text, b':').unwrap_or_default());
    let (inside, letters) = match rest.starts_with('/') {
        true => (before(rest, b':'), after(rest, b':').unwrap_or_default()),
        false => (host, rest),
    };
    if !matches!(letters, "" | "rw" | "rwm") {
        return Err(text!("has other letters than rwm: a device can be read and written, or is not there"));
    }
    match inside.strip_prefix("/dev/") {
        Some(below) if host.starts_with('/') && is_plain(inside.as_bytes()) => {
            all.push((kept_one(host.as_bytes()), kept_one(below.as_bytes())));
            Ok(())
        }
        _ => Err(text!("names no device below /dev: write HOST or HOST:INSIDE, as /dev/fuse")),
    }
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
            ("CAP_", "names no capability with ''"),
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
        assert_eq!((capability_names(0), capability_names(kill | 1)), ("none", "CHOWN,KILL"));
        // Each has its name, and no more: 41 of them.
        assert_eq!(capabilities(capability_names(ALL)), Ok((1 << 41) - 1));
    }

    #[test]
    fn ulimits() {
        for (at, name) in lines(ULIMITS).enumerate() {
            for values in ["0", "1:2", "-1", "unlimited", "5:unlimited", "18446744073709551615"] {
                let text = format!("{name}={values}");
                assert_eq!((ulimit(&text), resource(kept_one(text.as_bytes()))), (Ok(()), at as u32));
            }
            for values in
                ["", ":", "1:", ":1", "2:1", "unlimited:1", "-2", "1:2:3", "1k", "x", " 1", "18446744073709551616"]
            {
                assert!(
                    ulimit(&format!("{name}={values}")).is_err_and(|what| what.contains("has no limit")),
                    "{values}"
                );
            }
        }
        for (text, part) in
            [("nofile", "has no limit"), ("nofiles=1", "did you mean nofile?"), ("=1", "setrlimit(2)"), ("", "''")]
        {
            assert!(ulimit(text).is_err_and(|what| what.contains(part)), "{text}: {:?}", ulimit(text));
        }
    }

    #[test]
    fn scores() {
        for number in -1000..=1000 {
            assert_eq!(oom_score_adj(&number.to_string()), Ok(()));
        }
        for text in ["", "-", "--1", "+1", "1001", "-1001", "010", "-05", "0x1", "1.0", " 1", "99999999999999999999"] {
            assert!(oom_score_adj(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sysctls() {
        let sysctl = |text: &str| {
            let mut all = Vec::new();
            super::sysctl(&mut all, text).map(|()| all[0])
        };
        for (text, path, value) in [
            ("net.ipv4.ip_forward=1", c"sys/net/ipv4/ip_forward", c"1"),
            ("net/ipv4/conf/eth0.7/forwarding=1", c"sys/net/ipv4/conf/eth0.7/forwarding", c"1"),
            ("kernel.sem=1 2 3 4", c"sys/kernel/sem", c"1 2 3 4"),
            ("kernel.shm_rmid_forced=1", c"sys/kernel/shm_rmid_forced", c"1"),
            ("fs.mqueue.msg_max=1=2", c"sys/fs/mqueue/msg_max", c"1=2"),
        ] {
            assert_eq!(sysctl(text), Ok((path, value)), "{text}");
        }
        for text in
            ["", "=", "net", "net=", "net.x=", "=1", ".=1", "net.=1", "net..x=1", "net/./x=1", "net/../kernel/panic=1"]
        {
            assert!(sysctl(text).is_err_and(|what| what.contains("KEY=VALUE")), "{text}");
        }
        let others = "net=1 netx.y=1 kernel.panic=1 kernel.msgmax.x=1 kernel.semx=1 vm.swappiness=1 fs.file-max=1 fs.mqueue=1 \
            kernel.hostname=x kernel.domainname=x kernel.core_pattern=|/x user.max_user_namespaces=1 sys.net.x=1 x/net/y=1";
        for text in others.split_whitespace() {
            assert!(sysctl(text).is_err_and(|what| what.contains("change the host")), "{text}: {:?}", sysctl(text));
        }
    }

    #[test]
    fn devices() {
        let device = |text: &str| {
            let mut all = Vec::new();
            super::device(&mut all, text).map(|()| all[0])
        };
        for (text, source, path) in [
            ("/dev/fuse", c"/dev/fuse", c"fuse"),
            ("/dev/fuse:rwm", c"/dev/fuse", c"fuse"),
            ("/dev/net/tun:/dev/net/tun:rw", c"/dev/net/tun", c"net/tun"),
            ("/srv/disk:/dev/sd.a", c"/srv/disk", c"sd.a"),
        ] {
            assert_eq!(device(text), Ok((source, path)), "{text}");
        }
        for text in
            ["", ":", "fuse", "dev/fuse", "/dev", "/dev/", "/srv/disk", "/dev/a:/b", "/dev/a/", "/dev//a", "/dev/../a"]
        {
            assert!(device(text).is_err_and(|what| what.contains("names no device")), "{text}");
        }
        for text in [
            "/dev/a:r",
            "/dev/a:/dev/b:w",
            "/dev/a:m",
            "/dev/a:b",
            "/dev/a::rwm",
            "/dev/a:rwmx",
            "/dev/a:/dev/b:/dev/c",
        ] {
            assert!(device(text).is_err_and(|what| what.contains("other letters")), "{text}");
        }
    }
}
