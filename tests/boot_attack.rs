//! The attack suite in the machine that contain boots: cgroup v2, an initramfs as root, Debian's kernel. The suite is built
//! once more, static, and is the machine's command; what it prints on the console is judged here.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::machine::{arch, boot, build, made};

/// A directory with the suite and what it needs.
fn packed() -> PathBuf {
    let repo = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["test", "--quiet", "--test", "attack", "--no-run", "--message-format", "json", "--target"]);
    cargo.arg(format!("{}-unknown-linux-musl", arch()));
    // What is debugged is the suite on this machine.
    cargo.env("CARGO_PROFILE_DEV_STRIP", "symbols");
    cargo.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER", "rust-lld");
    let built = cargo.current_dir(repo).output().expect("cargo");
    let told = String::from_utf8_lossy(&built.stdout);
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let suite = told.lines().filter(|line| line.contains("\"name\":\"attack\"")).find_map(|line| {
        let (_, rest) = line.split_once("\"executable\":\"")?;
        rest.split('"').next().map(String::from)
    });
    let suite = suite.expect("cargo names the suite");
    let directory = made("attack");
    std::fs::copy(suite, directory.join("suite")).expect("the suite");
    std::fs::copy(build().join("contain-weak"), directory.join("contain-weak")).expect("`make test` builds it");
    // /tmp is nosuid there: setuid programs and file capabilities would have no effect by that alone.
    let script = "mkdir /work && mount -t tmpfs -o mode=1777 work /work\n\
        export TMPDIR=/work CONTAIN=/bin/contain CONTAIN_WEAKENED=/contain-weak CONTAIN_TEST_ROOTFS=/r\nexec /suite\n";
    std::fs::write(directory.join("attack.sh"), script).unwrap();
    directory
}

#[test]
fn the_suite_holds_there_too() {
    // As many as on this machine.
    let here: usize = ["main", "bombs", "exe", "mounts", "paths", "process", "words"]
        .iter()
        .map(|name| Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/attack/{name}.rs")))
        .map(|path| std::fs::read_to_string(path).unwrap().matches("#[test]\n").count())
        .sum();
    assert!(here > 30, "{here} attacks");
    let directory = packed();
    let options = ["--memory", "1G", "--overlay", directory.to_str().unwrap()];
    let machine = boot(&[&options[..], &["--", "/bin/sh", "/attack.sh"]].concat());
    let wanted = format!("test result: ok. {here} passed; 0 failed; 0 ignored;");
    assert!(machine.console.contains(&wanted), "not {wanted:?}:\n{}", machine.console);
    assert_eq!(machine.status, 0, "{}", machine.console);
}
