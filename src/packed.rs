//! Sentences as the program holds them: packed while compiling, unpacked where one is wanted, and half as large. A piece of text
//! that often stands in them is one byte beyond ASCII; it is made of two others, so that all are small (Gage, "A New Algorithm
//! for Data Compression", 1994). Everyone knows this file; it knows how texts are filled.

use crate::sys::thin::Thin;
use crate::text::{fill, utf8};

/// A sentence, by where it begins: the least that can be passed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sentence(Thin);

impl Sentence {
    pub const fn new(packed: &'static [u8]) -> Sentence {
        Sentence(Thin::new(packed))
    }

    pub fn get(self) -> &'static str {
        unpacked(self.0.bytes())
    }

    /// With one part after the other in place of each `%`.
    pub fn fill(self, parts: &[&str]) -> &'static str {
        fill(self.get(), parts)
    }

    /// The same with one, which stays in registers at each of the many places where it is called.
    #[inline(never)]
    pub fn with(self, part: &str) -> &'static str {
        self.fill(&[part])
    }

    #[inline(never)]
    pub fn with_two(self, first: &str, second: &str) -> &'static str {
        self.fill(&[first, second])
    }
}

impl From<Sentence> for &'static str {
    fn from(sentence: Sentence) -> &'static str {
        sentence.get()
    }
}

/// Texts by their numbers.
pub struct Packed(pub &'static [u8]);

impl Packed {
    /// The text of this number; empty where there is none.
    pub fn text(&self, number: usize) -> &'static str {
        unpacked(self.0.split(|byte| *byte == 0).nth(number).unwrap_or_default())
    }
}

/// A sentence where it is wanted, with one part after the other in place of each `%`: `text!("mount % on %", what, place)`.
macro_rules! text {
    ($text:expr) => {
        $crate::packed::sentence!($text).get()
    };
    ($text:expr, $part:expr $(,)?) => {
        $crate::packed::sentence!($text).with($part)
    };
    ($text:expr, $first:expr, $second:expr $(,)?) => {
        $crate::packed::sentence!($text).with_two($first, $second)
    };
    ($text:expr, $($part:expr),+ $(,)?) => {
        $crate::packed::sentence!($text).fill(&[$($part),+])
    };
}

/// The [`Sentence`] of ASCII.
macro_rules! sentence {
    ($text:expr) => {
        const {
            const CODES: &[u8] = &$crate::packed::codes!($text, "\0");
            $crate::packed::Sentence::new(CODES)
        }
    };
}

/// The [`Packed`] of texts that each end in a NUL.
macro_rules! packed {
    ($texts:expr) => {
        const {
            const CODES: &[u8] = &$crate::packed::codes!($texts, "");
            $crate::packed::Packed(CODES)
        }
    };
}

macro_rules! codes {
    ($text:expr, $end:expr) => {{
        const LENGTH: usize = $text.len() + $end.len();
        const PACKING: $crate::packed::Packing<LENGTH> = $crate::packed::pack($text);
        PACKING.codes::<{ PACKING.length }>()
    }};
}
pub(crate) use {codes, packed, sentence, text};

#[cold]
#[inline(never)]
fn unpacked(packed: &[u8]) -> &'static str {
    let mut text = Vec::new();
    unpack(packed, &mut text);
    utf8(text.leak()).unwrap_or_default()
}

fn unpack(packed: &[u8], text: &mut Vec<u8>) {
    for byte in packed {
        match PAIRS.get(usize::from(byte.wrapping_sub(FIRST))) {
            Some(pair) if pair[0] != 0 => unpack(pair, text),
            _ => text.push(*byte),
        }
    }
}

const FIRST: u8 = 0x80;
/// What the bytes from [`FIRST`] on stand for, and beyond 0xff those from 0 on, each made of two earlier ones or letters: the
/// pairs that stand most often in all texts of the program, found one after the other. NUL, tab and newline stand for
/// themselves.
const PIECES: &str = concat!(
    "  |e |s |t |in|    |th|er|on|ta|, |: |or|d |ro|con|it|an|conta|contain|no|is |re|--|the |        |se|a |",
    "un|as |or |ch|ma|er |en|it |y |le|\n  |st|at |us|me|ge|na|l |contain |o |de|ne|f |% |p |ce|wr|fi|mo|no |",
    "roo|writ|wh|te|ar|of |lo|in |li|ti|co|write |00|not |has |and |pro|me |pa|id|sta|rou|an |le |to |grou|",
    "sy|ad|root|ces|ct|en |ch |run|g |that |al|\n  --|on |com|ex|op|sh|ou|get|set|                |wi|th |",
    "s, |si|k |wa|container|em|ed|..|ow|moun|ve |di|proces|: write |name|with |mor|for |vi|es |cgrou||this |",
    " E|ce |, or |at|ID|name |its |||CO|; |ker|kerne|il|%: |be |IN|ke |ul|r |fa|rootf|'s |, as |\n\n",
);
const COUNT: usize = 0x9b;
static PAIRS: [[u8; 2]; COUNT] = INDEX.pairs;
const INDEX: Index = index();

