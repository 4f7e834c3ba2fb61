//! `run --log` and `--log-max`: what a container prints arrives, and is kept, to the byte; files are rotated between
//! lines; readers that are slow, gone or stuck, and a full disk, do no more harm than they must.

mod common;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

use common::printing::{CAT, Place, ended, is_end_of, same, text};
use common::pty::Pty;
use common::{command, contain, finish, kill, rootfs, wait_until, world};

const MEGA: usize = 1 << 20;

#[test]
fn what_is_printed_arrives_and_is_kept_to_the_byte() {
    let (out, err) = (text(1, 10 * MEGA, 20_000), text(2, 10 * MEGA, 200));
    let place = Place::new();
    let done = place.feed(&out, &err, || finish(place.run(&["--log", "--keep"], CAT)));
    assert_eq!(done.code, 7);
    same(&done.raw, &out, "standard output");
    same(done.err.as_bytes(), &err, "standard error");
    let id = place.only();
    same(&place.log(&id, "stdout.log"), &out, "stdout.log");
    same(&place.log(&id, "stderr.log"), &err, "stderr.log");

    let place = Place::new();
    let id = place.detached(&[], CAT);
    place.feed(&out, &err, || place.wait_for_end(&id));
    let shown = place.logs(&[&id]);
    assert_eq!((shown.code, place.member(&id, "exit_code").as_str()), (0, "7"));
    same(&shown.raw, &out, "standard output of -d");
    same(shown.err.as_bytes(), &err, "standard error of -d");
}

#[test]
fn rotated_files_hold_the_end_in_whole_lines() {
    let (out, err) = (text(3, 10 * MEGA, 20_000), text(4, MEGA, 3000));
    for (flags, most) in [(&["-d"][..], 64 << 10), (&["--log", "--keep"], 20 << 10)] {
        let place = Place::new();
        let limit = most.to_string();
        let command = place.run(&[flags, &["--log-max", &limit]].concat(), CAT);
        let done = place.feed(&out, &err, || finish(command));
        let id = place.only();
        place.wait_for_end(&id);
        if flags[0] == "--log" {
            assert_eq!(done.code, 7);
            same(&done.raw, &out, "standard output");
            same(done.err.as_bytes(), &err, "standard error");
        }
        let shown = place.logs(&[&id]);
        for (name, printed, shown) in [("stdout", &out, &shown.raw[..]), ("stderr", &err, shown.err.as_bytes())] {
            let files = [place.log(&id, &format!("{name}.log.1")), place.log(&id, &format!("{name}.log"))];
            let sizes = files.each_ref().map(Vec::len);
            // The longest line is shorter than a file: at most one is missing.
            assert!(sizes.iter().all(|size| *size <= most) && sizes[0] + 20_000 > most, "{name} {flags:?}: {sizes:?}");
            assert_eq!(files[0].last(), Some(&b'\n'));
            is_end_of(&files.concat(), printed, name);
            same(shown, &files.concat(), "contain logs");
        }
        assert!(!place.file(&id, "stdout.log.new").exists());
    }
    // A line that is longer than a file is cut where the file ends; the next one is not.
    let place = Place::new();
    let printed = [&[b'x'; 10_000][..], b"\n", &[b'y'; 4000], b"\n"].concat();
    let id = place.detached(&["--log-max", "4K"], CAT);
    place.feed(&printed, b"", || place.wait_for_end(&id));
    same(&place.log(&id, "stdout.log.1"), &printed[8192..10_001], "the rest of a long line");
    same(&place.log(&id, "stdout.log"), &printed[10_001..], "the line after it");
}

