//! Texts taken apart at ASCII bytes, and numbers in them. std has all of it, made for any pattern in any text and numbers of
//! every kind; this is 4 KB less of binary. Everyone knows this file; it knows nobody.

use std::borrow::Cow;
use std::ffi::CStr;

/// A word of a command line, a variable or a path, as the kernel gives and takes it. Since the heap takes nothing back,
/// such a text is kept for as long as the process lives, and copied by its address.
pub type Word = &'static CStr;

/// A new one, from its parts. It ends before the first NUL byte.
pub fn kept(parts: &[&[u8]]) -> Word {
    let mut all = parts.concat();
    all.push(0);
    CStr::from_bytes_until_nul(all.leak()).unwrap_or_default()
}

/// The same of one part, which is passed as it is.
#[inline(never)]
pub fn kept_one(part: &[u8]) -> Word {
    kept(&[part])
}

/// The same of two.
#[inline(never)]
pub fn kept_two(first: &[u8], second: &[u8]) -> Word {
    kept(&[first, second])
}

/// The path of a name in a directory.
#[inline(never)]
pub fn kept_below(directory: &[u8], name: &[u8]) -> Word {
    kept(&[directory, b"/", name])
}

/// What stands in one from a place on.
pub fn tail(word: Word, from: usize) -> Word {
    CStr::from_bytes_until_nul(word.to_bytes_with_nul().get(from..).unwrap_or_default()).unwrap_or_default()
}

/// The variable of this name in an environment, `KEY=VALUE`.
pub fn variable(environment: &[Word], key: &str) -> Option<Word> {
    let is_it =
        |entry: &&Word| entry.to_bytes().strip_prefix(key.as_bytes()).is_some_and(|rest| rest.starts_with(b"="));
    environment.iter().find(is_it).copied()
}

/// Its value, where that is not empty.
pub fn value(environment: &[Word], key: &str) -> Option<Word> {
    let value = tail(variable(environment, key)?, key.len() + 1);
    if value.is_empty() { None } else { Some(value) }
}

/// As a sentence can have it.
pub fn shown(word: &CStr) -> &str {
    match word.to_string_lossy() {
        Cow::Borrowed(text) => text,
        Cow::Owned(text) => text.leak(),
    }
}

/// The text that these bytes are, where they are UTF-8. The decoder that [`shown`] needs is all there is.
pub fn utf8(bytes: &[u8]) -> Option<&str> {
    match bytes.utf8_chunks().next() {
        None => Some(""),
        Some(text) if text.invalid().is_empty() => Some(text.valid()),
        Some(_) => None,
    }
}

/// The words, with a text between each two.
pub fn joined(words: &[&str], between: &str) -> &'static str {
    let mut all = String::new();
    for word in words {
        if !all.is_empty() {
            all.push_str(between);
        }
        all.push_str(word);
    }
    all.leak()
}

/// What stands before and after the first `byte`.
pub fn cut(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|b| b == byte)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// What stands before the first `byte`: all of it where there is none.
pub fn before(text: &str, byte: u8) -> &str {
    let at = text.bytes().position(|b| b == byte).unwrap_or(text.len());
    text.get(..at).unwrap_or_default()
}

/// What stands after the first `byte`, where there is one.
pub fn after(text: &str, byte: u8) -> Option<&str> {
    text.get(text.bytes().position(|b| b == byte)? + 1..)
}

/// What stands before and after the last `byte`.
pub fn cut_last(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = text.bytes().rposition(|b| b == byte)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

pub fn has(text: &str, byte: u8) -> bool {
    text.as_bytes().contains(&byte)
}

/// The parts of a text between every `byte`.
pub fn split(text: &str, byte: u8) -> Parts<'_> {
    Parts { rest: Some(text), byte }
}

/// The lines of a text; what ends with a line has no other after it.
pub fn lines(text: &str) -> Parts<'_> {
    Parts { rest: (!text.is_empty()).then(|| text.strip_suffix('\n').unwrap_or(text)), byte: b'\n' }
}

/// A text with one part after the other in place of each `%`, of which there is one for each part. Stored and passed, that is a
/// third less than texts joined.
pub fn fill(template: &str, parts: &[&str]) -> &'static str {
    debug_assert_eq!(split(template, b'%').count(), parts.len() + 1, "{template}");
    let (mut text, mut parts) = (String::new(), parts.iter());
    for piece in split(template, b'%') {
        text.push_str(piece);
        text.push_str(parts.next().unwrap_or(&""));
    }
    text.leak()
}

/// Which of the lines of a text this is: their numbers can be matched, while each text that is compared costs 25 bytes.
pub fn place(text: &str, line: &[u8]) -> Option<usize> {
    // In one go over the bytes, since a boot asks some hundred times. `same` is beyond all lines once one byte is another.
    let (mut number, mut same) = (0, 0);
    for byte in text.as_bytes() {
        if *byte == b'\n' {
            if same == line.len() {
                return Some(number);
            }
            (number, same) = (number + 1, 0);
        } else {
            same = if line.get(same) == Some(byte) { same + 1 } else { usize::MAX };
        }
    }
    (same == line.len() && !text.ends_with('\n')).then_some(number)
}

