//! The command line as written: which command, and for `run` every option checked on its own. What needs the system to
//! be understood (a directory as first word, the caller's environment) is left to the life that asks.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use lexopt::{Arg, Parser};

use crate::error::{Error, Result};
use crate::input::env::{self, Variable};
use crate::input::user::{self, WrittenUser};
use crate::input::{help, near, number, volume};
use crate::log::Voice;
use crate::spec::{Limits, Share, Volume};

/// What the user asked `contain` to do.
#[derive(Debug)]
pub enum Command {
    Run(Box<Run>),
    /// Be the first process of a container: `contain init [--] COMMAND`.
    Init(Vec<OsString>),
    Check,
    Help(&'static str),
    Version,
}

/// `contain run` as written.
#[derive(Debug, Default)]
pub struct Run {
    pub rootfs: Option<CString>,
    /// Everything from the first word that is no option.
    pub words: Vec<OsString>,
    /// `--` stood before the words, so the first one is the command whatever it names.
    pub dashed: bool,
    pub limits: Limits,
    pub hostname: Option<String>,
    pub environment: Vec<EnvironmentSource>,
    pub workdir: Option<String>,
    pub user: Option<WrittenUser>,
    pub volumes: Vec<Volume>,
    pub read_only: bool,
    pub share: Share,
    pub init: bool,
    /// `--tty` or `--no-tty`; neither leaves it to where the standard streams lead.
    pub tty: Option<bool>,
    pub timeout: Option<Duration>,
    /// `--quiet` or `--verbose`; neither leaves it to whether standard error is a terminal.
    pub voice: Option<Voice>,
    pub dry_run: bool,
}

/// `--env` and `--env-file` in the order given; a later one wins.
#[derive(Debug)]
pub enum EnvironmentSource {
    Word(Variable),
    File(CString),
}

/// Reads the arguments after the program's own name.
pub fn parse(arguments: Vec<OsString>) -> Result<Command> {
    let mut parser = Parser::from_args(arguments);
    let first = match parser.next().map_err(reword)? {
        None => return Err(Error::usage("which command? write `contain run`, `contain check` or `contain help`")),
        Some(Arg::Short('h') | Arg::Long("help")) => return Ok(Command::Help(help::OVERVIEW)),
        Some(Arg::Short('V') | Arg::Long("version")) => return Ok(Command::Version),
        Some(Arg::Value(word)) => word,
        Some(option) => return Err(unknown(option.unexpected(), help::GLOBAL)),
    };
    match first.to_str() {
        Some("run") => run(&mut parser),
        Some("init") => init(&mut parser),
        Some("check") => alone(&mut parser, "check", Command::Check, help::CHECK),
        Some("version") => alone(&mut parser, "version", Command::Version, help::OVERVIEW),
        Some("help") => topic(&mut parser),
        word => {
            let word = word.unwrap_or("that");
            let hint =
                near::nearest(word, help::COMMANDS.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            Err(Error::usage(format!("{word}: no such command; `contain help` lists them"))
                .with_hint(hint.unwrap_or_default()))
        }
    }
}

/// Whether `word` names a command, for a process that must tell a command line from an init's arguments.
pub fn is_command(word: &OsStr) -> bool {
    word.to_str().is_some_and(|word| help::COMMANDS.contains(&word) || word.starts_with('-'))
}

fn run(parser: &mut Parser) -> Result<Command> {
    let mut run = Run::default();
    loop {
        run.dashed |= at_dashes(parser);
        let Some(argument) = parser.next().map_err(reword)? else { break };
        match argument {
            Arg::Long("rootfs") => run.rootfs = Some(path(parser, "--rootfs")?),
            Arg::Short('m') | Arg::Long("memory") => run.limits.memory = Some(value(parser, "--memory", number::size)?),
            Arg::Long("memory-swap") => {
                run.limits.memory_swap = Some(value(parser, "--memory-swap", number::size_or_max)?);
            }
            Arg::Long("memory-high") => run.limits.memory_high = Some(value(parser, "--memory-high", number::size)?),
            Arg::Long("cpu") => run.limits.cpu = Some(value(parser, "--cpu", number::cpu)?),
            Arg::Long("cpus") => run.limits.cpu = Some(value(parser, "--cpus", number::cpus)?),
            Arg::Long("cpu-weight") => run.limits.cpu_weight = Some(value(parser, "--cpu-weight", number::weight)?),
            Arg::Long("cpuset") => {
                run.limits.cpuset = Some(value(parser, "--cpuset", number::cpu_list)?);
            }
            Arg::Long("pids") => run.limits.pids = Some(value(parser, "--pids", number::pids)?),
            Arg::Long("hostname") => run.hostname = Some(value(parser, "--hostname", hostname)?),
            Arg::Short('e') | Arg::Long("env") => {
                run.environment.push(EnvironmentSource::Word(value(parser, "--env", env::variable)?));
            }
            Arg::Long("env-file") => {
                run.environment.push(EnvironmentSource::File(path(parser, "--env-file")?));
            }
            Arg::Short('w') | Arg::Long("workdir") => run.workdir = Some(value(parser, "--workdir", workdir)?),
            Arg::Short('u') | Arg::Long("user") => run.user = Some(value(parser, "--user", user::parse)?),
            Arg::Short('v') | Arg::Long("volume") => run.volumes.push(value(parser, "--volume", volume::bind)?),
            Arg::Long("tmpfs") => run.volumes.push(value(parser, "--tmpfs", volume::tmpfs)?),
            Arg::Long("read-only") => run.read_only = true,
            Arg::Long("net") => run.share.net = value(parser, "--net", network)?,
            Arg::Long("pid") => run.share.pid = value(parser, "--pid", namespace)?,
            Arg::Long("ipc") => run.share.ipc = value(parser, "--ipc", namespace)?,
            Arg::Long("uts") => run.share.uts = value(parser, "--uts", namespace)?,
            Arg::Long("init") => run.init = true,
            Arg::Short('t') | Arg::Long("tty") => run.tty = Some(true),
            Arg::Short('T') | Arg::Long("no-tty") => run.tty = Some(false),
            Arg::Long("timeout") => run.timeout = Some(value(parser, "--timeout", number::duration)?),
            Arg::Long("quiet") => run.voice = Some(Voice::Plain),
            Arg::Long("verbose") => run.voice = Some(Voice::Story),
            Arg::Long("dry-run") => run.dry_run = true,
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help(help::RUN)),
            Arg::Value(word) => {
                run.words.push(word);
                break;
            }
            option => return Err(unknown(option.unexpected(), help::RUN)),
        }
    }
    // What follows the first word is the command's own, another `--` too.
    run.words.extend(parser.raw_args().map_err(reword)?);
    Ok(Command::Run(Box::new(run)))
}

/// Whether the next word is the `--` that ends the options.
fn at_dashes(parser: &mut Parser) -> bool {
    parser.try_raw_args().is_some_and(|words| words.peek() == Some(OsStr::new("--")))
}

/// The words after `init`, an optional `--` dropped.
fn init(parser: &mut Parser) -> Result<Command> {
    let mut words: Vec<OsString> = parser.raw_args().map_err(reword)?.collect();
    match words.first().and_then(|word| word.to_str()) {
        Some("-h" | "--help") => return Ok(Command::Help(help::INIT)),
        Some("--") => drop(words.remove(0)),
        _ => {}
    }
    match words.is_empty() {
        true => Err(Error::usage("init: which command? write `contain init -- COMMAND [ARG...]`")),
        false => Ok(Command::Init(words)),
    }
}

/// A command without arguments of its own.
fn alone(parser: &mut Parser, name: &str, command: Command, text: &'static str) -> Result<Command> {
    match parser.next().map_err(reword)? {
        None => Ok(command),
        Some(Arg::Short('h') | Arg::Long("help")) => Ok(Command::Help(text)),
        Some(other) => Err(Error::usage(format!("{name} takes no argument: {}", shown(&other)))),
    }
}

/// `contain help [COMMAND]`.
fn topic(parser: &mut Parser) -> Result<Command> {
    let words: Vec<OsString> = parser.raw_args().map_err(reword)?.collect();
    let text = match words.first().map(|word| word.to_str()) {
        None | Some(Some("help" | "version")) => help::OVERVIEW,
        Some(Some("run")) => help::RUN,
        Some(Some("check")) => help::CHECK,
        Some(Some("init")) => help::INIT,
        Some(_) => {
            let word = words[0].to_string_lossy();
            return Err(Error::usage(format!("help {word}: no such command; `contain help` lists them")));
        }
    };
    match words.get(1) {
        None => Ok(Command::Help(text)),
        Some(word) => Err(Error::usage(format!("help takes one command's name: {}", word.to_string_lossy()))),
    }
}

fn shown(argument: &Arg<'_>) -> String {
    match argument {
        Arg::Short(letter) => format!("-{letter}"),
        Arg::Long(word) => format!("--{word}"),
        Arg::Value(word) => word.to_string_lossy().into_owned(),
    }
}

fn path(parser: &mut Parser, flag: &str) -> Result<CString> {
    let value = parser.value().map_err(|_| Error::usage(format!("{flag} needs a value")))?;
    match CString::new(value.into_vec()) {
        Ok(path) if !path.is_empty() => Ok(path),
        _ => Err(Error::usage(format!("{flag} '' is empty: name a path"))),
    }
}

/// The value of `flag` through its reader, whose complaint ends our sentence.
fn value<T>(parser: &mut Parser, flag: &str, read: fn(&str) -> std::result::Result<T, String>) -> Result<T> {
    let text = text(parser, flag)?;
    read(&text).map_err(|what| complaint(flag, &text, &what))
}

fn text(parser: &mut Parser, flag: &str) -> Result<String> {
    let value = parser.value().map_err(|_| Error::usage(format!("{flag} needs a value")))?;
    value.into_string().map_err(|_| Error::usage(format!("{flag} has a value that is not UTF-8")))
}

#[cold]
fn complaint(flag: &str, text: &str, what: &str) -> Error {
    Error::usage(format!("{flag} {} {what}", quoted(text)))
}

/// A value as the user has to see it: in quotes where its edges would be lost.
fn quoted(text: &str) -> String {
    match text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        true => format!("'{text}'"),
        false => text.into(),
    }
}