#[test]
fn a_slow_reader_loses_nothing_and_holds_the_container_up() {
    let out = text(6, 2 * MEGA, 500);
    let place = Place::new();
    let mut command = place.run(&["--log", "--keep"], CAT);
    let mut child = place.feed(&out[..MEGA / 2], b"", || {
        let child = command.stdout(Stdio::piped()).spawn().unwrap();
        wait_until("the container", || !place.ids().is_empty());
        let id = place.only();
        let logged = || fs::metadata(place.file(&id, "stdout.log")).map_or(0, |found| found.len());
        wait_until("a pipe full", || logged() >= 65_536);
        let mut child = child;
        let output = child.stdout.as_mut().unwrap();
        let mut got = Vec::new();
        let mut piece = [0; 3000];
        loop {
            // What the reader has, what a pipe holds, and a bufferful of contain's.
            assert!(logged() <= got.len() as u64 + 65_536 + 4096, "{} for {}", logged(), got.len());
            let count = output.read(&mut piece).unwrap();
            if count == 0 {
                break;
            }
            got.extend(&piece[..count]);
        }
        same(&got, &out[..MEGA / 2], "what a slow reader got");
        same(&place.log(&id, "stdout.log"), &got, "stdout.log");
        child
    });
    assert_eq!(ended(&mut child), 7);
}

#[test]
fn a_reader_that_never_reads_does_not_outlast_a_signal() {
    let place = Place::new();
    let mut child = place.run(&["--log", "--keep"], "exec yes").stdout(Stdio::piped()).spawn().unwrap();
    let logged = || fs::metadata(place.file(&place.only(), "stdout.log")).map_or(0, |found| found.len());
    wait_until("the reader's pipe to be full", || !place.ids().is_empty() && logged() >= 65_536 + 4096);
    // It waits in write(2), which is call 1.
    wait_until("the container's pipe to be full", || {
        let first = place.member(&place.only(), "pid");
        fs::read_to_string(format!("/proc/{first}/syscall")).is_ok_and(|call| call.starts_with("1 "))
    });
    kill(child.id() as i32, 15);
    assert_eq!(ended(&mut child), 143);
    // What was still in the container's pipe is kept.
    assert!(logged() >= 2 * 65_536, "{}", logged());
}

#[test]
fn a_reader_that_goes_away_leaves_the_log() {
    let place = Place::new();
    let out = text(7, MEGA, 500);
    let mut child = place.run(&["--log", "--keep"], CAT).stdout(Stdio::piped()).spawn().unwrap();
    place.feed(&out, b"", || {
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    });
    assert_eq!(ended(&mut child), 7);
    same(&place.log(&place.only(), "stdout.log"), &out, "stdout.log");
}

#[test]
fn a_full_disk_is_told_once_and_ends_nothing() {
    if !world::entered("a_full_disk_is_told_once_and_ends_nothing") {
        return;
    }
    let place = Place::new();
    fs::create_dir(place.0.at("state")).unwrap();
    let mount = ["-t", "tmpfs", "-o", "size=128k,mode=700", "small", &place.0.at("state")].map(String::from);
    assert!(Command::new("mount").args(mount).status().unwrap().success());
    let out = text(8, MEGA, 500);
    let done = place.feed(&out, b"", || finish(place.run(&["--log"], CAT)));
    assert_eq!(done.code, 7);
    same(&done.raw, &out, "standard output");
    assert_eq!(done.err.matches("contain: ").count(), 1, "{done:?}");
    assert!(done.err.contains("stdout.log: ENOSPC"), "{done:?}");
    // With neither a reader nor a log the container's own writes fail, as without --log.
    let mut child = place.run(&["--log"], "yes; exit 5").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut some = [0; 300_000];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    assert_eq!(ended(&mut child), 5);
    // Once there is room the log goes on, with whole lines.
    fs::write(place.0.at("state/filler"), [0; 60 << 10]).unwrap();
    let mut run = place.run(&["--log"], "cat /io/out");
    let mut child = run.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (mut pipe, mut output) = (place.pipe("out"), child.stdout.take().unwrap());
    let mut print = |text: &[u8]| {
        std::thread::scope(|scope| {
            scope.spawn(|| pipe.write_all(text).unwrap());
            let mut got = vec![0; text.len()];
            output.read_exact(&mut got).unwrap();
        });
    };
    let id = place.only();
    print((1..100_000).map(|number| format!("{number}\n")).collect::<String>().as_bytes());
    print(b"99");
    let full = place.log(&id, "stdout.log").len();
    fs::remove_file(place.0.at("state/filler")).unwrap();
    print(b"9999\n20");
    print(b"0000\n");
    let log = String::from_utf8(place.log(&id, "stdout.log")).unwrap();
    let numbers: Vec<u32> = log.lines().map(|line| line.parse().expect("a number")).collect();
    assert_eq!(numbers.last(), Some(&200_000), "{full}");
    let before = &numbers[..numbers.len() - 1];
    assert!(before.iter().zip(1..).all(|(number, wanted)| *number == wanted), "not whole: {:?}", before.last());
    assert!(log.ends_with('\n') && before.len() > 1000 && before.len() < 50_000);
    drop(pipe);
    assert_eq!(ended(&mut child), 0);
    drop(Command::new("umount").arg(place.0.at("state")).status());
}

