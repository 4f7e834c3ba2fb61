//! Images as a root: squashfs, erofs and ext4 behind loop devices, what is damaged or no image at all, and that nothing of
//! them stays.

mod common;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

use common::{Live, Out, Scratch, command, finish, host, host_command, rootfs};

/// An image of the shared root file system, by a name that says nothing.
fn image(here: &Scratch, kind: &str) -> String {
    let path = here.at(&format!("{kind}'s file"));
    let made = match kind {
        "squashfs" => format!("mksquashfs $R \"{path}\" -quiet -no-progress"),
        "erofs" => format!("mkfs.erofs \"{path}\" $R"),
        "ext4" => format!("truncate -s 16M \"{path}\"; mkfs.ext4 -q -d $R \"{path}\""),
        _ => unreachable!("{kind}"),
    };
    let got = host(&format!("{{ {made}; }} >&2"));
    assert_eq!(got.code, 0, "`make setup` installs what makes images: {got:?}");
    path
}

const KINDS: [&str; 3] = ["squashfs", "erofs", "ext4"];

/// A shell script in a container of this image.
fn sh_of(image: &str, flags: &[&str], script: &str) -> Out {
    finish(command(&[&["run", "--rootfs", image], flags, &["--", "/bin/sh", "-c", script]].concat()))
}

/// Waits until no loop device has the file. The kernel gives a device back a moment after its last user.
#[track_caller]
fn is_given_back(image: &str) {
    let uses = || {
        let devices = fs::read_dir("/sys/block").unwrap().flatten();
        devices
            .filter_map(|it| fs::read_to_string(it.path().join("loop/backing_file")).ok())
            .any(|it| it.trim() == image)
    };
    common::wait_until("the loop device to be given back", || !uses());
}

#[test]
fn an_image_is_a_root_that_is_not_written_to() {
    let here = Scratch::new();
    for kind in KINDS {
        let image = image(&here, kind);
        let before = fs::read(&image).unwrap();
        let look = "(>/x) 2>/dev/null || echo ro; sed -n 's/.* \\/ \\/ \\([a-z,]*\\),relatime - \\([a-z0-9]*\\) .*/\\1 \\2/p' /proc/self/mountinfo;
            ls -d /bin/sh /proc/self/fd /dev/null; (>/tmp/x) 2>/dev/null || echo ro";
        let told = format!("ro\nro,nodev {kind}\n/bin/sh\n/dev/null\n/proc/self/fd\n");
        sh_of(&image, &[], look).is(0, &format!("{told}ro\n"));
        sh_of(&image, &["--tmpfs", "/tmp"], look).is(0, &told);
        // With an overlay it is written to, as it seems.
        sh_of(&image, &["--overlay", "-u", "nobody"], "id -u; ls -d /bin/vi").is(0, "65534\n/bin/vi\n");
        let kept = format!("--overlay={}", here.at(&format!("{kind} kept")));
        sh_of(&image, &[&kept], "rm /bin/vi; >/x").is(0, "");
        sh_of(&image, &[&kept], "ls -d /bin/vi /x 2>/dev/null").is(1, "/x\n");
        sh_of(&image, &[], "ls -d /bin/vi /x 2>/dev/null").is(1, "/bin/vi\n");
        // Layers are images or directories.
        here.file("layer/file", "on top\n");
        let top = ["--rootfs", &here.at("layer")];
        sh_of(&image, &top, "cat /file; (>/x) 2>/dev/null || echo ro").is(0, "on top\nro\n");
        sh_of(&here.at("layer"), &["--rootfs", &image, "--overlay"], "cat /file; >/x").is(0, "on top\n");
        // A mount point that it lacks cannot be made in it.
        let volume = format!("{}:/made/here", here.at("layer"));
        sh_of(&image, &["-v", &volume], "").fails(125, &["/made", "EROFS", "--overlay"]);
        sh_of(&image, &["-v", &volume, "--overlay"], "cat /made/here/file").is(0, "on top\n");
        // What cannot be found in it.
        finish(command(&["run", "--rootfs", &image, "nosuch"])).fails(127, &["nosuch", "PATH"]);
        sh_of(&image, &["-u", "nobodyknows"], "").fails(125, &["nobodyknows", "/etc/passwd"]);
        is_given_back(&image);
        assert!(fs::read(&image).unwrap() == before, "{kind} has changed");
    }
}

#[test]
fn several_launches_take_several_devices() {
    let here = Scratch::new();
    let image = image(&here, "squashfs");
    let words = ["run", "--rootfs", &image, "--overlay", "sh", "-c", "echo x >/x; cat /x"];
    let all: Vec<_> = (0..12).map(|_| command(&words).stdout(std::process::Stdio::piped()).spawn().unwrap()).collect();
    for one in all {
        let ended = one.wait_with_output().unwrap();
        assert!(ended.status.success() && ended.stdout == b"x\n", "{ended:?}");
    }
    is_given_back(&image);
}

/// A device goes with its container, whatever ends that.
#[test]
fn nothing_stays_of_an_image_after_sigkill() {
    let here = Scratch::new();
    for (kind, flag) in KINDS.iter().zip(["--overlay", "--read-only", "--quiet"]) {
        let image = image(&here, kind);
        let words = ["run", "--rootfs", &image, flag, "sh", "-c", "echo there; while :; do sleep 1000; done"];
        let mut live = Live::start(command(&words));
        assert_eq!(live.line(), "there");
        live.signal(9);
        live.end();
        is_given_back(&image);
    }
    // One in the background, and a command in it.
    let image = image(&here, "ext4");
    let script = "export CONTAIN_ROOT=$D/state; id=$(contain run -d --rootfs \"$I\" --overlay sleep 1000)
        contain exec $id sh -c 'echo x >/x; cat /x'; contain inspect $id | grep -c \"$I\"; contain rm -f $id >/dev/null";
    let mut line = host_command(script);
    line.env("I", &image).env("D", here.path());
    finish(line).is(0, "x\n2\n");
    is_given_back(&image);
}

