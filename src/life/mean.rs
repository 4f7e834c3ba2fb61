//! From `run` as written to a Spec: what has to be looked up (the caller's environment, the rootfs and its users) is
//! looked up here, and said to be wrong here.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use rustix::fs::CWD;
use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::input::args::{EnvironmentSource, Run};
use crate::input::env::{self, Variable};
use crate::input::user::{self, Account, Who};
use crate::kernel::{file, root, terminal};
use crate::launch::child::MOST_SOURCES;
use crate::log::Voice;
use crate::spec::{Spec, User, Volume, VolumeKind};

/// The rootfs, opened, and what is to happen in it.
pub struct Meant {
    pub spec: Spec,
    pub rootfs: OwnedFd,
    pub voice: Voice,
}

/// Turns what was written into what is meant. `ours` is the caller's environment, `id` the default host name.
pub fn mean(run: &Run, ours: &[OsString], id: &str) -> Result<Meant> {
    let [stdin, stdout, stderr] = terminal::standard();
    let (path, words) = rootfs_and_command(run, ours)?;
    let rootfs = open_rootfs(&path).map_err(|error| match std::ptr::eq(words, run.words.as_slice()) {
        true => error,
        false => {
            error.with_hint("a first word that is a directory is the rootfs; write -- before a command of that name")
        }
    })?;
    let account = account(run, rootfs.as_fd())?;
    let hostname = match (&run.hostname, run.share.uts) {
        (Some(name), _) => name.clone(),
        (None, true) => rustix::system::uname().nodename().to_string_lossy().into_owned(),
        (None, false) => id.into(),
    };
    if run.share.uts && run.hostname.is_some() {
        return Err(Error::usage("--hostname would rename the host with --uts host: leave one of them out"));
    }
    let tty = run.tty.unwrap_or(stdin && stdout);
    let spec = Spec {
        rootfs: path,
        read_only: run.read_only,
        command: words.iter().map(|word| c_string(word.clone())).collect::<Result<_>>()?,
        environment: environment(run, ours, &account, &hostname, tty)?,
        workdir: c_string(run.workdir.as_deref().unwrap_or("/").into())?,
        user: account.user,
        hostname,
        volumes: volumes(run)?,
        limits: run.limits.clone(),
        share: run.share,
        init: run.init,
        tty,
    };
    let voice = run.voice.unwrap_or(if stderr { Voice::Story } else { Voice::Plain });
    Ok(Meant { spec, rootfs, voice })
}

/// A first word that is a directory is the rootfs, unless `--rootfs` or `--` said otherwise.
fn rootfs_and_command<'a>(run: &'a Run, ours: &[OsString]) -> Result<(CString, &'a [OsString])> {
    let is_directory = |word: &OsStr| root::is_directory(word.as_bytes());
    let (path, words) = match (&run.rootfs, run.words.split_first()) {
        (Some(path), _) => (path.clone(), run.words.as_slice()),
        (None, Some((first, rest))) if !run.dashed && is_directory(first) => {
            let rest = rest.strip_prefix(&[OsString::from("--")]).unwrap_or(rest);
            (c_string(first.clone())?, rest)
        }
        (None, _) => {
            let named = variable(ours, "CONTAIN_ROOTFS").filter(|path| !path.is_empty());
            (c_string(named.unwrap_or(OsStr::new("./rootfs")).into())?, run.words.as_slice())
        }
    };
    match words.first() {
        None => Err(Error::usage("run: which command? write `contain run --rootfs DIR -- COMMAND`, as /bin/sh")),
        Some(word) if word.is_empty() => Err(Error::usage("run: the command is empty: name a program, as /bin/sh")),
        Some(_) => Ok((path, words)),
    }
}

fn open_rootfs(path: &CStr) -> Result<OwnedFd> {
    let shown = path.to_string_lossy();
    let rootfs = root::open(path).map_err(|errno| {
        let hint = match errno {
            Errno::NOENT => {
                "name an unpacked root file system: --rootfs DIR, or $CONTAIN_ROOTFS; the default is ./rootfs"
            }
            Errno::NOTDIR => "the rootfs must be a directory: unpack an archive or mount an image first",
            Errno::ACCESS => "this user may not read it: run contain as root",
            _ => "",
        };
        Error::os(format!("open rootfs {shown}"), errno).with_hint(hint)
    })?;
    let look = |errno| Error::os(format!("look into rootfs {shown}"), errno);
    if root::is_host_root(rootfs.as_fd()).map_err(look)? {
        return Err(Error::new(format!(
            "rootfs {shown} is this machine's own root: name a directory with another one"
        )));
    }
    if !root::looks_like_one(rootfs.as_fd()) {
        return Err(Error::new(format!(
            "rootfs {shown} has none of bin, usr and etc: unpack a root file system there"
        )));
    }
    if root::is_noexec(rootfs.as_fd()).map_err(look)? {
        return Err(Error::new(format!(
            "rootfs {shown} is on a file system mounted noexec: nothing there can be executed"
        ))
        .with_hint("remount it: mount -o remount,exec MOUNTPOINT"));
    }
    Ok(rootfs)
}

