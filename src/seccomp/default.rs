//! The default profile: in essence that of moby and podman, which ordinary programs have been living with for years. What
//! makes or changes containers, the machine, its clock or its kernel is refused, and what has been a way out of containers
//! again and again; a capability that the container was given frees what it is for.

use crate::seccomp::Program;
use crate::seccomp::names::{COUNT, NONE, number};
use crate::seccomp::tree::{ALLOW, Calls, Comparison, Condition, EAFNOSUPPORT, EINVAL, ENOSYS, EPERM, Rule};

// capabilities(7), by their numbers.
const DAC_READ_SEARCH: u32 = 2;
const SYS_MODULE: u32 = 16;
const SYS_RAWIO: u32 = 17;
const SYS_CHROOT: u32 = 18;
const SYS_PTRACE: u32 = 19;
const SYS_PACCT: u32 = 20;
const SYS_ADMIN: u32 = 21;
const SYS_BOOT: u32 = 22;
const SYS_NICE: u32 = 23;
const SYS_TIME: u32 = 25;
const SYS_TTY_CONFIG: u32 = 26;
const AUDIT_WRITE: u32 = 29;
const SYSLOG: u32 = 34;
const PERFMON: u32 = 38;
const BPF: u32 = 39;
/// Nobody has it.
const NO: u32 = 63;

/// Before the calls that are free with either of two capabilities: larger than the number of any call.
const fn unless(one: u32, other: u32) -> u16 {
    (1 << 15 | one << 6 | other) as u16
}

macro_rules! refused {
    ($($one:ident $other:ident: $($name:ident)*;)*) => { &[$(unless($one, $other), $(number(stringify!($name))),*),*] };
}

/// Calls that are refused with EPERM, unless the container has one of two capabilities.
const REFUSED: &[u16] = refused! {
    NO NO: add_key request_key keyctl io_uring_setup io_uring_enter io_uring_register userfaultfd kexec_load kexec_file_load
        move_pages migrate_pages swapon swapoff uselib ustat sysfs vmsplice create_module get_kernel_syms query_module
        nfsservctl _sysctl;
    SYS_ADMIN NO: mount umount2 pivot_root fsopen fsconfig fsmount fspick move_mount open_tree open_tree_attr
        mount_setattr setns unshare sethostname setdomainname quotactl quotactl_fd fanotify_init lookup_dcookie;
    SYS_ADMIN BPF: bpf;
    SYS_ADMIN PERFMON: perf_event_open;
    SYS_ADMIN SYSLOG: syslog;
    DAC_READ_SEARCH NO: open_by_handle_at;
    SYS_MODULE NO: init_module finit_module delete_module;
    SYS_RAWIO NO: iopl ioperm;
    SYS_CHROOT NO: chroot;
    SYS_PTRACE NO: kcmp process_madvise pidfd_getfd;
    SYS_PACCT NO: acct;
    SYS_BOOT NO: reboot;
    SYS_NICE NO: mbind get_mempolicy set_mempolicy set_mempolicy_home_node;
    SYS_TIME NO: clock_settime settimeofday;
    SYS_TTY_CONFIG NO: vhangup;
};

const CLONE: u16 = number("clone");
const CLONE3: u16 = number("clone3");
const PERSONALITY: u16 = number("personality");
const SOCKET: u16 = number("socket");
/// CLONE_NEW* of clone(2), all but that of time, which only clone3 has.
const NEW_NAMESPACES: u64 = 0x7e02_0000;

/// Calls whose arguments decide, unless the container has a capability. The kernel takes the low halves of these arguments,
/// so the high ones count for nothing.
const RULES: &[(u32, Rule)] = &[
    (SYS_ADMIN, Rule { call: CLONE, action: ALLOW, conditions: &[is(0, 0, NEW_NAMESPACES)] }),
    (SYS_ADMIN, Rule { call: CLONE, action: EPERM, conditions: &[] }),
    // Linux or Linux of 32 bits, each with UNAME26 too (0, 8, 0x20000, 0x20008); and what is it now?
    (NO, Rule { call: PERSONALITY, action: ALLOW, conditions: &[is(0, 0, HALF & !0x2_0008)] }),
    (NO, Rule { call: PERSONALITY, action: ALLOW, conditions: &[is(0, HALF, HALF)] }),
    (NO, Rule { call: PERSONALITY, action: EPERM, conditions: &[] }),
    // AF_ALG reaches into the kernel's cryptography, AF_VSOCK past the network namespace.
    (NO, Rule { call: SOCKET, action: EAFNOSUPPORT, conditions: &[is(0, 38, HALF)] }),
    (NO, Rule { call: SOCKET, action: EAFNOSUPPORT, conditions: &[is(0, 40, HALF)] }),
    // NETLINK_AUDIT of AF_NETLINK: as a kernel without it answers, which is what login and the like go on after.
    (AUDIT_WRITE, Rule { call: SOCKET, action: EINVAL, conditions: &[is(0, 16, HALF), is(2, 9, HALF)] }),
];

const HALF: u64 = 0xffff_ffff;

const fn is(argument: u8, value: u64, mask: u64) -> Condition {
    Condition { argument, comparison: Comparison::Equal, value, mask }
}

pub fn program(capabilities: u64) -> Program {
    let mut calls = Calls::new(COUNT, ALLOW);
    let has = |number: u32| number != NO && capabilities >> number & 1 != 0;
    let mut free = false;
    for word in REFUSED {
        let number = u32::from(*word);
        if number >> 15 != 0 {
            free = has(number >> 6 & 63) || has(number & 63);
        } else if !free {
            calls.set(usize::from(*word), EPERM);
        }
    }
    for (number, rule) in RULES {
        if !has(*number) {
            calls.add(*rule);
        }
    }
    // A libc takes clone(2) then, whose flags can be looked at.
    if !has(SYS_ADMIN) {
        calls.set(CLONE3.into(), ENOSYS);
    }
    // What came later than this program, or never was: its users know what to do on kernels that are older still.
    NONE.for_each(|call| calls.set(call, ENOSYS));
    calls.set(COUNT, ENOSYS);
    calls.compile().leak()
}
