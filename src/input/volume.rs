//! `--volume SRC:DST[:OPTIONS]`, `--tmpfs DST[:OPTIONS]` and `--mount KEY=VALUE,...` as written. They differ in where source
//! and target stand; what else may be said is one table.

use crate::input::number::{Parsed, wrong};
use crate::input::settings::word;
use crate::packed::{Sentence, sentence, text};
use crate::spec::{Flags, Volume, VolumeKind};
use crate::text::{after, before, has, lines, place, split};

const BIND: Sentence = sentence!("write SRC:DST or SRC:DST:ro, as /srv/data:/data:ro");
const TMPFS: Sentence = sentence!("write DST or DST:size=64m, as /tmp:size=64m,mode=1777");
const MOUNT: Sentence = sentence!("write type=bind,source=/srv/data,target=/data, or type=tmpfs,target=/tmp");

/// What an option does.
#[derive(Clone, Copy)]
enum Act {
    /// Sets these flags, or takes them back.
    Set(u8),
    Clear(u8),
    Kind,
    Source,
    Target,
    /// Is one of the words for that.
    Propagation,
    /// Is tmpfs(5)'s own.
    Own,
}

// Where an option may stand.
const V: u8 = 1;
const TMP: u8 = 2;
const BIND_MOUNT: u8 = 4;
const TMP_MOUNT: u8 = 8;
const MOUNTS: u8 = BIND_MOUNT | TMP_MOUNT;
const BINDS: u8 = V | BIND_MOUNT;
const ALL: u8 = V | TMP | MOUNTS;
const HEARS: u8 = Flags::SLAVE | Flags::SHARED;

macro_rules! words {
    ($($name:literal $at:ident $act:expr;)*) => {
        const NAMES: &str = concat!($($name, "\n"),*);
        const ACTS: &[(u8, Act)] = &[$(($at, $act)),*];
    };
}

words! {
    "ro" ALL Act::Set(Flags::READ);
    "rw" ALL Act::Clear(Flags::READ);
    "noexec" ALL Act::Set(Flags::NO_EXEC);
    "exec" ALL Act::Clear(Flags::NO_EXEC);
    "nosuid" ALL Act::Set(Flags::NO_SUID);
    "suid" ALL Act::Clear(Flags::NO_SUID);
    "nodev" ALL Act::Set(Flags::NO_DEV);
    "dev" ALL Act::Clear(Flags::NO_DEV);
    // Of all that is mounted below, with or without the r.
    "private" BINDS Act::Clear(HEARS);
    "rprivate" BINDS Act::Clear(HEARS);
    "slave" BINDS Act::Set(Flags::SLAVE);
    "rslave" BINDS Act::Set(Flags::SLAVE);
    "shared" BINDS Act::Set(Flags::SHARED);
    "rshared" BINDS Act::Set(Flags::SHARED);
    "bind" V Act::Set(Flags::ALONE);
    "rbind" V Act::Clear(Flags::ALONE);
    "idmap" BINDS Act::Set(Flags::ID_MAP);
    "bind-nonrecursive" BIND_MOUNT Act::Set(Flags::ALONE);
    "bind-propagation" BIND_MOUNT Act::Propagation;
    "readonly" MOUNTS Act::Set(Flags::READ);
    "type" MOUNTS Act::Kind;
    "source" BIND_MOUNT Act::Source;
    "src" BIND_MOUNT Act::Source;
    "target" MOUNTS Act::Target;
    "dst" MOUNTS Act::Target;
    "destination" MOUNTS Act::Target;
    "size" TMP Act::Own;
    "mode" TMP Act::Own;
    "uid" TMP Act::Own;
    "gid" TMP Act::Own;
    "nr_inodes" TMP Act::Own;
    "nr_blocks" TMP Act::Own;
    "tmpfs-size" TMP_MOUNT Act::Own;
    "tmpfs-mode" TMP_MOUNT Act::Own;
}

