//! What a container gets set for itself: limits of its processes, the kernel's parameters, sizes, names and groups. What the
//! host has of each stays as it was.

mod common;
use std::fs::read_to_string;
use std::process::Command;

use common::detached::Detached;
use common::ordinary::Ordinary;
use common::{Scratch, finish, host, rootfs, run, sh};

/// This process's limit of open files and the highest that it may have.
fn open_files() -> (u64, u64) {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    (limit.current.unwrap_or(u64::MAX), limit.maximum.unwrap_or(u64::MAX))
}

fn may_raise() -> bool {
    let held = common::status(std::process::id() as i32, "CapEff").unwrap();
    u64::from_str_radix(&held, 16).unwrap() & 1 << 24 != 0
}

#[test]
fn limits_of_processes_are_set_in_run_and_in_exec() {
    let before = open_files();
    let names = [
        ("cpu", "cpu time", "4000", "5000"),
        ("fsize", "file size", "1048576", "2097152"),
        ("data", "data size", "1000000000", "1000000001"),
        ("stack", "stack size", "4194304", "8388608"),
        ("core", "core file size", "0", "0"),
        ("rss", "resident set", "1000000000", "1000000000"),
        ("nproc", "processes", "1000", "1001"),
        ("nofile", "open files", "64", "128"),
        ("memlock", "locked memory", "4096", "8192"),
        ("as", "address space", "3000000000", "3000000001"),
        ("locks", "file locks", "7", "8"),
        ("sigpending", "pending signals", "100", "101"),
        ("msgqueue", "msgqueue size", "1000", "2000"),
        ("nice", "nice priority", "0", "0"),
        ("rtprio", "realtime priority", "0", "0"),
        ("rttime", "realtime timeout", "1000000", "2000000"),
    ];
    let mut flags = Vec::new();
    for (name, _, soft, hard) in names {
        flags.extend(["--ulimit".to_string(), format!("{name}={soft}:{hard}")]);
    }
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let check = |shown: &str| {
        for (name, kernels, soft, hard) in names {
            let line = shown.lines().find(|line| line.to_lowercase().starts_with(&format!("max {kernels}")));
            let words: Vec<&str> = line.unwrap_or_else(|| panic!("{name}: {shown}")).split_whitespace().collect();
            let at = kernels.split(' ').count() + 1;
            assert_eq!((words[at], words[at + 1]), (soft, hard), "{name}: {words:?}");
        }
    };
    check(sh(&flags, "cat /proc/self/limits").text());
    check(sh(&[&flags[..], &["-u", "1000", "--init"]].concat(), "cat /proc/self/limits").text());
    let container = Detached::sleeping(&flags);
    check(container.sh(&[], "cat /proc/self/limits").text());
    check(container.sh(&["-u", "1000"], "cat /proc/self/limits").text());
    sh(&["--ulimit", "nofile=64:unlimited", "--ulimit", "nofile=32"], "ulimit -n; ulimit -Hn").is(0, "32\n32\n");
    sh(&["--ulimit", "core=-1"], "ulimit -c").is(0, "unlimited\n");
    assert_eq!(open_files(), before);
}

#[test]
fn a_limit_that_may_not_be_raised_is_taken_down_and_told() {
    let line = |ulimit: &str| {
        // A process with root's rights, but that one.
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set=-sys_resource", "prlimit", "--nofile=100:200"]).arg(common::contain());
        command.args(["run", "--rootfs", rootfs(), "--ulimit", ulimit, "sh", "-c", "ulimit -n; ulimit -Hn"]);
        finish(command)
    };
    let told = "contain: --ulimit nofile: 200 is the most that this user may set, so that is taken\n";
    for (ulimit, wanted, said) in [
        ("nofile=150", "150\n150\n", ""),
        ("nofile=200:200", "200\n200\n", ""),
        ("nofile=150:201", "150\n200\n", told),
        ("nofile=unlimited", "200\n200\n", told),
    ] {
        let got = line(ulimit);
        assert_eq!((got.code, got.out.as_str(), got.err.as_str()), (0, wanted, said), "{ulimit}");
    }
    if may_raise() {
        run(&["--ulimit", "nofile=2000000000", "true"])
            .fails(125, &["set ulimit nofile=2000000000", "EPERM", "nr_open"]);
    }
}

