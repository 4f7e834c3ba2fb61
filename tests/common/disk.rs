//! Disks for machines: root file systems as their own tools make them, and what is left on them afterwards.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::machine::{build, made};

/// Runs a line of shell, with mkfs and its like in the path.
pub fn shell(line: &str) -> String {
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let out = Command::new("/bin/sh").args(["-ec", line]).env("PATH", path).output().expect("a shell");
    let (text, errors) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{line}, with what `make setup` installs: {text}{errors}");
    text.into_owned()
}

/// Text with these paths in place of TREE and IT.
fn at(line: &str, tree: &Path, disk: &Path) -> String {
    line.replace("TREE", tree.to_str().unwrap()).replace("IT", disk.to_str().unwrap())
}

/// A tree with busybox, the probes, and contain as /bin/contain and /bin/init; `change` is shell that runs there.
pub fn tree(name: &str, change: &str) -> PathBuf {
    let tree = made("trees").join(name);
    let (build, probes) = (build(), Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/boot"));
    let (build, probes) = (build.to_str().unwrap(), probes.to_str().unwrap());
    let line = format!(
        "rm -rf TREE; cp -a {build}/rootfs TREE; cp {probes}/*.sh TREE; cp {build}/contain TREE/bin/contain
         ln -s contain TREE/bin/init; chmod 755 TREE/*.sh; cd TREE; {change}"
    );
    shell(&at(&line, &tree, Path::new("")));
    tree
}

/// A disk of so many megabytes, made by a line of shell in which it is IT.
pub fn disk(name: &str, megabytes: u64, tree: &Path, maker: &str) -> String {
    let disk = made("disks").join(name);
    shell(&at(&format!("rm -f IT; truncate -s {megabytes}M IT; {maker}"), tree, &disk));
    disk.to_str().unwrap().into()
}

/// An ext4 file system that was unmounted, or made read-only, and has no errors: e2fsck(8) without a change.
#[track_caller]
pub fn is_clean(disk: &str) {
    let told = shell(&format!("e2fsck -f -n {disk} 2>&1; dumpe2fs -h {disk} 2>/dev/null"));
    let state = told.lines().find_map(|line| line.strip_prefix("Filesystem state:")).unwrap_or_default();
    assert!(state.trim() == "clean" && !told.contains("needs_recovery"), "{disk}: {told}");
}
