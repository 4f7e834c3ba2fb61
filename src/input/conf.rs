//! contain.conf: one directive a line, `#` before a comment, quotes around what has blanks. What each directive sets stands
//! in settings.rs.

use crate::input::number::Parsed;
use crate::input::services::which;
use crate::input::settings::{Settings, absolute, word};
use crate::machine::{Machine, Mount};
use crate::text::{digits, kept, shown};

/// No line that a person wrote is longer.
const LONGEST: usize = 8192;

/// Reads the lines of contain.conf.
pub fn read(settings: &mut Settings, path: &str, bytes: &'static [u8]) {
    read_lines(settings, path, bytes, true, &mut |settings, line| {
        let words = split_words(line, b'#').map_err(|what| (line, what))?;
        settings.read_directive(&words).map_err(|what| match words.as_slice() {
            [directive, first, ..] => (shown(kept(&[directive.as_bytes(), b" ", first.as_bytes()])), what),
            _ => (words.first().copied().unwrap_or_default(), what),
        })
    });
}

/// What a line is about, and what is wrong with it.
pub type Complaint = (&'static str, &'static str);

/// Reads a file, line by line. What is wrong with one is told with its number, where it is to be, and the others count.
pub fn read_lines(
    settings: &mut Settings,
    path: &str,
    bytes: &'static [u8],
    tells: bool,
    read: &mut dyn FnMut(&mut Settings, &'static str) -> Result<(), Complaint>,
) {
    let before = settings.place;
    for (number, line) in (1..).zip(bytes.split(|b| *b == b'\n')) {
        settings.place = shown(kept(&[path.as_bytes(), b":", digits(number).as_bytes()]));
        let is_text = |b: u8| b >= b' ' && b != 0x7f || b.is_ascii_whitespace();
        let done = match str::from_utf8(line) {
            _ if line.len() > LONGEST => Err(("this line", "is longer than 8192 bytes")),
            Ok(text) if text.bytes().all(is_text) => read(settings, text),
            _ => Err(("this line", "is no text: write UTF-8")),
        };
        if let (Err((subject, what)), true) = (done, tells) {
            settings.complain(subject, what);
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
                    words.push(str::from_utf8(std::mem::take(&mut word).leak()).unwrap_or_default());
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
    if quote == 0 { Ok(words) } else { Err("has a quote that does not end: write another one") }
}

/// `TYPE TARGET [FLAG,...] [KEY=VALUE...]`.
#[inline(never)]
pub fn mount(machine: &mut Machine, words: &[&'static str], place: &'static str) -> Parsed<()> {
    let [filesystem, target, more @ ..] = words else {
        return Err("names no directory: write `mount TYPE DIRECTORY`, as `mount tmpfs /tmp`");
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
    absolute(target).or_else(|what| which(target, what))?;
    let (filesystem, source, target) = (word(filesystem), word(source), word(target));
    machine.mounts.push(Mount { filesystem, source, target, options: options.leak(), place });
    Ok(())
}

#[cfg(test)]
mod tests;
