//! What the caller sees of `contain run`: the ways to write a command line, exit statuses, the standard
//! streams, environment, working directory, host name and --timeout. What the container looks like from
//! inside is in isolation.rs, volumes.rs, users.rs and init.rs.

mod common;
use common::{Live, Scratch, command, contain, feed, finish, first_process, host, kill, rootfs, run, sh, wait_until};

#[test]
fn command_lines_are_read_in_every_spelling() {
    // Run where ./rootfs is the shared root file system.
    let here = Scratch::new();
    std::os::unix::fs::symlink(rootfs(), here.at("rootfs")).unwrap();
    let table: &[(&[&str], &str)] = &[
        (&["run", "--rootfs", "ROOT", "--", "/bin/echo", "hi"], "hi\n"),
        (&["run", "--rootfs=ROOT", "--", "/bin/echo", "hi"], "hi\n"),
        (&["run", "--rootfs", "ROOT", "/bin/echo", "hi"], "hi\n"),
        (&["run", "ROOT", "/bin/echo", "hi"], "hi\n"),
        (&["run", "./rootfs", "/bin/echo", "hi"], "hi\n"),
        (&["run", "rootfs", "echo", "hi"], "hi\n"),
        (&["run", "--hostname", "box", "ROOT", "hostname"], "box\n"),
        (&["run", "/bin/echo", "hi"], "hi\n"),
        (&["run", "--", "/bin/echo", "hi"], "hi\n"),
        (&["run", "echo", "hi"], "hi\n"),
        (&["run", "--rootfs", "ROOT", "echo", "--memory", "64Q", "-e", "--", "-x"], "--memory 64Q -e -- -x\n"),
        (&["run", "ROOT", "echo", "--pids", "0"], "--pids 0\n"),
        (&["run", "echo", "--", "two"], "-- two\n"),
        (&["run", "--hostname=box", "hostname"], "box\n"),
        (&["run", "-e", "A=1", "sh", "-c", "echo $A"], "1\n"),
        (&["run", "-eA=1", "sh", "-c", "echo $A"], "1\n"),
        (&["run", "--env", "A=1", "sh", "-c", "echo $A"], "1\n"),
        (&["run", "--env=A=1", "sh", "-c", "echo $A"], "1\n"),
        (&["run", "--env=A=b=c", "sh", "-c", "echo $A"], "b=c\n"),
        (&["run", "-w", "/tmp", "pwd"], "/tmp\n"),
        (&["run", "-w/tmp", "pwd"], "/tmp\n"),
        (&["run", "--workdir=/tmp", "pwd"], "/tmp\n"),
        (&["run", "-u", "1", "id", "-u"], "1\n"),
        (&["run", "-u1:2", "id", "-g"], "2\n"),
        (&["run", "--user=1:2", "id", "-g"], "2\n"),
        (&["run", "-m64M", "echo", "ok"], "ok\n"),
        (&["run", "-m", "64MiB", "echo", "ok"], "ok\n"),
        (&["run", "--memory=67108864", "echo", "ok"], "ok\n"),
        (&["run", "--memory", "1G", "--pids=max", "echo", "ok"], "ok\n"),
        (&["run", "--cpu=50000", "--cpu-weight=100", "--cpuset=0", "echo", "ok"], "ok\n"),
        (&["run", "--cpu", "50000 100000", "echo", "ok"], "ok\n"),
        (&["run", "--cpus=0.5", "--memory=4M", "--memory-swap=5M", "echo", "ok"], "ok\n"),
        (&["run", "-T", "--quiet", "--read-only", "--tmpfs", "/tmp", "echo", "ok"], "ok\n"),
        (&["run", "--no-tty", "--init", "echo", "ok"], "ok\n"),
        (&["run", "--net=none", "--timeout=1m", "echo", "ok"], "ok\n"),
        (&["run", "-v", "ROOT:/mnt:ro", "echo", "ok"], "ok\n"),
        (&["run", "-vROOT:/mnt", "--volume=ROOT:/opt", "echo", "ok"], "ok\n"),
    ];
    let mut wrong = Vec::new();
    for (words, wanted) in table {
        let words: Vec<String> = words.iter().map(|word| word.replace("ROOT", rootfs())).collect();
        let mut line = command(&words);
        line.current_dir(here.path());
        let got = finish(line);
        if (got.code, got.out.as_str()) != (0, *wanted) {
            wrong.push(format!("{words:?}: {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_root_file_system_is_the_flag_then_the_environment_then_the_directory() {
    let here = Scratch::new();
    for name in ["rootfs", "other", "third"] {
        std::fs::write(here.root(name).join("etc/name"), name).unwrap();
    }
    let named = |variable: Option<&str>, words: &[&str]| {
        let mut line = command(&[&["run"], words].concat());
        line.current_dir(here.path());
        variable.map(|value| line.env("CONTAIN_ROOTFS", value));
        finish(line).text().to_string()
    };
    let cat: &[&str] = &["/bin/cat", "/etc/name"];
    assert_eq!(named(None, cat), "rootfs");
    assert_eq!(named(Some("./other"), cat), "other");
    assert_eq!(named(Some("other"), &[&["--rootfs", "third"], cat].concat()), "third");
    assert_eq!(named(Some("other"), &[&["third"], cat].concat()), "third");
    assert_eq!(named(Some(""), cat), "rootfs", "an empty CONTAIN_ROOTFS is as good as none");
}

#[test]
fn a_command_that_begins_with_a_dash_is_a_command() {
    let here = Scratch::new();
    let root = here.root("root");
    here.executable("root/bin/--bind", std::fs::read(root.join("bin/busybox")).unwrap());
    let line = ["run", "--rootfs", root.to_str().unwrap(), "--", "--bind", "/", "/"];
    let got = finish(command(&line));
    // It is busybox under a name it does not know: that it says so shows that it was started.
    assert!(got.err.contains("applet not found"), "{got:?}");
    run(&["--", "--bind", "/", "/"]).fails(127, &["--bind"]);
}

#[test]
fn every_exit_code_passes_through() {
    for code in 0..=255 {
        sh(&[], &format!("exit {code}")).is(code, "");
    }
}

#[test]
fn death_by_every_signal_is_128_and_its_number() {
    // PID 1 is immune to its own signals, so the one who dies runs below --init.
    let ignored = [17, 18, 19, 20, 21, 22, 23, 28];
    let here = Scratch::new();
    let root = here.root("root");
    for number in (1..=64).filter(|number| !ignored.contains(number)) {
        here.executable("root/bin/suicide", common::suicide(number));
        let words = ["run", "--rootfs", root.to_str().unwrap(), "--init", "suicide"];
        finish(command(&words)).is(128 + i32::from(number), "");
    }
    for number in ignored.into_iter().filter(|number| ![19, 20, 21, 22].contains(number)) {
        here.executable("root/bin/suicide", common::suicide(number));
        finish(command(&["run", "--rootfs", root.to_str().unwrap(), "--init", "suicide"])).is(0, "");
    }
}

#[test]
fn a_first_process_that_is_killed_or_crashes_is_reported_as_such() {
    let live = Live::sh(&[], "exec sleep 1000");
    wait_until("the container", || first_process(live.pid()).is_some());
    kill(first_process(live.pid()).unwrap(), 9);
    live.end().is(137, "");
    // A shell as PID 1 passes on what its child died of.
    sh(&[], "sh -c 'kill -6 $$'; exit $?").is(134, "");
    #[cfg(target_arch = "x86_64")]
    for (number, code) in [(4, [0x0f, 0x0b]), (5, [0xcc, 0xcc]), (11, [0xff, 0x30]), (8, [0xf7, 0xf1])] {
        // ud2; int3; push [rax] with rax 0; div ecx with ecx 0.
        let here = Scratch::new();
        let root = here.root("root");
        here.executable("root/bin/crash", common::elf(62, &code));
        finish(command(&["run", "--rootfs", root.to_str().unwrap(), "/bin/crash"])).is(128 + number, "");
    }
}

#[test]
fn a_megabyte_passes_through_the_standard_streams_unchanged() {
    let mut state = 1u32;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        (state >> 24) as u8
    });
    let data: Vec<u8> = noise.take(1 << 20).collect();
    for flags in [&[] as &[&str], &["--init"], &["-m", "64M"]] {
        let words = [&["run", "--rootfs", rootfs()], flags, &["cat"]].concat();
        let got = feed(command(&words), &data);
        assert!(got.code == 0 && got.raw == data && got.err.is_empty(), "{flags:?}: {} bytes", got.raw.len());
    }
    let got = feed(command(&["run", "--rootfs", rootfs(), "sh", "-c", "cat >&2"]), &vec![b'x'; 1 << 20]);
    assert!(got.code == 0 && got.out.is_empty() && got.err.len() == 1 << 20, "{} bytes", got.err.len());
}

#[test]
fn standard_output_is_the_commands_alone() {
    for flags in [&[] as &[&str], &["--verbose"], &["--quiet"], &["--verbose", "-m", "64M", "--init"]] {
        sh(flags, "printf only").is(0, "only");
        sh(flags, "exit 3").is(3, "");
    }
    run(&["--verbose", "nosuchcommand"]).is(127, "");
}

#[test]
fn a_pipeline_ends_when_its_reader_does() {
    // `yes` must see the broken pipe; `head` leaves after one line. As PID 1 it is immune to the signal and has an
    // error to tell, below --init it dies of it.
    host("contain run --rootfs $R yes 2>/dev/null | head -n 1; echo ${PIPESTATUS[0]}").is(0, "y\n1\n");
    host("contain run --rootfs $R --init yes | head -n 1; echo ${PIPESTATUS[0]}").is(0, "y\n141\n");
}

#[test]
fn the_environment_is_exactly_what_was_asked_for() {
    let here = Scratch::new();
    let file = here.file("vars", "# a comment\n\nONE=1\nTWO=two words\nQUOTED=\"as is\"\nOURS\nEMPTY=\n");
    let file = file.to_str().unwrap();
    let table: &[(&[&str], &str)] = &[
        (&[], ""),
        (&["-e", "A=1", "-e", "B=x y"], "A=1\nB=x y\n"),
        (&["-e", "A=1", "-e", "A=2"], "A=2\n"),
        (&["-e", "A="], "A=\n"),
        (&["-e", "OURS"], "OURS=from us\n"),
        (&["-e", "NOT_SET_ANYWHERE"], ""),
        (&["--env-file", file], "EMPTY=\nONE=1\nOURS=from us\nQUOTED=\"as is\"\nTWO=two words\n"),
        (&["--env-file", file, "-e", "ONE=2"], "EMPTY=\nONE=2\nOURS=from us\nQUOTED=\"as is\"\nTWO=two words\n"),
        (&["-e", "ÄÖ=ü€"], "ÄÖ=ü€\n"),
    ];
    for (flags, wanted) in table {
        let head = ["run", "--rootfs", rootfs(), "--hostname", "box"];
        let mut line = command(&[&head, *flags, &["env"]].concat());
        line.env("TERM", "vt52").env("OURS", "from us").env("SECRET", "s").env("LD_PRELOAD", "");
        let got = finish(line);
        let mut lines: Vec<&str> = got.text().lines().collect();
        lines.sort();
        // TERM is the caller's where the container has a terminal (tty.rs), else a plain one.
        let base = ["HOME=/root", "HOSTNAME=box", "TERM=xterm"];
        assert!(base.iter().all(|name| lines.contains(name)), "{flags:?}: {lines:?}");
        let path = lines.iter().find(|line| line.starts_with("PATH=")).expect("PATH");
        assert!(path.contains("/bin") && path.contains("/usr/sbin"), "{path}");
        let rest = lines.iter().filter(|line| !base.contains(line) && !line.starts_with("PATH="));
        assert_eq!(rest.map(|line| format!("{line}\n")).collect::<String>(), *wanted, "{flags:?}");
    }
    // What is asked for wins over the four.
    run(&["-e", "HOME=/x", "-e", "TERM=y", "sh", "-c", "echo $HOME $TERM"]).is(0, "/x y\n");
}

#[test]
fn the_command_is_found_by_the_path_inside() {
    let here = Scratch::new();
    let root = here.root("root");
    here.executable("root/opt/tool", "#!/bin/sh\necho tool\n");
    here.file("root/bin/later", "not executable");
    here.executable("root/usr/bin/later", "#!/bin/sh\necho later\n");
    let dir = root.to_str().unwrap();
    finish(command(&["run", "--rootfs", dir, "tool"])).fails(127, &["tool"]);
    finish(command(&["run", "--rootfs", dir, "-e", "PATH=/bin:/opt", "tool"])).is(0, "tool\n");
    finish(command(&["run", "--rootfs", dir, "later"])).is(0, "later\n");
    // A relative path is one from the working directory, never a word for PATH.
    finish(command(&["run", "--rootfs", dir, "-w", "/opt", "./tool"])).is(0, "tool\n");
}

#[test]
fn the_working_directory_is_inside() {
    run(&["pwd"]).is(0, "/\n");
    run(&["-w", "/usr/bin", "pwd"]).is(0, "/usr/bin\n");
    run(&["-w", "/proc/self/../1", "sh", "-c", "pwd -P"]).is(0, "/proc/1\n");
    let mut line = command(&["run", "--rootfs", rootfs(), "pwd"]);
    line.current_dir("/usr");
    finish(line).is(0, "/\n");
}

#[test]
fn the_host_name_is_the_flag_or_the_id() {
    let here = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    run(&["--hostname", "box", "sh", "-c", "hostname; echo $HOSTNAME"]).is(0, "box\nbox\n");
    let got = run(&["sh", "-c", "hostname; echo $HOSTNAME"]);
    let (name, variable) = got.text().split_once('\n').unwrap();
    assert!(name == variable && name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit()), "{got:?}");
    assert_ne!(run(&["hostname"]).out, run(&["hostname"]).out, "two containers have two ids");
    assert_eq!(std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap(), here, "the host's own name");
}

#[test]
fn the_umask_is_022_whatever_the_caller_has() {
    host("umask 077; contain run --rootfs $R sh -c umask").is(0, "0022\n");
}

#[test]
fn a_timeout_ends_the_container_with_124() {
    for limit in ["1s", "1", "300ms"] {
        run(&["--timeout", limit, "sleep", "1000"]).is(124, "");
    }
    // Long enough for a shell to begin, on a busy machine too.
    sh(&["--timeout", "3s"], "trap 'echo asked; exit 3' TERM; while :; do sleep 0.05; done").is(124, "asked\n");
    // Who does not listen is killed five seconds later.
    sh(&["--timeout", "100ms"], "trap '' TERM; while :; do sleep 0.1; done").is(124, "");
    // Whole trees go.
    sh(&["--timeout", "300ms", "--init"], "sleep 1000 & sleep 1000").is(124, "");
    // In time is in time.
    run(&["--timeout", "1h", "sh", "-c", "exit 4"]).is(4, "");
}

#[test]
fn help_and_version_go_to_standard_output() {
    let flags = "--rootfs --memory --memory-swap --memory-high --cpu --cpus --pids --cpu-weight --cpuset --hostname --env \
        --env-file --workdir --user --volume --read-only --tmpfs --net --pid --ipc --uts --init --tty --no-tty --timeout \
        --quiet --verbose --dry-run";
    for words in [&["run", "--help"] as &[&str], &["help", "run"]] {
        let got = finish(command(words));
        let missing: Vec<&str> = flags.split_whitespace().filter(|flag| !got.text().contains(flag)).collect();
        assert!(missing.is_empty() && got.err.is_empty(), "{words:?} says nothing of {missing:?}: {got:?}");
    }
    for words in [&["--help"] as &[&str], &["help"]] {
        let got = finish(command(words));
        assert!(["run", "check", "init", "help"].iter().all(|word| got.text().contains(word)), "{got:?}");
    }
    let got = finish(command(&["--version"]));
    assert_eq!(got.text(), format!("contain {}", env!("CARGO_PKG_VERSION")));
    assert!(contain().exists());
}

#[test]
fn check_answers_line_by_line() {
    let got = finish(command(&["check"]));
    for word in ["cgroup", "pid", "uts", "mount", "ipc", "net"] {
        assert!(got.text().contains(word), "nothing said of {word}: {got:?}");
    }
    assert!(got.text().lines().all(|line| line.contains("yes") || line.contains("no")), "{got:?}");
    // Who may not is told what is missing.
    let here = Scratch::new();
    let got = host(&format!(
        "install -m 755 {0} {1}; chmod 755 {2}; setpriv --reuid 65534 --regid 65534 --clear-groups {1} check",
        contain().display(),
        here.at("contain"),
        here.path().display()
    ));
    let found = |line| got.out.lines().any(|found| found == line);
    assert!(found("yes  this user may make containers, in user namespaces"), "{got:?}");
    assert!(got.out.contains("\nno   with more ids than the user's own: install uidmap"), "{got:?}");
}
