//! From `run` as written to a Spec: what has to be looked up (the caller's environment, the rootfs and its users) is
//! looked up here, and said to be wrong here.

use std::ffi::CStr;

use crate::linux;
use crate::linux::fs::{CWD, fstat};
use crate::linux::io::Errno;

use crate::error::{Error, Result};
use crate::input::args::written::{EnvironmentSource, Flag, Number, Path, Text, Written};
use crate::input::env::{self, Variable};
use crate::input::privilege::{self, ALL, CAPABILITIES, capability_set};
use crate::input::user::{self, Account, Who, WrittenUser};
use crate::kernel::root::Rootfs;
use crate::kernel::{file, identity, mount, rlimit, root, terminal};
use crate::launch::child::MOST_SOURCES;
use crate::life::devices::devices;
use crate::life::ids;
use crate::life::rootfs::{self, absolute};
use crate::log::{self, Voice};
use crate::packed::{sentence, text};
use crate::plan::facts::Mapper;
use crate::seccomp::profile::{self, Reading};
use crate::spec::{DEFAULT_CAPABILITIES, Flags, Seccomp, Share, Spec, User, Volume, VolumeKind};
use crate::state::place::Places;
use crate::text::{Word, cut, digits, fill, kept_one, kept_two, lines, shown, value, variable, version};

/// Where programs are, unless the user says otherwise.
pub const PATH: Word = c"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Turns what was written into what is meant; opens the rootfs, and decides who writes the maps of ids. `ours` is the caller's
/// environment, `id` the default host name.
pub fn mean(
    run: &'static Written,
    ours: &[Word],
    id: &'static str,
    places: &Places,
    spec: &mut Spec,
) -> Result<(&'static mut Rootfs, Mapper)> {
    let (paths, words) = rootfs_and_command(run, ours)?;
    spec.command = words;
    let rootfs = rootfs::open(run, paths, spec).map_err(|error| {
        // What is wrong with --overlay it says itself.
        match std::ptr::eq(words, run.words.as_slice()) || error.sentence().starts_with(text!("open --overlay")) {
            true => error,
            false => error.with_hint(sentence!(
                "a first word that is a directory is the rootfs; write -- before a command of that name"
            )),
        }
    })?;
    let account = person(run, rootfs)?;
    spec.user = account.user;
    let mapper = ids::ids(run, ours, id, places, spec)?;
    let owns_ids = !spec.uids.is_none();
    let rooted = mapper == Mapper::Launcher && owns_ids;
    // A rootfs that was unpacked for these ids has them already.
    let uids = spec.uids;
    let is_others = |layer| fstat(layer).is_ok_and(|found| !uids.has(1, found.st_uid));
    spec.maps_rootfs = rooted && rootfs.layers.iter().any(is_others);
    if spec.maps_rootfs && !spec.layers.is_empty() {
        let text = text!(
            "--userns auto, --uidmap: the ids of a root of layers or an image cannot be mapped for root's container"
        );
        return Err(Error::new(text).with_hint(sentence!("name one directory as --rootfs, without --overlay")));
    }
    spec.share = run.share();
    spec.hostname = match run.text(Text::Hostname) {
        Some(name) => name,
        None if spec.share.uts => shown(kept_one(linux::system::uname().nodename().to_bytes())),
        None => id,
    };
    shares(run)?;
    spec.tty = has_terminal(run, "run")?;
    spec.privileged = run.has(Flag::Privileged);
    spec.capabilities = capabilities(run, owns_ids)?;
    spec.environment = environment(run, ours, account.home, spec)?;
    spec.workdir = word(run, Text::Workdir).unwrap_or(c"/");
    spec.ulimits = held_to(&run.ulimits, owns_ids);
    spec.oom_score_adj = word(run, Text::OomScoreAdj).unwrap_or_default();
    spec.new_privileges = run.has(Flag::NewPrivileges) || spec.privileged && !run.has(Flag::NoNewPrivileges);
    spec.seccomp = seccomp(run, spec.capabilities)?;
    spec.domainname = run.text(Text::Domainname).unwrap_or_default();
    spec.sysctls = &run.sysctls;
    spec.devices = devices(run, owns_ids)?;
    spec.shm_size = run.number(Number::ShmSize);
    spec.volumes = volumes(run, rooted)?;
    spec.limits = run.limits;
    spec.cgroup_parent = run.text(Text::CgroupParent).unwrap_or_default();
    spec.init = run.has(Flag::Init);
    Ok((rootfs, mapper))
}

