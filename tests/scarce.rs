//! Few descriptors, and another time namespace: what a command could not look at it does not take for gone, and a container
//! that runs is neither lost nor said to have ended.

mod common;
use std::process::Command;

use common::home::Home;
use common::{Out, contain, finish};

/// `contain WORDS` as another program runs it.
fn under(home: &Home, program: &[&str], words: &[&str]) -> Out {
    let mut command = Command::new(program[0]);
    command.args(&program[1..]).arg(contain()).args(words).env("CONTAIN_ROOT", home.state());
    command.env("CONTAIN_ROOTFS", common::rootfs());
    finish(command)
}

fn limit(descriptors: usize) -> String {
    format!("--nofile={descriptors}:{descriptors}")
}

#[test]
fn what_is_said_to_have_ended_has_ended() {
    let home = Home::new();
    for descriptors in 4..24 {
        for words in [&["stop", "-t", "0"] as &[&str], &["rm", "-f", "-t", "0"], &["kill"]] {
            let id = home.sleeping(&["--name", "here"]);
            let done = under(&home, &["prlimit", &limit(descriptors)], &[words, &["here"]].concat());
            let what = format!("{words:?} with {descriptors} descriptors: {done:?}");
            let listed = home.contain(&["ps", "-q"]).text().to_string();
            match done.code {
                0 => assert!(done.out == "here\n" && listed.is_empty(), "{what}"),
                // SIGTERM may have been sent.
                _ => {
                    assert!(done.code == 125 && done.err.contains("contain: "), "{what}");
                    assert_eq!(home.contain(&["ps", "-aq"]).text(), id, "{what}");
                }
            }
            home.contain(&["rm", "-f", "here"]);
        }
    }
}

#[test]
fn many_end_with_few_descriptors() {
    let home = Home::new();
    let ids: Vec<String> = (0..40).map(|_| home.sleeping(&[])).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let done = under(&home, &["prlimit", &limit(64)], &[&["rm", "-f"], &ids[..]].concat());
    done.is(0, &format!("{}\n", ids.join("\n")));
    assert_eq!(home.entries(), Vec::<String>::new());
}

#[test]
fn nothing_is_lost_from_a_list_in_silence() {
    let home = Home::new();
    let id = home.sleeping(&["--name", "here"]);
    for descriptors in 4..16 {
        let done = under(&home, &["prlimit", &limit(descriptors)], &["ps", "-q"]);
        assert!(done.code == 125 && !done.err.is_empty() || done.out == format!("{id}\n"), "{descriptors}: {done:?}");
    }
}

#[test]
fn a_name_stays_with_who_has_it() {
    let home = Home::new();
    let id = home.sleeping(&["--name", "here"]);
    for descriptors in 4..24 {
        let words = ["run", "-d", "--name", "here", "sleep", "1000"];
        let done = under(&home, &["prlimit", &limit(descriptors)], &words);
        assert!(done.code == 125 && done.out.is_empty(), "{descriptors}: {done:?}");
        assert_eq!((home.names(), home.contain(&["ps", "-q"]).text()), (vec!["here".to_string()], id.as_str()));
    }
}

/// There the kernel tells other start times.
#[test]
fn from_another_time_namespace_nothing_is_taken_for_another_process() {
    let home = Home::new();
    let id = home.sleeping(&["--name", "here"]);
    let unshare = ["unshare", "--time", "--boottime", "5000", "--fork"];
    for words in [&["stop", "-t", "0"] as &[&str], &["kill"], &["rm", "-f"], &["wait"], &["pause"]] {
        let done = under(&home, &unshare, &[words, &["here"]].concat());
        done.fails(125, &["container here is held by a process that is not the one in its record", "time namespace"]);
    }
    assert_eq!(home.status(&id), "running");
}
