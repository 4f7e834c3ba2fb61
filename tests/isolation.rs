//! What the container looks like from inside: namespaces, mounts, /dev, /proc and /sys, file descriptors,
//! signals and the network. Nothing of the host may be seen that was not asked for.

mod common;
use std::collections::BTreeSet;
use std::path::Path;

use common::{Scratch, finish, host, rootfs, run, sh, sh_in};

const NAMESPACES: [&str; 7] = ["pid", "uts", "mnt", "ipc", "net", "cgroup", "user"];

#[test]
fn namespaces_are_new_except_where_the_hosts_are_asked_for() {
    // Each namespace has its own flag; only user is never new here.
    let table: &[(&[&str], &[&str])] = &[
        (&[], &["user"]),
        (&["--net", "none"], &["user"]),
        (&["--net", "host"], &["net", "user"]),
        (&["--pid", "host"], &["pid", "user"]),
        (&["--ipc", "host"], &["ipc", "user"]),
        (&["--uts", "host"], &["uts", "user"]),
        (&["--net=host", "--pid=host", "--ipc=host", "--uts=host"], &["pid", "uts", "ipc", "net", "user"]),
        (&["--init"], &["user"]),
    ];
    let script = format!("for n in {}; do readlink /proc/self/ns/$n; done", NAMESPACES.join(" "));
    for (flags, shared) in table {
        let got = sh(flags, &script);
        let same: Vec<&str> = std::iter::zip(NAMESPACES, got.text().lines())
            .filter(|(name, inside)| std::fs::read_link(format!("/proc/self/ns/{name}")).unwrap() == Path::new(inside))
            .map(|(name, _)| name)
            .collect();
        assert_eq!(got.out.lines().count(), 7, "{got:?}");
        assert_eq!(same, *shared, "{flags:?}");
    }
}

#[test]
fn the_first_process_is_pid_1_and_alone() {
    sh(&[], "echo $$; set -- /proc/[0-9]*; echo $*").is(0, "1\n/proc/1\n");
    sh(&[], "cat /proc/1/cmdline | tr '\\0' '|'; readlink /proc/1/exe")
        .is(0, "/bin/sh|-c|cat /proc/1/cmdline | tr '\\0' '|'; readlink /proc/1/exe|/bin/busybox\n");
    let me = std::process::id();
    sh(&["--pid", "host"], &format!("[ -d /proc/{me} ] && echo seen")).is(0, "seen\n");
    sh(&[], &format!("[ $$ = {me} ] || [ -d /proc/{me}/ns ] || echo unseen")).is(0, "unseen\n");
}

#[test]
fn the_hosts_name_is_shared_or_untouched() {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    run(&["--uts", "host", "hostname"]).is(0, &name);
    run(&["--uts", "host", "--hostname", "box", "hostname"]).fails(2, &["--hostname", "--uts"]);
    assert_eq!(std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap(), name);
}

#[test]
fn the_old_root_is_gone_and_only_our_mounts_are_there() {
    let here = Scratch::new();
    let root = here.root("root");
    let before = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let got = sh_in(&root, &[], "cat /proc/self/mountinfo");
    let points: Vec<&str> = got.text().lines().map(|line| line.split(' ').nth(4).unwrap()).collect();
    let required = ["/", "/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys"];
    for point in required {
        assert_eq!(points.iter().filter(|&&other| other == point).count(), 1, "{point} in {points:?}");
    }
    let below = ["/proc/", "/sys/", "/dev/"];
    let strange =
        points.iter().filter(|point| !required.contains(point) && !below.iter().any(|top| point.starts_with(top)));
    assert_eq!(strange.collect::<Vec<_>>(), Vec::<&&str>::new(), "nothing else is mounted");
    assert!(!got.out.contains("shared:"), "a mount made inside would show outside: {got:?}");
    assert!(points.iter().all(|point| !point.contains("contain-test")), "{points:?}");
    // Neither .. nor a directory entry leads out, and the set-up has left no directory behind.
    let listed = |path: &str| sh_in(&root, &[], &format!("ls -A {path}")).text().to_string();
    assert_eq!(listed("/"), listed("/../.."));
    let on_disk: BTreeSet<String> =
        std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(listed("/").lines().map(String::from).collect::<BTreeSet<_>>(), on_disk);
    // What is mounted inside is not seen outside.
    sh_in(&root, &["--tmpfs", "/mnt/inside"], "grep -c ' /mnt/inside ' /proc/self/mountinfo").is(0, "1\n");
    let after = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!after.contains("contain-test") && !after.contains("inside"), "{after}");
    assert_eq!(before.lines().filter(|line| line.contains(rootfs())).count(), 0);
}

