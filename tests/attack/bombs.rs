//! Bombs: processes, memory, descriptors, files in memory.

use crate::attacker::GOT;
use crate::stage::{ALL, ROOT, held_by};

#[test]
fn a_fork_bomb() {
    held_by("weak-limits", ROOT, |stage| stage.attack(&["--pids", "20"], "forks 60").code == GOT);
}

#[test]
fn a_memory_bomb() {
    held_by("weak-limits", ROOT, |stage| {
        let got = stage.attack(&["--memory", "32M"], "memory 64");
        assert!(!stage.is_whole() || got.code == 137, "{got:?}");
        got.code == GOT
    });
}

#[test]
fn a_descriptor_bomb() {
    held_by("weak-limits", ALL, |stage| stage.attack(&["--ulimit", "nofile=64"], "files 200").code == GOT);
}

#[test]
fn files_in_memory() {
    held_by("weak-sizes", ALL, |stage| stage.attack(&["--tmpfs", "/mnt:size=1M"], "fill /mnt/file 2048").code == GOT);
    held_by("weak-sizes", ALL, |stage| stage.attack(&[], "fill /dev/shm/file 66000").code == GOT);
}
