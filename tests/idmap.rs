//! Containers of root's that have ids of their own: which ids those are, that nobody else has them, and that files belong
//! inside to whom they belong outside, where that is asked for.

mod common;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

use common::home::Home;
use common::ordinary::Ordinary;
use common::{Live, Scratch, first_process, host, rootfs, run, sh, sh_in, status};

const AUTO: [&str; 2] = ["--userns", "auto"];

/// The first of a container's ids, as its /proc/self/uid_map has it.
fn first(map: &str) -> u64 {
    let fields: Vec<u64> = map.split_whitespace().map(|field| field.parse().unwrap()).collect();
    assert!(
        matches!(fields[..], [0, start, 65_536] if start % 65_536 == 0 && (524_288..=1_878_982_656).contains(&start))
    );
    fields[1]
}

/// Whether a contain holds these ids.
fn is_held(first: u64) -> bool {
    let name = format!("@contain/ids/{first}");
    fs::read_to_string("/proc/net/unix").unwrap().lines().any(|line| line.ends_with(&name))
}

#[test]
fn a_container_has_ids_that_nobody_has() {
    let mut live = Live::sh(&AUTO, "cat /proc/self/uid_map /proc/self/gid_map; id -u; read x; :");
    let start = first(&live.line());
    assert_eq!((first(&live.line()), live.line().as_str()), (start, "0"));
    let process = first_process(live.pid()).expect("the container");
    let all = vec![start.to_string(); 4].join("\t");
    assert_eq!((status(process, "Uid"), status(process, "Gid")), (Some(all.clone()), Some(all)));
    assert!(is_held(start));
    live.end().is(0, "");
    assert!(!is_held(start));
    // By any name inside.
    sh(&[&AUTO[..], &["-u", "1000:7"]].concat(), "id -u; id -g; cat /proc/self/setgroups").is(0, "1000\n7\nallow\n");
    run(&["--userns", "keep-id", "true"]).fails(2, &["--userns keep-id", "write auto"]);
    run(&["--userns", "host", "cat", "/proc/self/uid_map"]).text();
}

#[test]
fn the_rootfs_is_its_own_all_the_same() {
    let scratch = Scratch::new();
    let root = scratch.root("root");
    let script =
        "stat -c %u:%g /bin /etc/passwd; echo made >/made; touch /given; chown 1000:7 /given; stat -c %u:%g /given";
    sh_in(&root, &AUTO, script).is(0, "0:0\n0:0\n1000:7\n");
    let owner = |name: &str| fs::metadata(root.join(name)).map(|found| (found.uid(), found.gid())).unwrap();
    assert_eq!((owner("made"), owner("given")), ((0, 0), (1000, 7)));
    sh_in(&root, &[&AUTO[..], &["--read-only"]].concat(), "touch /x 2>&1").is(1, "touch: /x: Read-only file system\n");
    // One that was unpacked for a container's ids has them already.
    for path in ["", "bin", "bin/busybox", "made"] {
        chown(root.join(path), Some(700_000), Some(700_000)).unwrap();
    }
    let map = ["--uidmap", "0:700000:1000"];
    sh_in(&root, &map, "stat -c %u:%g /bin /made /etc").is(0, "0:0\n0:0\n65534:65534\n");
    // And what is the host's own stays that.
    sh(&["--uidmap", "0:0:65536"], "stat -c %u:%g /bin").is(0, "0:0\n");
}

