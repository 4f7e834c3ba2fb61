//! `contain exec`: the command is in the container in every respect, and may no more than what is there already. Its
//! terminal, its signals and its end are in exec_life.rs, attacks in exec_attack.rs.

mod common;
use common::detached::Detached;
use common::{Scratch, below, command, feed, finish, status, wait_until};

const KINDS: [&str; 6] = ["cgroup", "ipc", "mnt", "net", "pid", "uts"];

/// The lines of some fields of /proc/PID/status, of a process as seen inside.
fn fields(container: &Detached, flags: &[&str], pid: &str, names: &str) -> String {
    container.exec(flags, &["grep", "-E", &format!("^({names}):"), &format!("/proc/{pid}/status")]).text().to_string()
}

#[test]
fn a_command_runs_inside_with_its_streams_and_its_status() {
    let container = Detached::sleeping(&["--hostname", "box"]);
    container.sh(&[], "hostname; echo oops >&2; exit 7").is(7, "box\n");
    assert_eq!(container.sh(&[], "echo out; echo err >&2").err, "err\n");
    let got = feed(container.command(&[], &["sh", "-c", "cat; echo end"]), b"typed\n");
    got.is(0, "typed\nend\n");
    feed(container.command(&["-i"], &["cat"]), b"typed\n").is(0, "typed\n");
    for code in [0, 1, 42, 125, 255] {
        container.sh(&[], &format!("exit {code}")).is(code, "");
    }
    container.sh(&[], "kill -9 $$").is(137, "");
    container.sh(&[], "kill -15 $$").is(143, "");
    // Options end with the container; two dashes may follow.
    let state = container.state();
    finish(command(&["exec", "--root", &state, &container.id, "echo", "-d", "--"])).is(0, "-d --\n");
    finish(command(&["exec", "--root", &state, &container.id[..5], "--", "echo", "--"])).is(0, "--\n");
    assert!(container.lives());
}

