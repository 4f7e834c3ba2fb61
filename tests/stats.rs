//! `stats`: what containers use, once or every second, as a table, as JSON, and on a terminal in place.

mod common;

use common::detached::Detached;
use common::json::Json;
use common::pty::Pty;
use common::{Live, Out, Scratch, command, finish, wait_until};

const HEADINGS: &str = "CONTAINER     MEMORY        OF LIMIT      CPU %   PIDS  READ/WRITTEN  CPU/MEM/IO PRESSURE\n";

fn stats(of: &Detached, words: &[&str]) -> Out {
    finish(command(&[&["stats", "--root", &of.state()], words].concat()))
}

#[track_caller]
fn json(of: &Detached, words: &[&str]) -> Json {
    Json::read(stats(of, &[&["--json", "--no-stream"], words].concat()).text())
}

#[test]
fn figures_are_those_of_the_group() {
    // A process that computes, one that waits, and the shell.
    let script = "while :; do :; done & sleep 1000 & wait";
    let busy = Detached::start(&["--name", "busy", "--memory", "64M", "--pids", "20"], &["/bin/sh", "-c", script]);
    let look = || json(&busy, &["busy"]).items()[0].clone();
    wait_until("all three", || look().at("pids").number() == 3);
    let (one, two) = (look(), look());
    assert_eq!((one.at("id").text(), one.at("name").text()), (&*busy.id, "busy"));
    assert_eq!((one.at("memory_limit").number(), one.at("pids_limit").number()), (64 << 20, 20));
    let memory = one.at("memory").number();
    assert!((1..64 << 20).contains(&memory), "{one:?}");
    assert!(two.at("cpu_microseconds").number() > one.at("cpu_microseconds").number(), "{one:?} {two:?}");
    // Of a loaded machine's CPUs it gets some; more than one it cannot use, give or take the clock's ticks.
    let share = two.at("cpu_permille").number();
    assert!((1..1500).contains(&share), "{two:?}");
    assert_eq!(json(&busy, &[]).items().len(), 1);

    let out = stats(&busy, &["--no-stream"]);
    let table = out.text();
    assert!(table.starts_with("CONTAINER     MEMORY "), "{table}");
    let row = table.lines().nth(1).unwrap();
    assert!(row.starts_with("busy          ") && row.contains("/64M ") && row.contains(" 3/20 "), "{table}");
    let (_, bar) = row.split_once('[').unwrap();
    assert!(bar.chars().take(8).all(|c| c == ' ' || c == '#') && bar[8..].starts_with("] "), "{table}");
    let fields: Vec<&str> = row[row.find('%').unwrap() + 1..].split_whitespace().collect();
    assert!(fields[0].parse::<f64>().is_ok_and(|share| share > 0.0), "{table}");
}

#[test]
fn who_does_not_run_is_not_shown() {
    let one = Detached::sleeping(&[]);
    let scratch = Scratch::new();
    for words in [&["stats"][..], &["stats", "--no-stream"]] {
        finish(command(&[words, &["--root", &scratch.at("none")]].concat())).is(0, HEADINGS);
    }
    finish(command(&["stats", "--json", "--root", &scratch.at("none")])).is(0, "[]\n");
    stats(&one, &["nosuch"]).fails(125, &["nosuch: no such container"]);
    stats(&one, &["--nosuch"]).fails(2, &["--nosuch"]);
    let out = stats(&one, &["--no-stream"]);
    let row = out.text().lines().nth(1).unwrap();
    // Without a name, by as much of the id as is enough; without limits, without a bar.
    assert!(row.starts_with(&format!("{}  ", &one.id[..12])) && !row.contains('['), "{row}");
    assert!(row.contains("/-  "), "{row}");
    one.kill();
    wait_until("its end", || one.has_ended());
    stats(&one, &["--no-stream"]).is(0, HEADINGS);
    stats(&one, &[&one.id]).fails(125, &[&one.id, "is not running"]);
}

#[test]
fn the_stream_ends_with_the_containers() {
    let one = Detached::sleeping(&["--name", "one"]);
    let mut table = Live::start(command(&["stats", "one", "--root", &one.state()]));
    let mut json = Live::start(command(&["stats", "--json", "--root", &one.state()]));
    // Not before the second table has come.
    for _ in 0..2 {
        assert_eq!(table.line(), HEADINGS.trim_end());
        assert!(table.line().starts_with("one  "));
        assert_eq!((json.line(), json.line()), ("[".into(), "{".into()));
        while json.line() != "]" {}
    }
    one.kill();
    let (table, json) = (table.end(), json.end());
    for out in [&table, &json] {
        assert!(out.code == 0 && out.err.is_empty(), "{out:?}");
    }
    assert_eq!(table.out.matches("\none  ").count(), table.out.matches(HEADINGS).count(), "{table:?}");
    assert!(Json::read_all(&json.out).iter().all(|all| all.items().len() == 1), "{json:?}");
}

#[test]
fn a_reader_that_goes_ends_it() {
    let one = Detached::sleeping(&[]);
    // Also where the caller ignores SIGPIPE.
    let script =
        format!("trap '' PIPE; timeout 20 {} stats --root {} | head -1", common::contain().display(), one.state());
    let out = common::host(&format!("set -o pipefail; {script}; echo ${{PIPESTATUS[0]}}"));
    assert_eq!(out.text(), format!("{HEADINGS}141"));
}

#[test]
fn a_terminal_shows_one_table() {
    let one = Detached::sleeping(&["--name", "one", "--memory", "64M"]);
    let mut pty = Pty::open();
    let before = pty.modes();
    for columns in [40, 80, 132] {
        pty.resize(columns, 24);
        let mut child = pty.spawn(&command(&["--root", &one.state(), "stats"]));
        // Drawn from the corner on, and what was below is cleared away; then again at the same place.
        let frames = [pty.expect("\x1b[J"), pty.expect("\x1b[J")];
        for frame in &frames {
            let lines: Vec<&str> =
                frame.trim_start_matches("\x1b[H").trim_end_matches("\x1b[J").split("\r\n").collect();
            assert!(frame.starts_with("\x1b[H") && lines.len() == 3 && lines[2].is_empty(), "{frame:?}");
            for line in &lines[..2] {
                let shown = line.strip_prefix("\x1b[K").unwrap();
                assert!(shown.chars().count() <= columns.into() && !shown.contains('\x1b'), "{frame:?}");
            }
            assert!(lines[1].starts_with("\x1b[Kone "), "{frame:?}");
        }
        pty.send("\x03");
        assert_eq!(pty.expect("^C"), "^C");
        assert_eq!((pty.wait(&mut child), &*pty.seen), (-2, ""));
        assert_eq!(pty.modes(), before);
    }
    // Where there is no room for all of it, it says so.
    pty.resize(80, 2);
    let mut child = pty.spawn(&command(&["--root", &one.state(), "stats"]));
    assert_eq!(pty.expect("\x1b[J"), "\x1b[H\x1b[K...\r\n\x1b[J");
    one.kill();
    assert_eq!(pty.wait(&mut child), 0);
}