#[test]
fn mounts_carry_the_flags_that_take_power_away() {
    let table = [
        ("/proc", "proc", "rw,nosuid,nodev,noexec", ""),
        ("/dev", "tmpfs", "rw,nosuid", "mode=755"),
        ("/dev/pts", "devpts", "rw,nosuid,noexec", "gid=5,mode=620,ptmxmode=666"),
        ("/dev/shm", "tmpfs", "rw,nosuid,nodev,noexec", ""),
        ("/dev/mqueue", "mqueue", "rw,nosuid,nodev,noexec", ""),
        ("/sys", "sysfs", "ro,nosuid,nodev,noexec", ""),
    ];
    let got = sh(&[], "cat /proc/self/mountinfo");
    for (point, kind, flags, data) in table {
        let line = got.text().lines().find(|line| line.split(' ').nth(4) == Some(point)).expect(point);
        let words: Vec<&str> = line.split(' ').collect();
        let dash = words.iter().position(|&word| word == "-").unwrap();
        let has =
            |list: &str, all: &str| all.split(',').all(|one| one.is_empty() || list.split(',').any(|word| word == one));
        assert!(words[dash + 1] == kind && has(words[5], flags) && has(words[dash + 3], data), "{line}");
    }
}

#[test]
fn dev_holds_exactly_what_a_program_may_expect() {
    let names = sh(&[], "ls -A /dev").text().replace('\n', " ");
    let wanted = "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero";
    assert_eq!(names, wanted);
    let nodes = "null 1:3,zero 1:5,full 1:7,random 1:8,urandom 1:9,tty 5:0";
    for node in nodes.split(',') {
        let (name, number) = node.split_once(' ').unwrap();
        let got = sh(&[], &format!("stat -c '%F %t:%T %a %u:%g' /dev/{name}"));
        assert_eq!(got.text(), format!("character special file {number} 666 0:0"), "{name}");
    }
    let links = [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
    ];
    for (name, target) in links {
        sh(&[], &format!("readlink /dev/{name}")).is(0, &format!("{target}\n"));
    }
    // They work: null swallows, zero gives, full is full, an own pty has number 0, shm is for everyone.
    sh(&[], "echo x > /dev/null; head -c 3 /dev/zero | od -An -tx1; head -c 4 /dev/urandom | wc -c")
        .is(0, " 00 00 00\n4\n");
    let got = sh(&[], "echo x > /dev/full");
    assert!(got.err.contains("No space left"), "{got:?}");
    sh(&[], "exec 3<>/dev/ptmx; ls /dev/pts").is(0, "0\nptmx\n");
    sh(&["-u", "1000:1000"], "echo mine > /dev/shm/f; cat /dev/shm/f; echo to > /dev/null").is(0, "mine\n");
    sh(&[], "echo out > /dev/stdout").is(0, "out\n");
    sh(&[], "stat -c %a /dev/shm; stat -c %a /dev").is(0, "1777\n755\n");
    // It is a part of /dev, or has a size of its own.
    let space =
        "stat -f -c %b /dev/shm; [ $(stat -c %d /dev) = $(stat -c %d /dev/shm) ] && echo part; stat -c %a /dev/shm";
    sh(&[], space).is(0, "16384\npart\n1777\n");
    sh(&["--shm-size", "1M"], space).is(0, "256\n1777\n");
}

#[test]
fn sysfs_and_cgroups_are_read_only() {
    for script in ["mkdir /sys/fs/cgroup/x", "echo 1 > /sys/kernel/uevent_helper", "touch /sys/fs/cgroup/*/tasks"] {
        let got = sh(&["-m", "64M", "--pids", "20"], script);
        assert!(got.code != 0 && got.err.contains("Read-only file system"), "{script}: {got:?}");
    }
    let got = sh(
        &["-m", "64M"],
        "for f in /sys/fs/cgroup/memory/tasks /sys/fs/cgroup/cgroup.procs; do [ -e $f ] && echo 0 > $f; done",
    );
    assert!(got.code != 0 && got.err.contains("Read-only file system"), "{got:?}");
}

