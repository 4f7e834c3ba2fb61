//! Profiles in the format of docker and podman (seccomp.json), made a program as libseccomp would: rules without conditions
//! win, of these the first one; of the others one that applies is enough. What says the same as the default is no rule. Only
//! the machine's own calls can be allowed: those of 32-bit programs stay shut, whatever a profile says of them.

use crate::error;
use crate::input::privilege::CAPABILITIES;
use crate::json::Reader;
use crate::packed::sentence;
use crate::seccomp::Program;
use crate::seccomp::names::{COUNT, Index};
use crate::seccomp::tree::{
    ALLOW, Calls, Comparison, Condition, ERRNO, KILL_PROCESS, KILL_THREAD, LOG, Rule, TRACE, TRAP,
};
use crate::sys::arch;
use crate::text::{cut, decimal, place, utf8};

/// BPF_MAXINSNS.
const LONGEST: usize = 4096;
/// More than any program could hold: names and conditions multiply.
const MOST_RULES: usize = 1 << 16;

/// For whom a profile is read: what its `includes` and `excludes` ask for.
#[derive(Clone, Copy)]
pub struct Reading {
    /// A bit for each of capabilities(7).
    pub capabilities: u64,
    /// Version and patch level, as 6 and 18.
    pub kernel: (u64, u64),
}

/// The program of a profile; or the line that is wrong, and what is wrong there. In a frame of its own: in the caller's its
/// kilobytes would be pages that every launch touches.
#[inline(never)]
pub fn read(text: &[u8], reading: Reading) -> Result<Program, (u64, &'static str)> {
    let mut r = Reader::new(text);
    let profile = Profile {
        reading,
        index: Index::new(),
        default: Action::default(),
        rules: Vec::new(),
        applies: true,
        action: Action::default(),
        calls: Vec::new(),
        conditions: Vec::new(),
        numbers: [0; 3],
        operator: None,
        all: true,
        any: false,
        ours: None,
    };
    profile.read(&mut r).ok_or_else(|| {
        let before = text.get(..r.wrong.at).unwrap_or(text);
        (1 + before.iter().filter(|byte| **byte == b'\n').count() as u64, r.wrong.what.get())
    })
}

/// What of a profile has been read.
struct Profile {
    reading: Reading,
    index: Index,
    default: Action,
    rules: Vec<Rule>,
    /// The rule that is being read: whether its filters choose it, and what it is made of.
    applies: bool,
    action: Action,
    calls: Vec<u16>,
    conditions: Vec<Condition>,
    /// Of a condition: index, value, valueTwo, and the place of its operator.
    numbers: [u64; 3],
    operator: Option<usize>,
    /// Of a filter: whether all of it is so, and whether any is; and whether its machines are ours, where it names some.
    all: bool,
    any: bool,
    ours: Option<bool>,
}

/// An action, and the errno that goes with some.
#[derive(Clone, Copy, Default)]
struct Action {
    action: Option<u32>,
    number: Option<u32>,
    named: Option<u32>,
}

const ACTIONS: &str = "ALLOW\nERRNO\nKILL\nKILL_THREAD\nKILL_PROCESS\nTRAP\nTRACE\nLOG\nNOTIFY";

impl Action {
    fn read(&mut self, r: &mut Reader<'_>) -> Option<()> {
        const VALUES: [u32; 8] = [ALLOW, ERRNO, KILL_THREAD, KILL_THREAD, KILL_PROCESS, TRAP, TRACE, LOG];
        let Some(at) = after(r.string()?, b"SCMP_ACT_", ACTIONS) else {
            return r
                .wrong(sentence!("an unknown action: write SCMP_ACT_ALLOW, ERRNO, KILL_PROCESS, TRAP, TRACE or LOG"));
        };
        match VALUES.get(at) {
            Some(value) => self.action = Some(*value),
            None => return r.wrong(sentence!("SCMP_ACT_NOTIFY asks a program, and contain has none: refuse the call")),
        }
        Some(())
    }

    fn read_errno(&mut self, r: &mut Reader<'_>) -> Option<()> {
        match r.peek() {
            b'"' => {
                let name = r.string()?;
                self.named = error::number(name);
                if self.named.is_none() && !name.is_empty() {
                    return r.wrong(sentence!("an unknown errno: give its number as errnoRet"));
                }
            }
            _ => match r.number()? {
                number @ 0..4096 => self.number = Some(number as u32),
                _ => return r.wrong(sentence!("an errno is at most 4095")),
            },
        }
        Some(())
    }

    /// The kernel's value.
    fn value(&self, r: &mut Reader<'_>) -> Option<u32> {
        match self.action {
            None => r.wrong(sentence!("an action or the defaultAction is missing")),
            Some(action @ (ERRNO | TRACE)) => Some(action | self.named.or(self.number).unwrap_or(1)),
            action => action,
        }
    }
}

/// The place of a name that begins so.
fn after(name: &[u8], prefix: &[u8], names: &str) -> Option<usize> {
    place(names, name.strip_prefix(prefix)?)
}

/// The objects of a profile.
#[derive(Clone, Copy)]
enum Object {
    Whole,
    Architectures,
    Rule,
    Condition,
    Filter,
}

/// The members of each, and how many there are before them.
const MEMBERS: [(&str, usize); 5] = [
    ("defaultAction\ndefaultErrnoRet\ndefaultErrno\narchitectures\narchMap\nsyscalls", 0),
    ("architecture\nsubArchitectures", 6),
    ("action\nerrnoRet\nerrno\nname\nnames\nargs\nincludes\nexcludes", 8),
    ("index\nvalue\nvalueTwo\nop", 16),
    ("caps\narches\nminKernel", 20),
];

