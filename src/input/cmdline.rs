//! The kernel command line as /proc/cmdline has it: words, double quotes as the kernel's own parser takes them, `--`.

/// The command line as an init reads it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CommandLine {
    /// Words before `--`, quotes removed.
    pub words: Vec<String>,
    /// Words after `--`: the command.
    pub command: Vec<String>,
}

impl CommandLine {
    /// Splits a command line. As in the kernel's next_arg(), a double quote anywhere in a word keeps blanks in it, and
    /// the quotes themselves are dropped.
    pub fn parse(text: &str) -> Self {
        let mut line = CommandLine { words: split(text), command: Vec::new() };
        if let Some(end) = line.words.iter().position(|word| word == "--") {
            line.command = line.words.split_off(end + 1);
            line.words.truncate(end);
        }
        line
    }

    /// The value of the last `key=value`.
    pub fn value(&self, key: &str) -> Option<&str> {
        let value = |word: &'_ String| word.strip_prefix(key).is_some_and(|rest| rest.starts_with('='));
        self.words.iter().rev().find(|word| value(word)).map(|word| &word[key.len() + 1..])
    }
}

/// Blank-separated words with double quotes.
pub fn split(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut begun) = (Vec::new(), String::new(), false, false);
    for c in text.chars() {
        match c {
            '"' => (quoted, begun) = (!quoted, true),
            c if c.is_ascii_whitespace() && !quoted => {
                if std::mem::take(&mut begun) {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => {
                word.push(c);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_values_and_command() {
        let line = CommandLine::parse(
            "console=ttyS0 quiet contain.exec=\"/bin/sh -c true\" a.b=1 a.b=2 -- /bin/echo \"a b\" --\n",
        );
        assert_eq!(line.value("contain.exec"), Some("/bin/sh -c true"));
        assert_eq!(line.value("a.b"), Some("2"));
        assert_eq!(line.value("a"), None);
        assert_eq!(line.command, ["/bin/echo", "a b", "--"]);
        assert_eq!(CommandLine::parse(""), CommandLine::default());
        assert_eq!(split("\"\" x\"y z\"w"), ["", "xy zw"]);
    }
}
