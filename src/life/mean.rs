//! From `run` as written to a Spec: what has to be looked up (the caller's environment, the rootfs and its users) is
//! looked up here, and said to be wrong here.

use std::ffi::{CString, OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::input::args::{EnvironmentSource, Run};
use crate::input::env::{self, Variable};
use crate::input::user::{self, Account, Who};
use crate::kernel::{root, terminal};
use crate::launch::child::MOST_SOURCES;
use crate::log::Voice;
use crate::spec::{Spec, User, VolumeKind};

/// The rootfs, opened, and what is to happen in it.
pub struct Meant {
    pub spec: Spec,
    pub rootfs: OwnedFd,
    pub voice: Voice,
}

/// Turns what was written into what is meant. `id` is the default host name.
pub fn mean(run: &Run, id: &str) -> Result<Meant> {
    let [stdin, stdout, stderr] = terminal::standard();
    let (path, words) = rootfs_and_command(run)?;
    let rootfs = open_rootfs(&path)?;
    let account = account(run, rootfs.as_fd())?;
    let hostname = run.hostname.clone().unwrap_or_else(|| id.into());
    let tty = run.tty.unwrap_or(stdin && stdout);
    let environment = environment(run, &account, &hostname, tty)?;
    let command = words.iter().map(|word| c_string(word, "the command")).collect::<Result<Vec<_>>>()?;
    let mut volumes = run.volumes.clone();
    for volume in &mut volumes {
        if let VolumeKind::Bind { source } = &mut volume.kind {
            let absolute = std::path::absolute(OsStr::from_bytes(source.to_bytes()));
            *source = c_string(absolute.unwrap_or_default().as_os_str(), "--volume")?;
        }
    }
    if volumes.len() > MOST_SOURCES - 8 {
        return Err(Error::usage(format!(
            "--volume is given {} times: {} is the most",
            volumes.len(),
            MOST_SOURCES - 8
        )));
    }
    let workdir = c_string(OsStr::new(run.workdir.as_deref().unwrap_or("/")), "--workdir")?;
    let spec = Spec {
        rootfs: path,
        read_only: run.read_only,
        command,
        environment,
        workdir,
        user: account.user,
        hostname,
        volumes,
        limits: run.limits.clone(),
        share: run.share,
        init: run.init,
        tty,
    };
    let voice = run.voice.unwrap_or(if stderr { Voice::Story } else { Voice::Plain });
    Ok(Meant { spec, rootfs, voice })
}

/// A first word that is a directory is the rootfs, unless `--rootfs` or `--` said otherwise.
fn rootfs_and_command(run: &Run) -> Result<(PathBuf, &[OsString])> {
    let given = run.rootfs.clone();
    let (path, words) = match run.words.split_first() {
        Some((first, rest)) if given.is_none() && !run.dashed && Path::new(first).is_dir() => (first.into(), rest),
        _ => {
            let named = || std::env::var_os("CONTAIN_ROOTFS").filter(|path| !path.is_empty()).map(PathBuf::from);
            (given.or_else(named).unwrap_or_else(|| "./rootfs".into()), run.words.as_slice())
        }
    };
    match words.first() {
        None => Err(Error::usage("run: which command? write `contain run --rootfs DIR -- COMMAND`, as /bin/sh")),
        Some(word) if word.is_empty() => Err(Error::usage("run: the command is empty: name a program, as /bin/sh")),
        Some(_) => Ok((path, words)),
    }
}

fn open_rootfs(path: &Path) -> Result<OwnedFd> {
    let shown = path.display();
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
    let read = |path: &std::ffi::CStr, needed: bool| match root::read_file(rootfs, path) {
        Ok(text) => Ok(text),
        // A number can do without the files.
        Err(_) if !needed => Ok(Vec::new()),
        Err(errno) => {
            Err(Error::os(format!("read {} of the rootfs", path.to_string_lossy()), errno).with_hint(match errno {
                Errno::INVAL | Errno::ISDIR => "it is no regular file",
                Errno::FBIG => "it is larger than 1 MiB",
                Errno::NOENT => "give the user by number: --user 1000:1000",
                _ => "",
            }))
        }
    };
    let by_name = |who: &Who| matches!(who, Who::Name(_));
    let passwd = read(c"etc/passwd", by_name(&written.user))?;
    let group = read(c"etc/group", written.group.as_ref().is_some_and(by_name))?;
    user::look_up(written, &passwd, &group).map_err(|what| Error::new(format!("--user: {what}")))
}

/// PATH, TERM, HOME and HOSTNAME, then what the user asked for; a later one wins.
fn environment(run: &Run, account: &Account, hostname: &str, tty: bool) -> Result<Vec<CString>> {
    let term = std::env::var("TERM").ok().filter(|term| tty && !term.is_empty());
    let mut all = vec![
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into(),
        format!("TERM={}", term.as_deref().unwrap_or("xterm")),
        format!("HOME={}", account.home.as_deref().unwrap_or("/")),
        format!("HOSTNAME={hostname}"),
    ]
    .into_iter()
    .map(OsString::from)
    .collect::<Vec<_>>();
    for source in &run.environment {
        match source {
            EnvironmentSource::Word(variable) => set(&mut all, variable),
            EnvironmentSource::File(path) => {
                for variable in read_variables(path)? {
                    set(&mut all, &variable);
                }
            }
        }
    }
    all.iter().map(|entry| c_string(entry, "--env")).collect()
}

fn read_variables(path: &Path) -> Result<Vec<Variable>> {
    let shown = path.display();
    let text = std::fs::read(path).map_err(|error| {
        let errno = Errno::from_io_error(&error).unwrap_or(Errno::IO);
        Error::os(format!("--env-file: read {shown}"), errno)
    })?;
    let text = String::from_utf8(text).map_err(|_| Error::new(format!("--env-file {shown} is not UTF-8 text")))?;
    env::file(&text).map_err(|(line, what)| Error::new(format!("--env-file {shown} line {line} {what}")))
}

fn set(all: &mut Vec<OsString>, variable: &Variable) {
    let entry = match variable {
        Variable::Set(entry) => OsString::from(entry),
        Variable::Inherit(key) => match std::env::var_os(key) {
            Some(value) => [OsStr::new(key), &value].join(OsStr::new("=")),
            None => return,
        },
    };
    let key = |entry: &OsStr| entry.as_bytes().split(|b| *b == b'=').next().map(<[u8]>::to_vec);
    all.retain(|old| key(old) != key(&entry));
    all.push(entry);
}

fn c_string(text: &OsStr, what: &str) -> Result<CString> {
    CString::new(text.to_os_string().into_vec()).map_err(|_| Error::usage(format!("{what} has a NUL byte")))
}