#[test]
fn a_terminal_is_logged() {
    let place = Place::new();
    let state = place.0.at("state");
    let words = ["run", "--root", &state, "--rootfs", rootfs(), "--quiet", "--log", "--name"];
    let script = "test -t 1 && echo out; echo err >&2; exit 5";
    let mut pty = Pty::open();
    let mut child = pty.spawn(&command(&[&words[..], &["one", "--", "sh", "-c", script]].concat()));
    assert_eq!((pty.wait(&mut child), std::mem::take(&mut pty.seen).as_str()), (5, "out\r\nerr\r\n"));
    let shown = place.logs(&["one"]);
    assert_eq!((shown.out.as_str(), shown.err.as_str()), ("out\r\nerr\r\n", ""));
    // A standard error that the caller sent elsewhere stays there, and is its own log.
    let errors = place.0.at("errors");
    let line = [&words[..], &["two", "--", "sh", "-c", &format!("'{script}'")]].concat().join(" ");
    let line = format!("{} {line} 2>{errors}", contain().display());
    let mut child = pty.spawn(Command::new("bash").args(["-c", &line]));
    assert_eq!((pty.wait(&mut child), pty.seen.as_str()), (5, "out\r\n"));
    let shown = place.logs(&["two"]);
    assert_eq!((shown.out.as_str(), shown.err.as_str()), ("out\r\n", "err\n"));
    assert_eq!(fs::read_to_string(errors).unwrap(), "err\n");
}

#[test]
fn a_logged_container_is_like_any_other() {
    let place = Place::new();
    for flags in [&["--log"][..], &["--log", "--log-max", "4K"]] {
        let sh = |more: &[&str], script: &str| finish(place.run(&[flags, more].concat(), script));
        sh(&[], "echo a; echo b >&2; exit 3").is(3, "a\n");
        assert_eq!(sh(&["--timeout", "200ms"], "echo a; sleep 1000").is(124, "a\n").err.lines().count(), 1);
        sh(&["--init"], "echo a; kill -9 $$").is(137, "a\n");
        sh(&["-w", "/nowhere"], "").fails(125, &["/nowhere"]);
        // Its user may open its standard streams again.
        sh(&["-u", "1000:1000"], "echo a > /dev/stdout; echo b > /dev/stderr").is(0, "a\n");
        // Somebody else holds the pipe.
        sh(&["--pid", "host"], "sleep 1000 & echo a").is(0, "a\n");
        let fed = common::feed(place.run(flags, "cat"), b"from the caller");
        fed.is(0, "from the caller");
    }
    let id = place.detached(&["-u", "1000:1000"], "echo a >> /dev/stdout");
    place.wait_for_end(&id);
    place.logs(&[&id]).is(0, "a\n");
}

#[test]
fn the_one_who_copies_is_small() {
    let size = fs::metadata(contain()).unwrap().len();
    if size > 400_000 {
        return eprintln!("SKIPPED: {} is not the shipped build", contain().display());
    }
    let place = Place::new();
    let id = place.detached(&["--log-max", "64K"], CAT);
    let out = text(9, MEGA, 500);
    let supervisor = place.member(&id, "supervisor_pid");
    let mut pipes = [place.pipe("err"), place.pipe("out")];
    pipes.iter_mut().for_each(|pipe| pipe.write_all(&out).unwrap());
    let pss = || {
        let text = fs::read_to_string(format!("/proc/{supervisor}/smaps_rollup")).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    };
    wait_until("150 KB at most", || pss() <= 150);
    drop(pipes);
    place.wait_for_end(&id);
}
