//! What each option does to what is written, and the values that only options have.

use crate::input::args::written::{EnvironmentSource, Flag, Number, Path, Text, Written};
use crate::input::number::{Kind, Parsed, cpu, cpu_list, cpus, number};
use crate::input::settings::one_of;
use crate::input::volume::Way;
use crate::input::{env, map, privilege, user, volume};
use crate::log::visible;
use crate::packed::text;
use crate::spec::Limit;
use crate::text::{Word, digits, has, is_id, lines, split, utf8};

/// All but the first two take a value.
#[derive(Clone, Copy)]
pub enum Act {
    Set(Flag),
    /// Sets the one, and takes the other back.
    Instead(Flag, Flag),
    Limit(Limit, Kind),
    Number(Number, Kind),
    Text(Text),
    /// The host's namespace, or one of the container's own.
    Share(Flag),
    Path(Path),
    /// Set, with a path in the same word or none.
    Perhaps(Flag, Path),
    Layer,
    EnvironmentFile,
    Volume(Way),
    Cpu,
    Cpus,
    Cpuset,
    Variable,
    User,
    Group,
    Device,
    Ulimit,
    Sysctl,
    Security,
    AddCapabilities,
    DropCapabilities,
    /// Of users, or of groups.
    Map(u8),
}

macro_rules! options {
    ($($name:literal: $act:expr),* $(,)?) => {
        const NAMES: &str = concat!($($name, "\n"),*);
        const ACTS: &[Act] = &[$($act),*];
        pub const COUNT: usize = ACTS.len();
    };
}

// By their long names. Their letters, and which command takes them, stand in the help texts.
options! {
    "--help": Act::Set(Flag::Help),
    "--version": Act::Set(Flag::Version),
    "--root": Act::Path(Path::Root),
    "--rootfs": Act::Layer,
    "--overlay": Act::Perhaps(Flag::Overlay, Path::Overlay),
    "--read-only": Act::Set(Flag::ReadOnly),
    "--volume": Act::Volume(Way::Volume),
    "--tmpfs": Act::Volume(Way::Tmpfs),
    "--mount": Act::Volume(Way::Mount),
    "--memory": Act::Limit(Limit::Memory, Kind::Size),
    "--memory-swap": Act::Limit(Limit::MemorySwap, Kind::Most),
    "--memory-high": Act::Limit(Limit::MemoryHigh, Kind::Size),
    "--cpu": Act::Cpu,
    "--cpus": Act::Cpus,
    "--cpu-weight": Act::Limit(Limit::CpuWeight, Kind::Weight),
    "--cpuset": Act::Cpuset,
    "--pids": Act::Limit(Limit::Pids, Kind::Pids),
    "--cgroup-parent": Act::Text(Text::CgroupParent),
    "--env": Act::Variable,
    "--env-file": Act::EnvironmentFile,
    "--workdir": Act::Text(Text::Workdir),
    "--user": Act::User,
    "--privileged": Act::Set(Flag::Privileged),
    "--security": Act::Security,
    "--cap-add": Act::AddCapabilities,
    "--cap-drop": Act::DropCapabilities,
    "--userns": Act::Text(Text::Users),
    "--uidmap": Act::Map(0),
    "--gidmap": Act::Map(1),
    "--seccomp": Act::Path(Path::Seccomp),
    "--hostname": Act::Text(Text::Hostname),
    "--domainname": Act::Text(Text::Domainname),
    "--group-add": Act::Group,
    "--device": Act::Device,
    "--ulimit": Act::Ulimit,
    "--sysctl": Act::Sysctl,
    "--oom-score-adj": Act::Text(Text::OomScoreAdj),
    "--shm-size": Act::Number(Number::ShmSize, Kind::Size),
    "--init": Act::Set(Flag::Init),
    "--tty": Act::Instead(Flag::Tty, Flag::NoTty),
    "--no-tty": Act::Instead(Flag::NoTty, Flag::Tty),
    "--interactive": Act::Set(Flag::Interactive),
    "--timeout": Act::Number(Number::Timeout, Kind::Time),
    "--detach": Act::Set(Flag::Detach),
    "--name": Act::Text(Text::Name),
    "--keep": Act::Set(Flag::Keep),
    "--rm": Act::Set(Flag::Remove),
    "--log": Act::Set(Flag::Log),
    "--log-max": Act::Number(Number::LogMax, Kind::LogSize),
    "--net": Act::Share(Flag::HostNet),
    "--pid": Act::Share(Flag::HostPid),
    "--ipc": Act::Share(Flag::HostIpc),
    "--uts": Act::Share(Flag::HostUts),
    "--quiet": Act::Instead(Flag::Quiet, Flag::Verbose),
    "--verbose": Act::Instead(Flag::Verbose, Flag::Quiet),
    "--dry-run": Act::Set(Flag::DryRun),
    "--all": Act::Set(Flag::All),
    "--json": Act::Set(Flag::Json),
    "--no-trunc": Act::Set(Flag::NoTrunc),
    "--no-stream": Act::Set(Flag::NoStream),
    "--svg": Act::Set(Flag::Svg),
    "--follow": Act::Set(Flag::Follow),
    "--tail": Act::Number(Number::Tail, Kind::Count),
    "--signal": Act::Number(Number::Signal, Kind::Signal),
    "--time": Act::Number(Number::Grace, Kind::Wait),
    "--force": Act::Set(Flag::Force),
    "--no-sync": Act::Set(Flag::NoSync),
    "--once": Act::Set(Flag::Once),
}

