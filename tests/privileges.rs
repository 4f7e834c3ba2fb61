//! What a container may do: capabilities in `run` and in `exec`, as root and as another user, and what says that something
//! cannot be had.

mod common;

use common::detached::Detached;
use common::{Out, host, run, sh};

/// podman's eleven, as /proc/PID/status shows them.
const DEFAULT: u64 = 0x8004_05fb;
const KILL: u64 = 1 << 5;
const NET_ADMIN: u64 = 1 << 12;

const LOOK: &str = "grep -E '^(Cap|NoNewPrivs)' /proc/self/status";

/// The sets of capabilities: inheritable, permitted, effective, bounding, ambient.
#[track_caller]
fn sets(got: &Out) -> [u64; 5] {
    ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map(|name| {
        let line = got.text().lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {got:?}"));
        u64::from_str_radix(line.rsplit('\t').next().unwrap(), 16).unwrap()
    })
}

/// What this process holds: all that `ALL` can be.
fn held() -> u64 {
    u64::from_str_radix(&common::status(std::process::id() as i32, "CapPrm").unwrap(), 16).unwrap()
}

/// Flags, and the set that they mean.
fn table() -> Vec<(&'static [&'static str], u64)> {
    vec![
        (&[], DEFAULT),
        (&["--cap-drop", "ALL"], 0),
        (&["--cap-add", "net_admin"], DEFAULT | NET_ADMIN),
        (&["--cap-drop=kill,CAP_CHOWN", "--cap-drop", "cap_fowner"], DEFAULT & !KILL & !1 & !8),
        (&["--cap-add", "CAP_KILL", "--cap-drop", "all"], KILL),
        (&["--cap-add", "kill", "--cap-drop", "kill"], DEFAULT),
        (&["--cap-add", "ALL"], held()),
        (&["--cap-add", "ALL", "--cap-drop", "NET_ADMIN,kill"], held() & !NET_ADMIN & !KILL),
    ]
}

#[test]
fn root_holds_what_was_asked_for_and_others_hold_nothing() {
    for (flags, set) in table() {
        assert_eq!(sets(&sh(flags, LOOK)), [0, set, set, set, 0], "{flags:?}");
        let got = sh(&[flags, &["-u", "1000:1000"]].concat(), LOOK);
        assert_eq!(sets(&got), [0, 0, 0, set, 0], "{flags:?} as 1000");
        let got = sh(&[flags, &["--init"]].concat(), LOOK);
        assert_eq!(sets(&got), [0, set, set, set, 0], "{flags:?} --init");
    }
}

#[test]
fn exec_gives_what_the_container_has() {
    for (flags, set) in table() {
        let container = Detached::sleeping(flags);
        assert_eq!(sets(&container.sh(&[], LOOK)), [0, set, set, set, 0], "{flags:?}");
        assert_eq!(sets(&container.sh(&["-u", "1000"], LOOK)), [0, 0, 0, set, 0], "{flags:?} as 1000");
    }
    // Neither what the caller may hand down nor what a record says makes it more.
    let container = Detached::sleeping(&["--cap-drop", "ALL", "--cap-add", "kill"]);
    let line = format!("setpriv --inh-caps=+net_admin --ambient-caps=+net_admin {}", common::contain().display());
    let exec = format!("{line} exec --root {} {} sh -c \"{LOOK}\"", container.state(), container.id);
    assert_eq!(sets(&host(&exec)), [0, KILL, KILL, KILL, 0]);
    let text = std::fs::read_to_string(container.metadata()).unwrap();
    let wide = text.replace(&format!("\"capabilities\": {KILL}"), &format!("\"capabilities\": {}", u64::MAX));
    assert_ne!(text, wide);
    std::fs::write(container.metadata(), wide).unwrap();
    assert_eq!(sets(&container.sh(&[], LOOK)), [0, KILL, KILL, KILL, 0]);
}

#[test]
fn capabilities_that_cannot_be_had_are_named() {
    run(&["--cap-add", "SYSADMIN", "true"]).fails(2, &["--cap-add SYSADMIN", "did you mean SYS_ADMIN?"]);
    run(&["--cap-drop", "kill,nosuch", "true"]).fails(2, &["--cap-drop kill,nosuch", "'nosuch'", "capabilities(7)"]);
    let line = |held: &str, flags: &str| {
        let contain = common::contain().display();
        host(&format!("setpriv --bounding-set=-{held} {contain} run --rootfs $R {flags} sh -c \"{LOOK}\""))
    };
    line("net_raw", "--cap-add net_raw").fails(125, &["--cap-add NET_RAW: contain itself does not hold it"]);
    // What of the default is not held, or of all, is left out.
    assert_eq!(sets(&line("kill", ""))[1], DEFAULT & !KILL);
    assert_eq!(sets(&line("kill", "--cap-add ALL"))[1], held() & !KILL);
}
