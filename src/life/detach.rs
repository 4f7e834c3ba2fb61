//! Leaving a container: the launcher goes on as a process of its own, in its own session, and the caller's process ends
//! once the container runs, or tells why it does not.

use std::cell::Cell;
use std::os::fd::{AsFd, OwnedFd};

use crate::linux;
use crate::linux::fs::{CWD, Mode, OFlags, openat};
use crate::linux::io::Errno;
use crate::linux::pipe::{PipeFlags, pipe_with};
use crate::linux::process::Signal;
use crate::linux::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};

use crate::error::{Error, Result};
use crate::kernel::file::write_all;
use crate::packed::sentence;
use crate::sys::process::{Cloned, clone3, exit_now};
use crate::sys::signal::reset;
use crate::text::cut;

/// The way back to the process that waits for the container to run: one byte, 0 when it does; else an exit status, and
/// the sentence and the hint of an error.
pub struct Caller(Cell<Option<OwnedFd>>);

/// Lives `life`, which tells its exit status, in a child in a session of its own. What it fails with before it has called
/// [`Caller::release`] is this function's error.
pub fn detach(life: &mut dyn FnMut(&Caller) -> Result<u8>) -> Result<u8> {
    let failed = |errno| Error::os(sentence!("leave the container in the background"), errno);
    let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC).map_err(failed)?;
    match clone3(0, None).map_err(failed)? {
        Cloned::Child => {
            drop(ours);
            // What its caller ignored, as a shell has it for `&`, would be lost for `contain stop` too.
            for signal in &[Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM] {
                reset(*signal);
            }
            let caller = Caller(Cell::new(Some(theirs)));
            let lived = linux::process::setsid().map_err(failed).and_then(|_| life(&caller));
            if let Err(error) = &lived {
                let mut text = [&[error.status()], error.sentence().as_bytes(), &[0], error.hint().as_bytes()].concat();
                text.truncate(4096);
                caller.say(&text);
            }
            exit_now(lived.unwrap_or_else(|error| error.status()))
        }
        Cloned::Parent { .. } => {
            drop(theirs);
            heard(&read_answer(&ours).map_err(failed)?)
        }
    }
}

/// What the child says at once: less than a pipe takes in one piece (pipe(7), PIPE_BUF).
fn read_answer(pipe: &OwnedFd) -> linux::io::Result<Vec<u8>> {
    let mut answer = vec![0; 4096];
    loop {
        match linux::io::read(pipe, &mut answer) {
            Err(Errno::INTR) => {}
            read => {
                answer.truncate(read?);
                return Ok(answer);
            }
        }
    }
}

/// What came back.
fn heard(bytes: &[u8]) -> Result<u8> {
    let Some((status, text)) = bytes.split_first() else {
        return Err(Error::new(sentence!("the process that was to wait for the container was killed")));
    };
    if *status == 0 {
        return Ok(0);
    }
    let text = String::from_utf8_lossy(text).into_owned().leak();
    let (sentence, hint) = cut(text, 0).unwrap_or((text, ""));
    Err(Error::new(sentence).with_hint(hint).with_status(*status))
}

impl Caller {
    /// Lets the caller's process end, and lets go of all that was the caller's: streams and directory.
    pub fn release(&self) -> Result<()> {
        let let_go = || {
            let null = openat(CWD, c"/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
            dup2_stdin(&null)?;
            dup2_stdout(&null)?;
            dup2_stderr(&null)?;
            linux::process::chdir(c"/")
        };
        let_go().map_err(|errno| Error::os(sentence!("let go of the caller's terminal"), errno))?;
        self.say(&[0]);
        Ok(())
    }

    /// Says one thing. A caller that was killed meanwhile does not matter.
    fn say(&self, bytes: &[u8]) {
        if let Some(pipe) = self.0.take() {
            let _gone = write_all(pipe.as_fd(), bytes);
        }
    }
}
