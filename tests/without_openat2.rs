//! Where a filter refuses openat2(2), or the kernel does not have it: whole command lines do what they do with it, hostile
//! root file systems included. The walk itself is compared with openat2 in src/kernel/walk/tests.rs.

mod common;
use std::fs;
use std::os::unix::fs::symlink;

use common::filter::{ENOSYS, EPERM, OPENAT2, answer};
use common::{Out, Scratch, command, finish};

/// Runs `contain` with these words, split at blanks; S is a directory with a root, data and a canary.
fn told(here: &Scratch, line: &str, errno: Option<i32>) -> Out {
    let words: Vec<String> = line.split(' ').map(|word| word.replace("S/", &here.at("")).replace('_', " ")).collect();
    let mut command = command(&words);
    command.env("CONTAIN_ROOT", here.at("state"));
    if let Some(errno) = errno {
        answer(&mut command, OPENAT2, errno);
    }
    finish(command)
}

#[test]
fn everything_is_as_with_it() {
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
    let mut worked = 0;
    // All with it, then all without, since some lines build on others.
    let all = |errno| lines.map(|line| told(&here, line, errno));
    let with = all(None);
    for errno in [EPERM, ENOSYS] {
        for ((line, wanted), got) in std::iter::zip(lines, &with).zip(all(Some(errno))) {
            let id = line.contains(" -d ");
            assert!(got.code == wanted.code, "{line}: {got:?}, with openat2 {wanted:?}");
            assert!(id || got.out == wanted.out && got.err == wanted.err, "{line}: {got:?}, with openat2 {wanted:?}");
            worked += usize::from(got.code == 0);
        }
    }
    assert!(worked > 20, "only {worked} of two times {} lines work at all", lines.len());
    assert_eq!(fs::read_to_string(here.at("outside/secret")).unwrap(), "canary\n");
    assert_eq!(fs::read_dir(here.at("outside")).unwrap().count(), 1, "something was made outside");
}
