//! The attack suite: attacks on containers that were real, really tried, from inside. Each is tried first where the wall
//! that holds it is down (build/contain-weak, src/weak.rs) and has to succeed there; then against the shipped binary, where
//! it must not. docs/attacks.md has the whole list. tests/boot_attack.rs boots a machine for it, too.

#[path = "../common/mod.rs"]
mod common;

mod attacker;
mod bombs;
mod exe;
mod mounts;
mod paths;
mod process;
mod stage;
mod words;

/// The shipped binary has no wall that can be taken down.
#[test]
fn the_shipped_binary_has_its_walls() {
    let has = |path: &std::path::Path| {
        let bytes = std::fs::read(path).unwrap_or_else(|why| panic!("{}: {why}: `make attack`", path.display()));
        bytes.windows(12).any(|part| part == b"CONTAIN_WEAK")
    };
    assert!(!has(common::contain()) && has(&stage::weakened()));
}
