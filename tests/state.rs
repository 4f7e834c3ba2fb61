//! The directory in which containers are written down, when it is not as it should be: missing, full, read-only, or
//! somebody else's; and what who waits for a container keeps open. What is in that directory is rubbish.rs's matter.

mod common;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use common::pty::Pty;
use common::written::{ID, State, ended, shell, supervisor};
use common::{command, contain, finish, host, host_command, rootfs, wait_until};

/// What must be written down cannot be: one clear sentence, and nothing is left. What need not be runs all the same.
#[track_caller]
fn refuses(state: &State, words: &[&str]) {
    let before = host(&format!("ls -Ra {} 2>&1", state.here.path().display())).out;
    for flags in [&["-d"] as &[&str], &["--name", "web"], &["--keep"], &["--log"]] {
        state.run(flags, &["true"]).fails(125, words);
    }
    state.run(&["-m", "64M"], &["echo", "ran"]).is(0, "ran\n");
    assert_eq!(host(&format!("ls -Ra {} 2>&1", state.here.path().display())).out, before);
}

#[test]
fn a_directory_that_is_none_of_ours_is_refused() {
    type Make = fn(&Path);
    let link: Make = |path| {
        fs::create_dir(path.with_extension("real")).unwrap();
        symlink(path.with_extension("real"), path).unwrap();
    };
    let kinds: [(Make, &[&str]); 7] = [
        (link, &["ENOTDIR", "it must be a directory, no link"]),
        (|path| symlink("/nowhere", path).unwrap(), &["ENOTDIR", "no link"]),
        (|path| fs::write(path, "").unwrap(), &["ENOTDIR", "it must be a directory"]),
        (|path| shell(&format!("mkfifo {}", path.display())), &["ENOTDIR", "it must be a directory"]),
        (|path| shell(&format!("mkdir -m 770 {}", path.display())), &["is not trusted", "--root DIR"]),
        (|path| shell(&format!("mkdir -m 707 {}", path.display())), &["is not trusted", "--root DIR"]),
        (|path| shell(&format!("mkdir {0} && chown 1234 {0}", path.display())), &["is not trusted", "--root DIR"]),
    ];
    for (make, words) in kinds {
        let state = State::new();
        make(&state.root);
        let path = state.root.to_str().unwrap();
        refuses(&state, &[&[path], words].concat());
        for words in [&["ps"] as &[&str], &["rm", ID], &["prune"], &["logs", ID], &["exec", ID, "true"]] {
            state.contain(words).fails(125, &[path]);
        }
    }
}

#[test]
fn where_no_directory_can_be_made() {
    let mut state = State::new();
    state.root = PathBuf::from("/proc/contain-test");
    refuses(&state, &["make /proc/contain-test", "ENOENT", "--root DIR"]);
    // Nothing was ever written down there.
    assert_eq!(state.contain(&["ps", "-q"]).text(), "");
    assert_eq!(state.contain(&["prune"]).text(), "");
}

/// A launch enters the rootfs, and leaves the caller's directory.
#[test]
fn a_relative_directory() {
    let state = State::new();
    let root = state.here.root("root");
    let line = |words: &[&str]| {
        let mut line = command(words);
        line.env_remove("CONTAIN_ROOT").current_dir(state.here.path());
        finish(line)
    };
    line(&["run", "--root", "state", "--rootfs", "root", "-m", "64M", "--", "true"]).is(0, "");
    line(&["run", "--root", "./x/../state", "--rootfs", "root", "--", "true"]).is(0, "");
    line(&["run", "--root", "state", "--rootfs", "root", "-d", "--name", "web", "--", "sleep", "1000"]).text();
    assert!(!root.join("state").exists(), "it was made in the root file system");
    assert_eq!(state.contain(&["ps", "-q"]).text().lines().count(), 1);
    line(&["rm", "--root", "state", "-f", "web"]).is(0, "web\n");
    state.prunes_to_nothing("a relative directory");
}

/// A file system of its own on a state directory, until it is dropped.
struct Mounted(String);

impl Mounted {
    fn tmpfs(state: &State, options: &str) -> Mounted {
        let path = state.root.to_str().unwrap().to_string();
        shell(&format!("mount -t tmpfs -o mode=700,{options} tmpfs {path}"));
        Mounted(path)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _gone = host(&format!("umount -l {}", self.0));
    }
}

#[test]
fn a_read_only_directory() {
    let state = State::made();
    state.record(ID, ended(""));
    let mounted = Mounted::tmpfs(&state, "size=1m");
    state.record(ID, ended(""));
    shell(&format!("mount -o remount,ro {}", mounted.0));
    refuses(&state, &["EROFS", state.root.to_str().unwrap(), "--root DIR"]);
    assert!(state.ps().contains("stopped (3)"));
    state.contain(&["rm", ID]).fails(125, &["EROFS", state.root.to_str().unwrap()]);
    state.contain(&["prune"]).fails(125, &["EROFS", state.root.to_str().unwrap()]);
}

