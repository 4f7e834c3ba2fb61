//! The default profile, call by call; who is filtered; and what says that a filter cannot be had. What files say is in
//! seccomp_profiles.rs.

mod common;

use common::detached::Detached;
use common::filter::{EPERM, answer};
use common::ordinary::Ordinary;
use common::probe::{ALL, ENDS, Probe};
use common::{Live, Scratch, command, finish, rootfs, run, sh, sh_in, wait_until};
use linux_raw_sys::general as raw;

/// What the default profile refuses with EPERM in a default container.
#[cfg(target_arch = "x86_64")]
const REFUSED: &[u32] = &[
    raw::__NR_add_key,
    raw::__NR_request_key,
    raw::__NR_keyctl,
    raw::__NR_io_uring_setup,
    raw::__NR_io_uring_enter,
    raw::__NR_io_uring_register,
    raw::__NR_userfaultfd,
    raw::__NR_kexec_load,
    raw::__NR_kexec_file_load,
    raw::__NR_move_pages,
    raw::__NR_migrate_pages,
    raw::__NR_swapon,
    raw::__NR_swapoff,
    raw::__NR_uselib,
    raw::__NR_ustat,
    raw::__NR_sysfs,
    raw::__NR_vmsplice,
    raw::__NR_create_module,
    raw::__NR_get_kernel_syms,
    raw::__NR_query_module,
    raw::__NR_nfsservctl,
    raw::__NR__sysctl,
    raw::__NR_mount,
    raw::__NR_umount2,
    raw::__NR_pivot_root,
    raw::__NR_fsopen,
    raw::__NR_fsconfig,
    raw::__NR_fsmount,
    raw::__NR_fspick,
    raw::__NR_move_mount,
    raw::__NR_open_tree,
    raw::__NR_open_tree_attr,
    raw::__NR_mount_setattr,
    raw::__NR_setns,
    raw::__NR_unshare,
    raw::__NR_sethostname,
    raw::__NR_setdomainname,
    raw::__NR_quotactl,
    raw::__NR_quotactl_fd,
    raw::__NR_fanotify_init,
    raw::__NR_lookup_dcookie,
    raw::__NR_bpf,
    raw::__NR_perf_event_open,
    raw::__NR_syslog,
    raw::__NR_open_by_handle_at,
    raw::__NR_init_module,
    raw::__NR_finit_module,
    raw::__NR_delete_module,
    raw::__NR_iopl,
    raw::__NR_ioperm,
    raw::__NR_kcmp,
    raw::__NR_process_madvise,
    raw::__NR_pidfd_getfd,
    raw::__NR_acct,
    raw::__NR_reboot,
    raw::__NR_mbind,
    raw::__NR_get_mempolicy,
    raw::__NR_set_mempolicy,
    raw::__NR_set_mempolicy_home_node,
    raw::__NR_clock_settime,
    raw::__NR_settimeofday,
    raw::__NR_vhangup,
    // With every flag set.
    raw::__NR_clone,
];

#[test]
#[cfg(target_arch = "x86_64")]
fn the_default_profile_refuses_what_it_should_and_nothing_else() {
    let probe = Probe::new();
    let calls = format!("{ALL} 0x40000000 0x40000027 -1 i386:20");
    let filtered = probe.run(&[], &calls);
    let open = probe.run(&["--seccomp", "unconfined"], &calls);
    let able = probe.run(&["--seccomp", "unconfined", "--cap-add", "ALL"], &calls);
    for number in REFUSED {
        assert_eq!(filtered.at(number), "1", "{number}");
        // It is not that the kernel would have said so.
        assert_ne!(able.at(number), "1", "{number}");
    }
    assert_eq!((filtered.at(raw::__NR_clone3), open.at(raw::__NR_clone3)), ("38", "7"));
    let other =
        |call: &String| call.parse().is_ok_and(|number| !REFUSED.contains(&number) && number != raw::__NR_clone3);
    let (mut rest, mut wanted) = (filtered.clone(), open.clone());
    rest.0.retain(|call, _| other(call));
    wanted.0.retain(|call, _| other(call));
    assert_eq!(rest.differing(&wanted), [""; 0]);
    assert!(rest.0.len() > 900);
    for (call, result) in ENDS {
        assert_eq!(open.at(call), result, "{call}");
    }
    for number in ["0x40000000", "0x40000027", "-1", "470", "1024"] {
        assert_eq!(filtered.at(number), "38", "{number}");
    }
    assert_eq!((filtered.at("i386:20"), open.at("i386:20")), ("signal 31", "ok"));
}

