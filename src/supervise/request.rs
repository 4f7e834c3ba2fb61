//! What `contain service` asks of process 1, and what it answers: over a socket that keeps messages apart, each of a layout
//! of its own. A request is a verb and a service's name; an answer is a message for each service that is meant, and an empty
//! one of a single byte as the last.

use std::os::fd::OwnedFd;

use crate::linux::io::Result;
use crate::linux::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with};
use heapless::Vec;

use crate::supervise::services::Entry;
use crate::text::{Word, cut, utf8};

/// The command of the boot, among the services.
pub const COMMAND: &str = "command";
/// Where process 1 is asked.
pub const PATH: Word = c"/run/contain/init.sock";
/// No message is longer.
pub const MOST: usize = 512;

/// What is asked for, by the first byte of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verb {
    /// Every service.
    List,
    /// One.
    Show,
    Start,
    Stop,
    Restart,
}

impl Verb {
    pub fn of(byte: u8) -> Option<Verb> {
        Some(match byte {
            0 => Verb::List,
            1 => Verb::Show,
            2 => Verb::Start,
            3 => Verb::Stop,
            4 => Verb::Restart,
            _ => return None,
        })
    }
}

/// A socket of the kind, and its address.
pub fn socket(flags: SocketFlags) -> Result<(OwnedFd, SocketAddrUnix)> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags.union(SocketFlags::CLOEXEC), None)?;
    Ok((socket, SocketAddrUnix::new(PATH)?))
}

/// How an answer ends.
pub const END: &[u8] = b".";
/// No service has this name.
pub const UNKNOWN: &[u8] = b"?";
/// The peer is not root.
pub const REFUSED: &[u8] = b"!";

/// The states by name, in their order.
pub const STATES: &str = "waiting running stopping pausing ended stopped";

/// One service, as an answer tells of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Told<'a> {
    /// As [`STATES`] has it.
    pub state: usize,
    /// Zero where it does not run.
    pub pid: u64,
    pub starts: u64,
    /// When it was last started, in microseconds since the boot.
    pub since: u64,
    /// How it last ended, as a shell tells it.
    pub status: Option<u8>,
    pub name: &'a str,
    /// As it was written; empty for a file of its own.
    pub log: &'a str,
}

const NUMBERS: usize = 5;
const HEAD: usize = NUMBERS * 8;

/// An answer's message. What is too long is cut off.
pub fn message(entry: &Entry) -> Vec<u8, MOST> {
    let status = entry.outcome.map_or(u64::MAX, |outcome| outcome.status().into());
    let pid = entry.pid.map_or(0, |pid| pid.as_raw_pid() as u64);
    let mut message = Vec::new();
    for number in &[entry.state as u64, pid, entry.starts.into(), entry.since, status] {
        let _room = message.extend_from_slice(&number.to_ne_bytes());
    }
    for text in &[entry.service.name.as_bytes(), &[0], entry.service.log.to_bytes()] {
        let _full = message.extend_from_slice(text);
    }
    message
}

/// Reads one.
pub fn read(message: &[u8]) -> Option<Told<'_>> {
    let (head, texts) = message.split_at_checked(HEAD)?;
    let mut numbers = [0; NUMBERS];
    for (number, bytes) in numbers.iter_mut().zip(head.chunks_exact(8)) {
        *number = u64::from_ne_bytes(bytes.try_into().ok()?);
    }
    let [state, pid, starts, since, status] = numbers;
    let (name, log) = cut(utf8(texts)?, 0)?;
    Some(Told { state: state as usize, pid, starts, since, status: u8::try_from(status).ok(), name, log })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{Kind, Service};
    use crate::supervise::Outcome;
    use crate::supervise::services::Table;

    #[test]
    fn what_is_written_is_read() {
        let service = Service::plain("web", Kind::Service, "");
        service.log = c"/var/log/web";
        let mut table = Table::new(&[service], &mut |_, _| {});
        let mut told = Told { state: 0, pid: 0, starts: 0, since: 0, status: None, name: "web", log: "/var/log/web" };
        assert_eq!(read(&message(&table.entries[0])), Some(told));
        table.step(0, 77);
        let pid = rustix::process::Pid::from_raw(5);
        table.started(0, pid, 77);
        told = Told { state: 1, pid: 5, starts: 1, since: 77, ..told };
        assert_eq!(read(&message(&table.entries[0])), Some(told));
        table.exited(pid.unwrap(), Outcome::Killed(9), 78);
        told = Told { state: 3, pid: 0, status: Some(137), ..told };
        assert_eq!(read(&message(&table.entries[0])), Some(told));
        assert_eq!(STATES.split(' ').nth(told.state), Some("pausing"));
    }

    #[test]
    fn what_is_no_message_is_none() {
        assert_eq!((read(b""), read(END), read(&[0; HEAD]), read(&[0xff; MOST])), (None, None, None, None));
    }
}