#[test]
fn a_volume_is_the_hosts_unless_its_ids_are_mapped() {
    let scratch = Scratch::new();
    let canary = scratch.file("shared/canary", "canary");
    fs::set_permissions(&canary, fs::Permissions::from_mode(0o600)).unwrap();
    chown(scratch.file("shared/hers", "x"), Some(1000), Some(7)).unwrap();
    let volume = format!("{}:/v", scratch.at("shared"));
    let got =
        sh(&["-v", &volume, AUTO[0], AUTO[1]], "stat -c %u:%g /v/canary /v/hers; cat /v/canary || echo x >/v/new");
    assert!(got.code == 1 && got.out == "65534:65534\n65534:65534\n", "{got:?}");
    assert!(got.err.contains("can't open '/v/canary': Permission denied"), "{got:?}");
    assert!(got.err.contains("can't create /v/new: Permission denied"), "{got:?}");
    for idmap in
        [["-v", &format!("{volume}:idmap")], ["--mount", &format!("src={},dst=/v,idmap", scratch.at("shared"))]]
    {
        let script = "stat -c %u:%g /v/canary /v/hers; cat /v/canary; echo x >/v/new; chown 5 /v/new";
        sh(&[&AUTO[..], &idmap].concat(), script).is(0, "0:0\n1000:7\ncanary");
        let new = scratch.path().join("shared/new");
        assert_eq!(fs::metadata(&new).unwrap().uid(), 5);
        fs::remove_file(new).unwrap();
    }
    // Beside others, and those that hear of mounts, each has its own.
    fs::create_dir(scratch.at("other")).unwrap();
    let others =
        ["-v", &format!("{}:/o:ro", scratch.at("other")), "-v", &format!("{volume}:idmap,ro"), "--tmpfs", "/t"];
    sh(&[&others[..], &AUTO].concat(), "ls /v /o; stat -c %u /v/hers /o /t; touch /v/x 2>&1")
        .is(1, "/o:\n\n/v:\ncanary\nhers\n1000\n65534\n0\ntouch: /v/x: Read-only file system\n");
}

#[test]
fn a_directory_that_only_root_may_enter_is_a_volume_too() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.at("hers/open")).unwrap();
    chown(scratch.at("hers"), Some(1000), None).unwrap();
    fs::set_permissions(scratch.at("hers"), fs::Permissions::from_mode(0o700)).unwrap();
    let volume = format!("{}:/v", scratch.at("hers/open"));
    sh(&[&AUTO[..], &["-v", &volume]].concat(), "ls -d /v").is(0, "/v\n");
}

/// In a mount namespace of the test's own, in which what is mounted is gone with it.
fn alone(script: &str) -> common::Out {
    host(&format!("export -f contain; unshare -m --propagation shared bash -c '{script}'"))
}

#[test]
fn what_is_mounted_below_is_kept_apart_and_mapped_too() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.at("v/below")).unwrap();
    fs::create_dir_all(scratch.at("v/later")).unwrap();
    std::os::unix::fs::symlink("/nowhere", scratch.at("v/link")).unwrap();
    let script = format!(
        "cd {}; mount -t tmpfs below v/below; touch v/below/there; mkfifo go
         contain run --rootfs $R --userns auto -v v:/v:idmap -v v:/w -- sh -c \"
             stat -c %u /v/below/there; echo ready; read x; ls /v/later /w/later\" <go >out & exec 3>go
         until grep -q ready out; do :; done
         mount -t tmpfs later v/later; touch v/later/late; echo >&3; wait $!; cat out",
        scratch.path().display()
    );
    alone(&script).is(0, "0\nready\n/v/later:\n\n/w/later:\n");
}

#[test]
fn a_file_system_that_maps_no_ids_is_named() {
    let scratch = Scratch::new();
    ["low", "up", "work", "over", "plain/over"].iter().for_each(|name| fs::create_dir_all(scratch.at(name)).unwrap());
    let here = |words: &str| {
        let mount = "mount -t overlay over -o lowerdir=low,upperdir=up,workdir=work";
        let line = format!("cd {} && {mount} over && {mount} plain/over && ", scratch.path().display());
        alone(&format!("{line} contain run {words}"))
    };
    let no = |out: common::Out, path: &str, systems: &str| {
        let systems = format!("({systems}) one takes no map of ids");
        out.fails(125, &["map the ids of ", path, "EINVAL", &systems, "--userns"]);
    };
    no(here("--rootfs $R --userns auto -v over:/v:idmap true"), "/over: ", "overlay");
    no(here("--rootfs $R --userns auto -v /proc/sys:/v:idmap true"), "/proc/sys: ", "proc");
    let plain = host("stat -f -c %T /tmp").text().replace("ext2/ext3", "ext4");
    no(here("--rootfs $R --userns auto -v $PWD/plain:/v:idmap true"), "/plain: ", &format!("{plain}, overlay"));
    // Without what is mounted below it can be.
    here("--rootfs $R --userns auto -v plain:/v:idmap,bind stat -c %u /v/over").is(0, "0\n");
    let copied = "cp -a $R/. over/ && contain run --rootfs over --userns auto true";
    no(here(&format!("--rootfs $R true && {copied}")), "over: ", "overlay");
}

