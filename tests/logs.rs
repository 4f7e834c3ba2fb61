//! `contain logs`: all of it, the last lines, and following, which loses and repeats nothing and ends when it should.

mod common;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use common::printing::{Following, Place, ended, is_end_of, random, same};
use common::pty::Pty;
use common::{below, command, contain, finish, kill, status, wait_until};

/// Its number as a system call.
const PPOLL: &str = if cfg!(target_arch = "x86_64") { "271" } else { "73" };

#[test]
fn following_loses_and_repeats_nothing_when_files_are_rotated() {
    let place = Place::new();
    let id = place.detached(&["--log-max", "4K", "--name", "it"], "cat /io/out");
    let mut pipe = place.pipe("out");
    let mut all = Following::start(&place.contain(&["logs", "-f", &id]));
    let (mut seed, mut printed, mut part, mut rotations, mut inode) = (5, Vec::new(), None::<Following>, 0, 0);
    for round in 0..1500 {
        let mut piece: Vec<u8> = (0..random(&mut seed, 90)).map(|_| b'a' + random(&mut seed, 26) as u8).collect();
        if random(&mut seed, 3) == 0 {
            piece.push(b'\n');
        }
        let unfinished = printed.last().is_some_and(|byte| *byte != b'\n');
        pipe.write_all(&piece).unwrap();
        all.shows(&piece);
        part.iter_mut().for_each(|part| part.shows(&piece));
        printed.extend(piece);
        if round == 300 {
            // What it begins with is read by the time that it follows.
            let mut following = Following::start(&place.contain(&["logs", "-f", "-n", "3", "it"]));
            following.shows(last_lines(&printed, 3));
            part = Some(following);
        }
        let now = fs::metadata(place.file(&id, "stdout.log")).map_or(inode, |found| found.ino());
        // With a line that had no end yet, and so moved on.
        rotations += i32::from(now != std::mem::replace(&mut inode, now) && unfinished);
    }
    assert!(rotations > 3, "{rotations} rotations");
    // One that sleeps while files are rotated finds the file that it has not seen.
    let sleeper = below(all.child.id() as i32)[0];
    kill(sleeper, 19);
    let mut missed = Vec::new();
    let mut seen = vec![inode];
    for number in 0.. {
        let line = format!("{number} {}\n", "x".repeat(500));
        pipe.write_all(line.as_bytes()).unwrap();
        wait_until("the line in the log", || place.log(&id, "stdout.log").ends_with(line.as_bytes()));
        missed.extend(line.into_bytes());
        let now = fs::metadata(place.file(&id, "stdout.log")).unwrap().ino();
        if !seen.contains(&now) {
            seen.push(now);
        }
        if seen.len() == 3 {
            break;
        }
    }
    kill(sleeper, 18);
    all.shows(&missed);
    part.iter_mut().for_each(|part| part.shows(&missed));
    printed.extend(missed);
    drop(pipe);
    for following in [Some(all), part].into_iter().flatten() {
        assert_eq!(following.end(), (0, Vec::new(), String::new()));
    }
    place.wait_for_end(&id);
    // One that has ended is shown, and that is all.
    let shown = place.logs(&["-f", &id]);
    is_end_of(&shown.raw, &printed, "logs -f of a stopped one");
}

#[test]
fn following_ends_with_the_container_however_that_ends() {
    for flags in [&["-d", "--rm"][..], &["-d", "--rm", "--log-max=4K"], &["--log", "--rm"]] {
        let place = Place::new();
        let mut run = place.run(&[flags, &["--name", "it"]].concat(), "echo first; exec cat /io/out >&2");
        let mut caller = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut pipe = place.pipe("out");
        let mut following = Following::start(&place.contain(&["logs", "-f", "it"]));
        following.shows(b"first\n");
        pipe.write_all(b"the last words").unwrap();
        drop(pipe);
        // It is removed while it is followed.
        assert_eq!(following.end(), (0, Vec::new(), "the last words".into()), "{flags:?}");
        assert_eq!(ended(&mut caller), 0);
        assert_eq!(place.ids(), [""; 0]);
    }
    // Its supervisor is killed: nobody else tells of the end.
    let place = Place::new();
    let id = place.detached(&[], "echo first; exec cat /io/out");
    let _pipe = place.pipe("out");
    let mut following = Following::start(&place.contain(&["logs", "-f", &id]));
    following.shows(b"first\n");
    kill(place.member(&id, "supervisor_pid").parse().unwrap(), 9);
    assert_eq!(following.end(), (0, Vec::new(), String::new()));
}

