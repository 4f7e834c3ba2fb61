//! Bad input, as one table: a command line, its exit status, and what its one sentence must name. After each
//! row nothing may be left behind, which is counted in a private world (common/world.rs).
//! (A host name with a NUL is not here: no command line can hold one.)

mod common;
use common::world;
use common::{Scratch, contain, finish};

/// Each line runs under bash in a directory made by `fixtures`, with ./rootfs and `contain` on PATH. The words
/// between bars must all be in the message.
const TABLE: &[(&str, i32, &str)] = &[
    // The command line as such.
    ("contain", 2, "run"),
    ("contain rum true", 2, "rum|run"),
    ("contain help nosuch", 2, "nosuch"),
    ("contain run", 2, "command"),
    ("contain run --", 2, "command"),
    ("contain run ./rootfs", 2, "command"),
    ("contain run --memroy 64M true", 2, "--memroy|--memory"),
    ("contain run --hostnam=x true", 2, "--hostnam|--hostname"),
    ("contain run --readonly true", 2, "--readonly|--read-only"),
    ("contain run -Z true", 2, "-Z"),
    ("contain run --zzzzzzzzz true", 2, "--zzzzzzzzz"),
    ("contain run --quiet=yes true", 2, "--quiet|yes"),
    ("contain run --memory", 2, "--memory"),
    ("contain run -m", 2, "-m"),
    ("contain run --rootfs", 2, "--rootfs"),
    ("contain run --timeout=", 2, "--timeout"),
    ("contain run $'--mem\\xffory' 1 true", 2, "no such option"),
    ("contain --versio", 2, "--versio|--version"),
    ("contain run '' true", 2, "empty"),
    // Sizes and numbers.
    ("contain run --memory 0 true", 2, "--memory|0"),
    ("contain run --memory -1 true", 2, "--memory|-1"),
    ("contain run --memory 64Q true", 2, "--memory|64Q"),
    ("contain run --memory 1e9 true", 2, "--memory|1e9"),
    ("contain run --memory '' true", 2, "--memory"),
    ("contain run --memory 99999999999G true", 2, "--memory|99999999999G"),
    ("contain run --memory 64MB5 true", 2, "--memory|64MB5"),
    ("contain run --memory ' 64M' true", 2, "--memory| 64M"),
    ("contain run --memory 0.5G true", 2, "--memory|0.5G"),
    ("contain run -m64Q true", 2, "64Q"),
    ("contain run $'--memory=\\xff' true", 2, "--memory"),
    ("contain run --memory-swap x true", 2, "--memory-swap|x"),
    ("contain run --memory-high 0 true", 2, "--memory-high|0"),
    ("contain run --cpu 0 true", 2, "--cpu|0"),
    ("contain run --cpu abc true", 2, "--cpu|abc"),
    ("contain run --cpu '1 2 3' true", 2, "--cpu|1 2 3"),
    ("contain run --cpu '50000 0' true", 2, "--cpu|50000 0"),
    ("contain run --cpu '' true", 2, "--cpu"),
    ("contain run --cpu -5 true", 2, "--cpu|-5"),
    ("contain run --cpus 0 true", 2, "--cpus|0"),
    ("contain run --cpus half true", 2, "--cpus|half"),
    ("contain run --cpus -1 true", 2, "--cpus|-1"),
    ("contain run --cpus 0.0000001 true", 2, "--cpus|0.0000001"),
    ("contain run --cpus nan true", 2, "--cpus|nan"),
    ("contain run --pids -1 true", 2, "--pids|-1"),
    ("contain run --pids 0 true", 2, "--pids|0"),
    ("contain run --pids many true", 2, "--pids|many"),
    ("contain run --pids 99999999999999999999 true", 2, "--pids|99999999999999999999"),
    ("contain run --cpu-weight heavy true", 2, "--cpu-weight|heavy"),
    ("contain run --cpuset '' true", 2, "--cpuset"),
    ("contain run --cpuset 0-x true", 2, "--cpuset|0-x"),
    ("contain run --cpuset 3-1 true", 2, "--cpuset|3-1"),
    ("contain run --timeout 0 true", 2, "--timeout|0"),
    ("contain run --timeout soon true", 2, "--timeout|soon"),
    ("contain run --timeout 5parsecs true", 2, "--timeout|5parsecs"),
    ("contain run --timeout -1s true", 2, "--timeout|-1s"),
    ("contain run -m 4096 true", 137, "out of memory|limit 4K"),
    // Names and words.
    ("contain run --hostname $(printf %065d 0) true", 2, "--hostname|64"),
    ("contain run --hostname a/b true", 2, "--hostname|a/b"),
    ("contain run --hostname '' true", 2, "--hostname"),
    ("contain run --net bridge true", 2, "--net|bridge|none|host"),
    ("contain run --pid none true", 2, "--pid|none|private|host"),
    ("contain run --ipc '' true", 2, "--ipc|private|host"),
    ("contain run --uts new true", 2, "--uts|new|host"),
    ("contain run --env =x true", 2, "--env|=x"),
    ("contain run -e '' true", 2, "-e"),
    ("contain run --env-file nosuch true", 125, "--env-file|nosuch|ENOENT"),
    ("contain run --env-file . true", 125, "--env-file|EISDIR"),
    ("contain run --env-file badvars true", 125, "--env-file|badvars|3"),
    ("contain run -w tmp true", 2, "--workdir|tmp"),
    ("contain run -w /nowhere true", 125, "/nowhere|ENOENT"),
    ("contain run -w /etc/passwd true", 125, "/etc/passwd|ENOTDIR"),
    ("contain run -u nobodyknows true", 125, "nobodyknows|/etc/passwd"),
    ("contain run -u root:nogroupknows true", 125, "nogroupknows|/etc/group"),
    ("contain run -u '' true", 2, "--user"),
    ("contain run -u 1:2:3 true", 2, "--user|1:2:3"),
    ("contain run -u 4294967296 true", 2, "--user|4294967296"),
    // The root file system.
    ("contain run --rootfs nosuch true", 125, "nosuch|ENOENT"),
    ("contain run --rootfs afile true", 125, "afile|ENOTDIR"),
    ("contain run --rootfs '' true", 2, "--rootfs"),
    ("contain run --rootfs / true", 125, "rootfs /|own root"),
    ("contain run --rootfs slash true", 125, "slash|own root"),
    ("contain run --rootfs ../../../../../../../.. true", 125, "own root"),
    ("contain run --rootfs empty true", 125, "empty|bin"),
    ("contain run --rootfs nothing true", 125, "nothing|bin|usr|etc"),
    ("contain run --rootfs loop true", 125, "loop|ELOOP"),
    ("contain run --rootfs r.tar true", 125, "r.tar|archive|mkdir rootfs && tar -xf r.tar -C rootfs"),
    ("contain run --rootfs cut true", 125, "mount the squashfs|cut|EIO|damaged or cut off"),
    ("contain run --rootfs rootfs --rootfs nosuch true", 125, "nosuch|ENOENT"),
    ("contain run --rootfs rootfs --rootfs rootfs/. true", 125, "mount overlay|ELOOP|lies in another"),
    ("contain run --rootfs rootfs --rootfs afile true", 125, "afile|ENOTDIR|squashfs"),
    ("contain run --overlay= true", 2, "--overlay|empty"),
    ("contain run --overlay=afile true", 125, "--overlay|afile|ENOTDIR"),
    ("contain run --overlay=rootfs/upper true", 125, "--overlay|rootfs/upper|ELOOP|beside it"),
    ("contain run --overlay=nosuch/upper true", 125, "--overlay|nosuch/upper|ENOENT"),
    ("strace -f -o /dev/null -e inject=mount:error=ENODEV:when=2 contain run --overlay true", 125, "overlay|modprobe"),
    ("strace -f -o /dev/null -e inject=mount:error=EPERM:when=2 contain run --overlay true", 125, "overlay|Linux 5.11"),
    (
        "unshare -m sh -c 'cd empty && mount -t tmpfs t . && cd ../empty && mkdir u w m && mount -t overlay \
         -o lowerdir=../nothing,upperdir=u,workdir=w o m && contain run --rootfs ../rootfs --overlay=m/x true'",
        125,
        "mount overlay|EINVAL|choose another --overlay=DIR",
    ),
    ("contain run --rootfs noexec true", 125, "rootfs noexec|mounted noexec"),
    ("contain run --rootfs readonly true", 125, "/proc|EROFS"),
    ("contain run --rootfs $(printf %05000d 0) true", 125, "ENAMETOOLONG"),
    ("CONTAIN_ROOTFS=/nowhere contain run true", 125, "/nowhere|CONTAIN_ROOTFS"),
    ("cd empty && contain run true", 125, "./rootfs|--rootfs"),
    (
        "setpriv --bounding-set=-dac_override,-dac_read_search contain run --rootfs locked/in true",
        125,
        "locked/in|EACCES",
    ),
    // The command.
    ("contain run nosuch", 127, "nosuch"),
    ("contain run /bin/nosuch", 127, "/bin/nosuch|not found"),
    ("contain run ./nosuch", 127, "./nosuch"),
    ("contain run --rootfs rootfs /etc", 126, "/etc|directory"),
    ("contain run /etc/passwd", 126, "/etc/passwd|not executable"),
    ("contain run plain", 126, "plain|executable"),
    ("contain run /etc/passwd/x", 127, "/etc/passwd/x"),
    ("contain run wrongarch", 126, "wrongarch|FOREIGN|HERE"),
    ("contain run garbage", 126, "garbage|neither an ELF program nor a script"),
    ("contain run badscript", 127, "badscript|/no/such/interpreter"),
    ("contain run badscript2", 127, "badscript2|/usr/bin/env"),
    ("contain run dynamic", 127, "dynamic|ld-"),
    ("contain run $'\\xff'", 127, "not found"),
    // Volumes and tmpfs.
    ("contain run -v /usr true", 2, "--volume|/usr"),
    ("contain run -v /usr:mnt true", 2, "--volume|mnt"),
    ("contain run -v :/mnt true", 2, "--volume|:/mnt"),
    ("contain run -v /usr: true", 2, "--volume|/usr:"),
    ("contain run -v /usr:/ true", 2, "--volume|/usr:/"),
    ("contain run -v /usr:/mnt:loud true", 2, "--volume|loud"),
    ("contain run -v /no/such:/mnt true", 125, "/no/such|ENOENT"),
    ("contain run -v /usr:/etc/passwd/x true", 125, "/etc/passwd|ENOTDIR"),
    ("contain run -v /usr:/etc/passwd true", 125, "/etc/passwd"),
    ("contain run -v /etc/passwd:/etc true", 125, "/etc"),
    ("contain run -v /usr:/loops/x true", 125, "/loops|ELOOP"),
    ("contain run -v /usr:/mnt:size=1 true", 2, "--volume|size=1|known are|rslave"),
    ("contain run -v /usr:/mnt:ro=maybe true", 2, "--volume|ro=maybe|ro=false"),
    ("contain run -v /usr:/mnt:slave true", 125, "/usr|private|mount --make-shared"),
    ("contain run --mount type=volume,src=a,dst=/b true", 2, "--mount|volume|bind and tmpfs"),
    ("contain run --mount type=bind,dst=/b true", 2, "--mount|no source"),
    ("contain run --mount type=tmpfs,dst=b true", 2, "--mount|not absolute"),
    ("contain run --mount src=/usr,dst=/b,colour=red true", 2, "--mount|colour=red|bind-propagation="),
    ("contain run --mount src=/usr,dst=/b,bind-propagation=ro true", 2, "--mount|bind-propagation=ro|slave"),
    ("contain run --mount type=tmpfs,dst=/b,tmpfs-size true", 2, "--mount|tmpfs-size"),
    ("contain run --tmpfs mnt true", 2, "--tmpfs|mnt"),
    ("contain run --tmpfs /mnt:size=64Q true", 125, "tmpfs on /mnt|size=64Q|EINVAL"),
    ("contain run --tmpfs /mnt:colour=red true", 2, "--tmpfs|colour"),
    ("contain run --tmpfs /etc/passwd true", 125, "/etc/passwd"),
    ("contain run --rootfs full -v /usr:/new/place true", 125, "/new|ENOSPC"),
    // Who we are and what the kernel has.
    ("contain run --userns remap true", 2, "--userns remap|host, auto, keep-id"),
    ("contain run --uidmap 0:1 true", 2, "--uidmap 0:1|INSIDE:OUTSIDE:COUNT"),
    ("contain run --gidmap 0:1:0 true", 2, "--gidmap 0:1:0|INSIDE:OUTSIDE:COUNT"),
    ("contain run --uidmap 0:5:1 --uidmap 0:6:1 true", 2, "--uidmap 0:6:1|earlier"),
    ("contain run --uidmap 0:5:1 --userns host true", 2, "--userns|--uidmap|exclude"),
    ("contain run --uidmap 1:5:1 true", 2, "--uidmap|map id 0"),
    ("contain run --uidmap 0:100000:5 -u 5 true", 125, "--user: user 5|0:100000:5"),
    ("unshare -m sh -c 'umount -a -t cgroup,cgroup2 && contain run -m 64M true'", 125, "--memory|cgroup|mount"),
    ("unshare -m sh -c 'umount -a -t cgroup,cgroup2 && contain run --pids 5 true'", 125, "--pids|cgroup|mount"),
    ("strace -f -o /dev/null -e inject=fsopen:error=ENOSYS contain run true", 125, "ENOSYS|Linux 5.9"),
    ("strace -f -o /dev/null -e inject=clone3:error=EINVAL contain run true", 125, "namespace|EINVAL"),
    ("strace -f -o /dev/null -e inject=clone3:error=ENOSPC contain run true", 125, "namespace|ENOSPC"),
    ("strace -f -o /dev/null -e inject=clone3,clone:error=EPERM contain run true", 125, "namespace|EPERM"),
    ("strace -f -o /dev/null -e inject=pivot_root:error=EINVAL contain run true", 125, "pivot|EINVAL"),
    ("strace -f -o /dev/null -e inject=sethostname:error=EPERM contain run true", 125, "hostname|EPERM"),
    // Where our own words go.
    ("contain --help >/dev/full", 125, "ENOSPC|standard output"),
    ("contain run --help >&-", 125, "standard output is closed"),
    ("contain --version >&-", 125, "standard output is closed"),
    ("contain check >/dev/full", 125, "ENOSPC|standard output"),
    ("contain run true >&-", 125, "standard output is closed|/dev/null"),
    ("contain run --dry-run true >/dev/full", 125, "ENOSPC|standard output"),
    ("contain run --dry-run true >&-", 125, "standard output is closed"),
];

