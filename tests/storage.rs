//! A root made of layers: --overlay in memory and in a directory, several --rootfs, and what they leave of the layers, which is
//! all of it. Images as layers are in images.rs.

mod common;
use std::fs;
use std::path::Path;

use common::ordinary::Ordinary;
use common::{Live, Scratch, command, finish, host, rootfs, run, sh, sh_in, sum};

#[test]
fn what_is_written_to_an_overlay_in_memory_is_gone_with_it() {
    let here = Scratch::new();
    let root = here.root("root");
    let before = sum(&root);
    let change =
        "echo new >/new; rm -r /bin/vi /etc; mkdir /etc; chmod 700 /usr; chown 5:6 /var; ln /bin/busybox /bin/other;
        mv /home /house; echo more >>/bin/busybox; ls -d /etc/passwd /home 2>/dev/null; cat /new; ls /etc";
    sh_in(&root, &["--overlay"], change).is(0, "new\n");
    assert_eq!(sum(&root), before);
    sh_in(&root, &["--overlay"], "ls /new 2>/dev/null; stat -c %a / /usr; ls /etc/passwd")
        .is(0, "755\n755\n/etc/passwd\n");
    // Mount points that are missing are made in the overlay, too.
    fs::remove_dir(root.join("sys")).unwrap();
    let before = sum(&root);
    let data = format!("{}:/made/here", here.path().display());
    sh_in(&root, &["--overlay", "-v", &data], "ls -d /sys/kernel /made/here/root")
        .is(0, "/made/here/root\n/sys/kernel\n");
    sh_in(&root, &["--overlay", "--read-only", "-v", &data], "(>/x) 2>&1; ls -d /made/here/root")
        .is(0, "/bin/sh: can't create /x: Read-only file system\n/made/here/root\n");
    assert_eq!(sum(&root), before);
    // The command and its user are found, or missed, as without one.
    sh_in(&root, &["--overlay", "-u", "nobody"], "id -u").is(0, "65534\n");
    finish(command(&["run", "--rootfs", root.to_str().unwrap(), "--overlay", "nosuch"]))
        .fails(127, &["nosuch", "PATH"]);
}

#[test]
fn a_directory_keeps_what_is_written() {
    let here = Scratch::new();
    let (root, keep) = (here.root("root"), here.at("keep"));
    let kept = format!("--overlay={keep}");
    let before = sum(&root);
    let change = "echo new:x:77:78::/:/bin/sh >>/etc/passwd; rm /bin/vi; rm -r /home; mkdir /home; echo '#!/bin/nosuch' >/bin/x; chmod +x /bin/x";
    sh_in(&root, &[&kept], change).is(0, "");
    assert_eq!(sum(&root), before);
    // Whiteouts and opaque directories hide; what was added is there, for whoever looks names up before the launch, too.
    sh_in(&root, &[&kept], "ls /bin/vi /home 2>&1").is(1, "ls: /bin/vi: No such file or directory\n/home:\n");
    sh_in(&root, &[&kept, "-u", "new"], "id -u; id -g").is(0, "77\n78\n");
    sh_in(&root, &["--overlay", "-u", "new"], "").fails(125, &["new", "/etc/passwd"]);
    finish(command(&["run", "--rootfs", root.to_str().unwrap(), &kept, "x"])).fails(127, &["/bin/x", "/bin/nosuch"]);
    finish(command(&["run", "--rootfs", root.to_str().unwrap(), &kept, "vi"])).fails(127, &["vi", "PATH"]);
    // An account file that is gone is not looked for further down.
    sh_in(&root, &[&kept], "rm /etc/passwd").is(0, "");
    sh_in(&root, &[&kept, "-u", "nobody"], "").fails(125, &["etc/passwd", "ENOENT"]);
    assert_eq!(sum(&root), before);
    // Nothing is made to tell a plan.
    let flag = format!("--overlay={}", here.at("other"));
    let told = finish(command(&["run", "--dry-run", "--rootfs", root.to_str().unwrap(), &flag, "true"]));
    let wanted = format!("take layer {}\ntake upper layer in {}\n", root.display(), here.at("other"));
    assert!(told.text().contains(&wanted), "{told:?}");
    assert!(!Path::new(&here.at("other")).exists());
}