impl Profile {
    fn read(mut self, r: &mut Reader<'_>) -> Option<Program> {
        self.object(Object::Whole, r)?;
        r.end()?;
        let default = self.default.value(r)?;
        let mut calls = Calls::new(COUNT, default);
        self.rules.retain(|rule| rule.action != default);
        for rule in &self.rules {
            if !rule.conditions.is_empty() {
                calls.add(*rule);
            }
        }
        for rule in self.rules.iter().rev() {
            if rule.conditions.is_empty() {
                calls.set(rule.call.into(), rule.action);
            }
        }
        let program = calls.compile();
        match program.len() > LONGEST {
            true => r.wrong(sentence!("the kernel takes 4096 instructions, and this profile needs more")),
            false => Some(program.leak()),
        }
    }

    fn object(&mut self, object: Object, r: &mut Reader<'_>) -> Option<()> {
        let (names, before) = MEMBERS[object as usize];
        r.object(&mut |name, r| match place(names, name) {
            _ if r.is_null() => Some(()),
            Some(at) => self.member(before + at, r),
            None => r.skip(),
        })
    }

    fn member(&mut self, member: usize, r: &mut Reader<'_>) -> Option<()> {
        match member {
            0 => self.default.read(r),
            1 | 2 => self.default.read_errno(r),
            8 => self.action.read(r),
            9 | 10 => self.action.read_errno(r),
            6 | 11 => self.item(member, r),
            14 | 15 => {
                (self.all, self.any, self.ours) = (true, false, None);
                self.object(Object::Filter, r)?;
                if let Some(ours) = self.ours {
                    self.note(ours);
                }
                self.applies &= if member == 14 { self.all } else { !self.any };
                Some(())
            }
            16..=18 => {
                self.numbers[member - 16] = r.number()?;
                Some(())
            }
            19 => {
                self.operator = after(r.string()?, b"SCMP_CMP_", OPERATORS);
                Some(())
            }
            22 => {
                let number = |text: &str| decimal(text).filter(|number| *number < 1 << 32);
                let text = utf8(r.string()?).and_then(|text| cut(text, b'.'));
                match text.and_then(|(major, minor)| Some((number(major)?, number(minor)?))) {
                    Some(least) => self.note(self.reading.kernel >= least),
                    None => return r.wrong(sentence!("a kernel's version is two numbers, as 4.8")),
                }
                Some(())
            }
            _ => r.array(&mut |r| self.item(member, r)),
        }
    }

    /// An item of a member that is a list, or a member that is one.
    fn item(&mut self, member: usize, r: &mut Reader<'_>) -> Option<()> {
        match member {
            4 => self.object(Object::Architectures, r)?,
            5 => self.rule(r)?,
            13 => self.condition(r)?,
            _ => {
                let name = r.string()?;
                match member {
                    // Another machine's, an older or a newer kernel's is passed over.
                    11 | 12 => self.calls.extend(self.index.find(name)),
                    20 => {
                        let number = after(name, b"CAP_", CAPABILITIES);
                        self.note(number.is_some_and(|number| self.reading.capabilities >> number & 1 != 0));
                    }
                    21 => self.ours = Some(self.ours == Some(true) || name == arch::GO),
                    _ if !name.starts_with(b"SCMP_ARCH_") => {
                        return r.wrong(sentence!("an unknown architecture: write SCMP_ARCH_X86_64 or the like"));
                    }
                    _ => {}
                }
            }
        }
        Some(())
    }

    fn note(&mut self, holds: bool) {
        self.all &= holds;
        self.any |= holds;
    }

    /// One of `syscalls`.
    fn rule(&mut self, r: &mut Reader<'_>) -> Option<()> {
        (self.applies, self.action) = (true, Action::default());
        self.calls.clear();
        self.conditions = Vec::new();
        self.object(Object::Rule, r)?;
        let action = self.action.value(r)?;
        if !self.applies {
            return Some(());
        }
        // Conditions of one rule are all to be met; two of one argument make each a rule of its own.
        let conditions: &'static [Condition] = std::mem::take(&mut self.conditions).leak();
        let (mut seen, mut each) = (0, conditions.len().max(1));
        for Condition { argument, .. } in conditions {
            each = if seen & 1 << argument != 0 { 1 } else { each };
            seen |= 1 << argument;
        }
        for call in &self.calls {
            let mut rest = conditions;
            loop {
                let (conditions, others) = rest.split_at(each.min(rest.len()));
                self.rules.push(Rule { call: *call, action, conditions });
                rest = others;
                if rest.is_empty() {
                    break;
                }
            }
            if self.rules.len() > MOST_RULES {
                return r.wrong(sentence!("too many rules"));
            }
        }
        Some(())
    }

    /// One of `args`.
    fn condition(&mut self, r: &mut Reader<'_>) -> Option<()> {
        (self.numbers, self.operator) = ([0; 3], None);
        self.object(Object::Condition, r)?;
        let [argument, value, second] = self.numbers;
        if argument > 5 {
            return r.wrong(sentence!("the index of an argument is 0 to 5"));
        }
        let Some(operator) = self.operator else {
            return r.wrong(sentence!("an unknown op: write SCMP_CMP_EQ, NE, LT, LE, GT, GE or MASKED_EQ"));
        };
        let (value, mask) = if operator == 6 { (second, value) } else { (value, u64::MAX) };
        let comparison = COMPARISONS[operator];
        self.conditions.push(Condition { argument: argument as u8, comparison, value, mask });
        Some(())
    }
}

const OPERATORS: &str = "EQ\nNE\nGT\nLE\nGE\nLT\nMASKED_EQ";
const COMPARISONS: [Comparison; 7] = {
    use Comparison::*;
    [Equal, Unequal, Greater, AtMost, AtLeast, Less, Equal]
};
