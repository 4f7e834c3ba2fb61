//! Layers and images in a machine that contain has booted, on an older kernel than the one this is built on, whose overlayfs,
//! loop devices and squashfs are modules (tests/boot/storage.sh).

mod common;
use std::process::Command;
use std::sync::LazyLock;

use common::machine::{Boot, build, made, probe};

static STORAGE: LazyLock<Boot> = LazyLock::new(|| {
    let directory = made("images");
    let mut make = Command::new("mksquashfs");
    make.arg(build().join("rootfs")).arg(directory.join("r.squashfs")).args(["-noappend", "-quiet", "-no-progress"]);
    assert!(make.status().expect("mksquashfs, which `make setup` installs").success());
    probe("storage", &["--overlay", directory.to_str().unwrap()])
});

#[test]
fn what_is_written_goes_to_an_upper_layer() {
    let seen = STORAGE.output("memory");
    assert!(seen.contains("|x|") || seen.contains("|x\n"), "{seen}");
    assert!(seen.contains("overlay / overlay") && !seen.contains("user"), "{seen}");
    STORAGE.output("change");
    let kept = STORAGE.fact("kept.out");
    assert!(kept.starts_with("kept|/home:"), "{kept}");
    STORAGE.fails("kept", "1", &["/bin/vi: No such file"]);
    STORAGE.fails("layers", "1", &["/x: Read-only file system"]);
    STORAGE.is("layers.out", "top");
    STORAGE.is("same", "0");
}

#[test]
fn an_image_needs_its_modules() {
    STORAGE.fails("unloaded", "125", &["mount the squashfs", "ENOENT", "modprobe loop"]);
    STORAGE.fails("image", "1", &["/x: Read-only file system"]);
    STORAGE.is("image.out", "/bin/sh");
    assert_eq!(STORAGE.output("above"), "top|x");
    STORAGE.is("loop", "");
    STORAGE.left_nothing();
}

#[test]
fn an_ordinary_user_has_layers_but_no_images() {
    assert_eq!(STORAGE.output("user"), "0|x|userxattr");
    assert_eq!(STORAGE.output("his"), "x");
    STORAGE.fails("image.user", "125", &["mount the squashfs", "EPERM", "unpack it"]);
}
