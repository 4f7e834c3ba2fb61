//! What contain tells about its work: the story on standard error, and --dry-run, whose whole text is
//! compared with files in tests/golden (UPDATE_GOLDEN=1 writes them anew).

mod common;
use std::fs;
use std::path::Path;

use common::golden::compare;
use common::{Out, Scratch, command, finish, rootfs, run};

/// Compares a text line by line with a pattern in which `*` stands for anything.
#[track_caller]
fn matches(text: &str, pattern: &[&str]) {
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), pattern.len(), "not as many lines as wanted:\n{text}");
    for (line, wanted) in std::iter::zip(lines, pattern) {
        let mut rest = line;
        for (index, part) in wanted.split('*').enumerate() {
            let at = rest.find(part).unwrap_or_else(|| panic!("{line:?} is not {wanted:?} in\n{text}"));
            assert!(index > 0 || at == 0, "{line:?} is not {wanted:?}");
            rest = &rest[at + part.len()..];
        }
        assert!(rest.is_empty() || wanted.ends_with('*'), "{line:?} is not {wanted:?}");
    }
}

#[test]
fn the_story_is_told_in_the_words_of_the_documents() {
    let here = Scratch::new();
    std::os::unix::fs::symlink(rootfs(), here.at("rootfs")).unwrap();
    let words = [
        "run",
        "--verbose",
        "--rootfs",
        "./rootfs",
        "--memory",
        "64M",
        "--hostname",
        "sandbox",
        "--",
        "/bin/sh",
        "-c",
        "echo out",
    ];
    let mut line = command(&words);
    line.current_dir(here.path());
    let got = finish(line);
    got.is(0, "out\n");
    let wanted = [
        "[contain] creating namespaces: pid uts mnt ipc net cgroup",
        "[contain] setting hostname: sandbox",
        "[contain] setting up rootfs: ./rootfs",
        "[contain] pivoting root",
        "[contain] mounting /proc",
        "[contain] applying cgroup limits: memory=64M",
        "[contain] container ready: Linux * *",
        "[contain] running: /bin/sh*",
        "[contain] container exited: exit status 0",
        "[contain] used: memory * peak, cpu * user * sys, pids * peak",
        "[contain] cleaning up cgroups",
    ];
    matches(&got.err, &wanted);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert!(
        got.err.contains(&format!("container ready: Linux {} {}", kernel.trim(), std::env::consts::ARCH)),
        "{got:?}"
    );
}

#[test]
fn the_story_follows_the_flags_and_the_outcome() {
    let table: &[(&[&str], &[&str], &[&str])] = &[
        (&["--net", "host"], &["creating namespaces: pid uts mnt ipc cgroup\n"], &["applying cgroup limits"]),
        (&["--pid=host", "--uts=host"], &["creating namespaces: mnt ipc net cgroup\n"], &["setting hostname"]),
        (
            &["--pids", "64", "--memory", "128M", "--cpu", "50000"],
            &["applying cgroup limits: memory=128M", "pids=64", "cpu=50000"],
            &[],
        ),
        (&["--cpus", "0.5"], &["applying cgroup limits: cpu=50000"], &["memory="]),
    ];
    for (flags, said, unsaid) in table {
        let got = run(&[&["--verbose"], *flags, &["true"]].concat());
        assert_eq!(got.code, 0, "{got:?}");
        assert!(said.iter().all(|text| got.err.contains(text)), "{flags:?} does not say {said:?}: {}", got.err);
        assert!(!unsaid.iter().any(|text| got.err.contains(text)), "{flags:?} says {unsaid:?}: {}", got.err);
    }
    assert!(run(&["--verbose", "sh", "-c", "exit 3"]).err.contains("[contain] container exited: exit status 3\n"));
    let got = run(&["--verbose", "--init", "sh", "-c", "kill -9 $$"]);
    assert!(got.err.contains("[contain] container exited: ") && got.code == 137, "{got:?}");
    let got = run(&["--verbose", "nosuchcommand"]);
    assert!(
        got.err.lines().any(|line| line.starts_with("contain: ")) && !got.err.contains("exited: exit status 0"),
        "{got:?}"
    );
}

#[test]
fn without_a_terminal_there_is_no_story_unless_asked_for() {
    assert_eq!(run(&["true"]).err, "");
    assert_eq!(run(&["--quiet", "true"]).err, "");
    // Of the two the last one wins.
    assert_eq!(run(&["--verbose", "--quiet", "true"]).err, "");
    assert!(run(&["--quiet", "--verbose", "true"]).err.contains("[contain] running: true\n"));
    // Errors are told even to who asked for quiet.
    run(&["--quiet", "nosuchcommand"]).fails(127, &["nosuchcommand"]);
}

/// A dry run in a directory where ./rootfs and ./data are what the flags name, after a shell's preparation.
fn plan_after(prepare: &str, flags: &str) -> Out {
    let here = Scratch::new();
    std::os::unix::fs::symlink(rootfs(), here.at("rootfs")).unwrap();
    here.file("data/file", "x");
    let mut line = std::process::Command::new("unshare");
    line.args(["--mount", "--propagation", "private", "sh", "-c"]).arg(format!("{prepare} exec \"$@\"")).arg("sh");
    line.arg(common::contain()).args(["run", "--dry-run"]).args(flags.split('|'));
    line.current_dir(here.path()).env_remove("CONTAIN_ROOTFS");
    let mut got = finish(line);
    got.out = without_id(&got.out.replace(here.path().to_str().unwrap(), "HERE"));
    got
}

