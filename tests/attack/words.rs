//! Attacks with words: users that are none, commands that look like options, names that steer the reader's terminal.

use crate::stage::{ALL, RUN, held_by};

/// CVE-2026-30892: a user by number becomes root.
#[test]
fn a_number_becomes_root() {
    for user in ["1", "01", "1:1"] {
        held_by("weak-users", ALL, |stage| stage.inside(&[], &["-u", user], &["id", "-u"]).out == "0\n");
    }
}

/// CVE-2024-32462: the first word of a command is taken for an option.
#[test]
fn a_command_begins_with_a_dash() {
    held_by("weak-dashes", RUN, |stage| {
        let volume = format!("{}:/mnt", stage.at("outside"));
        let got = stage.finish(stage.run(&[], &["--volume", &volume, "/bin/sh", "-c", "echo owned > /mnt/canary"]));
        assert!(!stage.is_whole() || got.fails(127, &["--volume", "not found"]).out.is_empty());
        stage.canary() != "alive"
    });
}

const ESCAPE: &str = "\x1b]0;owned\x07\x1b[2J\u{9b}1m";

#[test]
fn names_steer_the_terminal() {
    for command in ["ps", "top", "inspect", "logs", "run"] {
        held_by("weak-escape", RUN, |stage| {
            let container = stage.detached(&[], &["/bin/sh", "-c", "sleep 1000; :", ESCAPE]);
            let got = match command {
                "ps" => stage.contain(&["ps", "--no-trunc"]),
                "run" => stage.finish(stage.run(&[], &[ESCAPE])),
                "logs" => stage.contain(&["logs", ESCAPE]),
                command => stage.contain(&[command, &container.id]),
            };
            assert!(got.out.contains("owned") || got.err.contains("owned"), "{got:?}");
            [&got.out, &got.err].iter().any(|text| text.contains(['\x1b', '\x07', '\u{9b}']))
        });
    }
}
