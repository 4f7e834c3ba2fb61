//! What the root tests share: where the binary and its root file system are, how a command line is run to
//! its end, and a directory that goes away with its test. The pseudo terminal is in pty.rs, the private
//! world in which leftovers are counted in world.rs. Nothing here knows how contain works.
#![allow(dead_code)] // Each test file uses its own part of this module.

pub mod detached;
pub mod disk;
pub mod filter;
pub mod golden;
pub mod home;
pub mod json;
pub mod killer;
pub mod machine;
pub mod ordinary;
pub mod podmans;
pub mod printing;
pub mod probe;
pub mod pty;
pub mod wire;
pub mod world;
pub mod written;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// A hang must fail, not stall the suite; nothing here normally takes a tenth of this.
const PATIENCE: Duration = Duration::from_secs(40);

/// The binary under test, after checking once that the tests can run at all.
pub fn contain() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let path = place("CONTAIN", "build/contain");
        assert!(path.is_file(), "{} is missing: `make test` as root builds it", path.display());
        assert!(rustix::process::geteuid().is_root(), "the tests make containers: run `make test` as root");
        path
    })
}

/// The shared busybox root file system. Tests only read it; one that writes takes `Scratch::root`.
pub fn rootfs() -> &'static str {
    static ROOTFS: OnceLock<String> = OnceLock::new();
    ROOTFS.get_or_init(|| {
        let path = place("CONTAIN_TEST_ROOTFS", "build/rootfs");
        assert!(
            path.join("bin/sh").exists(),
            "{} is no root file system: `make test` as root builds it",
            path.display()
        );
        path.into_os_string().into_string().expect("the path is UTF-8")
    })
}

pub fn place(variable: &str, default: &str) -> PathBuf {
    let path = std::env::var_os(variable).map(PathBuf::from);
    path.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(default))
}

/// What a command left: its status as a shell would give it, and its two outputs.
pub struct Out {
    /// The exit code, or minus the signal where the process itself died of one.
    pub code: i32,
    pub out: String,
    pub err: String,
    pub raw: Vec<u8>,
}

impl std::fmt::Debug for Out {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "status {}, output {:?}, error output {:?}", self.code, self.out, self.err)
    }
}

impl Out {
    /// Checks status and standard output at once, showing everything when either differs.
    #[track_caller]
    pub fn is(&self, code: i32, out: &str) -> &Out {
        assert!(self.code == code && self.out == out, "wanted status {code} and output {out:?}, got {self:?}");
        self
    }

    /// Checks the status and that the sentence on standard error has each of these words.
    #[track_caller]
    pub fn fails(&self, code: i32, words: &[&str]) -> &Out {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.err.starts_with("contain: "), "no sentence of ours: {self:?}");
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in the message: {self:?}");
        }
        self
    }

    /// The trimmed output of a command that must have succeeded.
    #[track_caller]
    pub fn text(&self) -> &str {
        assert_eq!(self.code, 0, "{self:?}");
        self.out.trim_end()
    }
}

/// `contain` with these words, free of what our own environment says about root file systems.
pub fn command<S: AsRef<std::ffi::OsStr>>(words: &[S]) -> Command {
    let mut command = Command::new(contain());
    command.args(words).env_remove("CONTAIN_ROOTFS").stdin(Stdio::null());
    command
}

/// `contain run --rootfs R` with these words.
pub fn run(words: &[&str]) -> Out {
    finish(command(&[&["run", "--rootfs", rootfs()], words].concat()))
}

/// `contain run --rootfs R FLAGS -- /bin/sh -c SCRIPT`.
pub fn sh(flags: &[&str], script: &str) -> Out {
    run(&[flags, &["--", "/bin/sh", "-c", script]].concat())
}

/// `contain run --rootfs ROOT FLAGS -- /bin/sh -c SCRIPT`, for a test with a root of its own.
pub fn sh_in(root: &Path, flags: &[&str], script: &str) -> Out {
    let head = ["run", "--rootfs", root.to_str().unwrap()];
    finish(command(&[&head, flags, &["--", "/bin/sh", "-c", script]].concat()))
}

/// A shell script on the host in which `contain` is the binary and `$R` the shared root file system.
pub fn host(script: &str) -> Out {
    finish(host_command(script))
}

