//! Plans as they were when somebody looked at them: tests/golden/NAME.plan. UPDATE_GOLDEN=1 takes what is.

use std::fs;
use std::path::Path;

/// What differs, where something does.
pub fn compare(name: &str, got: &str) -> Option<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.plan"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, got).unwrap();
    }
    let golden = fs::read_to_string(&file).unwrap_or_else(|_| panic!("{}: UPDATE_GOLDEN=1 writes it", file.display()));
    if got == golden {
        return None;
    }
    let differ = |(old, new): &(&str, &str)| old != new;
    let first = std::iter::zip(golden.lines(), got.lines()).find(differ);
    let (old, new) = first.unwrap_or(("", "a longer or shorter plan"));
    Some(format!("{name}: instead of {old:?} there is {new:?}; UPDATE_GOLDEN=1 takes what is, if it is right"))
}
