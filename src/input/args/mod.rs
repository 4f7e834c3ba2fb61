//! The command line as written: which command, and every option checked on its own. What needs the system to be
//! understood (a directory as first word, the caller's environment) is left to the life that asks. Which options a
//! command takes is what its help text lists (help.rs); what each of them does is a table (option.rs).

pub mod option;
pub mod written;

use std::ffi::CStr;
use std::vec::IntoIter;

use crate::error::{Error, Result};
use crate::input::args::option::Act;
use crate::input::args::written::{EnvironmentSource, Flag, Written};
use crate::input::help::{self, Topic};
use crate::input::near::Near;
use crate::text::{Word, fill, joined, lines, shown, tail};

/// A command line.
#[derive(Debug)]
pub struct Line {
    pub command: Command,
    /// What there is help about for the command, or for the one that help is wanted for.
    pub topic: Topic,
    /// Kept: Spec and Record borrow from it.
    pub written: &'static Written,
}

/// What the user asked `contain` to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    Help,
    Version,
    Run,
    /// The containers, also by `list`.
    Ps,
    Logs,
    Exec,
    Top,
    Kill,
    Stop,
    Rm,
    Prune,
    Wait,
    Pause,
    Resume,
    Inspect,
    Stats,
    Update,
    /// What process 1 starts.
    Service,
    Bootchart,
    Completion,
    /// What a shell's completion asks: the words so far, the last one unfinished.
    Complete,
    Check,
    /// Have an interface configured by a DHCP server: `contain dhcp [INTERFACE]`.
    Dhcp,
    /// Be the first process of a container: `contain init [--] COMMAND`.
    Init,
    /// End the machine.
    PowerOff,
    Reboot,
    Halt,
}

/// Whether `word` names a command, for a process that must tell a command line from an init's arguments.
pub fn is_command(word: &CStr) -> bool {
    word.to_str().is_ok_and(|word| help::command(word).is_some() || word.starts_with('-'))
}

/// Reads the arguments after the program's own name.
pub fn parse(words: Vec<Word>) -> Result<Line> {
    let written = Box::leak(Box::<Written>::default());
    let (command, topic) = command(&mut words.into_iter(), written)?;
    Ok(Line { command, topic, written })
}

fn command(words: &mut IntoIter<Word>, written: &mut Written) -> Result<(Command, Topic)> {
    read(words, Topic::Global, true, written)?;
    let Some(first) = written.words.pop() else {
        return match (written.has(Flag::Help), written.has(Flag::Version)) {
            (true, _) => Ok((Command::Help, Topic::Overview)),
            (_, true) => Ok((Command::Version, Topic::Overview)),
            _ => Err(Error::usage("which command? write `contain run`, `contain ps` or `contain help`")),
        };
    };
    written.dashed = false;
    let name = first.to_str().unwrap_or("that");
    if name == "__complete" {
        written.words.extend(words);
        return Ok((Command::Complete, Topic::Overview));
    }
    let Some((command, topic)) = help::command(name) else {
        let mut near = Near::to(name);
        lines(help::NAMES).for_each(|known| near.consider(known));
        return Err(near.unknown(fill("%: no such command; `contain help` lists them", &[name])));
    };
    // What follows the first word of these is a command's own, another `--` too.
    let ends = matches!(command, Command::Run | Command::Exec | Command::Init);
    read(words, topic, ends, written)?;
    if written.has(Flag::Help) {
        return Ok((Command::Help, topic));
    }
    written.words.extend(words);
    operands(name, command, written)?;
    match written.words.first() {
        Some(word) if command == Command::Help => match help::command(shown(word)) {
            Some((_, topic)) => Ok((command, topic)),
            None => {
                let text = fill("help %: no such command; `contain help` lists them", &[shown(word)]);
                Err(Error::usage(text))
            }
        },
        _ => Ok((command, topic)),
    }
}

/// Checks how many words there are, as the command wants them.
fn operands(name: &str, command: Command, written: &mut Written) -> Result<()> {
    let (all, count) = (joined(&written.targets(), " "), written.words.len());
    let text = match command {
        Command::Help if count > 1 => fill("help takes one command's name: %", &[&all]),
        Command::Check
        | Command::Version
        | Command::Ps
        | Command::Prune
        | Command::PowerOff
        | Command::Reboot
        | Command::Halt
            if count > 0 =>
        {
            fill("% takes no argument: %", &[name, &all])
        }
        Command::Init if count == 0 => "init: which command? write `contain init -- COMMAND [ARG...]`".into(),
        Command::Dhcp if count > 1 => fill("dhcp takes one interface: %", &[&all]),
        Command::Completion if !["bash", "zsh", "fish"].contains(&all.as_str()) => {
            "completion: for which shell? write bash, zsh or fish".into()
        }
        Command::Exec if count == 0 || written.dashed => {
            "exec: which container? write `contain exec ID -- COMMAND`".into()
        }
        Command::Exec => {
            written.target = shown(written.words.remove(0));
            if written.words.first().is_some_and(|word| *word == c"--") {
                written.words.remove(0);
            }
            if !written.words.is_empty() {
                return Ok(());
            }
            "exec: which command? write `contain exec ID -- COMMAND`, as /bin/sh".into()
        }
        Command::Bootchart if count > 1 => fill("bootchart takes one file: %", &[&all]),
        Command::Top | Command::Logs | Command::Update if count > 1 => fill("% takes one container: %", &[name, &all]),
        Command::Update if count > 0 && written.limits.are_none() => {
            "update: which limit? write `contain update --memory 64M ID`, or another of run's".into()
        }
        Command::Top
        | Command::Logs
        | Command::Update
        | Command::Kill
        | Command::Stop
        | Command::Rm
        | Command::Wait
        | Command::Pause
        | Command::Resume
        | Command::Inspect
            if count == 0 =>
        {
            fill("%: which container? write `contain % ID`; `contain ps` lists them", &[name, name])
        }
        _ => return Ok(()),
    };
    Err(Error::usage(text))
}

