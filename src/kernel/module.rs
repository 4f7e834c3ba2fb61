//! Modules of the kernel, loaded by name with those that they need, and by what the devices say of themselves, with the
//! lists that depmod(8) makes: modules.dep, modules.alias, modules.builtin. For a child that ends afterwards: the lists of a
//! distribution are megabytes, which stay in memory.

use std::os::fd::AsFd;

use crate::linux;
use crate::linux::fs::{CWD, Mode, OFlags, openat};
use crate::linux::io::Errno;

use crate::error::{Error, Result};
use crate::kernel::file;
use crate::packed::text;
use crate::sys;
use crate::text::{Word, cut, cut_last, has, kept, kept_below, kept_one, kept_two, lines, shown, split};

/// Where the modules of the running kernel lie.
pub fn place() -> Word {
    kept_two(b"/lib/modules/", linux::system::uname().release().to_bytes())
}

/// Whether one of the aliases is a device's, which begins with the bus, `virtio:`; that of a node in /dev is none.
fn names_devices(aliases: &str) -> bool {
    lines(aliases).any(|line| has(line, b':') && !line.starts_with("alias devname:"))
}

pub struct Modules<'a> {
    place: Word,
    /// `kernel/fs/xfs/xfs.ko: kernel/lib/libcrc32c.ko`, a line for each.
    needs: &'static str,
    /// `alias virtio:d00000002v* virtio_blk`, a line for each.
    aliases: &'static str,
    /// The words of the kernel command line: MODULE.PARAMETER=VALUE is a module's, as modprobe(8) has it.
    words: &'a [Word],
    /// Those that were loaded or could not be.
    tried: Vec<&'static str>,
}

impl<'a> Modules<'a> {
    pub fn new(place: Word, words: &'a [Word]) -> Self {
        let (needs, aliases) = (list(place, "/modules.dep"), list(place, "/modules.alias"));
        Modules { place, needs, aliases, words, tried: Vec::new() }
    }

    /// Loads a module with what it needs, or those that go by this name. One that is built in is there already.
    pub fn load(&mut self, name: &str) -> Result<()> {
        let mut failed = None;
        let mut keep = |error| failed = Some(error);
        let known = self.insert(name, &mut keep) || self.insert_all(&[name.into()], &mut keep);
        match failed {
            Some(error) => Err(error),
            None if known || self.is_there(name) => Ok(()),
            None => Err(Error::new(text!("load the module %: there is none below %", name, shown(self.place)))),
        }
    }

    /// Loads what the devices that are there ask for, until what was loaded brings no new ones.
    pub fn plug(&mut self, tell: &mut dyn FnMut(Error)) {
        // To look for them takes longer than all else in a boot.
        if !names_devices(self.aliases) {
            return;
        }
        let mut seen: Vec<String> = Vec::new();
        loop {
            let before = seen.len();
            devices(&mut |alias| {
                if !seen.contains(&alias) {
                    seen.push(alias);
                }
            });
            let new = seen.get(before..).unwrap_or_default();
            if new.is_empty() {
                return;
            }
            self.insert_all(new, &mut |error| {
                // The driver has looked, and the device is none for it.
                if error.errno() != Some(Errno::NODEV) {
                    tell(error);
                }
            });
        }
    }

    /// Loads what an alias for one of these names names; whether there is any.
    fn insert_all(&mut self, names: &[String], tell: &mut dyn FnMut(Error)) -> bool {
        let mut any = false;
        for line in lines(self.aliases) {
            let alias = line.strip_prefix("alias ").and_then(|line| cut(line, b' '));
            let Some((pattern, module)) = alias else { continue };
            if names.iter().any(|name| matches(pattern.as_bytes(), name.as_bytes())) {
                any |= self.insert(module, tell);
            }
        }
        any
    }

    /// Loads a module after those that it needs; whether there is one of this name.
    fn insert(&mut self, name: &str, tell: &mut dyn FnMut(Error)) -> bool {
        let Some((file, needs)) = line_of(self.needs, name) else { return false };
        if !self.tried.contains(&file) {
            self.tried.push(file);
            for needed in split(needs, b' ') {
                self.insert(stem(needed), tell);
            }
            if let Err(error) = self.insert_one(file) {
                tell(error);
            }
        }
        true
    }

    fn insert_one(&self, path: &str) -> Result<()> {
        let mut parameters = String::new();
        for word in self.words {
            if let Some((module, parameter)) = cut(shown(word), b'.')
                && is_same(module, stem(path))
            {
                parameters.push_str(parameter);
                parameters.push(' ');
            }
        }
        let is_compressed = !path.ends_with(".ko");
        // Where it is not absolute.
        let place = if path.starts_with('/') { "" } else { shown(self.place) };
        let file = kept_below(place.as_bytes(), path.strip_prefix('/').unwrap_or(path).as_bytes());
        let doing = || text!("load the module %", shown(file));
        let loaded = openat(CWD, file, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            .and_then(|file| sys::module::load(file.as_fd(), kept_one(parameters.as_bytes()), is_compressed));
        match loaded {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(Errno::OPNOTSUPP | Errno::INVAL) if is_compressed => Err(Error::new(text!(
                "%: this kernel does not unpack it, for which it needs CONFIG_MODULE_DECOMPRESS (Linux 5.17)",
                &doing()
            ))),
            Err(errno) => Err(Error::os(doing(), errno)),
        }
    }

    /// Whether it is built in, or loaded from elsewhere.
    fn is_there(&self, name: &str) -> bool {
        let known = kept_two(b"/sys/module/", name.as_bytes());
        file::place(known).is_some()
            || lines(list(self.place, "/modules.builtin")).any(|path| is_same(stem(path), name))
    }
}

/// One of the lists; empty where there is none.
fn list(place: Word, name: &str) -> &'static str {
    file::read_text(CWD, kept_two(place.to_bytes(), name.as_bytes())).unwrap_or_default()
}