/// Rows that must succeed, at the very edge of those that must not, or whose failure is the command's own.
const EDGES: &[(&str, i32, &str)] = &[
    ("contain run --hostname $(printf %064d 0) hostname | wc -c", 0, "65\n"),
    ("contain run --cpu '1000 100000' echo ok", 0, "ok\n"),
    ("contain run --pids 1 echo ok", 0, "ok\n"),
    ("contain run sh -c 'echo x; exit $?' >/dev/full", 1, ""),
    ("contain run true 2>&- <&-", 0, ""),
    ("contain run true 2>/dev/full", 0, ""),
    ("contain run --verbose sh -c 'exit 4' 2>/dev/full", 4, ""),
    ("contain run --verbose sh -c 'exit 4' 2>&-", 4, ""),
    ("contain run nosuch 2>/dev/full", 127, ""),
    ("contain run nosuch 2>&-", 127, ""),
    ("unshare -m sh -c 'umount -l /proc && contain run echo ok'", 0, "ok\n"),
    ("unshare -m sh -c 'umount -a -t cgroup,cgroup2 && contain run echo ok'", 0, "ok\n"),
];

const FIXTURES: &str = r##"set -e
chmod 755 . rootfs
echo text > afile
printf 'A=1\n\n=x\n' > badvars
ln -s / slash; ln -s loop loop
tar -cf r.tar afile; printf 'hsqs%0200d' 0 > cut
mkdir empty nothing nothing/srv locked locked/in locked/in/bin noexec readonly full
chmod 0 locked
printf '#!/no/such/interpreter -x\n' > rootfs/bin/badscript
printf '#!/usr/bin/env python\n' > rootfs/bin/badscript2; rm -f rootfs/usr/bin/env rootfs/bin/env
echo plain > rootfs/bin/plain
head -c 100 /dev/zero > rootfs/bin/garbage
cp /usr/bin/true rootfs/bin/dynamic
chmod +x rootfs/bin/badscript rootfs/bin/badscript2 rootfs/bin/garbage
ln -s loops rootfs/loops
mount -t tmpfs -o noexec noexec noexec; cp -a rootfs/. noexec
cp -a rootfs/. readonly; rmdir readonly/proc; mount --bind readonly readonly; mount -o remount,bind,ro readonly
mount -t tmpfs -o nr_inodes=1000 full full; cp -a rootfs/. full; mkdir full/f; i=0
while (: > full/f/$i) 2>/dev/null; do i=$((i+1)); done
"##;

