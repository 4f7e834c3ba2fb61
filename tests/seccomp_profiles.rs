//! Profiles from files: result by result what crun, and so libseccomp, makes of the same; what is wrong with one; and that
//! `exec` has what the container was started with.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use common::detached::Detached;
use common::json::Json;
use common::podmans::{CAPABILITIES, PODMANS, translated};
use common::probe::{ALL, Probe, Results};
use common::{finish, run};

fn podmans() -> String {
    fs::read_to_string(PODMANS).expect("golang-github-containers-common, which `make setup` installs")
}

/// What came of these calls under crun with a profile, in a container that is otherwise like a default one of contain's.
#[track_caller]
fn under_crun(probe: &Probe, profile: &str, calls: &str) -> Results {
    let words: Vec<String> = calls.split_whitespace().map(|call| format!("{call:?}")).collect();
    let capabilities = format!("{CAPABILITIES:?}");
    let config = format!(
        r#"{{
  "ociVersion": "1.0.0",
  "process": {{
    "terminal": false, "noNewPrivileges": true, "user": {{ "uid": 0, "gid": 0 }}, "cwd": "/",
    "args": ["/bin/probe", {}], "env": ["PATH=/bin"],
    "capabilities": {{ "bounding": {capabilities}, "effective": {capabilities}, "permitted": {capabilities} }}
  }},
  "root": {{ "path": {:?} }},
  "mounts": [
    {{ "destination": "/proc", "type": "proc", "source": "proc" }},
    {{ "destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"] }}
  ],
  "linux": {{
    "namespaces": [
      {{ "type": "pid" }}, {{ "type": "uts" }}, {{ "type": "mount" }}, {{ "type": "ipc" }}, {{ "type": "network" }}
    ],
    "seccomp": {}
  }}
}}"#,
        words.join(", "),
        probe.root,
        translated(profile)
    );
    probe.file("bundle/config.json", &config);
    // crun refuses a host that mounts both kinds of cgroups.
    let script = "[ ! -d /sys/fs/cgroup/unified ] || mount -t tmpfs none /sys/fs/cgroup/unified
        exec crun --root \"$1\" --cgroup-manager=disabled run --bundle \"$2\" \"contain-test-$$\"";
    let mut line = Command::new("unshare");
    line.args(["-m", "sh", "-c", script, "sh", &probe.scratch.at("crun"), &probe.scratch.at("bundle")]);
    line.stdin(std::process::Stdio::null());
    Results::of(&finish(line))
}

#[test]
#[cfg(target_arch = "x86_64")]
fn podmans_profile_does_what_it_does_under_crun() {
    let probe = Probe::new();
    let mut calls = String::from(ALL);
    for (call, arguments) in [
        // personality, clone, socket
        (135, "0 8 0x20000 0x20008 0xffffffff 0xffffffffffffffff 0x100000008 1 0x40000"),
        (56, "17:0:0:0:0 0x10000011:0:0:0:0 0x20011:0:0:0:0 0x110000011:0:0:0:0"),
        (41, "1:1:0 16:3:0 16:3:9 0x100000010:3:9 16:3:0x100000009 38:5:0 40:1:0 2:2:9"),
        (272, "0x10000000 0"),
    ] {
        arguments.split(' ').for_each(|arguments| calls += &format!(" {call}:{arguments}"));
    }
    let ours = probe.run(&["--seccomp", PODMANS], &calls);
    let theirs = under_crun(&probe, &podmans(), &calls);
    assert_eq!(ours.differing(&theirs), [""; 0]);
    // Both did filter.
    for (call, result) in [("135:1", "38"), ("135:8", "ok"), ("41:16:3:9", "22"), ("425", "38"), ("321", "1")] {
        assert_eq!(ours.at(call), result, "{call}");
    }
    // But no other machine's calls are let through.
    let shut = probe.run(&["--seccomp", PODMANS], "i386:20 0x40000027");
    assert_eq!((shut.at("i386:20"), shut.at("0x40000027")), ("signal 31", "38"));
}

