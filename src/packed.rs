//! Texts that are packed while compiling and unpacked where one is wanted: half as large. Where two bytes often stand side by
//! side, one beyond ASCII stands for both (Gage, "A New Algorithm for Data Compression", 1994). Everyone knows this file; it
//! knows nobody.

/// Texts by their numbers, all of ASCII.
pub struct Packed {
    /// What the bytes from [`FIRST`] on stand for.
    pairs: &'static [[u8; 2]; PAIRS],
    /// Each ends in a NUL.
    texts: &'static [u8],
}

const FIRST: u8 = 0x80;
/// The more of them, the smaller, and the slower to compile.
pub const PAIRS: usize = if cfg!(debug_assertions) { 8 } else { 128 };

impl Packed {
    pub const fn new(pairs: &'static [[u8; 2]; PAIRS], texts: &'static [u8]) -> Packed {
        Packed { pairs, texts }
    }

    /// The text of this number; empty where there is none.
    pub fn text(&self, number: usize) -> &'static str {
        let mut text = Vec::new();
        self.unpack(self.texts.split(|byte| *byte == 0).nth(number).unwrap_or_default(), &mut text);
        str::from_utf8(text.leak()).unwrap_or_default()
    }

    fn unpack(&self, packed: &[u8], text: &mut Vec<u8>) {
        for byte in packed {
            match self.pairs.get(usize::from(*byte).wrapping_sub(FIRST.into())) {
                Some(pair) => self.unpack(pair, text),
                None => text.push(*byte),
            }
        }
    }
}

/// The [`Packed`] of these texts, each of which ends in a NUL.
macro_rules! packed {
    ($texts:expr) => {{
        #[allow(long_running_const_eval)]
        const PACKING: $crate::packed::Packing<{ $texts.len() }> = $crate::packed::pack($texts);
        const CODES: [u8; PACKING.length] = PACKING.texts();
        // What is borrowed is what the program holds.
        const PAIRS: [[u8; 2]; $crate::packed::PAIRS] = PACKING.pairs;
        $crate::packed::Packed::new(&PAIRS, &CODES)
    }};
}
pub(crate) use packed;

pub struct Packing<const MOST: usize> {
    pub pairs: [[u8; 2]; PAIRS],
    texts: [u8; MOST],
    pub length: usize,
}

impl<const MOST: usize> Packing<MOST> {
    pub const fn texts<const LENGTH: usize>(&self) -> [u8; LENGTH] {
        let (mut texts, mut at) = ([0; LENGTH], 0);
        while at < LENGTH {
            texts[at] = self.texts[at];
            at += 1;
        }
        texts
    }
}

/// Takes the most frequent pair out, again and again.
pub const fn pack<const MOST: usize>(texts: &str) -> Packing<MOST> {
    let mut packing = Packing { pairs: [[0; 2]; PAIRS], texts: [0; MOST], length: 0 };
    while packing.length < texts.len() {
        packing.texts[packing.length] = texts.as_bytes()[packing.length];
        packing.length += 1;
    }
    let mut number = 0;
    while number < PAIRS {
        let pair = most_frequent(&packing.texts, packing.length);
        let (mut from, mut to) = (0, 0);
        while from < packing.length {
            let is_it =
                from + 1 < packing.length && packing.texts[from] == pair[0] && packing.texts[from + 1] == pair[1];
            packing.texts[to] = if is_it { FIRST + number as u8 } else { packing.texts[from] };
            from += 1 + is_it as usize;
            to += 1;
        }
        packing.pairs[number] = pair;
        packing.length = to;
        number += 1;
    }
    packing
}

/// The pair that is there most often, within one text.
const fn most_frequent(texts: &[u8], length: usize) -> [u8; 2] {
    let mut counts = [0_u16; 1 << 16];
    let (mut best, mut at) = (0, 1);
    while at < length {
        let pair = (texts[at - 1] as usize) << 8 | texts[at] as usize;
        if texts[at - 1] != 0 && texts[at] != 0 {
            counts[pair] += 1;
            if counts[pair] > counts[best] {
                best = pair;
            }
        }
        at += 1;
    }
    [(best >> 8) as u8, best as u8]
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_packed_is_unpacked() {
        const TEXTS: &str = "banana bandana\0\0an\0\tbandanas\nand bananas\0";
        let packed = packed!(TEXTS);
        for (number, text) in TEXTS.split('\0').enumerate() {
            assert_eq!(packed.text(number), text);
        }
        assert_eq!((packed.text(9), packed.texts.len() < TEXTS.len() / 2), ("", true), "{:?}", packed.texts);
    }
}
