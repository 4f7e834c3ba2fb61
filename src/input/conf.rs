//! contain.conf: one directive a line, `#` before a comment, quotes around what has blanks. What each directive sets stands
//! in settings.rs.

use crate::input::number::Parsed;
use crate::input::services::which;
use crate::input::settings::{Settings, absolute, word};
use crate::machine::{Machine, Mount};
use crate::packed::text;
use crate::text::{digits, joined, utf8};

/// No line that a person wrote is longer.
const LONGEST: usize = 8192;

/// Reads the lines of contain.conf.
pub fn read(settings: &mut Settings, path: &str, bytes: &'static [u8]) {
    read_lines(settings, path, bytes, &mut |settings, line| match split_words(line, b'#') {
        Ok(words) => {
            if let Err(what) = settings.read_directive(&words) {
                settings.complain(joined(words.get(..2).unwrap_or(&words), " "), what);
            }
        }
        Err(what) => settings.complain(line, what),
    });
}

/// Reads a file, line by line; what is wrong with one is told with its number, and the others count.
pub fn read_lines(
    settings: &mut Settings,
    path: &str,
    bytes: &'static [u8],
    read: &mut dyn FnMut(&mut Settings, &'static str),
) {
    let before = settings.place;
    for (number, line) in (1..).zip(bytes.split(|b| *b == b'\n')) {
        settings.place = text!("%:%", path, digits(number));
        let is_text = |b: u8| b >= b' ' && b != 0x7f || b.is_ascii_whitespace();
        match utf8(line) {
            _ if line.len() > LONGEST => settings.complain(text!("this line"), text!("is longer than 8192 bytes")),
            Some(text) if text.bytes().all(is_text) => read(settings, text),
            _ => settings.complain(text!("this line"), text!("is no text: write UTF-8")),
        }
    }
    settings.place = before;
}

/// Blank-separated words; single or double quotes keep blanks, the other kind of quotes, and what would begin a comment.
pub fn split_words(text: &str, comment: u8) -> Parsed<Vec<&'static str>> {
    let (mut words, mut word, mut quote, mut begun) = (Vec::new(), Vec::new(), 0, false);
    for byte in text.bytes().chain([b' ']) {
        match byte {
            _ if byte == quote => quote = 0,
            _ if quote != 0 => word.push(byte),
            b'"' | b'\'' => (quote, begun) = (byte, true),
            _ if byte.is_ascii_whitespace() => {
                if begun {
                    words.push(utf8(std::mem::take(&mut word).leak()).unwrap_or_default());
                }
                begun = false;
            }
            _ if byte == comment && !begun => break,
            _ => {
                word.push(byte);
                begun = true;
            }
        }
    }
    if quote == 0 { Ok(words) } else { Err(text!("has a quote that does not end: write another one")) }
}

/// `TYPE TARGET [FLAG,...] [KEY=VALUE...]`.
#[inline(never)]
pub fn mount(machine: &mut Machine, words: &[&'static str], place: &'static str) -> Parsed<()> {
    let [filesystem, target, more @ ..] = words else {
        return Err(text!("names no directory: write `mount TYPE DIRECTORY`, as `mount tmpfs /tmp`"));
    };
    let (mut source, mut options) = (*filesystem, String::new());
    for option in more {
        match option.strip_prefix("source=") {
            Some(device) => source = device,
            None => {
                options.push_str(if options.is_empty() { "" } else { "," });
                options.push_str(option);
            }
        }
    }
    absolute(target).map_err(|what| which(target, what))?;
    let (filesystem, source, target) = (word(filesystem), word(source), word(target));
    machine.mounts.push(Mount { filesystem, source, target, options: options.leak(), place });
    Ok(())
}

#[cfg(test)]
mod tests;