/// A rule for getpgid(2) that answers with an errno of its own, so that the one that applied can be told.
fn rule(errno: u32, arguments: &[(u8, u64, u64, &str)]) -> String {
    let arguments: Vec<_> = arguments
        .iter()
        .map(|(index, value, second, op)| {
            format!(r#"{{"index": {index}, "value": {value}, "valueTwo": {second}, "op": "SCMP_CMP_{op}"}}"#)
        })
        .collect();
    format!(
        r#"{{"names": ["getpgid"], "action": "SCMP_ACT_ERRNO", "errnoRet": {errno}, "args": [{}]}}"#,
        arguments.join(",")
    )
}

/// How rules combine is libseccomp's matter: the same rules, the same arguments, the same answers.
#[test]
#[cfg(target_arch = "x86_64")]
fn rules_combine_as_libseccomp_combines_them() {
    const MIDDLE: u64 = 0x5_0000_0005;
    let probe = Probe::new();
    let mut values = vec![0, 1, 4, 5, 6, u64::from(u32::MAX), u64::MAX];
    values.extend([MIDDLE - 1, MIDDLE, MIDDLE + 1, MIDDLE - (1 << 32), MIDDLE + (1 << 32), 5 << 32]);
    let mut calls = String::new();
    for value in &values {
        calls += &format!(" 121:{value}:0 121:{value}:7");
    }
    let mut profiles: Vec<Vec<String>> = Vec::new();
    for op in ["EQ", "NE", "LT", "LE", "GE", "GT"] {
        profiles.push(vec![rule(100, &[(0, MIDDLE, 0, op)])]);
        // Of another argument too: both.
        profiles.push(vec![rule(100, &[(0, MIDDLE, 0, op), (1, 7, 0, "EQ")])]);
        // One argument twice: either, in rules of their own.
        profiles.push(vec![rule(100, &[(0, MIDDLE, 0, op), (0, 1, 0, "EQ"), (1, 7, 0, "EQ")])]);
    }
    for (mask, value) in [(0xff, 5), (0xff_0000_00ff, MIDDLE), (u64::MAX, MIDDLE), (5 << 32, 0), (4, 5)] {
        profiles.push(vec![rule(100, &[(0, mask, value, "MASKED_EQ")])]);
    }
    let (five, one) = (rule(100, &[(0, 5, 0, "EQ")]), rule(101, &[(0, 1, 0, "EQ")]));
    profiles.push(vec![five.clone(), one.clone()]);
    // Without conditions, before and after; twice; and as the default says.
    profiles.push(vec![five.clone(), rule(102, &[])]);
    profiles.push(vec![rule(102, &[]), five.clone()]);
    profiles.push(vec![rule(102, &[]), rule(103, &[]), one.clone()]);
    profiles.push(vec![r#"{"names": ["getpgid"], "action": "SCMP_ACT_ALLOW"}"#.into(), five, one]);
    for (number, rules) in profiles.iter().enumerate() {
        let text = format!(r#"{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{}]}}"#, rules.join(",\n"));
        let file = probe.file("profile.json", &text);
        let (ours, theirs) = (probe.run(&["--seccomp", &file], &calls), under_crun(&probe, &text, &calls));
        assert_eq!(ours.differing(&theirs), [""; 0], "profile {number}: {text}");
    }
}

#[test]
fn what_is_wrong_with_a_profile_is_told_with_its_line() {
    let probe = Probe::new();
    let rule = |text: &str| format!("{{\"defaultAction\": \"SCMP_ACT_ALLOW\",\n\"syscalls\": [\n{text}\n]}}");
    let args = |text: &str| rule(&format!(r#"{{"names": ["read"], "action": "SCMP_ACT_LOG", "args": [{text}]}}"#));
    let many = (0..5000).map(|value| format!(r#"{{"index": 0, "value": {value}, "op": "SCMP_CMP_EQ"}}"#));
    for (text, line, words) in [
        ("", 1, "an object is wanted"),
        ("{}", 1, "an action or the defaultAction is missing"),
        ("{\n\"defaultAction\": \"SCMP_ACT_ALLOW\"", 2, "a comma or the end of the list is wanted"),
        ("{\n\n\"defaultAction\": 1}", 3, "a string is wanted"),
        ("{\"defaultAction\": \"ALLOW\"}", 1, "an unknown action: write SCMP_ACT_ALLOW, ERRNO, KILL_PROCESS"),
        ("{\"defaultAction\": \"SCMP_ACT_NOTIFY\"}", 1, "SCMP_ACT_NOTIFY asks a program"),
        ("{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrno\": \"EWRONG\"}", 1, "give its number as errnoRet"),
        ("{\"defaultErrnoRet\": 4096}", 1, "an errno is at most 4095"),
        ("{\"defaultErrnoRet\": -1}", 1, "a whole number is wanted"),
        ("{\"architectures\": [\"amd64\"]}", 1, "an unknown architecture: write SCMP_ARCH_X86_64"),
        ("{\"archMap\": [{\"subArchitectures\": [\"x\"]}]}", 1, "an unknown architecture"),
        (&rule("{}"), 3, "an action or the defaultAction is missing"),
        (&rule("{\"names\": \"read\"}"), 3, "an array is wanted"),
        (&rule("{\"names\": [\"read\"]}"), 3, "an action or the defaultAction is missing"),
        (&rule("{\"action\": \"SCMP_ACT_NO\"}"), 3, "an unknown action"),
        (&rule("{\"errno\": \"EWRONG\"}"), 3, "an unknown errno: give its number"),
        (&rule("{\"includes\": [\"CAP_CHOWN\"]}"), 3, "an object is wanted"),
        (&rule("{\"includes\": {\n\"minKernel\": \"6\"}}"), 4, "a kernel's version is two numbers, as 4.8"),
        (&rule("{\"excludes\": {\n\"minKernel\": 4.8}}"), 4, "a string is wanted"),
        (&args("{\"index\": 6, \"op\": \"SCMP_CMP_EQ\"}"), 3, "the index of an argument is 0 to 5"),
        (&args("{\"index\": 0}"), 3, "an unknown op: write SCMP_CMP_EQ"),
        (&args("{\"index\": 0, \"op\": \"EQ\"}"), 3, "an unknown op"),
        (&args("{\"value\": 18446744073709551616}"), 3, "a whole number is wanted"),
        (
            &args(&many.collect::<Vec<_>>().join(",")),
            4,
            "the kernel takes 4096 instructions, and this profile needs more",
        ),
    ] {
        let file = probe.file("profile.json", text);
        let got = run(&["--seccomp", &file, "true"]);
        got.fails(125, &[&format!("--seccomp {file} line {line}: "), words]).is(125, "");
    }
    run(&["--seccomp", "", "true"]).fails(2, &["--seccomp '' is empty: name a path"]);
    run(&["--seccomp", "Default", "true"])
        .fails(125, &["--seccomp: read Default: ENOENT", "write default, unconfined, or the path of a profile"]);
    run(&["--seccomp", "/", "true"]).fails(125, &["--seccomp: read /: "]);
    let file = probe.scratch.file("bytes.json", b"\xff");
    run(&["--seccomp", file.to_str().unwrap(), "true"]).fails(125, &["--seccomp: read ", "bytes.json"]);
    // A profile that lets nothing through at all does not let the command begin, and that is told too.
    let file = probe.file(
        "profile.json",
        r#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
        {"names": ["sendmsg", "exit_group"], "action": "SCMP_ACT_ALLOW"}]}"#,
    );
    run(&["--seccomp", &file, "/bin/true"]).fails(126, &["/bin/true", "EPERM"]);
}

#[test]
fn exec_has_the_profile_of_the_start() {
    let probe = Probe::new();
    let refuses = |call: &str| {
        format!(
            r#"{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {{"names": ["{call}"], "action": "SCMP_ACT_ERRNO", "errno": "EXDEV"}}]}}"#
        )
    };
    let script = "umask 0; sync; mkdir /tmp/d; chmod 700 /tmp/d; rmdir /tmp/d";
    for flags in [&[] as &[&str], &["--init"], &["--security", "new-privs"], &["--user", "1000:1000"]] {
        let file = probe.file("profile.json", &refuses("mkdir"));
        let flags = [flags, &["--tmpfs", "/tmp", "--seccomp", &file]].concat();
        let refused = run(&[&flags[..], &["sh", "-c", script]].concat());
        assert!(
            refused.err.contains("mkdir: can't create directory '/tmp/d': Invalid cross-device link"),
            "{refused:?}"
        );
        let container = Detached::sleeping(&flags);
        for change in ["", "another", "gone"] {
            match change {
                "another" => drop(probe.file("profile.json", &refuses("chmod"))),
                "gone" => fs::remove_file(&file).unwrap(),
                _ => {}
            }
            let got = container.sh(&[], script);
            assert!(got.err.contains("mkdir: can't create directory '/tmp/d': Invalid cross-device link"), "{got:?}");
        }
    }
}

/// podman's profile is made for what its users run.
#[test]
fn a_container_lives_under_podmans_profile() {
    for flags in [&[] as &[&str], &["--init"], &["--security", "new-privs", "-u", "1000:1000"], &["--cap-add", "ALL"]] {
        let flags = [flags, &["--seccomp", PODMANS]].concat();
        run(&[&flags[..], &["sh", "-c", "ls / | grep -c bin; (sleep 0 & wait); grep Seccomp: /proc/self/status"]]
            .concat())
        .is(0, "2\nSeccomp:\t2\n");
        let container = Detached::sleeping(&flags);
        container.sh(&[], "grep Seccomp: /proc/self/status").is(0, "Seccomp:\t2\n");
    }
    let kept: BTreeMap<_, _> = [("default", false), ("unconfined", false), (PODMANS, true)].into();
    for (name, has) in kept {
        let container = Detached::sleeping(&["--seccomp", name]);
        let record = Json::read(&fs::read_to_string(container.metadata()).unwrap());
        assert_eq!(record.at("seccomp").text(), name);
        assert_eq!(!record.at("seccomp_program").text().is_empty(), has);
    }
}
