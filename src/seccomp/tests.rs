//! The compiler against the naive reading of the rules, by running the programs as the kernel would; and profiles that are
//! wrong.

use std::slice;

use super::names::{COUNT, Index, NONE, number};
use super::profile::{Reading, read};
use super::tree::*;
use super::*;
use crate::spec::DEFAULT_CAPABILITIES;
use crate::sys::arch::{AUDIT, NAMES};

const NOW: Reading = Reading { capabilities: DEFAULT_CAPABILITIES, kernel: (6, 1) };

/// What the kernel's interpreter makes of a call.
fn run(program: &[u64], machine: u32, call: u32, arguments: [u64; 6]) -> u32 {
    let mut data = vec![call, machine, 0, 0];
    arguments.iter().for_each(|argument| data.extend([*argument as u32, (argument >> 32) as u32]));
    let (mut at, mut value, mut steps) = (0, 0, 0);
    loop {
        let instruction = program[at];
        let (code, yes, no) = (instruction & 0xffff, instruction >> 16 & 0xff, instruction >> 24 & 0xff);
        let k = (instruction >> 32) as u32;
        let jump = |holds: bool| if holds { yes as usize } else { no as usize };
        at += 1 + match code {
            0x20 => {
                assert!(k.is_multiple_of(4), "{k}");
                value = data[k as usize / 4];
                0
            }
            0x54 => {
                value &= k;
                0
            }
            0x05 => k as usize,
            0x15 => jump(value == k),
            0x25 => jump(value > k),
            0x35 => jump(value >= k),
            0x06 => return k,
            code => panic!("no such instruction: {code:x}"),
        };
        steps += 1;
        assert!(steps <= program.len(), "it does not end");
    }
}

fn native(program: &[u64], call: u32, arguments: [u64; 6]) -> u32 {
    run(program, AUDIT, call, arguments)
}

fn first(argument: u64) -> [u64; 6] {
    [argument, 0, 0, 0, 0, 0]
}

fn default(capabilities: u64) -> Program {
    program(Seccomp { name: Seccomp::DEFAULT, program: &[] }, capabilities)
}

#[test]
fn names_have_the_kernels_numbers() {
    use linux_raw_sys::general as raw;
    let index = Index::new();
    for (name, wanted) in [
        ("read", raw::__NR_read),
        ("clone", raw::__NR_clone),
        ("openat2", raw::__NR_openat2),
        ("io_uring_setup", raw::__NR_io_uring_setup),
        ("clone3", raw::__NR_clone3),
        ("seccomp", raw::__NR_seccomp),
        ("rseq", raw::__NR_rseq),
        ("mseal", raw::__NR_mseal),
        ("file_setattr", raw::__NR_file_setattr),
    ] {
        assert_eq!(index.find(name.as_bytes()), Some(wanted as u16), "{name}");
        assert_eq!(number(name), wanted as u16, "{name}");
    }
    assert_eq!(COUNT as u32, raw::__NR_file_setattr + 1);
    assert_eq!(index.names.join(&b' '), NAMES.as_bytes());
    for name in ["", "rea", "reads", "READ", "read ", "socketcall"] {
        assert_eq!((index.find(name.as_bytes()), usize::from(number(name))), (None, COUNT), "{name}");
    }
}

