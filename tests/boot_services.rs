//! Services of a machine: what contain.conf names, in which order and how it is started, ended and started again, and what
//! `contain service` tells (tests/boot/services.sh, with services.conf). And process 1 under load (tests/boot/crowd.sh).

mod common;

use std::sync::LazyLock;

use common::machine::{Boot, made, probe};

static SERVICES: LazyLock<Boot> = LazyLock::new(|| probe("services", &["--words", "contain.config=/services.conf"]));

/// A thousand services, and a few that are started by name.
static CROWD: LazyLock<Boot> = LazyLock::new(|| {
    let mut conf = String::from(
        "service zombies log=/tmp/zombies after=nothing -- /probe zombies 10\n\
         service storm backoff=1ms log=none after=nothing -- /bin/sh -c \"echo $$ >/tmp/storm; exec sleep 100000\"\n\
         service fast backoff=1ms log=none after=nothing -- /bin/sh -c \"printf . >>/tmp/fast\"\n\
         service hog restart=no log=none after=nothing -- tail /dev/zero\n\
         service writer -- /bin/sh -c \"echo written; exec sleep 100000\"\n\
         task nothing /bin/false\n",
    );
    (0..1000).for_each(|n| conf.push_str(&format!("service n{n} log=none /bin/sleep 100000\n")));
    let directory = made("crowd");
    std::fs::write(directory.join("crowd.conf"), conf).unwrap();
    let overlay = directory.to_str().unwrap();
    probe("crowd", &["--memory", "768M", "--overlay", overlay, "--words", "contain.config=/crowd.conf"])
});

#[test]
fn they_are_started_in_order() {
    SERVICES.is("order", "setup then db, web");
    SERVICES.is("broken", "ended(1) waiting- ended(0)");
    for name in ["circle", "nobody-there"] {
        let told =
            format!("/services.conf:19: service circle: after={name} names no service that can be started before it");
        assert!(SERVICES.console.contains(&told), "{}", SERVICES.console);
    }
    // By hand, whatever it was to wait for.
    SERVICES.output("by-hand");
    assert!(SERVICES.fact("never").starts_with("running"));
}

#[test]
fn one_has_a_user_a_group_and_nothing_that_is_process_1s() {
    let seen: Vec<_> = SERVICES.fact("seen").split('|').collect();
    let expected = [
        "uid=65534(nobody) gid=65534(nogroup)",
        "b / /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "/",
        "0::/db.service",
        "0",
        "SigBlk:\t0000000000000000",
        "SigIgn:\t0000000000000000",
        "SigCgt:\t0000000000000000",
        "not a tty",
        "/dev/null",
        "/run/contain/log/db.log",
        "/run/contain/log/db.log",
        "5",
    ];
    assert_eq!(seen, expected);
}

#[test]
fn what_ends_is_started_again_after_growing_pauses() {
    let times: Vec<f64> = SERVICES.fact("crash").split('|').map(|time| time.parse().unwrap()).collect();
    let pauses: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.len() == 5 && pauses[0] >= 0.19 && pauses[1..].iter().all(|pause| *pause >= 0.39), "{pauses:?}");
    let state = SERVICES.fact("crash.state");
    assert!(["stopped(3)", "stopped(143)"].contains(&state), "{state}");
    assert!(SERVICES.console.contains("service crash ended with exit status 3; it is started again in 1 s"));
    assert!(SERVICES.console.contains("service web ended with exit status 137; it is started again in 1 s"));
    assert!(SERVICES.fact("web.again").starts_with("running"));
    // restart=on-failure
    SERVICES.is("well", "ended(0)");
}

#[test]
fn what_cannot_be_started_is_told_with_its_place() {
    SERVICES.is("missing", "ended(127) ended(125) ended(0)");
    for told in [
        "contain: service missing (/services.conf:9): /no/such/program: not found",
        "contain: service missing ended with exit status 127\n",
        "contain: service nobody (/services.conf:10): user=mallory: user mallory is not in",
        "contain: service nowhere (/services.conf:11): open /no/such/directory/log: ENOENT",
    ] {
        assert!(SERVICES.console.contains(told), "{told}\n{}", SERVICES.console);
    }
}

#[test]
fn logs() {
    let out = SERVICES.fact("log.out");
    assert!(out.starts_with("printed|told|contain: service missing (/services.conf:9): "), "{out}");
    assert!(out.ends_with("inside|0::/|to a file"), "{out}");
    SERVICES.fails("log", "125", &["service kmsg has no log file: log=kmsg", "no service is called ghost"]);
    assert_ne!(SERVICES.fact("kmsg.line"), "0");
    // 64 KB, and as much of what was before.
    assert!(SERVICES.fact("flood.size").parse::<u64>().unwrap() <= 131_072);
    SERVICES.is("flood.end", "end");
}

