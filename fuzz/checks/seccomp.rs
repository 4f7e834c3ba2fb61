//! Any bytes as a seccomp profile: it is refused, or becomes a program that the kernel takes and that says what a plain
//! reading of the profile says.

use crate::input::privilege::CAPABILITIES;
use crate::plain_json::Json;
use crate::seccomp::names::{COUNT, number};
use crate::seccomp::profile::{Reading, read};
use crate::sys::arch::AUDIT;

const READING: Reading = Reading { capabilities: 0x1fb, kernel: (6, 1) };
const KILL_PROCESS: u32 = 0x8000_0000;
const ENOSYS: u32 = 0x0005_0026;

pub fn check(text: &[u8]) {
    let program = match read(text, READING) {
        Ok(program) => program,
        Err((line, what)) => {
            assert!(line >= 1 && line <= 1 + text.iter().filter(|b| **b == b'\n').count() as u64 && !what.is_empty());
            return;
        }
    };
    sound(program);
    assert_eq!(run(program, AUDIT ^ 1, 0, [0; 6]), KILL_PROCESS);
    assert_eq!(run(program, AUDIT, 0x4000_0000, [0; 6]), ENOSYS);
    // The plain reader's recursion has no bound of its own.
    let nested = text.iter().filter(|b| matches!(b, b'[' | b'{')).count();
    let Some(profile) = str::from_utf8(text).ok().filter(|_| nested < 500).and_then(Json::parse) else { return };
    let Some(plain) = Plain::of(&profile) else { return };
    let mut calls: Vec<u32> = plain.rules.iter().map(|rule| rule.call).collect();
    calls.extend([0, 1, 56, 400, COUNT as u32, 1000]);
    calls.sort();
    calls.dedup();
    for call in calls.into_iter().take(40) {
        let mut tries = vec![[0; 6], [u64::MAX; 6]];
        for rule in plain.rules.iter().filter(|rule| rule.call == call).take(4) {
            // All met, each of them not, and what is near.
            let met: [u64; 6] = std::array::from_fn(|at| {
                rule.conditions.iter().find(|condition| condition.argument == at).map_or(0, |condition| condition.value)
            });
            tries.push(met);
            for at in 0..6 {
                for other in [met[at].wrapping_add(1), met[at].wrapping_sub(1), met[at] ^ 1 << 32, 0] {
                    let mut arguments = met;
                    arguments[at] = other;
                    tries.push(arguments);
                }
            }
        }
        for arguments in tries {
            assert_eq!(run(program, AUDIT, call, arguments), plain.verdict(call, arguments), "{call} {arguments:x?}");
        }
    }
}

/// As the kernel's checks have it (bpf_check_classic and seccomp_check_filter).
fn sound(program: &[u64]) {
    assert!((1..=4096).contains(&program.len()));
    for (at, instruction) in program.iter().enumerate() {
        let (code, k) = (instruction & 0xffff, instruction >> 32);
        let left = (program.len() - at - 1) as u64;
        match code {
            0x20 => assert!(k % 4 == 0 && k < 64, "{at}"),
            0x05 => assert!(k < left, "{at}"),
            0x15 | 0x25 | 0x35 => assert!((instruction >> 16 & 0xff).max(instruction >> 24 & 0xff) < left, "{at}"),
            0x06 | 0x54 => {}
            code => panic!("{code:x} at {at}"),
        }
    }
    assert_eq!(program[program.len() - 1] & 0xffff, 0x06);
}

/// What the kernel's interpreter makes of a call.
fn run(program: &[u64], machine: u32, call: u32, arguments: [u64; 6]) -> u32 {
    let mut data = vec![call, machine, 0, 0];
    arguments.iter().for_each(|argument| data.extend([*argument as u32, (argument >> 32) as u32]));
    let (mut at, mut value) = (0, 0);
    loop {
        let (instruction, k) = (program[at], (program[at] >> 32) as u32);
        let jump = |holds: bool| (instruction >> if holds { 16 } else { 24 } & 0xff) as usize;
        at += 1 + match instruction & 0xffff {
            0x20 => {
                value = data[k as usize / 4];
                0
            }
            0x54 => {
                value &= k;
                0
            }
            0x05 => k as usize,
            0x15 => jump(value == k),
            0x25 => jump(value > k),
            0x35 => jump(value >= k),
            _ => return k,
        };
    }
}

struct Plain {
    default: u32,
    rules: Vec<Rule>,
}

struct Rule {
    call: u32,
    action: u32,
    conditions: Vec<Condition>,
}

#[derive(Clone)]
struct Condition {
    argument: usize,
    op: String,
    value: u64,
    second: u64,
}

/// A member that is there and not null; `None` where one of this name stands twice, of which the last would count.
fn member<'a>(object: &'a Json, name: &str) -> Option<Option<&'a Json>> {
    let Json::Map(members) = object else { return None };
    let mut found = members.iter().filter(|(known, _)| known == name).map(|(_, value)| value);
    let first = found.next().filter(|value| **value != Json::Null);
    found.next().is_none().then_some(first)
}

fn text(value: &Json) -> Option<&str> {
    if let Json::Text(text) = value { Some(text) } else { None }
}