/// One that comes too late to open the file that was begun last, because that is removed already.
#[test]
fn following_misses_nothing_of_what_is_removed() {
    for flags in [&["--rm"][..], &[]] {
        let place = Place::new();
        let id = place.detached(&[flags, &["--log-max", "4K"]].concat(), "cat /io/out; cat /io/err >&2");
        let mut following = Following::start(&place.contain(&["logs", "-f", &id]));
        let mut pipe = place.pipe("out");
        pipe.write_all(b"first\n").unwrap();
        following.shows(b"first\n");
        let sleeper = below(following.child.id() as i32)[0];
        kill(sleeper, 19);
        wait_until("it to stop", || status(sleeper, "State").is_some_and(|state| state.starts_with('T')));
        // More than a file, and less than two.
        let lines: Vec<u8> = (0..60).flat_map(|number| format!("{number} {}\n", "x".repeat(90)).into_bytes()).collect();
        pipe.write_all(&lines).unwrap();
        drop(pipe);
        place.pipe("err").write_all(&lines).unwrap();
        if flags.is_empty() {
            place.wait_for_end(&id);
            finish(place.contain(&["rm", &id])).text();
        }
        wait_until("its removal", || place.ids().is_empty());
        kill(sleeper, 18);
        let (code, out, err) = following.end();
        assert_eq!(code, 0);
        same(&out, &lines, "standard output");
        same(err.as_bytes(), &lines, "standard error");
    }
}

/// It waits in poll(2), without a time (proc_pid_syscall(5): number, then arguments).
#[test]
fn following_takes_no_time_while_nothing_is_printed() {
    let place = Place::new();
    let id = place.detached(&[], "echo first; exec cat /io/out");
    let mut pipe = place.pipe("out");
    let mut following = Following::start(&place.contain(&["logs", "-f", &id]));
    for line in [b"first\n", b"other\n"] {
        following.shows(line);
        let follower = below(following.child.id() as i32)[0];
        let call = || fs::read_to_string(format!("/proc/{follower}/syscall")).unwrap_or_default();
        wait_until("poll(2) without a time", || {
            let call = call();
            let words: Vec<&str> = call.split(' ').collect();
            words.len() > 3 && words[0] == PPOLL && words[3] == "0x0"
        });
        pipe.write_all(b"other\n").unwrap();
    }
    following.shows(b"other\n");
    drop(pipe);
    assert_eq!(following.end(), (0, Vec::new(), String::new()));
}

#[test]
fn following_ends_when_nobody_reads_and_at_the_key() {
    let place = Place::new();
    let id = place.detached(&[], "echo first; exec cat /io/out");
    let _pipe = place.pipe("out");
    let mut following = Following::start(&place.contain(&["logs", "-f", &id]));
    following.shows(b"first\n");
    // Nothing more is printed: it is not a write that tells.
    drop(following.output);
    assert_eq!(ended(&mut following.child), 0);

    let mut pty = Pty::open();
    let mut child = pty.spawn(&command(&["logs", "--root", &place.0.at("state"), "-f", &id]));
    pty.expect("first\r\n");
    pty.send("\x03");
    assert_eq!(pty.wait(&mut child), -2);
}

#[test]
fn following_needs_no_inotify() {
    let place = Place::new();
    let id = place.detached(&["--log-max", "4K"], "cat /io/out");
    let mut pipe = place.pipe("out");
    let mut none = Command::new("unshare");
    let script = "echo 0 > /proc/sys/user/max_inotify_instances && exec \"$@\"";
    none.args(["--user", "--map-root-user", "sh", "-c", script, "sh"]).arg(contain()).args(["logs", "-f", &id]);
    none.env("CONTAIN_ROOT", place.0.at("state"));
    let mut following = Following::start(&none);
    for line in ["one\n", "two\n", "three\n"] {
        pipe.write_all(line.as_bytes()).unwrap();
        following.shows(line.as_bytes());
    }
    drop(pipe);
    assert_eq!(following.end(), (0, Vec::new(), String::new()));
}