/// The pieces, for packing.
struct Index {
    pairs: [[u8; 2]; COUNT],
    /// Where each begins and ends in [`PIECES`].
    places: [(usize, usize); COUNT],
    /// The first that begins with a letter, and after each the next one that begins with the same; [`COUNT`] for none.
    first: [usize; FIRST as usize],
    next: [usize; COUNT],
}

const fn index() -> Index {
    let pieces = PIECES.as_bytes();
    let mut index =
        Index { pairs: [[0; 2]; COUNT], places: [(0, 0); COUNT], first: [COUNT; FIRST as usize], next: [COUNT; COUNT] };
    let (mut number, mut begin) = (0, 0);
    while number < COUNT {
        let mut end = begin;
        while end < pieces.len() && pieces[end] != b'|' {
            end += 1;
        }
        index.places[number] = (begin, end);
        let mut cut = begin + 1;
        while begin < end && index.pairs[number][0] == 0 {
            assert!(cut < end, "a piece is not made of two that stand before it");
            let (left, right) = (index.code(number, begin, cut), index.code(number, cut, end));
            if left != 0 && right != 0 {
                index.pairs[number] = [left, right];
            }
            cut += 1;
        }
        if begin < end {
            let letter = pieces[begin] as usize;
            index.next[number] = index.first[letter];
            index.first[letter] = number;
        }
        begin = end + 1;
        number += 1;
    }
    assert!(begin == pieces.len() + 1, "there are more pieces than codes");
    index
}

impl Index {
    /// The code of a part of [`PIECES`], one letter or one of the first pieces; 0 where it is neither.
    const fn code(&self, count: usize, begin: usize, end: usize) -> u8 {
        let pieces = PIECES.as_bytes();
        if end - begin == 1 {
            return pieces[begin];
        }
        let mut number = 0;
        while number < count {
            let (from, to) = self.places[number];
            if to - from == end - begin && stands(pieces, begin, from, to) {
                return FIRST.wrapping_add(number as u8);
            }
            number += 1;
        }
        0
    }
}

/// Whether a piece stands at a place of a text.
const fn stands(text: &[u8], at: usize, from: usize, to: usize) -> bool {
    let mut same = 0;
    while same < to - from {
        if at + same == text.len() || text[at + same] != PIECES.as_bytes()[from + same] {
            return false;
        }
        same += 1;
    }
    true
}

pub struct Packing<const MOST: usize> {
    codes: [u8; MOST],
    pub length: usize,
}

impl<const MOST: usize> Packing<MOST> {
    pub const fn codes<const LENGTH: usize>(&self) -> [u8; LENGTH] {
        let (mut codes, mut at) = ([0; LENGTH], 0);
        while at < LENGTH {
            codes[at] = self.codes[at];
            at += 1;
        }
        codes
    }
}

/// A text in as few codes as there can be, with a NUL after it where there is room: found from its end on.
pub const fn pack<const MOST: usize>(text: &str) -> Packing<MOST> {
    let text = text.as_bytes();
    // The codes from a place on: how many there are, and the first one with what it stands for.
    let (mut counts, mut codes, mut lengths) = ([0_u16; MOST], [0_u8; MOST], [1_u8; MOST]);
    let mut at = text.len();
    while at > 0 {
        at -= 1;
        let letter = text[at] as usize;
        assert!(
            text[at] < FIRST && INDEX.pairs[text[at].wrapping_sub(FIRST) as usize % COUNT][0] == 0 || letter > 0x1a
        );
        codes[at] = text[at];
        counts[at] = 1 + if at + 1 < text.len() { counts[at + 1] } else { 0 };
        let mut number = INDEX.first[letter];
        while number < COUNT {
            let (from, to) = INDEX.places[number];
            let after = at + to - from;
            let count = 1 + if after < text.len() { counts[after] } else { 0 };
            if count < counts[at] && stands(text, at, from, to) {
                counts[at] = count;
                codes[at] = FIRST.wrapping_add(number as u8);
                lengths[at] = (to - from) as u8;
            }
            number = INDEX.next[number];
        }
    }
    let (mut packing, mut from) = (Packing { codes: [0; MOST], length: 0 }, 0);
    while from < text.len() {
        packing.codes[packing.length] = codes[from];
        packing.length += 1;
        from += lengths[from] as usize;
    }
    packing.length += MOST - text.len();
    packing
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_packed_is_unpacked() {
        const TEXTS: &str = "contain run\0\0: write % of the %\0\tx|\n\0";
        let packed = packed!(TEXTS);
        for (number, text) in TEXTS.split('\0').enumerate() {
            assert_eq!(packed.text(number), text);
        }
        assert_eq!((packed.text(9), packed.0.len() < TEXTS.len() * 2 / 3), ("", true), "{:?}", packed.0);
        assert_eq!((text!("the container"), text!("% of %", "a", "b"), text!("")), ("the container", "a of b", ""));
    }
}
