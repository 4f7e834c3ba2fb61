//! What is written, whole, and what it comes to.

use super::*;
use crate::error::Error;
use crate::machine::{Choice, FOR_EVER, Kind, Machine, Restart, SECOND, Service, Text, Time};

fn read_file(bytes: &'static [u8]) -> (&'static Machine, Vec<&'static str>) {
    let mut told = Vec::new();
    let tell = &mut |error: Error| told.push(error.sentence());
    let mut settings = Settings::new(tell);
    read(&mut settings, "/f", bytes);
    (settings.decide(), told)
}

#[test]
fn words_and_quotes() {
    for (text, words) in [
        ("", vec![]),
        (" a\tb\r", vec!["a", "b"]),
        ("a \"b c\" 'd \"e' f'g h'i \"\"", vec!["a", "b c", "d \"e", "fg hi", ""]),
        ("a#b #c", vec!["a#b"]),
        ("# a", vec![]),
        ("\"#\" b", vec!["#", "b"]),
    ] {
        assert_eq!(split_words(text, b'#'), Ok(words), "{text}");
    }
    assert_eq!(split_words("a #b", 0), Ok(vec!["a", "#b"]));
    for text in ["\"", "'", "a 'b", "\"a' b"] {
        assert!(split_words(text, b'#').is_err(), "{text}");
    }
}

#[test]
fn directives() {
    let (machine, told) = read_file(
        b"# A machine.\n\nhostname box # named\r\nmount tmpfs /tmp nosuid,nodev size=64m\nmount ext4 /data source=/dev/vdb\n\
        exec /bin/sh -c \"echo a\"\nbootchart\nrootwait\nsingle",
    );
    assert_eq!(told, [""; 0]);
    assert_eq!(machine.text(Text::Hostname), "box");
    assert!(machine.is(Choice::Chart) && machine.is(Choice::Single));
    assert_eq!(machine.command, [c"/bin/sh", c"-c", c"echo a"]);
    assert_eq!(machine.time(Time::RootWait), FOR_EVER);
    let mount = Mount {
        filesystem: c"tmpfs",
        source: c"tmpfs",
        target: c"/tmp",
        options: "nosuid,nodev,size=64m",
        place: "/f:4",
    };
    let disk = Mount { filesystem: c"ext4", source: c"/dev/vdb", target: c"/data", options: "", place: "/f:5" };
    assert_eq!(machine.mounts, [mount, disk]);
}

#[test]
fn each_line_that_is_wrong_is_told_and_the_others_count() {
    let (machine, told) = read_file(
        b"grace soon\ngrase 5s\nmount tmpfs\nmount tmpfs tmp\nhostname a b\n\xff\xfe\n\x00\x01\nhostname \"box\nsingle 1\nmode\n\
        net eth0\nprivate 1 2\nrun rootfs=/r memroy=64M -- a\nmemory 64X\nhostname good\n",
    );
    assert_eq!(machine.text(Text::Hostname), "good");
    assert_eq!(
        told,
        [
            "/f:1: grace soon is not a duration: write a number with ms, s, m, h or d, as 30s",
            "/f:2: grase 5s is not known: did you mean grace?",
            "/f:3: mount tmpfs names no directory: write `mount TYPE DIRECTORY`, as `mount tmpfs /tmp`",
            "/f:4: mount tmpfs has tmp, which is no absolute path: write one that begins with /",
            "/f:5: hostname a takes one value: put double quotes around it",
            "/f:6: this line is no text: write UTF-8",
            "/f:7: this line is no text: write UTF-8",
            "/f:8: hostname \"box has a quote that does not end: write another one",
            "/f:9: single 1 has a value, and takes none",
            "/f:10: mode needs a value",
            "/f:11: net eth0 names no address: write `net eth0 dhcp`, or `net eth0 10.0.2.15/24 gateway=10.0.2.2`",
            "/f:12: private 1 is not known",
            "/f:13: run rootfs=/r has memroy=64M, which is not known: did you mean memory?",
            "/f:14: memory 64X makes no sense: --memory 64X is not a size: write bytes, or a number with K, M, G or T, as in 64M",
        ]
    );
}

#[test]
fn a_file_of_rubbish_is_told_of_in_few_lines() {
    let long: &[u8] = vec![b'x'; 1 << 20].leak();
    let (_, told) = read_file(long);
    assert_eq!(told, ["/f:1: this line is longer than 8192 bytes"]);
    let (_, told) = read_file("x y\n".repeat(1000).leak().as_bytes());
    assert_eq!((told.len(), told[20]), (21, "980 more complaints about the settings are not told"));
    let (_, told) = read_file("x".repeat(500).leak().as_bytes());
    assert_eq!(told, [format!("/f:1: {}... is not known", "x".repeat(100))]);
    let (_, told) = read_file("é".repeat(99).leak().as_bytes());
    assert_eq!(told, [format!("/f:1: {}... is not known", "é".repeat(50))]);
}

#[test]
fn services_of_every_kind() {
    let (machine, told) = read_file(
        b"task prepare /bin/prepare\n\
        service web /srv/web restart=on-failure backoff=1s..30s\n\
        service app after=prepare,web user=nobody env=A=1 env=B=2 log=/var/log/app -- /bin/app restart=no\n\
        service box rootfs=/r memory=64M read-only user=5:6 env=A=1 log=kmsg after=web -- /bin/box\n",
    );
    assert_eq!(told, [""; 0]);
    let task = Service { command: &[c"/bin/prepare"], ..*Service::plain("prepare", Kind::Task, "/f:1") };
    let web = Service {
        command: &[c"/srv/web"],
        restart: Restart::OnFailure,
        backoff: [SECOND, 30 * SECOND],
        ..*Service::plain("web", Kind::Service, "/f:2")
    };
    let app = Service {
        command: &[c"/bin/app", c"restart=no"],
        after: &["prepare", "web"],
        user: "nobody",
        environment: &[c"A=1", c"B=2"],
        log: c"/var/log/app",
        ..*Service::plain("app", Kind::Service, "/f:3")
    };
    let container = Service {
        command: &[c"/bin/box"],
        options: &[c"--rootfs=/r", c"--memory=64M", c"--read-only", c"--user=5:6", c"--env=A=1"],
        after: &["web"],
        log: c"kmsg",
        ..*Service::plain("box", Kind::Service, "/f:4")
    };
    assert_eq!(machine.services, [&task, &web, &app, &container]);
    assert_eq!((task.restart, app.restart), (Restart::No, Restart::Always));
}

#[test]
fn the_readmes_example_is_right() {
    let readme = include_str!("../../../README.md");
    let section = readme.split("## As the init of a machine").nth(1).unwrap();
    let (machine, told) = read_file(section.split("```").nth(1).unwrap().as_bytes());
    assert_eq!(told, [""; 0]);
    assert_eq!((machine.services.len(), machine.mounts.len(), machine.nets.len()), (3, 1, 1));
}