/// Reads options, and the words that are none: all of them, or just the first where that `ends` the options.
fn read(words: &mut IntoIter<Word>, topic: Topic, ends: bool, written: &mut Written) -> Result<()> {
    while !(written.has(Flag::Help) || written.has(Flag::Version) || ends && !written.words.is_empty()) {
        let Some(word) = words.next() else { break };
        weak!(
            "weak-dashes",
            if word == c"--" {
                continue;
            }
        );
        match word.to_bytes() {
            [b'-', _, ..] if written.dashed => written.words.push(word),
            b"--" => written.dashed = true,
            [b'-', b'-', name @ ..] => {
                let end = name.iter().position(|b| *b == b'=').unwrap_or(name.len());
                let flag = String::from_utf8_lossy(&word.to_bytes()[..end + 2]);
                let value = if end < name.len() { Some(tail(word, end + 3)) } else { None };
                if !option(&flag, value, words, topic, written)? {
                    refuse_value(&flag, value)?;
                }
            }
            [b'-', letters @ ..] if !letters.is_empty() => cluster(word, words, topic, written)?,
            _ => written.words.push(word),
        }
    }
    Ok(())
}

/// `-it`, `-m64M`, `-m=64M`: flags of one letter in one word, the last one with its value.
fn cluster(word: Word, words: &mut IntoIter<Word>, topic: Topic, written: &mut Written) -> Result<()> {
    let letters = &word.to_bytes()[1..];
    for (at, letter) in letters.iter().enumerate() {
        let flag = match letter.is_ascii() {
            true => fill("-%", &[char::from(*letter).encode_utf8(&mut [0; 4])]),
            false => fill("-%", &[&String::from_utf8_lossy(&letters[at..])]),
        };
        let equals = usize::from(letters.get(at + 1) == Some(&b'='));
        let value = if at + 1 < letters.len() { Some(tail(word, at + 2 + equals)) } else { None };
        if option(&flag, value, words, topic, written)? {
            break;
        }
        refuse_value(&flag, value.filter(|_| equals > 0))?;
    }
    Ok(())
}

/// Does what one option says; whether it takes a value, which stands in the same word or is the next one.
fn option(
    flag: &str,
    value: Option<Word>,
    words: &mut IntoIter<Word>,
    topic: Topic,
    written: &mut Written,
) -> Result<bool> {
    let Some((long, act)) = help::option(topic, flag) else {
        let mut near = Near::to(flag);
        help::flags(topic).into_iter().for_each(|known| near.consider(known));
        return Err(near.unknown(fill("%: no such option", &[flag])));
    };
    match act {
        Act::Set(flag) => {
            written.set(flag, true);
            return Ok(false);
        }
        Act::Perhaps(flag, _) if value.is_none() => {
            written.set(flag, true);
            return Ok(false);
        }
        Act::Instead(flag, other) => {
            written.set(flag, true);
            written.set(other, false);
            return Ok(false);
        }
        _ => {}
    }
    let value = match value {
        Some(value) => value,
        None => match words.next() {
            Some(word) => word,
            None => return Err(Error::usage(fill("% needs a value", &[flag]))),
        },
    };
    let wrong = |what: &[&str]| Err(Error::usage([long, &what.concat()].concat()));
    match (act, value.to_str()) {
        (Act::Path(_) | Act::Perhaps(..) | Act::Layer | Act::EnvironmentFile, _) if value.is_empty() => {
            return wrong(&[" '' is empty: name a path"]);
        }
        (Act::Path(at), _) => written.set_path(at, value),
        (Act::Perhaps(flag, at), _) => {
            written.set(flag, true);
            written.set_path(at, value);
        }
        (Act::Layer, _) => written.layers.push(value),
        (Act::EnvironmentFile, _) => written.environment.push(EnvironmentSource::File(value)),
        (act, Ok(value)) => {
            if let Err(what) = option::take(written, act, value) {
                return wrong(&[" ", &quoted(value), " ", what]);
            }
        }
        (_, Err(_)) => return wrong(&[" has a value that is not UTF-8"]),
    }
    Ok(true)
}

/// A value where none is wanted.
fn refuse_value(flag: &str, value: Option<Word>) -> Result<()> {
    match value {
        None => Ok(()),
        Some(value) => Err(Error::usage(fill("% takes no value, but has %", &[flag, shown(value)]))),
    }
}

/// A value as the user has to see it: in quotes where its edges would be lost.
fn quoted(text: &str) -> String {
    match text.bytes().all(|b| b.is_ascii_graphic()) && !text.is_empty() {
        true => text.into(),
        false => fill("'%'", &[text]),
    }
}

#[cfg(test)]
mod tests;