fn plan(flags: &str) -> Out {
    plan_after("", flags)
}

/// A machine with cgroup v2 at the usual place and these controllers, none of them enabled yet.
const V2: &str = "umount -a -t cgroup,cgroup2; umount /sys/fs/cgroup 2>/dev/null; mount -t cgroup2 cgroup2 /sys/fs/cgroup \
    && echo cpuset cpu io memory pids > available && : > enabled \
    && mount --bind available /sys/fs/cgroup/cgroup.controllers \
    && mount --bind enabled /sys/fs/cgroup/cgroup.subtree_control &&";

#[test]
fn dry_run_prints_the_golden_plans() {
    let table = [
        ("plain", V2, "--hostname|box|/bin/sh"),
        ("limits", V2, "--hostname|box|--memory|64M|--pids|50|--cpu|50000 100000|/bin/sh"),
        ("hosts", V2, "--net|host|--pid|host|--ipc|host|--uts|host|/bin/sh"),
        ("mounts", V2, "--hostname|box|--read-only|-v|./data:/mnt:ro|--tmpfs|/tmp:size=1M|echo|a b|it's"),
        ("user", V2, "--hostname|box|-u|7:8|-w|/tmp|-e|A=1|-e|B=x y|--init|env"),
        ("plain-v1", "", "--hostname|box|/bin/sh"),
        ("limits-v1", "", "--hostname|box|--memory|64M|--pids|50|--cpu|50000 100000|/bin/sh"),
    ];
    let own = |name| common::cgroup(name) == Some(Path::new("/sys/fs/cgroup").join(name));
    let v1 = ["memory", "pids", "cpu", "cpuset"].into_iter().all(own);
    let mut wrong = Vec::new();
    for (name, prepare, flags) in table {
        if name.ends_with("-v1") && !v1 {
            // No v1 can be made on a machine that has given its controllers to v2; they are made here only.
            println!("{name}: not compared, this machine has no cgroup v1 with a directory for each controller");
            continue;
        }
        let got = plan_after(prepare, flags);
        assert!(got.code == 0 && got.err.is_empty(), "{name}: {got:?}");
        wrong.extend(compare(name, &got.out));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Replaces every run of 16 hex digits after `contain-`, the container's id, by `ID`.
fn without_id(text: &str) -> String {
    let mut parts = text.split("contain-");
    let mut whole = parts.next().unwrap_or("").to_string();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        whole += "contain-";
        whole += if digits == 16 { "ID" } else { &part[..digits] };
        whole += &part[digits..];
    }
    whole
}

#[test]
fn spellings_that_mean_the_same_give_the_same_plan() {
    let same = [
        ["--memory|64M|sh", "-m67108864|sh"],
        ["--memory=64MiB|sh", "-m|65536K|sh"],
        ["--cpus|0.5|sh", "--cpu|50000 100000|sh"],
        ["--cpu|50000|sh", "--cpu=50000 100000|sh"],
        ["--rootfs|./rootfs|sh", "./rootfs|sh"],
        ["--net=none|--|sh", "sh"],
        ["-e|A=1|-e|A=2|sh", "-eA=2|sh"],
        ["-v|./data:/mnt:rw|sh", "--volume=./data:/mnt|sh"],
        ["-u|0|sh", "--user=root|sh"],
    ];
    for [left, right] in same {
        let (left, right) = (plan(&format!("--hostname|box|{left}")), plan(&format!("--hostname=box|{right}")));
        assert_eq!(left.code, 0, "{left:?}");
        assert_eq!(left.out, right.out);
    }
    assert_ne!(plan("-m|64M|sh").out, plan("-m|65M|sh").out);
}

#[test]
fn a_dry_run_touches_nothing_and_still_refuses_what_cannot_be() {
    let here = Scratch::new();
    let root = here.root("root");
    std::fs::remove_dir(root.join("proc")).unwrap();
    let dir = root.to_str().unwrap();
    let words = [
        "run",
        "--dry-run",
        "--rootfs",
        dir,
        "--memory",
        "64M",
        "-v",
        "/usr:/made/up",
        "--tmpfs",
        "/also",
        "touch",
        "/touched",
    ];
    // Traced, a dry run makes no call that changes anything.
    let calls = "trace=clone3,clone,fork,vfork,mount,umount2,unshare,setns,mkdir,mkdirat,rmdir,unlinkat,sethostname,pivot_root,move_mount,chroot";
    let mut line = std::process::Command::new("strace");
    line.args(["-f", "-qq", "-e", calls, "-e", "signal=none"])
        .arg(common::contain())
        .args(words)
        .env_remove("CONTAIN_ROOTFS");
    let got = finish(line);
    assert!(got.code == 0 && got.err.is_empty() && got.out.contains("mount"), "{got:?}");
    for name in ["proc", "made", "also", "touched"] {
        assert!(!root.join(name).exists(), "{name} was made");
    }
    // It is the same reading of the flags.
    run(&["--dry-run", "--memory", "64Q", "true"]).fails(2, &["--memory", "64Q"]);
    run(&["--dry-run"]).fails(2, &["command"]);
}
