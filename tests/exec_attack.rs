//! What a hostile container could try on `contain exec`: to write the host's program through its guest, to be taken for
//! another process, to lead its guest elsewhere, to die under it.

mod common;
use common::detached::Detached;
use common::{Live, Scratch, command, contain, finish, wait_until};
use std::path::Path;
use std::process::{Command, Stdio};

/// The same command with another binary.
fn with(binary: &Path, line: Command) -> Command {
    let mut other = Command::new(binary);
    other.args(line.get_args()).stdin(Stdio::null());
    other
}

#[test]
fn the_hosts_binary_cannot_be_reached_through_a_guest() {
    let scratch = Scratch::new();
    let binary = scratch.executable("contain", std::fs::read(contain()).unwrap());
    let root = scratch.root("root");
    scratch.executable("root/bin/self", "#!/proc/self/exe\n");
    // Whatever comes by is opened for writing: at once, and, which the kernel lets pass, when it no longer runs.
    let attack = "while :; do for p in /proc/[0-9]*; do
        [ $p = /proc/$$ ] && continue
        { echo owned > $p/exe; } 2>/dev/null && echo $p >> /tmp/written
        n=$(readlink $p/exe 2>/dev/null); case \"$n\" in ''|/bin/busybox) ;; *) echo \"$n\" >> /tmp/seen
        (exec 9< $p/exe && while [ -e $p/exe ]; do :; done && echo owned > /proc/self/fd/9 && echo $p >> /tmp/written);;
        esac 2>/dev/null
        cat $p/environ 2>/dev/null | grep -q SECRET_OF_THE_HOST && echo environ >> /tmp/written
        ls $p/fd/ 2>/dev/null | grep -q . && [ -e $p/root/../../../$REPOSITORY ] && echo root >> /tmp/written
        done; done";
    scratch.file("root/tmp/attack.sh", attack);
    let repository = concat!("REPOSITORY=", env!("CARGO_MANIFEST_DIR"));
    let container = Detached::start_in(&root, &["-e", repository], &["sh", "/tmp/attack.sh"]);
    let before = std::fs::read(&binary).unwrap();
    for round in 0..40 {
        for inside in [&["/proc/self/exe", "help"] as &[&str], &["/bin/self"], &["true"], &["/proc/1/exe", "true"]] {
            let mut line = with(&binary, container.command(&[], inside));
            line.env("SECRET_OF_THE_HOST", "1");
            let got = finish(line);
            assert!((0..128).contains(&got.code), "{round} {inside:?}: {got:?}");
        }
    }
    // One that stays, so that the attack has all the time it needs. A dynamic debug build cannot run there.
    let mut line = with(&binary, container.command(&[], &["/proc/self/exe", "init", "--", "sleep", "1000"]));
    let mut child = line.stderr(Stdio::null()).spawn().unwrap();
    wait_until("the attack to see it, or its end", || {
        let seen = std::fs::read_to_string(root.join("tmp/seen")).unwrap_or_default();
        seen.contains("memfd:contain") || child.try_wait().unwrap().is_some()
    });
    let seen = std::fs::read_to_string(root.join("tmp/seen")).unwrap_or_default();
    assert!(!seen.contains(&binary.display().to_string()), "{seen}");
    common::kill(child.id() as i32, 15);
    child.wait().unwrap();
    assert_eq!(std::fs::read_to_string(root.join("tmp/written")).unwrap_or_default(), "");
    assert!(std::fs::read(&binary).unwrap() == before, "the host's binary was changed");
}

#[test]
fn exec_itself_runs_from_a_sealed_copy() {
    let container = Detached::sleeping(&[]);
    let mut guest = Live::start(container.command(&["-T"], &["sh", "-c", "echo here; cat"]));
    assert_eq!(guest.line(), "here");
    let exe = std::fs::read_link(format!("/proc/{}/exe", guest.pid())).unwrap();
    assert_eq!(exe, Path::new("/memfd:contain (deleted)"));
    let name = common::status(guest.pid(), "Name");
    assert_eq!(name.as_deref(), Some("contain"));
    // Even root needs more than a wish to write it.
    assert!(std::fs::OpenOptions::new().write(true).open(format!("/proc/{}/exe", guest.pid())).is_err());
    assert_eq!(guest.end().code, 0);
}

