//! What is found in the directory in which containers are written down, when it is rubbish: not ours, cut short, hostile or
//! from another time, as a record and as a name. Nothing hangs, nothing is followed out of the directory, and what is told
//! is true.

mod common;
use std::fs;

use common::written::{ID, OTHER, State, ended, shell, supervisor};
use common::{host, kill, status, wait_until};

/// Whatever a hostile or broken hand puts in the place of a container or of its record.
const RUBBISH: [&str; 16] = [
    "touch $I",
    "ln -s $CANARY $I",
    "mkfifo $I",
    "python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' $I",
    "mknod $I c 1 5",
    "mkdir $I; mkfifo $I/metadata.json",
    "mkdir -p $I/metadata.json",
    "mkdir $I; ln -s $CANARY/metadata.json $I/metadata.json",
    "mkdir $I; mknod $I/metadata.json c 1 5",
    "mkdir $I; truncate -s 100G $I/metadata.json",
    "mkdir $I; : >$I/metadata.json",
    "mkdir $I; head -c 10000000 /dev/zero | tr '\\0' '[' >$I/metadata.json",
    "mkdir $I; head -c 4000000 /dev/zero | tr '\\0' '[' >$I/metadata.json",
    "mkdir $I; head -c 100000 /dev/urandom >$I/metadata.json",
    "mkdir $I; { printf '{\"command\": ['; yes '\"\",' | head -n 900000; printf '\"\"]}'; } >$I/metadata.json",
    "mkdir $I; printf '{\"status\": \"running\", \"pid\": 1, \"start_time\": 0, \"supervisor_pid\": 99999999999}' >$I/metadata.json",
];

#[test]
fn rubbish_in_the_place_of_a_container() {
    let state = State::made();
    let canary = state.here.path().join("canary");
    fs::create_dir(&canary).unwrap();
    for name in ["metadata.json", "stdout.log", "metadata.json.new"] {
        fs::write(canary.join(name), ended("")).unwrap();
    }
    let tree = || host(&format!("cd {} && find . -printf '%p %s %T@ %m\\n' | sort", canary.display())).out;
    let before = tree();
    let running = state.run(&["-d", "--name", "beside"], &["sleep", "1000"]).text().to_string();
    for rubbish in RUBBISH {
        let place = state.root.join(ID);
        shell(&format!("export I={} CANARY={}\n{rubbish}", place.display(), canary.display()));
        let told = state.ps();
        assert!(told.contains(&running), "{rubbish}: {told}");
        for words in [
            &["inspect", ID] as &[&str],
            &["logs", ID],
            &["top", ID],
            &["stop", ID],
            &["kill", ID],
            &["wait", ID],
            &["pause", ID],
            &["exec", ID, "true"],
            &["stats", "--no-stream", ID],
            &["update", "-m", "64M", ID],
            &["rm", ID],
            &["rm", "-f", ID],
        ] {
            let got = state.contain(words);
            assert!((0..=125).contains(&got.code), "{rubbish}: {words:?}: {got:?}");
            assert!(got.err.is_empty() || got.err.starts_with("contain: "), "{rubbish}: {words:?}: {got:?}");
        }
        let pruned = state.contain(&["prune"]);
        assert!((0..=125).contains(&pruned.code), "{rubbish}: {pruned:?}");
        // What is no container's is left, and said.
        let ours = rubbish.starts_with("mkdir");
        assert_eq!(place.symlink_metadata().is_err(), ours, "{rubbish}: {pruned:?}");
        assert!(ours || pruned.err.contains(ID), "{rubbish}: {pruned:?}");
        shell(&format!("rm -rf {}", place.display()));
        assert_eq!(state.run(&[], &["echo", "ran"]).text(), "ran", "{rubbish}");
        assert_eq!(state.contain(&["ps", "-q"]).text(), running, "{rubbish}");
    }
    assert_eq!(tree(), before, "somebody followed a link");
    state.contain(&["rm", "-f", "beside"]).text();
    state.prunes_to_nothing("rubbish");
}

/// The only row of `ps -a` there is, or nothing.
fn row(state: &State) -> String {
    state.ps().lines().skip(1).collect::<Vec<_>>().join("\n")
}