/// `SOFT` or `SOFT:HARD`, where `unlimited` and `-1` are the highest number: what the kernel takes them for.
pub fn limits(text: &str) -> Option<[u64; 2]> {
    let number =
        |text: &str| if place("unlimited\n-1", text.as_bytes()).is_some() { Some(u64::MAX) } else { decimal(text) };
    let (soft, hard) = cut(text, b':').unwrap_or((text, text));
    Some([number(soft)?, number(hard)?])
}

#[derive(Clone)]
pub struct Parts<'a> {
    rest: Option<&'a str>,
    byte: u8,
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest?;
        let (part, rest) = cut(rest, self.byte).map_or((rest, None), |(part, rest)| (part, Some(rest)));
        self.rest = rest;
        Some(part)
    }
}

/// The words between blanks.
pub fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte.is_ascii_whitespace() {
            words.extend(text.get(start..at).filter(|word| !word.is_empty()));
            start = at + 1;
        }
    }
    words.extend(text.get(start..).filter(|word| !word.is_empty()));
    words
}

/// Whether it could be a container's id: 16 hexadecimal digits.
pub fn is_id(text: &[u8]) -> bool {
    text.len() == 16 && text.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// The last digits of a number, in hexadecimal.
pub fn hex(number: u64, digits: u32) -> String {
    let mut text = String::new();
    for digit in (0..digits).rev() {
        text.push(char::from(b"0123456789abcdef"[(number >> (4 * digit) & 15) as usize]));
    }
    text
}

/// A number in decimal digits.
pub fn digits(mut number: u64) -> &'static str {
    // More than any number has.
    let (mut digits, mut start) = ([b'0'; 20], 20);
    while number > 0 || start == 20 {
        start -= 1;
        digits[start] += (number % 10) as u8;
        number /= 10;
    }
    shown(kept_one(&digits[start..]))
}

/// A whole number without a sign, where all of the text is one.
pub fn decimal(text: &str) -> Option<u64> {
    let digit = |number: u64, b: u8| {
        let digit = b.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    };
    text.bytes().try_fold(0, digit).filter(|_| !text.is_empty())
}

/// The first two numbers of a kernel's release, as 6.1.0-13-cloud-amd64 is 6 and 1.
pub fn version(release: &str) -> (u64, u64) {
    let (mut numbers, mut at) = ([0; 2], 0);
    for b in release.bytes() {
        match b {
            b'0'..=b'9' => numbers[at] = numbers[at] * 10 + u64::from(b - b'0'),
            b'.' if at == 0 => at = 1,
            _ => break,
        }
    }
    numbers.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        assert_eq!(cut("a=b=c", b'='), Some(("a", "b=c")));
        assert_eq!((cut("é", b'='), cut("=", b'=')), (None, Some(("", ""))));
        for text in ["", ",", "a", "a,b", ",a,,é,"] {
            assert_eq!(split(text, b',').collect::<Vec<_>>(), text.split(',').collect::<Vec<_>>(), "{text}");
        }
        for text in ["", "\n", "a", "a\n", "a\n\nb\n", "\n\n"] {
            assert_eq!(lines(text).collect::<Vec<_>>(), text.lines().collect::<Vec<_>>(), "{text:?}");
        }
        assert_eq!(words(" a\t b\n"), ["a", "b"]);
        assert_eq!((place("a\nb\n", b"b"), place("a\nb\n", b""), place("a\n\nb", b"")), (Some(1), None, Some(1)));
    }

    #[test]
    fn environments() {
        let all = [c"PATHS=a", c"PATH=/bin", c"TERM="];
        assert_eq!((value(&all, "PATH"), value(&all, "TERM"), value(&all, "PAT")), (Some(c"/bin"), None, None));
        assert_eq!(
            (variable(&all, "TERM"), tail(c"a=b", 2), tail(c"a", 1), tail(c"a", 9)),
            (Some(c"TERM="), c"b", c"", c"")
        );
        assert_eq!((kept(&[b"a", b"/b"]), kept(&[b"a\0b"]), shown(kept(&[b"a\xff"]))), (c"a/b", c"a", "a\u{fffd}"));
    }

    #[test]
    fn templates() {
        assert_eq!((fill("a % b%", &["x", "%"]), fill("%", &[""]), fill("a", &[])), ("a x b%", "", "a"));
    }

    #[test]
    fn versions() {
        for (release, expected) in
            [("6.1.0-13-cloud-amd64", (6, 1)), ("5.9", (5, 9)), ("4.19.0+", (4, 19)), ("7-rc1.2", (7, 0)), ("", (0, 0))]
        {
            assert_eq!(version(release), expected, "{release}");
        }
        assert!(version("5.10.1") >= (5, 9) && version("5.8.0") < (5, 9));
    }

    #[test]
    fn numbers() {
        assert_eq!((decimal("0"), decimal("007"), decimal("18446744073709551615")), (Some(0), Some(7), Some(u64::MAX)));
        assert_eq!((hex(0xab, 4), hex(u64::MAX, 16), hex(0x123, 2)), ("00ab".into(), "f".repeat(16), "23".into()));
        for text in ["", "+1", "-1", " 1", "1 ", "a", "18446744073709551616", "٣"] {
            assert_eq!(decimal(text), None, "{text}");
        }
    }
}
