//! `ps`, `inspect` and `top`: what is told of containers that run, that have ended, that were left by a killed `contain`,
//! and of records that are no records. `stats` is in stats.rs.

mod common;

use std::fs;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::Command;

use common::json::Json;
use common::pty::Pty;
use common::{Out, Scratch, command, finish, kill, rootfs, status, wait_until};
use rustix::fs::{FlockOperation, flock};

const HEADINGS: &str = "CONTAINER ID       PID      STATUS     CREATED                  NAME  COMMAND\n";
/// 2025-06-15 10:30:00 UTC, as in the seed document.
const CREATED: u64 = 1_749_983_400;

/// Containers of this test's own.
struct State(Scratch);

impl State {
    fn new() -> State {
        State(Scratch::new())
    }

    fn path(&self) -> String {
        self.0.at("state")
    }

    fn command(&self, words: &[&str]) -> Command {
        command(&[&["--root", &self.path()], words].concat())
    }

    #[track_caller]
    fn run(&self, words: &[&str]) -> Out {
        finish(self.command(words))
    }

    /// What a command prints that succeeds and has nothing to complain of.
    #[track_caller]
    fn told(&self, words: &[&str]) -> String {
        let out = self.run(words);
        assert!(out.code == 0 && out.err.is_empty(), "{words:?}: {out:?}");
        out.out
    }

    #[track_caller]
    fn json(&self, words: &[&str]) -> Json {
        Json::read(&self.told(words))
    }

    /// Starts a container that is left; its id.
    #[track_caller]
    fn start(&self, flags: &[&str], script: &str) -> String {
        let inside = ["--", "/bin/sh", "-c", script];
        self.run(&[&["run", "-d", "--rootfs", rootfs()], flags, &inside].concat()).text().to_string()
    }

    /// A directory with this for a record.
    fn fake(&self, id: &str, record: impl AsRef<[u8]>) -> PathBuf {
        let file = self.0.file(&format!("state/{id}/metadata.json"), record);
        file.parent().unwrap().to_path_buf()
    }

