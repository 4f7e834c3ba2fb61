//! JSON (RFC 8259), as little as contain needs: a reader that hands over one value at a time and says where a text is
//! wrong, and a writer. No tree is built, and nothing of a hostile text costs more than its own length.
//!
//! Strings are bytes: a path need not be UTF-8. A byte that is not part of any UTF-8 sequence is written as the lone
//! surrogate \udc80 to \udcff, as Python's surrogateescape has it, and read back as that byte.

use crate::packed::{Sentence, sentence, text};
use crate::text::{digits, hex};

/// How deep values may be nested; far more than any text of ours.
const DEEPEST: u32 = 32;

/// What is wrong with a text, and where: the number of bytes before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wrong {
    pub at: usize,
    pub what: Sentence,
}

impl Wrong {
    pub fn text(&self) -> &'static str {
        text!("% at byte %", self.what.get(), digits(self.at as u64))
    }
}

/// A place in a text. Each method reads one value from there on; `None` where that cannot be, and `wrong` says why.
pub struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    depth: u32,
    pub wrong: Wrong,
}

impl<'a> Reader<'a> {
    pub fn new(text: &'a [u8]) -> Self {
        Reader { text, at: 0, depth: 0, wrong: Wrong { at: 0, what: sentence!("") } }
    }

    pub fn wrong<T>(&mut self, what: Sentence) -> Option<T> {
        self.note(what);
        None
    }

    #[cold]
    #[inline(never)]
    fn note(&mut self, what: Sentence) {
        self.wrong = Wrong { at: self.at, what };
    }

