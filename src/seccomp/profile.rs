//! Profiles in the format of docker and podman (seccomp.json), made a program as libseccomp would: rules without conditions
//! win, of these the first one; of the others one that applies is enough. What says the same as the default is no rule. Only
//! the machine's own calls can be allowed: those of 32-bit programs stay shut, whatever a profile says of them.

use crate::error;
use crate::input::privilege::CAPABILITIES;
use crate::json::Reader;
use crate::seccomp::Program;
use crate::seccomp::names::{COUNT, Index};
use crate::seccomp::tree::{
    ALLOW, Calls, Comparison, Condition, ERRNO, KILL_PROCESS, KILL_THREAD, LOG, Rule, TRACE, TRAP,
};
use crate::text::{cut, decimal, place};

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

/// The program of a profile; or the line that is wrong, and what is wrong there.
pub fn read(text: &[u8], reading: Reading) -> Result<Program, (u64, &'static str)> {
    let mut r = Reader::new(text);
    let profile = Profile { reading, index: Index::new(), default: Action::default(), rules: Vec::new() };
    profile.read(&mut r).ok_or_else(|| {
        let before = text.get(..r.wrong.at).unwrap_or(text);
        (1 + before.iter().filter(|byte| **byte == b'\n').count() as u64, r.wrong.what)
    })
}

struct Profile {
    reading: Reading,
    index: Index,
    default: Action,
    rules: Vec<Rule>,
}

/// An action, and the errno that goes with some.
#[derive(Clone, Copy, Default)]
struct Action {
    action: Option<u32>,
    number: Option<u32>,
    named: Option<u32>,
}

const ACTIONS: &str = "\
SCMP_ACT_ALLOW
SCMP_ACT_ERRNO
SCMP_ACT_KILL
SCMP_ACT_KILL_THREAD
SCMP_ACT_KILL_PROCESS
SCMP_ACT_TRAP
SCMP_ACT_TRACE
SCMP_ACT_LOG
SCMP_ACT_NOTIFY
";

impl Action {
    fn read(&mut self, r: &mut Reader<'_>) -> Option<()> {
        const VALUES: [u32; 8] = [ALLOW, ERRNO, KILL_THREAD, KILL_THREAD, KILL_PROCESS, TRAP, TRACE, LOG];
        let Some(at) = place(ACTIONS, r.string()?) else {
            return r.wrong("an unknown action: write SCMP_ACT_ALLOW, ERRNO, KILL, KILL_PROCESS, TRAP, TRACE or LOG");
        };
        match VALUES.get(at) {
            Some(value) => self.action = Some(*value),
            None => {
                return r.wrong("SCMP_ACT_NOTIFY wants a program that is asked, and contain has none: refuse the call");
            }
        }
        Some(())
    }

    fn read_number(&mut self, r: &mut Reader<'_>) -> Option<()> {
        match r.number()? {
            number @ 0..4096 => self.number = Some(number as u32),
            _ => return r.wrong("an errno is at most 4095"),
        }
        Some(())
    }

    fn read_name(&mut self, r: &mut Reader<'_>) -> Option<()> {
        let name = r.string()?;
        self.named = error::number(name);
        match self.named.is_none() && !name.is_empty() {
            true => r.wrong("an errno of this name is not known here: give its number as errnoRet"),
            false => Some(()),
        }
    }

    /// The kernel's value.
    fn value(&self, r: &mut Reader<'_>) -> Option<u32> {
        match self.action {
            None => r.wrong("the action is missing"),
            Some(action @ (ERRNO | TRACE)) => Some(action | self.named.or(self.number).unwrap_or(1)),
            action => action,
        }
    }
}

