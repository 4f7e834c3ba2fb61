//! The names and numbers of system calls, of the machine that this is built for. Later ones are unknown to the program, as all
//! of another machine's are.

use crate::packed::{Packed, packed};
use crate::sys::arch::{GAP, NAMES};
use crate::text::split;

static PACKED: Packed = packed!(NAMES);

/// Where the numbers go on after [`GAP`]: from there on all machines have the same.
const COMMON: u32 = 424;
/// How many names there are, with those that are missing.
const LENGTH: usize = {
    let (names, mut at, mut length) = (NAMES.as_bytes(), 0, 1);
    while at < names.len() {
        length += (names[at] == b' ') as usize;
        at += 1;
    }
    length
};
/// The number after the last known one.
pub const COUNT: usize = LENGTH - GAP as usize + COMMON as usize;
/// The numbers that no call has.
pub const NONE: std::ops::Range<usize> = GAP as usize..COMMON as usize;

/// The number of the call whose name stands in this place.
const fn number_of(place: usize) -> u16 {
    place as u16 + if place < GAP as usize { 0 } else { (COMMON - GAP) as u16 }
}

/// The number of a call, for what is decided when the program is built; [`COUNT`] where this machine has no such call.
pub const fn number(name: &str) -> u16 {
    let (names, name) = (NAMES.as_bytes(), name.as_bytes());
    let (mut at, mut place) = (0, 0);
    while at < names.len() {
        let mut same = 0;
        while same < name.len() && at + same < names.len() && names[at + same] == name[same] {
            same += 1;
        }
        if same == name.len() && (at + same == names.len() || names[at + same] == b' ') {
            return number_of(place);
        }
        while at < names.len() && names[at] != b' ' {
            at += 1;
        }
        at += 1;
        place += 1;
    }
    COUNT as u16
}

/// The names, found by what they are made of: a profile has hundreds of them.
pub struct Index {
    pub(super) names: [&'static [u8]; LENGTH],
    /// The place of one name of each kind, and after each name of another one of its kind; 0 where there is none, since
    /// places count from 1.
    first: [u16; 256],
    next: [u16; LENGTH],
}

impl Index {
    pub fn new() -> Index {
        let mut index = Index { names: [b""; LENGTH], first: [0; 256], next: [0; LENGTH] };
        for (place, name) in split(PACKED.text(0), b' ').map(str::as_bytes).enumerate() {
            let first = &mut index.first[kind(name)];
            index.names[place] = name;
            index.next[place] = *first;
            *first = place as u16 + 1;
        }
        index
    }

    /// The number of a call.
    pub fn find(&self, name: &[u8]) -> Option<u16> {
        let mut next = self.first[kind(name)];
        while next > 0 {
            let place = usize::from(next) - 1;
            if self.names[place] == name {
                return Some(number_of(place));
            }
            next = self.next[place];
        }
        None
    }
}

fn kind(name: &[u8]) -> usize {
    name.iter().fold(0_u8, |kind, byte| kind.wrapping_mul(31).wrapping_add(*byte)).into()
}
