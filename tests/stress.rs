//! Five hundred runs at once, of every kind, with `ps` and `rm` between them: each of them works, none waits for another,
//! and nothing is left. In a private world (common/world.rs).

mod common;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use common::{Out, Scratch, command, finish, rootfs, world};

const RUNS: usize = 500;

/// `contain` with the world's own state directory.
fn line(words: &[&str]) -> std::process::Command {
    let mut line = command(words);
    line.env("CONTAIN_ROOT", "/run/contain").env("CONTAIN_ROOTFS", rootfs());
    line
}

fn contain(words: &[&str]) -> Out {
    finish(line(words))
}

/// The flags of run number `index`, and what runs. Every sixth is one that only `rm` ends.
fn kind(index: usize, name: &str) -> (Vec<&str>, &'static [&'static str]) {
    match index % 6 {
        0 => (vec![], &["true"]),
        1 => (vec!["--name", name, "--rm"], &["true"]),
        2 => (vec!["--name", name, "--pids", "20"], &["true"]),
        3 => (vec!["-d", "--rm"], &["true"]),
        4 => (vec!["-d", "-m", "64M"], &["true"]),
        _ => (vec!["-d", "--name", name], &["sleep", "1000"]),
    }
}

fn start(index: usize, said: &Path) -> Child {
    let name = format!("n{index}");
    let (flags, inside) = kind(index, &name);
    let mut line = line(&[&["run", "--rootfs", rootfs()], flags.as_slice(), &["--"], inside].concat());
    line.stdout(Stdio::null()).stderr(File::create(said).unwrap()).spawn().unwrap()
}

#[test]
fn five_hundred_runs_at_once() {
    if !world::entered("five_hundred_runs_at_once") {
        return;
    }
    let here = Scratch::new();
    let (survivor, keeper) =
        (contain(&["run", "-d", "--", "sleep", "1000"]), contain(&["run", "--keep", "--", "true"]));
    assert_eq!((survivor.code, keeper.code), (0, 0), "{survivor:?} {keeper:?}");
    // What the first name leaves is the directory of names.
    contain(&["run", "--name", "first", "--rm", "--", "true"]).is(0, "");
    contain(&["prune"]).text();
    let before = world::traces(&[]);
    let done = AtomicBool::new(false);
    let said = |index: usize| here.path().join(index.to_string());
    let listed = std::thread::scope(|scope| {
        let lister = scope.spawn(|| {
            let mut listed = 0;
            while !done.load(Ordering::Relaxed) {
                let all = contain(&["ps", "-a"]);
                assert!(all.code == 0 && all.err.is_empty(), "{all:?}");
                assert!(all.out.contains(survivor.text()), "the survivor is not listed: {all:?}");
                listed += 1;
            }
            listed
        });
        let children: Vec<Child> = (0..RUNS).map(|index| start(index, &said(index))).collect();
        let mut wrong = Vec::new();
        for (index, mut child) in children.into_iter().enumerate() {
            let code = common::code(child.wait().unwrap());
            let text = std::fs::read_to_string(said(index)).unwrap();
            if code != 0 || !text.is_empty() {
                wrong.push(format!("{index}: {code} {text}"));
            } else if index % 6 == 5 {
                let name = format!("n{index}");
                contain(&["rm", "-f", &name]).is(0, &format!("{name}\n"));
            }
        }
        done.store(true, Ordering::Relaxed);
        assert!(wrong.is_empty(), "{} of {RUNS} failed:\n{}", wrong.len(), wrong.join("\n"));
        lister.join().unwrap()
    });
    println!("ps was run {listed} times meanwhile");
    assert!(listed > 3, "ps waits for the runs: it came to its end {listed} times");
    common::wait_until("detached ones to end", || contain(&["ps", "-q"]).text().lines().count() == 1);
    let kept = contain(&["ps", "-a", "-q"]).text().lines().count();
    assert_eq!(kept, 1 + (0..RUNS).filter(|index| [2, 4].contains(&(index % 6))).count());
    contain(&["prune"]).text();
    world::nothing_new(&before, &[], "500 runs at once");
    contain(&["rm", "-f", survivor.text()]).text();
}