pub fn host_command(script: &str) -> Command {
    let mut command = Command::new("bash");
    let prelude = format!("contain() {{ {} \"$@\"; }}; export R={}\n", contain().display(), rootfs());
    command.arg("-c").arg(prelude + script).env_remove("CONTAIN_ROOTFS").stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub fn finish(mut command: Command) -> Out {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("spawn");
    let _guard = Guard::new(&child, &command);
    collect(child)
}

/// The same with something on standard input.
pub fn feed(mut command: Command, input: &[u8]) -> Out {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("spawn");
    let _guard = Guard::new(&child, &command);
    let mut pipe = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // A command that reads nothing closes its end early; that is its right.
        scope.spawn(move || drop(pipe.write_all(input)));
        collect(child)
    })
}

fn collect(child: Child) -> Out {
    let done = child.wait_with_output().expect("wait");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Out { code: code(done.status), out: text(&done.stdout), err: text(&done.stderr), raw: done.stdout }
}

pub fn code(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| -status.signal().unwrap_or(0))
}

/// Kills the child, and failing that ends the whole test, when patience is over.
struct Guard(#[allow(unused)] Sender<()>);

impl Guard {
    fn new(child: &Child, command: &Command) -> Guard {
        let (alive, ended) = channel();
        let pid = rustix::process::Pid::from_child(child);
        let what = format!("{command:?}");
        std::thread::spawn(move || {
            if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                eprintln!("still running after {PATIENCE:?}, killing it: {what}");
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
                if ended.recv_timeout(Duration::from_secs(10)) == Err(RecvTimeoutError::Timeout) {
                    eprintln!("its output is still open, so something it started is alive; giving up");
                    std::process::exit(101);
                }
            }
        });
        Guard(alive)
    }
}

/// A container that runs while the test looks at it from outside. Its script speaks line by line.
pub struct Live {
    pub child: Child,
    pub input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    _guard: Guard,
}

impl Live {
    pub fn start(mut command: Command) -> Live {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("spawn");
        let guard = Guard::new(&child, &command);
        let output = BufReader::new(child.stdout.take().unwrap());
        Live { input: child.stdin.take(), output, child, _guard: guard }
    }

    /// A shell script in a container of the shared root file system.
    pub fn sh(flags: &[&str], script: &str) -> Live {
        let head = ["run", "--rootfs", rootfs()];
        Live::start(command(&[&head, flags, &["--", "/bin/sh", "-c", script]].concat()))
    }

    /// The next line of its output, without the line's end.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("read");
        line.trim_end().to_string()
    }

    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    pub fn signal(&self, number: i32) {
        kill(self.pid(), number);
    }

    /// Closes its input and waits for the end; the output is what was not yet read.
    pub fn end(mut self) -> Out {
        drop(self.input.take());
        let mut raw = Vec::new();
        self.output.read_to_end(&mut raw).expect("read");
        let rest = collect(self.child);
        Out { out: String::from_utf8_lossy(&raw).into_owned(), raw, ..rest }
    }
}

/// kill(2) by number; a process that is gone already is no failure of the test.
pub fn kill(pid: i32, number: i32) {
    let pid = rustix::process::Pid::from_raw(pid).expect("a process id");
    let signal = rustix::process::Signal::from_named_raw(number).expect("a signal");
    let _ = rustix::process::kill_process(pid, signal);
}

/// The host's pid of the process that is PID 1 of the container below this `contain`.
pub fn first_process(contain: i32) -> Option<i32> {
    let parent = |pid: i32| status(pid, "PPid").and_then(|text| text.parse::<i32>().ok());
    processes().into_iter().find(|&pid| {
        let inside = status(pid, "NSpid").unwrap_or_default();
        let nested = inside.split_whitespace().count() > 1 && inside.split_whitespace().last() == Some("1");
        nested && std::iter::successors(Some(pid), |&up| parent(up)).take(4).any(|up| up == contain)
    })
}

/// Every process below this one, nearest first.
pub fn below(pid: i32) -> Vec<i32> {
    let mut found = vec![pid];
    let mut next = 0;
    while next < found.len() {
        let parent = found[next].to_string();
        found.extend(processes().into_iter().filter(|&child| status(child, "PPid").as_deref() == Some(&parent)));
        next += 1;
    }
    found.split_off(1)
}

