//! House rules that hold because they are tests: imports point downward, unsafe code has one room, files are
//! short and say what they are, and nothing unfinished is left in them. Reads the sources; runs nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// For each top module, the top modules it may name. error, linux, log, packed and text are known by all and know nobody.
const MAY_USE: &[(&str, &[&str])] = &[
    ("dhcp", &[]),
    ("error", &[]),
    ("linux", &[]),
    ("log", &[]),
    ("packed", &["sys"]),
    ("text", &[]),
    ("weak", &[]),
    ("sys", &[]),
    ("spec", &[]),
    ("machine", &[]),
    ("input", &["spec", "machine"]),
    ("json", &[]),
    ("seccomp", &["spec", "input", "json", "sys"]),
    ("plan", &["spec", "input", "seccomp"]),
    ("kernel", &["sys"]),
    ("launch", &["plan", "spec", "kernel", "sys"]),
    ("supervise", &["machine", "kernel", "sys"]),
    ("state", &["json", "spec", "kernel", "sys"]),
    (
        "life",
        &[
            "dhcp",
            "json",
            "input",
            "spec",
            "machine",
            "seccomp",
            "plan",
            "launch",
            "supervise",
            "state",
            "kernel",
            "sys",
        ],
    ),
    (
        "main",
        &[
            "dhcp",
            "json",
            "input",
            "spec",
            "machine",
            "seccomp",
            "plan",
            "launch",
            "supervise",
            "state",
            "kernel",
            "sys",
            "life",
        ],
    ),
];
/// Decided before anything is touched: these make no system call.
const PURE: [&str; 6] = ["dhcp", "input", "spec", "machine", "seccomp", "plan"];
const LONGEST: usize = 500;

struct Source {
    path: PathBuf,
    text: String,
    /// The text without comments, strings and unit tests.
    code: String,
}

fn sources(directory: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut left = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let whole = bare(&text);
            let is_test = path.file_stem().is_some_and(|stem| stem == "tests");
            let code = whole.split("#[cfg(test)]\nmod ").next().filter(|_| !is_test).unwrap_or_default().to_string();
            found.push(Source { path, text, code });
        }
    }
    assert!(!found.is_empty(), "no Rust files in {directory}");
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

impl Source {
    /// The module directly below the crate that this file belongs to.
    fn top(&self) -> String {
        let below = self.path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
        let first = below.components().next().unwrap().as_os_str().to_str().unwrap();
        first.trim_end_matches(".rs").to_string()
    }

    fn name(&self) -> String {
        self.path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display().to_string()
    }
}

