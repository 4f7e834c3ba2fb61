//! The default profile: in essence that of moby and podman, which ordinary programs have been living with for years. What
//! makes or changes containers, the machine, its clock or its kernel is refused, and what has been a way out of containers
//! again and again; a capability that the container was given frees what it is for.

use crate::seccomp::Program;
use crate::seccomp::names::{COUNT, NONE, number};
use crate::seccomp::tree::{ALLOW, Calls, Comparison, Condition, EAFNOSUPPORT, EINVAL, ENOSYS, EPERM, Rule};

// capabilities(7), a bit each.
const DAC_READ_SEARCH: u64 = 1 << 2;
const SYS_MODULE: u64 = 1 << 16;
const SYS_RAWIO: u64 = 1 << 17;
const SYS_CHROOT: u64 = 1 << 18;
const SYS_PTRACE: u64 = 1 << 19;
const SYS_PACCT: u64 = 1 << 20;
const SYS_ADMIN: u64 = 1 << 21;
const SYS_BOOT: u64 = 1 << 22;
const SYS_NICE: u64 = 1 << 23;
const SYS_TIME: u64 = 1 << 25;
const SYS_TTY_CONFIG: u64 = 1 << 26;
const AUDIT_WRITE: u64 = 1 << 29;
const SYSLOG: u64 = 1 << 34;
const PERFMON: u64 = 1 << 38;
const BPF: u64 = 1 << 39;

macro_rules! calls {
    ($($name:ident)*) => { &[$(number(stringify!($name))),*] };
}

/// Calls that are refused with EPERM, unless the container has one of these capabilities.
const REFUSED: &[(u64, &[u16])] = &[
    (
        0,
        calls! { add_key request_key keyctl io_uring_setup io_uring_enter io_uring_register userfaultfd kexec_load
        kexec_file_load move_pages migrate_pages swapon swapoff uselib ustat sysfs vmsplice create_module get_kernel_syms
        query_module nfsservctl _sysctl },
    ),
    (
        SYS_ADMIN,
        calls! { mount umount2 pivot_root fsopen fsconfig fsmount fspick move_mount open_tree open_tree_attr mount_setattr
        setns unshare sethostname setdomainname quotactl quotactl_fd fanotify_init lookup_dcookie },
    ),
    (SYS_ADMIN | BPF, calls! { bpf }),
    (SYS_ADMIN | PERFMON, calls! { perf_event_open }),
    (SYS_ADMIN | SYSLOG, calls! { syslog }),
    (DAC_READ_SEARCH, calls! { open_by_handle_at }),
    (SYS_MODULE, calls! { init_module finit_module delete_module }),
    (SYS_RAWIO, calls! { iopl ioperm }),
    (SYS_CHROOT, calls! { chroot }),
    (SYS_PTRACE, calls! { kcmp process_madvise pidfd_getfd }),
    (SYS_PACCT, calls! { acct }),
    (SYS_BOOT, calls! { reboot }),
    (SYS_NICE, calls! { mbind get_mempolicy set_mempolicy set_mempolicy_home_node }),
    (SYS_TIME, calls! { clock_settime settimeofday }),
    (SYS_TTY_CONFIG, calls! { vhangup }),
];

const CLONE: u16 = number("clone");
const PERSONALITY: u16 = number("personality");
const SOCKET: u16 = number("socket");
/// CLONE_NEW* of clone(2), all but that of time, which only clone3 has.
const NEW_NAMESPACES: u64 = 0x7e02_0000;

/// Calls whose arguments decide, unless the container has one of these capabilities. The kernel takes the low halves of
/// these arguments, so the high ones count for nothing.
const RULES: &[(u64, Rule)] = &[
    (SYS_ADMIN, Rule { call: CLONE, action: ALLOW, conditions: &[is(0, 0, NEW_NAMESPACES)] }),
    (SYS_ADMIN, Rule { call: CLONE, action: EPERM, conditions: &[] }),
    // Linux, 32 bits seen by uname(2), and each with randomization of addresses off; what is it now?
    (0, allowed_personality(&[is(0, 0, HALF)])),
    (0, allowed_personality(&[is(0, 8, HALF)])),
    (0, allowed_personality(&[is(0, 0x2_0000, HALF)])),
    (0, allowed_personality(&[is(0, 0x2_0008, HALF)])),
    (0, allowed_personality(&[is(0, HALF, HALF)])),
    (0, Rule { call: PERSONALITY, action: EPERM, conditions: &[] }),
    // AF_ALG reaches into the kernel's cryptography, AF_VSOCK past the network namespace.
    (0, Rule { call: SOCKET, action: EAFNOSUPPORT, conditions: &[is(0, 38, HALF)] }),
    (0, Rule { call: SOCKET, action: EAFNOSUPPORT, conditions: &[is(0, 40, HALF)] }),
    // NETLINK_AUDIT of AF_NETLINK: as a kernel without it answers, which is what login and the like go on after.
    (AUDIT_WRITE, Rule { call: SOCKET, action: EINVAL, conditions: &[is(0, 16, HALF), is(2, 9, HALF)] }),
];

const HALF: u64 = 0xffff_ffff;

const fn is(argument: u8, value: u64, mask: u64) -> Condition {
    Condition { argument, comparison: Comparison::Equal, value, mask }
}

const fn allowed_personality(conditions: &'static [Condition]) -> Rule {
    Rule { call: PERSONALITY, action: ALLOW, conditions }
}

pub fn program(capabilities: u64) -> Program {
    let mut calls = Calls::new(COUNT, ALLOW);
    let has = |any: u64| capabilities & any != 0;
    for (any, refused) in REFUSED {
        if !has(*any) {
            refused.iter().for_each(|call| calls.set(usize::from(*call), EPERM));
        }
    }
    for (any, rule) in RULES {
        if !has(*any) {
            calls.add(*rule);
        }
    }
    // A libc takes clone(2) then, whose flags can be looked at.
    if !has(SYS_ADMIN) {
        calls.set(usize::from(number("clone3")), ENOSYS);
    }
    // What came later than this program, or never was: its users know what to do on kernels that are older still.
    NONE.for_each(|call| calls.set(call, ENOSYS));
    calls.set(COUNT, ENOSYS);
    calls.compile().leak()
}
