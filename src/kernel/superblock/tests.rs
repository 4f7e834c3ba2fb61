//! File systems and partitions as their own tools make them, and as blkid(8) reads them; and what is damaged.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;

use super::*;

fn scratch(name: &str, size: u64) -> PathBuf {
    let path = std::env::temp_dir().join(format!("contain-superblock-{}-{name}", std::process::id()));
    drop(std::fs::remove_file(&path));
    File::create(&path).unwrap().set_len(size).unwrap();
    path
}

fn run(line: &str, path: &std::path::Path) -> String {
    let line = line.replace("IT", path.to_str().unwrap());
    let path = "/usr/sbin:/sbin:/usr/bin:/bin";
    let out = Command::new("/bin/sh").args(["-c", &line]).env("PATH", path).output().unwrap();
    let (text, errors) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{line}, which `make setup` installs: {text}{errors}");
    text.trim().into()
}

fn line(names: &Names, key: &str) -> String {
    let text = String::from_utf8_lossy(names);
    text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().into()
}

fn told(head: &Head) -> (String, String, String) {
    let mut names = Names::new();
    head.tell(&mut names);
    (line(&names, "TYPE="), line(&names, "UUID="), line(&names, "LABEL="))
}

const MAKERS: [&str; 10] = [
    "mkfs.ext4 -q -L 'a label' IT",
    "mkfs.ext2 -q -L exactly16letters IT",
    "mkfs.xfs -q -f -L twelveletter IT",
    "mkfs.btrfs -q -f -L data IT",
    "mkfs.vfat -F 32 -n BOOT IT",
    "mkfs.vfat -F 16 -n 'SIX TEEN' IT",
    "truncate -s 8M IT; mkfs.vfat -F 12 IT",
    "rm IT; mkdir IT.d; mkfs.erofs --quiet IT IT.d && rmdir IT.d",
    "rm IT; mkdir IT.d; mksquashfs IT.d IT -quiet -no-progress && rmdir IT.d",
    "true",
];

#[test]
fn what_tools_make_is_told_as_blkid_tells_it() {
    for (number, maker) in MAKERS.iter().enumerate() {
        let path = scratch(&number.to_string(), 320 << 20);
        run(maker, &path);
        let value = |tag: &str| run(&format!("blkid -c /dev/null -p -s {tag} -o value IT || true"), &path);
        let kind = value("TYPE");
        let kind = if kind == "ext2" { "ext4".into() } else { kind };
        let expected = (kind, value("UUID").to_lowercase(), value("LABEL"));
        let head = Head::read(File::open(&path).unwrap().as_fd()).unwrap();
        assert_eq!(told(&head), expected, "{maker}");
        let image = matches!(expected.0.as_str(), "ext4" | "erofs" | "squashfs");
        assert_eq!(head.image() == c"", !image, "{maker}");
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn partitions_are_told_as_blkid_tells_them() {
    let gpt = "label: gpt\\nsize=1MiB\\nsize=2MiB\\n";
    for (name, table) in [("gpt", gpt), ("mbr", "label: dos\\n,1M\\n,1M,E\\n,1M\\n"), ("none", "")] {
        let path = scratch(name, 16 << 20);
        if !table.is_empty() {
            run(&format!("printf '{table}' | sfdisk -q IT"), &path);
        }
        for number in 1..=2 {
            let mut id = Names::new();
            partition(File::open(&path).unwrap().as_fd(), number, &mut id).unwrap();
            let expected = run(&format!("sfdisk --part-uuid IT {number} 2>/dev/null || true"), &path).to_lowercase();
            let expected = match name {
                "mbr" => format!("{}-0{number}", &run("sfdisk --disk-id IT", &path)[2..]),
                _ => expected,
            };
            assert_eq!(line(&id, "PARTUUID="), expected, "{name} {number}");
        }
        std::fs::remove_file(path).unwrap();
    }
}

/// A table that points far behind the disk, a partition's number that no table has, and noise behind every magic number.
#[test]
fn hostile_bytes_do_no_harm() {
    let path = scratch("hostile", 1 << 20);
    let file = File::options().read(true).write(true).open(&path).unwrap();
    let mut block = [0xff; 512];
    block[..8].copy_from_slice(b"EFI PART");
    file.write_all_at(&block, 512).unwrap();
    for number in [0, 1, 5, u32::MAX] {
        let mut id = Names::new();
        let _refused = partition(file.as_fd(), number, &mut id);
        assert_eq!(id.len(), 0, "{number}");
    }
    for row in MAGIC {
        for fill in [0u8, 0x41, 0xff] {
            let mut head = Head([fill; _]);
            head.0[row.at.into()..][..row.magic.len()].copy_from_slice(row.magic);
            let (kind, uuid, label) = told(&head);
            assert!(!kind.is_empty() && uuid.len() <= 36 && label.len() <= 3 * 255, "{kind} {uuid} {label}");
        }
    }
    std::fs::remove_file(path).unwrap();
}
