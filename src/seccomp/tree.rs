//! From what shall become of each system call to a program for the kernel: a search tree over ranges of numbers, some five
//! comparisons deep. The kernel runs the program once for every number when it is installed, so its depth is what that costs.
//!
//! Jumps of classic BPF lead forward only, and 255 instructions far. So the program is made from its end: what is jumped to
//! is always there already, and what is too far away is given a stop on the way.

use crate::sys::arch::AUDIT;

/// What may become of a call: SECCOMP_RET_*.
pub const KILL_PROCESS: u32 = 0x8000_0000;
pub const KILL_THREAD: u32 = 0;
pub const TRAP: u32 = 0x0003_0000;
pub const ERRNO: u32 = 0x0005_0000;
pub const TRACE: u32 = 0x7ff0_0000;
pub const LOG: u32 = 0x7ffc_0000;
pub const ALLOW: u32 = 0x7fff_0000;
pub const EPERM: u32 = ERRNO | 1;
pub const EINVAL: u32 = ERRNO | 22;
pub const ENOSYS: u32 = ERRNO | 38;
pub const EAFNOSUPPORT: u32 = ERRNO | 97;

/// x32's numbers begin here; no other call has such a large one.
pub const X32: u32 = 0x4000_0000;

/// What becomes of a call whose arguments meet all conditions.
#[derive(Clone, Copy)]
pub struct Rule {
    pub call: u16,
    pub action: u32,
    pub conditions: &'static [Condition],
}

/// An argument compared with a value.
#[derive(Clone, Copy)]
pub struct Condition {
    /// 0 to 5.
    pub argument: u8,
    pub comparison: Comparison,
    pub value: u64,
    /// The bits that count, where equality is asked for.
    pub mask: u64,
}

/// Each even one stands before its opposite.
#[derive(Clone, Copy)]
pub enum Comparison {
    Equal,
    Unequal,
    Greater,
    AtMost,
    AtLeast,
    Less,
}

/// What becomes of each call by its number, and at the end of those with larger numbers.
pub struct Calls {
    /// The action in the low half; in the high half, where rules are asked first, the number plus one.
    verdicts: Vec<u64>,
    rules: Vec<Rule>,
}

impl Calls {
    pub fn new(count: usize, action: u32) -> Calls {
        Calls { verdicts: vec![action.into(); count + 1], rules: Vec::new() }
    }

    /// What becomes of a call unless a rule applies.
    pub fn set(&mut self, call: usize, action: u32) {
        if let Some(verdict) = self.verdicts.get_mut(call) {
            *verdict = action.into();
        }
    }

    /// Adds a rule; the first one that applies counts.
    pub fn add(&mut self, rule: Rule) {
        if let Some(verdict) = self.verdicts.get_mut(usize::from(rule.call)) {
            *verdict = *verdict & u64::from(u32::MAX) | u64::from(rule.call + 1) << 32;
            self.rules.push(rule);
        }
    }

    /// The program.
    pub fn compile(&self) -> Vec<u64> {
        let mut ranges = Vec::with_capacity(128);
        let mut before = None;
        for (first, verdict) in self.verdicts.iter().enumerate() {
            if before != Some(*verdict) {
                ranges.push((first as u32, *verdict));
                before = Some(*verdict);
            }
        }
        ranges.push((X32, ENOSYS.into()));
        let mut code = Code { reversed: Vec::with_capacity(256), rules: &self.rules };
        let tree = code.tree(&ranges, self.verdicts.len() as u32);
        let tree = code.load(NUMBER, tree);
        let other = code.push(RETURN, 0, 0, KILL_PROCESS);
        let start = code.jump(IF_EQUAL, AUDIT, tree, other);
        code.load(MACHINE, start);
        code.reversed.reverse();
        code.reversed
    }
}

// Where struct seccomp_data has what is asked for.
const NUMBER: u32 = 0;
const MACHINE: u32 = 4;
const ARGUMENTS: u32 = 16;

// The instructions of classic BPF that are used (linux/bpf_common.h).
const LOAD: u8 = 0x20;
const AND: u8 = 0x54;
const GO_ON: u8 = 0x05;
const IF_EQUAL: u8 = 0x15;
const IF_GREATER: u8 = 0x25;
const IF_AT_LEAST: u8 = 0x35;
const RETURN: u8 = 0x06;