#[test]
fn the_default_profile_refuses_what_it_says() {
    let program = default(DEFAULT_CAPABILITIES);
    assert!(program.len() < 120, "{}", program.len());
    for (name, wanted) in [
        ("read", ALLOW),
        ("chroot", ALLOW),
        ("ptrace", ALLOW),
        ("landlock_create_ruleset", ALLOW),
        ("mseal", ALLOW),
        ("clone3", ENOSYS),
        ("mount", EPERM),
        ("open_tree_attr", EPERM),
        ("bpf", EPERM),
        ("keyctl", EPERM),
        ("io_uring_setup", EPERM),
        ("personality", ALLOW),
        ("socket", ALLOW),
        ("clone", ALLOW),
    ] {
        assert_eq!(native(program, number(name).into(), [0; 6]), wanted, "{name}");
    }
    let high = 1 << 40;
    for (name, argument, wanted) in [
        ("personality", 8, ALLOW),
        ("personality", 0x20000, ALLOW),
        ("personality", 0x20008, ALLOW),
        ("personality", 0xffff_ffff, ALLOW),
        ("personality", u64::MAX, ALLOW),
        ("personality", 0x40000, EPERM),
        ("personality", high | 0x40000, EPERM),
        ("socket", 38, EAFNOSUPPORT),
        ("socket", 40, EAFNOSUPPORT),
        ("socket", high | 40, EAFNOSUPPORT),
        ("socket", 16, ALLOW),
        ("clone", 0x1200011, ALLOW),
        ("clone", 0x3d0f00, ALLOW),
        ("clone", 0x10000000, EPERM),
        ("clone", high | 0x20000, EPERM),
    ] {
        assert_eq!(native(program, number(name).into(), first(argument)), wanted, "{name} {argument:x}");
    }
    assert_eq!(native(program, number("socket").into(), [16, 3, 9, 0, 0, 0]), EINVAL);
    for call in NONE.chain([COUNT, COUNT + 1, 1000, X32 as usize, X32 as usize + 1, u32::MAX as usize]) {
        assert_eq!(native(program, call as u32, [0; 6]), ENOSYS, "{call:x}");
    }
    for machine in [0, 0x4000_0003, AUDIT ^ 1] {
        assert_eq!(run(program, machine, 0, [0; 6]), KILL_PROCESS);
    }
}

/// Each capability frees what it is for, and nothing else.
#[test]
fn capabilities_widen_the_default_profile() {
    let allowed = |capabilities: u64| -> Vec<u32> {
        let program = default(capabilities);
        (0..COUNT as u32).filter(|call| native(program, *call, first(0x10000000)) == ALLOW).collect()
    };
    let nothing = allowed(0);
    for (number, names) in [
        (2, "open_by_handle_at"),
        (16, "init_module finit_module delete_module"),
        (18, "chroot"),
        (19, "kcmp process_madvise pidfd_getfd"),
        (20, "acct"),
        (22, "reboot"),
        (23, "mbind get_mempolicy set_mempolicy set_mempolicy_home_node"),
        (25, "clock_settime settimeofday"),
        (26, "vhangup"),
        (34, "syslog"),
        (38, "perf_event_open"),
        (39, "bpf"),
        (29, ""),
        (
            21,
            "clone clone3 mount umount2 pivot_root fsopen fsconfig fsmount fspick move_mount open_tree open_tree_attr \
             mount_setattr setns unshare sethostname setdomainname quotactl quotactl_fd fanotify_init lookup_dcookie bpf \
             perf_event_open syslog",
        ),
    ] {
        let mut wanted: Vec<u32> = names.split_whitespace().map(|name| super::names::number(name).into()).collect();
        wanted.sort();
        let freed: Vec<u32> = allowed(1 << number).into_iter().filter(|call| !nothing.contains(call)).collect();
        assert_eq!(freed, wanted, "{number}");
    }
    let audit = |capabilities| native(default(capabilities), number("socket").into(), [16, 3, 9, 0, 0, 0]);
    assert_eq!((audit(0), audit(1 << 29)), (EINVAL, ALLOW));
}

/// Numbers that tell on which side of a comparison they are.
fn telling(value: u64) -> Vec<u64> {
    let mut all = vec![0, 1, u64::MAX, 1 << 32, u64::from(u32::MAX)];
    for near in [value, value ^ 1 << 32, value & 0xffff_ffff, value >> 32 << 32] {
        all.extend([near, near.wrapping_add(1), near.wrapping_sub(1)]);
    }
    all
}

fn holds(condition: &Condition, arguments: &[u64; 6]) -> bool {
    let Condition { argument, comparison, value, mask } = *condition;
    let found = arguments[usize::from(argument)];
    match comparison {
        Comparison::Equal => found & mask == value & mask,
        Comparison::Unequal => found != value,
        Comparison::Greater => found > value,
        Comparison::AtMost => found <= value,
        Comparison::AtLeast => found >= value,
        Comparison::Less => found < value,
    }
}

fn draw(seed: &mut u64, below: u64) -> u64 {
    *seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
    (*seed >> 33) % below
}

