//! Images as people have them, with contain in place of their init: a Debian of debootstrap with services, and a busybox root with
//! the inittab of Buildroot. They boot, run and shut down, and their disks are clean (tests/boot/image.sh).

mod common;

use std::path::Path;
use std::sync::LazyLock;

use common::disk::{disk, is_clean, shell, tree};
use common::machine::{Boot, arch, boot, build, made};

const MODULES: [&str; 2] = ["--modules", "nvme ext4"];

const CONF: &str = "
hostname debian
mount tmpfs /srv size=1m
task page -- /bin/sh -c 'echo served >/srv/page'
service web after=page user=www-data restart=on-failure backoff=1s..5s -- /usr/bin/python3 -m http.server --directory /srv 8000
service cron restart=always -- /bin/sh -c 'while :; do date >>/var/log/ticks; sleep 1; done'
exec /bin/sh /image.sh
";

static DEBIAN: LazyLock<(String, Boot)> = LazyLock::new(|| {
    // Its programs are this machine's: an aarch64 gets the busybox root with the same settings.
    let (root, made) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("build/debian"), made("trees"));
    let tree = match arch() {
        "x86_64" => {
            let (tree, build, probes) = (made.join("debian"), build(), "tests/boot");
            shell(&format!(
                "tree={}; rm -rf $tree; cp -a {} $tree; rm -rf $tree/var/cache/apt/* $tree/usr/share/doc
                 cp {}/contain $tree/usr/sbin/init; cp {}/{probes}/*.sh $tree; printf \"{CONF}\" >$tree/etc/contain.conf",
                tree.display(),
                root.display(),
                build.display(),
                env!("CARGO_MANIFEST_DIR"),
            ));
            tree
        }
        _ => {
            let conf = CONF
                .replace("/usr/bin/python3 -m http.server --directory /srv 8000", "/usr/sbin/httpd -f -p 8000 -h /srv");
            let conf = conf.replace("www-data", "nobody").replace('\n', "\\n");
            tree(
                "debian",
                &format!(
                    "mkdir var/log; rm -f sbin/init; ln -s ../bin/contain sbin/init; printf \"{conf}\" >etc/contain.conf"
                ),
            )
        }
    };
    let disk = disk("debian", 512, &tree, "mkfs.ext4 -q -L debian -d TREE IT");
    let words = ["--memory", "512M", "--disk", &disk, "--words", "root=LABEL=debian rw"];
    let boot = boot(&[&MODULES[..], &words].concat());
    (disk, boot)
});

#[test]
fn a_debian_boots_with_its_services() {
    let (_, boot) = &*DEBIAN;
    assert!(boot.fact("root").starts_with("ext4 /dev/nvme0n1 rw"), "{}", boot.fact("root"));
    boot.is("hostname", "debian");
    boot.is("page", "served");
    boot.is("ticks", "0");
    for service in ["web", "cron"] {
        assert!(boot.fact("services").contains(service), "{}", boot.fact("services"));
    }
    assert_eq!(boot.status, 0, "{}", boot.console);
}

#[test]
fn a_debian_shuts_down_clean() {
    is_clean(&DEBIAN.0);
}

/// Buildroot's, but that what is respawned is no getty.
const INITTAB: &str = r"
# /etc/inittab
::sysinit:/bin/mount -t proc proc /proc
::sysinit:/bin/mount -o remount,rw /
::sysinit:/bin/mkdir -p /dev/pts /dev/shm
::sysinit:/bin/mount -a
::sysinit:/bin/mkdir -p /run/lock/subsys
::sysinit:/sbin/swapon -a
null::sysinit:/bin/ln -sf /proc/self/fd /dev/fd
::sysinit:/bin/hostname -F /etc/hostname
::sysinit:/etc/init.d/rcS
::respawn:/bin/sh /image.sh
::ctrlaltdel:/sbin/reboot
::shutdown:/etc/init.d/rcK
::shutdown:/sbin/swapoff -a
::shutdown:/bin/umount -a -r
";

const FSTAB: &str = r"
/dev/root / ext2 rw,noauto 0 1
proc /proc proc defaults 0 0
tmpfs /mnt tmpfs mode=1777 0 0
";

static BUILDROOT: LazyLock<(String, Boot)> = LazyLock::new(|| {
    let change = format!(
        "rm -f sbin/init sbin/poweroff; ln -s ../bin/contain sbin/init; ln -s ../bin/contain sbin/poweroff
         echo buildroot >etc/hostname; mkdir -p etc/init.d
         cat >etc/inittab <<'END'\n{INITTAB}\nEND
         cat >etc/fstab <<'END'\n{FSTAB}\nEND
         printf '#!/bin/sh\necho up >/run/rcS\n' >etc/init.d/rcS
         printf '#!/bin/sh\necho down >/rcK\n' >etc/init.d/rcK; chmod 755 etc/init.d/*"
    );
    let disk = disk("buildroot", 64, &tree("buildroot", &change), "mkfs.ext4 -q -d TREE IT");
    let boot = boot(&[&MODULES[..], &["--disk", &disk, "--words", "root=/dev/nvme0n1"]].concat());
    (disk, boot)
});

#[test]
fn an_image_of_buildroots_boots_by_its_inittab() {
    let (_, boot) = &*BUILDROOT;
    assert!(boot.fact("root").starts_with("ext4 /dev/nvme0n1 rw"), "{}", boot.fact("root"));
    boot.is("hostname", "buildroot");
    boot.is("rcS", "up");
    boot.is("mnt", "1");
    assert_eq!(boot.status, 0, "{}", boot.console);
}

#[test]
fn an_image_of_buildroots_shuts_down_by_its_inittab() {
    let disk = &BUILDROOT.0;
    is_clean(disk);
    assert_eq!(shell(&format!("debugfs -R 'cat /rcK' {disk} 2>/dev/null")), "down\n");
}