pub fn processes() -> Vec<i32> {
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// One field of /proc/PID/status, or nothing when the process is gone.
pub fn status(pid: i32, field: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find(|line| line.split(':').next() == Some(field))?;
    Some(line.split_once(':')?.1.trim().to_string())
}

/// Everything that there is to a tree, in one line of text.
pub fn sum(tree: &Path) -> String {
    let list =
        "find . -printf '%P %y %m %U %G %n %s %T@ %l\\n' | sort; find . -type f -print0 | sort -z | xargs -0 sha256sum;
        find . -print0 | sort -z | xargs -0 getfattr -h -d -m -";
    let got = host(&format!("set -eo pipefail; cd '{}'; {{ {list}; }} | sha256sum", tree.display()));
    assert_eq!(got.err, "", "{}", tree.display());
    got.text().to_string()
}

/// Waits until something holds; a condition that never comes fails with the given words.
#[track_caller]
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = std::time::Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(30), "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Where the kernel mounted this cgroup v1 controller, or nothing; v2 is asked for as "". Of several places the
/// usual one counts.
pub fn cgroup(controller: &str) -> Option<PathBuf> {
    let mut all = cgroup_mounts(controller);
    all.sort_by_key(|path| !path.starts_with("/sys/fs/cgroup"));
    all.into_iter().next()
}

/// Everywhere this controller is mounted.
pub fn cgroup_mounts(controller: &str) -> Vec<PathBuf> {
    let text = fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
    let found = text.lines().filter_map(|line| {
        let (head, tail) = line.split_once(" - ")?;
        let mut tail = tail.split(' ');
        let (kind, options) = (tail.next()?, tail.nth(1)?);
        let wanted = match controller {
            "" => kind == "cgroup2",
            name => kind == "cgroup" && options.split(',').any(|word| word == name),
        };
        wanted.then(|| PathBuf::from(head.split(' ').nth(4).unwrap()))
    });
    found.collect()
}

/// A directory of this test's own, removed with everything below it at the end.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Scratch {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // Process ids repeat (each private world has its own 1), the clock does not.
        let now = std::time::UNIX_EPOCH.elapsed().expect("a clock").as_nanos();
        let name = format!("contain-test-{:x}-{}-{}", now, std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a scratch directory");
        Scratch(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A path below, as text for a command line.
    pub fn at(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_string()
    }

    /// A copy of the shared root file system that this test may change.
    pub fn root(&self, name: &str) -> PathBuf {
        let path = self.0.join(name);
        let done = Command::new("cp").args(["-a", rootfs()]).arg(&path).status().expect("cp");
        assert!(done.success(), "cp -a {} failed", rootfs());
        path
    }

    /// A file below, with its directories.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// A program. A child of another test's has what this process has open for writing, until it has executed its own
    /// program; nobody can execute such a file (ETXTBSY). So another process writes this one.
    pub fn executable(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let (path, source) = (self.0.join(name), self.file(&format!("{name}.source"), content));
        let done = Command::new("cp").args([&source, &path]).status().expect("cp");
        assert!(done.success(), "cp {} failed", path.display());
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        fs::remove_file(source).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The smallest ELF program: one segment with this code, for this machine (62 is x86-64, 183 arm64).
pub fn elf(machine: u16, code: &[u8]) -> Vec<u8> {
    let base: u64 = 0x400000;
    let size = 120 + code.len() as u64;
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0".to_vec();
    file.extend(machine.to_le_bytes());
    file.extend(1u32.to_le_bytes());
    [base + 120, 64, 0].iter().for_each(|word| file.extend(word.to_le_bytes()));
    file.extend(0u32.to_le_bytes());
    [64u16, 56, 1, 0, 0, 0].iter().for_each(|word| file.extend(word.to_le_bytes()));
    [1u32, 5].iter().for_each(|word| file.extend(word.to_le_bytes()));
    [0, base, base, size, size, 4096].iter().for_each(|word| file.extend(word.to_le_bytes()));
    file.extend(code);
    file
}

/// A program that sends itself this signal and exits with 0 if it survives. No shell does it for every signal.
pub fn suicide(signal: u8) -> Vec<u8> {
    if cfg!(target_arch = "x86_64") {
        // getpid; kill(pid, signal); exit_group(0)
        let code = [0xb8, 39, 0, 0, 0, 0x0f, 5, 0x89, 0xc7, 0xbe, signal, 0, 0, 0, 0xb8, 62, 0, 0, 0, 0x0f, 5];
        elf(62, &[&code[..], &[0x31, 0xff, 0xb8, 231, 0, 0, 0, 0x0f, 5]].concat())
    } else {
        let mov = |register: u32, value: u32| 0xd280_0000 | value << 5 | register;
        let svc = 0xd400_0001;
        let code = [mov(8, 172), svc, mov(1, signal.into()), mov(8, 129), svc, mov(0, 0), mov(8, 94), svc];
        elf(183, &code.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>())
    }
}