#[test]
fn how_soon_it_is_killed_for_memory() {
    let score = |pid: &str| read_to_string(format!("/proc/{pid}/oom_score_adj")).unwrap();
    let own = score("self");
    sh(&["--oom-score-adj", "500"], "cat /proc/1/oom_score_adj").is(0, "500\n");
    sh(&["--oom-score-adj=1000", "--init", "-u", "1000"], "cat /proc/self/oom_score_adj").is(0, "1000\n");
    sh(&[], "cat /proc/self/oom_score_adj").is(0, &own);
    let container = Detached::sleeping(&["--oom-score-adj", "300"]);
    container.exec(&[], &["cat", "/proc/self/oom_score_adj"]).is(0, "300\n");
    // The one that waits for it shares its fate, and nobody else.
    assert_eq!(score(&container.supervisor().to_string()), "300\n");
    assert_eq!(score("self"), own);
    let contain = common::contain().display();
    let line = format!("setpriv --bounding-set=-sys_resource {contain} run --rootfs $R --oom-score-adj -900 true");
    host(&line).fails(125, &["write -900 to /proc/self/oom_score_adj", "EACCES", "CAP_SYS_RESOURCE"]);
    if may_raise() {
        sh(&["--oom-score-adj", "-900"], "cat /proc/self/oom_score_adj").is(0, "-900\n");
    }
}

#[test]
fn parameters_of_the_kernel_are_the_containers_own() {
    let files = ["net/ipv4/ip_forward", "kernel/msgmax", "kernel/sem", "fs/mqueue/msg_max", "kernel/shm_rmid_forced"];
    let host = || files.map(|file| read_to_string(format!("/proc/sys/{file}")).unwrap());
    let before = host();
    let flags: Vec<&str> = [
        "--sysctl=net.ipv4.ip_forward=1",
        "--sysctl=kernel/msgmax=9000",
        "--sysctl=kernel.sem=300 32000 32 100",
        "--sysctl=fs.mqueue.msg_max=20",
        "--sysctl=kernel.shm_rmid_forced=1",
        "--sysctl=net/ipv4/conf/lo/forwarding=0",
    ]
    .to_vec();
    let script =
        "cd /proc/sys && cat net/ipv4/ip_forward kernel/msgmax kernel/sem fs/mqueue/msg_max kernel/shm_rmid_forced";
    for more in [&[][..], &["--privileged"], &["--read-only", "-u", "1000"]] {
        sh(&[&flags[..], more].concat(), script).is(0, "1\n9000\n300\t32000\t32\t100\n20\n1\n");
    }
    let container = Detached::sleeping(&flags);
    container.sh(&[], script).is(0, "1\n9000\n300\t32000\t32\t100\n20\n1\n");
    // What was written from outside cannot be from inside.
    for flags in [&flags[..], &[]] {
        let got = sh(flags, "echo 1 > /proc/sys/kernel/msgmax");
        assert!(got.code != 0 && got.err.contains("Read-only file system"), "{got:?}");
    }
    assert_eq!(host(), before);
    let table = [
        ("net.nosuch=1", 125, "write 1 to /proc/sys/net/nosuch|ENOENT|no such sysctl"),
        ("kernel.shmmax=much", 125, "write much to /proc/sys/kernel/shmmax|EINVAL|does not take this value"),
        ("net.ipv4.conf.all=1", 125, "/proc/sys/net/ipv4/conf/all|EISDIR"),
        ("kernel.panic=1", 2, "--sysctl kernel.panic=1|would change the host"),
        ("kernel.hostname=x", 2, "would change the host|--hostname"),
        ("vm.swappiness=1", 2, "would change the host"),
        ("net.ipv4.ip_forward", 2, "write it as net.ipv4.ip_forward=1"),
        ("net/../kernel/panic=1", 2, "is not KEY=VALUE"),
    ];
    for (sysctl, code, words) in table {
        run(&["--sysctl", sysctl, "true"]).fails(code, &words.split('|').collect::<Vec<_>>());
    }
    for flags in [
        ["--net=host", "--sysctl=net.ipv4.ip_forward=1"],
        ["--ipc=host", "--sysctl=kernel.msgmax=1"],
        ["--ipc=host", "--shm-size=1M"],
    ] {
        run(&[&flags[..], &["true"]].concat()).fails(2, &["--sysctl or --shm-size would change the host"]);
    }
    assert_eq!(host(), before);
}

