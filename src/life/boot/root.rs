//! The root of the machine: that of the initramfs, or another that is mounted, and switched to.

use std::ffi::CStr;
use std::os::fd::OwnedFd;

use crate::linux;
use crate::linux::fs::{CWD, StatVfsMountFlags, statvfs};
use crate::linux::mount::MountFlags;

use crate::error::{Error, Result};
use crate::input::mount::{Options, READ_ONLY, REMOUNT};
use crate::input::settings::word;
use crate::kernel::{device, layer, mount, program, root, switch};
use crate::life::boot::source::Source;
use crate::life::init::own_root;
use crate::machine::{Choice, Machine, Mode, Text, Time};
use crate::packed::{sentence, text};
use crate::sys::process::Vector;
use crate::sys::signal::{Set, block, reset_dispositions};
use crate::sys::watchdog;
use crate::text::Word;

/// Where the new root is until it is one.
const NEW: &CStr = c"/sysroot";
/// What an overlay root is made of, to be seen by whoever unmounts at the end.
const LOWER: &CStr = c"/run/contain.lower";
const UPPER: &CStr = c"/run/contain.upper";

/// Lower and upper layer of an overlay root, which lies on top of them. Nobody can unmount them while they are held; at the
/// end they are to be made read-only, by /proc/self/fd/N.
pub type Kept = Vec<OwnedFd>;

/// What the kernel tries where nobody names one.
const INITS: [Word; 4] = [c"/sbin/init", c"/etc/init", c"/bin/init", c"/bin/sh"];

/// What moves with the root. An init has a mind of its own about the last.
const MOVED: [Word; 5] = [c"/dev", c"/proc", c"/sys", c"/run", c"/tmp"];

/// Makes the root what it is meant to be. In `Mode::Switch` the init of the new root takes over, with these words.
#[inline(never)]
pub fn enter(machine: &Machine, words: &[Word], environment: &[Word]) -> Result<Kept> {
    let (doing, done) = if !root::is_initramfs() {
        (text!("remount the root for writing, as rw says"), remount(machine))
    } else if machine.text(Text::Root).is_empty() {
        (text!("make the root pivotable"), root::make_pivotable())
    } else {
        crate::linux::thread::sleep(machine.time(Time::RootDelay).saturating_mul(1000));
        let kept = mount_new(machine)?;
        let init = word(machine.text(Text::Init));
        let inits: &[Word] = match machine.mode() {
            Mode::Switch if init == INITS[0] => &INITS,
            Mode::Switch => &[init],
            _ => &[],
        };
        let mounts = MOVED.split_at(if inits.is_empty() { 5 } else { 4 });
        let init = switch::switch_to(NEW, inits, mounts)?;
        return if inits.is_empty() { Ok(kept) } else { Err(become_init(init, words, environment)) };
    };
    done.map_err(|errno| Error::os(doing, errno)).map(|()| Kept::new())
}

/// A root that the kernel mounted, or the init before this one.
fn remount(machine: &Machine) -> linux::io::Result<()> {
    let is_read_only = statvfs(c"/")?.f_flag.contains(StatVfsMountFlags::RDONLY);
    match is_read_only && !machine.is(Choice::ReadOnly) && !machine.text(Text::Root).is_empty() {
        true => mount::mount_as(c"", c"/", c"", REMOUNT, c""),
        false => Ok(()),
    }
}

/// Mounts the new root, with the layers below it where it has any.
fn mount_new(machine: &Machine) -> Result<Kept> {
    let overlay = machine.text(Text::Overlay);
    let has_layers = !overlay.is_empty();
    let mut options = Options::parse(machine.text(Text::RootFlags));
    if machine.is(Choice::ReadOnly) || has_layers {
        options.flags |= READ_ONLY;
    }
    let patience = machine.time(Time::RootWait);
    let source = |place, name, filesystem, options| Source { place, name, filesystem, options, patience };
    let at = |target, source: Source<'_>| {
        let _there = device::make_directory(CWD, target);
        source.mount(target)
    };
    let lower = source("root=", machine.text(Text::Root), machine.text(Text::RootType), options);
    at(if has_layers { LOWER } else { NEW }, lower)?;
    if !has_layers {
        return Ok(Kept::new());
    }
    let upper = if overlay == "tmpfs" { "tmpfs" } else { "auto" };
    at(UPPER, source("contain.overlay=", overlay, upper, Options::default()))?;
    let _there = device::make_directory(CWD, NEW);
    let lay = || {
        let layers = vec![root::open(LOWER)?, root::open(UPPER)?];
        layer::mount_overlay(&layers, true, c"", MountFlags::empty(), (NEW, NEW)).map(|_| layers)
    };
    lay().map_err(|errno| Error::os(sentence!("lay contain.overlay= over root="), errno))
}

/// Executes the init of the new root. Returns only with why it could not be.
fn become_init(init: Word, words: &[Word], environment: &[Word]) -> Error {
    reset_dispositions();
    let _never = block(Set::EMPTY);
    let (first, environment) = ([init], Vector::new(&[], environment));
    // It knows of no watchdog that it has to feed.
    watchdog::release();
    let errno = program::execute(&first, &Vector::new(&first, words), &environment);
    match own_root() {
        Ok(root) => program::failure(&root, &first, init, errno),
        Err(error) => error,
    }
}

/// `switch_root NEWROOT INIT [ARG...]`, for the script that is an initramfs's init.
pub fn switch_root(words: &[Word], environment: &[Word]) -> Result<u8> {
    let [new_root, init, words @ ..] = words else {
        return Err(Error::usage(sentence!(
            "switch_root wants a new root and its init: switch_root /sysroot /sbin/init"
        )));
    };
    let init = switch::switch_to(new_root, &[init], (&MOVED[..4], &[]))?;
    Err(become_init(init, words, environment))
}