fn hostname(text: &str) -> std::result::Result<String, String> {
    if text.is_empty() || text.len() > 64 {
        return Err(format!("has {} bytes: the kernel takes 1 to 64", text.len()));
    }
    match text.contains(|c: char| c == '/' || c.is_control() || c.is_whitespace()) {
        true => Err("has a character that no host name may hold: use letters, digits, - and .".into()),
        false => Ok(text.into()),
    }
}

fn workdir(text: &str) -> std::result::Result<String, String> {
    match text.starts_with('/') && !text.contains('\0') {
        true => Ok(text.into()),
        false => Err("is not an absolute path inside the container: write it from /, as /srv".into()),
    }
}

/// Whether the host's network is shared.
fn network(text: &str) -> std::result::Result<bool, String> {
    match text {
        "host" => Ok(true),
        "none" | "private" => Ok(false),
        _ => Err("is not known: write none or host".into()),
    }
}

/// Whether the host's namespace is shared.
fn namespace(text: &str) -> std::result::Result<bool, String> {
    match text {
        "host" => Ok(true),
        "private" => Ok(false),
        _ => Err("is not known: write private or host".into()),
    }
}

/// An option that `text`, its command's help, does not list.
fn unknown(error: lexopt::Error, text: &'static str) -> Error {
    let lexopt::Error::UnexpectedOption(option) = error else {
        return reword(error);
    };
    let near = near::nearest(&option, help::flags(text));
    let hint = near.map(|near| format!("did you mean {near}?")).unwrap_or_default();
    Error::usage(format!("{option}: no such option")).with_hint(hint)
}

