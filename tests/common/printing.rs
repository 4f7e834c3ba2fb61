//! Containers that print what their test feeds them through named pipes, so that each end is one that the test chose;
//! what is kept of it, and `contain logs` as it goes on.

use std::fs::{self, File};
use std::io::{BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::{Out, Scratch, code, command, finish, rootfs, wait_until};

/// A place for containers, and the pipes /io/out and /io/err that they print from.
pub struct Place(pub Scratch);

impl Place {
    pub fn new() -> Place {
        let place = Place(Scratch::new());
        fs::create_dir(place.0.at("io")).unwrap();
        let pipes = [place.0.at("io/out"), place.0.at("io/err")];
        assert!(Command::new("mkfifo").args(["-m", "666"]).args(&pipes).status().unwrap().success());
        place
    }

    pub fn contain(&self, words: &[&str]) -> Command {
        let mut command = command(words);
        command.env("CONTAIN_ROOT", self.0.at("state"));
        command
    }

    pub fn run(&self, flags: &[&str], script: &str) -> Command {
        let volume = format!("{}:/io", self.0.at("io"));
        let head = ["run", "--rootfs", rootfs(), "-v", &volume, "--quiet"];
        self.contain(&[&head, flags, &["--", "/bin/sh", "-c", script]].concat())
    }

    pub fn logs(&self, words: &[&str]) -> Out {
        finish(self.contain(&[&["logs"], words].concat()))
    }

    /// Starts a detached one, and gives its id.
    pub fn detached(&self, flags: &[&str], script: &str) -> String {
        finish(self.run(&[&["-d"], flags].concat(), script)).text().to_string()
    }

    /// One of the pipes, once the container reads it.
    pub fn pipe(&self, name: &str) -> File {
        fs::OpenOptions::new().write(true).open(self.0.at(&format!("io/{name}"))).unwrap()
    }

    /// Feeds both pipes, in pieces of odd sizes, while `meanwhile` goes on.
    pub fn feed<T>(&self, out: &[u8], err: &[u8], meanwhile: impl FnOnce() -> T) -> T {
        std::thread::scope(|scope| {
            for (name, bytes, size) in [("out", out, 7001), ("err", err, 999)] {
                scope.spawn(move || {
                    let mut pipe = self.pipe(name);
                    bytes.chunks(size).for_each(|piece| pipe.write_all(piece).unwrap());
                });
            }
            meanwhile()
        })
    }

    pub fn file(&self, id: &str, name: &str) -> PathBuf {
        self.0.path().join("state").join(id).join(name)
    }

    /// A log, or nothing where there is none.
    pub fn log(&self, id: &str, name: &str) -> Vec<u8> {
        fs::read(self.file(id, name)).unwrap_or_default()
    }

    pub fn member(&self, id: &str, name: &str) -> String {
        let text = fs::read_to_string(self.file(id, "metadata.json")).unwrap_or_default();
        let rest = text.split_once(&format!("\"{name}\": ")).map(|(_, rest)| rest.to_string()).unwrap_or_default();
        rest.split([',', '\n', '}']).next().unwrap().trim_matches('"').to_string()
    }

    pub fn wait_for_end(&self, id: &str) {
        wait_until("the container's end", || self.member(id, "status") == "stopped");
    }

    pub fn ids(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.at("state")).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().into_string().unwrap()).filter(|name| name.len() == 16).collect()
    }

    /// The id of the only container.
    pub fn only(&self) -> String {
        self.ids().pop().expect("a container")
    }
}

/// Prints from both pipes until their end.
pub const CAT: &str = "cat /io/err >&2 & cat /io/out; wait; exit 7";

/// The same pseudo-random numbers at each run.
pub fn random(seed: &mut u64, below: u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    (*seed >> 33) % below
}

/// Lines of all lengths up to a limit, and no line's end at the end.
pub fn text(mut seed: u64, size: usize, longest: u64) -> Vec<u8> {
    let mut text = Vec::new();
    while text.len() < size {
        let length = if random(&mut seed, 50) == 0 { longest } else { 100.min(longest) };
        for _ in 0..random(&mut seed, length) {
            text.push(b' ' + random(&mut seed, 95) as u8);
        }
        text.push(b'\n');
    }
    text.extend(b"no end");
    text
}

#[track_caller]
pub fn same(got: &[u8], wanted: &[u8], what: &str) {
    let at = got.iter().zip(wanted).position(|(a, b)| a != b).unwrap_or(got.len().min(wanted.len()));
    assert!(got == wanted, "{what}: {} bytes for {}, different from byte {at}", got.len(), wanted.len());
}

/// What is kept is the end of what was printed, from the beginning of a line.
#[track_caller]
pub fn is_end_of(kept: &[u8], printed: &[u8], what: &str) {
    let start = printed.len().checked_sub(kept.len()).expect("no more than was printed");
    same(kept, &printed[start..], what);
    assert!(start == 0 || printed[start - 1] == b'\n', "{what}: begins in the middle of a line");
}

/// `contain logs` as it goes on. Ended by timeout(1) where it does not end itself.
pub struct Following {
    pub child: Child,
    pub output: BufReader<std::process::ChildStdout>,
}

impl Following {
    pub fn start(of: &Command) -> Following {
        let mut command = Command::new("timeout");
        command.args(["--foreground", "40"]).arg(of.get_program()).args(of.get_args());
        command.envs(of.get_envs().filter_map(|(key, value)| Some((key, value?))));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Following { child, output }
    }

    /// Reads just so much, which must be this.
    #[track_caller]
    pub fn shows(&mut self, wanted: &[u8]) {
        let mut got = vec![0; wanted.len()];
        self.output.read_exact(&mut got).unwrap();
        same(&got, wanted, "what is followed");
    }

    /// The rest, its status and its standard error.
    pub fn end(mut self) -> (i32, Vec<u8>, String) {
        let mut rest = Vec::new();
        self.output.read_to_end(&mut rest).unwrap();
        let done = self.child.wait_with_output().unwrap();
        (code(done.status), rest, String::from_utf8_lossy(&done.stderr).into_owned())
    }
}

/// The status of a child that shall end by itself.
#[track_caller]
pub fn ended(child: &mut Child) -> i32 {
    for _ in 0..4000 {
        if let Some(status) = child.try_wait().unwrap() {
            return code(status);
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    panic!("it does not end");
}