/// How much the user wants to hear.
pub fn voice(run: &Written) -> Voice {
    match run.voice() {
        Some(voice) => voice,
        None if !run.has(Flag::Detach) && terminal::is_error() => Voice::Story,
        None => Voice::Plain,
    }
}

/// Whether a command is to have a terminal of its own.
pub fn has_terminal(written: &Written, command: &str) -> Result<bool> {
    let detached = written.has(Flag::Detach);
    let tty = written.tty().unwrap_or_else(|| !detached && terminal::is_caller());
    if detached && (tty || written.has(Flag::Interactive)) {
        let text = text!(
            "%: --tty and --interactive have nothing to join with --detach: leave them out, or use contain exec -it"
        );
        return Err(Error::usage(fill(text, &[command])));
    }
    Ok(tty)
}

/// A text as a word.
pub fn word(written: &Written, text: Text) -> Option<Word> {
    Some(kept_one(written.text(text)?.as_bytes()))
}

/// A first word that is a directory is the rootfs, unless `--rootfs` or `--` said otherwise.
fn rootfs_and_command(run: &'static Written, ours: &[Word]) -> Result<(&'static [Word], &'static [Word])> {
    let mut words = run.words.as_slice();
    let mut paths = run.layers.as_slice();
    if paths.is_empty() {
        let mut path = value(ours, "CONTAIN_ROOTFS").unwrap_or(c"./rootfs");
        if let [first, rest @ ..] = words
            && !run.dashed
            && root::is_directory(first)
        {
            path = first;
            words = match rest {
                [dashes, rest @ ..] if *dashes == c"--" => rest,
                rest => rest,
            };
        }
        paths = Box::leak(Box::new([path]));
    }
    match words.first() {
        None => {
            Err(Error::usage(sentence!("run: which command? write `contain run --rootfs DIR -- COMMAND`, as /bin/sh")))
        }
        Some(word) if word.is_empty() => {
            Err(Error::usage(sentence!("run: the command is empty: name a program, as /bin/sh")))
        }
        Some(_) => Ok((paths, words)),
    }
}

/// What the container may hold. Of `ALL` that is what there is of it; what is asked for by name must be had.
fn capabilities(run: &Written, owns_ids: bool) -> Result<u64> {
    let default = if run.has(Flag::Privileged) { ALL } else { DEFAULT_CAPABILITIES };
    let set = capability_set(default, run.added, run.dropped);
    if run.added == 0 && default != ALL {
        return Ok(set);
    }
    let known = identity::known();
    // In a user namespace of its own it holds all that there are.
    let held = if owns_ids { known } else { identity::held() };
    for (number, name) in lines(CAPABILITIES).enumerate() {
        let bit = 1 << number;
        let why = match run.added {
            ALL => break,
            added if added & bit & !known != 0 => text!(": this kernel has no such capability"),
            added if added & bit & !held != 0 => text!(": contain itself does not hold it, so it cannot give it"),
            _ => continue,
        };
        return Err(Error::new(text!("--cap-add %%", name, why)));
    }
    Ok(set & held)
}

/// What filters its system calls.
fn seccomp(run: &Written, capabilities: u64) -> Result<Seccomp> {
    let unsaid = if run.has(Flag::Privileged) { Seccomp::UNCONFINED } else { Seccomp::DEFAULT };
    let name = run.path(Path::Seccomp).unwrap_or(unsaid);
    if name == Seccomp::DEFAULT || name == Seccomp::UNCONFINED {
        return Ok(Seccomp { name, program: &[] });
    }
    let path = shown(name);
    let text = file::read_text(CWD, name).map_err(|errno| {
        let hint =
            if errno == Errno::NOENT { text!("write default, unconfined, or the path of a profile") } else { "" };
        Error::os(text!("--seccomp: read %", path), errno).with_hint(hint)
    })?;
    let reading = Reading { capabilities, kernel: version(shown(linux::system::uname().release())) };
    let program = profile::read(text.as_bytes(), reading)
        .map_err(|(line, what)| Error::new(text!("--seccomp % line %: %", path, digits(line), what)))?;
    Ok(Seccomp { name, program })
}