/// A state directory in which this test plays the supervisor: it holds the lock of a container that is written down.
fn forged(scratch: &Scratch, pid: u32, start: u64, supervisor: (u32, u64)) -> (String, std::fs::File) {
    let id = "00000000000000aa";
    let (state, own) = (scratch.at("state"), scratch.path().join("state").join(id));
    std::fs::create_dir_all(&own).unwrap();
    for path in [scratch.path().join("state"), own.clone()] {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    }
    let text = format!(
        "{{\"status\": \"running\", \"pid\": {pid}, \"start_time\": {start}, \"supervisor_pid\": {}, \
         \"supervisor_start_time\": {}, \"workdir\": \"/\"}}",
        supervisor.0, supervisor.1
    );
    std::fs::write(own.join("metadata.json"), text).unwrap();
    let lock = std::fs::File::open(&own).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    (state, lock)
}

fn start_time(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(')').next().unwrap().split_whitespace().nth(19).unwrap().parse().unwrap()
}

#[test]
fn a_number_that_is_another_processs_by_now_is_not_joined() {
    let scratch = Scratch::new();
    // It reads a pipe that ends with this test.
    let mut stranger = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let (pid, start) = (stranger.id(), start_time(stranger.id()));
    let own = (std::process::id(), start_time(std::process::id()));
    let exec = |state: &str| finish(command(&["exec", "--root", state, "00000000000000aa", "--", "echo", "joined"]));
    for (pid, start, supervisor) in [(pid, start + 1, own), (pid, 0, own), (0, 0, own), (4_194_304, start, own)] {
        let (state, _lock) = forged(&scratch, pid, start, supervisor);
        exec(&state).fails(125, &["container 00000000000000aa is not running"]);
    }
    // Whoever holds the lock is not the one in the record.
    let (state, other) = forged(&scratch, pid, start, (own.0, own.1 + 1));
    exec(&state).fails(125, &["container 00000000000000aa is held by a process that is not the one in its record"]);
    drop(other);
    // Everything fits, but that is no container at all.
    let (state, lock) = forged(&scratch, pid, start, own);
    exec(&state).fails(125, &["is not running: it has just ended"]);
    // Nobody holds the lock any more.
    drop(lock);
    let (state, lock) = forged(&scratch, pid, start + 1, own);
    drop(lock);
    exec(&state).fails(125, &["00000000000000aa"]);
    assert!(stranger.try_wait().unwrap().is_none(), "the stranger is dead");
    assert!(stranger.wait().unwrap().success());
}

#[test]
fn what_is_not_running_is_told() {
    let ended = Detached::start(&[], &["sh", "-c", "exit 3"]);
    wait_until("the end", || ended.has_ended());
    ended.exec(&[], &["true"]).fails(125, &["container", &ended.id, "is not running"]);
    // Its supervisor is killed: its processes go with it, and exec tells so.
    let orphan = Detached::sleeping(&["--pids", "10"]);
    common::kill(orphan.supervisor(), 9);
    wait_until("its death", || common::status(orphan.supervisor(), "State").is_none_or(|state| state.starts_with('Z')));
    orphan.exec(&[], &["echo", "joined"]).fails(125, &[&orphan.id, "is not running"]);
    wait_until("the end", || orphan.has_ended());
    orphan.exec(&[], &["echo", "joined"]).fails(125, &[&orphan.id, "is not running"]);
    let damaged = Detached::sleeping(&[]);
    let text = std::fs::read_to_string(damaged.metadata()).unwrap();
    std::fs::write(damaged.metadata(), &text[..text.len() / 2]).unwrap();
    damaged.exec(&[], &["true"]).fails(125, &[&damaged.id, "metadata.json"]);
    std::fs::write(damaged.metadata(), text.replace("\"running\"", "\"paused\"")).unwrap();
    damaged.exec(&[], &["true"]).fails(125, &["is paused", "resume it first: contain resume"]);
    // One of its groups is gone: it is not joined in part.
    std::fs::write(damaged.metadata(), text.replace("/contain-", "/nosuch/contain-")).unwrap();
    damaged.exec(&[], &["true"]).fails(125, &["is not running: it has just ended"]);
    std::fs::write(damaged.metadata(), text).unwrap();
    damaged.exec(&[], &["true"]).is(0, "");
}