#[test]
fn kernel_files_are_masked_or_read_only() {
    let masked = "/proc/acpi /proc/asound /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list \
        /proc/sched_debug /proc/scsi /proc/interrupts /sys/firmware /sys/fs/selinux /sys/dev/block \
        /sys/devices/virtual/powercap";
    let mut looked = 0;
    for path in masked.split_whitespace().filter(|path| Path::new(path).exists()) {
        looked += 1;
        // Nothing to read, nothing to list, nothing to write into. An absent entry would do as well.
        let got = sh(
            &[],
            &format!(
                "cat {path} 2>/dev/null; ls -A {path} | grep -v '^{path}$'; touch {path}/x 2>&1; [ -s {path} ] && [ -f {path} ]"
            ),
        );
        assert!(
            got.code == 1 && !got.out.contains('\n')
                || got.out.contains("Read-only")
                || got.out.contains("Not a directory"),
            "{path}: {got:?}"
        );
        let got = sh(&[], &format!("cat {path} 2>/dev/null; [ -d {path} ] && ls -A {path}; true"));
        assert_eq!(got.out, "", "{path} shows something");
    }
    assert!(looked > 3, "this kernel has too few of the masked files to test anything");
    let mut looked = 0;
    for path in
        "/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger".split(' ').filter(|path| Path::new(path).exists())
    {
        looked += 1;
        let got = sh(&[], &format!("grep ' {path} ' /proc/self/mountinfo | cut -d' ' -f6"));
        assert!(got.text().split(',').any(|word| word == "ro"), "{path}: {got:?}");
    }
    assert!(looked > 1, "this kernel has too few of the read-only files to test anything");
    let got = sh(&[], "echo evil > /proc/sys/kernel/domainname");
    assert!(got.code != 0 && got.err.contains("Read-only file system"), "{got:?}");
}

#[test]
fn no_descriptor_but_the_three_leaks() {
    let open = "for n in $(seq 3 99); do eval \"exec $n</\"; done;";
    host(&format!("{open} contain run --rootfs $R sh -c 'ls /proc/1/fd; :'")).is(0, "0\n1\n2\n");
    host(&format!("{open} contain run --rootfs $R -m 64M --init sh -c 'ls /proc/$$/fd; :'")).is(0, "0\n1\n2\n");
    host(&format!("{open} contain run --rootfs $R --timeout 60s -T sh -c 'ls /proc/1/fd; :'")).is(0, "0\n1\n2\n");
    // A directory descriptor as the working directory is a way out that must not exist.
    for n in [3, 7, 50, 99] {
        let got = host(&format!("{open} contain run --rootfs $R -w /proc/self/fd/{n} sh -c 'pwd; ls ..'"));
        assert!(got.code == 125 && got.err.contains(&format!("/proc/self/fd/{n}")), "{got:?}");
    }
}

#[test]
fn closed_standard_streams_do_not_become_something_else() {
    // Descriptor 0 closed: nothing of ours may take its number and be read by the command.
    for (close, wanted) in [("<&-", "0"), ("2>&-", "2")] {
        let got = host(&format!("contain run --rootfs $R sh -c 'readlink /proc/1/fd/{wanted} || echo closed' {close}"));
        let seen = got.text();
        assert!(seen == "closed" || seen == "/dev/null", "{close}: {got:?}");
    }
}

#[test]
fn signals_start_unblocked_unignored_and_uncaught() {
    let wanted = "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nSigCgt:\t0000000000000000\n";
    let look = "run --rootfs $R grep -E 'Sig(Blk|Ign|Cgt)' /proc/self/status";
    let direct = format!("contain {look}").replace("contain ", &format!("{} ", common::contain().display()));
    host(&format!("env --block-signal --ignore-signal {direct}")).is(0, wanted);
    host(&format!("trap '' PIPE INT HUP TERM CHLD; {direct}")).is(0, wanted);
    host(&direct).is(0, wanted);
    let inner = direct.replace("run ", "run --init ");
    host(&format!("env --block-signal --ignore-signal {inner}")).is(0, wanted);
    // A caller that ignores SIGCHLD has its children reaped by the kernel; the status must not be lost.
    let binary = common::contain().display();
    host(&format!("env --ignore-signal=CHLD {binary} run --rootfs $R sh -c 'exit 7'")).is(7, "");
}

