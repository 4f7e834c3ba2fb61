//! A pseudo terminal made by the test, and a program that has it as its controlling terminal: what a person
//! would type goes in, what they would see comes out. The slave stays open here, so its modes can be read
//! after the program has gone.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

const PATIENCE: Duration = Duration::from_secs(30);

pub struct Pty {
    master: File,
    slave: OwnedFd,
    pub name: String,
    /// Everything shown so far that no `expect` has taken yet.
    pub seen: String,
}

impl Pty {
    /// A terminal of 80 columns and 24 rows.
    pub fn open() -> Pty {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = rustix::pty::openpt(flags).expect("openpt");
        rustix::pty::grantpt(&master).expect("grantpt");
        rustix::pty::unlockpt(&master).expect("unlockpt");
        let name = rustix::pty::ptsname(&master, Vec::new()).expect("ptsname").into_string().unwrap();
        let slave =
            rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).expect("slave");
        let pty = Pty { master: master.into(), slave, name, seen: String::new() };
        pty.resize(80, 24);
        pty
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.master, size).expect("TIOCSWINSZ");
    }

    /// One end of the slave, as a standard stream of some command.
    pub fn stream(&self) -> Stdio {
        Stdio::from(self.slave.try_clone().expect("dup"))
    }

    /// Starts a program as the leader of a session that owns this terminal.
    pub fn spawn(&self, command: &Command) -> Child {
        let mut leader = Command::new("setsid");
        leader.arg("--ctty").arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            value.map(|value| leader.env(name, value));
        }
        leader.env_remove("CONTAIN_ROOTFS").env("PS1", "$ ").env("TERM", "dumb");
        leader.stdin(self.stream()).stdout(self.stream()).stderr(self.stream());
        leader.spawn().expect("setsid(1) from util-linux")
    }

    pub fn send(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).expect("write to the terminal");
    }

    /// Reads until the text has been shown; gives back everything up to its end.
    #[track_caller]
    pub fn expect(&mut self, text: &str) -> String {
        let started = Instant::now();
        loop {
            if let Some(at) = self.seen.find(text) {
                let rest = self.seen.split_off(at + text.len());
                return std::mem::replace(&mut self.seen, rest);
            }
            assert!(started.elapsed() < PATIENCE, "the terminal never showed {text:?}, only {:?}", self.seen);
            self.pump(50);
        }
    }

    /// Takes what is there within so many milliseconds; says whether there was anything.
    pub fn pump(&mut self, milliseconds: i64) -> bool {
        let wait = rustix::time::Timespec { tv_sec: 0, tv_nsec: milliseconds * 1_000_000 };
        let mut fds = [PollFd::new(&self.master, PollFlags::IN)];
        if poll(&mut fds, Some(&wait)).expect("poll") == 0 {
            return false;
        }
        let mut bytes = [0; 65536];
        let count = self.master.read(&mut bytes).expect("read from the terminal");
        self.seen += &String::from_utf8_lossy(&bytes[..count]);
        true
    }

    /// Waits for a child while showing its output, and gives its status as `common::code` does.
    #[track_caller]
    pub fn wait(&mut self, child: &mut Child) -> i32 {
        let started = Instant::now();
        loop {
            if let Some(status) = child.try_wait().expect("wait") {
                while self.pump(0) {}
                return super::code(status);
            }
            if started.elapsed() > PATIENCE {
                let _ = child.kill();
                panic!("the program on the terminal does not end; it showed {:?}", self.seen);
            }
            self.pump(10);
        }
    }

    /// Everything the terminal's settings say, as text that can be compared.
    pub fn modes(&self) -> String {
        let Termios { input_modes, output_modes, control_modes, local_modes, special_codes, .. } =
            tcgetattr(&self.slave).expect("tcgetattr");
        format!("{input_modes:?} {output_modes:?} {control_modes:?} {local_modes:?} {special_codes:?}")
    }

    /// How many typed bytes wait to be read by whoever reads this terminal next.
    pub fn waiting(&self) -> u64 {
        rustix::io::ioctl_fionread(&self.slave).expect("FIONREAD")
    }
}

/// Waits until keys typed on its terminal are this process's: its group is the terminal's foreground group.
#[track_caller]
pub fn wait_for_foreground(pid: i32, flags: &[&str]) {
    super::wait_until(&format!("{pid} to have the foreground with {flags:?}"), || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        // After the name: state, parent, group, session, terminal, the terminal's foreground group (proc(5)).
        fields.len() > 5 && fields[0] != "T" && fields[2] == fields[5]
    });
}