/// Cut off, or with rubbish in it: an error or a shell that finds rubbish, and nothing of it stays.
#[test]
fn a_damaged_image_is_refused() {
    let here = Scratch::new();
    for kind in KINDS {
        let whole = fs::read(image(&here, kind)).unwrap();
        let path = here.at("damaged");
        for length in [0, 3, 1000, 2000, 4096] {
            fs::write(&path, &whole[..length]).unwrap();
            sh_of(&path, &[], "").fails(125, &["damaged"]);
        }
        // The part after the magic number says how all the rest is to be read.
        fs::write(&path, &whole).unwrap();
        let at = if kind == "squashfs" { 12 } else { 1024 + 60 };
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(&[0xa5; 80], at).unwrap();
        sh_of(&path, &[], "").fails(125, &["mount the ", kind, "/damaged"]);
        is_given_back(&path);
    }
    // What is in the middle is found to be wrong later, if at all.
    let mut whole = fs::read(image(&here, "ext4")).unwrap();
    let (from, to) = (8192, whole.len() / 2);
    whole[from..to].fill(0x5a);
    let path = here.at("damaged");
    fs::write(&path, &whole).unwrap();
    sh_of(&path, &[], "").fails(125, &["EUCLEAN", "is damaged"]);
    is_given_back(&path);
}

#[test]
fn an_ext4_that_was_not_unmounted_is_read_as_it_is() {
    let here = Scratch::new();
    let image = image(&here, "ext4");
    // What a crash leaves; and its errors are to stop the machine.
    for change in ["feature needs_recovery", "set_super_value errors 3"] {
        let mut line = host_command(
            "debugfs -w -R \"$O\" \"$I\" >/dev/null 2>&1; dumpe2fs -h \"$I\" 2>/dev/null | grep -Eic 'needs_recovery|Panic'",
        );
        line.env("O", change).env("I", &image);
        assert_eq!(finish(line).text().parse(), Ok(if change.starts_with('f') { 1 } else { 2 }));
    }
    let before = fs::read(&image).unwrap();
    sh_of(&image, &[], "grep -o 'norecovery' /proc/mounts; grep -c errors=panic /proc/mounts").is(1, "norecovery\n0\n");
    assert!(fs::read(&image).unwrap() == before);
}

#[test]
fn an_archive_is_refused_with_the_line_that_unpacks_it() {
    let here = Scratch::new();
    for (name, option) in [("r.tar", ""), ("an archive", "-z"), ("r's.txz", "-J"), ("r.zst", "--zstd"), ("r", "-j")] {
        let path = here.at(name);
        let mut pack = host_command("tar -C $R $O -cf \"$P\" .");
        pack.env("P", &path).env("O", option);
        finish(pack).is(0, "");
        let got = sh_of(&path, &[], "");
        got.fails(125, &[&path, "is an archive", "mkdir rootfs && tar -xf "]);
        let line = got.err.trim_end().split_once("archive: ").unwrap().1;
        let script = format!("cd $D && {line} && contain run ls -d /bin/sh && rm -r rootfs");
        let mut line = host_command(&script);
        line.env("D", here.path());
        finish(line).is(0, "/bin/sh\n");
    }
}

#[test]
fn what_is_no_root_at_all_is_refused() {
    let here = Scratch::new();
    here.file("text", "only words");
    host(&format!("mkfifo {0}/fifo; mknod {0}/null c 1 3; truncate -s 1M {0}/hole", here.path().display())).is(0, "");
    for name in ["text", "fifo", "null", "hole"] {
        let words = ["ENOTDIR", "neither a directory nor an image of squashfs, erofs or ext4"];
        sh_of(&here.at(name), &[], "").fails(125, &words);
    }
    let image = image(&here, "squashfs");
    // The kernel mounts nothing from a device for a user, and no root of a container may.
    let nobody =
        format!("chmod 755 {0}; exec setpriv --reuid 65534 --regid 65534 --clear-groups", here.path().display());
    for (before, told) in [(nobody.as_str(), "EPERM"), ("exec setpriv --bounding-set=-sys_admin", "EPERM")] {
        let mut line = host_command(&format!("{before} {} run --rootfs \"$I\" true", common::contain().display()));
        line.env("I", &image);
        finish(line).fails(125, &["mount the squashfs", told, "unpack it"]);
    }
    // Where there are no loop devices, and where the kernel lacks the file system.
    let hidden = "unshare -m sh -c 'mount -t tmpfs none /dev && exec \"$0\" \"$@\"' \"$C\" run --rootfs \"$I\" true";
    let mut line = host_command(hidden);
    line.env("I", &image).env("C", common::contain());
    finish(line).fails(125, &["mount the squashfs", "ENOENT", "modprobe loop"]);
    let injected = "strace -f -o /dev/null -e inject=fsopen:error=ENODEV $C run --rootfs \"$I\" true";
    let mut line = host_command(injected);
    line.env("I", &image).env("C", common::contain());
    finish(line).fails(125, &["mount the squashfs", "ENODEV", "that file system"]);
    is_given_back(&image);
    assert!(Path::new(rootfs()).exists());
}
