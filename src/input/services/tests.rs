//! What is written, whole, and what it comes to.

use super::*;
use crate::error::Error;
use crate::input::conf::read;

/// What the services of a file come after, and what is told of them.
fn after(file: &'static str) -> (Vec<(&'static str, Vec<&'static str>)>, Vec<&'static str>) {
    let mut told = Vec::new();
    let tell = &mut |error: Error| told.push(error.sentence());
    let mut settings = Settings::new(tell);
    read(&mut settings, "/f", file.as_bytes());
    let machine = settings.decide();
    (machine.services.iter().map(|service| (service.name, service.after.to_vec())).collect(), told)
}

#[test]
fn a_line_is_right_or_left_out() {
    for (line, sentence) in [
        ("service", "service needs a value"),
        ("service web", "service web names no program: write its path behind the settings, as /bin/app"),
        ("service web --", "service web names no program: write its path behind the settings, as /bin/app"),
        (
            "service a/b x",
            "service a/b is no name: write letters, digits, _ . and -, a letter or digit first, 64 at most",
        ),
        (
            "service web restart=often x",
            "service web has often, which is not known: write one of no, on-failure, always",
        ),
        ("service web restrt=no x", "service web has restrt=no, which is not known: did you mean restart?"),
        ("service web restart x -- y", "service web has restart, which is not known: did you mean restart?"),
        (
            "service web backoff=soon x",
            "service web has soon, which is not a duration: write a number with ms, s, m, h or d, as 30s",
        ),
        (
            "service web backoff=2s..1s x",
            "service web has 2s..1s, which ends before it begins: write the shorter pause first, as 1s..30s",
        ),
        ("service web env=A x", "service web has A, which sets no variable: write env=KEY=VALUE"),
        ("service web env==A x", "service web has =A, which sets no variable: write env=KEY=VALUE"),
        ("service web log=x x", "service web has x, which is no absolute path: write one that begins with /"),
        (
            "service web memory=64M x",
            "service web has --memory=64M, which is for a container: name its root file system, rootfs=DIR",
        ),
        (
            "service web rootfs=/r memory=64X x",
            "service web has memory=64X, which makes no sense: --memory 64X is not a size: write bytes, or a number with K, M, G or T, as in 64M",
        ),
    ] {
        assert_eq!(after(line), (vec![], vec![&*format!("/f:1: {sentence}")]));
    }
}

#[test]
fn settings_stand_anywhere_where_there_are_no_dashes() {
    let words = |line: &'static str| {
        let mut own = Vec::new();
        let set: Set = &mut |at, value| {
            own.push((at, value));
            Ok(())
        };
        take_apart(&crate::text::words(line), OF_PROCESS, set).map(|words| (own, words))
    };
    let all = |own, options: &[Word], command: &[Word]| {
        Ok((own, Words { options: options.to_vec(), command: command.to_vec() }))
    };
    assert_eq!(
        words("/bin/a user=b c=d memory=1M e"),
        all(vec![(4, "b")], &[c"--memory=1M"], &[c"/bin/a", c"c=d", c"e"])
    );
    assert_eq!(words("user=b -- /bin/a user=c -- d"), all(vec![(4, "b")], &[], &[c"/bin/a", c"user=c", c"--", c"d"]));
    assert_eq!(words("--memory=1M init --"), all(vec![], &[c"--memory=1M", c"--init"], &[]));
    assert_eq!(words("init memory"), all(vec![], &[], &[c"init", c"memory"]));
    assert_eq!(words("/opt/a=b c"), all(vec![], &[], &[c"/opt/a=b", c"c"]));
}

#[test]
fn names_and_what_they_come_after() {
    let file = "service a after=b,c, x\nservice b after=c x\nservice c x\nservice b y\n";
    let (all, told) = after(file);
    assert_eq!(all, [("a", vec!["b", "c"]), ("b", vec!["c"]), ("c", vec![])]);
    assert_eq!(told, ["/f:4: service b is there already: choose another name than that at /f:2"]);
}