    /// Hands each member's name to `member`, which reads (or skips) its value.
    pub fn object(&mut self, member: &mut dyn FnMut(&[u8], &mut Reader<'a>) -> Option<()>) -> Option<()> {
        self.list(b'{', b'}', sentence!("an object is wanted"), &mut |reader| {
            let name = reader.string()?;
            reader.expect(b':', sentence!("a colon is wanted"))?;
            member(name, reader)
        })
    }

    /// Calls `item` for each item, to read (or skip) it.
    pub fn array(&mut self, item: &mut dyn FnMut(&mut Reader<'a>) -> Option<()>) -> Option<()> {
        self.list(b'[', b']', sentence!("an array is wanted"), item)
    }

    fn list(
        &mut self,
        open: u8,
        close: u8,
        wanted: Sentence,
        item: &mut dyn FnMut(&mut Reader<'a>) -> Option<()>,
    ) -> Option<()> {
        self.expect(open, wanted)?;
        if self.depth == DEEPEST {
            return self.wrong(sentence!("values are nested too deep"));
        }
        self.depth += 1;
        if self.peek() == close {
            self.at += 1;
        } else {
            loop {
                item(self)?;
                match self.peek() {
                    b',' => self.at += 1,
                    byte if byte == close => break self.at += 1,
                    _ => return self.wrong(sentence!("a comma or the end of the list is wanted")),
                }
            }
        }
        self.depth -= 1;
        Some(())
    }

    /// A string: as it stands in the text, unless something in it is escaped.
    pub fn string(&mut self) -> Option<&'a [u8]> {
        self.expect(b'"', sentence!("a string is wanted"))?;
        let mut plain = self.plain();
        let mut all = Vec::new();
        loop {
            let Some(&byte) = self.text.get(self.at) else { return self.wrong(sentence!("a string does not end")) };
            self.at += 1;
            match byte {
                b'"' if all.is_empty() => return Some(plain),
                b'"' => {
                    all.extend_from_slice(plain);
                    return Some(all.leak());
                }
                b'\\' => {
                    all.extend_from_slice(plain);
                    self.escape(&mut all)?;
                    plain = self.plain();
                }
                _ => return self.wrong(sentence!("a string has a control character")),
            }
        }
    }

    /// The bytes that stand for themselves.
    fn plain(&mut self) -> &'a [u8] {
        let rest = &self.text[self.at..];
        // Small letters, of which there are most, need one comparison.
        let ends = |b: &u8| *b <= b'\\' && (*b == b'"' || *b == b'\\' || *b < b' ');
        let length = rest.iter().position(ends).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn escape(&mut self, all: &mut Vec<u8>) -> Option<()> {
        const SHORT: &[(u8, u8)] = &[
            (b'"', b'"'),
            (b'\\', b'\\'),
            (b'/', b'/'),
            (b'b', 8),
            (b'f', 12),
            (b'n', b'\n'),
            (b'r', b'\r'),
            (b't', b'\t'),
        ];
        let letter = self.text.get(self.at).copied();
        self.at += 1;
        if let Some((_, byte)) = SHORT.iter().find(|(short, _)| Some(*short) == letter) {
            all.push(*byte);
            return Some(());
        }
        if letter != Some(b'u') {
            return self.wrong(sentence!("an unknown escape"));
        }
        let mut code = self.four_digits()?;
        if (0xd800..0xdc00).contains(&code) && self.text[self.at..].starts_with(b"\\u") {
            self.at += 2;
            let low = self.four_digits()?;
            if !(0xdc00..0xe000).contains(&low) {
                return self.wrong(sentence!("half of a surrogate pair"));
            }
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        }
        match char::from_u32(code) {
            Some(c) => all.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            None if (0xdc80..=0xdcff).contains(&code) => all.push(code as u8),
            None => return self.wrong(sentence!("half of a surrogate pair")),
        }
        Some(())
    }

    fn four_digits(&mut self) -> Option<u32> {
        let mut code = 0;
        for at in self.at..self.at + 4 {
            match self.text.get(at).and_then(|digit| char::from(*digit).to_digit(16)) {
                Some(digit) => code = code << 4 | digit,
                None => return self.wrong(sentence!("four hexadecimal digits are wanted")),
            }
        }
        self.at += 4;
        Some(code)
    }

    /// A whole number that is not negative.
    pub fn number(&mut self) -> Option<u64> {
        self.peek();
        let (start, mut number) = (self.at, Some(0_u64));
        while let Some(digit @ b'0'..=b'9') = self.text.get(self.at) {
            number = number.and_then(|number| number.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
            self.at += 1;
        }
        let fraction = matches!(self.text.get(self.at), Some(b'.' | b'e' | b'E'));
        let zeros = self.at > start + 1 && self.text[start] == b'0';
        match number.filter(|_| self.at > start && !fraction && !zeros) {
            Some(number) => Some(number),
            None => {
                self.wrong = Wrong { at: start, what: sentence!("a whole number is wanted") };
                None
            }
        }
    }

    pub fn truth(&mut self) -> Option<bool> {
        let truth = self.word(b"true");
        if truth || self.word(b"false") { Some(truth) } else { self.wrong(sentence!("true or false is wanted")) }
    }

    /// Whether the value is null, which is read then.
    pub fn is_null(&mut self) -> bool {
        self.peek() == b'n' && self.word(b"null")
    }

    /// Reads any value and forgets it.
    pub fn skip(&mut self) -> Option<()> {
        match self.peek() {
            b'{' => self.object(&mut |_, reader| reader.skip()),
            b'[' => self.array(&mut Reader::skip),
            b'"' => self.string().map(drop),
            b'-' | b'0'..=b'9' => {
                self.run_of(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
                Some(())
            }
            _ if self.is_null() => Some(()),
            _ => self.truth().map(drop),
        }
    }

    /// Makes sure that nothing but blanks follows.
    pub fn end(&mut self) -> Option<()> {
        self.peek();
        if self.at == self.text.len() { Some(()) } else { self.wrong(sentence!("the text goes on after its end")) }
    }

    fn word(&mut self, word: &[u8]) -> bool {
        self.peek();
        let found = self.text[self.at..].starts_with(word);
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn expect(&mut self, byte: u8, what: Sentence) -> Option<()> {
        match self.peek() == byte {
            true => {
                self.at += 1;
                Some(())
            }
            false => self.wrong(what),
        }
    }

    /// The next byte that is no blank; 0, which no value begins with, at the end.
    /// The byte that the next value begins with; 0 at the end.
    pub fn peek(&mut self) -> u8 {
        loop {
            match self.text.get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                other => return other.copied().unwrap_or(0),
            }
        }
    }

    fn run_of(&mut self, part: fn(u8) -> bool) {
        while self.text.get(self.at).is_some_and(|byte| part(*byte)) {
            self.at += 1;
        }
    }
}

/// A text being written: members and items a line each, indented by two.
#[derive(Default)]
pub struct Writer {
    text: String,
    depth: usize,
}

impl Writer {
    /// The text, whole, with a line end.
    pub fn finish(mut self) -> String {
        self.text.push('\n');
        self.text
    }

    /// An object, whose members `fill` writes with [`Writer::name`] and a value each.
    pub fn object(&mut self, fill: &mut dyn FnMut(&mut Writer)) {
        self.list('{', '}', fill);
    }

    /// An array, whose items `fill` writes with [`Writer::item`] and a value each.
    pub fn array(&mut self, fill: &mut dyn FnMut(&mut Writer)) {
        self.list('[', ']', fill);
    }

    fn list(&mut self, open: char, close: char, fill: &mut dyn FnMut(&mut Writer)) {
        self.text.push(open);
        self.depth += 1;
        fill(self);
        self.depth -= 1;
        if !self.text.ends_with(open) {
            self.line();
        }
        self.text.push(close);
    }

    fn line(&mut self) {
        self.text.push('\n');
        for _ in 0..self.depth {
            self.text.push_str("  ");
        }
    }

    /// Begins an item of an array.
    pub fn item(&mut self) -> &mut Self {
        if !self.text.ends_with('[') && !self.text.ends_with('{') {
            self.text.push(',');
        }
        self.line();
        self
    }

    /// Begins a member of an object.
    pub fn name(&mut self, name: &str) -> &mut Self {
        self.item().string(name.as_bytes());
        self.text.push_str(": ");
        self
    }

    pub fn string(&mut self, bytes: &[u8]) {
        self.text.push('"');
        for chunk in bytes.utf8_chunks() {
            for c in chunk.valid().chars() {
                weak!(
                    "weak-escape",
                    if c >= '\x7f' {
                        self.text.push(c);
                        continue;
                    }
                );
                match c {
                    '"' | '\\' => {
                        self.text.push('\\');
                        self.text.push(c);
                    }
                    '\n' => self.text.push_str("\\n"),
                    // DEL and the C1 controls may stand in JSON, but would act on a reader's terminal.
                    c if c.is_control() => self.code(u32::from(c)),
                    c => self.text.push(c),
                }
            }
            chunk.invalid().iter().for_each(|byte| self.code(0xdc00 + u32::from(*byte)));
        }
        self.text.push('"');
    }

    fn code(&mut self, code: u32) {
        self.text.push_str("\\u");
        self.text.push_str(&hex(code.into(), 4));
    }

    pub fn number(&mut self, number: u64) {
        self.text.push_str(digits(number));
    }

    pub fn truth(&mut self, truth: bool) {
        self.text.push_str(if truth { "true" } else { "false" });
    }

    pub fn null(&mut self) {
        self.text.push_str("null");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(bytes: &[u8]) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.string(bytes);
        Reader::new(writer.finish().as_bytes()).string().unwrap().to_vec()
    }

    #[test]
    fn strings_of_any_bytes_come_back() {
        let all: Vec<u8> = (0..=255).collect();
        for bytes in [&b""[..], b"plain", "\u{e9}\u{1f980}\"\\\n\x1b".as_bytes(), b"\xff\xfe/\x80", &all] {
            assert_eq!(back(bytes), bytes);
        }
    }

    #[test]
    fn reads_every_kind_of_value() {
        let text = br#" { "a" : [ 1, "\u00e9\ud83e\udd80\/", null, true ], "b": {"c": -1.5e+3}, "d": false } "#;
        let mut seen = Vec::new();
        let mut reader = Reader::new(text);
        reader
            .object(&mut |name, reader| {
                if name != b"a" {
                    return reader.skip();
                }
                let mut first = true;
                reader.array(&mut |reader| {
                    if std::mem::take(&mut first) {
                        seen.push(reader.number()?.to_string());
                        return Some(());
                    }
                    reader.skip()
                })
            })
            .unwrap();
        assert_eq!(reader.end(), Some(()));
        assert_eq!(seen, ["1"]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, at, what) in [
            ("", 0, "an object"),
            ("{\"a\" 1}", 5, "a colon"),
            ("{\"a\": 1", 7, "a comma"),
            ("{\"a", 3, "does not end"),
            ("{\"\\x\": 1}", 4, "escape"),
            ("{\"\\u12\": 1}", 4, "four hexadecimal"),
            ("{\"\\ud800\": 1}", 8, "surrogate"),
            ("{\"a\": tru}", 6, "true or false"),
        ] {
            let mut reader = Reader::new(text.as_bytes());
            assert_eq!(reader.skip_object(), None);
            let wrong = reader.wrong;
            assert!(wrong.at == at && wrong.what.get().contains(what), "{text}: {}", wrong.text());
        }
        let deep = "[".repeat(1000);
        assert!(Reader::new(deep.as_bytes()).skip().is_none());
        for text in ["-1", "1.5", "01", "99999999999999999999", "x", ""] {
            assert!(Reader::new(text.as_bytes()).number().is_none(), "{text}");
        }
    }

    impl Reader<'_> {
        fn skip_object(&mut self) -> Option<()> {
            self.object(&mut |_, reader| reader.skip())?;
            self.end()
        }
    }

    #[test]
    fn writes_lines() {
        let mut writer = Writer::default();
        writer.object(&mut |writer| {
            writer.name("a").number(1);
            writer.name("b").array(&mut |writer| {
                writer.item().truth(true);
                writer.item().null();
            });
            writer.name("c").array(&mut |_| {});
        });
        assert_eq!(writer.finish(), "{\n  \"a\": 1,\n  \"b\": [\n    true,\n    null\n  ],\n  \"c\": []\n}\n");
    }
}
