//! The walk beside openat2(2) itself on a tree of links, and beside somebody who moves directories under its feet.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::*;

/// A directory that goes away with its test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("contain-walk-{name}-{}", std::process::id()));
        fs::create_dir_all(path.join("root")).unwrap();
        fs::create_dir_all(path.join("outside")).unwrap();
        fs::write(path.join("secret"), "the canary").unwrap();
        fs::write(path.join("outside/secret"), "the canary").unwrap();
        Scratch(path)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

fn directory(path: &Path) -> OwnedFd {
    rustix::fs::openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap()
}

/// What it came to: a file, or an errno.
fn outcome(found: Result<OwnedFd>) -> Result<(u64, u64)> {
    found.and_then(fstat).map(|found| (found.st_dev, found.st_ino))
}

const READ: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// Walks in every way that contain does, and has openat2 do the same; says how many of both led to a file.
fn compare(root: BorrowedFd<'_>, path: &[u8]) -> usize {
    let word = std::ffi::CString::new(path).unwrap();
    let mut found = 0;
    for (flags, within) in [
        (OFlags::PATH, IN_ROOT),
        (OFlags::PATH | OFlags::DIRECTORY, IN_ROOT),
        (READ, IN_ROOT),
        (OFlags::PATH | OFlags::DIRECTORY, STRICT),
        (READ | OFlags::NOFOLLOW, STRICT),
    ] {
        let ours = outcome(by_hand(root, &word, flags, Mode::empty(), within));
        // Renames elsewhere on the machine make the kernel unsure of any "..".
        let kernels = loop {
            match openat2(root, &word, flags | OFlags::CLOEXEC, Mode::empty(), within) {
                Err(Errno::AGAIN) => {}
                found => break outcome(found),
            }
        };
        assert_eq!(ours, kernels, "{} {flags:?} {within:?}", path.escape_ascii());
        found += usize::from(ours.is_ok());
    }
    found
}

/// Numbers that look thrown, the same each time (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most
    }

    fn path(&mut self) -> String {
        const NAMES: [&str; 12] = ["a", "b", "c", "a", "b", "c", "d", "f", "..", "..", ".", ""];
        let mut path = String::new();
        if self.below(4) == 0 {
            path.push('/');
        }
        for _ in 0..=self.below(6) {
            path.push_str(NAMES[self.below(NAMES.len())]);
            path.push('/');
        }
        if self.below(4) > 0 {
            path.pop();
        }
        path
    }
}

#[test]
fn it_leads_where_openat2_leads() {
    let here = Scratch::new("same");
    let root = directory(&here.at("root"));
    let mut dice = Dice(0x5eed_1e55);
    let (mut tried, mut found) = (0, 0);
    for round in 0..40 {
        // A tree of three names a directory, of which some are files and some are links to anywhere.
        let mut directories = vec![here.at(&format!("root/{round}"))];
        fs::create_dir(&directories[0]).unwrap();
        while let Some(directory) = directories.pop() {
            let depth = directory.strip_prefix(here.at("root")).unwrap().components().count();
            for name in ["a", "b", "c", "d", "f"] {
                let path = directory.join(name);
                match dice.below(6) {
                    0 => fs::write(path, "").unwrap(),
                    1 | 2 if depth < 5 => {
                        fs::create_dir(&path).unwrap();
                        directories.push(path);
                    }
                    3 | 4 => match dice.path() {
                        path if path.is_empty() => {}
                        target => symlink(target, path).unwrap(),
                    },
                    _ => {}
                }
            }
        }
        let below = directory(&here.at(&format!("root/{round}")));
        for _ in 0..250 {
            let path = dice.path();
            found += compare(below.as_fd(), path.as_bytes());
            // And with what is outside of this root still inside another.
            found += compare(root.as_fd(), format!("{round}/{path}").as_bytes());
            tried += 10;
        }
    }
    assert!(found > tried / 10 && found < tried * 9 / 10, "{found} of {tried}: not much of a tree");
}