#[test]
fn ids_are_mapped_for_root_only() {
    let volume = format!("{}:/v:idmap", Scratch::new().path().display());
    for got in [run(&["-v", &volume, "true"]), Ordinary::new().run(&["-v", "/etc:/v:idmap", "true"])] {
        got.fails(125, &["volume /v: idmap is for containers of root's", "as root with --userns auto"]);
    }
}

/// A machine on which all ids are given away but those from these numbers on.
fn given_away(but: &[u64], script: &str) -> common::Out {
    let (scratch, mut next) = (Scratch::new(), 0);
    let mut ranges = String::new();
    for start in but.iter().chain(&[u64::from(u32::MAX)]) {
        ranges += &format!("ann:{next}:{}\n", start - next);
        next = start + 65_536;
    }
    let subuid = scratch.file("subuid", ranges);
    alone(&format!("mount --bind {} /etc/subuid && {script}", subuid.display()))
}

#[test]
fn ids_are_one_containers_at_a_time() {
    let home = Home::new();
    let state = format!("export CONTAIN_ROOT={};", home.state().display());
    // Whoever looks at the same time: as many get some as there are.
    let race = "for i in 1 2 3 4 5 6; do
            contain run --rootfs $R --userns auto --rm -d -- sleep 1000 >>ids 2>>errors & done; wait
        for id in $(cat ids); do contain exec $id cat /proc/self/uid_map; done | sort -n -k 2
        for id in $(cat ids); do contain rm -f $id >&2; done; sort -u errors; wc -l <errors;
        contain run --rootfs $R --userns auto cat /proc/self/gid_map >now && grep -cE \"524288|655360|1878982656\" now";
    let scratch = Scratch::new();
    let got =
        given_away(&[524_288, 655_360, 1_878_982_656], &format!("cd {}; {state} {race}", scratch.path().display()));
    let lines: Vec<_> = got.text().lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(lines[..3], ["0 524288 65536", "0 655360 65536", "0 1878982656 65536"], "{got:?}");
    assert!(
        lines[3].starts_with("contain: --userns auto: no 65536 ids from 524288") && lines[5..] == ["6", "1"],
        "{got:?}"
    );
    assert!(lines[4].starts_with("hint: choose them yourself: --uidmap"), "{got:?}");
    // Those that somebody chose himself are in the record only.
    let chosen = "id=$(contain run -d --rootfs $R --uidmap 9:524000:1000 --uidmap 0:900000:1 sleep 1000)
        contain run --rootfs $R --userns auto true; echo $?; contain rm -f $id >&2
        contain run --rootfs $R --userns auto true && echo free";
    given_away(&[524_288], &format!("{state} {chosen}")).is(0, "125\nfree\n");
}

#[test]
fn other_commands_find_their_way_in() {
    let home = Home::new();
    let id = home.ready(&[&AUTO[..], &["-m", "64M", "--pids", "20"]].concat(), "echo ready; exec sleep 1000");
    let map = home.contain(&["exec", &id, "--", "cat", "/proc/self/uid_map"]);
    let start = first(map.text());
    home.contain(&["exec", "-u", "5", &id, "id", "-u"]).is(0, "5\n");
    assert!(home.contain(&["top", &id]).text().contains(&format!(" {start} ")));
    assert!(home.contain(&["stats", "--no-stream", "--json", &id]).text().contains("\"memory_limit\": 67108864"));
    home.contain(&["logs", &id]).is(0, "ready\n");
    home.contain(&["pause", &id]).text();
    assert_eq!(home.status(&id), "paused");
    home.contain(&["resume", &id]).text();
    home.contain(&["update", "--pids", "9", &id]).text();
    home.contain(&["stop", "-t", "0", &id]).text();
    assert!(!is_held(start));
    // What is the host's cannot be reached from inside.
    let kill = format!("kill -0 {} 2>&1; ls /proc/1/root 2>&1; mount -t tmpfs x /mnt 2>&1", std::process::id());
    let got = sh(&[&AUTO[..], &["--pid", "host"]].concat(), &kill);
    assert!(got.out.matches("ermi").count() == 3, "{got:?}");
}

#[test]
fn a_root_of_layers_has_the_hosts_ids_only() {
    for layers in [&["--overlay"] as &[&str], &["--rootfs", rootfs()]] {
        run(&[layers, &AUTO, &["true"]].concat()).fails(125, &["--userns auto", "root of layers", "without --overlay"]);
    }
    run(&["--overlay", "--uidmap", "0:0:65536", "stat", "-c", "%u", "/bin"]).is(0, "0\n");
}
