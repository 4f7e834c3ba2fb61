//! What passes between launcher and child while the child sets itself up: 8-byte messages from the child, single
//! bytes to it, over a pair of sockets. The end of the conversation without a failure means that the command is running.
//! Nothing here allocates.

use std::os::fd::{BorrowedFd, OwnedFd};

use crate::linux;
use crate::linux::event::{PollFd, PollFlags, Timespec};
use crate::linux::io::{Errno, Result};
use crate::linux::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use crate::sys::net;

/// What the child says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Said {
    /// It begins this step of the plan's inside, which has a line in the story.
    Begins(usize),
    /// It failed in this step, and has ended.
    Failed(usize, Errno),
    /// The controlling side of its terminal comes with this message.
    Terminal,
    /// All is set up; it waits for the word to go.
    Ready,
}

/// The launcher's end and the child's.
pub fn channel() -> Result<(OwnedFd, OwnedFd)> {
    socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
}

/// What came with a message: at most six v1 groups, and copies of the mounts of as many controllers.
pub type Descriptors = heapless::Vec<OwnedFd, { net::MOST }>;

/// Sends one of the child's messages, with the descriptor that it is about.
pub fn say(socket: BorrowedFd<'_>, said: Said, descriptor: Option<BorrowedFd<'_>>) -> Result<()> {
    let (kind, step, errno) = match said {
        Said::Begins(step) => (1, step, 0),
        Said::Failed(step, errno) => (2, step, errno.raw_os_error()),
        Said::Terminal => (3, 0, 0),
        Said::Ready => (4, 0, 0),
    };
    let [step_low, step_high, ..] = step.to_le_bytes();
    let [a, b, c, d] = errno.to_le_bytes();
    net::send(socket, &[kind, 0, step_low, step_high, a, b, c, d], descriptor.as_slice())
}

/// The child's next message, and the descriptors that came with it; `None` when it has closed its end.
pub fn hear(socket: BorrowedFd<'_>, descriptors: &mut Descriptors) -> Result<Option<Said>> {
    let mut bytes = [0u8; 8];
    let length = receive(socket, &mut bytes, descriptors)?;
    let step = usize::from(u16::from_le_bytes([bytes[2], bytes[3]]));
    let errno = i32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
    let said = match (length, bytes[0]) {
        (0, _) => return Ok(None),
        (8, 1) => Said::Begins(step),
        (8, 2) => Said::Failed(step, Errno::from_raw_os_error(errno)),
        (8, 3) => Said::Terminal,
        (8, 4) => Said::Ready,
        _ => return Err(Errno::PROTO),
    };
    Ok(Some(said))
}

/// Gives the child the word to go on, and what it waits for. One that has died says why, or has nothing more to say, when
/// it is listened to.
pub fn give(socket: BorrowedFd<'_>, descriptors: &[BorrowedFd<'_>]) -> Result<()> {
    match net::send(socket, b"g", descriptors) {
        Err(Errno::PIPE | Errno::CONNRESET) => Ok(()),
        result => result,
    }
}

/// How often the launcher's word is looked for before it is slept for: in some 50 µs. To be woken takes as long, where a CPU
/// has nothing else to do.
const LOOKS: usize = 128;

/// Waits for the launcher's word, and what it gives; false when the launcher is gone. Awake for a while, where the launcher
/// has another CPU.
pub fn wait(socket: BorrowedFd<'_>, descriptors: &mut Descriptors, awake: bool) -> Result<bool> {
    let _came = awake && (0..LOOKS).any(|_| !look(socket).is_empty());
    Ok(receive(socket, &mut [0u8; 1], descriptors)? == 1)
}

/// Whether the other side is gone.
pub fn is_over(socket: BorrowedFd<'_>) -> bool {
    look(socket).contains(PollFlags::HUP)
}

/// What there is to hear.
fn look(socket: BorrowedFd<'_>) -> PollFlags {
    let mut poll = [PollFd::from_borrowed_fd(socket, PollFlags::IN)];
    match linux::event::poll(&mut poll, Some(&Timespec::default())) {
        Ok(_) => poll[0].revents(),
        Err(_) => PollFlags::empty(),
    }
}

/// The length of a message, whose descriptors are put in their place.
fn receive(socket: BorrowedFd<'_>, bytes: &mut [u8], descriptors: &mut Descriptors) -> Result<usize> {
    loop {
        match net::receive(socket, bytes, descriptors) {
            // ECONNRESET is said once when the other end went with something of ours unread; what it sent comes after.
            Err(Errno::INTR | Errno::CONNRESET) => {}
            result => return result,
        }
    }
}
