//! One boot of the initramfs in QEMU, and what its probe (tests/boot/NAME.sh) found: NAME=VALUE lines on a serial port of
//! its own. What is judged stands in boot.rs and its like.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The machine's architecture: tests/aarch64.rs compiles the boot tests once more, for that one.
pub fn arch() -> &'static str {
    if env!("CARGO_CRATE_NAME") == "aarch64" { "aarch64" } else { "x86_64" }
}

/// Where `make` puts what is for that architecture.
pub fn build() -> PathBuf {
    let build = Path::new(env!("CARGO_MANIFEST_DIR")).join("build");
    if arch() == "aarch64" { build.join("aarch64") } else { build }
}

/// A directory below target/ for what a file of tests makes for its boots. Each file has one of its own, for in
/// tests/aarch64.rs they run at the same time.
pub fn made(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(module_path!().replace("::", "-")).join(name);
    std::fs::create_dir_all(&directory).expect("a directory below target/");
    directory
}

/// One machine's life: what its probe found, what its console showed, and how qemu/run ended.
pub struct Boot {
    facts: HashMap<String, String>,
    pub console: String,
    pub status: i32,
}

/// Boots with `/bin/sh /NAME.sh first "second word"` as the command.
pub fn probe(name: &str, options: &[&str]) -> Boot {
    let script = format!("/{name}.sh");
    boot(&[options, &["--", "/bin/sh", &script, "first", "second word"]].concat())
}

/// Boots a machine that ends by its command.
pub fn boot(arguments: &[&str]) -> Boot {
    let (boot, errors) = boot_anyhow(arguments);
    assert_ne!(boot.status, 125, "no machine, or no status from it: {errors}\n{}", boot.console);
    boot
}

/// Boots a machine, whatever ends it: its status is 125 where init never told one. And what qemu/run said.
pub fn boot_anyhow(arguments: &[&str]) -> (Boot, String) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let repo = Path::new(env!("CARGO_MANIFEST_DIR"));
    check_fresh();
    let name = format!("facts-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let facts = made("facts").join(name);
    // The limit is a safety net for a machine that hangs; the longest boot takes a twentieth of it.
    let out = Command::new(repo.join("qemu/run"))
        .args(["--arch", arch(), "--limit", "900", "--facts"])
        .arg(&facts)
        .arg("--overlay")
        .arg(repo.join("tests/boot"))
        .arg("--overlay")
        .arg(&*COMPILED)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("qemu/run");
    let console = String::from_utf8_lossy(&out.stdout).replace('\r', "");
    let errors = String::from_utf8_lossy(&out.stderr).into_owned();
    let text = std::fs::read_to_string(&facts).unwrap_or_default();
    drop(std::fs::remove_file(&facts));
    let status = out.status.code().expect("qemu/run exits by itself");
    let facts = text.lines().filter_map(|line| line.trim_end().split_once('='));
    (Boot { facts: facts.map(|(name, value)| (name.into(), value.into())).collect(), console, status }, errors)
}

/// A directory with the probe that is written in C.
static COMPILED: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = made("boot");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/boot/probe.c");
    let name = if arch() == "aarch64" { "aarch64-linux-gnu-gcc" } else { "musl-gcc" };
    let mut compiler = Command::new(name);
    compiler.args(["-static", "-Os", "-s", "-o"]).arg(directory.join("probe")).arg(source);
    let status = compiler.status().expect("a C compiler, which `make setup` installs");
    assert!(status.success(), "{name} does not compile tests/boot/probe.c");
    directory
});

/// A forgotten `make initramfs` would test an old binary.
fn check_fresh() {
    let run = format!("run `make initramfs ARCH={}`, or `make test` for all", arch());
    let time = |name: &str| {
        let path = build().join(name);
        let found = std::fs::metadata(&path).and_then(|metadata| metadata.modified());
        found.unwrap_or_else(|error| panic!("{}: {error}: {run}", path.display()))
    };
    assert!(time("initramfs.cpio.gz") >= time("contain"), "the initramfs is old: {run}");
}

impl Boot {
    #[track_caller]
    pub fn fact(&self, name: &str) -> &str {
        self.facts.get(name).unwrap_or_else(|| panic!("no fact {name}; the console:\n{}", self.console))
    }

    pub fn has(&self, name: &str) -> bool {
        self.facts.contains_key(name)
    }

    #[track_caller]
    pub fn is(&self, name: &str, value: &str) {
        assert_eq!(self.fact(name), value, "{name}; the console:\n{}", self.console);
    }

    /// A command of the probe that ended well; its lines are joined with `|`.
    #[track_caller]
    pub fn output(&self, name: &str) -> &str {
        let err = self.fact(&format!("{name}.err"));
        assert_eq!((self.fact(&format!("{name}.status")), err), ("0", ""), "{name}");
        self.fact(&format!("{name}.out"))
    }

    /// A command of the probe that ended with `status` and a message that has these words.
    #[track_caller]
    pub fn fails(&self, name: &str, status: &str, words: &[&str]) {
        let err = self.fact(&format!("{name}.err"));
        assert_eq!(self.fact(&format!("{name}.status")), status, "{name}: {err}");
        for word in words {
            assert!(err.contains(word), "{name}: {word:?} is not in {err:?}");
        }
    }

    /// Processes, zombies, cgroups and mounts are what they were.
    #[track_caller]
    pub fn left_nothing(&self) {
        for kind in ["processes", "zombies", "leaves", "mounts"] {
            let (before, after) = (self.fact(&format!("before.{kind}")), self.fact(&format!("after.{kind}")));
            assert_eq!(before, after, "{kind} left behind");
        }
        self.is("after.zombies", "0");
        self.is("after.leaves", "0");
    }
}