fn texts(value: Option<&Json>) -> Option<Vec<&str>> {
    match value {
        None => Some(Vec::new()),
        Some(Json::List(items)) => items.iter().map(text).collect(),
        Some(_) => None,
    }
}

fn action(object: &Json, names: [&str; 3]) -> Option<u32> {
    let [name, number, named] = names.map(|name| member(object, name));
    let name = text(name??)?.strip_prefix("SCMP_ACT_")?;
    let data = match (named?, number?) {
        (Some(Json::Text(name)), _) if name == "EPERM" => 1,
        (Some(Json::Text(name)), _) if name == "EINVAL" => 22,
        (None, Some(Json::Number(number))) => *number as u32,
        (None, None) => 1,
        _ => return None,
    };
    Some(match name {
        "ALLOW" => 0x7fff_0000,
        "ERRNO" => 0x0005_0000 | data,
        "TRACE" => 0x7ff0_0000 | data,
        "KILL" | "KILL_THREAD" => 0,
        "KILL_PROCESS" => KILL_PROCESS,
        "TRAP" => 0x0003_0000,
        "LOG" => 0x7ffc_0000,
        _ => return None,
    })
}

/// What of a filter holds.
fn filter(entry: &Json, name: &str) -> Option<Vec<bool>> {
    let Some(filter) = member(entry, name)? else { return Some(Vec::new()) };
    let has = |name: &str| {
        let number = CAPABILITIES.lines().position(|known| name.strip_prefix("CAP_") == Some(known));
        number.is_some_and(|number| READING.capabilities >> number & 1 == 1)
    };
    let mut all: Vec<bool> = texts(member(filter, "caps")?)?.into_iter().map(has).collect();
    let machines = texts(member(filter, "arches")?)?;
    if !machines.is_empty() {
        all.push(machines.contains(&if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" }));
    }
    if let Some(version) = member(filter, "minKernel")? {
        let Json::Text(version) = version else { return None };
        let (major, minor) = version.split_once('.')?;
        all.push((major.parse().ok()?, minor.parse().ok()?) <= READING.kernel);
    }
    Some(all)
}

impl Plain {
    fn of(profile: &Json) -> Option<Plain> {
        let default = action(profile, ["defaultAction", "defaultErrnoRet", "defaultErrno"])?;
        let mut rules = Vec::new();
        let entries = match member(profile, "syscalls")? {
            None => &[][..],
            Some(Json::List(entries)) => entries,
            Some(_) => return None,
        };
        for entry in entries {
            let action = action(entry, ["action", "errnoRet", "errno"])?;
            let mut names = texts(member(entry, "names")?)?;
            names.extend(match member(entry, "name")? {
                None => None,
                Some(Json::Text(name)) => Some(name.as_str()),
                Some(_) => return None,
            });
            let conditions = match member(entry, "args")? {
                None => Vec::new(),
                Some(Json::List(all)) => all.iter().map(Condition::of).collect::<Option<_>>()?,
                Some(_) => return None,
            };
            let applies =
                filter(entry, "includes")?.iter().all(|holds| *holds) && !filter(entry, "excludes")?.contains(&true);
            if !applies || action == default {
                continue;
            }
            // Two conditions on one argument make each condition a rule of its own.
            let apart = (0..6).any(|at| conditions.iter().filter(|condition| condition.argument == at).count() > 1);
            let conditions: Vec<Vec<Condition>> = match apart {
                true => conditions.into_iter().map(|condition| vec![condition]).collect(),
                false => vec![conditions],
            };
            for name in names.into_iter().filter(|name| !name.contains(' ') && usize::from(number(name)) < COUNT) {
                let call = number(name).into();
                rules.extend(conditions.iter().map(|all| Rule { call, action, conditions: all.clone() }));
            }
        }
        Some(Plain { default, rules })
    }

    fn verdict(&self, call: u32, arguments: [u64; 6]) -> u32 {
        let mut mine = self.rules.iter().filter(|rule| rule.call == call);
        let always = mine.clone().find(|rule| rule.conditions.is_empty());
        let found = always.or_else(|| mine.find(|rule| rule.conditions.iter().all(|one| one.holds(&arguments))));
        found.map_or(self.default, |rule| rule.action)
    }
}

impl Condition {
    fn of(json: &Json) -> Option<Condition> {
        let number = |name| match member(json, name) {
            Some(Some(Json::Number(number))) => Some(*number),
            Some(None) => Some(0),
            _ => None,
        };
        let Some(Json::Text(op)) = member(json, "op")? else { return None };
        let (argument, op) = (number("index")? as usize, op.strip_prefix("SCMP_CMP_")?.to_string());
        Some(Condition { argument, op, value: number("value")?, second: number("valueTwo")? })
    }

    fn holds(&self, arguments: &[u64; 6]) -> bool {
        let (found, value) = (arguments[self.argument], self.value);
        match &*self.op {
            "EQ" => found == value,
            "NE" => found != value,
            "LT" => found < value,
            "LE" => found <= value,
            "GT" => found > value,
            "GE" => found >= value,
            _ => found & value == self.second & value,
        }
    }
}