#[test]
fn into_a_container_that_is_just_dying() {
    for round in 0..40 {
        let flags: &[&str] = [&[] as &[&str], &["--pids", "30"], &["--init"], &["--pid", "host"]][round % 4];
        let container = Detached::sleeping(flags);
        let guests = std::thread::scope(|scope| {
            let running: Vec<_> = (0..3)
                .map(|number| {
                    let container = &container;
                    scope.spawn(move || {
                        let mut told = Vec::new();
                        // Again and again until the container is seen to be gone.
                        loop {
                            let flags: &[&str] = if number == 2 { &["-d"] } else { &[] };
                            let got = container.exec(flags, &["sleep", if number == 1 { "1000" } else { "0" }]);
                            let over = got.code == 125;
                            told.push(got);
                            if over {
                                return told;
                            }
                        }
                    })
                })
                .collect();
            std::thread::sleep(std::time::Duration::from_micros(900 * round as u64));
            common::kill(container.first(), 9);
            running.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        for got in guests {
            match got.code {
                0 | 137 => assert!(got.out.is_empty() && got.err.is_empty(), "{got:?}"),
                _ => drop(got.fails(125, &["is not running"])),
            }
        }
        wait_until("the end", || container.has_ended());
    }
}

/// Between becoming the user and becoming the command, contain's copy is a process with no more rights than the others.
#[test]
fn a_guest_that_is_not_yet_the_command_cannot_be_looked_into() {
    let container = Detached::sleeping(&[]);
    let field = |pid: i32, name: &str| common::status(pid, name).unwrap_or_default();
    for _ in 0..500 {
        let mut child = container.command(&[], &["true"]).stdin(Stdio::null()).spawn().unwrap();
        // A launcher that is stopped as soon as it has a child leaves that waiting for the word to go.
        let children = format!("/proc/{0}/task/{0}/children", child.id());
        let mut guest = String::new();
        while guest.is_empty() && child.try_wait().unwrap().is_none() {
            guest = std::fs::read_to_string(&children).unwrap_or_default();
        }
        common::kill(child.id() as i32, 19);
        let guest = guest.trim().parse().unwrap_or(0);
        let is_ready = || field(guest, "CapEff") == field(container.first(), "CapEff");
        let waits = || {
            field(guest, "State").starts_with('S')
                && std::fs::read_dir(format!("/proc/{guest}/fd")).unwrap().count() == 4
        };
        let waiting = field(guest, "Name") == "contain" && (0..1000).any(|_| is_ready() && waits());
        if waiting {
            let inside = field(guest, "NSpid").split_whitespace().last().unwrap().to_string();
            for path in ["environ", "maps", "fd/0", "root/bin", "cwd/bin", "exe"] {
                let got = container.sh(&[], &format!("ls /proc/{inside}/{path} && cat /proc/{inside}/{path}"));
                assert!(got.code != 0 && got.err.contains("Permission denied"), "{path}: {got:?}");
            }
        }
        common::kill(child.id() as i32, 18);
        assert_eq!(common::code(child.wait().unwrap()), 0);
        if waiting {
            return;
        }
    }
    panic!("never stopped at the right moment");
}

#[test]
fn what_is_no_devpts_gives_no_terminal() {
    let container =
        Detached::start(&["--tmpfs", "/dev/pts"], &["sh", "-c", "ln -s /dev/null /dev/pts/ptmx; sleep 1000"]);
    // Its first process need not have begun.
    wait_until("the link", || container.sh(&[], "ls /dev/pts").out == "ptmx\n");
    container.exec(&["-t"], &["tty"]).fails(125, &["open a terminal", "ENODEV", "/dev/pts is no devpts"]);
    container.sh(&[], "ls /dev/pts").is(0, "ptmx\n");
}

#[test]
fn a_directory_of_the_host_is_not_entered() {
    let container = Detached::sleeping(&[]);
    for number in 0..20 {
        let path = format!("/proc/self/fd/{number}");
        let got = container.exec(&["-w", &path], &["true"]);
        got.fails(125, &["enter directory /proc/self/fd"]);
    }
    container.exec(&["-w", "/proc/1/root/../../.."], &["true"]).fails(125, &["enter directory", "ELOOP"]);
}
