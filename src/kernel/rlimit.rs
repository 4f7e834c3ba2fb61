//! The limits that setrlimit(2) puts on a process. A soft and a hard one, by the number that the kernel gives them.

use std::ffi::CStr;

use crate::linux::io::Result;
use crate::linux::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::kernel::identity;
use crate::text::{cut, limits, utf8};

const RESOURCES: [Resource; 16] = [
    Resource::Cpu,
    Resource::Fsize,
    Resource::Data,
    Resource::Stack,
    Resource::Core,
    Resource::Rss,
    Resource::Nproc,
    Resource::Nofile,
    Resource::Memlock,
    Resource::As,
    Resource::Locks,
    Resource::Sigpending,
    Resource::Msgqueue,
    Resource::Nice,
    Resource::Rtprio,
    Resource::Rttime,
];

/// The soft and the hard limit of `NAME=SOFT` or `NAME=SOFT:HARD`, which has been checked.
pub fn numbers(word: &CStr) -> [u64; 2] {
    let values = cut(utf8(word.to_bytes()).unwrap_or_default(), b'=').and_then(|(_, values)| limits(values));
    values.unwrap_or([u64::MAX; 2])
}

/// Sets one. Called between clone and exec.
pub fn set(which: u32, word: &CStr) -> Result<()> {
    weak!("weak-limits", return Ok(()));
    let [current, maximum] = numbers(word).map(Some);
    setrlimit(resource(which), Rlimit { current, maximum })
}

/// The highest hard limit that may be set, by this process or from a user namespace that it makes.
pub fn most(which: u32, from_below: bool) -> u64 {
    // CAP_SYS_RESOURCE, where it counts.
    match from_below || identity::held() & 1 << 24 == 0 {
        true => getrlimit(resource(which)).maximum.unwrap_or(u64::MAX),
        false => u64::MAX,
    }
}

fn resource(which: u32) -> Resource {
    RESOURCES[which as usize % RESOURCES.len()]
}