/// What each device says it is: `virtio:d00000002v00001AF4`.
fn devices(each: &mut dyn FnMut(String)) {
    let open = |path: Word| openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let mut look = |path: Word| {
        let Ok(devices) = open(path) else { return };
        let _some = file::names(devices.as_fd(), &mut |device| {
            if let Ok(text) = file::read_text(devices.as_fd(), kept_two(device.to_bytes(), b"/modalias")) {
                lines(text).for_each(|alias| each(alias.into()));
            }
        });
    };
    let Ok(buses) = open(c"/sys/bus") else { return };
    let _some = file::names(buses.as_fd(), &mut |bus| look(kept(&[b"/sys/bus/", bus.to_bytes(), b"/devices"])));
    // Keys and buttons are on no bus.
    look(c"/sys/class/input");
}

/// The file of the module with this name, and those that it needs, in the text of a modules.dep.
fn line_of<'a>(list: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    lines(list).filter_map(|line| cut(line, b':')).find(|(file, _)| is_same(stem(file), name))
}

/// A module's name, from that of its file.
fn stem(path: &str) -> &str {
    let name = cut_last(path, b'/').map_or(path, |(_, name)| name);
    cut(name, b'.').map_or(name, |(stem, _)| stem)
}

/// Dashes and underscores are the same in a module's name.
fn is_same(one: &str, other: &str) -> bool {
    let plain = |b: u8| if b == b'-' { b'_' } else { b };
    one.len() == other.len() && one.bytes().zip(other.bytes()).all(|(one, other)| plain(one) == plain(other))
}

/// As fnmatch(3), as far as aliases go: `*`, `?`, and `[0-9a]`.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // What comes after the last star, and where it was tried.
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', rest @ ..] = pattern {
            pattern = rest;
            star = Some((rest, text));
        } else if pattern.is_empty() && text.is_empty() {
            return true;
        } else if let [byte, after @ ..] = text
            && let Some(rest) = step(pattern, *byte)
        {
            (pattern, text) = (rest, after);
        } else {
            // The star takes one byte more, where there is one.
            let Some((rest, [_, after @ ..])) = star else { return false };
            (pattern, text, star) = (rest, after, Some((rest, after)));
        }
    }
}

/// What is left of a pattern that begins with something for this byte.
fn step(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    match pattern {
        [b'[', rest @ ..] => {
            let end = rest.iter().position(|b| *b == b']')?;
            let (mut set, rest) = (rest.get(..end)?, rest.get(end + 1..)?);
            loop {
                set = match set {
                    [first, b'-', last, ..] if (*first..=*last).contains(&byte) => return Some(rest),
                    [_, b'-', _, more @ ..] => more,
                    [one, ..] if *one == byte => return Some(rest),
                    [_, more @ ..] => more,
                    [] => return None,
                };
            }
        }
        [one, rest @ ..] if *one == b'?' || *one == byte => Some(rest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_dependencies() {
        let list = "kernel/fs/xfs/xfs.ko: kernel/lib/libcrc32c.ko\n/lib/x/virtio-rng.ko.xz:\nsd_mod.ko.zst: scsi_mod.ko a.ko\n";
        assert_eq!(line_of(list, "xfs"), Some(("kernel/fs/xfs/xfs.ko", " kernel/lib/libcrc32c.ko")));
        assert_eq!(line_of(list, "virtio_rng"), Some(("/lib/x/virtio-rng.ko.xz", "")));
        assert_eq!(line_of(list, "sd-mod"), Some(("sd_mod.ko.zst", " scsi_mod.ko a.ko")));
        for none in ["xf", "xfs.ko", "", "libcrc32c", "fs"] {
            assert_eq!(line_of(list, none), None, "{none}");
        }
    }

    #[test]
    fn aliases_of_devices() {
        let none = "# Aliases extracted from modules themselves.\nalias fs-overlay overlay\n\
                    alias devname:loop-control loop\nalias block-major-7-* loop\n";
        assert!(!names_devices(none) && !names_devices(""));
        for device in ["alias virtio:d00000002v* virtio_blk\n", "alias platform:i8042 i8042"] {
            assert!(names_devices(&[none, device].concat()), "{device}");
        }
    }

    #[test]
    fn patterns_of_aliases() {
        for (pattern, text, expected) in [
            ("virtio:d00000002v*", "virtio:d00000002v00001AF4", true),
            ("virtio:d00000002v*", "virtio:d00000001v00001AF4", false),
            ("pci:v00001AF4d*sv*sd*bc*sc*i*", "pci:v00001AF4d00001005sv00001AF4sd00000004bc00scFFi00", true),
            ("pci:v*d*sv*sd*bc02sc80i*", "pci:v00001AF4d00001005sv00001AF4sd00000004bc00scFFi00", false),
            ("acpi*:PNP0C0C:*", "acpi:PNP0C0C:", true),
            ("usb:v0403p[0-79A]d?", "usb:v0403p9d1", true),
            ("usb:v0403p[0-79A]d?", "usb:v0403p8d1", false),
            ("usb:v0403p[0-79A]d?", "usb:v0403p7d", false),
            ("a[", "a[", false),
            ("a[]b", "ab", false),
            ("a[-9]", "a9", true),
            ("*a*b", "aXbab", true),
            ("*a*b", "aXba", false),
            ("", "", true),
            ("*", "", true),
            ("?", "", false),
            ("fs-xfs", "fs-xfs", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }
}