fn shell(here: &Scratch, line: &str) -> common::Out {
    let mut command = std::process::Command::new("bash");
    let path = format!("{}:{}", here.at("bin"), std::env::var("PATH").unwrap());
    command.arg("-c").arg(line).current_dir(here.path()).env("PATH", path).env_remove("CONTAIN_ROOTFS");
    command.stdin(std::process::Stdio::null());
    finish(command)
}

fn desk() -> Scratch {
    let here = Scratch::new();
    here.root("rootfs");
    here.executable("bin/contain", std::fs::read(contain()).unwrap());
    // A program for the other of the two machines contain is built for, and its name there.
    here.executable("rootfs/bin/wrongarch", common::elf(if cfg!(target_arch = "x86_64") { 183 } else { 62 }, &[0; 8]));
    let done = shell(&here, FIXTURES);
    assert_eq!(done.code, 0, "the fixtures: {done:?}");
    here
}

#[test]
fn bad_input_is_refused_in_one_sentence_and_leaves_nothing() {
    if !world::entered("bad_input_is_refused_in_one_sentence_and_leaves_nothing") {
        return;
    }
    let here = desk();
    let root = here.path().join("rootfs");
    let trees = [root.as_path(), here.path()];
    // The first one that is written down makes the directory of containers, which stays.
    assert_eq!(shell(&here, "contain run --keep true && contain prune >/dev/null").code, 0);
    let mut before = world::traces(&trees);
    let foreign = if cfg!(target_arch = "x86_64") { "aarch64" } else { "x86_64" };
    let mut wrong = Vec::new();
    for (line, code, words) in TABLE {
        let got = shell(&here, line);
        let words = words.replace("FOREIGN", foreign).replace("HERE", std::env::consts::ARCH);
        let missing: Vec<&str> = words.split('|').filter(|word| !got.err.contains(word)).collect();
        let mut lines = got.err.lines();
        let sentence = lines.next().is_some_and(|first| first.starts_with("contain: ") && first.len() > 20);
        let rest = lines.all(|line| line.starts_with("hint: "));
        let panicked = got.err.contains("panicked");
        if got.code != *code || !missing.is_empty() || !sentence || !rest || panicked || !got.out.is_empty() {
            wrong.push(format!(
                "{line}\n    wanted {code}, naming {words:?}; got {} {:?} {}",
                got.code, got.out, got.err
            ));
        }
        if let Some(left) = world::left_since(&before, &trees) {
            wrong.push(format!("{line}\n    left {left}"));
            before = world::traces(&trees);
        }
    }
    for (line, code, out) in EDGES {
        let got = shell(&here, line);
        if got.code != *code || got.out != *out || got.err.contains("panicked") {
            wrong.push(format!("{line}\n    wanted {code} {out:?}; got {} {:?} {}", got.code, got.out, got.err));
        }
        if let Some(left) = world::left_since(&before, &trees) {
            wrong.push(format!("{line}\n    left {left}"));
            before = world::traces(&trees);
        }
    }
    for mount in ["noexec", "readonly", "full"] {
        assert_eq!(shell(&here, &format!("umount {mount}")).code, 0);
    }
    assert!(wrong.is_empty(), "{} rows are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