/// The option that a volume is written with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// `SRC:DST[:ro,...]`. The source stays as written: relative to the caller's directory where it does not begin with `/`.
    Volume,
    /// `DST[:size=64m,mode=1777,...]`: nosuid and nodev, as docker and podman have it; the rest is tmpfs(5)'s.
    Tmpfs,
    /// `type=bind,source=SRC,target=DST,...`, as docker and podman spell it; a bind where no type is named.
    Mount,
}

/// Adds one.
#[inline(never)]
pub fn add(volumes: &mut Vec<Volume>, way: Way, text: &str) -> Parsed<()> {
    let (mut source, mut rest) = ("", text);
    if way == Way::Volume {
        source = before(text, b':');
        match after(text, b':') {
            Some(more) if !source.is_empty() => rest = more,
            _ => return Err(wrong(sentence!("has no source and target: "), BIND)),
        }
    }
    let (mut target, mut options) = (before(rest, b':'), after(rest, b':').unwrap_or_default());
    let mut at = if way == Way::Volume { V } else { TMP };
    if way == Way::Mount {
        (target, options) = ("", text);
        let kind = split(text, b',').filter_map(|option| option.strip_prefix("type=")).last().unwrap_or("bind");
        at = match place("bind\ntmpfs", kind.as_bytes()) {
            Some(0) => BIND_MOUNT,
            Some(_) => TMP_MOUNT,
            None => return Err(text!("has the type %: known are bind and tmpfs", kind)),
        };
    }
    let is_tmpfs = at & BINDS == 0;
    let right = if at & MOUNTS != 0 { MOUNT } else { [BIND, TMPFS][usize::from(is_tmpfs)] };
    let mut flags = if is_tmpfs { Flags::NO_SUID | Flags::NO_DEV } else { 0 };
    let mut own = String::new();
    for option in split(options, b',') {
        // As in `ro,`.
        if option.is_empty() {
            continue;
        }
        let (name, mut value) = (before(option, b'='), after(option, b'=').unwrap_or_default());
        let Some(mut act) = act(at, name) else { return Err(unknown(at, option)) };
        if let Act::Propagation = act {
            act = match self::act(V, value) {
                Some(act @ (Act::Set(bits) | Act::Clear(bits))) if bits & HEARS != 0 => act,
                _ => return Err(text!("has %: write private, slave or shared", option)),
            };
            value = "";
        }
        match act {
            Act::Set(bits) | Act::Clear(bits) => {
                let sets = match place("\ntrue\n1\nfalse\n0", value.as_bytes()) {
                    Some(place) => matches!(act, Act::Set(_)) == (place < 3),
                    None => return Err(text!("has %: write % or %=false", option, name, name)),
                };
                // These two exclude each other.
                flags &= !(if bits & HEARS != 0 { HEARS } else { bits });
                if sets {
                    flags |= bits;
                }
            }
            Act::Source => source = value,
            Act::Target => target = value,
            Act::Own if value.is_empty() => return Err(unknown(at, option)),
            Act::Own => {
                own.push_str(if own.is_empty() { "" } else { "," });
                own.push_str(option.strip_prefix("tmpfs-").unwrap_or(option));
            }
            // They were looked at before.
            Act::Kind | Act::Propagation => {}
        }
    }
    if !is_tmpfs && source.is_empty() {
        return Err(wrong(sentence!("has no source: "), right));
    }
    check(target, is_tmpfs, right)?;
    let (target, flags) = (word(target), Flags(flags));
    let kind = match is_tmpfs {
        false => VolumeKind::Bind { source: word(source) },
        true => VolumeKind::Tmpfs { options: word(&own) },
    };
    volumes.push(Volume { kind, target, flags });
    Ok(())
}

/// What an option does, where it may be said so.
fn act(at: u8, name: &str) -> Option<Act> {
    place(NAMES, name.as_bytes()).map(|row| ACTS[row]).filter(|(places, _)| places & at != 0).map(|(_, act)| act)
}

fn unknown(at: u8, option: &str) -> &'static str {
    let mut text = String::from(text!("has an unknown option %: known are", option));
    let mut between = " ";
    for (name, (places, act)) in lines(NAMES).zip(ACTS) {
        if places & at != 0 {
            let value = if matches!(act, Act::Set(_) | Act::Clear(_)) { "" } else { "=" };
            text.extend([between, name, value]);
            between = ", ";
        }
    }
    text.leak()
}