#[test]
#[cfg(target_arch = "x86_64")]
fn arguments_decide() {
    let probe = Probe::new();
    let (clone, personality, socket) = (raw::__NR_clone, raw::__NR_personality, raw::__NR_socket);
    for (call, arguments, wanted) in [
        (personality, "0", "ok"),
        (personality, "8", "ok"),
        (personality, "0x20000", "ok"),
        (personality, "0x20008", "ok"),
        (personality, "0xffffffff", "ok"),
        (personality, "0x100000008", "ok"),
        (personality, "0x40000", "1"),
        (personality, "0x100040000", "1"),
        (socket, "1:1:0", "ok"),
        (socket, "2:2:0", "ok"),
        (socket, "10:1:0", "ok"),
        (socket, "16:3:0", "ok"),
        (socket, "16:3:9", "22"),
        (socket, "0x100000010:3:0x100000009", "22"),
        (socket, "38:5:0", "97"),
        (socket, "0x100000026:5:0", "97"),
        (socket, "40:1:0", "97"),
        (clone, "17:0:0:0:0", "ok"),
        (clone, "0x10000011:0:0:0:0", "1"),
        (clone, "0x20011:0:0:0:0", "1"),
        (clone, "0x2000011:0:0:0:0", "1"),
        (clone, "0x4000011:0:0:0:0", "1"),
        (clone, "0x8000011:0:0:0:0", "1"),
        (clone, "0x20000011:0:0:0:0", "1"),
        (clone, "0x40000011:0:0:0:0", "1"),
        (clone, "0x110000011:0:0:0:0", "1"),
    ] {
        let word = format!("{call}:{arguments}");
        assert_eq!(probe.run(&[], &word).at(&word), wanted, "{word}");
        if wanted != "22" {
            // The kernel alone would do it, and with a user namespace any user may.
            let open = probe.run(&["--seccomp", "unconfined", "--cap-add", "ALL"], &word);
            assert!(open.at(&word) == "ok" || call == socket, "{word}: {open:?}");
        }
    }
}

/// CVE-2022-0492 begins with these, as does every other way to more namespaces.
#[test]
fn a_container_makes_no_namespaces_and_no_mounts() {
    for command in
        ["unshare -Ur true", "unshare -m true", "mount -t tmpfs none /tmp", "mount -t cgroup -o memory none /mnt"]
    {
        let got = sh(&[], command);
        assert!(got.code != 0 && got.out.is_empty() && !got.err.starts_with("contain: "), "{command}: {got:?}");
    }
    // Any user could make this one.
    run(&["--seccomp", "unconfined", "unshare", "-U", "true"]).is(0, "");
    assert!(run(&["unshare", "-U", "true"]).err.contains("Operation not permitted"));
    // Who is given the capability may.
    sh(&["--cap-add", "SYS_ADMIN"], "mount -t tmpfs none /tmp && echo mounted").is(0, "mounted\n");
}

const LOOK: &str = "grep -E '^Seccomp(_filters)?:' /proc/self/status";
const FILTERED: &str = "Seccomp:\t2\nSeccomp_filters:\t1\n";
const OPEN: &str = "Seccomp:\t0\nSeccomp_filters:\t0\n";