/// What a power failure may leave between any two writes, and what is true of it.
#[test]
fn every_state_between_two_writes() {
    let whole = ended(", \"name\": \"web\"");
    let running = whole.replace("stopped", "running").replace("\"exit_code\": 3, ", "");
    let forgotten = running.replace("\"keep\": true", "\"keep\": false");
    // What is there, the files and their texts, and what `ps -a` tells.
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);
    let cases: [Case; 13] = [
        ("the directory", &[], ""),
        ("an empty new record", &[("metadata.json.new", "")], ""),
        ("half a new record", &[("metadata.json.new", &whole[..40])], ""),
        ("empty logs", &[("stdout.log", ""), ("stderr.log", "")], ""),
        ("an empty record", &[("metadata.json", "")], "damaged"),
        ("half a record", &[("metadata.json", &whole[..40])], "damaged"),
        ("zeros", &[("metadata.json", "\0\0\0\0\0\0\0\0")], "damaged"),
        ("a record before the end", &[("metadata.json", &running)], "stopped (?)"),
        ("half of the next record", &[("metadata.json", &running), ("metadata.json.new", "{\"id")], "stopped (?)"),
        ("a record that nobody keeps", &[("metadata.json", &forgotten), ("stdout.log", "x")], ""),
        ("a record after the end", &[("metadata.json", &whole)], "stopped (3)"),
        ("a removal cut short", &[("stdout.log", "x"), ("stderr.log.1", "y"), ("waited", "")], ""),
        (
            "a rotation cut short",
            &[("metadata.json", &whole), ("stdout.log.1", "y"), ("stdout.log.new", "z")],
            "stopped (3)",
        ),
    ];
    let names: [Option<&str>; 5] = [None, Some(""), Some(ID), Some(OTHER), Some("0123\0\0")];
    for (what, files, told) in cases {
        for name in names {
            let state = State::made();
            fs::create_dir(state.root.join(ID)).unwrap();
            files.iter().for_each(|(file, text)| fs::write(state.file(ID, file), text).unwrap());
            if let Some(id) = name {
                fs::create_dir(state.root.join("names")).unwrap();
                fs::write(state.root.join("names/web"), id).unwrap();
            }
            let what = format!("{what}, the name is {name:?}");
            let row = row(&state);
            assert!(
                if told.is_empty() { row.is_empty() } else { row.contains(told) && row.contains(ID) },
                "{what}: {row}"
            );
            assert_eq!(state.contain(&["ps", "-q"]).text(), "", "{what}");
            // The name is free unless a container has it.
            let has_it = name == Some(ID) && told.starts_with("stopped");
            let again = state.run(&["--name", "web", "--rm"], &["true"]);
            assert_eq!(again.code, if has_it { 125 } else { 0 }, "{what}: {again:?}");
            assert!(!has_it || again.err.contains(ID), "{what}: {again:?}");
            // The run has taken it, and given it back.
            if let Some(id) = name.filter(|id| *id != ID) {
                fs::write(state.root.join("names/web"), id).unwrap();
            }
            state.prunes_to_nothing(&what);
        }
    }
}

#[test]
fn names_that_are_rubbish() {
    let state = State::made();
    let canary = state.here.path().join("canary");
    fs::write(&canary, ID).unwrap();
    for (rubbish, works) in [
        ("ln -s $CANARY names", false),
        ("ln -s . names", false),
        ("touch names", false),
        ("mkfifo names", false),
        ("mkdir names; ln -s $CANARY names/web", false),
        ("mkdir names; mkfifo names/web", false),
        ("mkdir -p names/web", false),
        ("mkdir names; mknod names/web c 1 3", false),
        ("mkdir names; echo -n ../../canary >names/web", true),
        ("mkdir names; head -c 1000000 /dev/zero >names/web", true),
    ] {
        let before = host(&format!("cd {} && CANARY={} && {rubbish}; ls -la", state.root.display(), canary.display()));
        assert_eq!(before.code, 0, "{before:?}");
        state.contain(&["logs", "web"]).fails(125, &["web"]);
        state.contain(&["rm", "web"]).fails(125, &["web: no such container"]);
        let got = state.run(&["--name", "web", "--rm"], &["echo", "ran"]);
        match works {
            true => drop(got.is(0, "ran\n")),
            false => drop(got.fails(125, &["names/web", state.root.to_str().unwrap()])),
        }
        assert_eq!(state.run(&[], &["echo", "ran"]).text(), "ran", "{rubbish}");
        let pruned = state.contain(&["prune"]);
        assert!((0..=125).contains(&pruned.code), "{rubbish}: {pruned:?}");
        assert_eq!(fs::read_to_string(&canary).unwrap(), ID, "{rubbish}");
        shell(&format!("cd {} && rm -rf names && ls -A | wc -l | grep -qx 0", state.root.display()));
    }
    for word in ["../canary", "..", ".", "/", "", "names/web", "web/../../canary"] {
        state.contain(&["logs", word]).fails(125, &["no such container"]);
    }
}