/// Who the command runs as. Root by default, which needs no file of the rootfs.
fn account(run: &Run, rootfs: BorrowedFd<'_>) -> Result<Account> {
    let Some(written) = &run.user else {
        return Ok(Account { user: User::default(), home: Some("/root".into()) });
    };
    let by_name = |who: &Who| matches!(who, Who::Name(_));
    let passwd = accounts(rootfs, c"etc/passwd", by_name(&written.user))?;
    let group = accounts(rootfs, c"etc/group", written.group.as_ref().is_some_and(by_name))?;
    user::look_up(written, &passwd, &group).map_err(|what| Error::new(format!("--user: {what}")))
}

/// The text of one of the rootfs's account files. A number can do without them.
fn accounts(rootfs: BorrowedFd<'_>, path: &CStr, needed: bool) -> Result<Vec<u8>> {
    match root::read_file(rootfs, path) {
        Ok(text) => Ok(text),
        Err(_) if !needed => Ok(Vec::new()),
        Err(errno) => {
            let hint = match errno {
                Errno::INVAL | Errno::ISDIR => "it is no regular file",
                Errno::FBIG => "it is larger than 1 MiB",
                Errno::NOENT => "give the user by number: --user 1000:1000",
                _ => "",
            };
            Err(Error::os(format!("read {} of the rootfs", path.to_string_lossy()), errno).with_hint(hint))
        }
    }
}

/// The user's mounts, their sources made absolute: the child stands elsewhere.
fn volumes(run: &Run) -> Result<Vec<Volume>> {
    // Some places are kept for the launch's own sources.
    let most = MOST_SOURCES - 8;
    if run.volumes.len() > most {
        return Err(Error::usage(format!(
            "--volume and --tmpfs are given {} times: {most} is the most",
            run.volumes.len()
        )));
    }
    let mut volumes = run.volumes.clone();
    for volume in &mut volumes {
        if let VolumeKind::Bind { source } = &mut volume.kind
            && !source.to_bytes().starts_with(b"/")
        {
            let here =
                rustix::process::getcwd(Vec::new()).map_err(|errno| Error::os("find the working directory", errno))?;
            let path = [here.to_bytes(), b"/", source.to_bytes()].concat();
            *source = c_string(OsString::from_vec(path))?;
        }
    }
    Ok(volumes)
}

/// PATH, TERM, HOME and HOSTNAME, then what the user asked for; a later one wins.
fn environment(run: &Run, ours: &[OsString], account: &Account, hostname: &str, tty: bool) -> Result<Vec<CString>> {
    let term = variable(ours, "TERM").and_then(OsStr::to_str).filter(|term| tty && !term.is_empty());
    let home = account.home.as_deref().unwrap_or("/");
    let mut all = vec![
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into(),
        ["TERM=", term.unwrap_or("xterm")].concat().into(),
        ["HOME=", home].concat().into(),
        ["HOSTNAME=", hostname].concat().into(),
    ];
    for source in &run.environment {
        match source {
            EnvironmentSource::Word(word) => set(&mut all, ours, word),
            EnvironmentSource::File(path) => {
                for word in &read_variables(path)? {
                    set(&mut all, ours, word);
                }
            }
        }
    }
    all.into_iter().map(c_string).collect()
}

fn read_variables(path: &CStr) -> Result<Vec<Variable>> {
    let shown = path.to_string_lossy();
    let text = file::read_text(CWD, path).map_err(|errno| match errno {
        Errno::ILSEQ => Error::new(format!("--env-file {shown} is not UTF-8 text")),
        errno => Error::os(format!("--env-file: read {shown}"), errno),
    })?;
    env::file(&text).map_err(|(line, what)| Error::new(format!("--env-file {shown} line {line} {what}")))
}

/// Sets one variable, in place of an earlier one of the same name.
fn set(all: &mut Vec<OsString>, ours: &[OsString], word: &Variable) {
    let entry = match word {
        Variable::Set(entry) => OsString::from(entry),
        Variable::Inherit(key) => match variable(ours, key) {
            Some(value) => [OsStr::new(key), value].join(OsStr::new("=")),
            None => return,
        },
    };
    let key = |entry: &OsString| entry.as_bytes().iter().position(|b| *b == b'=').unwrap_or(0);
    let own = &entry.as_bytes()[..=key(&entry)];
    all.retain(|old| !old.as_bytes().starts_with(own));
    all.push(entry);
}

/// The value of a variable of ours.
fn variable<'a>(ours: &'a [OsString], key: &str) -> Option<&'a OsStr> {
    let value = |entry: &'a OsString| entry.as_bytes().strip_prefix(key.as_bytes())?.strip_prefix(b"=");
    ours.iter().find_map(value).map(OsStr::from_bytes)
}

fn c_string(text: OsString) -> Result<CString> {
    CString::new(text.into_vec()).map_err(|_| Error::usage("a word on the command line has a NUL byte"))
}
