//! What is written down about a machine, and what becomes of it: contain.conf in the initramfs and from the hypervisor, the
//! command line that wins over it, files of rubbish, busybox's inittab, and a container as the workload.

mod common;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use common::machine::{Boot, arch, boot, build, made};

/// A directory with these files, to be laid over the initramfs.
fn files(name: &str, files: &[(&str, &[u8])]) -> String {
    let directory = made(name);
    for (path, content) in files {
        let path = directory.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    directory.to_str().unwrap().into()
}

const SETTINGS: &str = "/bin/sh /settings.sh";

/// The console has this line of contain's.
#[track_caller]
fn tells(boot: &Boot, text: &str) {
    let line = format!("contain: {text}");
    assert!(boot.console.lines().any(|told| told == line), "{line} is not in:\n{}", boot.console);
}

static FILE: LazyLock<Boot> = LazyLock::new(|| {
    let conf = "# A machine.\nhostname \"from-file\"\nexec /bin/sh /settings.sh one \"two words\"\ngrase 5s\ngrace soon\n\
                task prepare /bin/mkdir -p /run/started/prepare\n\
                service web restart=often -- /bin/web\n\
                task after after=prepare -- /bin/mkdir /run/started/prepare/after\n";
    boot(&["--overlay", &files("file", &[("etc/contain.conf", conf.as_bytes())]), "--no-command"])
});

#[test]
fn contain_conf_says_what_to_run() {
    FILE.is("args", "one two words");
    FILE.is("services", "prepare");
    assert_eq!(FILE.status, 7);
}

#[test]
fn errors_are_told_by_file_and_line() {
    for told in [
        "/etc/contain.conf:4: grase 5s is not known: did you mean grace?",
        "/etc/contain.conf:5: grace soon is not a duration: write a number with ms, s, m, h or d, as 30s",
        "/etc/contain.conf:7: service web has often, which is not known: write one of no, on-failure, always",
    ] {
        tells(&FILE, told);
    }
}

/// A command line that wins, and files that are no text, or none at all.
static RUBBISH: LazyLock<Boot> = LazyLock::new(|| {
    let mut rubbish: Vec<u8> = (0..=255).cycle().take(2048).collect();
    rubbish.push(b'\n');
    rubbish.resize((1 << 20) - 100, b'x');
    rubbish.extend(b"\nhostname from-file\n");
    rubbish.resize((1 << 20) + 100, b'#');
    let files = files("rubbish", &[("rubbish", &rubbish), ("etc/contain.conf/not/a/file", b"")]);
    let words = "hostname=from-line contain.config=/rubbish contain.onexti=halt contain.grace=soon";
    let command: Vec<_> = SETTINGS.split(' ').chain(["a b"]).collect();
    boot(&[&["--overlay", &files, "--words", words, "--"], &*command].concat())
});

#[test]
fn a_file_of_rubbish_is_told_of_and_the_boot_goes_on() {
    RUBBISH.is("args", "a b");
    assert_eq!(RUBBISH.status, 7);
    for told in [
        "/rubbish: it is longer than 1 MB, and the rest is left out",
        "/rubbish:1: this line is no text: write UTF-8",
        "/rubbish:10: this line is longer than 8192 bytes",
        "kernel command line: contain.onexti=halt is not known: did you mean contain.onexit?",
        "kernel command line: contain.grace=soon is not a duration: write a number with ms, s, m, h or d, as 30s",
    ] {
        tells(&RUBBISH, told);
    }
}

/// A file that the hypervisor gives, and one in its place that is a directory.
static GIVEN: LazyLock<Boot> = LazyLock::new(|| {
    let conf = format!("exec {SETTINGS} given\n");
    let given = files("given", &[("contain.conf", conf.as_bytes())]);
    let place = files("place", &[("etc/contain.conf/not/a/file", b"")]);
    let option = format!("-fw_cfg name=opt/contain.conf,file={given}/contain.conf");
    let words = "contain.config=/nowhere contain.modules=qemu_fw_cfg";
    boot(&["--overlay", &place, "--modules", "qemu_fw_cfg", "--qemu", &option, "--words", words, "--no-command"])
});

#[test]
fn the_hypervisor_gives_a_file() {
    GIVEN.is("args", "given");
    assert_eq!(GIVEN.status, 7);
    tells(&GIVEN, "read /nowhere: ENOENT (No such file or directory)");
    tells(&GIVEN, "read /etc/contain.conf: EISDIR (Is a directory)");
}

static TABLE: LazyLock<Boot> = LazyLock::new(|| {
    let table = "# As Buildroot has it.\n\
                 ::respawn:/bin/sh /table.sh again\n\
                 ::once:/bin/sh /table.sh last\n\
                 ::wait:/bin/sh /table.sh third\n\
                 ::sysinit:/bin/sh /table.sh first 1\n\
                 null::sysinit:true; /bin/sh /table.sh \"second\"\n\
                 ::once:-/bin/sh /table.sh login # the rest is a comment\n\
                 ::boot:/bin/nothing\n";
    boot(&["--overlay", &files("table", &[("etc/inittab", table.as_bytes())]), "--no-command"])
});

#[test]
fn an_inittab_of_busyboxs_is_understood() {
    let order: Vec<_> = TABLE.fact("order").split('|').collect();
    // The second is exec'd as busybox has it, so what follows its first command is never reached.
    assert_eq!(order[..2], ["first", "third"], "{order:?}");
    assert!(order.iter().filter(|name| **name == "again").count() > 1, "{order:?}");
    TABLE.is("login", "-/bin/sh /table.sh login");
    let what = "has no action: write ID:RUNLEVELS:ACTION:PROCESS, as ttyS0::respawn:/sbin/getty -L ttyS0";
    tells(&TABLE, &format!("/etc/inittab:8: ::boot:/bin/nothing {what}"));
}

#[test]
fn single_starts_no_service() {
    let conf = "service web /bin/mkdir -p /run/started/web\n";
    let files = files("single", &[("etc/contain.conf", conf.as_bytes())]);
    let boot = boot(&["--overlay", &files, "--words", "single", "--", "/bin/sh", "/settings.sh"]);
    boot.is("services", "");
    assert_eq!(boot.status, 7);
}

/// Of the script in a container, whose root has it and the port for its facts.
fn workload(options: &[&str], words: &str) -> Boot {
    let port = if arch() == "aarch64" { "/dev/ttyS0" } else { "/dev/ttyS1" };
    let words = format!("{words} contain.memory=64M contain.device={port} contain.hostname=box");
    let conf = "run rootfs=/nowhere memory=1G -- /bin/nothing\n";
    let files = files("workload", &[("etc/contain.conf", conf.as_bytes())]);
    let options = [options, &["--overlay", &files, "--words", &words, "--", "/bin/sh", "/settings.sh", "x"]];
    boot(&options.concat())
}

fn root() -> PathBuf {
    let root = made("root");
    let copied = Command::new("cp").arg("-r").arg(build().join("rootfs/.")).arg(&root).status();
    assert!(copied.expect("cp").success());
    for script in ["facts.sh", "settings.sh"] {
        std::fs::copy(format!("{}/tests/boot/{script}", env!("CARGO_MANIFEST_DIR")), root.join(script)).unwrap();
    }
    root
}

/// A squashfs of it.
static IMAGE: LazyLock<String> = LazyLock::new(|| {
    let image = made("images").join("app.squashfs");
    let mut make = Command::new("mksquashfs");
    make.arg(root()).arg(&image).args(["-noappend", "-quiet", "-no-progress"]);
    assert!(make.status().expect("mksquashfs, which `make setup` installs").success());
    image.to_str().unwrap().into()
});

#[track_caller]
fn is_contained(boot: &Boot, kind: &str) {
    boot.is("args", "x");
    boot.is("hostname", "box");
    boot.is("memory", "67108864");
    assert!(boot.fact("root").starts_with(kind), "{}", boot.fact("root"));
    assert_eq!(boot.status, 7, "{}", boot.console);
}

#[test]
fn a_directory_of_the_initramfs_is_a_workload() {
    let over = files("directory", &[]);
    let to = PathBuf::from(&over).join("app");
    drop(std::fs::remove_dir_all(&to));
    assert!(Command::new("cp").arg("-r").args([root(), to]).status().expect("cp").success());
    is_contained(&workload(&["--overlay", &over], "contain.rootfs=/app"), "");
}

#[test]
fn an_image_in_the_initramfs_is_a_workload() {
    let over = PathBuf::from(&*IMAGE);
    let over = over.parent().unwrap().to_str().unwrap();
    is_contained(&workload(&["--overlay", over], "contain.rootfs=/app.squashfs contain.modules=loop"), "squashfs ");
}

#[test]
fn an_image_on_a_disk_is_a_workload() {
    let disk = format!("-drive if=virtio,format=raw,readonly=on,file={}", *IMAGE);
    let boot = workload(&["--modules", "virtio_blk", "--qemu", &disk], "contain.rootfs=/dev/vda");
    is_contained(&boot, "squashfs /dev/vda ro");
}
