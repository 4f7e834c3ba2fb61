//! What is written down of one container: `metadata.json`. Texts that the container or its user chose are bytes, kept
//! exactly.

use crate::json::{Reader, Writer, Wrong};
use crate::packed::sentence;
use crate::spec::{Limit, Limits, MAX, Spec};
use crate::text::{Word, hex, kept_one, lines, utf8};

/// A process, told apart from a later one with the same number by its start time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Process {
    pub pid: u64,
    /// In clock ticks since boot (proc_pid_stat(5), field 22).
    pub start: u64,
}

/// What the record itself says; whether it is still true tells the lock, see [`super::Entry::is_alive`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Status {
    #[default]
    Running,
    /// `pause` has frozen it.
    Paused,
    Stopped,
}

/// Its members lie in this order, the large one last: what is looked at often is reached with shorter instructions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct Record {
    /// 16 hexadecimal digits.
    pub id: &'static str,
    pub name: Option<&'static str>,
    /// The container's first process, as the host numbers it.
    pub process: Process,
    /// The `contain` that waits for it.
    pub supervisor: Process,
    /// The directories of its control group, absolute.
    pub cgroups: &'static [Word],
    /// Seconds since the epoch.
    pub created: u64,
    pub finished: Option<u64>,
    /// 128 and the signal's number where one ended it. None where nobody was there to see it.
    pub exit_code: Option<u64>,
    pub status: Status,
    /// The kernel killed something of it for want of memory.
    pub oom: bool,
    /// What it prints is kept in files.
    pub log: bool,
    /// The record stays when the container has ended, until `rm`.
    pub keep: bool,
    /// The rootfs by its absolute path; volumes are left out.
    pub spec: Spec,
}

/// Where nothing is written down. A constant is copied in one go.
const NONE: Record = Record {
    id: "",
    name: None,
    spec: Spec::NONE,
    status: Status::Running,
    process: Process { pid: 0, start: 0 },
    supervisor: Process { pid: 0, start: 0 },
    created: 0,
    finished: None,
    exit_code: None,
    oom: false,
    cgroups: &[],
    log: false,
    keep: false,
};

impl Default for Record {
    fn default() -> Record {
        NONE
    }
}

impl Status {
    const ALL: [Status; 3] = [Status::Running, Status::Paused, Status::Stopped];

    pub fn name(self) -> &'static str {
        ["running", "paused", "stopped"][self as usize]
    }
}