#[test]
fn a_name_whose_holder_was_killed_is_free() {
    let state = State::new();
    for flags in [&["--rm"] as &[&str], &[]] {
        let id = state.run(&[&["-d", "--name", "web"], flags].concat(), &["sleep", "1000"]).text().to_string();
        let supervisor = supervisor(&state, &id);
        kill(supervisor, 9);
        wait_until("its death", || status(supervisor, "State").is_none_or(|state| state.starts_with('Z')));
        // Without --rm the record is kept, and with it the name.
        let again = state.run(&["--name", "web"], &["true"]);
        match flags {
            [] => drop(again.fails(125, &["--name web", &id, "contain rm web"])),
            _ => drop(again.is(0, "")),
        }
        state.contain(&["rm", "web"]).is(0, "web\n");
    }
    state.prunes_to_nothing("names");
    // A name that is taken is an error for whoever asks for it, however he does.
    state.run(&["-d", "--name", "web"], &["sleep", "1000"]).text();
    for flags in [&["--name", "web"] as &[&str], &["--name", "web", "--rm"], &["-d", "--rm", "--name", "web"]] {
        state.run(flags, &["echo", "ran"]).fails(125, &["--name web", "has this name"]);
    }
    state.contain(&["rm", "-f", "web"]).text();
    state.prunes_to_nothing("names");
}

#[test]
fn the_clock_set_back() {
    let state = State::made();
    let far = "18446744073709551615";
    for (id, created, finished) in [
        ("0000000000000001", "4102444800", "4102444801"),
        ("0000000000000002", "4102444800", "5"),
        ("0000000000000003", far, "0"),
        ("0000000000000004", "0", far),
    ] {
        let text = ended(&format!(", \"name\": \"n{id}\""));
        state.record(id, text.replace("1764000000", created).replace("1764000009", finished));
    }
    let told = state.ps();
    assert_eq!(told.matches("stopped (3)").count(), 4, "{told}");
    for words in [&["ps", "-a", "--json"] as &[&str], &["inspect", "0000000000000003"], &["stats", "--no-stream"]] {
        let got = state.contain(words);
        assert!(got.code == 0 && got.err.is_empty(), "{words:?}: {got:?}");
    }
    state.contain(&["wait", "0000000000000004"]).is(0, "3\n");
    state.contain(&["rm", "0000000000000002"]).is(0, "0000000000000002\n");
    // One that runs, and began in the future.
    let id = state.run(&["-d"], &["sleep", "1000"]).text().to_string();
    let path = state.file(&id, "metadata.json");
    let text = fs::read_to_string(&path).unwrap();
    let (head, tail) = text.split_once("\"created\": ").unwrap();
    fs::write(&path, format!("{head}\"created\": {far}{}", &tail[tail.find(',').unwrap()..])).unwrap();
    assert!(state.ps().contains("running"));
    state.contain(&["stats", "--no-stream", &id]).text();
    state.contain(&["rm", "-f", &id]).text();
    state.prunes_to_nothing("the clock");
}

/// A record that is spoilt while its container runs: that goes on, is told of, and its end is noted all the same.
#[test]
fn a_record_spoilt_under_a_running_container() {
    let state = State::new();
    for spoilt in ["", "[[[", "{\"status\": \"stopped\"}"] {
        let inside = ["sh", "-c", "read line </fifo; exit 7"];
        let root = state.here.root("root");
        shell(&format!("mkfifo {}/fifo", root.display()));
        let head = ["run", "-d", "--name", "web", "--rootfs", root.to_str().unwrap(), "--"];
        let id = state.contain(&[&head as &[&str], &inside].concat()).text().to_string();
        fs::write(state.file(&id, "metadata.json"), spoilt).unwrap();
        let told = state.ps();
        assert!(told.contains(&id), "{told}");
        let pruned = state.contain(&["prune"]);
        match spoilt.contains("stopped") {
            true => drop(pruned.fails(125, &[&id, "still holds it"])),
            false => drop(pruned.is(0, "")),
        }
        assert!(state.ps().contains(&id), "a living container was removed");
        fs::write(root.join("fifo"), "\n").unwrap();
        wait_until("the end to be noted", || state.ps().contains("stopped (7)"));
        state.contain(&["rm", &id]).is(0, &format!("{id}\n"));
        state.prunes_to_nothing(spoilt);
        fs::remove_dir_all(&root).unwrap();
    }
}