/// Rust text with the content of comments, strings and characters blanked, lines kept.
fn bare(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    let blank = |out: &mut String, part: &str| out.extend(part.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
    while at < bytes.len() {
        let rest = &text[at..];
        let hashes = rest[1.min(rest.len())..].bytes().take_while(|&byte| byte == b'#').count();
        let before = bytes[..at].last().copied().unwrap_or(b' ');
        let end = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with('r')
            && !before.is_ascii_alphanumeric()
            && before != b'_'
            && rest[1 + hashes..].starts_with('"')
        {
            let close = format!("\"{}", "#".repeat(hashes));
            rest[2 + hashes..].find(&close).map_or(rest.len(), |end| 2 + hashes + end + close.len())
        } else if rest.starts_with('"') {
            quoted(rest, '"')
        } else if rest.starts_with('\'') && (rest[1..].starts_with('\\') || rest.chars().nth(2) == Some('\'')) {
            quoted(rest, '\'')
        } else {
            0
        };
        if end == 0 {
            let next = rest.chars().next().unwrap();
            out.push(next);
            at += next.len_utf8();
        } else {
            blank(&mut out, &rest[..end]);
            at += end;
        }
    }
    out
}

/// The length of a literal with backslashes, its quotes included.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Every path that begins with `root::` in the code, braces of `use` written out.
fn paths(code: &str, root: &str) -> Vec<String> {
    let mut found = Vec::new();
    let start = format!("{root}::");
    let mut rest = code;
    while let Some(at) = rest.find(&start) {
        let alone = !rest[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
        rest = &rest[at + start.len()..];
        if alone {
            expand(root, rest, &mut found);
        }
    }
    found
}

/// Follows one path from `text` on and adds every leaf; gives back how much of the text it took.
fn expand(prefix: &str, text: &str, found: &mut Vec<String>) -> usize {
    let skip = text.len() - text.trim_start().len();
    let body = &text[skip..];
    if let Some(inner) = body.strip_prefix('{') {
        let mut at = 0;
        while !inner[at..].trim_start().is_empty() && !inner[at..].trim_start().starts_with('}') {
            at += expand(prefix, &inner[at..], found).max(1);
            at += inner[at..].find([',', '}']).unwrap_or(inner.len() - at);
            at += usize::from(inner[at..].starts_with(','));
        }
        return skip + 1 + at + inner[at..].find('}').map_or(0, |end| end + 1);
    }
    let word = body.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '*').unwrap_or(body.len());
    let whole = format!("{prefix}::{}", &body[..word]);
    match body[word..].strip_prefix("::") {
        Some(more) => skip + word + 2 + expand(&whole, more, found),
        None => {
            found.push(whole);
            skip + word
        }
    }
}

#[test]
fn the_reader_of_sources_reads() {
    let code = bare(
        "use crate::{a::{B, c}, d}; // crate::no\nlet x = \"crate::no\"; crate::e::f(); r#\"crate::no\"#; '\"'; mycrate::no",
    );
    assert_eq!(paths(&code, "crate"), ["crate::a::B", "crate::a::c", "crate::d", "crate::e::f"]);
    let code = bare(
        "use rustix::{\n    fs::{self, Mode},\n    io::Errno,\n};\nfn f<'a>(x: &'a str) { rustix::process::getpid() }",
    );
    let wanted = ["rustix::fs::self", "rustix::fs::Mode", "rustix::io::Errno", "rustix::process::getpid"];
    assert_eq!(paths(&code, "rustix"), wanted);
}

#[test]
fn imports_point_downward() {
    let mut wrong = Vec::new();
    for source in sources("src") {
        let top = source.top();
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == top) else {
            wrong.push(format!(
                "{}: {top} has no place in the order of modules; give it one in tests/tidy.rs",
                source.name()
            ));
            continue;
        };
        for path in paths(&source.code, "crate") {
            let target = path.split("::").nth(1).unwrap();
            if target != top
                && !["error", "linux", "log", "packed", "text"].contains(&target)
                && !allowed.contains(&target)
            {
                wrong.push(format!("{}: {top} names {path}", source.name()));
            }
            if ["error", "linux", "log", "packed", "text", "sys"].contains(&top.as_str())
                && target != top
                && !["linux", "packed", "text"].contains(&target)
                && !allowed.contains(&target)
            {
                wrong.push(format!("{}: {top} knows nobody, but names {path}", source.name()));
            }
        }
        if source.code.contains("super::super::") {
            wrong.push(format!("{}: super::super:: hides where a path leads; write crate::", source.name()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn errors_are_of_one_kind() {
    let others = sources("src").into_iter().filter(|source| !["linux", "sys"].contains(&source.top().as_str()));
    let wrong: Vec<_> = others.filter(|source| !paths(&source.code, "rustix").is_empty()).map(|s| s.name()).collect();
    assert!(wrong.is_empty(), "what rustix has is named by way of crate::linux: {wrong:?}");
}

#[test]
fn deciding_makes_no_system_call() {
    let mut wrong = Vec::new();
    for source in sources("src").iter().filter(|source| PURE.contains(&source.top().as_str())) {
        for path in paths(&source.code, "crate").iter().filter(|path| path.starts_with("crate::linux::")) {
            // A type or a constant begins with a capital; a call or a module does not.
            if !path.rsplit("::").next().unwrap().starts_with(|c: char| c.is_ascii_uppercase()) {
                wrong.push(format!("{}: {path}", source.name()));
            }
        }
        for path in ["std::fs", "std::process", "std::net", "std::io", "std::env"] {
            let used = paths(&source.code, "std").into_iter().filter(|used| used.starts_with(path));
            wrong.extend(used.map(|used| format!("{}: {used}", source.name())));
        }
        if source.code.contains("linux_raw_sys") {
            wrong.push(format!("{}: linux_raw_sys", source.name()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each wall that can be taken down for the attack suite is a feature, and each feature a wall.
#[test]
fn walls_are_features() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let features: BTreeSet<&str> = manifest.lines().filter_map(|line| line.strip_suffix(" = []")).collect();
    let all = sources("src");
    let walls: BTreeSet<&str> = all
        .iter()
        .flat_map(|source| source.text.split("weak!(").skip(1))
        .filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next())
        .collect();
    assert_eq!(walls, features);
    let attacks: String = sources("tests/attack").into_iter().map(|source| source.text).collect();
    let words: BTreeSet<&str> = attacks.split(['"', ',']).collect();
    let idle: Vec<_> = features.iter().filter(|wall| !words.contains(*wall)).collect();
    assert!(idle.is_empty(), "no attack needs these walls: {idle:?}");
    assert!(features.iter().all(|name| manifest.contains(&format!("    \"{name}\",\n"))), "`weak` is all of them");
    assert!(!manifest.contains("default = "), "no wall is down by itself");
}

#[test]
fn the_watcher_knows_no_plan() {
    for source in sources("src").iter().filter(|source| source.top() == "supervise") {
        let word = |name: &str| source.code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name);
        assert!(!word("Spec") && !word("Plan"), "{} names Spec or Plan", source.name());
    }
}

#[test]
fn unsafe_code_has_one_room() {
    let mut wrong = Vec::new();
    for source in sources("src") {
        let lines: Vec<&str> = source.text.lines().collect();
        for (number, line) in source.code.lines().enumerate() {
            let words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            if !words.clone().any(|word| word == "unsafe") {
                continue;
            }
            if source.top() != "sys" && !line.trim().starts_with("#[unsafe(no_mangle)]") {
                wrong.push(format!("{}:{}: {}", source.name(), number + 1, line.trim()));
            }
            // A block says why it holds, at most six lines above.
            let above = &lines[number.saturating_sub(6)..=number];
            let block = line.contains("unsafe {");
            if source.top() == "sys" && block && !above.iter().any(|line| line.contains("SAFETY:")) {
                wrong.push(format!("{}:{}: no SAFETY: above", source.name(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_are_short_and_say_what_they_are() {
    let mut wrong = Vec::new();
    for directory in ["src", "tests", "benches", "fuzz"] {
        for source in sources(directory) {
            let header = source.text.lines().take_while(|line| line.starts_with("//!")).count();
            if !(1..=6).contains(&header) && directory != "benches" {
                wrong.push(format!("{}: opens with {header} lines of //!, not with one to six", source.name()));
            }
            let length = source.text.lines().count();
            if length > LONGEST {
                wrong.push(format!("{}: {length} lines, more than {LONGEST}", source.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn machines_differ_in_sys_alone() {
    let all = sources("src");
    let wrong: Vec<_> =
        all.iter().filter(|source| source.top() != "sys" && source.code.contains("target_arch")).collect();
    assert!(
        wrong.is_empty(),
        "for one machine only: {:?}",
        wrong.iter().map(|source| source.name()).collect::<Vec<_>>()
    );
}

#[test]
fn boots_are_tested_on_both_machines() {
    let both = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/aarch64.rs")).unwrap();
    let tests = sources("tests").into_iter().map(|source| source.name());
    let boots: Vec<_> = tests.filter(|name| name.starts_with("tests/boot") && name.matches('/').count() == 1).collect();
    assert!(boots.len() > 4, "{boots:?}");
    let missing: Vec<_> =
        boots.iter().filter(|name| !both.contains(&format!("\"{}\"", &name["tests/".len()..]))).collect();
    // What tests/aarch64.rs says of it.
    assert_eq!(missing, ["tests/boot_attack.rs"], "not in tests/aarch64.rs");
}

#[test]
fn nothing_unfinished_is_left() {
    let mut wrong = Vec::new();
    for source in sources("src") {
        for (number, line) in source.code.lines().enumerate() {
            for word in ["todo!", "unimplemented!", "dbg!", ".unwrap()", "allow(dead_code)", "allow(unused"] {
                if line.contains(word) && !line.contains("cfg_attr(test") {
                    wrong.push(format!("{}:{}: {word}", source.name(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
