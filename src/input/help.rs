//! The texts of `contain help` (texts.rs), and which options a command takes, which is read off them.

use crate::input::args::Command;
use crate::input::args::option::{self, Act};
use crate::input::texts::TEXTS;
#[cfg(test)]
pub use crate::input::texts::TOPICS;
pub use crate::input::texts::Topic;
use crate::packed::text;
use crate::packed::{Packed, packed};
use crate::text::{lines, place, split};

/// A command of some name: what is told of it, and how many words it takes.
pub struct Named {
    pub command: Command,
    pub topic: Topic,
    pub least: u8,
    pub most: u8,
}

macro_rules! commands {
    ($($name:literal: $command:ident $topic:ident $least:literal..$most:expr),* $(,)?) => {
        /// The names of the commands, a line each.
        pub const NAMES: &str = concat!($($name, "\n"),*);
        /// The commands in their order.
        static COMMANDS: &[Named] =
            &[$(Named { command: Command::$command, topic: Topic::$topic, least: $least, most: $most }),*];
    };
}

/// However many they are.
pub const MANY: u8 = u8::MAX;

commands! {
    "help": Help Overview 0..1,
    "version": Version Overview 0..0,
    "run": Run Run 0..MANY,
    "ps": Ps Ps 0..0,
    "list": Ps Ps 0..0,
    "logs": Logs Logs 1..1,
    "exec": Exec Exec 0..MANY,
    "top": Top Top 1..1,
    "kill": Kill Kill 1..MANY,
    "stop": Stop Stop 1..MANY,
    "rm": Rm Rm 1..MANY,
    "prune": Prune Prune 0..0,
    "wait": Wait Wait 1..MANY,
    "pause": Pause Pause 1..MANY,
    "resume": Resume Resume 1..MANY,
    "unpause": Resume Resume 1..MANY,
    "inspect": Inspect Inspect 1..MANY,
    "stats": Stats Stats 0..MANY,
    "update": Update Update 1..1,
    "service": Service Service 0..MANY,
    "bootchart": Bootchart Bootchart 0..1,
    "completion": Completion Completion 0..MANY,
    "check": Check Check 0..0,
    "dhcp": Dhcp Dhcp 0..1,
    "init": Init Init 0..MANY,
    "poweroff": PowerOff PowerOff 0..0,
    "reboot": Reboot PowerOff 0..0,
    "halt": Halt PowerOff 0..0,
}

/// The command that there is of this name.
pub fn command(name: &str) -> Option<&'static Named> {
    COMMANDS.get(place(NAMES, name.as_bytes())?)
}

static PACKED: Packed = packed!(TEXTS);

/// The help text.
pub fn text(topic: Topic) -> &'static str {
    PACKED.text(topic as usize)
}

/// What the option lines of the texts say of each option: its letter, 0 where it has none, and a bit for each topic.
struct Listed {
    letters: [u8; option::COUNT],
    topics: [u32; option::COUNT],
}

static LISTED: Listed = listed();

const fn listed() -> Listed {
    let mut listed = Listed { letters: [0; option::COUNT], topics: [0; option::COUNT] };
    let (texts, mut at, mut topic, mut letter, mut in_options) = (TEXTS.as_bytes(), 1, 0, 0, true);
    while at < texts.len() {
        match texts.split_at(at).1 {
            // As in `-m, --memory`.
            [b' ', b'-', short, b',', b' ', b'-', ..] if in_options => letter = *short,
            [b' ', b'-', b'-', ..] if in_options => {
                let row = option::row(texts, at + 1);
                listed.topics[row] |= 1 << topic;
                if letter != 0 {
                    listed.letters[row] = letter;
                }
                letter = 0;
            }
            [b'\n', rest @ ..] => in_options = matches!(rest, [b' ', b' ', b'-', ..]),
            [0, ..] => (topic, in_options) = (topic + 1, false),
            _ => {}
        }
        at += 1;
    }
    listed
}

/// The option of a topic, or of those that stand before every command, that a flag is, by its long name or its letter.
pub fn option(topic: Topic, flag: &str) -> Option<(&'static str, Act)> {
    let topics = 1 << topic as u32 | 1 << Topic::Global as u32;
    for (row, (name, act)) in option::all().enumerate() {
        let is_it = match flag.as_bytes() {
            [_, letter] => *letter == LISTED.letters[row],
            _ => flag == name,
        };
        if is_it && LISTED.topics[row] & topics != 0 {
            return Some((name, *act));
        }
    }
    None
}

/// The flags that a topic lists.
pub fn flags(topic: Topic) -> Vec<&'static str> {
    let mut flags = Vec::new();
    for (row, (name, _)) in option::all().enumerate() {
        if LISTED.topics[row] & 1 << topic as u32 != 0 {
            if LISTED.letters[row] != 0 {
                flags.push(&*text!("-%", char::from(LISTED.letters[row]).encode_utf8(&mut [0; 4])));
            }
            flags.push(name);
        }
    }
    flags
}

/// What a help text calls the value of a flag, `DIR` or `none|host`; `None` where the flag takes none.
pub fn value(topic: Topic, flag: &str) -> Option<&'static str> {
    let line =
        lines(text(topic)).find(|line| line.starts_with("  -") && split(line, b' ').any(|word| is(word, flag)))?;
    // `-t, --time TIME   how long`, `--pid host  --ipc host`: it ends where there are two blanks, or the line does.
    let mut words = split(line, b' ').skip_while(|word| !is(word, flag)).take_while(|word| !word.is_empty());
    words.by_ref().find(|word| !word.ends_with(',') && word.starts_with('-'))?;
    words.last()
}

fn is(word: &str, flag: &str) -> bool {
    word.strip_suffix(',').unwrap_or(word) == flag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_flags() {
        let all = flags(Topic::Run);
        for flag in ["--rootfs", "-m", "--memory", "--volume", "--env", "--ipc", "--uts", "--dry-run", "--cpu", "-h"] {
            assert!(all.contains(&flag), "{flag} in {all:?}");
        }
    }

    #[test]
    fn tells_flags_with_values() {
        for (flag, kind) in [
            ("--rootfs", Some("DIR|IMAGE")),
            ("-m", Some("SIZE")),
            ("--memory", Some("SIZE")),
            ("--cpu", Some("PERIOD]")),
            ("--net", Some("none|host")),
            ("--uts", Some("host")),
            ("-w", Some("DIR")),
            ("-d", None),
            ("--detach", None),
            ("--read-only", None),
            ("--init", None),
            ("-h", None),
            ("--nosuch", None),
        ] {
            assert_eq!(value(Topic::Run, flag), kind, "{flag}");
        }
        assert_eq!((value(Topic::Kill, "-s"), value(Topic::Global, "--root")), (Some("SIGNAL"), Some("DIR")));
    }

    #[test]
    fn texts_fit_a_terminal() {
        for topic in TOPICS {
            let text = text(*topic);
            assert!(text.lines().all(|line| line.len() < 80), "{text}");
        }
    }
}