/// All of them, each with what it does.
pub fn all() -> impl Iterator<Item = (&'static str, &'static Act)> {
    lines(NAMES).zip(ACTS)
}

/// The row of the option whose name stands in a text from a place on, for what is decided while compiling; [`COUNT`] where
/// there is no such option.
pub const fn row(text: &[u8], from: usize) -> usize {
    let (names, mut start, mut row) = (NAMES.as_bytes(), 0, 0);
    while row < COUNT {
        let mut same = 0;
        while names[start + same] != b'\n' && names[start + same] == text[from + same] {
            same += 1;
        }
        if names[start + same] == b'\n' && !matches!(text[from + same], b'-' | b'a'..=b'z') {
            break;
        }
        while names[start] != b'\n' {
            start += 1;
        }
        (start, row) = (start + 1, row + 1);
    }
    row
}

/// Takes an option's value. The complaint is the end of a sentence: what is wrong with it, and what would be right.
#[inline(never)]
pub fn take(written: &mut Written, act: Act, value: Word) -> Parsed<()> {
    // A path is whatever bytes it is.
    match act {
        Act::Path(_) | Act::Perhaps(..) | Act::Layer | Act::EnvironmentFile if value.is_empty() => {
            return Err(text!("is empty: name a path"));
        }
        Act::Path(at) | Act::Perhaps(_, at) => written.set_path(at, value),
        Act::Layer => written.layers.push(value),
        Act::EnvironmentFile => written.environment.push(EnvironmentSource::File(value)),
        _ => {
            return take_text(
                written,
                act,
                utf8(value.to_bytes()).ok_or_else(|| text!("has a value that is not UTF-8"))?,
                value,
            );
        }
    }
    Ok(())
}