#[test]
fn a_directory_is_one_containers_at_a_time() {
    let here = Scratch::new();
    let kept = format!("--overlay={}", here.at("keep"));
    let mut live = Live::sh(&[&kept], "echo there; read x; echo done >/done");
    assert_eq!(live.line(), "there");
    run(&[&kept, "true"]).fails(125, &["--overlay", "/keep", "EAGAIN", "a directory of its own"]);
    assert_eq!(live.end().code, 0);
    run(&[&kept, "cat", "/done"]).is(0, "done\n");
    // A detached one holds it until its end.
    let script = "export CONTAIN_ROOT=$D/state; id=$(contain run -d --rootfs $R --overlay=$D/keep sleep 1000)
        contain run --rootfs $R --overlay=$D/keep true; echo $?; contain exec $id cat /done
        contain inspect $id | grep -A3 layers; contain rm -f $id; contain run --rootfs $R --overlay=$D/keep cat /done";
    let got = host(&format!("D={}; {script}", here.path().display()));
    let told = format!("125\ndone\n      \"{}\"\n    ],\n    \"overlay\": \"{}\",\n", rootfs(), here.at("keep"));
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(squeezed(&got.out).contains(&squeezed(&told).replace("125 done", "")), "{got:?}");
    assert!(got.out.starts_with("125\ndone\n") && got.out.ends_with("done\n"), "{got:?}");
}

#[test]
fn the_last_rootfs_lies_on_top() {
    let here = Scratch::new();
    here.file("one/first", "one\n");
    here.file("one/both", "one\n");
    here.file("two/both", "two\n");
    let (one, two) = (here.at("one"), here.at("two"));
    let show = "cat /first /both; (>/x) 2>&1; true";
    let refused = "/bin/sh: can't create /x: Read-only file system\n";
    sh(&["--rootfs", &one, "--rootfs", &two], show).is(0, &format!("one\ntwo\n{refused}"));
    sh(&["--rootfs", &two, "--rootfs", &one], show).is(0, &format!("one\none\n{refused}"));
    sh(&["--rootfs", &two, "--rootfs", &one, "--overlay"], show).is(0, "one\none\n");
    assert!(!here.path().join("one/x").exists());
    // None of them has to be a whole one, but one of them.
    let words = ["run", "--rootfs", &one, "--rootfs", &two, "true"];
    finish(command(&words)).fails(125, &["/two", "none of bin, usr and etc"]);
    // A whole tree twice, or one inside the other, is one too many.
    sh(&["--rootfs", rootfs()], "").fails(125, &["mount overlay", "ELOOP", "lies in another"]);
    sh(&["--rootfs", &one, "--rootfs", &here.at(".")], "").fails(125, &["mount overlay", "ELOOP"]);
}

#[test]
fn a_path_may_have_any_character() {
    let here = Scratch::new();
    for (number, name) in ["a:b", "a,b", "a\\b", "a b", "a\nb", "a=b", "-a", "\u{e9}\""].iter().enumerate() {
        here.file(&format!("{name}/f{number}"), "");
        let (layer, kept) = (here.at(name), format!("--overlay={}", here.at(&format!("{name}/../keep {name}"))));
        let seen = format!("ls -d /f{number} /was 2>/dev/null; >/was");
        sh(&["--rootfs", &layer, &kept], &seen).is(0, &format!("/f{number}\n"));
        sh(&["--rootfs", &layer, &kept], &seen).is(0, &format!("/f{number}\n/was\n"));
    }
}

#[test]
fn as_many_layers_as_there_are_places_for() {
    let here = Scratch::new();
    let layers: Vec<String> = (0..119)
        .map(|number| {
            here.file(&format!("{number}/{number}"), "");
            here.at(&number.to_string())
        })
        .collect();
    let flags: Vec<&str> = layers.iter().flat_map(|layer| ["--rootfs", layer]).collect();
    sh(&[&flags[..], &["--overlay"]].concat(), "ls -d /[0-9]* | wc -l; ls /0 /118").is(0, "119\n/0\n/118\n");
    sh(&[&flags[..], &["--rootfs", &here.at("0/../1")]].concat(), "").fails(2, &["121 times", "120 is the most"]);
}

