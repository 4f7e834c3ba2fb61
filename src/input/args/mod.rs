//! The command line as written: which command, and every option checked on its own. What needs the system to be
//! understood (a directory as first word, the caller's environment) is left to the life that asks. Which options a
//! command takes is what its help text lists (help.rs); what each of them does is a table (option.rs).

pub mod option;
pub mod written;

use std::ffi::CStr;
use std::vec::IntoIter;

use crate::error::{Error, Result};
use crate::input::args::option::Act;
use crate::input::args::written::{Flag, Written};
use crate::input::help::{self, Topic};
use crate::input::near::Near;
use crate::packed::{sentence, text};
use crate::text::{Word, joined, lines, shown, tail, utf8};

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
    utf8(word.to_bytes()).is_some_and(|word| help::command(word).is_some() || word.starts_with('-'))
}

/// Reads the arguments after the program's own name.
pub fn parse(words: Vec<Word>) -> Result<Line> {
    let written = Box::leak(Box::<Written>::default());
    let mut reader = Reader { words: words.into_iter(), topic: Topic::Global, written };
    let command = reader.command()?;
    Ok(Line { command, topic: reader.topic, written: reader.written })
}

/// Where on a command line we are.
struct Reader {
    words: IntoIter<Word>,
    /// Whose options these are.
    topic: Topic,
    written: &'static mut Written,
}

impl Reader {
    /// Reads all of it.
    fn command(&mut self) -> Result<Command> {
        self.read(true)?;
        let Some(first) = self.written.words.pop() else {
            self.topic = Topic::Overview;
            return match (self.written.has(Flag::Help), self.written.has(Flag::Version)) {
                (true, _) => Ok(Command::Help),
                (_, true) => Ok(Command::Version),
                _ => Err(Error::usage(sentence!("which command? write `contain run`, `contain ps` or `contain help`"))),
            };
        };
        self.written.dashed = false;
        let name = utf8(first.to_bytes()).unwrap_or("that");
        if name == "__complete" {
            self.topic = Topic::Overview;
            self.written.words.extend(&mut self.words);
            return Ok(Command::Complete);
        }
        let Some(named) = help::command(name) else {
            let mut near = Near::to(name);
            lines(help::NAMES).for_each(|known| near.consider(known));
            return Err(near.unknown(text!("%: no such command; `contain help` lists them", name)));
        };
        self.topic = named.topic;
        // What follows the first word of these is a command's own, another `--` too.
        self.read(matches!(named.command, Command::Run | Command::Exec | Command::Init))?;
        if self.written.has(Flag::Help) {
            return Ok(Command::Help);
        }
        self.written.words.extend(&mut self.words);
        operands(name, named, self.written)?;
        if let (Command::Help, Some(word)) = (named.command, self.written.words.first()) {
            match help::command(shown(word)) {
                Some(other) => self.topic = other.topic,
                None => {
                    let text = text!("help %: no such command; `contain help` lists them", shown(word));
                    return Err(Error::usage(text));
                }
            }
        }
        Ok(named.command)
    }

    /// Reads options, and the words that are none: all of them, or just the first where that `ends` the options.
    fn read(&mut self, ends: bool) -> Result<()> {
        while !(self.written.has(Flag::Help)
            || self.written.has(Flag::Version)
            || ends && !self.written.words.is_empty())
        {
            let Some(word) = self.words.next() else { break };
            weak!(
                "weak-dashes",
                if word == c"--" {
                    continue;
                }
            );
            match word.to_bytes() {
                [b'-', _, ..] if self.written.dashed => self.written.words.push(word),
                b"--" => self.written.dashed = true,
                [b'-', b'-', name @ ..] => {
                    let end = name.iter().position(|b| *b == b'=').unwrap_or(name.len());
                    let flag = String::from_utf8_lossy(&word.to_bytes()[..end + 2]);
                    let value = if end < name.len() { Some(tail(word, end + 3)) } else { None };
                    if !self.option(&flag, value)? {
                        refuse_value(&flag, value)?;
                    }
                }
                [b'-', letters @ ..] if !letters.is_empty() => self.cluster(word)?,
                _ => self.written.words.push(word),
            }
        }
        Ok(())
    }