#[test]
fn shared_memory_and_names() {
    sh(&["--shm-size", "1M"], "df -k /dev/shm | awk 'NR == 2 { print $2 }'").is(0, "1024\n");
    sh(&[], "df -k /dev/shm | awk 'NR == 2 { print $2 }'").is(0, "65536\n");
    run(&["--shm-size", "0", "true"]).fails(2, &["--shm-size 0"]);
    let name = read_to_string("/proc/sys/kernel/domainname").unwrap();
    sh(&["--domainname", "example.org"], "cat /proc/sys/kernel/domainname").is(0, "example.org\n");
    sh(&[], "cat /proc/sys/kernel/domainname").is(0, &name);
    run(&["--uts=host", "--domainname", "x", "true"]).fails(2, &["--domainname would rename the host with --uts host"]);
    run(&["--domainname", "a b", "true"]).fails(2, &["--domainname 'a b' has a character"]);
    assert_eq!(read_to_string("/proc/sys/kernel/domainname").unwrap(), name);
}

#[test]
fn further_groups() {
    let here = Scratch::new();
    let root = here.root("root");
    std::fs::write(root.join("etc/group"), "root:x:0:\nvideo:x:44:alice\naudio:x:29:\n").unwrap();
    std::fs::write(root.join("etc/passwd"), "root:x:0:0::/:/bin/sh\nalice:x:1000:1001::/:/bin/sh\n").unwrap();
    let groups = |flags: &[&str]| common::sh_in(&root, flags, "grep Groups: /proc/self/status").text().to_string();
    assert_eq!(groups(&["--group-add", "audio", "--group-add=7"]), "Groups:\t7 29");
    assert_eq!(groups(&["-u", "alice", "--group-add", "audio"]), "Groups:\t29 44");
    assert_eq!(groups(&["-u", "alice:video", "--group-add", "7"]), "Groups:\t7");
    let container = Detached::start_in(&root, &["--group-add", "audio"], &["sleep", "1000"]);
    container.sh(&[], "grep Groups: /proc/self/status").is(0, "Groups:\t29 \n");
    let words = |group: &str| common::sh_in(&root, &["--group-add", group], "true");
    words("nosuch").fails(125, &["--group-add: group nosuch is not in the rootfs's /etc/group"]);
    words("-1").fails(2, &["--group-add -1"]);
    words("").fails(2, &["--group-add '' has no group"]);
    words("4294967295").fails(2, &["--group-add 4294967295"]);
    let many: Vec<String> = (1..=1025).map(|group| format!("--group-add={group}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(groups(&many).split_whitespace().count(), 1 + many.len());
}

/// In a user namespace of his own an ordinary user sets what that has, and takes what he may not raise as it is.
#[test]
fn an_ordinary_user_sets_what_is_his() {
    let him = Ordinary::new();
    let settings = "--ulimit nofile=64:100 --ulimit core=0 --oom-score-adj 300 --shm-size 2M --domainname a.b \
        --sysctl net.ipv4.ip_forward=1 --sysctl kernel.msgmax=9000 --device /dev/null:/dev/x/null2 --cap-drop ALL";
    let look = "ulimit -n; ulimit -Hn; cat /proc/self/oom_score_adj; df -k /dev/shm | awk 'NR == 2 { print $2 }'; \
        cd /proc/sys; cat kernel/domainname net/ipv4/ip_forward kernel/msgmax; echo > /dev/x/null2; \
        grep -E '^(CapEff|NoNewPrivs)' /proc/self/status | cut -f2";
    let run = format!("contain run --rootfs $R {settings} -- sh -c \"$LOOK\"");
    let wanted = "64\n100\n300\n2048\na.b\n1\n9000\n0000000000000000\n1\n";
    let script = |line: &str| finish(him.script(&format!("LOOK=\"{}\"; {line}", look.replace('$', "\\$"))));
    script(&run).is(0, wanted);
    // And in exec.
    let line = format!("id=$(contain run -d --rootfs $R {settings} -- sleep 1000) && contain exec $id sh -c \"$LOOK\"");
    script(&format!("{line}; contain rm -f $id > /dev/null")).is(0, wanted);
    let raise = "ulimit -n 100; contain run --rootfs $R --ulimit nofile=101 sh -c 'ulimit -Hn'";
    let got = script(raise);
    assert!(got.is(0, "100\n").err.contains("--ulimit nofile: 100 is the most that this user may set"), "{got:?}");
    script("contain run --rootfs $R --oom-score-adj -1 true")
        .fails(125, &["write -1 to /proc/self/oom_score_adj", "EACCES"]);
    script("contain run --rootfs $R --group-add 5 true").fails(125, &["group 5 is not in the container's map of ids"]);
    let look = "grep -E '^(CapEff|NoNewPrivs|Seccomp:)' /proc/self/status | cut -f2";
    let got = script(&format!("contain run --rootfs $R --privileged sh -c \"{look}\""));
    let all = "000001ffffffffff";
    assert!(got.text().ends_with("\n0\n0") && got.out.len() == all.len() + 5, "{got:?}");
}
