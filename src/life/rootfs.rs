//! Opens what a container's root is made of, and says what is wrong with it: a directory, an image, or layers of these.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use crate::linux;
use crate::linux::io::Errno;

use crate::error::{Error, Result, hint_for, name};
use crate::input::args::written::{Flag, Path, Written};
use crate::kernel::root::{self, Rootfs};
use crate::kernel::{identity, layer, mount};
use crate::packed::{Sentence, sentence, text};
use crate::plan::shell_line;
use crate::spec::Spec;
use crate::text::{Word, fill, kept_below, kept_one, shown};

/// Opens the layers, the lowest of which comes first, and writes down what they are.
pub fn open(run: &Written, paths: &[Word], spec: &mut Spec) -> Result<&'static mut Rootfs> {
    // Held for as long as this process lives: so it is moved and closed nowhere.
    let rootfs = Box::leak(Box::new(Rootfs { layers: Vec::new(), upper: None }));
    let (mut images, mut is_one) = (Vec::new(), false);
    for path in paths {
        let (opened, kind) = open_layer(path)?;
        is_one |= root::looks_like_one(opened.as_fd());
        rootfs.layers.push(opened);
        images.push(kind);
        spec.rootfs = path;
    }
    if !is_one {
        let text = text!("rootfs % has none of bin, usr and etc: unpack a root file system there");
        return Err(Error::new(fill(text, &[shown(spec.rootfs)])));
    }
    let is_plain = matches!(images.as_slice(), [kind] if kind.is_empty());
    spec.read_only = run.has(Flag::ReadOnly);
    if run.has(Flag::Overlay) {
        spec.overlay = c"tmpfs";
        if let Some(path) = run.path(Path::Overlay) {
            spec.overlay = absolute(path)?;
            // Nothing is made where the steps are only told.
            if !run.has(Flag::DryRun) {
                open_upper(spec.overlay, rootfs)?;
            }
        }
    } else if is_plain {
        return Ok(rootfs);
    } else {
        // There is nowhere to write to.
        spec.read_only = true;
    }
    let mut layers = Vec::new();
    for path in paths {
        spec.rootfs = absolute(path)?;
        layers.push(spec.rootfs);
    }
    (spec.layers, spec.images) = (layers.leak(), images.leak());
    Ok(rootfs)
}

const UPPER_HINTS: Sentence = sentence!(concat!(
    "EAGAIN a running container has it: each needs a directory of its own\t",
    "ELOOP it lies in the rootfs: choose one beside it",
));

#[inline(never)]
fn open_upper(path: Word, rootfs: &mut Rootfs) -> Result<()> {
    let upper = layer::open_upper(path, &rootfs.layers).map_err(|errno| {
        let text = text!("open --overlay %", shown(path));
        Error::os(text, errno).with_hint(hint_for(UPPER_HINTS.get(), name(errno)))
    })?;
    // It has been there before: what was written then is seen first.
    match mount::real_directory(upper.as_fd(), c"upper") {
        Ok(layer) => rootfs.layers.push(layer),
        Err(Errno::NOENT) => {}
        Err(errno) => {
            let text = text!("open --overlay %/upper", shown(path));
            return Err(
                Error::os(text, errno).with_hint(sentence!("it must be a directory, no link: contain makes it"))
            );
        }
    }
    rootfs.upper = Some(upper);
    Ok(())
}

/// As the child finds it, which stands elsewhere.
pub fn absolute(path: Word) -> Result<Word> {
    if path.to_bytes().starts_with(b"/") {
        return Ok(path);
    }
    let here = linux::process::getcwd(Vec::new())
        .map_err(|errno| Error::os(sentence!("find the working directory"), errno))?;
    Ok(kept_below(here.to_bytes(), path.to_bytes()))
}

const HINTS: Sentence = sentence!(concat!(
    "ENOENT name an unpacked root file system: --rootfs DIR, $CONTAIN_ROOTFS, or a first word that is a directory\t",
    "ENOTDIR it is neither a directory nor an image of squashfs, erofs or ext4\t",
    "EACCES this user may not read it: run contain as root",
));

/// A directory, or the root directory of an image, and that one's file system.
#[inline(never)]
fn open_layer(path: &CStr) -> Result<(OwnedFd, Word)> {
    let shown = shown(path);
    let failed = |errno| {
        let hint = hint_for(HINTS.get(), name(errno));
        Error::os(text!("open rootfs %", shown), errno).with_hint(hint)
    };
    let opened = match root::open(path) {
        Err(Errno::NOTDIR) => return open_image(path, &failed),
        opened => opened.map_err(failed)?,
    };
    let look = |errno| Error::os(text!("look into rootfs %", shown), errno);
    let wrong = |sentence: Sentence| Error::new(sentence.fill(&[shown]));
    if root::is_host_root(opened.as_fd()).map_err(look)? {
        return Err(wrong(sentence!("rootfs % is this machine's own root: name a directory with another one")));
    }
    if root::is_noexec(opened.as_fd()).map_err(look)? {
        return Err(wrong(sentence!("rootfs % is on a file system mounted noexec: nothing there can be executed"))
            .with_hint(sentence!("remount it: mount -o remount,exec MOUNTPOINT")));
    }
    Ok((opened, c""))
}

const IMAGE_HINTS: Sentence = sentence!(concat!(
    "ENOENT,ENXIO,ENODEV this kernel lacks loop devices or that file system: modprobe loop\t",
    "EPERM,EACCES the kernel mounts images for root only: unpack it into a directory\t",
    "EINVAL,EIO,EUCLEAN,EBADMSG it is damaged or cut off, or too new for this kernel: see dmesg",
));

#[inline(never)]
fn open_image(path: &CStr, failed: &dyn Fn(Errno) -> Error) -> Result<(OwnedFd, Word)> {
    let (file, kind) = layer::open_image(path).map_err(failed)?;
    if kind == c"tar" {
        let line = shell_line(&[kept_one(path.to_bytes())]);
        let text = text!("rootfs % is an archive: mkdir rootfs && tar -xf % -C rootfs", shown(path), &line);
        return Err(Error::new(text));
    }
    if kind.is_empty() {
        return Err(failed(Errno::NOTDIR));
    }
    let mounted = match identity::is_administrator() {
        true => layer::mount_image(path, file.as_fd(), kind),
        false => Err(Errno::PERM),
    };
    mounted.map(|mounted| (mounted, kind)).map_err(|errno| {
        let text = text!("mount the % in rootfs %", shown(kind), shown(path));
        Error::os(text, errno).with_hint(hint_for(IMAGE_HINTS.get(), name(errno)))
    })
}
