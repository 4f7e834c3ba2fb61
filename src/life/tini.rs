//! The names `tini` and `docker-init`: a container's init with tini's flags, variables and exit statuses, for images and
//! scripts that are written for it.

use crate::linux;
use crate::linux::process::{Signal, getpid, set_parent_process_death_signal};

use crate::error::{Error, Result};
use crate::input::help::{self, Topic};
use crate::input::number::{Kind, number};
use crate::life::init::look_after;
use crate::life::output;
use crate::log;
use crate::packed::{sentence, text};
use crate::supervise::reaper::{Manner, become_subreaper};
use crate::sys::signal::from_number;
use crate::text::{Word, decimal, shown, tail, variable};

/// tini's exit status for flags that make no sense.
const WRONG: u8 = 1;

/// What its flags and variables say.
struct Wanted {
    manner: Manner,
    subreaper: bool,
    quiet: bool,
    /// Sent to this process when its parent ends.
    parents: Option<Signal>,
    /// The exit statuses that are told as 0: a bit for each.
    fine: [u64; 4],
}

/// Runs the command as tini does.
pub fn tini(words: &[Word], environment: &[Word]) -> Result<u8> {
    let has = |name| variable(environment, name).is_some();
    let mut wanted = Wanted {
        manner: Manner { stays: true, to_group: has("TINI_KILL_PROCESS_GROUP"), tells: false },
        subreaper: has("TINI_SUBREAPER"),
        quiet: variable(environment, "TINI_VERBOSITY") == Some(c"TINI_VERBOSITY=0"),
        parents: None,
        fine: [0; 4],
    };
    if words.first().is_some_and(|word| *word == c"--version") {
        return output::print(concat!("contain ", env!("CARGO_PKG_VERSION"), ", as tini 0.19.0\n"));
    }
    let Some(command) = read(words, &mut wanted)? else {
        return output::print(help::text(Topic::Tini));
    };
    if command.is_empty() {
        return Err(wrong(sentence!("tini: which command? write `tini [OPTIONS] -- COMMAND [ARG...]`")));
    }
    let is_first = getpid() == linux::process::Pid::INIT;
    if wanted.subreaper {
        become_subreaper()?;
    } else if !is_first && !wanted.quiet {
        log::error(text!(
            "not process 1, and no subreaper: orphans are not reaped here; add -s, or set TINI_SUBREAPER"
        ));
    }
    if let Some(signal) = wanted.parents {
        set_parent_process_death_signal(Some(signal))
            .map_err(|errno| Error::os(sentence!("ask for the parent's end"), errno))?;
    }
    let status = look_after(command, environment, wanted.manner)?.status();
    let is_fine = wanted.fine[usize::from(status / 64)] & 1 << (status % 64) != 0;
    Ok(if is_fine { 0 } else { status })
}

fn wrong(sentence: impl Into<&'static str>) -> Error {
    Error::usage(sentence).with_status(WRONG)
}

/// Reads the flags up to the command, which is what is left; `None` where help is asked for.
fn read<'a>(mut words: &'a [Word], wanted: &mut Wanted) -> Result<Option<&'a [Word]>> {
    while let [word, rest @ ..] = words {
        let letters = match word.to_bytes() {
            b"--" => return Ok(Some(rest)),
            [b'-', letters @ ..] if !letters.is_empty() => letters,
            _ => break,
        };
        words = rest;
        for (at, letter) in letters.iter().enumerate() {
            match letter {
                b's' => wanted.subreaper = true,
                b'g' => wanted.manner.to_group = true,
                b'w' => wanted.manner.tells = true,
                b'v' => {}
                b'h' | b'l' => return Ok(None),
                b'e' | b'p' => {
                    let mut value = tail(word, at + 2);
                    if value.is_empty() {
                        let [next, rest @ ..] = words else {
                            return Err(wrong(text!("tini: % needs a value", shown(word))));
                        };
                        (value, words) = (next, rest);
                    }
                    take(*letter, shown(value), wanted)?;
                    break;
                }
                _ => return Err(wrong(text!("tini: %: no such option; `tini -h` lists them", shown(word)))),
            }
        }
    }
    Ok(Some(words))
}

/// The value of -e or -p.
fn take(letter: u8, value: &str, wanted: &mut Wanted) -> Result<()> {
    match letter {
        b'e' => match decimal(value) {
            Some(status @ 0..=255) => wanted.fine[status as usize / 64] |= 1 << (status % 64),
            _ => return Err(wrong(text!("tini: -e % is no exit status: write 0 to 255", value))),
        },
        _ => match number(Kind::Signal, value) {
            Ok(signal) => wanted.parents = from_number(signal as i32),
            Err(what) => return Err(wrong(text!("tini: -p % %", value, what))),
        },
    }
    Ok(())
}
