//! Services and tasks: `service NAME [KEY=VALUE...] [--] COMMAND...`, as `task` has it too.

use std::time::Duration;

use crate::input::args::option::name;
use crate::input::help::{self, Topic};
use crate::input::number::{Parsed, wrong};
use crate::input::settings::{Settings, absolute, one_of, run_option, time, word};
use crate::machine::{Kind, Restart, Service};
use crate::text::{Word, cut, has, kept, place, shown, split};

/// The words of a line: those that are settings, by their places among the names that were asked for; a container's options;
/// the command.
#[derive(PartialEq, Eq, Debug, Default)]
pub struct Words {
    pub own: Vec<(usize, &'static str)>,
    pub options: Vec<Word>,
    pub command: Vec<Word>,
}

/// Takes a line apart. Before a `--` every word is a setting. Without one those are that have a value and a setting's name,
/// wherever they stand.
pub fn take_apart(words: &[&'static str], own: &'static str) -> Parsed<Words> {
    let mut all = Words::default();
    let dashed = words.contains(&"--");
    let mut words = words.iter();
    for text in &mut words {
        if *text == "--" {
            break;
        }
        let bare = text.strip_prefix("--").filter(|_| dashed).unwrap_or(text);
        let (key, value) = cut(bare, b'=').map_or((bare, None), |(key, value)| (key, Some(value)));
        let is_option = || help::option(Topic::Run, &["--", key].concat()).is_some();
        // No program's name has this form.
        let may_be_one = || value.is_some() && all.command.is_empty() && !has(key, b'/');
        if let (Some(at), Some(value)) = (place(own, key.as_bytes()), value) {
            all.own.push((at, value));
        } else if dashed || value.is_some() && is_option() || may_be_one() {
            let option = run_option(bare, "", &[own]);
            all.options.push(option.or_else(|what| which(text, what))?);
        } else {
            all.command.push(word(text));
        }
    }
    all.command.extend(words.map(|text| word(text)));
    Ok(all)
}

/// A complaint about one of the words.
pub fn which<T>(text: &str, what: &str) -> Parsed<T> {
    wrong(&["has ", text, ", which "].concat(), what)
}

/// Adds what a line describes.
pub fn add(settings: &mut Settings, kind: Kind, words: &[&'static str]) -> Parsed<()> {
    const OWN: &str = "restart\nbackoff\nafter\nuser\nenv\nlog";
    let Some((title, words)) = words.split_first() else { return Err("has no name") };
    name(title)?;
    let all = &mut settings.machine.services;
    if let Some(other) = all.iter().find(|other| other.name == *title) {
        return wrong("is there already: choose another name than that at ", other.place);
    }
    let Words { own, mut options, command } = take_apart(words, OWN)?;
    let mut service = Service::plain(title, kind, settings.place);
    let (mut after, mut environment) = (Vec::new(), Vec::new());
    let is_container = options.iter().any(|option| option.to_bytes().starts_with(b"--rootfs="));
    let mut take = |at, value: &'static str| -> Parsed<()> {
        match at {
            0 => {
                let all = [Restart::No, Restart::OnFailure, Restart::Always];
                service.restart = one_of(value, "no\non-failure\nalways", &all)?;
            }
            1 => service.backoff = backoff(value)?,
            2 => after.extend(split(value, b',').filter(|name| !name.is_empty())),
            3 if is_container => options.push(run_option(&["user=", value].concat(), "", &[])?),
            3 => service.user = value,
            4 if is_container => options.push(kept(&[b"--env=", value.as_bytes()])),
            4 if !value.starts_with('=') && has(value, b'=') => environment.push(word(value)),
            4 => return Err("sets no variable: write env=KEY=VALUE"),
            _ if place("console\nkmsg\nnone", value.as_bytes()).is_some() => service.log = word(value),
            _ => service.log = absolute(value)?,
        }
        Ok(())
    };
    for (at, value) in own {
        let key = split(OWN, b'\n').nth(at).unwrap_or_default();
        take(at, value).or_else(|what| which(&[key, "=", value].concat(), what))?;
    }
    if !is_container && let Some(option) = options.first() {
        return which(shown(option), "is for a container: name its root file system, rootfs=DIR");
    }
    if command.first().is_none_or(|word| word.is_empty()) {
        return Err("names no program: write its path behind the settings, as /bin/app");
    }
    (service.command, service.options) = (command.leak(), options.leak());
    (service.after, service.environment) = (after.leak(), environment.leak());
    all.push(service);
    Ok(())
}

/// `1s..30s`, or `1s` for a pause that stays the same.
fn backoff(text: &str) -> Parsed<[Duration; 2]> {
    let (first, last) = match text.find("..") {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 2..).unwrap_or_default()),
        None => (text, text),
    };
    match [time(first)?, time(last)?] {
        pauses @ [first, last] if first <= last => Ok(pauses),
        _ => Err("ends before it begins: write the shorter pause first, as 1s..30s"),
    }
}

impl Service {
    /// One of which nothing but its name is known.
    pub fn plain(name: &'static str, kind: Kind, place: &'static str) -> Service {
        Service {
            name,
            command: &[],
            options: &[],
            kind,
            restart: if matches!(kind, Kind::Service | Kind::Ask) { Restart::Always } else { Restart::No },
            backoff: [Duration::from_millis(100), Duration::from_secs(30)],
            after: &[],
            user: "",
            environment: &[],
            log: c"",
            place,
        }
    }
}

#[cfg(test)]
mod tests;