/// As far as a jump leads, less what may come between.
const FAR: usize = 250;

/// A program from its end on: a place is known by how many instructions come after it.
struct Code<'a> {
    reversed: Vec<u64>,
    rules: &'a [Rule],
}

impl Code<'_> {
    fn push(&mut self, code: u8, yes: usize, no: usize, k: u32) -> usize {
        self.reversed.push(u64::from(code) | (yes as u64) << 16 | (no as u64) << 24 | u64::from(k) << 32);
        self.reversed.len() - 1
    }

    /// A place that the next instructions can jump to, which leads to this one.
    fn near(&mut self, place: usize) -> usize {
        match self.reversed.len() - place {
            far if far > FAR => self.push(GO_ON, 0, 0, far as u32 - 1),
            _ => place,
        }
    }

    fn jump(&mut self, code: u8, value: u32, yes: usize, no: usize) -> usize {
        let (yes, no) = (self.near(yes), self.near(no));
        let last = self.reversed.len() - 1;
        self.push(code, last - yes, last - no, value)
    }

    /// Takes up part of what is known of the call, and goes on in a place.
    fn load(&mut self, what: u32, place: usize) -> usize {
        let length = self.reversed.len();
        if place + 1 != length {
            self.push(GO_ON, 0, 0, (length - place - 1) as u32);
        }
        self.push(LOAD, 0, 0, what)
    }

    /// Ends the program: one that does so is shared by all that are near.
    fn end(&mut self, action: u32) -> usize {
        let start = self.reversed.len().saturating_sub(FAR / 2);
        let same = u64::from(RETURN) | u64::from(action) << 32;
        match self.reversed[start..].iter().position(|found| *found == same) {
            Some(place) => start + place,
            None => self.push(RETURN, 0, 0, action),
        }
    }

    /// Finds the range that a number is in. The kernel asks for none from `end` on.
    fn tree(&mut self, ranges: &[(u32, u64)], end: u32) -> usize {
        if let [(_, verdict)] = ranges {
            return self.verdict(*verdict);
        }
        // In the middle of the numbers, not of the ranges: a range counts as often as it has numbers.
        let middle = (ranges[0].0 + end) / 2;
        let (low, high) = ranges.split_at(ranges[1..].partition_point(|range| range.0 <= middle).max(1));
        let (no, yes) = (self.tree(low, high[0].0), self.tree(high, end));
        self.jump(IF_AT_LEAST, high[0].0, yes, no)
    }

    fn verdict(&mut self, verdict: u64) -> usize {
        let mut place = self.end(verdict as u32);
        let rules = self.rules;
        for rule in rules.iter().rev() {
            if u64::from(rule.call) + 1 == verdict >> 32 {
                let mut yes = self.end(rule.action);
                for condition in rule.conditions.iter().rev() {
                    yes = self.condition(condition, yes, place);
                }
                place = yes;
            }
        }
        place
    }

    /// Arguments have 64 bits and are compared as two halves: the low one counts where the high ones are equal.
    fn condition(&mut self, condition: &Condition, yes: usize, no: usize) -> usize {
        let Condition { argument, comparison, value, mask } = *condition;
        let (yes, no) = if comparison as u8 & 1 == 0 { (yes, no) } else { (no, yes) };
        let compare = [IF_EQUAL, IF_GREATER, IF_AT_LEAST][comparison as usize >> 1];
        let value = value & mask;
        let low = self.jump(compare, value as u32, yes, no);
        let low = self.half(ARGUMENTS + 8 * u32::from(argument), mask as u32, low);
        if mask >> 32 == 0 {
            return low;
        }
        let mut high = self.jump(IF_EQUAL, (value >> 32) as u32, low, no);
        if compare != IF_EQUAL {
            high = self.jump(IF_GREATER, (value >> 32) as u32, yes, high);
        }
        self.half(ARGUMENTS + 8 * u32::from(argument) + 4, (mask >> 32) as u32, high)
    }

    /// Takes up the bits of half an argument that count.
    fn half(&mut self, what: u32, mask: u32, mut place: usize) -> usize {
        if mask != u32::MAX {
            place = self.push(AND, 0, 0, mask);
        }
        self.load(what, place)
    }
}