/// The last lines, the last of all with or without its end.
fn last_lines(text: &[u8], count: u64) -> &[u8] {
    let ends = text.iter().enumerate().rev().skip(1).filter(|(_, byte)| **byte == b'\n');
    match count {
        0 => &[],
        count => ends.map(|(at, _)| at + 1).nth(count as usize - 1).map_or(text, |start| &text[start..]),
    }
}

#[test]
fn the_last_lines() {
    let place = Place::new();
    let id = place.detached(&[], "true");
    place.wait_for_end(&id);
    let many: Vec<u8> = (0..5000).flat_map(|number| format!("{number}\n").into_bytes()).collect();
    let long = [&[b'x'; 20_000][..], b"\nshort"].concat();
    let cases: &[(&[u8], &[u8])] = &[
        (b"", b""),
        (b"", b"\n"),
        (b"", b"a"),
        (b"", b"a\nb"),
        (b"", b"a\nb\n"),
        (b"", b"\n\n\n"),
        (b"a\nb\n", b""),
        (b"a\nb\n", b"c"),
        (b"a\nb\n", b"c\nd\n"),
        // A line that is longer than a file goes on in the next.
        (b"a\nlong", b"er\nc\n"),
        (b"", &many),
        (&many, b"c\n"),
        (b"a\n", &long),
    ];
    for (before, now) in cases {
        fs::write(place.file(&id, "stdout.log.1"), before).unwrap();
        fs::write(place.file(&id, "stdout.log"), now).unwrap();
        let all = [*before, *now].concat();
        let lines = all.iter().filter(|byte| **byte == b'\n').count() as u64;
        for count in [0, 1, 2, 3, 4, 100, 4999, lines, lines + 1, u64::MAX] {
            let got = place.logs(&["-n", &count.to_string(), &id]);
            same(&got.raw, last_lines(&all, count), &format!("-n {count} of {} and {}", before.len(), now.len()));
        }
        same(&place.logs(&[&id]).raw, &all, "all of it");
    }
    // The end of a very large file, in little memory.
    let mut large = File::create(place.file(&id, "stdout.log")).unwrap();
    large.set_len(1 << 30).unwrap();
    std::io::Seek::seek(&mut large, std::io::SeekFrom::End(0)).unwrap();
    large.write_all(b"x\na\nb").unwrap();
    let mut limited = Command::new("bash");
    limited.args(["-c", "ulimit -v 65536; exec \"$@\"", "bash"]).arg(contain()).args(["logs", "-n", "2", &id]);
    finish({
        limited.env("CONTAIN_ROOT", place.0.at("state"));
        limited
    })
    .is(0, "a\nb");
}

#[test]
fn what_makes_no_sense_is_said() {
    let place = Place::new();
    for (flags, words) in [
        (&["--log-max", "1M"][..], &["--log-max", "add --log, or -d"][..]),
        (&["-d", "--log-max", "4095"], &["--log-max 4095", "4K or more"]),
        (&["-d", "--log-max", "0"], &["--log-max 0", "4K or more"]),
        (&["-d", "--log-max", "much"], &["--log-max much", "is not a size"]),
    ] {
        finish(place.run(flags, "true")).fails(2, words);
    }
    finish(place.run(&["--name", "none"], "true")).is(0, "");
    place.logs(&["none"]).fails(125, &["container none has no logs", "-d", "--log"]);
    place.logs(&["-f", "none"]).fails(125, &["container none has no logs"]);
    place.logs(&["nosuch"]).fails(125, &["nosuch: no such container"]);
}

/// A container's root owns its log outside, too: by what it was given nobody runs that as a program, whatever its mode is.
#[test]
fn nobody_runs_a_log() {
    let place = Place::new();
    let script = "cat /bin/busybox >/proc/self/fd/1; chmod 4755 /proc/self/fd/1; touch /done; sleep 1000";
    let id = place.detached(&["--overlay"], script);
    let pid = place.member(&id, "pid");
    wait_until("the log is a program", || fs::exists(format!("/proc/{pid}/root/done")).unwrap());
    let log = place.file(&id, "stdout.log");
    assert_eq!(fs::metadata(&log).unwrap().mode() & 0o7777, 0o4755, "the container changes its log");
    let denied = Command::new(format!("/proc/{pid}/fd/1")).arg("true").output().unwrap_err();
    finish(place.contain(&["rm", "-f", "-t", "0", &id])).text();
    assert_eq!(denied.kind(), std::io::ErrorKind::PermissionDenied);
}