#[test]
fn stop_asks_then_kills_all_of_it() {
    SERVICES.output("deaf");
    SERVICES.is("deaf.state", "stopped(137)");
    let took: u64 = SERVICES.fact("deaf.took").parse().unwrap();
    assert!((4..30).contains(&took), "{took} s, where the grace is 5");
    SERVICES.is("stopped.state", "stopped(143)");
    for (name, value) in [("family.runs", "3"), ("family.left", "0"), ("family.group", "0")] {
        SERVICES.is(name, value);
    }
}

#[test]
fn a_container_can_be_one() {
    assert_eq!(SERVICES.output("box.exec"), "inside");
    SERVICES.output("box.restart");
    SERVICES.is("box.again", "0");
}

#[test]
fn ps_and_ls_tell_of_them() {
    SERVICES.is("ps.rows", "service running web|service running db");
    let json = SERVICES.output("json");
    let broken = json.split("|},|{|").find(|one| one.contains("\"broken\"")).expect("broken");
    for member in ["\"status\": \"ended\"", "\"pid\": 0", "\"starts\": 1", "\"exit_code\": 1"] {
        assert!(broken.contains(member), "{broken}");
    }
    SERVICES.fails("ghost", "125", &["no service is called wib; `contain service ls` lists them", "did you mean web?"]);
    SERVICES.fails("verb", "2", &["service sotp: write ls, start, stop, restart or log", "did you mean stop?"]);
    SERVICES.fails("alone", "2", &["service stop: which one? write `contain service stop NAME`"]);
    SERVICES.fails("named", "2", &["service ls takes no name: web"]);
    assert_eq!(SERVICES.output("twice"), "");
}

#[test]
fn only_root_is_answered_and_only_where_contain_is_process_1() {
    SERVICES.fails("user", "125", &["services are root's to ask about: run it as root"]);
    SERVICES.fails("nobody.there", "125", &["process 1 is not contain: nobody answers at /run/contain/init.sock"]);
}

#[test]
fn process_1_is_small_and_is_not_held_up() {
    assert!(SERVICES.fact("often").starts_with("20 running"), "{}", SERVICES.fact("often"));
    let pss: u64 = SERVICES.fact("pss").parse().unwrap();
    assert!(pss <= 200, "{pss} KB");
    SERVICES.is("adj", "-1000");
    SERVICES.output("patient");
    assert!(SERVICES.fact("fds").parse::<u64>().unwrap() <= 20, "{}", SERVICES.fact("fds"));
    assert_eq!(SERVICES.status, 0);
}

#[test]
fn a_thousand_start_and_stop() {
    CROWD.is("started", "1000 1000");
    CROWD.is("stopped", "1000 0 0");
    CROWD.is("again", "1000 0 0");
}

#[test]
fn zombies_and_orphans_are_reaped() {
    assert!(CROWD.fact("zombies").parse::<u64>().unwrap() >= 10_000, "{}", CROWD.fact("zombies"));
    CROWD.is("zombies.after", "0 stopped(143)");
    CROWD.is("orphans", "0");
    CROWD.is("orphans.after", "0");
}

#[test]
fn kills_and_crashes_are_survived() {
    CROWD.is("storm", "100");
    assert!(CROWD.fact("fast").starts_with("often stopped(143) stopped("), "{}", CROWD.fact("fast"));
}

#[test]
fn full_disks_and_no_memory_are_survived() {
    assert_eq!(CROWD.fact("full.status"), "0", "{}", CROWD.fact("full.err"));
    CROWD.is("full.state", "running 2");
    assert!(CROWD.output("room").starts_with("written"));
    CROWD.is("hog", "ended(137)");
    CROWD.is("alive", "/init running");
    assert_eq!(CROWD.status, 7);
}

#[test]
fn process_1_allocates_nothing_while_it_works() {
    let numbers: Vec<u64> = CROWD.fact("memory").split_whitespace().map(|number| number.parse().unwrap()).collect();
    let [anonymous, data, anonymous_after, data_after] = numbers[..] else { panic!("{numbers:?}") };
    // VmData is what was asked for, page by page; RssAnon breathes with the stack.
    assert!(data_after == data && anonymous_after <= anonymous + 64, "{numbers:?}");
}
