//! Completion: the scripts that teach a shell contain's words, and what these ask contain for: what the last word may
//! become. Where nothing is known to fit, the shells complete names of files.

use crate::error::Result;
use crate::input::help::{self, Topic};
use crate::input::privilege::{CAPABILITIES, ULIMITS};
use crate::life::output;
use crate::log::signals;
use crate::packed::{Sentence, sentence};
use crate::state::place::Places;
use crate::state::record::Status;
use crate::text::{Parts, Word, kept_one, lines, place, split, utf8};

const SHELLS: &str = "bash\nzsh\nfish";
const SCRIPTS: [Sentence; 3] = [
    sentence!(
        r#"_contain() { COMPREPLY=($("$1" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)); }
complete -o default -F _contain contain
"#
    ),
    sentence!(
        r#"_contain() {
  local -a found=(${(f)"$($words[1] __complete "${(@)words[2,CURRENT]}" 2>/dev/null)"})
  (( $#found )) && compadd -a found || _files
}
compdef _contain contain
"#
    ),
    sentence!(
        r#"function __contain
    set -l words (commandline -opc) (commandline -ct)
    set -g __contain ($words[1] __complete $words[2..] 2>/dev/null)
    set -q __contain[1]
end
complete -c contain -f -n __contain -a '$__contain'
"#
    ),
];

/// Prints the script of a shell.
pub fn script(shell: &str) -> Result<u8> {
    output::print(place(SHELLS, shell.as_bytes()).map_or("", |at| SCRIPTS[at].get()))
}

/// Commands whose words are alike, a line each. What is no command yet stands with the one that takes a command's name.
const ALIKE: &str = "\
run init
exec
 help
completion
service
logs rm inspect
resume unpause
top kill stop wait pause stats update";

/// Prints what the last of `words` may become, a line each. Somebody is typing, so nothing is told of what goes wrong.
pub fn complete(words: &[Word], places: &Places) -> Result<u8> {
    let Some((last, before)) = words.split_last() else { return Ok(0) };
    // bash makes a word of its own of each `=`.
    let start = utf8(last.to_bytes()).map_or("?", |start| if start == "=" { "" } else { start });
    let mut found = Found { start, lines: String::new() };
    let typed = read(before);
    let named = typed.root.map(|root| Places::of(Some(root), &[]));
    let places = named.as_ref().unwrap_or(places);
    let alike = lines(ALIKE).position(|commands| split(commands, b' ').any(|command| command == typed.command));
    match (typed.option, alike) {
        (_, Some(0 | 1)) if typed.words > 0 => {}
        (Some("SIGNAL"), _) => found.offer_all(signals()),
        (Some("CAPABILITY,..."), _) => found.offer_all(lines(CAPABILITIES)),
        (Some("LIMIT=SOFT[:HARD]"), _) => found.offer_all(lines(ULIMITS)),
        (Some(kinds), _) => {
            for kind in split(kinds, b'|') {
                // `none|host`: capitals say no more than what kind of word it is.
                if !kind.bytes().any(|b| b.is_ascii_uppercase()) {
                    found.offer(kind);
                }
            }
        }
        _ if start.starts_with('-') => help::flags(typed.topic).iter().for_each(|flag| found.offer(flag)),
        (_, Some(2)) => found.offer_all(lines(help::NAMES)),
        (_, Some(3)) => found.offer_all(lines(SHELLS)),
        (_, Some(4)) if typed.words == 0 => found.offer_all(split("ls start stop restart log", b' ')),
        (_, Some(5)) => found.offer_containers(places, |_, _| true),
        (_, Some(6)) => found.offer_containers(places, |alive, status| alive && status == Status::Paused),
        (_, Some(1 | 7)) => found.offer_containers(places, |alive, _| alive),
        _ => {}
    }
    output::print(&found.lines).or(Ok(0))
}

/// What stands before the word that is completed.
struct Typed<'a> {
    root: Option<Word>,
    /// Empty where it is still to be written.
    command: &'a str,
    /// That of its options.
    topic: Topic,
    /// How many words there are after the command that belong to no option.
    words: usize,
    /// Where the word is the value of an option: which kind, as the text has it.
    option: Option<&'static str>,
}

fn read(before: &[Word]) -> Typed<'_> {
    let mut typed = Typed { root: None, command: "", topic: Topic::Global, words: 0, option: None };
    let mut previous = "";
    for word in before {
        let word = utf8(word.to_bytes()).unwrap_or("?");
        if word == "=" {
            continue;
        }
        if typed.option.take().is_some() {
            if previous == "--root" {
                typed.root = Some(kept_one(word.as_bytes()));
            }
        } else if let Some(root) = word.strip_prefix("--root=") {
            typed.root = Some(kept_one(root.as_bytes()));
        } else if word.starts_with('-') && word != "--" {
            // Every command takes this one.
            let topic = if word == "--root" { Topic::Global } else { typed.topic };
            typed.option = help::value(topic, word);
        } else if typed.command.is_empty() {
            typed.command = word;
            typed.topic = help::command(word).map_or(Topic::Overview, |named| named.topic);
        } else {
            typed.words += 1;
        }
        previous = word;
    }
    typed
}

/// What fits, a line each.
struct Found<'a> {
    /// What is there of the word.
    start: &'a str,
    lines: String,
}

impl Found<'_> {
    /// Adds a word that fits: an option, a command, an id or a name. What would mean something to a shell is none of these,
    /// whatever a record says.
    fn offer(&mut self, word: &str) {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        if word.starts_with(self.start) && !word.starts_with('_') && word.bytes().all(is_plain) {
            self.lines.push_str(word);
            self.lines.push('\n');
        }
    }

    fn offer_all(&mut self, words: Parts<'_>) {
        for word in words {
            self.offer(word);
        }
    }

    /// Adds ids and names. Nothing is cleared away here: a key was pressed.
    fn offer_containers(&mut self, places: &Places, wanted: fn(bool, Status) -> bool) {
        let Ok(Some(root)) = places.find() else { return };
        let _rest = root.each(&mut |entry| {
            let (status, name) = entry.record().map_or((Status::Running, None), |record| (record.status, record.name));
            if wanted(entry.is_alive(), status) {
                self.offer(entry.id);
                name.into_iter().for_each(|name| self.offer(name));
            }
        });
    }
}
