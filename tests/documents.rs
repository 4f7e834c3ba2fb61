//! The documents and the help texts know the same options: what a command takes stands in the manual page and in the
//! README, and what those and docs/scope.md name is taken.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use common::{command, finish};

fn file(name: &str) -> String {
    fs::read_to_string(format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// For each command that `help` lists its options: the long name, and the short one where there is one.
fn options() -> BTreeMap<String, Vec<(String, Option<char>)>> {
    let overview = finish(command(&["help"]));
    let words = overview.out.split(|c: char| !c.is_ascii_lowercase()).filter(|word| word.len() > 1);
    let mut all = BTreeMap::new();
    for name in words.collect::<BTreeSet<_>>() {
        let help = finish(command(&["help", name]));
        if help.code != 0 || !help.out.starts_with(&format!("contain {name}")) {
            continue;
        }
        let rows = help.out.lines().filter(|line| line.trim_start().starts_with('-') && line.starts_with(' '));
        let mut found = Vec::new();
        for row in rows {
            let words: Vec<&str> = row.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').collect();
            let short = words.iter().find(|word| word.len() == 2 && word.starts_with('-') && *word != &"--");
            let longs = words.iter().filter_map(|word| word.strip_prefix("--")).filter(|word| !word.is_empty());
            found.extend(longs.map(|long| (long.to_string(), short.and_then(|short| short.chars().nth(1)))));
        }
        all.insert(name.to_string(), found);
    }
    assert!(all.len() > 15 && all["run"].len() > 40, "{:?}", all.keys());
    all
}

/// Every word that begins with `--` and a letter.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_lowercase() && c != '-');
    words
        .filter_map(|word| word.strip_prefix("--"))
        .filter(|word| word.starts_with(|c: char| c != '-'))
        .map(String::from)
        .collect()
}

/// The manual page's options: `Fl \-memory`, `Fl m`.
fn flags(page: &str) -> BTreeSet<String> {
    let words: Vec<&str> = page.split_whitespace().collect();
    words.windows(2).filter(|pair| pair[0].ends_with("Fl")).map(|pair| pair[1].replace("\\-", "-")).collect()
}

#[test]
fn every_option_is_in_the_manual_page_and_the_readme() {
    let (readme, page) = (file("README.md"), file("docs/contain.1"));
    let (in_readme, in_page) = (named(&readme), flags(&page));
    let mut missing = Vec::new();
    for (command, options) in options() {
        // The README's table of commands has a row for each, most options with their short names.
        let row = readme.lines().filter(|line| line.starts_with("| `") && line.contains(&*command)).collect::<String>();
        for (long, short) in options {
            let brief = short.is_some_and(|short| {
                let brackets = row.split('[').filter_map(|part| part.strip_prefix('-')?.split([' ', ']']).next());
                brackets.into_iter().any(|letters| letters.contains(short))
            });
            if !in_readme.contains(&long) && !brief {
                missing.push(format!("README.md: --{long} of {command}"));
            }
            let short = short.map(String::from);
            if !in_page.contains(&format!("-{long}")) && !short.is_some_and(|short| in_page.contains(&short)) {
                missing.push(format!("docs/contain.1: --{long} of {command}"));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn no_document_has_an_option_that_no_command_takes() {
    let mut known: BTreeSet<String> = options().into_values().flatten().map(|(long, _)| long).collect();
    // Two of the README's are a mistake, to show what is said to it, and systemd-run's.
    known.extend(["root", "version", "memroy", "scope"].map(String::from));
    let scope = file("docs/scope.md");
    let done: String = scope.lines().filter(|line| line.contains("| done")).collect();
    let page = flags(&file("docs/contain.1"));
    let page = page.iter().filter_map(|flag| flag.strip_prefix('-')).filter(|flag| !flag.is_empty());
    let page = page.map(String::from).collect();
    let mut unknown = Vec::new();
    for (name, found) in
        [("docs/contain.1", page), ("README.md", named(&file("README.md"))), ("docs/scope.md", named(&done))]
    {
        unknown.extend(found.difference(&known).map(|option| format!("{name}: --{option}")));
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}
