//! The host's devices that a container has: those that were asked for, and with --privileged all that it can use.

use crate::linux::fs::AtFlags;

use crate::error::{Error, Result};
use crate::input::args::written::{Flag, Written};
use crate::kernel::device::{self, Node};
use crate::packed::text;
use crate::spec::Device;
use crate::text::{Word, shown, tail};

/// In a user namespace, which `owns_ids`, nodes are those of the host, and open to whom they are open there.
pub fn devices(run: &Written, owns_ids: bool) -> Result<&'static [Device]> {
    let mut all = Vec::new();
    let mut add = |source, path, Node { number, block, .. }, private| {
        all.push(Device { source, path, number, block, private });
    };
    for (source, path) in &run.devices {
        match device::node(source, AtFlags::empty()) {
            Ok(Some(node)) => add(*source, *path, node, false),
            Ok(None) => return Err(Error::new(text!("--device % is no device", shown(source)))),
            Err(errno) => return Err(Error::os(text!("--device %", shown(source)), errno)),
        }
    }
    if run.has(Flag::Privileged) {
        let asked = |path: Word| run.devices.iter().any(|(_, other)| *other == path);
        device::each(c"/dev", &mut |source, node| {
            let (path, private) = (tail(source, 5), !node.shared);
            if !(asked(path) || owns_ids && private) {
                add(source, path, node, private);
            }
        });
    }
    Ok(all.leak())
}
