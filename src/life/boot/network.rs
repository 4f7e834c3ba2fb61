//! The network of the machine: its name, and the interfaces as they are wanted.

use std::os::fd::{AsFd, OwnedFd};

use crate::linux;
use crate::linux::fs::CWD;
use crate::linux::io::{read, write};
use crate::linux::pipe::{PipeFlags, pipe_with};
use crate::linux::process::{Pid, setsid};
use crate::linux::stdio::{dup2_stdout, stderr};
use crate::linux::system::sethostname;

use crate::error::{Error, Result, SET_UP};
use crate::kernel::file;
use crate::kernel::net::route::Address;
use crate::kernel::net::{raise, wait};
use crate::life::boot::spawn::OWN;
use crate::life::boot::tell;
use crate::life::network::{Setup, configure, missing, write_servers};
use crate::machine::{self, Kind, Machine, Net, Service, Text};
use crate::packed::{sentence, text};
use crate::sys::clock::since_boot;
use crate::sys::process::{Cloned, Vector, clone3, execve, exit_now};
use crate::sys::signal::{Set, block, reset_dispositions};
use crate::text::{Word, kept_one, kept_two, lines, shown, words};

/// How long the boot waits for interfaces, carriers and leases, in microseconds; after that it goes on without.
const PATIENCE: u64 = 10_000_000;

/// Gives the machine its name: that of the settings, or of /etc/hostname. Where there is none a DHCP server may give one.
pub fn name(machine: &Machine) {
    let text = file::read_text(CWD, c"/etc/hostname").unwrap_or_default();
    let written = lines(text).find_map(|line| words(line).first().copied().filter(|word| !word.starts_with('#')));
    let set = machine.text(Text::Hostname);
    let name = if set.is_empty() { written.unwrap_or_default() } else { set };
    if !name.is_empty()
        && let Err(errno) = sethostname(name.as_bytes())
    {
        tell::failure(&Error::os(text!("name the machine %", name), errno));
    }
}

/// A service of process 1's own, and its process where it has been started.
pub type Client = (&'static Service, Option<Pid>);

/// Configures every interface that is wanted, and waits until they are, or the time is over. What keeps leases goes on as
/// services.
#[inline(never)]
pub fn set_up(machine: &Machine, environment: &[Word]) -> Vec<Client> {
    let until = since_boot() + PATIENCE;
    // Servers take their time; meanwhile the others are configured.
    let (mut asked, mut clients) = (Vec::new(), Vec::new());
    for net in &machine.nets {
        // What a DHCP server names takes their place.
        let mut servers = Vec::new();
        net.servers.iter().filter(|server| server[0] != 0).for_each(|server| servers.extend_from_slice(server));
        if let Err(error) = write_servers(&servers, "") {
            fail(net, &error);
        }
        if net.address == machine::Address::Dhcp {
            let service = client(net);
            let pid = match start(service.command, environment) {
                Ok((pid, answer)) => {
                    asked.push((net, answer));
                    Some(pid)
                }
                Err(errno) => {
                    fail(net, &Error::os(sentence!("start contain dhcp"), errno));
                    None
                }
            };
            clients.push((service, pid));
        }
    }
    for net in &machine.nets {
        if let Err(error) = fixed(net, until) {
            fail(net, &error);
        }
    }
    for (net, answer) in asked {
        wait(&[answer.as_fd()], until.saturating_sub(since_boot()));
        let mut line = [0; 128];
        match read(&answer, &mut line[..]) {
            // It has told why.
            Ok(0) => {}
            Ok(length) => drop(write(stderr(), line.get(..length).unwrap_or_default())),
            Err(_) => {
                fail(net, &Error::new(sentence!("no DHCP server has answered in 10 s: the boot goes on without")))
            }
        }
    }
    clients
}

/// What keeps the lease of an interface.
fn client(net: &Net) -> &'static Service {
    let mut command = vec![OWN, c"dhcp"];
    if !net.interface.is_empty() {
        command.push(kept_one(net.interface.as_bytes()));
    }
    let name = shown(kept_two(b"dhcp-", net.interface.as_bytes()));
    let service = Service::plain(name, Kind::Service, net.place);
    (service.command, service.log) = (command.leak(), c"kmsg");
    service
}

/// Tells an error of a line of the settings.
fn fail(net: &Net, error: &Error) {
    tell::failure(&Error::new(text!("%: %", net.place, &error.sentence())));
}

/// Gives an interface an address that is written down.
fn fixed(net: &Net, until: u64) -> Result<()> {
    let machine::Address::Static { address, prefix, gateway } = net.address else { return Ok(()) };
    let link = raise(net.interface, until).map_err(|errno| missing(net.interface, errno))?;
    let address = Address { index: link.index, address, prefix, lifetime: u32::MAX };
    let [a, b, c, d] = gateway;
    let routes: &[u8] = if a == 0 { &[] } else { &[0, a, b, c, d] };
    configure(&link, &Setup { address, routes, servers: &[], domain: "" })?;
    match link.runs {
        true => Ok(()),
        false => Err(Error::new(text!("% has no carrier: is its cable connected?", link.name()))),
    }
}

/// Starts `contain dhcp`, which writes a line to the pipe when the interface is configured.
fn start(command: &[Word], environment: &[Word]) -> linux::io::Result<(Pid, OwnedFd)> {
    let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    let words = Vector::new(&[c"contain"], command.get(1..).unwrap_or_default());
    let environment = Vector::new(&[], environment);
    match clone3(0, None)? {
        Cloned::Parent { child, .. } => Ok((child, ours)),
        Cloned::Child => {
            // The console is the command's to have as its terminal.
            let _leader = setsid();
            reset_dispositions();
            let _open = dup2_stdout(&theirs).and_then(|()| block(Set::EMPTY));
            execve(OWN, &words, &environment);
            exit_now(SET_UP)
        }
    }
}
