//! The inits that are compared, and the tree of an initramfs for each.

use crate::Result;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};

pub struct Init {
    pub name: &'static str,
    way: Way,
}

enum Way {
    Contain,
    /// busybox init, with the lines of Buildroot's inittab that concern mounts.
    Busybox,
    /// A shell script as /init, which ends as this program where one is named.
    Script(&'static str),
}

pub const ALL: &[Init] = &[
    Init { name: "contain", way: Way::Contain },
    Init { name: "busybox init", way: Way::Busybox },
    Init { name: "shell script", way: Way::Script("") },
    Init { name: "tini", way: Way::Script("/usr/bin/tini-static") },
    Init { name: "catatonit", way: Way::Script("/usr/bin/catatonit") },
    Init { name: "dumb-init", way: Way::Script("/usr/bin/dumb-init") },
];

const INITTAB: &str = "\
::sysinit:/bin/mount -t devtmpfs devtmpfs /dev
::sysinit:/bin/mount -t proc proc /proc
::sysinit:/bin/mkdir -p /dev/pts /dev/shm /dev/mqueue
::sysinit:/bin/mount -a
::wait:/stamp
::once:/sbin/poweroff
";

/// What the script does: the same, and at the end it powers off at once, with nothing asked to end.
const SCRIPT: &str = "\
#!/bin/sh
mount -t devtmpfs devtmpfs /dev
mount -t proc proc /proc
mkdir -p /dev/pts /dev/shm /dev/mqueue
mount -a
";

/// The workload, compiled.
pub fn compile(repo: &Path, work: &Path) -> Result<PathBuf> {
    let stamp = work.join("stamp");
    let mut compiler = Command::new("musl-gcc");
    compiler.args(["-static", "-Os", "-s", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&stamp);
    run(compiler.arg(repo.join("benches/boot/stamp.c")))?;
    Ok(stamp)
}

/// Makes the tree of an init's initramfs. The mounts are lines of /proc/mounts as contain's boot showed them.
pub fn lay(init: &Init, tree: &Path, contain: &Path, stamp: &Path, mounts: &[String]) -> Result<()> {
    // What an earlier run has left.
    let _none = fs::remove_dir_all(tree);
    make(tree)?;
    copy(stamp, &tree.join("stamp"))?;
    let script = |end: &str| write(&tree.join("init"), &[SCRIPT, end].concat(), 0o755);
    match init.way {
        Way::Contain => copy(contain, &tree.join("init")),
        Way::Busybox => {
            busybox(tree, mounts)?;
            write(&tree.join("etc/inittab"), INITTAB, 0o644)?;
            link("bin/busybox", &tree.join("init"))
        }
        Way::Script("") => {
            busybox(tree, mounts)?;
            script("/stamp\npoweroff -f\n")
        }
        Way::Script(program) => {
            busybox(tree, mounts)?;
            let own = Path::new(program);
            copy(own, &tree.join("reaper"))?;
            libraries(own, tree)?;
            script("exec /reaper -- /bin/sh -c '/stamp; poweroff -f'\n")
        }
    }
}

/// busybox with the few links that are used, and an fstab of all mounts but the two that come first.
fn busybox(tree: &Path, mounts: &[String]) -> Result<()> {
    for directory in ["bin", "sbin", "etc", "dev", "proc", "sys", "run", "tmp"] {
        make(&tree.join(directory))?;
    }
    copy(Path::new("/bin/busybox"), &tree.join("bin/busybox"))?;
    for applet in ["sh", "mount", "mkdir"] {
        link("busybox", &tree.join("bin").join(applet))?;
    }
    link("../bin/busybox", &tree.join("sbin/poweroff"))?;
    let lines = mounts.iter().filter_map(|line| {
        let [source, target, kind, options, ..] = line.split(' ').collect::<Vec<_>>()[..] else { return None };
        let first = ["/", "/dev", "/proc"].contains(&target);
        // What the kernel shows and takes from nobody.
        let options: Vec<&str> = options.split(',').filter(|one| !["relatime", "inode64"].contains(one)).collect();
        (!first).then(|| format!("{source} {target} {kind} {} 0 0\n", options.join(",")))
    });
    write(&tree.join("etc/fstab"), &lines.collect::<String>(), 0o644)
}

/// The libraries of a program that is not static.
fn libraries(program: &Path, tree: &Path) -> Result<()> {
    let out = Command::new("ldd").arg(program).output().map_err(|e| format!("ldd: {e}"))?;
    for word in String::from_utf8_lossy(&out.stdout).split_whitespace().filter(|word| word.starts_with('/')) {
        let to = tree.join(&word[1..]);
        make(to.parent().unwrap_or(tree))?;
        copy(&fs::canonicalize(word).map_err(|e| format!("{word}: {e}"))?, &to)?;
    }
    Ok(())
}

/// The tree as the machine gets it: as small as a kernel with CONFIG_XZ_DEC_X86 can unpack it.
pub fn pack(repo: &Path, tree: &Path) -> Result<PathBuf> {
    let packed = tree.with_extension("cpio.xz");
    let file = fs::File::create(&packed).map_err(|e| format!("create {}: {e}", packed.display()))?;
    let gzip = piped(Command::new(repo.join("initramfs/cpio")).arg(tree))?;
    let cpio = piped(Command::new("gzip").arg("-dc").stdin(gzip))?;
    run(Command::new("xz").args(["--check=crc32", "--x86", "--lzma2=preset=9e", "-c"]).stdin(cpio).stdout(file))?;
    Ok(packed)
}

fn piped(command: &mut Command) -> Result<ChildStdout> {
    let name = command.get_program().to_string_lossy().into_owned();
    let child = command.stdout(Stdio::piped()).spawn().map_err(|e| format!("{name}: {e}"))?;
    child.stdout.ok_or(format!("{name} has no output"))
}

fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{name} failed: {status}")),
        Err(e) => Err(format!("{name}: {e}; run: make setup")),
    }
}

fn make(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).map_err(|e| format!("create {}: {e}", directory.display()))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).map(drop).map_err(|e| format!("copy {}: {e}", from.display()))
}

fn link(target: &str, path: &Path) -> Result<()> {
    symlink(target, path).map_err(|e| format!("link {}: {e}", path.display()))
}

fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    fs::write(path, text).map_err(|e| format!("write {}: {e}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(|e| format!("chmod {}: {e}", path.display()))
}
