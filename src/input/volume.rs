//! `--volume SRC:DST[:OPTIONS]` and `--tmpfs DST[:OPTIONS]` as written.

use crate::input::number::{Parsed, wrong};
use crate::spec::{Volume, VolumeKind};
use crate::text::{Word, cut, fill, has, kept, place, split};

const BIND: &str = "write SRC:DST or SRC:DST:ro, as /srv/data:/data:ro";
const TMPFS: &str = "write DST or DST:size=64m, as /tmp:size=64m,mode=1777";

/// `SRC:DST[:ro,...]`. The source stays as written: relative to the caller's directory where it does not begin with `/`.
pub fn bind(text: &str) -> Parsed<Volume> {
    match cut(text, b':') {
        Some((source, rest)) if !source.is_empty() => volume(Some(source), rest),
        _ => wrong("has no source and target: ", BIND),
    }
}

/// `DST[:size=64m,mode=1777,...]`: nosuid and nodev, as docker and podman have it; the rest is tmpfs(5)'s.
pub fn tmpfs(text: &str) -> Parsed<Volume> {
    volume(None, text)
}

/// What may be asked of any, in pairs: that it is not so, or that it is. `suid` and `dev`, which stand empty, cannot be asked
/// for.
const FLAGS: &str = "rw\nro\nexec\nnoexec\n\nnosuid\n\nnodev";

/// `DST[:...]`, with the source of a bind.
fn volume(source: Option<&str>, text: &str) -> Parsed<Volume> {
    let is_tmpfs = source.is_none();
    let (right, own, known) = match is_tmpfs {
        false => (BIND, "", "ro, rw, noexec, nosuid and nodev"),
        true => {
            (TMPFS, "size\nmode\nuid\ngid\nnr_inodes\nnr_blocks", "size=, mode=, uid=, gid=, nr_inodes=, ro, noexec")
        }
    };
    let (target, options) = cut(text, b':').unwrap_or((text, ""));
    check(target, is_tmpfs, right)?;
    let mut flags = [false, false, is_tmpfs, is_tmpfs];
    let mut rest = String::new();
    for option in split(options, b',') {
        // As in `ro,`.
        if option.is_empty() {
            continue;
        }
        if let Some(at) = place(FLAGS, option.as_bytes()) {
            flags[at / 2] = at % 2 == 1;
            continue;
        }
        if cut(option, b'=').and_then(|(key, _)| place(own, key.as_bytes())).is_none() {
            return Err(fill("has an unknown option %: known are %", &[option, known]).leak());
        }
        rest.push_str(if rest.is_empty() { "" } else { "," });
        rest.push_str(option);
    }
    let kind = match source {
        Some(source) => VolumeKind::Bind { source: word(source)? },
        None => VolumeKind::Tmpfs { options: word(&rest)? },
    };
    let [read_only, no_exec, no_suid, no_dev] = flags;
    Ok(Volume { kind, target: word(target)?, read_only, no_exec, no_suid, no_dev })
}

fn word(text: &str) -> Parsed<Word> {
    if has(text, 0) { Err("has a NUL byte, which no path can hold") } else { Ok(kept(&[text.as_bytes()])) }
}

/// A target inside the container: absolute, and not the root itself.
fn check(target: &str, is_tmpfs: bool, right: &str) -> Parsed<()> {
    if is_tmpfs && has(target, b',') {
        return wrong("has a comma in its target: ", right);
    }
    if !target.starts_with('/') {
        return wrong("has a target that is not absolute: ", right);
    }
    let mut is_root = true;
    for part in split(target, b'/') {
        match part {
            "" | "." => {}
            ".." => return wrong("has .. in its target: ", right),
            _ => is_root = false,
        }
    }
    if is_root { Err("would cover the whole root: name a directory below /") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binds() {
        let volume = bind("data:/mnt:ro,noexec,").unwrap();
        assert_eq!(volume.kind, VolumeKind::Bind { source: c"data" });
        assert!(volume.read_only && volume.no_exec && !volume.no_dev);
        assert_eq!(volume.target, c"/mnt");
        for text in ["", "/a", ":/b", "/a:", "/a:b", "/a:/", "/a:/.//", "/a:/b:rx", "/a:/b:suid"] {
            assert!(bind(text).is_err(), "{text}");
        }
    }

    #[test]
    fn tmpfses() {
        let volume = tmpfs("/tmp:size=64m,noexec,mode=1777").unwrap();
        assert_eq!(volume.kind, VolumeKind::Tmpfs { options: c"size=64m,mode=1777" });
        assert!(volume.no_exec && volume.no_suid && volume.no_dev);
        for text in ["", "tmp", "/", "/tmp:what", "/tmp:sizes=1"] {
            assert!(tmpfs(text).is_err(), "{text}");
        }
    }
}