/// A target inside the container: absolute, and not the root itself.
fn check(target: &str, is_tmpfs: bool, right: Sentence) -> Parsed<()> {
    if is_tmpfs && has(target, b',') {
        return Err(wrong(sentence!("has a comma in its target: "), right));
    }
    if !target.starts_with('/') {
        return Err(wrong(sentence!("has a target that is not absolute: "), right));
    }
    let mut is_root = true;
    for part in split(target, b'/') {
        match part {
            "" | "." => {}
            ".." => return Err(wrong(sentence!("has .. in its target: "), right)),
            _ => is_root = false,
        }
    }
    if is_root { Err(text!("would cover the whole root: name a directory below /")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(way: Way, text: &str) -> Parsed<Volume> {
        let mut volumes = Vec::new();
        add(&mut volumes, way, text).map(|()| volumes[0])
    }

    fn bind(text: &str) -> Parsed<Volume> {
        one(Way::Volume, text)
    }

    fn tmpfs(text: &str) -> Parsed<Volume> {
        one(Way::Tmpfs, text)
    }

    fn mount(text: &str) -> Parsed<Volume> {
        one(Way::Mount, text)
    }

    #[test]
    fn binds() {
        let volume = bind("data:/mnt:ro,noexec,").unwrap();
        assert_eq!(volume.kind, VolumeKind::Bind { source: c"data" });
        assert_eq!((volume.flags, volume.target), (Flags(Flags::READ | Flags::NO_EXEC), c"/mnt"));
        let flags = |text| bind(text).unwrap().flags.0;
        assert_eq!(flags("/a:/b:ro,rw,noexec,exec,bind,rbind,nosuid=false"), 0);
        assert_eq!(flags("/a:/b:rslave,shared,bind"), Flags::SHARED | Flags::ALONE);
        assert_eq!((flags("/a:/b:shared,slave"), flags("/a:/b:shared,rprivate")), (Flags::SLAVE, 0));
        for text in ["", "/a", ":/b", "/a:", "/a:b", "/a:/", "/a:/.//", "/a:/b:rx", "/a:/b:size=1", "/a:/b:ro=maybe"] {
            assert!(bind(text).is_err(), "{text}");
        }
    }

    #[test]
    fn tmpfses() {
        let volume = tmpfs("/tmp:size=64m,noexec,mode=1777").unwrap();
        assert_eq!(volume.kind, VolumeKind::Tmpfs { options: c"size=64m,mode=1777" });
        assert_eq!(volume.flags, Flags::NO_SUID_DEV_EXEC);
        assert_eq!(tmpfs("/tmp:suid,dev").unwrap().flags, Flags::NONE);
        for text in ["", "tmp", "/", "/tmp:what", "/tmp:sizes=1", "/tmp:size", "/tmp:slave", "/a,b"] {
            assert!(tmpfs(text).is_err(), "{text}");
        }
    }

    #[test]
    fn mounts() {
        let same = |text, other: Parsed<Volume>| assert_eq!(mount(text), other, "{text}");
        same("type=bind,source=/a,target=/b,readonly", bind("/a:/b:ro"));
        same("src=a b,dst=/b,bind-propagation=rslave,ro=false", bind("a b:/b:slave"));
        same("destination=/b,bind-nonrecursive=true,src=/a", bind("/a:/b:bind"));
        same("target=/t,tmpfs-size=1m,tmpfs-mode=700,type=tmpfs,dev", tmpfs("/t:size=1m,mode=700,dev"));
        for text in [
            "",
            "type=volume,src=a,dst=/b",
            "dst=/b",
            "src=/a",
            "src=/a,dst=b",
            "src=/a,dst=/b,tmpfs-size=1",
            "type=tmpfs,dst=/b,src=/a",
            "type=tmpfs,dst=/b,size=1",
            "src=/a,dst=/b,bind-propagation=ro",
            "src=/a,dst=/b,bind-propagation",
            "src=/a,dst=/b,slaves",
        ] {
            assert!(mount(text).is_err(), "{text}");
        }
    }
}
