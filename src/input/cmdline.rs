//! The kernel command line as /proc/cmdline has it: words, double quotes as the kernel's own parser takes them, `--`.

use crate::text::{Word, kept_one, kept_two, tail};

/// The command line as an init reads it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CommandLine {
    /// Words before `--`, `KEY=VALUE` or bare.
    pub words: Vec<Word>,
    /// Words after `--`: the command.
    pub command: Vec<Word>,
}

impl CommandLine {
    pub fn parse(text: &[u8]) -> Self {
        let mut line = CommandLine::default();
        let (mut rest, mut dashed) = (text, false);
        while let Some((word, after)) = next(rest) {
            rest = after;
            match dashed {
                true => line.command.push(word),
                false if word == c"--" => dashed = true,
                false => line.words.push(word),
            }
        }
        line
    }

    /// The value of the last `KEY=VALUE`.
    pub fn value(&self, key: &str) -> Option<Word> {
        let value =
            |word: &Word| word.to_bytes().strip_prefix(key.as_bytes()).is_some_and(|rest| rest.starts_with(b"="));
        self.words.iter().rev().find(|word| value(word)).map(|word| tail(word, key.len() + 1))
    }
}

/// The first word, and what follows it, as the kernel's next_arg() has them (lib/cmdline.c): a double quote keeps blanks
/// in a word and stays in it, but for those around the whole word and those around the value. The kernel takes the byte 0xa0
/// for a blank too, which is one of Latin-1; in UTF-8 it is a part of many a letter.
fn next(text: &[u8]) -> Option<(Word, &[u8])> {
    let is_blank = |b: &u8| b.is_ascii_whitespace() || *b == 0x0b;
    let (_, mut text) = text.split_at_checked(text.iter().position(|b| !is_blank(b))?)?;
    let quoted = text.strip_prefix(b"\"");
    text = quoted.unwrap_or(text);
    let (mut inside, mut end, mut equals) = (quoted.is_some(), 0, 0);
    for byte in text {
        match byte {
            b if is_blank(b) && !inside => break,
            b'=' if equals == 0 => equals = end,
            b'"' => inside = !inside,
            _ => {}
        }
        end += 1;
    }
    let (word, rest) = text.split_at_checked(end)?;
    let (key, mut value) = word.split_at_checked(if equals == 0 { end } else { equals + 1 })?;
    let bare = if equals == 0 { None } else { value.strip_prefix(b"\"") };
    value = bare.unwrap_or(value);
    let is_closed = bare.is_some() || quoted.is_some();
    let unquoted = |part| if is_closed { <[u8]>::strip_suffix(part, b"\"").unwrap_or(part) } else { part };
    Some((if equals == 0 { kept_one(unquoted(key)) } else { kept_two(key, unquoted(value)) }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_values_and_command() {
        let line = CommandLine::parse(
            b"console=ttyS0 quiet contain.exec=\"/bin/sh -c true\" a.b=1 a.b=2 -- /bin/echo \"a b\" --\n",
        );
        assert_eq!(line.value("contain.exec"), Some(c"/bin/sh -c true"));
        assert_eq!((line.value("a.b"), line.value("a"), line.value("quiet")), (Some(c"2"), None, None));
        assert_eq!(line.words, [c"console=ttyS0", c"quiet", c"contain.exec=/bin/sh -c true", c"a.b=1", c"a.b=2"]);
        assert_eq!(line.command, [c"/bin/echo", c"a b", c"--"]);
        assert_eq!(CommandLine::parse(b""), CommandLine::default());
        assert_eq!(CommandLine::parse(b" \n\t"), CommandLine::default());
    }

    /// What the kernel makes of them: its words after `--` are those that an init gets as its arguments.
    #[test]
    fn quotes_as_the_kernel_takes_them() {
        for (text, words) in [
            (r#"x"y z"w"#, &[c"x\"y z\"w"] as &[Word]),
            (r#""a b" c"#, &[c"a b", c"c"]),
            (r#""a=b c" d"#, &[c"a=b c", c"d"]),
            (r#"a="b c" d"#, &[c"a=b c", c"d"]),
            (r#"a="b"c d"#, &[c"a=b\"c", c"d"]),
            (r#"a=b"c d""#, &[c"a=b\"c d\""]),
            (r#"a="b=c d""#, &[c"a=b=c d"]),
            (r#""a="b c"" d"#, &[c"a=b", c"c\"\"", c"d"]),
            (r#""a="b c""#, &[c"a=b", c"c\""]),
            (r#""" """#, &[c"", c""]),
            (r#"a=" b"#, &[c"a= b"]),
            (r#"a=""#, &[c"a="]),
            (r#"" a"#, &[c" a"]),
            ("=a=b =", &[c"=a=b", c"="]),
            ("a\u{b}b", &[c"a", c"b"]),
        ] {
            assert_eq!(CommandLine::parse(text.as_bytes()).words, words, "{text}");
        }
        assert_eq!(CommandLine::parse(b"\"--\" a").command, [c"a"]);
    }

    #[test]
    fn bytes_that_are_no_text_stay() {
        let line = CommandLine::parse(b"a=\xff\xa0 b -- \xfe");
        assert_eq!(line, CommandLine { words: vec![c"a=\xff\xa0", c"b"], command: vec![c"\xfe"] });
    }
}
