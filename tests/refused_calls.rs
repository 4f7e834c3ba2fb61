//! Where a filter refuses a system call, or the kernel does not have it: openat2(2), on hostile root file systems too, and
//! clone3(2). Whole command lines do what they do with it. The walk in openat2's place is compared with that in
//! src/kernel/walk/tests.rs.

mod common;
use std::fs;
use std::os::unix::fs::symlink;

use common::filter::{CLONE3, ENOSYS, EPERM, OPENAT2, answer};
use common::{Live, Out, Scratch, command, finish, first_process, host_command};

/// Runs `contain` with these words, split at blanks, with ~ for one inside a word; S is a directory with a root, data and a canary.
fn told(here: &Scratch, line: &str, refused: Option<(u32, i32)>) -> Out {
    let words: Vec<String> = line.split(' ').map(|word| word.replace("S/", &here.at("")).replace('~', " ")).collect();
    let mut command = command(&words);
    command.env("CONTAIN_ROOT", here.at("state"));
    if let Some((call, errno)) = refused {
        answer(&mut command, call, errno);
    }
    finish(command)
}

/// Compares what these lines come to where the call is refused in either way with what they come to where it is not, all
/// of them in turn, since some build on others; says how many work.
fn compare(here: &Scratch, call: u32, lines: &[&str]) -> usize {
    let all = |refused| lines.iter().map(|line| told(here, line, refused)).collect::<Vec<_>>();
    let with = all(None);
    for errno in [EPERM, ENOSYS] {
        for ((line, wanted), got) in std::iter::zip(lines, &with).zip(all(Some((call, errno)))) {
            // Every container has another id.
            let same = line.contains(" -d ") || got.out == wanted.out && got.err == wanted.err;
            assert!(got.code == wanted.code && same, "{line}: {got:?}, else {wanted:?}");
        }
    }
    with.iter().filter(|out| out.code == 0).count()
}

#[test]
fn without_openat2_paths_lead_where_they_do_with_it() {
    let here = Scratch::new();
    let root = here.root("root");
    here.file("data/file", "first\n");
    here.file("outside/secret", "canary\n");
    for (name, target) in [
        ("etc/up", "../../outside"),
        ("far", "/../../outside/secret"),
        ("loops", "loops"),
        ("inner", "/etc/../made/by/link"),
        ("host", "/proc/1/root"),
    ] {
        symlink(target, root.join(name)).unwrap();
    }
    fs::create_dir_all(root.join("made/by/link")).unwrap();
    for (name, links) in [("dev-is-a-link", "dev"), ("proc-is-a-link", "proc"), ("passwd-is-a-link", "etc/passwd")] {
        let hostile = here.root(name);
        let _empty = fs::remove_dir(hostile.join(links)).or_else(|_| fs::remove_file(hostile.join(links)));
        symlink(here.at("outside/secret"), hostile.join(links)).unwrap();
    }
    let lines = [
        "run --rootfs S/root cat /proc/self/mounts",
        "run --rootfs S/root -v S/data:/there:ro cat /there/file",
        "run --rootfs S/root -v S/data/file:/new/place/file cat /new/place/file",
        "run --rootfs S/root -v S/data:/inner ls /made/by/link",
        "run --rootfs S/root -v S/data:/etc/up/x ls /outside/x",
        "run --rootfs S/root -v S/data/file:/far cat /outside/secret",
        "run --rootfs S/root -v S/data:/loops true",
        "run --rootfs S/root -v S/data:/etc/passwd true",
        "run --rootfs S/root -v S/data:/host/x true",
        "run --rootfs S/root -v S/data:/etc/.. true",
        "run --rootfs S/root --read-only --tmpfs /tmp -w /tmp/../etc/./../inner pwd",
        "run --rootfs S/root -w /proc/self/fd/0 pwd",
        "run --rootfs S/root -w /no/such pwd",
        "run --rootfs S/root -w /etc/passwd pwd",
        "run --rootfs S/root -u nobody id",
        "run --rootfs S/passwd-is-a-link -u nobody id",
        "run --rootfs S/dev-is-a-link true",
        "run --rootfs S/proc-is-a-link true",
        "run --rootfs S/root -t --hostname box sh -c tty;hostname",
        "run --rootfs S/root no-such-command",
        "run --rootfs S/root /inner",
        "run --rootfs S/root -d --name sleeper --hostname box sleep 4321",
        "exec -u nobody -w /inner sleeper sh -c id;pwd",
        "exec -t sleeper tty",
        "exec -w /proc/self/fd/0 sleeper pwd",
        "logs sleeper",
        "logs ../sleeper",
        "logs ../../sleeper",
        "rm -f sleeper",
        "logs sleeper",
    ];
    assert_eq!(compare(&here, OPENAT2, &lines), 12);
    assert_eq!(fs::read_to_string(here.at("outside/secret")).unwrap(), "canary\n");
    assert_eq!(fs::read_dir(here.at("outside")).unwrap().count(), 1, "something was made outside");
}

#[test]
fn without_clone3_everything_is_as_with_it() {
    let here = Scratch::new();
    here.root("root");
    let lines = [
        "run --rootfs S/root sh -c echo~$$;cat~/proc/self/cgroup",
        "run --rootfs S/root --net host --init -t sh -c echo~$PPID;tty",
        "run --rootfs S/root --memory 64M --pids 10 sh -c cat~/sys/fs/cgroup/*/memory.limit_in_bytes",
        "run --rootfs S/root -d --name sleeper --hostname box sleep 4321",
        "exec sleeper hostname",
        "exec -d sleeper sleep 4322",
        "kill sleeper",
        "wait sleeper",
        "logs sleeper",
        "rm sleeper",
    ];
    assert_eq!(compare(&here, CLONE3, &lines), lines.len());
}

/// clone(2) has no CLONE_INTO_CGROUP: the child joins its group itself, before it does anything.
#[test]
fn without_clone3_a_container_is_in_its_group_on_v2() {
    for errno in [EPERM, ENOSYS] {
        let script =
            "exec unshare -m sh -c 'umount -a -t cgroup && exec \"$0\" run --rootfs \"$R\" sh -c \"echo; read x\"' $0";
        let mut command = host_command(script);
        command.arg(common::contain());
        answer(&mut command, CLONE3, errno);
        let mut live = Live::start(command);
        assert_eq!(live.line(), "");
        let first = first_process(live.pid()).unwrap();
        let group = fs::read_to_string(format!("/proc/{first}/cgroup")).unwrap();
        assert!(group.lines().any(|line| line.starts_with("0::/contain-")), "{group}");
        live.end().is(1, "");
    }
}