/// Programs of every size, those with jumps that are too far for one instruction too.
#[test]
fn a_program_says_what_the_rules_say() {
    use Comparison::*;
    let mut seed = 20_261_122;
    for round in 0..60 {
        let mut calls = Calls::new(COUNT, ENOSYS);
        let mut wanted = vec![ENOSYS; COUNT + 1];
        let mut rules: Vec<Rule> = Vec::new();
        for _ in 0..draw(&mut seed, 8 << (round % 7)) {
            let call = draw(&mut seed, COUNT as u64) as u16;
            let action = [ALLOW, EPERM, ENOSYS, LOG, TRAP, KILL_THREAD][draw(&mut seed, 6) as usize];
            if draw(&mut seed, 2) == 0 && !rules.iter().any(|rule| rule.call == call) {
                wanted[usize::from(call)] = action;
                calls.set(call.into(), action);
                continue;
            }
            let conditions: Vec<_> = (0..draw(&mut seed, 4))
                .map(|_| {
                    let comparison = [Equal, Unequal, Greater, AtMost, AtLeast, Less][draw(&mut seed, 6) as usize];
                    let value = draw(&mut seed, 3) << 32 | draw(&mut seed, 3);
                    let mask = match comparison {
                        Equal => [u64::MAX, 0xffff_ffff, 0xff00_0000_ff00, 2, 0][draw(&mut seed, 5) as usize],
                        _ => u64::MAX,
                    };
                    Condition { argument: draw(&mut seed, 6) as u8, comparison, value, mask }
                })
                .collect();
            let rule = Rule { call, action, conditions: conditions.leak() };
            calls.add(rule);
            rules.push(rule);
        }
        let program = calls.compile();
        for (call, verdict) in wanted.iter().enumerate() {
            let mine: Vec<_> = rules.iter().filter(|rule| usize::from(rule.call) == call).collect();
            let tries = if mine.is_empty() { 1 } else { 40 };
            for _ in 0..tries {
                let mut arguments = [0; 6];
                for argument in &mut arguments {
                    let near = telling(draw(&mut seed, 3) << 32 | draw(&mut seed, 3));
                    *argument = near[draw(&mut seed, near.len() as u64) as usize];
                }
                let rule = mine.iter().find(|rule| rule.conditions.iter().all(|c| holds(c, &arguments)));
                let wanted = rule.map_or(*verdict, |rule| rule.action);
                assert_eq!(native(&program, call as u32, arguments), wanted, "{round}: {call} {arguments:x?}");
            }
        }
    }
}

fn profile(text: &str) -> Program {
    read(text.as_bytes(), NOW).unwrap_or_else(|(line, what)| panic!("line {line}: {what} in {text}"))
}