/// Who the command runs as: root where nobody is named, which needs no file of the rootfs. Groups that the user adds come last.
fn person(run: &Written, rootfs: &Rootfs) -> Result<Box<Account>> {
    let mut account = match &run.user {
        Some(who) => account("--user", who, rootfs)?,
        None if run.text(Text::Users) == Some("keep-id") => {
            let [uid, gid] = ids::own();
            let own = WrittenUser { user: Who::Number(uid), group: Some(Who::Number(gid)) };
            account("--user", &own, rootfs)?
        }
        None => Box::new(Account { user: User::default(), home: "/root" }),
    };
    if !run.groups.is_empty() {
        let mut groups = account.user.groups.to_vec();
        for group in &run.groups {
            let alone = WrittenUser { user: Who::Number(0), group: Some(*group) };
            groups.push(self::account("--group-add", &alone, rootfs)?.user.gid);
        }
        account.user.groups = groups.leak();
    }
    Ok(account)
}

/// An account by the rootfs's own files.
pub fn account(flag: &str, written: &WrittenUser, rootfs: &Rootfs) -> Result<Box<Account>> {
    let by_name = |who: &Who| matches!(who, Who::Name(_));
    let passwd = accounts(rootfs, c"etc/passwd", by_name(&written.user))?;
    let group = accounts(rootfs, c"etc/group", written.group.as_ref().is_some_and(by_name))?;
    user::look_up(written, passwd, group).map_err(|what| Error::new(text!("%: %", flag, what)))
}

/// Hard limits that the container may not raise, as from a user namespace, are taken down to what this process has, and told.
pub fn held_to(ulimits: &[Word], owns_ids: bool) -> &'static [Word] {
    let mut all = ulimits.to_vec();
    for word in &mut all {
        let (name, most) =
            (cut(shown(word), b'=').unwrap_or_default().0, rlimit::most(privilege::resource(word), owns_ids));
        let [soft, hard] = rlimit::numbers(word);
        if hard > most {
            let (soft, most) = (digits(soft.min(most)), digits(most));
            log::error(text!("--ulimit %: % is the most that this user may set, so that is taken", name, most));
            *word = kept_one(text!("%=%:%", name, soft, most).as_bytes());
        }
    }
    all.leak()
}

/// What would change the host, as it shares that namespace.
fn shares(run: &Written) -> Result<()> {
    let Share { net, ipc, uts, .. } = run.share();
    let has = |text| run.text(text).is_some();
    let changes = |(path, _): &(Word, Word)| if path.to_bytes().starts_with(b"sys/net/") { net } else { ipc };
    if uts && (has(Text::Hostname) || has(Text::Domainname)) {
        return Err(Error::usage(sentence!(
            "--hostname or --domainname would rename the host with --uts host: leave one of them out"
        )));
    }
    if ipc && run.number(Number::ShmSize).is_some() || run.sysctls.iter().any(changes) {
        let text =
            text!("--sysctl or --shm-size would change the host with --net host or --ipc host: leave one of them out");
        return Err(Error::usage(text));
    }
    Ok(())
}

/// The text of one of the rootfs's account files. A number can do without them.
fn accounts(rootfs: &Rootfs, path: &CStr, needed: bool) -> Result<&'static [u8]> {
    match root::read_file(rootfs, path) {
        Ok(text) => Ok(text.leak()),
        Err(_) if !needed => Ok(&[]),
        Err(errno) => {
            let hint = match errno {
                Errno::INVAL | Errno::ISDIR => text!("it is no regular file"),
                Errno::FBIG => text!("it is larger than 1 MiB"),
                Errno::NOENT => text!("give the user by number: --user 1000:1000"),
                _ => "",
            };
            Err(Error::os(text!("read % of the rootfs", shown(path)), errno).with_hint(hint))
        }
    }
}

