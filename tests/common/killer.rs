//! A command under ptrace(2), of which processes are killed when a chosen one is about to make its Nth system call.
//! strace(1) injects by kind of call, and into every process alike; here one process is meant, and every call.

use std::collections::BTreeMap;
use std::ffi::{c_int, c_long, c_void};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

unsafe extern "C" {
    fn ptrace(request: c_int, pid: c_int, address: *mut c_void, data: *mut c_void) -> c_long;
    fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
}

const TRACEME: c_int = 0;
const CONT: c_int = 7;
const DETACH: c_int = 17;
const SYSCALL: c_int = 24;
const SETOPTIONS: c_int = 0x4200;
const GETEVENTMSG: c_int = 0x4201;
const GET_SYSCALL_INFO: c_int = 0x420e;
/// TRACESYSGOOD, TRACEFORK, TRACEVFORK, TRACECLONE and TRACEEXEC.
const OPTIONS: usize = 0x1f;
/// __WALL and __WNOTHREAD: what this thread traces, and nobody else's children.
const WAIT: c_int = 0x6000_0000;
const SIGTRAP: c_int = 5;
const SIGSTOP: c_int = 19;
const EVENT_EXEC: c_int = 4;

/// Whom to kill, and when. Processes are numbered in the order of their birth; the command itself is 0.
#[derive(Clone, Copy, Debug)]
pub struct Death<'a> {
    pub watched: usize,
    /// Before this system call of it, counted from 0.
    pub call: usize,
    pub victims: &'a [usize],
}

pub struct Ended {
    /// The number of the call before which death came; `None` where the process did not come so far.
    pub at: Option<u64>,
    /// The command's own status, as for [`super::code`].
    pub code: i32,
}

struct Traced {
    number: usize,
    calls: usize,
    /// It has made the stop that every traced process begins with.
    started: bool,
}

/// Runs the command to its own end. What it leaves behind goes on, untraced. The others are let go when they execute a
/// program. A process that never comes so far but waits is killed there: that is its last call.
pub fn run(mut command: Command, death: Death<'_>) -> Ended {
    // SAFETY: between fork and exec this makes one system call and nothing else.
    unsafe {
        command.pre_exec(|| {
            request(TRACEME, 0, 0, 0);
            Ok(())
        })
    };
    let first = command.spawn().expect("spawn").id() as c_int;
    let (_over, patience) = channel::<()>();
    std::thread::spawn(move || {
        if patience.recv_timeout(super::PATIENCE) == Err(RecvTimeoutError::Timeout) {
            eprintln!("the traced command hangs, giving up: {command:?}");
            std::process::exit(101);
        }
    });
    let mut numbers = vec![first];
    let mut all = BTreeMap::from([(first, Traced { number: 0, calls: 0, started: false })]);
    let (mut at, mut code) = (None, None);
    let (_done, ended) = channel::<()>();
    let mut ended = Some(ended);
    let waited_for = |all: &BTreeMap<c_int, Traced>| all.values().any(|traced| traced.number == death.watched);
    while code.is_none() || at.is_none() && waited_for(&all) {
        let (pid, status) = wait(-1).expect("a traced process");
        let Some(stop) = Stop::of(status) else {
            all.remove(&pid);
            if pid == first {
                code = Some(super::code(ExitStatus::from_raw(status)));
                if let (Some(ended), Some(&watched)) = (ended.take(), numbers.get(death.watched)) {
                    std::thread::spawn(move || {
                        if ended.recv_timeout(Duration::from_millis(300)) == Err(RecvTimeoutError::Timeout) {
                            super::kill(watched, 9);
                        }
                    });
                }
            }
            continue;
        };
        if let Some(child) = stop.child(pid).filter(|child| !numbers.contains(child)) {
            numbers.push(child);
            all.insert(child, Traced { number: numbers.len() - 1, calls: 0, started: false });
        }
        if !numbers.contains(&pid) {
            numbers.push(pid);
        }
        let number = numbers.iter().position(|known| *known == pid).unwrap();
        let traced = all.entry(pid).or_insert(Traced { number, calls: 0, started: false });
        let strike =
            || death.victims.iter().filter_map(|victim| numbers.get(*victim)).for_each(|pid| super::kill(*pid, 9));
        if !traced.started {
            traced.started = true;
            request(SETOPTIONS, pid, 0, OPTIONS);
        } else if stop.event == EVENT_EXEC && pid != first {
            if traced.number == death.watched && at.is_none() {
                // So far it came, and no further.
                strike();
            }
            if request(DETACH, pid, 0, 0) == 0 {
                all.remove(&pid);
            }
            continue;
        } else if stop.signal == SIGTRAP | 0x80
            && traced.number == death.watched
            && at.is_none()
            && let Some(call) = entered(pid)
        {
            if traced.calls == death.call {
                at = Some(call);
                strike();
            }
            traced.calls += 1;
        }
        request(SYSCALL, pid, 0, stop.passed_on());
    }
    let_go(all.iter().map(|(pid, traced)| (*pid, traced.started)).collect());
    Ended { at, code: code.unwrap_or(0) }
}

/// Ends the tracing of processes that go on.
fn let_go(mut left: Vec<(c_int, bool)>) {
    while let Some((pid, started)) = left.pop() {
        if started {
            super::kill(pid, SIGSTOP);
        }
        while let Some((_, status)) = wait(pid) {
            let Some(stop) = Stop::of(status) else { break };
            left.extend(stop.child(pid).map(|child| (child, false)));
            if stop.signal == SIGSTOP && stop.event == 0 {
                request(DETACH, pid, 0, 0);
                break;
            }
            request(CONT, pid, 0, stop.passed_on());
        }
    }
}

/// Why a process has stopped.
struct Stop {
    signal: c_int,
    event: c_int,
}

impl Stop {
    /// From the status word of wait(2); `None` where it has ended.
    fn of(status: c_int) -> Option<Stop> {
        (status & 0xff == 0x7f).then_some(Stop { signal: status >> 8 & 0xff, event: status >> 16 })
    }

    /// The child that it has just made.
    fn child(&self, pid: c_int) -> Option<c_int> {
        let mut child = 0u64;
        let told = (1..=3).contains(&self.event) && request(GETEVENTMSG, pid, 0, &raw mut child as usize) == 0;
        told.then_some(child as c_int)
    }

    /// A signal that is the process's own, not ptrace's.
    fn passed_on(&self) -> usize {
        let own = self.event == 0 && ![SIGTRAP, SIGTRAP | 0x80, SIGSTOP].contains(&self.signal);
        if own { self.signal as usize } else { 0 }
    }
}

/// The number of the system call that a stopped process is about to make.
fn entered(pid: c_int) -> Option<u64> {
    // struct ptrace_syscall_info: the kind of stop is the first byte (1 is entry), the call's number the u64 at 24.
    let mut info = [0u64; 11];
    request(GET_SYSCALL_INFO, pid, size_of_val(&info), info.as_mut_ptr() as usize);
    (info[0] as u8 == 1).then_some(info[3])
}

fn wait(pid: c_int) -> Option<(c_int, c_int)> {
    let mut status = 0;
    // SAFETY: the kernel fills one live int.
    let found = unsafe { waitpid(pid, &raw mut status, WAIT) };
    (found > 0).then_some((found, status))
}

fn request(request: c_int, pid: c_int, address: usize, data: usize) -> c_long {
    // SAFETY: `data` is a number, or the address of a live local that the request fills.
    unsafe { ptrace(request, pid, address as *mut c_void, data as *mut c_void) }
}