#[test]
fn edges_are_where_openat2_has_them() {
    let here = Scratch::new("edges");
    let root = directory(&here.at("root"));
    let inside = |name: &str| here.at("root").join(name);
    fs::create_dir_all(inside("deep/er")).unwrap();
    fs::write(inside("file"), "").unwrap();
    for (name, target) in [
        ("self", "self"),
        ("one", "two"),
        ("two", "one"),
        ("to-file", "file/"),
        ("to-deep", "deep/"),
        ("out", "../../secret"),
        ("host", "/etc/passwd"),
        ("top", "/"),
        ("up", "/.."),
        ("dangling", "deep/no/such"),
        ("through", "file/.."),
        ("deep/back", "../deep/er/../../file"),
    ] {
        symlink(target, inside(name)).unwrap();
    }
    // Chains of links that end at a file: forty are followed, and no more.
    symlink("file", inside("link0")).unwrap();
    for number in 1..45 {
        symlink(format!("link{}", number - 1), inside(&format!("link{number}"))).unwrap();
    }
    let (fits, long) = ("n".repeat(255), "n".repeat(256));
    fs::write(inside(&fits), "").unwrap();
    symlink(format!("{}deep", "./".repeat(2000)), inside("padded")).unwrap();
    let mut paths: Vec<String> =
        "/ . .. /.. ../.. // ./. deep/.. deep/../.. deep/../../file file/ file/. file/.. file/x \
        self self/ one one/x to-file to-file/ to-deep to-deep/ to-deep/er/../back out host top top/file up up/deep/er/ \
        dangling dangling/x through deep/back deep/back/ ./deep//er///.././back no no/ no/.. no/x top/top/top/file \
        padded padded/er padded/padded link39 link40 link39/ link39/x link40/.. link20/../link20 top/link38 top/link39"
            .split_whitespace()
            .map(String::from)
            .collect();
    paths.extend([String::new(), fits.clone(), long.clone(), format!("{long}/x"), format!("{fits}/x")]);
    paths.extend([4094, 4095, 4096, 5000].map(|length| format!("{:/<1$}", "deep", length)));
    paths.extend([4095, 4096].map(|length| format!("{:.<1$}", "./".repeat(length / 2), length)));
    paths.extend([10, 600].map(|times| "deep/../".repeat(times) + "file"));
    let found: usize = paths.iter().map(|path| compare(root.as_fd(), path.as_bytes())).sum();
    assert!(found > paths.len(), "{found}");
}

/// What lies behind a magic link of proc is nothing that a path leads to.
#[test]
fn magic_links_are_not_followed() {
    let here = Scratch::new("magic");
    symlink("/proc/self/fd/0", here.at("zero")).unwrap();
    symlink("/proc/self/root", here.at("slash")).unwrap();
    let (root, base) = (directory(Path::new("/")), here.0.to_str().unwrap());
    let mut found = 0;
    for path in
        "proc/self proc/self/ proc/self/comm proc/thread-self/comm proc/self/../self/comm proc/mounts proc/net/dev \
        proc/self/exe proc/self/root proc/self/root/ proc/self/root/etc proc/self/cwd proc/self/cwd/.. proc/self/fd/0 \
        proc/self/fd/0/ proc/self/fd/x proc/self/ns/mnt proc/self/task/../root proc/self/nothing \
        proc/self/fd/../root/etc/passwd"
            .split_whitespace()
            .map(String::from)
            .chain(["zero", "slash", "slash/etc", "slash/"].map(|name| format!("{base}/{name}")))
    {
        found += compare(root.as_fd(), path.as_bytes());
        let word = std::ffi::CString::new(path.as_bytes()).unwrap();
        let magic = ["root", "cwd", "exe", "fd/0", "ns/", "zero", "slash"].iter().any(|name| path.contains(name));
        if magic {
            let got = outcome(by_hand(root.as_fd(), &word, OFlags::PATH, Mode::empty(), IN_ROOT));
            assert_eq!(got, Err(Errno::LOOP), "{path}");
        }
    }
    assert!(found > 10, "{found}");
}