/// The user's mounts, their sources made absolute: the child stands elsewhere.
fn volumes(run: &Written, rooted: bool) -> Result<&'static [Volume]> {
    // Some places are kept for the launch's own sources.
    let most = MOST_SOURCES - 8;
    let count = run.volumes.len() + run.layers.len();
    if count > most {
        let text = text!(
            "--rootfs, --volume, --mount and --tmpfs are given % times: % is the most",
            digits(count as u64),
            digits(most as u64)
        );
        return Err(Error::usage(text));
    }
    let mut volumes = run.volumes.clone();
    for volume in &mut volumes {
        if volume.flags.has(Flags::ID_MAP) && !rooted {
            let text = text!("volume %: idmap is for containers of root's with ids of their own");
            return Err(Error::new(fill(text, &[shown(volume.target)]))
                .with_hint(sentence!("run contain as root with --userns auto, or leave idmap out")));
        }
        if let VolumeKind::Bind { source } = &mut volume.kind {
            *source = absolute(source)?;
        }
        if let VolumeKind::Bind { source } = volume.kind
            && volume.flags.has(Flags::SLAVE | Flags::SHARED)
        {
            // What is not there, the launch says.
            let heard = mount::is_heard(source, volume.flags.has(Flags::SLAVE)).unwrap_or(true);
            if !heard {
                let text = text!("volume %: the host's mount there is private, so nothing would pass", shown(source));
                return Err(
                    Error::new(text).with_hint(sentence!("mount --make-shared MOUNTPOINT; `findmnt -T PATH` names it"))
                );
            }
        }
    }
    Ok(volumes.leak())
}

/// PATH, TERM, HOME and HOSTNAME, then what the user asked for; a later one wins.
fn environment(run: &Written, ours: &[Word], home: &str, spec: &Spec) -> Result<&'static [Word]> {
    let term = if spec.tty { value(ours, "TERM") } else { None };
    let mut all = vec![PATH];
    let mut add_own = |name: &str, value: &str| all.push(kept_two(name.as_bytes(), value.as_bytes()));
    add_own("TERM=", term.map_or("xterm", shown));
    add_own("HOME=", home);
    add_own("HOSTNAME=", spec.hostname);
    add(&mut all, &run.environment, ours)?;
    Ok(all.leak())
}

/// Adds what `--env` and `--env-file` say; `ours` are the caller's own variables.
pub fn add(all: &mut Vec<Word>, sources: &[EnvironmentSource], ours: &[Word]) -> Result<()> {
    for source in sources {
        match source {
            EnvironmentSource::Word(word) => set(all, ours, word),
            EnvironmentSource::File(path) => {
                for word in &read_variables(path)? {
                    set(all, ours, word);
                }
            }
        }
    }
    Ok(())
}

fn read_variables(path: &CStr) -> Result<Vec<Variable>> {
    let shown = shown(path);
    let text = file::read_text(CWD, path).map_err(|errno| match errno {
        Errno::ILSEQ => Error::new(text!("--env-file % is not UTF-8 text", shown)),
        errno => Error::os(text!("--env-file: read %", shown), errno),
    })?;
    env::file(text).map_err(|(line, what)| Error::new(text!("--env-file % line % %", shown, digits(line as u64), what)))
}

/// Sets one variable, in place of an earlier one of the same name.
pub fn set(all: &mut Vec<Word>, ours: &[Word], word: &Variable) {
    let entry = match word {
        Variable::Set(entry) => kept_one(entry.as_bytes()),
        Variable::Inherit(key) => match variable(ours, key) {
            Some(entry) => entry,
            None => return,
        },
    };
    let name = entry.to_bytes().iter().position(|b| *b == b'=').unwrap_or(0);
    if let Some(at) = all.iter().position(|old| old.to_bytes().starts_with(&entry.to_bytes()[..=name])) {
        all.remove(at);
    }
    all.push(entry);
}
