//! What passes between launcher and child while the child sets itself up: 8-byte messages over a pair of sockets. The
//! end of the conversation without a failure means that the command is running.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::{Errno, IoSlice, IoSliceMut, Result};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

/// What the child says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Said {
    /// It begins this step of the plan's inside, which has a line in the story.
    Begins(usize),
    /// It failed in this step, and has ended.
    Failed(usize, Errno),
    /// The controlling side of its terminal comes with this message.
    Terminal,
    /// The directories of its v1 groups come with this message, in the plan's order.
    Groups,
    /// It has found groups that killed launchers left.
    Leftovers,
    /// All is set up; it waits for the word to go.
    Ready,
}

/// The launcher's end and the child's.
pub fn channel() -> Result<(OwnedFd, OwnedFd)> {
    socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
}

/// Most descriptors that come with one message: v1 has five controllers to make groups in.
const MOST: usize = 5;

/// Sends one message, with the descriptors that it is about.
pub fn say(socket: BorrowedFd<'_>, said: Said, descriptors: &[BorrowedFd<'_>]) -> Result<()> {
    let (kind, step, errno) = match said {
        Said::Begins(step) => (1, step, 0),
        Said::Failed(step, errno) => (2, step, errno.raw_os_error()),
        Said::Terminal => (3, 0, 0),
        Said::Ready => (4, 0, 0),
        Said::Groups => (5, 0, 0),
        Said::Leftovers => (6, 0, 0),
    };
    let [step_low, step_high, ..] = step.to_le_bytes();
    let [a, b, c, d] = errno.to_le_bytes();
    let bytes = [kind, 0, step_low, step_high, a, b, c, d];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(Errno::NOBUFS);
    }
    sendmsg(socket, &[IoSlice::new(&bytes)], &mut ancillary, SendFlags::NOSIGNAL).map(drop)
}

/// The child's next message and the descriptors that came with it; `None` when it has closed its end.
pub fn hear(socket: &OwnedFd) -> Result<Option<(Said, Vec<OwnedFd>)>> {
    let mut bytes = [0u8; 8];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        match recvmsg(socket, &mut [IoSliceMut::new(&mut bytes)], &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
            // ECONNRESET is said once when the other end went with something of ours unread; what it sent comes after.
            Err(Errno::INTR | Errno::CONNRESET) => {}
            result => break result?,
        }
    };
    let mut descriptors = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            descriptors.extend(received);
        }
    }
    let step = usize::from(u16::from_le_bytes([bytes[2], bytes[3]]));
    let errno = i32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
    let said = match (received.bytes, bytes[0]) {
        (0, _) => return Ok(None),
        (8, 1) => Said::Begins(step),
        (8, 2) => Said::Failed(step, Errno::from_raw_os_error(errno)),
        (8, 3) => Said::Terminal,
        (8, 4) => Said::Ready,
        (8, 5) => Said::Groups,
        (8, 6) => Said::Leftovers,
        _ => return Err(Errno::PROTO),
    };
    Ok(Some((said, descriptors)))
}

/// The launcher's word to go on.
pub fn release(socket: &OwnedFd) -> Result<()> {
    rustix::net::send(socket.as_fd(), b"g", SendFlags::NOSIGNAL).map(drop)
}

/// Waits for the launcher's word; false when the launcher is gone.
pub fn await_release(socket: BorrowedFd<'_>) -> Result<bool> {
    let mut byte = [0u8; 1];
    loop {
        match rustix::io::read(socket, &mut byte) {
            Err(Errno::INTR | Errno::CONNRESET) => {}
            result => return result.map(|count| count == 1),
        }
    }
}