/// Whoever can write to the directory cannot turn what is written, or what overlayfs clears away, to another place.
#[test]
fn links_in_a_directory_lead_nowhere() {
    let here = Scratch::new();
    here.file("outside/work/canary", "unchanged");
    for (link, words) in [
        ("upper", &["open --overlay ", "/upper: ELOOP", "it must be a directory, no link"][..]),
        ("work", &["mount overlay", "ELOOP"]),
    ] {
        let keep = here.at(&format!("keep {link}"));
        fs::create_dir_all(&keep).unwrap();
        std::os::unix::fs::symlink(here.at("outside"), format!("{keep}/{link}")).unwrap();
        let got = sh(&[&format!("--overlay={keep}")], "echo changed > /canary");
        got.fails(125, words);
    }
    assert_eq!(fs::read_to_string(here.at("outside/work/canary")).unwrap(), "unchanged");
    assert_eq!(fs::read_dir(here.at("outside")).unwrap().count(), 1, "something was made outside");
}

#[test]
fn a_directory_that_cannot_keep_it_is_refused() {
    let here = Scratch::new();
    let root = here.root("root");
    here.file("file", "");
    let before = sum(&root);
    for (place, words) in [
        ("root/kept", &["ELOOP", "beside it"][..]),
        ("root", &["ELOOP", "beside it"]),
        ("nosuch/kept", &["ENOENT", "/nosuch/kept"]),
        ("file", &["ENOTDIR", "/file"]),
    ] {
        let flag = format!("--overlay={}", here.at(place));
        sh_in(&root, &[&flag], "true").fails(125, &[&["--overlay", &here.at(place)], words].concat());
    }
    assert_eq!(sum(&root), before);
    sh_in(&root, &["--overlay="], "true").fails(2, &["--overlay", "empty"]);
    // Above the layers it may be.
    sh_in(&root, &[&format!("--overlay={}", here.at("."))], "echo fine").is(0, "fine\n");
}

/// Whoever kills contain leaves a container that dies with it, and all its mounts.
#[test]
fn nothing_stays_mounted_after_sigkill() {
    let here = Scratch::new();
    let kept = format!("--overlay={}", here.at("keep"));
    for _ in 0..5 {
        let mut live = Live::sh(&[&kept], "echo there; while :; do sleep 1000; done");
        assert_eq!(live.line(), "there");
        live.signal(9);
        live.end();
        common::wait_until("the directory to be free", || run(&[&kept, "true"]).code == 0);
    }
    let mounted = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounted.contains("keep") && !mounted.contains(" overlay "), "{mounted}");
}

/// In a user namespace of his own: his files of the layers he may change, others' as their modes say.
#[test]
fn an_ordinary_user_has_overlays_too() {
    let he = Ordinary::new();
    let before = sum(&he.rootfs);
    let change = "mkdir /new; echo x >/new/x; cat /new/x; rm /bin/vi 2>/dev/null || echo kept; stat -c %u:%g /new /";
    he.run(&["--overlay", "sh", "-c", change]).is(0, "x\nkept\n0:0\n0:0\n");
    let kept = format!("--overlay={}", he.at("own/kept"));
    he.run(&[&kept, "sh", "-c", change]).is(0, "x\nkept\n0:0\n0:0\n");
    he.run(&[&kept, "sh", "-c", "cat /new/x; rm -r /new; mkdir /new; ls /new"]).is(0, "x\n");
    he.run(&[&kept, "sh", "-c", "ls /new; grep -o ',userxattr' /proc/mounts"]).is(0, ",userxattr\n");
    // A layer of his own, with what he made in it.
    let top = he.at("own/kept/upper");
    he.run(&["--rootfs", &top, "sh", "-c", "ls -d /new; (>/x) 2>/dev/null || echo ro"]).is(0, "/new\nro\n");
    // Another's directory keeps nothing of his.
    he.run(&[&format!("--overlay={}", he.at("theirs")), "true"]).fails(125, &["--overlay", "/theirs", "EACCES"]);
    assert_eq!(sum(&he.rootfs), before);
}