    /// `-it`, `-m64M`, `-m=64M`: flags of one letter in one word, the last one with its value.
    fn cluster(&mut self, word: Word) -> Result<()> {
        let letters = &word.to_bytes()[1..];
        for (at, letter) in letters.iter().enumerate() {
            let flag = match letter.is_ascii() {
                true => text!("-%", char::from(*letter).encode_utf8(&mut [0; 4])),
                false => text!("-%", &String::from_utf8_lossy(&letters[at..])),
            };
            let equals = usize::from(letters.get(at + 1) == Some(&b'='));
            let value = if at + 1 < letters.len() { Some(tail(word, at + 2 + equals)) } else { None };
            if self.option(flag, value)? {
                break;
            }
            refuse_value(flag, value.filter(|_| equals > 0))?;
        }
        Ok(())
    }

    /// Does what one option says; whether it takes a value, which stands in the same word or is the next one.
    fn option(&mut self, flag: &str, value: Option<Word>) -> Result<bool> {
        let Some((long, act)) = help::option(self.topic, flag) else {
            let mut near = Near::to(flag);
            help::flags(self.topic).into_iter().for_each(|known| near.consider(known));
            return Err(near.unknown(text!("%: no such option", flag)));
        };
        let written = &mut *self.written;
        match act {
            Act::Set(flag) => {
                written.set(flag, true);
                return Ok(false);
            }
            Act::Perhaps(flag, _) => {
                written.set(flag, true);
                if value.is_none() {
                    return Ok(false);
                }
            }
            Act::Instead(flag, other) => {
                written.set(flag, true);
                written.set(other, false);
                return Ok(false);
            }
            _ => {}
        }
        let Some(value) = value.or_else(|| self.words.next()) else {
            return Err(Error::usage(text!("% needs a value", flag)));
        };
        match option::take(written, act, value) {
            Ok(()) => Ok(true),
            Err(what) => {
                let text = utf8(value.to_bytes()).map_or("", |text| text!(" %", quoted(text)));
                Err(Error::usage(text!("%% %", long, &text, what)))
            }
        }
    }
}

/// Checks how many words there are, as the command wants them.
fn operands(name: &str, named: &help::Named, written: &mut Written) -> Result<()> {
    let (all, count) = (joined(&written.targets(), " "), written.words.len());
    let text = match named.command {
        _ if named.most < help::MANY && count > named.most.into() => match named.most {
            0 => text!("% takes no argument: %", name, &all),
            _ => text!("% takes one argument: %", name, &all),
        },
        Command::Init if count == 0 => text!("init: which command? write `contain init -- COMMAND [ARG...]`"),
        Command::Completion if !["bash", "zsh", "fish"].contains(&all) => {
            text!("completion: for which shell? write bash, zsh or fish")
        }
        Command::Exec if count == 0 || written.dashed => {
            text!("exec: which container? write `contain exec ID -- COMMAND`")
        }
        Command::Exec => {
            written.target = shown(written.words.remove(0));
            if written.words.first().is_some_and(|word| *word == c"--") {
                written.words.remove(0);
            }
            if !written.words.is_empty() {
                return Ok(());
            }
            text!("exec: which command? write `contain exec ID -- COMMAND`, as /bin/sh")
        }
        Command::Update if count > 0 && written.limits.are_none() => {
            text!("update: which limit? write `contain update --memory 64M ID`, or another of run's")
        }
        _ if count < named.least.into() => {
            text!("%: which container? write `contain % ID`; `contain ps` lists them", name, name)
        }
        _ => return Ok(()),
    };
    Err(Error::usage(text))
}

/// A value where none is wanted.
fn refuse_value(flag: &str, value: Option<Word>) -> Result<()> {
    match value {
        None => Ok(()),
        Some(value) => Err(Error::usage(text!("% takes no value, but has %", flag, shown(value)))),
    }
}

/// A value as the user has to see it: in quotes where its edges would be lost.
fn quoted(text: &'static str) -> &'static str {
    match text.bytes().all(|b| b.is_ascii_graphic()) && !text.is_empty() {
        true => text,
        false => text!("'%'", text),
    }
}

#[cfg(test)]
mod tests;
