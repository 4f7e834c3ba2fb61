//! `contain exec`: a short plan that joins a container instead of making one. In every other respect the command is set
//! up as the container's own was, and may no more.

use crate::plan::step::{Act, Case, Cases, Step, add};
use crate::plan::{Namespaces, Person, Plan, Program, order};
use crate::spec::Seccomp;
use crate::text::{Word, kept_one};

/// A command that is to run in a container that is there already.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Guest {
    /// Those that this kernel has: the container's are joined whether they are its own or the host's.
    pub namespaces: Namespaces,
    /// The container has groups to be entered through their `tasks` files (cgroup v1).
    pub grouped: bool,
    /// Never empty.
    pub command: &'static [Word],
    pub environment: &'static [Word],
    pub person: Person,
    pub tty: bool,
    /// Nobody waits for it.
    pub detached: bool,
}

/// What the launcher joins for its child: numbers of processes count for children only, and to join those of a user
/// namespace takes what one may only there.
const EARLY: u32 = Namespaces::PID | Namespaces::USER;

fn joining(step: &mut Step, namespaces: Namespaces) {
    (step.with, step.number) = (kept_one(namespaces.names().as_bytes()), namespaces.0);
}

pub fn plan(guest: Guest) -> Box<Plan> {
    let Guest { namespaces, person, .. } = guest;
    weak!("weak-privileges", person = Person { new_privileges: true, ..person });
    let program = Program::of(guest.command, guest.environment, false);
    let mut cases = Cases::default();
    cases[Case::Always as usize] = true;
    cases[Case::NoNewPrivileges as usize] = !person.new_privileges;
    cases[Case::Groups as usize] = guest.grouped;
    cases[Case::Tty as usize] = guest.tty;
    cases[Case::Redirected as usize] = guest.detached;
    let filtered = person.seccomp.name != Seccomp::UNCONFINED;
    cases[Case::Filtered as usize] = filtered && !person.new_privileges;
    cases[Case::FilteredEarly as usize] = filtered && person.new_privileges;
    let mut inside = Vec::new();
    order::each(order::JOINING, &cases, &mut |mut step| {
        if step.act == Act::JoinNamespaces {
            joining(&mut step, namespaces.without(EARLY));
        }
        if step.act == Act::SetUlimit {
            return person.limit(step, &mut inside);
        }
        person.fill(&mut step, &program);
        inside.push(step);
    });
    // Before the clone: what the container can reach of its guest is nothing that it can look into.
    let mut before = Vec::new();
    person.score(&mut before);
    add(&mut before, Act::ForbidDumps, c"");
    if namespaces.has(EARLY) {
        joining(add(&mut before, Act::JoinPid, c""), Namespaces(namespaces.0 & EARLY));
    }
    let (beside, after, shown) = (Vec::new(), Vec::new(), Vec::new());
    Box::new(Plan { before, namespaces: Namespaces::NONE, beside, inside, after, shown, person, program })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::User;

    fn lines(tty: bool, detached: bool, grouped: bool) -> String {
        let guest = Guest {
            namespaces: Namespaces(Namespaces::ALL.iter().map(|(_, kind)| kind).sum())
                .without(Namespaces::IPC | Namespaces::USER),
            grouped,
            command: &[c"sh", c"-c", c"a b"],
            environment: &[c"PATH=/bin"],
            person: Person {
                user: User { uid: 1, gid: 2, groups: &[3] },
                capabilities: 1,
                new_privileges: false,
                ulimits: &[c"nofile=64:128"],
                oom_score_adj: c"-5",
                seccomp: Seccomp { name: c"profile.json", program: &[1, 2, 3] },
                workdir: c"/srv",
                keeps_groups: false,
                tells: true,
            },
            tty,
            detached,
        };
        plan(guest).text()
    }

    #[test]
    fn a_guest_with_a_terminal() {
        let wanted = "write -5 to /proc/self/oom_score_adj
be not dumpable until the command runs
join pid
clone
start a session that ends with contain
join cgroups through tasks
join uts mnt net cgroup
open a terminal as standard streams
start a session keyring
limit capabilities to CHOWN
forbid new privileges
set ulimit nofile=64:128
become user 1 group 2,3
enter directory /srv
close descriptors from 3
wait for the word to go
reset signals, umask 022
install seccomp filter profile.json
execute sh -c 'a b'
";
        assert_eq!(lines(true, false, true), wanted);
    }

    #[test]
    fn a_guest_that_is_left() {
        let text = lines(false, true, false);
        assert!(!text.contains("cgroups") && !text.contains("terminal"), "{text}");
        assert!(text.contains("send output to the log\n"), "{text}");
    }
}