/// lexopt's errors in our words.
#[cold]
fn reword(error: lexopt::Error) -> Error {
    Error::usage(match error {
        lexopt::Error::UnexpectedValue { option, value } => {
            format!("{option} takes no value, but has {}", value.to_string_lossy())
        }
        lexopt::Error::MissingValue { option } => format!("{} needs a value", option.unwrap_or_default()),
        lexopt::Error::UnexpectedArgument(word) => format!("{}: one word too many", word.to_string_lossy()),
        _ => "the command line cannot be read".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Bound, Cpu};

    fn words(line: &[&str]) -> Vec<OsString> {
        line.iter().map(OsString::from).collect()
    }

    fn run_of(line: &[&str]) -> Run {
        match parse(words(line)) {
            Ok(Command::Run(run)) => *run,
            other => panic!("{line:?}: {other:?}"),
        }
    }

    fn sentence(line: &[&str]) -> (u8, String) {
        let error = parse(words(line)).expect_err("an error");
        (error.status(), format!("{error} {}", error.hint()))
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
            assert_eq!((run.limits.memory, run.words.len()), (Some(64 << 20), 1), "{line:?}");
        }
        let run = run_of(&["run", "--cpu", "50000 100000", "--pids", "max", "--net=host", "-tT", "sh"]);
        assert_eq!(run.limits.cpu, Some(Cpu { quota: 50_000, period: 100_000 }));
        assert_eq!((run.limits.pids, run.share.net, run.tty), (Some(Bound::Max), true, Some(false)));
    }

    #[test]
    fn where_the_options_end() {
        let run = run_of(&["run", "--", "--bind", "/", "/"]);
        assert_eq!((run.words, run.dashed), (words(&["--bind", "/", "/"]), true));
        let run = run_of(&["run", "dir", "--", "ls", "--memory"]);
        assert_eq!((run.words, run.dashed), (words(&["dir", "--", "ls", "--memory"]), false));
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
            (
                &["run", "--hostname", "1234567890123456789012345678901234567890123456789012345678901234 "],
                &["65 bytes"],
            ),
            (&["run", "--read-only=1"], &["--read-only"]),
            (&["runn"], &["runn", "did you mean `run`?"]),
            (&["--hlep"], &["--hlep", "--help"]),
            (&["check", "now"], &["check", "now"]),
            (&[], &["contain run"]),
        ] {
            let (status, text) = sentence(line);
            assert_eq!(status, crate::error::USAGE, "{text}");
            assert!(parts.iter().all(|part| text.contains(part)), "{text}");
        }
    }
}