#[test]
fn the_network_is_an_empty_one_with_loopback_up() {
    let got = sh(&[], "ip -o link");
    assert!(got.text().lines().count() == 1 && got.out.contains("lo: <LOOPBACK,UP,LOWER_UP>"), "{got:?}");
    // In state 0A it listens (proc_pid_net(5)). Its own input has no end: who is told of that first says nothing more.
    let exchange = "mkfifo /tmp/open; nc -l -p 7 -w 20 <>/tmp/open >/tmp/heard &
        until cat /proc/net/tcp* | grep -q ':0007 .* 0A '; do sleep 0.02; done
        echo answered | nc -w 20 127.0.0.1 7; wait; cat /tmp/heard";
    sh(&["--tmpfs", "/tmp"], exchange).is(0, "answered\n");
    let interfaces = "sed 's/:.*//' /proc/net/dev | sort";
    assert_eq!(sh(&["--net", "host"], interfaces).text(), host(interfaces).text());
    assert_eq!(sh(&["--net", "none"], "ip -4 -o addr").text().matches("127.0.0.1/8").count(), 1);
}

#[test]
fn directories_for_mounts_are_made_where_they_are_missing() {
    let here = Scratch::new();
    let root = here.root("root");
    for name in ["proc", "dev", "sys"] {
        std::fs::remove_dir(root.join(name)).unwrap();
    }
    sh_in(&root, &[], "test -e /proc/1 -a -c /dev/null -a -d /sys/kernel && echo all there").is(0, "all there\n");
    // What is in the way is named, and not replaced.
    for (name, way) in [("proc", "a file"), ("sys", "a file"), ("dev", "a file")] {
        let _ = std::fs::remove_dir(root.join(name));
        std::fs::write(root.join(name), way).unwrap();
        sh_in(&root, &[], "echo in").fails(125, &[&format!("/{name}")]);
        assert_eq!(std::fs::read_to_string(root.join(name)).unwrap(), way);
        std::fs::remove_file(root.join(name)).unwrap();
    }
    // As a link they would mount over the host's directory, or over another one inside.
    let canary = here.file("outside/canary", "alive");
    for name in ["proc", "sys", "dev"] {
        for target in [here.at("outside"), "../outside".to_string(), "/etc".to_string()] {
            let _ = std::fs::remove_dir(root.join(name));
            std::os::unix::fs::symlink(&target, root.join(name)).unwrap();
            sh_in(&root, &[], "echo in").fails(125, &[&format!("/{name}"), "symbolic link"]);
            std::fs::remove_file(root.join(name)).unwrap();
        }
        std::fs::create_dir(root.join(name)).unwrap();
    }
    assert_eq!(std::fs::read_to_string(canary).unwrap(), "alive");
    assert_eq!(std::fs::read_dir(here.path().join("outside")).unwrap().count(), 1);
}

#[test]
fn the_hosts_binary_cannot_be_reached_for_writing() {
    let here = Scratch::new();
    let root = here.root("root");
    // An own copy, since a failure here destroys it.
    let binary = here.executable("contain", std::fs::read(common::contain()).unwrap());
    let original = std::fs::read(&binary).unwrap();
    here.executable("root/bin/again", "#!/proc/self/exe\n");
    let attack = "for i in 1 2 3 4 5; do echo evil > /proc/1/exe; done; exec 3</proc/1/exe; (sleep 0.2; echo evil > /proc/self/fd/3)";
    let table: &[&[&str]] = &[
        &["--init", "sh", "-c", attack],
        &["--init", "/proc/1/exe", "--help"],
        &["/proc/self/exe", "init", "--", "sh", "-c", attack],
        &["/proc/self/exe", "--version"],
        &["/bin/again"],
        &["--init", "/bin/again"],
        &["--pid", "host", "--init", "sh", "-c", attack],
    ];
    for words in table {
        let mut line = std::process::Command::new(&binary);
        line.args(["run", "--rootfs", root.to_str().unwrap()]).args(*words).stdin(std::process::Stdio::null());
        let got = finish(line);
        assert_eq!(std::fs::read(&binary).unwrap(), original, "{words:?} changed the binary: {got:?}");
    }
    // Not by luck: what PID 1 runs is no file of the host that could be written once nobody executes it.
    use std::os::unix::fs::MetadataExt;
    let host = std::fs::metadata(common::contain()).unwrap();
    let got = sh(&["--init"], "stat -L -c %d:%i /proc/1/exe; ( : >> /proc/1/exe ) 2>&1; true");
    let (inode, error) = got.text().split_once('\n').expect("two lines");
    assert!(inode != format!("{}:{}", host.dev(), host.ino()) || error.contains("Read-only"), "{got:?}");
}
