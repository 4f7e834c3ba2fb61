//! Whole command lines, and what becomes of them.

use super::*;
use crate::input::args::written::{Number, Path};
use crate::spec::{Limit, MAX};
use crate::text::kept;

fn words(line: &[&str]) -> Vec<Word> {
    line.iter().map(|word| kept(&[word.as_bytes()])).collect()
}

fn run_of(line: &[&str]) -> &'static Written {
    match parse(words(line)) {
        Ok(Line { command: Command::Run, written, .. }) => written,
        other => panic!("{line:?}: {other:?}"),
    }
}

fn sentence(line: &[&str]) -> (u8, String) {
    let error = parse(words(line)).expect_err("an error");
    (error.status(), [error.sentence(), " ", error.hint()].concat())
}

#[test]
fn options_in_every_spelling() {
    for line in [
        &["run", "--memory", "64M", "--", "sh"][..],
        &["run", "--memory=64M", "sh"],
        &["run", "-m64M", "sh"],
        &["run", "-m", "64M", "sh"],
        &["run", "-m=64M", "sh"],
    ] {
        let run = run_of(line);
        assert_eq!((run.limits.get(Limit::Memory), run.words.len()), (Some(64 << 20), 1), "{line:?}");
    }
    let run = run_of(&["run", "--cpu", "50000 100000", "--pids", "max", "--net=host", "-tT", "sh"]);
    let of = |limit| run.limits.get(limit);
    assert_eq!((of(Limit::Cpu), of(Limit::CpuPeriod)), (Some(50_000), Some(100_000)));
    assert_eq!((of(Limit::Pids), run.share().net, run.tty()), (Some(MAX), true, Some(false)));
}

#[test]
fn where_the_options_end() {
    let run = run_of(&["run", "--", "--bind", "/", "/"]);
    assert_eq!((&run.words, run.dashed), (&words(&["--bind", "/", "/"]), true));
    let run = run_of(&["run", "dir", "--", "ls", "--memory"]);
    assert_eq!((&run.words, run.dashed), (&words(&["dir", "--", "ls", "--memory"]), false));
    assert!(run_of(&["run"]).words.is_empty());
}

#[test]
fn complaints_name_the_flag_and_what_is_right() {
    for (line, parts) in [
        (&["run", "--memroy", "1"][..], &["--memroy", "did you mean --memory?"][..]),
        (&["run", "--memory"], &["--memory", "needs a value"]),
        (&["run", "--memory", ""], &["--memory '' is not a size", "64M"]),
        (&["run", "--cpu", "1 2 3"], &["--cpu '1 2 3'", "50000"]),
        (&["run", "--pids", "-1"], &["--pids -1", "max"]),
        (&["run", "--env", "=x"], &["--env =x", "KEY=VALUE"]),
        (&["run", "--hostname", "a/b"], &["--hostname a/b"]),
        (&["run", "--hostname", "1234567890123456789012345678901234567890123456789012345678901234 "], &["65 bytes"]),
        (&["run", "--read-only=1"], &["--read-only"]),
        (&["runn"], &["runn", "did you mean run?"]),
        (&["--hlep"], &["--hlep", "--help"]),
        (&["check", "now"], &["check", "now"]),
        (&[], &["contain run"]),
    ] {
        let (status, text) = sentence(line);
        assert_eq!(status, crate::error::USAGE, "{text}");
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    }
}

#[test]
fn commands_about_containers() {
    let of = |line: &[&str]| {
        let Line { command, written, .. } =
            parse(words(line)).unwrap_or_else(|error| panic!("{line:?}: {}", error.sentence()));
        (command, written)
    };
    let (command, written) = of(&["--root", "/r", "exec", "-it", "-eA=b", "web", "--", "sh", "-c", "--"]);
    assert_eq!((command, written.target), (Command::Exec, "web"));
    assert_eq!((&written.words, written.path(Path::Root)), (&words(&["sh", "-c", "--"]), Some(c"/r")));
    assert_eq!((written.has(Flag::Interactive), written.tty(), written.environment.len()), (true, Some(true), 1));
    let (command, written) = of(&["stop", "a", "-t5", "b", "--root=/s"]);
    assert_eq!((command, written.targets()), (Command::Stop, vec!["a", "b"]));
    assert_eq!(written.number(Number::Grace), Some(5000));
    assert_eq!(of(&["rm", "--", "-f"]).1.targets(), ["-f"]);
    assert_eq!(of(&["logs", "-f", "-n=3", "a"]).1.number(Number::Tail), Some(3));
    let told = |line: &[&str]| parse(words(line)).map(|line| (line.command, line.topic));
    assert_eq!(told(&["help", "ps"]), Ok((Command::Help, Topic::Ps)));
    assert_eq!(told(&["help", "ps"]), told(&["ps", "--help"]));
    assert_eq!((of(&["-V"]).0, of(&["version"]).0), (Command::Version, Command::Version));
    assert_eq!((of(&["init", "--", "-x"]).0, &of(&["init", "--", "-x"]).1.words), (Command::Init, &words(&["-x"])));
    assert_eq!(of(&[["kill"].as_slice(), &["a"; 1000]].concat()).1.words.len(), 1000);
    for line in [
        &["rm"][..],
        &["rm", "-s", "x"],
        &["logs", "a", "b"],
        &["ps", "a"],
        &["exec"],
        &["exec", "a"],
        &["exec", "--", "a", "b"],
        &["update", "a"],
        &["completion", "tcsh"],
        &["help", "a", "b"],
        &["init"],
        &["run", "-t=x"],
    ] {
        assert!(parse(words(line)).is_err(), "{line:?}");
    }
}
