//! `contain init`: the first process of a container, or a subreaper where it is not number 1.

use crate::linux;
use crate::linux::io::Errno;

use crate::error::{Error, NOT_EXECUTABLE, Result};
use crate::kernel::program;
use crate::kernel::root::{self, Rootfs};
use crate::packed::sentence;
use crate::plan::candidates;
use crate::supervise::Outcome;
use crate::supervise::reaper::{self, Manner, Workload};
use crate::supervise::signals::Signals;
use crate::text::Word;

/// Runs the command, reaps whatever is left behind, and tells the command's status.
pub fn init(words: &[Word], environment: &[Word]) -> Result<u8> {
    if linux::process::getpid() != linux::process::Pid::INIT {
        reaper::become_subreaper()?;
    }
    look_after(words, environment, Manner::default()).map(Outcome::status)
}

/// Runs the command to its end.
pub fn look_after(words: &[Word], environment: &[Word], manner: Manner) -> Result<Outcome> {
    let signals = Signals::take()?;
    let candidates = candidates(words[0], environment);
    let workload = Workload { candidates: &candidates, arguments: words, environment, manner };
    reaper::run(&workload, signals).map_err(|errno| failure(&candidates, words[0], errno))
}

/// Why a command could not be executed that is looked for in this process's own root.
pub fn failure(candidates: &[Word], command: Word, errno: Errno) -> Error {
    match own_root() {
        Ok(own) => program::failure(&own, candidates, command, errno),
        Err(_) => Error::os(sentence!("execute the command"), errno).with_status(NOT_EXECUTABLE),
    }
}

/// The root of this process.
pub fn own_root() -> Result<Rootfs> {
    let own = root::open(c"/").map_err(|errno| Error::os("open /", errno))?;
    Ok(Rootfs { layers: vec![own], upper: None })
}