    /// The record of a container that has ended.
    fn ended(&self, number: u64, more: &str) -> String {
        let id = format!("{number:016x}");
        let fixed = r#""status": "stopped", "command": ["/bin/sh", "-c", "echo Hello"], "pid": 99"#;
        let more = if more.contains("exit_code") { more.into() } else { format!(r#", "exit_code": 0{more}"#) };
        let created = CREATED + number;
        self.fake(&id, format!(r#"{{"id": "{id}", {fixed}, "created": {created}{more}}}"#));
        id
    }

    fn number(&self, id: &str, member: &str) -> i32 {
        let all = self.json(&["inspect", id]);
        all.items()[0].at(member).number() as i32
    }
}

impl Drop for State {
    fn drop(&mut self) {
        let left = self.command(&["ps", "-aq"]).output().expect("ps").stdout;
        let ids = String::from_utf8(left).unwrap();
        let ids: Vec<&str> = ids.lines().collect();
        if !ids.is_empty() {
            let _ = self.command(&[&["rm", "-f", "-t", "0"], &ids[..]].concat()).output();
        }
    }
}

/// The line of a table that begins with this.
#[track_caller]
fn line<'a>(table: &'a str, start: &str) -> &'a str {
    table.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("no line {start}: {table}"))
}

#[test]
fn nothing_is_an_empty_list() {
    let state = State::new();
    for words in [&["ps"][..], &["ps", "-a"], &["list"]] {
        assert_eq!(state.told(words), HEADINGS);
    }
    assert_eq!(state.told(&["ps", "-aq"]), "");
    assert_eq!(state.told(&["ps", "-a", "--json"]), "[]\n");
    state.run(&["inspect", "abc"]).fails(125, &["abc: no such container", "contain ps -a"]);
    state.run(&["top", "abc"]).fails(125, &["abc: no such container"]);
    // Looking makes nothing.
    assert!(!state.0.path().join("state").exists());
}

#[test]
fn a_place_that_is_not_trusted_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let state = State::new();
    state.ended(1, "");
    fs::set_permissions(state.path(), fs::Permissions::from_mode(0o777)).unwrap();
    state.run(&["ps"]).fails(125, &[&state.path(), "it is not trusted", "--root DIR"]);
    fs::set_permissions(state.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let file = state.0.file("file", "");
    finish(command(&["ps", "--root", file.to_str().unwrap()])).fails(125, &["ENOTDIR", "must be a directory"]);
}

#[test]
fn columns_are_those_of_the_seed_document() {
    let state = State::new();
    state.ended(0xa1b2_c3d4_e5f6_7890, &format!(r#", "created": {CREATED}"#));
    let table = "\
CONTAINER ID       PID      STATUS       CREATED                  NAME  COMMAND
a1b2c3d4e5f67890   -        stopped (0)  2025-06-15 10:30:00 UTC  -     /bin/sh -c 'echo Hello'
";
    assert_eq!(state.told(&["ps", "-a"]), table);
    assert_eq!(state.told(&["list", "--all"]), table);
    // The plain list is empty and says why.
    let out = state.run(&["ps"]);
    assert_eq!(out.err, "contain: 1 has ended: contain ps -a\n");
    out.is(0, HEADINGS);
    assert_eq!(state.told(&["ps", "-q"]), "");
    state.ended(1, r#", "exit_code": 137, "oom": true, "name": "web""#);
    state.ended(2, r#", "exit_code": null"#);
    assert_eq!(state.run(&["ps"]).err, "contain: 3 have ended: contain ps -a\n");
    let table = state.told(&["ps", "-a"]);
    assert!(line(&table, "0000000000000001").contains("stopped (137, oom)  2025-06-15 10:30:01 UTC  web "), "{table}");
    assert!(line(&table, "0000000000000002").contains("stopped (?)"), "{table}");
}

#[test]
fn the_newest_come_first() {
    let state = State::new();
    for (number, created) in [(1, 5), (2, 9), (3, 5), (4, 7)] {
        state.ended(number, &format!(r#", "created": {created}"#));
    }
    let order: Vec<String> = [2, 4, 1, 3].iter().map(|number| format!("{number:016x}")).collect();
    assert_eq!(state.told(&["ps", "-aq"]), order.iter().map(|id| format!("{id}\n")).collect::<String>());
    let json = state.json(&["ps", "-a", "--json"]);
    assert_eq!(json.items().iter().map(|item| item.at("id").text()).collect::<Vec<_>>(), order);
}

#[test]
fn running_paused_and_ended() {
    let state = State::new();
    let web = state.start(&["--name", "web", "--memory", "64M"], "exec sleep 1000");
    let over = state.start(&[], "exit 3");
    wait_until("its end", || state.told(&["ps", "-q"]) == format!("{web}\n"));
    let pid = state.number("web", "pid");
    assert_eq!(status(pid, "NSpid").unwrap().split_whitespace().last(), Some("1"));
    let table = state.told(&["ps"]);
    let row = line(&table, &web);
    assert!(row.starts_with(&format!("{web}   {pid} ")), "{row}");
    assert!(row.contains(" running ") && row.ends_with(" UTC  web   /bin/sh -c 'exec sleep 1000'"), "{row}");
    assert!(!table.contains(&over), "{table}");
    assert!(line(&state.told(&["ps", "-a"]), &over).starts_with(&format!("{over}   -        stopped (3)  ")));
    state.run(&["pause", "web"]).text();
    assert!(line(&state.told(&["ps"]), &web).contains(" paused "));
    assert_eq!(state.json(&["ps", "--json"]).items()[0].at("status").text(), "paused");
    state.run(&["resume", "web"]).text();
    assert!(line(&state.told(&["ps"]), &web).contains(" running "));
}

#[test]
fn json_has_everything() {
    let state = State::new();
    let id = state.start(&["--name", "web", "--pids", "20", "-e", "A=\u{1b}\"\u{e9}"], "exec sleep 1000");
    let all = state.json(&["ps", "--json"]);
    assert_eq!(all, state.json(&["inspect", "web"]));
    assert_eq!(all, state.json(&["inspect", &id[..7]]));
    let one = &all.items()[0];
    assert_eq!((one.at("id").text(), one.at("name").text(), one.at("status").text()), (&*id, "web", "running"));
    assert_eq!((one.at("limits").at("pids").number(), one.at("exit_code")), (20, &Json::Null));
    let strings = |name: &str| one.at(name).items().iter().map(|item| item.text().to_string()).collect::<Vec<_>>();
    assert_eq!(strings("command"), ["/bin/sh", "-c", "exec sleep 1000"]);
    assert!(strings("environment").contains(&"A=\u{1b}\"\u{e9}".into()));
    let place = format!("{}/{id}", state.path());
    assert_eq!(one.at("state_directory").text(), place);
    for name in ["stdout", "stderr"] {
        assert_eq!(one.at(&format!("{name}_log")).text(), format!("{place}/{name}.log"));
    }
    assert_eq!(state.json(&["inspect", "web", &id]).items().len(), 2);
    let one = state.run(&["inspect", "nosuch", "web"]);
    one.fails(125, &["nosuch: no such container"]).is(125, &state.run(&["inspect", "web"]).out);
    for words in [&["ps", "x"][..], &["inspect"], &["top"], &["top", "a", "b"]] {
        state.run(words).fails(2, &[words[0]]);
    }
}

#[test]
fn what_somebody_chose_steers_no_terminal() {
    let state = State::new();
    let text = r#"\u001b[2J\u009b31m\n\u0000\u007f\u202e\u00e9\\"#;
    let name =
        format!(r#", "name": "x{text}", "rootfs": "/r{}", "command": ["a{0}", "b"]"#, text.replace(r"\u0000", ""));
    let fake = state.ended(1, &name);
    let id = state.start(&[], "sleep 1000; : '\x1b]0;title\x07 \u{9b}31m'");
    for words in
        [&["ps", "-a"][..], &["ps", "-a", "--no-trunc"], &["ps", "-a", "--json"], &["inspect", &id], &["top", &id]]
    {
        let out = state.told(words);
        assert!(!out.chars().any(|c| c.is_control() && c != '\n'), "{words:?}: {out:?}");
    }
    let table = state.told(&["ps", "-a"]);
    assert!(table.contains(r"x\x1b[2J\x9b31m\x0a\x00\x7f"), "{table}");
    assert_eq!(table.lines().count(), 3, "{table}");
    assert!(state.told(&["top", &id]).contains(r"sleep 1000; : '\x1b]0;title\x07 \x9b31m'"));
    assert_eq!(
        state.json(&["inspect", &fake]).items()[0].at("name").text(),
        "x\u{1b}[2J\u{9b}31m\n\0\u{7f}\u{202e}\u{e9}\\"
    );
}

#[test]
fn damaged_records_are_shown_as_such() {
    let state = State::new();
    let good = fs::read(state.fake("0", "{}").join("metadata.json")).unwrap();
    assert_eq!(good, b"{}");
    let whole = state.ended(0xf, "");
    let text = fs::read_to_string(format!("{}/{whole}/metadata.json", state.path())).unwrap();
    let cut = |at: usize| text.as_bytes()[..at].to_vec();
    let deep = "[".repeat(100_000).into_bytes();
    let wrong = [vec![], b"\xff\xfe".to_vec(), cut(20), cut(text.len() - 1), deep, b"{\"status\": \"gone\"}".to_vec()];
    let ids: Vec<String> = (1..=wrong.len()).map(|number| format!("{number:016x}")).collect();
    ids.iter().zip(&wrong).for_each(|(id, text)| drop(state.fake(id, text)));
    // What is no file at all; nothing waits for somebody to write into a FIFO.
    let odd =
        ["00000000000000aa", "00000000000000bb", "00000000000000cc"].map(|id| state.fake(id, "").join("metadata.json"));
    odd.iter().for_each(|path| fs::remove_file(path).unwrap());
    fs::create_dir(&odd[0]).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &odd[1]).unwrap();
    assert!(Command::new("mkfifo").arg(&odd[2]).status().unwrap().success());
    let table = state.told(&["ps", "-a"]);
    assert_eq!(table.lines().count(), 2 + wrong.len() + odd.len(), "{table}");
    assert_eq!(table.matches("   -        damaged      ").count(), wrong.len() + odd.len(), "{table}");
    assert!(line(&table, &ids[2]).contains("metadata.json: a string does not end at byte 20"), "{table}");
    assert!(line(&table, "00000000000000aa").contains("metadata.json: EISDIR"), "{table}");
    assert!(line(&table, "00000000000000bb").contains("metadata.json: ELOOP"), "{table}");
    let json = state.json(&["inspect", &ids[0]]);
    let one = &json.items()[0];
    assert_eq!((one.at("status").text(), one.at("id").text()), ("damaged", &*ids[0]));
    assert_eq!(one.at("damage").text(), "metadata.json: an object is wanted at byte 0");
    // Nobody waits for them, so they have ended, whatever they were.
    assert_eq!(state.run(&["ps"]).err, format!("contain: {} have ended: contain ps -a\n", 1 + wrong.len() + odd.len()));
    // Of one that somebody waits for it is told in any case.
    let held = fs::File::open(format!("{}/{}", state.path(), ids[3])).unwrap();
    flock(held.as_fd(), FlockOperation::LockExclusive).unwrap();
    let table = state.told(&["ps"]);
    assert_eq!(table.lines().count(), 2, "{table}");
    assert!(line(&table, &ids[3]).contains(" damaged "), "{table}");
    state.run(&["top", &ids[3]]).fails(125, &[&ids[3], "metadata.json: "]);
}

/// A container that begins has no record yet, and then no process; one that ends has no record any more.
#[test]
fn between_two_states() {
    let state = State::new();
    let hold = |path: PathBuf| {
        let directory = fs::File::open(path).unwrap();
        flock(directory.as_fd(), FlockOperation::LockExclusive).unwrap();
        directory
    };
    let bare = state.fake("0000000000000001", "");
    fs::remove_file(bare.join("metadata.json")).unwrap();
    let bare = hold(bare);
    let _new = hold(state.fake("0000000000000002", r#"{"status": "running", "pid": 0}"#));
    let table = state.told(&["ps"]);
    assert_eq!(table.lines().count(), 2, "{table}");
    assert!(line(&table, "0000000000000002   -        starting   -    ").ends_with(" -"), "{table}");
    assert_eq!(state.json(&["ps", "--json"]).items()[0].at("status").text(), "starting");
    // The end is written down before the `contain` that waits has gone.
    let _ending = hold(state.fake("0000000000000003", r#"{"status": "stopped", "exit_code": 0}"#));
    assert_eq!(state.told(&["ps", "-q"]), "0000000000000002\n");
    // To begin takes no time: somebody has removed the record.
    bare.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(11)).unwrap();
    let table = state.told(&["ps"]);
    assert!(line(&table, "0000000000000001").ends_with("metadata.json is missing"), "{table}");
    // Left by one that was killed: it is cleared away.
    flock(bare.as_fd(), FlockOperation::Unlock).unwrap();
    assert_eq!(state.told(&["ps", "-aq"]), "0000000000000002\n0000000000000003\n");
}

#[test]
fn after_a_kill_the_truth_is_told() {
    let state = State::new();
    let kept = state.start(&["--name", "web"], "exec sleep 1000");
    let (first, supervisor) = (state.number("web", "pid"), state.number("web", "supervisor_pid"));
    let left = state.start(&["--rm"], "exec sleep 1000");
    let other = state.number(&left, "supervisor_pid");
    assert_eq!(state.told(&["ps", "-q"]).lines().count(), 2);
    for pid in [supervisor, other] {
        kill(pid, 9);
        wait_until("its death", || status(pid, "State").is_none_or(|text| text.starts_with('Z')));
    }
    let out = state.run(&["ps"]);
    assert_eq!(out.err, "contain: 1 has ended: contain ps -a\n");
    out.is(0, HEADINGS);
    assert!(line(&state.told(&["ps", "-a"]), &kept).starts_with(&format!("{kept}   -        stopped (?)  ")));
    assert_eq!(state.told(&["ps", "-aq"]), format!("{kept}\n"));
    let json = state.json(&["inspect", "web"]);
    assert_eq!((json.items()[0].at("status").text(), json.items()[0].at("exit_code")), ("stopped", &Json::Null));
    assert!(status(first, "State").is_none_or(|text| text.starts_with('Z')), "the container goes on");
    state.run(&["top", "web"]).fails(125, &["web is not running"]);
}

#[test]
fn containers_end_while_they_are_listed() {
    let state = State::new();
    state.ended(1, "");
    std::thread::scope(|scope| {
        let loops: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..12 {
                        let out = state.run(&["run", "--rootfs", rootfs(), "--log", "--", "/bin/true"]);
                        assert_eq!(out.code, 0, "{out:?}");
                    }
                })
            })
            .collect();
        let mut seen = 0;
        while !loops.iter().all(|one| one.is_finished()) {
            let json = state.json(&["ps", "-a", "--json"]);
            for one in json.items() {
                let status = one.at("status").text();
                assert!(["running", "starting", "stopped"].contains(&status), "{json:?}");
                seen += 1;
            }
            assert!(!state.told(&["ps", "-a"]).contains("damaged"));
        }
        assert!(seen > 0);
    });
    assert_eq!(state.told(&["ps", "-aq"]).lines().count(), 1);
}

#[test]
fn top_tells_processes_as_they_are_inside() {
    let state = State::new();
    let id = state.start(&["--user", "1000:1000", "--name", "web"], "sleep 1001 & exec sleep 1002");
    let rows = || {
        let table = state.told(&["top", "web"]);
        assert!(table.starts_with("PID     HOST PID  USER   TIME     COMMAND\n"), "{table}");
        table.lines().skip(1).map(|row| row.split_whitespace().map(String::from).collect()).collect::<Vec<Vec<_>>>()
    };
    wait_until("both", || rows().iter().all(|row| row[4] == "sleep") && rows().len() == 2);
    let (rows, first) = (rows(), state.number(&id, "pid"));
    assert_eq!((&*rows[0][0], &rows[0][1], &*rows[0][2]), ("1", &first.to_string(), "1000"));
    for (row, time) in rows.iter().zip(["1002", "1001"]) {
        let host: i32 = row[1].parse().unwrap();
        assert_eq!(status(host, "NSpid").unwrap().split_whitespace().last(), Some(&*row[0]));
        assert_eq!(fs::read_to_string(format!("/proc/{host}/cmdline")).unwrap(), format!("sleep\0{time}\0"));
        assert_eq!(row[5], time);
        assert!(row[3].starts_with("0:0"), "{row:?}");
    }
    // With the host's processes it is those of its group.
    if common::cgroup("pids").is_none() {
        println!("top of a container with the host's processes: not tried, this machine has no pids controller");
        return;
    }
    let shared = state.start(&["--pid", "host"], "sleep 1003 & exec sleep 1004");
    wait_until("both", || state.told(&["top", &shared]).matches("  sleep 100").count() == 2);
    let table = state.told(&["top", &shared]);
    assert_eq!(table.lines().count(), 3, "{table}");
    for row in table.lines().skip(1) {
        let fields: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(fields[0], fields[1], "{table}");
    }
}

#[test]
fn tables_fit_the_terminal() {
    let state = State::new();
    let id = state.ended(1, &format!(r#", "command": ["/bin/sh", "{}"]"#, "\u{6f22}long ".repeat(1000)));
    let shown = |columns: u16| {
        let mut pty = Pty::open();
        pty.resize(columns, 24);
        let mut child = pty.spawn(&state.command(&["ps", "-a"]));
        assert_eq!(pty.wait(&mut child), 0);
        pty.seen.replace('\r', "")
    };
    // A character of East Asia takes two columns.
    let width = |line: &str| line.chars().map(|c| if c < '\u{1100}' { 1 } else { 2 }).sum::<usize>();
    for columns in [1, 2, 12, 40, 79, 80, 132] {
        let table = shown(columns);
        assert_eq!(table.lines().count(), 2, "{table}");
        let row = table.lines().nth(1).unwrap();
        let wide = width(row);
        assert!(wide <= columns.into() && wide + 1 >= columns.into(), "{columns}: {table}");
        assert_eq!(row.ends_with("..."), columns > 10, "{columns}: {table}");
        assert!(table.lines().all(|line| width(line) <= columns.into()), "{columns}: {table}");
    }
    assert!(shown(0).lines().all(|line| width(line) <= 80));
    let whole = state.told(&["ps", "-a", "--no-trunc"]);
    assert!(whole.ends_with("\u{6f22}long '\n") && width(line(&whole, &id)) > 7000, "{whole}");
    // Into a pipe or a file there is room, but not for everything.
    assert!((119..=120).contains(&width(line(&state.told(&["ps", "-a"]), &id))));
}

/// What each container costs beside the reading of its record: two opens and closes, and a question to a lock.
#[test]
fn system_calls_are_few() {
    let state = State::new();
    let count = |words: &[&str]| {
        let mut strace = Command::new("strace");
        strace
            .args(["-qq", "-o", &state.0.at("trace")])
            .arg(common::contain())
            .args(["--root", &state.path()])
            .args(words);
        finish(strace).text();
        let trace = fs::read_to_string(state.0.at("trace")).unwrap();
        // A debug build asks of each descriptor whether it is open before it closes it.
        trace.lines().filter(|line| !line.starts_with("fcntl(")).count()
    };
    let mut held = Vec::new();
    for number in 1..=10 {
        state.ended(number, "");
    }
    let few = count(&["ps", "-a"]);
    for number in 11..=210 {
        state.ended(number, "");
    }
    let many = count(&["ps", "-a"]);
    assert!(many - few <= 200 * 7 + 100, "{few} calls for 10 containers, {many} for 210");
    // Those that somebody waits for: their lock need not be given back.
    for id in fs::read_dir(state.path()).unwrap().flatten() {
        let text = fs::read_to_string(id.path().join("metadata.json")).unwrap();
        fs::write(id.path().join("metadata.json"), text.replace("stopped", "running")).unwrap();
        let directory = fs::File::open(id.path()).unwrap();
        flock(directory.as_fd(), FlockOperation::LockExclusive).unwrap();
        held.push(directory);
    }
    let running = count(&["ps"]);
    assert!(running - few <= 200 * 6 + 100, "{few} calls for 10 containers, {running} for 210 that run");
    assert_eq!(state.told(&["ps"]).matches(" running ").count(), 210);
}
