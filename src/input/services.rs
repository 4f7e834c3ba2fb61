//! Services and tasks: `service NAME [KEY=VALUE...] [--] COMMAND...`, as `task` has it too.

use std::ops::Range;

use crate::input::args::option::name;
use crate::input::help::{self, Topic};
use crate::input::number::Parsed;
use crate::input::settings::{OF_CONTAINER, OF_PROCESS, Settings, absolute, find, one_of, run_option, time, word};
use crate::machine::{Kind, Restart, SECOND, Service};
use crate::packed::text;
use crate::text::{Word, after, before, has, place, shown, split};

/// The words of a line that are no settings: a container's options, and the command.
#[derive(PartialEq, Eq, Debug, Default)]
pub struct Words {
    pub options: Vec<Word>,
    pub command: Vec<Word>,
}

/// Sets a value, by the place of its name among those that are asked for.
pub type Set<'a> = &'a mut dyn FnMut(usize, &'static str) -> Parsed<()>;

/// Takes a line apart. Before a `--` every word is a setting. Without one those are that have a value and a setting's name,
/// wherever they stand.
pub fn take_apart(words: &[&'static str], among: Range<usize>, set: Set<'_>) -> Parsed<Words> {
    let mut all = Words::default();
    let dashed = words.contains(&"--");
    let mut words = words.iter();
    for text in &mut words {
        if *text == "--" {
            break;
        }
        let bare = text.strip_prefix("--").filter(|_| dashed).unwrap_or(text);
        let (key, value) = (before(bare, b'='), after(bare, b'='));
        if let (Some(at), Some(value)) = (find(key, true, &among), value) {
            set(at - among.start, value).map_err(|what| which(value, what))?;
        } else if dashed
            || value.is_some()
                && (help::option(Topic::Run, text!("--%", key)).is_some()
                    // No program's name has this form.
                    || all.command.is_empty() && !has(key, b'/'))
        {
            all.options.push(run_option(bare, among.clone()).map_err(|what| which(text, what))?);
        } else {
            all.command.push(word(text));
        }
    }
    for text in words {
        all.command.push(word(text));
    }
    Ok(all)
}

/// A complaint about one of the words.
#[inline(never)]
pub fn which(text: &str, what: &str) -> &'static str {
    text!("has %, which %", text, what)
}

/// Adds what a line describes.
#[inline(never)]
pub fn add(settings: &mut Settings, kind: Kind, words: &[&'static str]) -> Parsed<()> {
    let Some((title, words)) = words.split_first() else { return Err(text!("has no name")) };
    name(title)?;
    let all = &mut settings.machine.services;
    if let Some(other) = all.iter().find(|other| other.name == *title) {
        return Err(text!("is there already: choose another name than that at %", other.place));
    }
    let is_container = words.iter().any(|text| text.strip_prefix("--").unwrap_or(text).starts_with("rootfs="));
    let service = Service::plain(title, kind, settings.place);
    let (mut after, mut environment) = (Vec::new(), Vec::new());
    let among = if is_container { OF_CONTAINER } else { OF_PROCESS };
    let Words { options, command } = take_apart(words, among, &mut |at, value| {
        match at {
            0 => {
                service.restart = match one_of(value, text!("no, on-failure, always"))? {
                    0 => Restart::No,
                    1 => Restart::OnFailure,
                    _ => Restart::Always,
                }
            }
            1 => service.backoff = backoff(value)?,
            2 => after.extend(split(value, b',').filter(|name| !name.is_empty())),
            3 => {
                if place("console\nkmsg\nnone", value.as_bytes()).is_none() {
                    absolute(value)?;
                }
                service.log = word(value);
            }
            4 => service.user = value,
            _ if !value.starts_with('=') && has(value, b'=') => environment.push(word(value)),
            _ => return Err(text!("sets no variable: write env=KEY=VALUE")),
        }
        Ok(())
    })?;
    if !is_container && let Some(option) = options.first() {
        return Err(text!("has %, which is for a container: name its root file system, rootfs=DIR", shown(option)));
    }
    if command.first().is_none_or(|word| word.is_empty()) {
        return Err(text!("names no program: write its path behind the settings, as /bin/app"));
    }
    (service.command, service.options) = (command.leak(), options.leak());
    (service.after, service.environment) = (after.leak(), environment.leak());
    all.push(service);
    Ok(())
}

/// `1s..30s`, or `1s` for a pause that stays the same.
fn backoff(text: &str) -> Parsed<[u64; 2]> {
    let last = after(text, b'.').map_or(text, |last| last.strip_prefix('.').unwrap_or(last));
    match [time(before(text, b'.'))?, time(last)?] {
        pauses @ [first, last] if first <= last => Ok(pauses),
        _ => Err(text!("ends before it begins: write the shorter pause first, as 1s..30s")),
    }
}

impl Service {
    /// One of which nothing but its name is known.
    #[inline(never)]
    pub fn plain(name: &'static str, kind: Kind, place: &'static str) -> &'static mut Service {
        Box::leak(Box::new(Service {
            name,
            command: &[],
            options: &[],
            kind,
            restart: if matches!(kind, Kind::Service | Kind::Ask) { Restart::Always } else { Restart::No },
            backoff: [SECOND / 10, 30 * SECOND],
            after: &[],
            user: "",
            environment: &[],
            log: c"",
            place,
        }))
    }
}

#[cfg(test)]
mod tests;