#[test]
fn run_and_exec_are_filtered_alike() {
    for (flags, wanted) in [
        (&[] as &[&str], FILTERED),
        (&["--seccomp", "default"], FILTERED),
        (&["--seccomp=unconfined"], OPEN),
        (&["--privileged"], OPEN),
        (&["--privileged", "--seccomp", "default"], FILTERED),
        (&["--security", "new-privs"], FILTERED),
        (&["--security", "new-privs", "-u", "1000:1000", "-w", "/tmp"], FILTERED),
        (&["-u", "1000:1000"], FILTERED),
        (&["--cap-add", "ALL"], FILTERED),
        (&["--cap-drop", "ALL"], FILTERED),
    ] {
        sh(flags, LOOK).is(0, wanted);
        sh(&[flags, &["--init"]].concat(), LOOK).is(0, wanted);
        let container = Detached::sleeping(flags);
        container.sh(&[], LOOK).is(0, wanted);
        container.sh(&["-u", "7:7"], LOOK).is(0, wanted);
    }
    // One in the foreground is found while it runs.
    let here = Scratch::new();
    let state = here.at("state");
    let words = ["run", "--root", &state, "--name", "seen", "--rootfs", rootfs(), "--", "sh", "-c", "echo on; cat"];
    let mut live = Live::start(command(&words));
    assert_eq!(live.line(), "on");
    let exec = || finish(command(&["exec", "--root", &state, "seen", "sh", "-c", LOOK]));
    wait_until("it is written down", || exec().code == 0);
    exec().is(0, FILTERED);
    live.end().is(0, "");
}

#[test]
fn an_ordinary_user_is_filtered_too() {
    let he = Ordinary::new();
    he.sh(&[], LOOK).is(0, FILTERED);
    he.sh(&["--init"], LOOK).is(0, FILTERED);
    he.sh(&["--seccomp", "unconfined"], LOOK).is(0, OPEN);
    he.sh(&["--security", "new-privs"], LOOK).is(0, FILTERED);
    let id = he.run(&["-d", "sleep", "100"]).text().to_string();
    he.contain(&["exec", &id, "sh", "-c", LOOK]).is(0, FILTERED);
    he.contain(&["rm", "-f", &id]).text();
}

/// exec is filtered by what capabilities the container has, not by those that are usual.
#[test]
fn capabilities_widen_exec_as_they_widen_run() {
    let probe = Probe::new();
    let chroot = raw::__NR_chroot;
    for (flag, wanted) in [("--cap-drop=SYS_CHROOT", "1"), ("--cap-drop=KILL", "14")] {
        let word = chroot.to_string();
        assert_eq!(probe.run(&[flag], &word).at(&word), wanted);
        let container = Detached::start_in(&probe.root, &[flag], &["sleep", "1000"]);
        container.sh(&[], &format!("probe {chroot}")).is(0, &format!("{chroot} {wanted}\n"));
    }
}

#[test]
fn where_there_are_no_filters_the_error_says_what_to_do() {
    let refused = |words: &[&str]| {
        let mut line = command(words);
        answer(&mut line, raw::__NR_seccomp, EPERM);
        finish(line)
    };
    let words = ["run", "--rootfs", rootfs(), "--seccomp=default", "true"];
    refused(&words).fails(125, &["install seccomp filter default", "EPERM", "use --seccomp unconfined"]);
    refused(&["run", "--rootfs", rootfs(), "--seccomp=unconfined", "true"]).is(0, "");
}

#[test]
fn a_dry_run_shows_the_filter() {
    let plan = |flags: &[&str]| run(&[flags, &["--dry-run", "true"]].concat()).text().to_string();
    let place = |plan: &str, line: &str| {
        plan.lines().position(|found| found.starts_with(line)).unwrap_or_else(|| panic!("{plan}"))
    };
    let usual = plan(&[]);
    assert_eq!(place(&usual, "install seccomp filter default") + 1, place(&usual, "execute true"));
    // Without no_new_privs it takes CAP_SYS_ADMIN.
    let early = plan(&["--security", "new-privs"]);
    assert_eq!(place(&early, "install seccomp filter default") + 1, place(&early, "become user 0"));
    assert!(!plan(&["--seccomp", "unconfined"]).contains("seccomp"));
    sh_in(rootfs().as_ref(), &["--seccomp", "unconfined"], LOOK).is(0, OPEN);
}