#[inline(never)]
fn take_text(written: &mut Written, act: Act, text: &'static str, value: Word) -> Parsed<()> {
    match act {
        Act::Limit(limit, kind) => written.limits.set(limit, number(kind, text)?),
        Act::Number(at, kind) => written.set_number(at, number(kind, text)?),
        Act::Text(at) => {
            match at {
                Text::Hostname | Text::Domainname => hostname(text)?,
                Text::OomScoreAdj => privilege::oom_score_adj(text)?,
                Text::Workdir => workdir(text)?,
                Text::Name => name(text)?,
                Text::Users => drop(one_of(text, "host, auto, keep-id")?),
                Text::CgroupParent => cgroup_parent(text)?,
            }
            written.set_text(at, text);
        }
        Act::Share(flag) => {
            // A network is none where it is not the host's, and as private as the others.
            let names = if flag == Flag::HostNet { "none, host, private" } else { "private, host" };
            written.set(flag, one_of(text, names)? == 1);
        }
        Act::Volume(way) => volume::add(&mut written.volumes, way, text)?,
        Act::Cpu | Act::Cpus => {
            let [quota, period] = if let Act::Cpu = act { cpu(text) } else { cpus(text) }?;
            written.limits.set(Limit::Cpu, quota);
            written.limits.set(Limit::CpuPeriod, period);
        }
        Act::Cpuset => {
            cpu_list(text)?;
            written.limits.cpuset = Some(text);
        }
        Act::Variable => written.environment.push(EnvironmentSource::Word(env::variable(text)?)),
        Act::User => written.user = Some(user::parse(text)?),
        Act::Group => written.groups.push(user::who(text, "group")?),
        Act::Device => privilege::device(&mut written.devices, text)?,
        Act::Ulimit => {
            privilege::ulimit(text)?;
            written.ulimits.push(value);
        }
        Act::Sysctl => privilege::sysctl(&mut written.sysctls, text)?,
        Act::Security => {
            let allowed = one_of(text, "no-new-privs, new-privs")? == 1;
            written.set(Flag::NewPrivileges, allowed);
            written.set(Flag::NoNewPrivileges, !allowed);
        }
        Act::AddCapabilities => written.added |= privilege::capabilities(text)?,
        Act::DropCapabilities => written.dropped |= privilege::capabilities(text)?,
        Act::Map(of) => map::add(&mut written.maps[usize::from(of)], text)?,
        _ => {}
    }
    Ok(())
}

/// A name that is written down: a letter or digit, then these and `_`, `.`, `-`; not what would be taken for a whole id.
pub fn name(text: &str) -> Parsed<()> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    let begins_well = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    match begins_well && text.len() <= 64 && text.bytes().all(fits) {
        true if !is_id(text.as_bytes()) => Ok(()),
        true => Err(text!("could be a container's id: choose one that is not 16 hexadecimal digits")),
        false => Err(text!("is no name: write letters, digits, _ . and -, a letter or digit first, 64 at most")),
    }
}

pub fn hostname(text: &str) -> Parsed<()> {
    if text.is_empty() || text.len() > 64 {
        return Err(text!("has % bytes: the kernel takes 1 to 64", digits(text.len() as u64)));
    }
    match has(text, b'/') || has(text, b' ') || visible(text).len() > text.len() {
        true => Err(text!("has a character that no host name may hold: use letters, digits, - and .")),
        false => Ok(()),
    }
}

fn workdir(text: &str) -> Parsed<()> {
    match text.starts_with('/') && !has(text, 0) {
        true => Ok(()),
        false => Err(text!("is not an absolute path inside the container: write it from /, as /srv")),
    }
}

fn cgroup_parent(text: &str) -> Parsed<()> {
    match text.starts_with('/') && !split(text, b'/').any(|part| part == "..") {
        true => Ok(()),
        false => Err(text!("is no absolute path without ..: write it from the top of the cgroups on, as /user/web")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::help::{self, Topic};

    /// An option that no help text lists could never be given. One that the table lacks does not compile.
    #[test]
    fn the_texts_list_all() {
        for (name, _) in all() {
            assert!(help::TOPICS.iter().any(|topic| help::option(*topic, name).is_some()), "{name}");
        }
    }

    /// Letters and names, with and without values.
    #[test]
    fn letters_belong_to_topics() {
        let name = |topic, flag| help::option(topic, flag).map(|(name, _)| name);
        for (topic, flag, meant) in [
            (Topic::Run, "-t", Some("--tty")),
            (Topic::Stop, "-t", Some("--time")),
            (Topic::Logs, "-f", Some("--follow")),
            (Topic::Rm, "-f", Some("--force")),
            (Topic::Run, "-f", None),
            (Topic::Ps, "-V", Some("--version")),
            (Topic::Prune, "--root", Some("--root")),
            (Topic::Run, "--root", Some("--root")),
            (Topic::Run, "--uts", Some("--uts")),
            (Topic::Run, "--rootf", None),
            (Topic::Run, "--json", None),
        ] {
            assert_eq!(name(topic, flag), meant, "{flag} of {topic:?}");
        }
    }
}
