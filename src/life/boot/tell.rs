//! What process 1 tells while it boots: nobody is there to read an exit status, and a boot goes on after most failures.

use crate::error::Error;
use crate::linux;
use crate::log;
use crate::packed::Sentence;

/// Tells a failure, where there was one.
pub fn failed(doing: Sentence, done: linux::io::Result<()>) {
    if let Err(errno) = done {
        failure(&Error::os(doing.get(), errno));
    }
}

/// Tells a failure after which the boot goes on.
pub fn failure(error: &Error) {
    log::error(error.sentence());
}