#[test]
fn what_cannot_be_executed_is_told_as_run_tells_it() {
    let scratch = Scratch::new();
    let root = scratch.root("root");
    scratch.executable("root/bin/lost", "#!/no/such\n");
    scratch.executable("root/bin/odd", "odd");
    std::fs::create_dir(root.join("bin/dir")).unwrap();
    let container = Detached::start_in(&root, &[], &["sleep", "1000"]);
    // Flags, command, status, and what the sentence says.
    type Case<'a> = (&'a [&'a str], &'a [&'a str], i32, &'a [&'a str]);
    let table: &[Case] = &[
        (&[], &["nosuch"], 127, &["nosuch: not found in the PATH of the container"]),
        (&[], &["/no/such"], 127, &["/no/such: not found in the container"]),
        (&["-e", "PATH=/nowhere"], &["ls"], 127, &["ls: not found in the PATH"]),
        (&[], &["/etc/passwd"], 126, &["/etc/passwd is not executable"]),
        (&[], &["/bin/dir"], 126, &["/bin/dir is a directory"]),
        (&[], &["lost"], 127, &["/bin/lost needs the interpreter /no/such"]),
        (&[], &["odd"], 126, &["/bin/odd is neither an ELF program nor a script"]),
        (&["-w", "/nowhere"], &["ls"], 125, &["enter directory /nowhere: ENOENT", "--workdir must exist"]),
        (&["-w", "/etc/passwd"], &["ls"], 125, &["enter directory /etc/passwd: ENOTDIR", "--workdir names a file"]),
        (&["-u", "nosuch"], &["ls"], 125, &["--user: user nosuch is not in the rootfs's /etc/passwd"]),
        (&["--env-file", "/no/such"], &["ls"], 125, &["--env-file: read /no/such: ENOENT"]),
        (&["-w", "relative"], &["ls"], 2, &["--workdir relative is not an absolute path"]),
        (&["-d", "-t"], &["ls"], 2, &["--tty and --interactive have nothing to join with --detach"]),
        (&["-di"], &["ls"], 2, &["--tty and --interactive have nothing to join with --detach"]),
        (&[], &[""], 2, &["the command is empty"]),
        (&["-d"], &["nosuch"], 127, &["nosuch: not found in the PATH of the container"]),
    ];
    for (flags, inside, code, words) in table {
        container.exec(flags, inside).fails(*code, words);
    }
    let state = container.state();
    finish(command(&["exec", "--root", &state, "nosuch", "ls"])).fails(125, &["nosuch: no such container", "ps -a"]);
    finish(command(&["exec", "--root", "/no/such", "x", "ls"])).fails(125, &["x: no such container"]);
    let mut other = container.command(&[], &["ls"]);
    std::os::unix::process::CommandExt::uid(&mut other, 65534);
    finish(other).fails(125, &["/state: EACCES"]);
}

#[test]
fn every_namespace_is_the_containers() {
    for flags in
        [&[] as &[&str], &["--init"], &["--pid", "host"], &["--net", "host"], &["--ipc", "host", "--uts", "host"]]
    {
        let container = Detached::sleeping(flags);
        let own = |pid: &str, kind: &str| std::fs::read_link(format!("/proc/{pid}/ns/{kind}")).unwrap();
        let first = container.first().to_string();
        let script = KINDS.map(|kind| format!("readlink /proc/self/ns/{kind}")).join(";");
        let got = container.sh(&[], &script);
        let wanted: Vec<_> = KINDS.iter().map(|kind| own(&first, kind).display().to_string()).collect();
        assert_eq!(got.text().lines().collect::<Vec<_>>(), wanted, "{flags:?}");
        // And these are no others than the host's exactly where the flags say so.
        let shared = KINDS.iter().filter(|kind| own(&first, kind) == own("self", kind)).count();
        let asked = flags.iter().filter(|flag| **flag == "host").count();
        assert_eq!(shared, asked, "{flags:?}");
    }
    // Also for a caller that has another network itself.
    let container = Detached::sleeping(&["--net", "host"]);
    let net = std::fs::read_link("/proc/self/ns/net").unwrap();
    let line = container.command(&[], &["readlink", "/proc/self/ns/net"]);
    let mut other = std::process::Command::new("unshare");
    other.arg("--net").arg(line.get_program()).args(line.get_args());
    finish(other).is(0, &format!("{}\n", net.display()));
}

#[test]
fn it_may_no_more_than_the_container() {
    let names = "Cap[A-Z][a-z]*|NoNewPrivs|Seccomp|Groups|SigBlk|SigIgn|SigCgt|Umask";
    for flags in [&[] as &[&str], &["--user", "1000:1000"], &["--init"]] {
        let container = Detached::sleeping(flags);
        // contain's init handles signals of its own; what it starts is compared.
        let mut of = String::new();
        wait_until("the command", || {
            of = container.sh(&[], "pidof sleep").out.trim().into();
            !of.is_empty()
        });
        let wanted = fields(&container, &[], &of, names);
        assert!(wanted.contains("CapInh:\t0000000000000000\n") && wanted.contains("CapAmb:\t0000000000000000"));
        assert_eq!(fields(&container, &[], "self", names), wanted, "{flags:?}");
        // Whatever the caller has and leaves open.
        let line = container.command(&["-T"], &["grep", "-E", &format!("^({names}):"), "/proc/self/status"]);
        let mut caller = std::process::Command::new("setpriv");
        caller.args(["--inh-caps", "+sys_admin,+chown", "--ambient-caps", "+sys_admin,+chown", "--groups", "1,2,3"]);
        caller.arg(line.get_program()).args(line.get_args());
        assert_eq!(finish(caller).text(), wanted, "{flags:?}");
    }
    let container = Detached::sleeping(&["--read-only"]);
    let got = common::host(&format!(
        "exec 3</ 4</etc/passwd 99</root; contain exec --root {} {} -- ls /proc/self/fd",
        container.state(),
        container.id
    ));
    // The fourth is ls's own.
    got.is(0, "0\n1\n2\n3\n");
    for script in [
        "touch /x",
        "echo 1 > /proc/sys/kernel/panic",
        "mount -t tmpfs x /mnt",
        "mknod /dev/shm/x b 8 0",
        "cat /proc/kcore | head -c 1 | grep -q .",
        "ls /sys/firmware/* 2>/dev/null",
        "hostname other",
        concat!("ls -d ", env!("CARGO_MANIFEST_DIR")),
        concat!("chroot /proc/1/root/../../.. ls -d ", env!("CARGO_MANIFEST_DIR")),
    ] {
        assert_ne!(container.sh(&[], script).code, 0, "{script}");
    }
}

#[test]
fn environment_directory_and_user_are_the_containers_unless_asked_otherwise() {
    let scratch = Scratch::new();
    let root = scratch.root("root");
    scratch.file("root/etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n");
    scratch.file("root/etc/group", "root:x:0:\nann:x:1000:\naudio:x:29:ann\n");
    scratch.file("list", "FROM=file\n# no\nA=3\n");
    let flags = ["-e", "A=1", "-w", "/etc", "-u", "ann"];
    let container = Detached::start_in(&root, &flags, &["sleep", "1000"]);
    let show = "id -u; id -G; pwd; echo $A $B $HOME $TERM $FROM $OURS";
    container.sh(&[], show).is(0, "1000\n1000 29\n/etc\n1 /home/ann xterm\n");
    container.sh(&["-w", "/", "-e", "A=2", "--env", "B=x y"], show).is(0, "1000\n1000 29\n/\n2 x y /home/ann xterm\n");
    container.sh(&["-u", "0"], show).is(0, "0\n0\n/etc\n1 /root xterm\n");
    container.sh(&["-u", "ann:audio"], show).is(0, "1000\n29\n/etc\n1 /home/ann xterm\n");
    container.sh(&["-u", "5:6", "-e", "HOME=/x"], show).is(0, "5\n6\n/etc\n1 /x xterm\n");
    container.sh(&["--env-file", &scratch.at("list")], show).is(0, "1000\n1000 29\n/etc\n3 /home/ann xterm file\n");
    let mut line = container.command(&["-e", "OURS", "-e", "UNSET"], &["sh", "-c", show]);
    line.env("OURS", "mine").env("TERM", "dumb");
    finish(line).is(0, "1000\n1000 29\n/etc\n1 /home/ann xterm mine\n");
    let mut line = container.command(&["-t"], &["sh", "-c", "echo $TERM"]);
    line.env("TERM", "dumb");
    finish(line).is(0, "dumb\r\n");
    // What the container has made of its accounts counts, wherever its links lead.
    scratch.file("root/home/accounts", "bob:x:77:78::/:/bin/sh\n");
    let passwd = root.join("etc/passwd");
    std::fs::remove_file(&passwd).unwrap();
    std::os::unix::fs::symlink("../../../../../home/accounts", &passwd).unwrap();
    container.sh(&["-u", "bob"], "id -u").is(0, "77\n");
}

#[test]
fn it_counts_in_the_containers_groups_and_is_held_by_its_limits() {
    let container = Detached::sleeping(&["--pids", "20", "--memory", "32M"]);
    let mut child = container.command(&[], &["sleep", "1001"]).spawn().unwrap();
    let mut guest = None;
    wait_until("the guest", || {
        let found = below(child.id() as i32).into_iter().find(|&pid| status(pid, "Name").as_deref() == Some("sleep"));
        guest = found;
        guest.is_some()
    });
    let groups_of = |pid: i32| std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let (guest, first) = (groups_of(guest.unwrap()), groups_of(container.first()));
    assert_eq!(guest, first);
    assert!(first.matches(&format!("contain-{}", container.id)).count() >= 1, "{first}");
    common::kill(child.id() as i32, 15);
    assert_eq!(common::code(child.wait().unwrap()), 143);
    let eater = "head -c 100000000 /dev/zero | tail -c 90000000 >/dev/null";
    container.sh(&[], eater).is(137, "");
    let bomb = "i=0; while [ $i -lt 40 ]; do sleep 1002 >/dev/null 2>&1 & i=$((i + 1)); done; echo all; wait";
    let got = container.sh(&[], bomb);
    assert!(got.code != 0 && !got.out.contains("all") && got.err.contains("fork"), "{got:?}");
    assert!(container.lives());
}

/// The first process of most containers reaps nothing that it has not made.
#[test]
fn what_a_detached_command_leaves_counts_no_more() {
    let container = Detached::sleeping(&["--pids", "3"]);
    for _ in 0..8 {
        container.exec(&["-d"], &["true"]).is(0, "");
        wait_until("its end", || container.exec(&[], &["ps"]).out.lines().count() == 3);
    }
    container.exec(&["-d"], &["nosuch"]).fails(127, &["nosuch: not found"]);
}

#[test]
fn a_detached_command_lives_on_as_the_containers_own() {
    for flags in [&[] as &[&str], &["--init"], &["--pid", "host"]] {
        let container = Detached::sleeping(flags);
        let script = "echo lost; echo lost >&2; exec sleep 1003";
        container.sh(&["-d"], script).is(0, "");
        let namespace = |pid: i32| std::fs::read_link(format!("/proc/{pid}/ns/mnt")).ok();
        let is_guest = |pid: &i32| {
            std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line == b"sleep\x001003\0")
                && namespace(*pid) == namespace(container.first())
        };
        let mut guest = 0;
        wait_until("the guest", || {
            guest = common::processes().into_iter().find(is_guest).unwrap_or(0);
            guest > 0
        });
        for stream in 0..3 {
            let leads = std::fs::read_link(format!("/proc/{guest}/fd/{stream}")).unwrap();
            assert_eq!(leads.to_str(), Some("/dev/null"), "{flags:?}");
        }
        // It ends with the container, however that ends.
        container.kill();
        wait_until("the end of all", || container.has_ended() && status(guest, "State").is_none());
    }
}