impl Profile {
    fn read(mut self, r: &mut Reader<'_>) -> Option<Program> {
        const MEMBERS: &str = "defaultAction\ndefaultErrnoRet\ndefaultErrno\narchitectures\narchMap\nsyscalls\n";
        r.object(&mut |name, r| match (place(MEMBERS, name), r.is_null()) {
            (_, true) => Some(()),
            (Some(0), _) => self.default.read(r),
            (Some(1), _) => self.default.read_number(r),
            (Some(2), _) => self.default.read_name(r),
            (Some(3), _) => r.array(&mut architecture),
            (Some(4), _) => r.array(&mut |r| {
                r.object(&mut |name, r| match (place("architecture\nsubArchitectures\n", name), r.is_null()) {
                    (Some(0), false) => architecture(r),
                    (Some(_), false) => r.array(&mut architecture),
                    (_, true) => Some(()),
                    (None, _) => r.skip(),
                })
            }),
            (Some(_), _) => r.array(&mut |r| self.entry(r)),
            (None, _) => r.skip(),
        })?;
        r.end()?;
        if self.default.action.is_none() {
            return r.wrong("the defaultAction is missing");
        }
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
            true => r.wrong("the kernel takes 4096 instructions, and this profile needs more: join what can be joined"),
            false => Some(program.leak()),
        }
    }

    /// One of `syscalls`.
    fn entry(&mut self, r: &mut Reader<'_>) -> Option<()> {
        const MEMBERS: &str = "name\nnames\naction\nerrnoRet\nerrno\nargs\nincludes\nexcludes\n";
        let (mut calls, mut conditions) = (Vec::new(), Vec::new());
        let (mut action, mut applies) = (Action::default(), true);
        let Profile { index, reading, .. } = self;
        let mut name = |r: &mut Reader<'_>| {
            // Another machine's, an older or a newer kernel's.
            calls.extend(index.find(r.string()?));
            Some(())
        };
        r.object(&mut |member, r| {
            match (place(MEMBERS, member), r.is_null()) {
                (_, true) => {}
                (Some(0), _) => name(r)?,
                (Some(1), _) => r.array(&mut name)?,
                (Some(2), _) => action.read(r)?,
                (Some(3), _) => action.read_number(r)?,
                (Some(4), _) => action.read_name(r)?,
                (Some(5), _) => r.array(&mut |r| {
                    conditions.push(condition(r)?);
                    Some(())
                })?,
                (Some(6), _) => applies &= reading.filter(r)?.0,
                (Some(_), _) => applies &= !reading.filter(r)?.1,
                (None, _) => r.skip()?,
            }
            Some(())
        })?;
        let action = action.value(r)?;
        if !applies {
            return Some(());
        }
        // Conditions of one rule are all to be met; two of one argument make each a rule of its own.
        let (mut seen, mut apart) = (0, false);
        for Condition { argument, .. } in &conditions {
            apart |= seen & 1 << argument != 0;
            seen |= 1 << argument;
        }
        let conditions: &'static [Condition] = conditions.leak();
        let each = if apart { 1 } else { conditions.len().max(1) };
        for call in calls {
            for at in (0..conditions.len().max(1)).step_by(each) {
                let conditions = conditions.get(at..at + each).unwrap_or_default();
                self.rules.push(Rule { call, action, conditions });
            }
            if self.rules.len() > MOST_RULES {
                return r.wrong("too many rules");
            }
        }
        Some(())
    }
}

fn architecture(r: &mut Reader<'_>) -> Option<()> {
    match r.string()?.starts_with(b"SCMP_ARCH_") {
        true => Some(()),
        false => r.wrong("an unknown architecture: write SCMP_ARCH_X86_64 or the like"),
    }
}

/// One of `args`.
fn condition(r: &mut Reader<'_>) -> Option<Condition> {
    const MEMBERS: &str = "index\nvalue\nvalueTwo\nop\n";
    const OPERATORS: &str = "\
SCMP_CMP_EQ
SCMP_CMP_NE
SCMP_CMP_GT
SCMP_CMP_LE
SCMP_CMP_GE
SCMP_CMP_LT
SCMP_CMP_MASKED_EQ
";
    use Comparison::*;
    const COMPARISONS: [Comparison; 7] = [Equal, Unequal, Greater, AtMost, AtLeast, Less, Equal];
    let (mut numbers, mut operator) = ([0; 3], None);
    r.object(&mut |member, r| {
        match place(MEMBERS, member) {
            Some(at @ 0..3) => numbers[at] = r.number()?,
            Some(_) => operator = Some(r.string()?),
            None => r.skip()?,
        }
        Some(())
    })?;
    let [index, value, second] = numbers;
    let argument = match index {
        0..=5 => index as u8,
        _ => return r.wrong("the index of an argument is 0 to 5"),
    };
    let Some(at) = place(OPERATORS, operator.unwrap_or_default()) else {
        return r.wrong("an unknown op: write SCMP_CMP_EQ, NE, LT, LE, GT, GE or MASKED_EQ");
    };
    let (value, mask) = if at == 6 { (second, value) } else { (value, u64::MAX) };
    Some(Condition { argument, comparison: COMPARISONS[at], value, mask })
}

impl Reading {
    /// What a filter asks for: whether all of it is so, and whether any is.
    fn filter(&self, r: &mut Reader<'_>) -> Option<(bool, bool)> {
        const OURS: &[u8] = if cfg!(target_arch = "x86_64") { b"amd64" } else { b"arm64" };
        let (mut all, mut any) = (true, false);
        let mut note = |holds: bool| {
            all &= holds;
            any |= holds;
        };
        r.object(&mut |member, r| {
            match (place("caps\narches\nminKernel\n", member), r.is_null()) {
                (_, true) => {}
                (Some(0), _) => r.array(&mut |r| {
                    let bare = r.string()?.strip_prefix(b"CAP_").and_then(|bare| place(CAPABILITIES, bare));
                    note(bare.is_some_and(|number| self.capabilities >> number & 1 != 0));
                    Some(())
                })?,
                (Some(1), _) => {
                    let (mut named, mut ours) = (false, false);
                    r.array(&mut |r| {
                        named = true;
                        ours |= r.string()? == OURS;
                        Some(())
                    })?;
                    if named {
                        note(ours);
                    }
                }
                (Some(_), _) => {
                    let number = |text: &str| decimal(text).filter(|number| *number < 1 << 32);
                    let text = std::str::from_utf8(r.string()?).ok().and_then(|text| cut(text, b'.'));
                    match text.and_then(|(major, minor)| Some((number(major)?, number(minor)?))) {
                        Some(least) => note(self.kernel >= least),
                        None => return r.wrong("a kernel's version is two numbers, as 4.8"),
                    }
                }
                (None, _) => r.skip()?,
            }
            Some(())
        })?;
        Some((all, any))
    }
}
