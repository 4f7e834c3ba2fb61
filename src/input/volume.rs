//! `--volume SRC:DST[:OPTIONS]` and `--tmpfs DST[:OPTIONS]` as written.

use std::ffi::CString;

use crate::spec::{Volume, VolumeKind};

/// `SRC:DST[:ro,...]`. The source stays as written: relative to the caller's directory where it does not begin with `/`.
pub fn bind(text: &str) -> Result<Volume, String> {
    const RIGHT: &str = "write SRC:DST or SRC:DST:ro, as /srv/data:/data:ro";
    let mut parts = text.splitn(3, ':');
    let (source, target) = match (parts.next(), parts.next()) {
        (Some(source), Some(target)) if !source.is_empty() => (source, target),
        _ => return Err(format!("has no source and target: {RIGHT}")),
    };
    let mut volume = Volume {
        kind: VolumeKind::Bind { source: CString::new(source).map_err(|_| NUL)? },
        target: absolute(target, RIGHT)?,
        read_only: false,
        no_exec: false,
        no_suid: false,
        no_dev: false,
    };
    for option in parts.next().unwrap_or_default().split(',').filter(|option| !option.is_empty()) {
        if !flag(&mut volume, option) {
            return Err(format!("has an unknown option {option}: known are ro, rw, noexec, nosuid and nodev"));
        }
    }
    Ok(volume)
}

/// `DST[:size=64m,mode=1777,...]`: nosuid and nodev, as docker and podman have it; the rest is tmpfs(5)'s.
pub fn tmpfs(text: &str) -> Result<Volume, String> {
    const RIGHT: &str = "write DST or DST:size=64m, as /tmp:size=64m,mode=1777";
    let (target, options) = text.split_once(':').unwrap_or((text, ""));
    if target.contains(',') {
        return Err(format!("has a comma in its target: {RIGHT}"));
    }
    let mut volume = Volume {
        kind: VolumeKind::Tmpfs { options: CString::default() },
        target: absolute(target, RIGHT)?,
        read_only: false,
        no_exec: false,
        no_suid: true,
        no_dev: true,
    };
    let mut own = Vec::new();
    for option in options.split(',').filter(|option| !option.is_empty()) {
        if !flag(&mut volume, option) {
            let known = ["size=", "mode=", "uid=", "gid=", "nr_inodes=", "nr_blocks="];
            if !known.iter().any(|key| option.starts_with(key)) {
                return Err(format!(
                    "has an unknown option {option}: known are size=, mode=, uid=, gid=, nr_inodes=, ro, noexec"
                ));
            }
            own.push(option);
        }
    }
    volume.kind = VolumeKind::Tmpfs { options: CString::new(own.join(",")).map_err(|_| NUL)? };
    Ok(volume)
}

const NUL: &str = "has a NUL byte, which no path can hold";

/// Sets the mount flag that `option` names; false for a word that is none.
fn flag(volume: &mut Volume, option: &str) -> bool {
    match option {
        "ro" => volume.read_only = true,
        "rw" => volume.read_only = false,
        "noexec" => volume.no_exec = true,
        "exec" => volume.no_exec = false,
        "nosuid" => volume.no_suid = true,
        "nodev" => volume.no_dev = true,
        _ => return false,
    }
    true
}

/// A target inside the container: absolute, and not the root itself.
fn absolute(target: &str, right: &str) -> Result<CString, String> {
    if !target.starts_with('/') {
        return Err(format!("has a target that is not absolute: {right}"));
    }
    if target.split('/').any(|part| part == "..") {
        return Err(format!("has .. in its target: {right}"));
    }
    if target.split('/').all(|part| part.is_empty() || part == ".") {
        return Err("would cover the whole root: name a directory below /".into());
    }
    CString::new(target).map_err(|_| NUL.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binds() {
        let volume = bind("data:/mnt:ro,noexec").unwrap();
        assert_eq!(volume.kind, VolumeKind::Bind { source: c"data".into() });
        assert!(volume.read_only && volume.no_exec && !volume.no_dev);
        assert_eq!(volume.target.as_c_str(), c"/mnt");
        for text in ["", "/a", ":/b", "/a:", "/a:b", "/a:/", "/a:/.//", "/a:/b:rx"] {
            assert!(bind(text).is_err(), "{text}");
        }
    }

    #[test]
    fn tmpfses() {
        let volume = tmpfs("/tmp:size=64m,noexec,mode=1777").unwrap();
        assert_eq!(volume.kind, VolumeKind::Tmpfs { options: c"size=64m,mode=1777".into() });
        assert!(volume.no_exec && volume.no_suid && volume.no_dev);
        for text in ["", "tmp", "/", "/tmp:what", "/tmp:sizes=1"] {
            assert!(tmpfs(text).is_err(), "{text}");
        }
    }
}
