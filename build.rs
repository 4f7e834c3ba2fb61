//! Packs the help texts, `src/input/help.txt`, to half their size: the pair of bytes that comes most often becomes one byte
//! that no text has, and so on, as long as there are such bytes (byte pair encoding). `input/help.rs` undoes it.

use std::collections::HashMap;
use std::path::Path;
use std::{env, fs};

const TEXTS: &str = "src/input/help.txt";
/// Before a text, in a line: the commands that it is about, a command's other names after a slash.
const MARK: &str = "=== ";

fn main() {
    println!("cargo::rerun-if-changed={TEXTS}");
    let all = fs::read_to_string(TEXTS).unwrap_or_else(|error| panic!("{TEXTS}: {error}"));
    assert!(all.is_ascii(), "{TEXTS} has a character that is not ASCII");
    let mut names = Vec::new();
    let mut texts: Vec<Vec<u8>> = Vec::new();
    for line in all.split_inclusive('\n') {
        match line.strip_prefix(MARK) {
            Some(line) => {
                names.push(line.split_whitespace());
                texts.push(Vec::new());
            }
            None => texts.last_mut().unwrap_or_else(|| panic!("{TEXTS} begins without {MARK}")).extend(line.bytes()),
        }
    }
    let pairs: Vec<[u8; 2]> = (128..=u8::MAX).map_while(|code| replace_most_frequent(&mut texts, code)).collect();

    let mut code = format!("pub const PAIRS: [[u8; 2]; {}] = {pairs:?};\n", pairs.len());
    let (mut lines, mut rows) = (String::new(), Vec::new());
    for (commands, text) in names.into_iter().zip(texts) {
        for names in commands {
            let (first, rest) = names.split_at(1);
            let command = first.to_uppercase() + rest.split('/').next().unwrap_or_default();
            for name in names.split('/') {
                lines += &format!("{name}\n");
                rows.push(format!("    (Command::{command}, b\"{}\"),\n", text.escape_ascii()));
            }
        }
    }
    code += &format!("/// The names of the commands, a line each.\npub const NAMES: &str = {lines:?};\n");
    code += &format!("pub const COMMANDS: [(Command, &[u8]); {}] = [\n{}];\n", rows.len(), rows.concat());
    let path = Path::new(&env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("help.rs");
    fs::write(&path, code).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Puts `code` in place of the most frequent pair; none where no pair comes often enough to be worth its own two bytes.
fn replace_most_frequent(texts: &mut [Vec<u8>], code: u8) -> Option<[u8; 2]> {
    let mut counts: HashMap<[u8; 2], usize> = HashMap::new();
    for text in &*texts {
        text.windows(2).for_each(|pair| *counts.entry([pair[0], pair[1]]).or_default() += 1);
    }
    // Among equals the first in order, so that every build is the same.
    let most = counts.into_iter().max_by_key(|&(pair, count)| (count, std::cmp::Reverse(pair)));
    let (pair, _) = most.filter(|(_, count)| *count > 3)?;
    for text in texts {
        let mut at = 0;
        while at + 1 < text.len() {
            if text[at..at + 2] == pair {
                text.splice(at..at + 2, [code]);
            }
            at += 1;
        }
    }
    Some(pair)
}
