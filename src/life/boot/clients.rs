//! Those who ask process 1 about services, over a socket: a few at a time, each held to a time and to one request, and none
//! is ever waited for. The rest waits in the kernel until one is done.

use std::os::fd::OwnedFd;

use crate::linux;
use crate::linux::event::{PollFd, PollFlags};
use crate::linux::fs::{CWD, Mode, mkdirat};
use crate::linux::io::{Errno, Result, read, write};
use crate::linux::net::sockopt::socket_peercred;
use crate::linux::net::{SocketFlags, accept_with, bind, listen};

use crate::life::boot::tell;
use crate::packed::sentence;
use crate::supervise::request::{self, END, MOST, REFUSED, UNKNOWN, Verb};
use crate::supervise::services::{Entry, NEVER, SECOND, Table, Time};
use crate::sys::clock::since_boot as now;
use crate::text::utf8;

/// How many are listened to at a time.
const COUNT: usize = 8;
/// How long one may take to ask, and to read what it is answered.
const PATIENCE: Time = 10 * SECOND;

/// What process 1 waits for of its clients and itself.
pub type Descriptors<'a> = heapless::Vec<PollFd<'a>, 16>;

/// Carries a request out.
pub type Act<'a> = &'a mut dyn FnMut(&mut Entry, Verb);

pub struct Clients {
    listener: Option<OwnedFd>,
    clients: Vec<Option<Client>>,
}

struct Client {
    socket: OwnedFd,
    /// When it is given up.
    due: Time,
    asked: Option<Asked>,
    /// It does not take more now.
    full: bool,
}

/// What is still to be told.
struct Asked {
    next: usize,
    end: usize,
    /// Not before all that was asked for is done.
    settled: bool,
}

impl Clients {
    /// Where there can be no socket, nobody can ask.
    pub fn listen() -> Clients {
        let listener = bound();
        tell::failed(
            sentence!("listen at /run/contain/init.sock"),
            listener.as_ref().map(drop).map_err(|errno| *errno),
        );
        Clients { listener: listener.ok(), clients: (0..COUNT).map(|_| None).collect() }
    }

    /// Adds what to wait for; without a place for another client, none is listened to.
    pub fn interests<'a>(&'a self, descriptors: &mut Descriptors<'a>) {
        for client in &self.clients {
            let Some(client) = client else { continue };
            let flags = if client.full { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
            let _room = descriptors.push(PollFd::new(&client.socket, flags));
        }
        if let Some(listener) = self.listener.as_ref().filter(|_| self.clients.iter().any(Option::is_none)) {
            let _room = descriptors.push(PollFd::new(listener, PollFlags::IN));
        }
    }

    /// When the first is to be given up.
    pub fn next_due(&self) -> Time {
        let mut due = NEVER;
        for client in &self.clients {
            due = client.as_ref().map_or(due, |client| due.min(client.due));
        }
        due
    }

    /// Lets another in, takes requests and goes on with the answers; whether there is something to do for one of them.
    #[inline(never)]
    pub fn serve(&mut self, table: &mut Table, by: Time, act: Act<'_>) -> bool {
        let (now, mut busy) = (now(), false);
        if let (Some(free), Some(listener)) = (self.clients.iter_mut().find(|client| client.is_none()), &self.listener)
        {
            *free = accept(listener, now);
        }
        for place in &mut self.clients {
            let Some(client) = place else { continue };
            match client.go_on(table, act) {
                // What was asked for is done before it is told.
                Ok(()) => (client.due, busy) = (by.saturating_add(PATIENCE), true),
                Err(Errno::AGAIN) if client.due > now => {}
                Err(_) => *place = None,
            }
        }
        busy
    }
}

fn bound() -> Result<OwnedFd> {
    let _there = mkdirat(CWD, c"/run/contain", Mode::RWXU);
    let (socket, address) = request::socket(SocketFlags::NONBLOCK)?;
    bind(&socket, &address)?;
    linux::fs::chmod(request::PATH, Mode::RUSR | Mode::WUSR)?;
    listen(&socket, 16)?;
    Ok(socket)
}

/// The next who knocks; one that is not root is told so.
fn accept(listener: &OwnedFd, now: Time) -> Option<Client> {
    let socket = accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK).ok()?;
    if !socket_peercred(&socket).is_ok_and(|peer| peer.uid.is_root()) {
        let _gone = write(&socket, REFUSED);
        return None;
    }
    Some(Client { socket, due: now.saturating_add(PATIENCE), asked: None, full: false })
}

impl Client {
    /// Takes the request; then tells, as far as that goes now. The error is EAGAIN where that is not the end.
    fn go_on(&mut self, table: &mut Table, act: Act<'_>) -> Result<()> {
        let mut message = [0; MOST];
        match (read(&self.socket, &mut message), &mut self.asked) {
            (Ok(length @ 1..), None) => {
                self.asked = Some(self.take(message.get(..length).unwrap_or_default(), table, act)?);
                Ok(())
            }
            (Err(Errno::AGAIN), Some(asked)) => {
                let told = asked.tell(&self.socket, table);
                self.full = told == Err(Errno::NOBUFS);
                told.map_err(|errno| if errno == Errno::NOBUFS { Errno::AGAIN } else { errno })
            }
            (Err(errno), _) => Err(errno),
            // Whoever has gone, or asks twice, is not answered.
            _ => Err(Errno::PIPE),
        }
    }

    fn take(&self, message: &[u8], table: &mut Table, act: Act<'_>) -> Result<Asked> {
        let verb = message.first().and_then(|byte| Verb::of(*byte)).ok_or(Errno::INVAL)?;
        if verb == Verb::List {
            return Ok(Asked { next: 0, end: table.entries.len(), settled: false });
        }
        let name = utf8(message.get(1..).unwrap_or_default()).unwrap_or_default();
        let Some(place) = table.find(name) else {
            let _gone = write(&self.socket, UNKNOWN);
            return Err(Errno::NOENT);
        };
        if let Some(entry) = table.entries.get_mut(place) {
            act(entry, verb);
        }
        Ok(Asked { next: place, end: place.saturating_add(1), settled: verb != Verb::Show })
    }
}

impl Asked {
    /// Never the end without an error: EAGAIN while something is not done, ENOBUFS while the socket is full, EPIPE when all is
    /// told.
    fn tell(&mut self, socket: &OwnedFd, table: &Table) -> Result<()> {
        let send = |bytes: &[u8]| {
            let sent = write(socket, bytes).map(drop);
            sent.map_err(|errno| if errno == Errno::AGAIN { Errno::NOBUFS } else { errno })
        };
        while let Some(entry) = table.entries.get(self.next).filter(|_| self.next < self.end) {
            if self.settled && !entry.is_settled() {
                return Err(Errno::AGAIN);
            }
            send(&request::message(entry))?;
            self.next += 1;
        }
        send(END)?;
        Err(Errno::PIPE)
    }
}
