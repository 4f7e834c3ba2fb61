//! A service's process, from the fork to its command. The child may allocate and fail as it likes: it tells why itself, and
//! its exit status says the rest, as a shell's does.

use std::os::fd::{AsFd, OwnedFd};

use crate::linux;
use crate::linux::fs::{CWD, Mode, OFlags, openat};
use crate::linux::io::Errno;
use crate::linux::process::Pid;
use crate::linux::stdio::{dup2_stderr, dup2_stdin, dup2_stdout, stdin};

use crate::error::{Error, Result};
use crate::input::user;
use crate::kernel::cgroup::leaf;
use crate::kernel::{console, file, identity, program};
use crate::life::boot::{logs, tell, timeline};
use crate::life::{init, mean};
use crate::machine::{Kind, Service};
use crate::packed::text;
use crate::plan::candidates;
use crate::supervise::reaper::begin_session;
use crate::sys::process::{Cloned, Vector, clone3, execve_fd, exit_now};
use crate::text::{Word, cut, kept_one, kept_two, shown, tail, variable};

/// What the processes of all services have in common.
pub struct Common {
    /// contain's own program, open: its file may be out of reach once the root is another one.
    pub own: Option<OwnedFd>,
    pub environment: [Word; 3],
    /// When each is started is to be seen in the chart of the boot.
    pub chart: bool,
}

/// Starts a service's command in the group of that path, or in that of process 1 where there can be none.
pub fn start(service: &'static Service, group: Word, common: &Common) -> linux::io::Result<Pid> {
    let directory = leaf::make(group).ok();
    let cloned = match clone3(0, directory.as_ref().map(AsFd::as_fd)) {
        Err(_) if directory.is_some() => clone3(0, None),
        cloned => cloned,
    };
    match cloned? {
        Cloned::Parent { child, .. } => Ok(child),
        Cloned::Child => {
            let Err(error) = become_service(service, common);
            // Where it writes to, and where somebody reads it.
            if !has_console(service) {
                tell::failure(&error);
                let _none = console::open();
            }
            tell::failure(&error);
            exit_now(error.status())
        }
    }
}

/// Whether the streams of process 1, the console, are a service's own.
fn has_console(service: &Service) -> bool {
    service.log == c"console"
}

/// The child's way to the command.
fn become_service(service: &'static Service, common: &Common) -> Result<std::convert::Infallible> {
    let about = |what: &'static str| match service.kind {
        Kind::Command => what,
        _ => text!("service % (%): %", service.name, service.place, what),
    };
    // Process 1 is spared when memory runs out, those that it starts are not.
    let _kept = file::write(CWD, c"/proc/self/oom_score_adj", b"0");
    if common.chart {
        timeline::add(service.name);
    }
    open_streams(service, &mut |path, errno| {
        tell::failure(&Error::os(about(text!("open %", shown(path))), errno));
    });
    if service.kind == Kind::Ask {
        wait_for_enter();
    }
    let told = |error: Error| Error::new(about(error.sentence())).with_status(error.status());
    let mut environment = service.environment.to_vec();
    if !service.user.is_empty() {
        let home = become_user(service.user).map_err(told)?;
        add(&mut environment, home);
    }
    common.environment.into_iter().for_each(|usual| add(&mut environment, usual));
    begin_session().map_err(|errno| Error::os(about(text!("begin a session")), errno))?;
    let words = words(service);
    let (arguments, vector) = (Vector::new(&[], &words), Vector::new(&[], &environment));
    let command = words.first().copied().unwrap_or_default();
    // A login shell.
    let command = if command.to_bytes().starts_with(b"-") { tail(command, 1) } else { command };
    let errno = match &common.own {
        Some(own) if command == OWN => {
            let arguments = Vector::new(&[c"contain"], words.get(1..).unwrap_or_default());
            execve_fd(own.as_fd(), &arguments, &vector)
        }
        _ => program::execute(&candidates(command, &environment), &arguments, &vector),
    };
    Err(told(init::failure(&candidates(command, &environment), command, errno)))
}

/// Adds a variable, unless there is one of that name.
fn add(environment: &mut Vec<Word>, usual: Word) {
    let name = cut(shown(usual), b'=').unwrap_or_default().0;
    if variable(environment, name).is_none() {
        environment.push(usual);
    }
}

/// contain itself, wherever its file is.
pub const OWN: Word = c"/proc/self/exe";

/// A container is a contain that runs it.
fn words(service: &'static Service) -> Vec<Word> {
    let mut words = Vec::new();
    if !service.options.is_empty() {
        words.extend([OWN, c"run", c"--quiet", c"--name", kept_one(service.name.as_bytes()), c"--rm"]);
        words.extend(service.options);
        words.push(c"--");
    }
    words.extend(service.command);
    words
}

/// Becomes a user of this machine; the variable that names his home.
fn become_user(text: &'static str) -> Result<Word> {
    let wrong = |what: &'static str| Error::new(text!("user=% %", text, what));
    let account = mean::account(text!("user=%", text), &user::parse(text).map_err(wrong)?, &init::own_root()?)?;
    let user = account.user;
    identity::become_user(user.uid, user.gid, Some(user.groups), u64::MAX)
        .map_err(|errno| Error::os(text!("become user %", text), errno))?;
    Ok(kept_two(b"HOME=", account.home.as_bytes()))
}

/// Gives the service's streams their numbers. `tell` hears, on the console, of a path that cannot be opened; then they lead
/// nowhere.
fn open_streams(service: &Service, tell: &mut dyn FnMut(Word, Errno)) {
    if has_console(service) {
        return;
    }
    const NULL: Word = c"/dev/null";
    let path = match service.log.to_bytes() {
        b"" => logs::path(service.name),
        b"none" => NULL,
        b"kmsg" => c"/dev/kmsg",
        _ => service.log,
    };
    let terminal = service.log.to_bytes().starts_with(b"/dev/");
    let append = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE;
    let streams = [(NULL, OFlags::RDWR), (path, if terminal { OFlags::RDWR } else { append })].map(|(path, flags)| {
        let flags = flags | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = openat(CWD, path, flags, Mode::from_raw_mode(0o640));
        opened.map_err(|errno| tell(path, errno)).ok()
    });
    let [null, output] = &streams;
    let output = output.as_ref().or(null.as_ref());
    if let (Some(null), Some(output)) = (null.as_ref(), output) {
        let _open = dup2_stdin(if terminal { output } else { null });
        let _open = dup2_stdout(output);
        let _open = dup2_stderr(output);
    }
}

/// As busybox's init asks on a console that has no user yet.
fn wait_for_enter() {
    let _nobody = linux::io::write(linux::stdio::stdout(), b"\nPlease press Enter to activate this console. ");
    let mut byte = [0];
    while let Ok(1..) | Err(Errno::INTR) = linux::io::read(stdin(), &mut byte) {
        if byte == *b"\n" || byte == *b"\r" {
            return;
        }
    }
}