/// A profile that refuses all, but for these rules.
fn with(syscalls: &str) -> Program {
    profile(&format!(r#"{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{syscalls}]}}"#))
}

#[test]
fn profiles() {
    let read = number("read").into();
    assert_eq!(native(profile(r#"{"defaultAction": "SCMP_ACT_ALLOW"}"#), read, [0; 6]), ALLOW);
    for (action, value) in [
        (r#""SCMP_ACT_ALLOW""#, ALLOW),
        (r#""SCMP_ACT_ERRNO""#, EPERM),
        (r#""SCMP_ACT_ERRNO", "errnoRet": 38"#, ENOSYS),
        (r#""SCMP_ACT_ERRNO", "errno": "EINVAL""#, EINVAL),
        (r#""SCMP_ACT_ERRNO", "errno": "EINVAL", "errnoRet": 38"#, EINVAL),
        (r#""SCMP_ACT_ERRNO", "errno": "", "errnoRet": 0"#, ERRNO),
        (r#""SCMP_ACT_ERRNO", "errnoRet": null, "args": null, "includes": null, "comment": 1"#, EPERM),
        (r#""SCMP_ACT_KILL", "errnoRet": 38"#, KILL_THREAD),
        (r#""SCMP_ACT_KILL_THREAD""#, KILL_THREAD),
        (r#""SCMP_ACT_KILL_PROCESS""#, KILL_PROCESS),
        (r#""SCMP_ACT_TRAP""#, TRAP),
        (r#""SCMP_ACT_TRACE", "errnoRet": 7"#, TRACE | 7),
        (r#""SCMP_ACT_LOG""#, LOG),
    ] {
        let program = with(&format!(r#"{{"names": ["no_such_call", "read"], "action": {action}}}"#));
        assert_eq!((native(program, read, [0; 6]), native(program, 1, [0; 6])), (value, EPERM), "{action}");
        assert_eq!(run(program, 0x4000_0003, 3, [0; 6]), KILL_PROCESS);
        assert_eq!(native(program, X32 | read, [0; 6]), ENOSYS);
        // As the default, which may come last.
        let text = format!(r#"{{"syscalls": null, "other": [{{}}], "defaultAction": {action}}}"#);
        let program = profile(&text.replace("errnoRet", "defaultErrnoRet").replace("errno\"", "defaultErrno\""));
        assert_eq!(native(program, read, [0; 6]), value, "{action}");
    }
    let named = with(r#"{"name": "read", "names": [], "action": "SCMP_ACT_ALLOW"}"#);
    assert_eq!(native(named, read, [0; 6]), ALLOW);
}

#[test]
fn filters_choose_rules() {
    for (filter, applies) in [
        ("", true),
        (r#", "includes": {}, "excludes": {}"#, true),
        (r#", "includes": {"caps": ["CAP_CHOWN", "CAP_SYS_CHROOT"]}"#, true),
        (r#", "includes": {"caps": ["CAP_CHOWN", "CAP_SYS_ADMIN"]}"#, false),
        (r#", "includes": {"caps": ["CHOWN"]}"#, false),
        (r#", "includes": {"caps": ["CAP_NO_SUCH"]}"#, false),
        (r#", "excludes": {"caps": ["CAP_SYS_ADMIN"]}"#, true),
        (r#", "excludes": {"caps": ["CAP_SYS_ADMIN", "CAP_CHOWN"]}"#, false),
        (r#", "includes": {"arches": ["amd64", "arm64"]}"#, true),
        (r#", "includes": {"arches": ["s390x", "x86"]}"#, false),
        (r#", "includes": {"arches": []}"#, true),
        (r#", "excludes": {"arches": ["amd64", "arm64"]}"#, false),
        (r#", "includes": {"minKernel": "6.1"}"#, true),
        (r#", "includes": {"minKernel": "5.20"}"#, true),
        (r#", "includes": {"minKernel": "6.2"}"#, false),
        (r#", "excludes": {"minKernel": "6.2"}"#, true),
        (r#", "excludes": {"minKernel": "4.8"}"#, false),
        (r#", "includes": {"caps": ["CAP_CHOWN"], "minKernel": "6.2"}"#, false),
    ] {
        let program = with(&format!(r#"{{"names": ["read"], "action": "SCMP_ACT_ALLOW"{filter}}}"#));
        assert_eq!(native(program, number("read").into(), [0; 6]) == ALLOW, applies, "{filter}");
    }
}

#[test]
fn rules_of_one_call_join() {
    const EQ: &str = r#""op": "SCMP_CMP_EQ"}"#;
    let rule =
        |action: &str, args: &str| format!(r#"{{"names": ["read"], "action": "SCMP_ACT_{action}", "args": [{args}]}}"#);
    let eq = |index: u64, value: u64| format!(r#"{{"index": {index}, "value": {value}, {EQ}"#);
    let result = |rules: &[String], arguments| native(with(&rules.join(",")), number("read").into(), arguments);
    let both = rule("ALLOW", &[eq(0, 1), eq(1, 2)].join(","));
    assert_eq!(result(slice::from_ref(&both), [1, 2, 0, 0, 0, 0]), ALLOW);
    assert_eq!(result(slice::from_ref(&both), [1, 3, 0, 0, 0, 0]), EPERM);
    // Twice the same argument: either.
    let either = rule("ALLOW", &[eq(0, 1), eq(0, 2), eq(1, 9)].join(","));
    for (arguments, wanted) in [([1, 0], ALLOW), ([2, 0], ALLOW), ([3, 9], ALLOW), ([3, 0], EPERM)] {
        assert_eq!(result(slice::from_ref(&either), [arguments[0], arguments[1], 0, 0, 0, 0]), wanted);
    }
    // The first that applies; one without conditions always; one that says what the default says never.
    let two = [rule("LOG", &eq(0, 1)), rule("ALLOW", &eq(1, 2))];
    for (arguments, wanted) in [([1, 2], LOG), ([1, 0], LOG), ([0, 2], ALLOW), ([0, 0], EPERM)] {
        assert_eq!(result(&two, [arguments[0], arguments[1], 0, 0, 0, 0]), wanted);
    }
    assert_eq!(result(&[rule("LOG", &eq(0, 0)), rule("ALLOW", ""), rule("TRAP", "")], [0; 6]), ALLOW);
    assert_eq!(result(&[rule("ERRNO", ""), rule("ALLOW", &eq(0, 0))], [0; 6]), ALLOW);
    assert_eq!(result(&[rule("ERRNO", &eq(0, 0)), rule("ALLOW", "")], [0; 6]), ALLOW);
    for (op, least, equal, most) in [
        ("EQ", false, true, false),
        ("NE", true, false, true),
        ("LT", true, false, false),
        ("LE", true, true, false),
        ("GE", false, true, true),
        ("GT", false, false, true),
    ] {
        let text = eq(5, 1 << 40).replace("CMP_EQ", &format!("CMP_{op}"));
        for (argument, allowed) in [((1 << 40) - 1, least), (1 << 40, equal), ((1 << 40) + 1, most), (0, least)] {
            let result = result(&[rule("ALLOW", &text)], [0, 0, 0, 0, 0, argument]);
            assert_eq!(result == ALLOW, allowed, "{op} {argument:x}");
        }
    }
    let masked = r#"{"index": 0, "value": 240, "valueTwo": 17, "op": "SCMP_CMP_MASKED_EQ"}"#;
    for (argument, wanted) in [(0x10, ALLOW), (0xf1f, ALLOW), (0x20, EPERM), (0, EPERM)] {
        assert_eq!(result(&[rule("ALLOW", masked)], first(argument)), wanted, "{argument:x}");
    }
}

/// Pieces of a profile in any order and number: refused with a line that there is, or made a program that the kernel takes.
#[test]
fn a_profile_shuffled_is_refused_or_made() {
    const WHOLE: &str = r#"{
        "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "defaultErrno": "ENOSYS",
        "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
        "syscalls": [
            {"names": ["read", "openat", "no_such_call"], "action": "SCMP_ACT_ALLOW", "args": [], "comment": ""},
            {"name": "clone", "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_SYS_ADMIN"]},
                "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]},
            {"names": ["socket"], "action": "SCMP_ACT_LOG", "includes": {"minKernel": "4.8", "arches": ["amd64"]},
                "args": [{"index": 0, "value": 40, "op": "SCMP_CMP_NE"}, {"index": 2, "value": 9, "op": "SCMP_CMP_GT"}]}
        ]
    }"#;
    const PIECES: [&str; 14] = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "null",
        "-1",
        "4096",
        "18446744073709551615",
        "\"SCMP_ACT_TRACE\"",
        "\"args\": [{\"index\": 5, \"op\": \"SCMP_CMP_LT\"}],",
        "\"includes\": {\"caps\": [\"CAP_CHOWN\", 1]},",
    ];
    let whole = profile(WHOLE);
    assert_eq!(native(whole, number("clone").into(), first(17)), ALLOW);
    let (mut seed, mut made) = (20_261_122, 0);
    for _ in 0..4_000 {
        let mut text = WHOLE.as_bytes().to_vec();
        for _ in 0..1 + draw(&mut seed, 3) {
            let from = draw(&mut seed, text.len() as u64) as usize;
            let to = (from + draw(&mut seed, 30) as usize).min(text.len());
            let at = draw(&mut seed, text.len() as u64 + 1) as usize;
            match draw(&mut seed, 4) {
                0 => drop(text.splice(from..to, [])),
                1 => drop(text.splice(at..at, PIECES[draw(&mut seed, PIECES.len() as u64) as usize].bytes())),
                2 => text[from] = draw(&mut seed, 256) as u8,
                _ => {
                    let piece = text[from..to].to_vec();
                    drop(text.splice(at..at, piece));
                }
            }
        }
        match read(&text, NOW) {
            Err((line, what)) => {
                let lines = 1 + text.iter().filter(|byte| **byte == b'\n').count() as u64;
                assert!(line <= lines && !what.is_empty(), "{line}: {}", String::from_utf8_lossy(&text));
            }
            Ok(program) => {
                made += 1;
                for call in [0, number("clone").into(), number("socket").into(), COUNT as u32, X32] {
                    native(program, call, [draw(&mut seed, 50); 6]);
                }
            }
        }
    }
    assert!(made > 100, "{made}");
}