/// Swaps two things again and again while both ways of opening are tried and say whether they came upon a canary. The naive
/// one has to, which shows that there was something to come upon; ours never may.
fn under_swaps(one: &Path, two: &Path, naive: &mut dyn FnMut() -> bool, ours: &mut dyn FnMut() -> bool) {
    let over = AtomicBool::new(false);
    let (mut rounds, mut astray, mut escaped) = (0, false, false);
    let began = std::time::Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                renameat_with(CWD, one, CWD, two, RenameFlags::EXCHANGE).unwrap();
            }
        });
        while !escaped && (rounds < 3000 || !astray) && began.elapsed() < std::time::Duration::from_secs(30) {
            astray |= naive();
            escaped |= ours();
            rounds += 1;
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(!escaped, "came upon a canary after {rounds} rounds");
    assert!(rounds >= 3000 && astray, "{rounds} rounds; led astray: {astray}");
}

fn reads_the_canary(found: Result<OwnedFd>) -> bool {
    found.is_ok_and(|file| crate::kernel::file::read_all(file.as_fd(), 64).unwrap() == b"the canary")
}

#[test]
fn a_directory_that_becomes_a_link_leads_nowhere_else() {
    let here = Scratch::new("swap");
    let root = directory(&here.at("root"));
    fs::create_dir_all(here.at("root/a/b")).unwrap();
    fs::write(here.at("root/a/b/secret"), "inside").unwrap();
    symlink("../../outside", here.at("root/a/up")).unwrap();
    let naive = &mut || reads_the_canary(openat(&root, c"a/b/secret", READ, Mode::empty()));
    let mut times = [0, 0];
    let ours = &mut || {
        let paths = [c"a/b/secret", c"a/b/./../b/secret", c"a/up/../a/b/secret", c"/a/b/../../a/b/secret"];
        paths.into_iter().any(|path| {
            let found = by_hand(root.as_fd(), path, READ, Mode::empty(), IN_ROOT);
            times[usize::from(found.is_ok())] += 1;
            reads_the_canary(found)
        })
    };
    under_swaps(&here.at("root/a/b"), &here.at("root/a/up"), naive, ours);
    assert!(times[0] > 0 && times[1] > 0, "{times:?}: not seen both ways");
}

#[test]
fn a_directory_that_is_moved_out_is_no_way_out() {
    let here = Scratch::new("move");
    let root = directory(&here.at("root"));
    fs::create_dir_all(here.at("root/a/b")).unwrap();
    fs::create_dir_all(here.at("outside/b")).unwrap();
    fs::write(here.at("root/a/secret"), "inside").unwrap();
    // One name at a time, but `..` left to the kernel.
    let naive = &mut || {
        let inner = openat(&root, c"a/b", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap();
        reads_the_canary(openat(&inner, c"../secret", READ, Mode::empty()))
    };
    let ours = &mut || {
        let found = by_hand(root.as_fd(), c"a/b/../secret", READ, Mode::empty(), IN_ROOT);
        assert!(found.is_ok());
        reads_the_canary(found)
            || reads_the_canary(by_hand(root.as_fd(), c"a/b/../../secret", READ, Mode::empty(), IN_ROOT))
    };
    under_swaps(&here.at("root/a/b"), &here.at("outside/b"), naive, ours);
}

#[test]
fn what_is_created_is_created_inside() {
    let here = Scratch::new("create");
    let root = directory(&here.at("root"));
    symlink("../outside/made", here.at("root/link")).unwrap();
    fs::create_dir(here.at("root/names")).unwrap();
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW;
    let make = |path| by_hand(root.as_fd(), path, flags, Mode::RUSR | Mode::WUSR, STRICT).map(drop);
    assert_eq!(make(c"names/one"), Ok(()));
    assert_eq!(make(c"link"), Err(Errno::LOOP));
    assert_eq!(make(c"names/../../outside/made"), Err(Errno::XDEV));
    assert_eq!(make(c"/made"), Err(Errno::XDEV));
    assert!(here.at("root/names/one").is_file() && !here.at("outside/made").exists());
}