/// Where a member of the record is, to be written and to be read.
enum Place<'a> {
    Text(&'a mut &'static str),
    Name(&'a mut Option<&'static str>),
    State(&'a mut Status),
    Path(&'a mut Word),
    Words(&'a mut &'static [Word]),
    Number(&'a mut u64),
    Pid(&'a mut u64),
    Id(&'a mut u32),
    Ids(&'a mut &'static [u32]),
    Truth(&'a mut bool),
    Perhaps(&'a mut Option<u64>),
    /// `"max"` where there is expressly no bound.
    Most(&'a mut Option<u64>),
    Limits(&'a mut Limits),
    /// Numbers of 16 hexadecimal digits.
    Program(&'a mut &'static [u64]),
}

macro_rules! members {
    ($($name:literal: $kind:ident $($field:tt).+;)*) => {
        /// Their names, a line each, and where they are.
        const NAMES: &str = concat!($($name, "\n"),*);
        const PLACES: &[fn(&mut Record) -> Place<'_>] = &[$(|record| Place::$kind(&mut record.$($field).+)),*];
    };
}

members! {
    "id": Text id;
    "name": Name name;
    "status": State status;
    "command": Words spec.command;
    "pid": Pid process.pid;
    "created": Number created;
    "exit_code": Perhaps exit_code;
    "oom": Truth oom;
    // Up to here a list needs them, and the last two only once it has ended: see BRIEF.
    "rootfs": Path spec.rootfs;
    "layers": Words spec.layers;
    "overlay": Path spec.overlay;
    "hostname": Text spec.hostname;
    "start_time": Number process.start;
    "supervisor_pid": Pid supervisor.pid;
    "supervisor_start_time": Number supervisor.start;
    "finished": Perhaps finished;
    "limits": Limits spec.limits;
    "cgroups": Words cgroups;
    "environment": Words spec.environment;
    "workdir": Path spec.workdir;
    "uid": Id spec.user.uid;
    "gid": Id spec.user.gid;
    "groups": Ids spec.user.groups;
    "capabilities": Number spec.capabilities;
    "ulimits": Words spec.ulimits;
    "oom_score_adj": Path spec.oom_score_adj;
    "new_privileges": Truth spec.new_privileges;
    "uid_map": Path spec.uids.0;
    "gid_map": Path spec.gids.0;
    "seccomp": Path spec.seccomp.name;
    "seccomp_program": Program spec.seccomp.program;
    "share_pid": Truth spec.share.pid;
    "share_net": Truth spec.share.net;
    "share_ipc": Truth spec.share.ipc;
    "share_uts": Truth spec.share.uts;
    "init": Truth spec.init;
    "tty": Truth spec.tty;
    "log": Truth log;
    "keep": Truth keep;
}

/// How many of them a list shows of a container that has ended, and of one that has not. These stand first, so that a list
/// of very many need not read on.
const BRIEF: usize = 8;
const BRIEF_ALIVE: usize = 6;

/// The members of the limits, and which each is: bytes, microseconds and counts.
const LIMITS: [(&str, Limit); 8] = [
    ("memory", Limit::Memory),
    ("memory_swap", Limit::MemorySwap),
    ("memory_high", Limit::MemoryHigh),
    ("cpu_quota", Limit::Cpu),
    ("cpu_period", Limit::CpuPeriod),
    ("cpu_weight", Limit::CpuWeight),
    ("cpuset", Limit::Cpuset),
    ("pids", Limit::Pids),
];

fn place_of(limits: &mut Limits, limit: Limit) -> Place<'_> {
    match limit {
        Limit::Cpuset => Place::Name(&mut limits.cpuset),
        _ => Place::Most(&mut limits.numbers[limit as usize]),
    }
}

impl Record {
    /// A new one, to be filled in. It is kept, as the heap keeps everything.
    pub fn blank() -> &'static mut Record {
        Box::leak(Box::default())
    }

    /// Larger for a newer one. Numbers of processes mostly grow within a second.
    pub fn newness(&self) -> u64 {
        self.created << 23 | self.process.pid
    }

    /// As JSON.
    pub fn write(&mut self) -> String {
        let mut writer = Writer::default();
        writer.object(&mut |w| self.members(self.status.name(), w));
        writer.finish()
    }

    /// All members, for an object that may hold more, with a status that may be truer than the record's.
    pub fn members(&mut self, status: &str, w: &mut Writer) {
        for (name, place) in lines(NAMES).zip(PLACES) {
            match place(self) {
                Place::State(_) => w.name(name).string(status.as_bytes()),
                place => place.write(w.name(name)),
            }
        }
    }

    /// Takes over the members of a text of JSON, where `brief` is enough at least those that a list shows. What is missing
    /// or null stays as it is, what is unknown is passed over: an older or a newer contain may have written it.
    pub fn fill(&mut self, text: &[u8], brief: bool) -> Result<(), Wrong> {
        // Nothing that was cut off ends so.
        let whole = text.ends_with(b"\n}\n");
        let known = if brief { BRIEF } else { PLACES.len() };
        let mut names = [""; PLACES.len()];
        names[..known].iter_mut().zip(lines(NAMES)).for_each(|(place, name)| *place = name);
        let mut reader = Reader::new(text);
        // They are looked for in the order in which they are written: one look finds each. A bit for each that was found.
        let (mut next, mut found, mut enough) = (0, 0_u64, false);
        let read = reader.object(&mut |name, r| {
            for _ in 0..known {
                let index = next;
                next = if index + 1 == known { 0 } else { index + 1 };
                if names[index].as_bytes() == name {
                    PLACES[index](self).read(r)?;
                    found |= 1 << index;
                    let wanted = if self.status == Status::Stopped { BRIEF } else { BRIEF_ALIVE };
                    enough = brief && whole && found.trailing_ones() as usize >= wanted;
                    return if enough { None } else { Some(()) };
                }
            }
            r.skip()
        });
        if enough || read.and_then(|()| reader.end()).is_some() { Ok(()) } else { Err(reader.wrong) }
    }
}

impl Place<'_> {
    fn write(self, w: &mut Writer) {
        match self {
            Place::Text(text) => w.string(text.as_bytes()),
            Place::Name(Some(text)) => w.string(text.as_bytes()),
            Place::State(status) => w.string(status.name().as_bytes()),
            Place::Path(path) => w.string(path.to_bytes()),
            Place::Words(words) => w.array(&mut |w| words.iter().for_each(|word| w.item().string(word.to_bytes()))),
            Place::Ids(ids) => w.array(&mut |w| ids.iter().for_each(|id| w.item().number(u64::from(*id)))),
            Place::Truth(truth) => w.truth(*truth),
            Place::Id(number) => w.number(u64::from(*number)),
            Place::Most(Some(MAX)) => w.string(b"max"),
            Place::Number(number) | Place::Pid(number) | Place::Perhaps(Some(number)) | Place::Most(Some(number)) => {
                w.number(*number)
            }
            Place::Limits(limits) => w.object(&mut |w| {
                for (name, limit) in &LIMITS {
                    place_of(limits, *limit).write(w.name(name));
                }
            }),
            Place::Program(program) => {
                let mut text = String::new();
                program.iter().for_each(|number| text.push_str(&hex(*number, 16)));
                w.string(text.as_bytes());
            }
            Place::Name(None) | Place::Perhaps(None) | Place::Most(None) => w.null(),
        }
    }

    fn read(self, r: &mut Reader<'_>) -> Option<()> {
        if r.is_null() {
            return Some(());
        }
        match self {
            Place::Text(text) => *text = self::text(r)?,
            Place::Name(name) => *name = Some(text(r)?),
            Place::State(status) => {
                let name = r.string()?;
                match Status::ALL.iter().find(|known| known.name().as_bytes() == name) {
                    Some(known) => *status = *known,
                    None => return r.wrong(sentence!("an unknown status")),
                }
            }
            Place::Path(path) => *path = word(r)?,
            Place::Words(words) => {
                let mut all = Vec::new();
                r.array(&mut |r| {
                    all.push(word(r)?);
                    Some(())
                })?;
                *words = all.leak();
            }
            Place::Number(number) => *number = r.number()?,
            // The kernel's pid_t has 31 bits for it; to kill(2) a negative one would be many processes.
            Place::Pid(pid) => *pid = at_most(r, i32::MAX as u32)?.into(),
            Place::Id(id) => *id = at_most(r, u32::MAX)?,
            Place::Ids(ids) => {
                let mut all = Vec::new();
                r.array(&mut |r| {
                    all.push(at_most(r, u32::MAX)?);
                    Some(())
                })?;
                *ids = all.leak();
            }
            Place::Program(program) => {
                let mut all = Vec::new();
                for digits in r.string()?.chunks(16) {
                    let mut number = 0;
                    for digit in digits {
                        match char::from(*digit).to_digit(16) {
                            Some(digit) => number = number << 4 | u64::from(digit),
                            None => return r.wrong(sentence!("hexadecimal digits are wanted")),
                        }
                    }
                    all.push(number);
                }
                *program = all.leak();
            }
            Place::Truth(truth) => *truth = r.truth()?,
            Place::Perhaps(number) => *number = Some(r.number()?),
            Place::Most(number) => {
                *number = match r.peek() {
                    b'"' if r.string()? == b"max" => Some(MAX),
                    b'"' => return r.wrong(sentence!("neither a number nor \"max\"")),
                    _ => Some(r.number()?),
                }
            }
            Place::Limits(limits) => {
                r.object(&mut |name, r| match LIMITS.iter().find(|(known, _)| known.as_bytes() == name) {
                    Some((_, limit)) => place_of(limits, *limit).read(r),
                    None => r.skip(),
                })?;
            }
        }
        Some(())
    }
}

/// A member that is a number or null.
pub fn optional(w: &mut Writer, name: &str, mut number: Option<u64>) {
    Place::Perhaps(&mut number).write(w.name(name));
}

fn at_most(r: &mut Reader<'_>, most: u32) -> Option<u32> {
    match r.number()? {
        number if number <= most.into() => Some(number as u32),
        _ => r.wrong(sentence!("the number is too large")),
    }
}

fn text(r: &mut Reader<'_>) -> Option<&'static str> {
    match utf8(r.string()?) {
        Some(text) => Some(text.to_string().leak()),
        None => r.wrong(sentence!("the string is not UTF-8")),
    }
}

fn word(r: &mut Reader<'_>) -> Option<Word> {
    match r.string()? {
        bytes if bytes.contains(&0) => r.wrong(sentence!("the string has a NUL byte")),
        bytes => Some(kept_one(bytes)),
    }
}

#[cfg(test)]
mod tests;
