//! What -v, --tmpfs and --mount can be told: flags, what of a tree is shown, and what later mounts on either side do. That
//! mount targets cannot be turned against the host is in volumes.rs.

mod common;
use common::{Out, Scratch, host, sh};

/// A directory with another file system mounted below it, in a mount namespace that ends with the script. `$D` is the
/// directory, `$D/src` a file system that tells of its mounts.
fn in_tree(script: &str) -> Out {
    let here = Scratch::new();
    here.root("root");
    let prelude = format!(
        "set -e; D={}; mount --make-rprivate /; mkdir $D/src; mount -t tmpfs src $D/src; mount --make-shared $D/src
        mkdir $D/src/sub $D/src/late $D/src/back; mount -t tmpfs sub $D/src/sub; touch $D/src/sub/deep; mkfifo $D/src/go $D/src/end
        contain() {{ {} run --rootfs $D/root \"$@\"; }}\n",
        here.path().display(),
        common::contain().display()
    );
    let file = here.file("script", prelude + script);
    host(&format!("unshare -m bash {}", file.display()))
}

#[test]
fn every_spelling_of_a_mount_does_the_same() {
    let here = Scratch::new();
    here.file("a b/file", "data\n");
    let of = |flags: &[&str]| {
        let flags: Vec<_> = flags.iter().map(|flag| flag.replace("SRC", &here.at("a b"))).collect();
        let flags: Vec<_> = flags.iter().map(String::as_str).collect();
        let show =
            "cat /mnt/file 2>/dev/null; grep ' /mnt ' /proc/self/mountinfo | cut -d' ' -f6,9 | sed s/,relatime//";
        sh(&flags, show).text().to_string()
    };
    for (ways, wanted) in [
        (
            &["-v|SRC:/mnt:ro,noexec", "--mount|type=bind,source=SRC,target=/mnt,readonly,noexec"][..],
            "data\nro,noexec ",
        ),
        (
            &["-v|SRC:/mnt:nosuid,nodev,ro,rw", "--mount|dst=/mnt,src=SRC,nosuid,nodev=true,ro=false"],
            "data\nrw,nosuid,nodev ",
        ),
        (&["-v|SRC:/mnt:suid,dev,exec,rbind,rprivate", "--mount|destination=/mnt,src=SRC"], "data\nrw "),
        (&["--tmpfs|/mnt:size=1m", "--mount|type=tmpfs,target=/mnt,tmpfs-size=1m"], "rw,nosuid,nodev tmpfs"),
        (&["--tmpfs|/mnt:suid,dev,noexec,ro", "--mount|dst=/mnt,type=tmpfs,suid,dev,noexec,ro"], "ro,noexec tmpfs"),
    ] {
        for way in ways {
            let flags: Vec<_> = way.split('|').collect();
            let got = of(&flags);
            assert!(got.starts_with(wanted), "{way}: wanted {wanted:?}, got {got:?}");
        }
    }
    sh(
        &["--mount", "type=tmpfs,dst=/mnt,tmpfs-mode=1700,tmpfs-size=64k"],
        "stat -c %a /mnt; df -k /mnt | awk 'END{print $2}'",
    )
    .is(0, "1700\n64\n");
}

#[test]
fn a_bind_alone_hides_what_is_mounted_below() {
    for (value, wanted) in [
        ("-v $D/src:/mnt", "deep\n"),
        ("-v $D/src:/mnt:rbind", "deep\n"),
        ("-v $D/src:/mnt:bind", ""),
        ("--mount src=$D/src,dst=/mnt,bind-nonrecursive", ""),
        // Both kinds side by side, and each its own source.
        ("-v $D/src/sub:/a -v $D/src:/mnt:slave,bind -v $D/src/sub:/b:shared", ""),
    ] {
        in_tree(&format!("contain {value} ls /mnt/sub")).is(0, wanted);
    }
    in_tree("contain -v $D/src:/a -v $D/src/sub:/b:slave -v $D:/c -v $D/src/late:/d:shared sh -c 'ls -d /a/go /b/deep /c/src /d'")
        .is(0, "/a/go\n/b/deep\n/c/src\n/d\n");
}

/// The host mounts something, and so does somebody inside; each says who sees the other's.
#[test]
fn propagation_is_as_asked_for() {
    let script = |option: &str| {
        format!(
            "coproc contain -v $D/src:/mnt:{option} sh -c 'echo $$; read x </mnt/go; ls /mnt/late; read x </mnt/end'
            read line <&${{COPROC[0]}}; mount -t tmpfs late $D/src/late; touch $D/src/late/from-host
            for p in /proc/[0-9]*; do
                if [ $p/ns/mnt -ef /proc/self/ns/mnt ] || ! grep -q ' /mnt/sub ' $p/mountinfo 2>/dev/null; then continue; fi
                nsenter --mount=$p/ns/mnt /bin/busybox mount -t tmpfs back /mnt/back
            done
            exec 3<&${{COPROC[0]}}
            echo >$D/src/go; if [ {option} != private ]; then read line <&3; echo $line; fi
            if grep -q $D/src/back /proc/self/mountinfo; then echo from-inside; fi; echo >$D/src/end; wait
            "
        )
    };
    for (option, wanted) in [
        ("private", ""),
        ("slave", "from-host\n"),
        ("rslave", "from-host\n"),
        ("ro,shared", "from-host\nfrom-inside\n"),
        ("rshared", "from-host\nfrom-inside\n"),
    ] {
        let got = in_tree(&script(option));
        assert!(got.code == 0 && got.out == wanted, "{option}: {got:?}");
    }
    // Where the host tells nobody, to ask for it is a mistake.
    for option in ["slave", "shared"] {
        in_tree(&format!("mount --make-rprivate $D/src; contain -v $D/src:/mnt:{option} true"))
            .fails(125, &["/src", "private", "mount --make-shared"]);
    }
    // What hears of others can be passed on so.
    in_tree("mount --make-slave $D/src; mount --make-shared $D/src; contain -v $D/src:/mnt:slave echo fine")
        .is(0, "fine\n");
}