#[test]
fn a_full_directory() {
    let state = State::made();
    let mut refused = [0, 0];
    for (kind, sizes) in [("nr_inodes", 2..10), ("size=1m,nr_blocks", 1..6)] {
        for size in sizes {
            let _mounted = Mounted::tmpfs(&state, &format!("{kind}={size}"));
            let before = state.listed();
            for flags in [&["-d"] as &[&str], &["--name", "web"], &["--keep"], &["-d", "--name", "w", "-m", "64M"]] {
                let got = state.run(flags, &["true"]);
                let what = format!("{flags:?} with {kind}={size}");
                if got.code == 0 {
                    wait_until("the end", || state.contain(&["ps", "-q"]).text().is_empty());
                    state.prunes_to_nothing(&what);
                    host(&format!("rmdir {}/names 2>&1", state.root.display()));
                    continue;
                }
                refused[usize::from(kind != "nr_inodes")] += 1;
                got.fails(125, &["ENOSPC", state.root.to_str().unwrap()]);
                assert_eq!(got.err.lines().filter(|line| line.starts_with("contain: ")).count(), 1, "{what}: {got:?}");
                host(&format!("rmdir {}/names 2>&1", state.root.display()));
                assert_eq!(state.listed(), before, "{what}");
            }
            state.run(&["-m", "64M"], &["echo", "ran"]).is(0, "ran\n");
            assert_eq!(state.listed(), before, "{kind}={size}");
        }
    }
    assert!(refused[0] > 3 && refused[1] > 3, "{refused:?}");
}

/// Where a container's directory can be made, and not be locked, it must not be taken for what is left of a container: that
/// one's group has the same id.
#[test]
fn a_directory_that_cannot_be_locked() {
    let state = State::made();
    let mut line = std::process::Command::new("strace");
    line.args(["-f", "-qq", "-o", "/dev/null", "-e", "inject=flock:error=ENOLCK:when=1"]);
    line.arg(contain()).args(["run", "--rootfs", rootfs(), "--pids", "20", "--", "sh", "-c", "sleep 0.5; exit 6"]);
    line.env("CONTAIN_ROOT", &state.root);
    finish(line).is(6, "");
    assert_eq!(state.listed(), ["."]);
}

#[test]
fn a_directory_that_fills_up_while_the_container_runs() {
    let state = State::made();
    let _mounted = Mounted::tmpfs(&state, "size=64k");
    let id = state.run(&["-d", "--name", "web"], &["sh", "-c", "while :; do echo 0123456789; done"]).text().to_string();
    let space = || host(&format!("df --output=avail {} | tail -1", state.root.display())).text().trim().to_string();
    wait_until("no space left", || space() == "0");
    assert!(state.ps().contains("running"));
    state.contain(&["stop", "-t", "0", "web"]).is(0, "web\n");
    // How it ended could not be noted, and nobody says otherwise.
    let told = state.ps();
    assert!(told.contains("stopped") && !told.contains("running"), "{told}");
    state.contain(&["rm", &id]).is(0, &format!("{id}\n"));
    state.prunes_to_nothing("a full directory");
}

#[test]
fn who_waits_holds_nothing_of_its_caller() {
    let state = State::new();
    let script = format!(
        "export CONTAIN_ROOT={0}/state; cd {0} && exec 3<{0} 4>{0}/open 5<>/dev/tty &&\n\
         contain run -d --name web --rootfs $R -- sleep 1000",
        state.here.path().display()
    );
    let mut terminal = Pty::open();
    let mut child = terminal.spawn(&host_command(&script));
    assert_eq!(terminal.wait(&mut child), 0);
    drop(terminal);
    let id = state.contain(&["ps", "-q"]).text().to_string();
    let supervisor = supervisor(&state, &id);
    let link = |name: &str| fs::read_link(format!("/proc/{supervisor}/{name}")).unwrap().to_string_lossy().into_owned();
    assert_eq!(link("cwd"), "/");
    let state_directory = state.root.to_str().unwrap();
    for entry in fs::read_dir(format!("/proc/{supervisor}/fd")).unwrap().flatten() {
        let target = link(&format!("fd/{}", entry.file_name().to_str().unwrap()));
        // The log files were opened through a mount of their directory alone.
        let known = ["anon_inode:", "/dev/null", "/sys/fs/cgroup", "/stdout.log", "/stderr.log", state_directory];
        assert!(known.iter().any(|known| target.starts_with(known)), "it holds {target}");
    }
    let stat = fs::read_to_string(format!("/proc/{supervisor}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    assert_eq!((fields[3], fields[4]), (supervisor.to_string().as_str(), "0"), "its session and its terminal");
    assert!(state.ps().contains("running"), "the end of the terminal ended the container");
    state.contain(&["rm", "-f", "web"]).text();
}
