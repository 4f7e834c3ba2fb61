//! Maps of ids as written: `--uidmap` and `--gidmap`, and the host's subuid(5) and subgid(5).

use crate::input::number::Parsed;
use crate::packed::text;
use crate::spec::{Map, Range};
use crate::text::{cut, digits, kept, lines, split};

/// Adds a range `INSIDE:OUTSIDE:COUNT` to a map.
#[inline(never)]
pub fn add(map: &mut Map, text: &str) -> Parsed<()> {
    let Some(new) = Range::of(text) else {
        return Err(text!("is no range of ids: write INSIDE:OUTSIDE:COUNT, as 0:100000:65536"));
    };
    let meets = |old: &Range| {
        (0..2).any(|at| new.starts[at] < old.starts[at] + old.count && old.starts[at] < new.starts[at] + new.count)
    };
    if map.ranges().iter().any(meets) {
        return Err(text!("has ids that an earlier range has: each goes once, inside and outside"));
    }
    *map = Map(kept(&[map.0.to_bytes(), if map.is_none() { b"" } else { b" " }, text.as_bytes()]));
    Ok(())
}

/// The map of an ordinary user: his own id as `at`, and around it, from 0 on, those that a subuid(5) or subgid(5) file gives
/// him. Both call him by his name or his number.
pub fn ordinary(file: &str, names: [&str; 2], own: u32, at: u32) -> String {
    let (at, own) = (u64::from(at), u64::from(own));
    let (mut map, mut inside) = (String::new(), 0);
    let mut give = |inside: &mut u64, outside: u64, count: u64| {
        if count > 0 {
            let [first, second, third] = [*inside, outside, count].map(digits);
            map.extend([if map.is_empty() { "" } else { " " }, first, ":", second, ":", third]);
        }
        *inside += count;
    };
    for line in lines(file) {
        if let Some((whose, range)) = cut(line, b':')
            && names.contains(&whose)
            && !whose.is_empty()
            && let Some(Range { starts: [_, mut outside], mut count }) = Range::of(text!("0:%", range))
        {
            if (inside..inside + count).contains(&at) {
                let before = at - inside;
                give(&mut inside, outside, before);
                give(&mut inside, own, 1);
                (outside, count) = (outside + before, count - before);
            }
            give(&mut inside, outside, count);
        }
    }
    if inside <= at {
        give(&mut { at }, own, 1);
    }
    map
}

/// The ids that a file of the host's has for anybody: passwd(5) and group(5) have one in a line, and `ranges` is for
/// subuid(5).
pub fn given(file: &str, ranges: bool, found: &mut Vec<Range>) {
    for line in lines(file) {
        let field = |at| split(line, b':').nth(at).unwrap_or_default().trim_ascii();
        let (start, count) = if ranges { (field(1), field(2)) } else { (field(2), "1") };
        found.extend(Range::of(text!("0:%:%", start, count)));
    }
}

/// The first of the 65536 ids that a container can have for itself, out of those that systemd-nspawn(1) chooses from, too.
/// `drawn` says where the search begins; `hold` is asked for what none of the others has.
pub fn free(others: &[Range], drawn: u64, hold: &mut dyn FnMut(u64) -> bool) -> Option<u64> {
    for turn in 0..LAST - FIRST {
        let start = (FIRST + drawn.wrapping_add(turn) % (LAST - FIRST)) * COUNT;
        let meets = |other: &Range| other.starts[1] < start + COUNT && start < other.starts[1] + other.count;
        if !others.iter().any(meets) && hold(start) {
            return Some(start);
        }
    }
    None
}

/// How many, and between which, in as many at a time.
pub const COUNT: u64 = 1 << 16;
const FIRST: u64 = 8;
const LAST: u64 = 0x7000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_as_written() {
        for (text, wanted) in [
            ("1:100000:65536", ""),
            ("4294967294:4294967294:1", ""),
            ("0:4294967294:1", ""),
            ("1:100000", "is no range"),
            ("1:100000:1:1", "is no range"),
            ("-1:5:1", "is no range"),
            ("", "is no range"),
            ("1:5:0", "is no range"),
            ("4294967295:5:1", "is no range"),
            ("1:4294967294:2", "is no range"),
            ("1:5:18446744073709551615", "is no range"),
            ("18446744073709551615:5:1", "is no range"),
            ("5:7:1", "earlier"),
            ("69999:999:2", "earlier"),
            ("70001:999:2", ""),
            ("70000:9:1", "earlier"),
        ] {
            let mut map = Map(c"70000:7:1");
            let added = add(&mut map, text);
            assert!(added.err().unwrap_or("").contains(wanted), "{text}");
            assert_eq!((map.text().len() > 9, added.is_ok()), (wanted.is_empty(), wanted.is_empty()), "{text}");
        }
        let map = Map(kept(&[b"0:1000:1 5:100000:3"]));
        assert_eq!([0, 1, 4, 5, 7, 8].map(|id| map.holds(id)), [true, false, false, true, true, false]);
        assert!(!Map::NONE.holds(0) && Map::NONE.is_none());
    }

    #[test]
    fn the_map_of_an_ordinary_user() {
        let ann = "# ann:1:1\nbob:200000:10\nann:5000:10\n1000:9000:3\nann:x:1\nann:1\nann:7:0\nann:4294967294:2\n";
        assert_eq!(ordinary(":5:5", ["", "7"], 7, 0), "0:7:1");
        for (file, at, wanted) in [
            ("", 0, "0:1000:1"),
            ("", 1000, "1000:1000:1"),
            (ann, 0, "0:1000:1 1:5000:10 11:9000:3"),
            (ann, 4, "0:5000:4 4:1000:1 5:5004:6 11:9000:3"),
            (ann, 10, "0:5000:10 10:1000:1 11:9000:3"),
            (ann, 12, "0:5000:10 10:9000:2 12:1000:1 13:9002:1"),
            (ann, 13, "0:5000:10 10:9000:3 13:1000:1"),
            (ann, 1000, "0:5000:10 10:9000:3 1000:1000:1"),
        ] {
            assert_eq!(ordinary(file, ["ann", "1000"], 1000, at), wanted, "{at}");
        }
    }

    #[test]
    fn ranges_that_are_free() {
        let mut others = Vec::new();
        given("root:x:0:0::/:\nann:x:590000:7::/:\nno:x\n", false, &mut others);
        given("ann:100000:65536\n# x\nbob:655359:2\n", true, &mut others);
        let found: Vec<_> = others.iter().map(|range| (range.starts[1], range.count)).collect();
        assert_eq!(found, [(0, 1), (590_000, 1), (100_000, 65_536), (655_359, 2)]);
        // 524288 is free; ann has one of the next, bob one of that and of the one after it.
        let free = |drawn, taken: &[u64]| super::free(&others, drawn, &mut |start| !taken.contains(&start));
        assert_eq!((free(0, &[]), free(1, &[])), (Some(524_288), Some(720_896)));
        assert_eq!(free(0, &[524_288, 720_896]), Some(786_432));
        // The last of all, and round to the first.
        assert_eq!(free(28_663, &[]), Some(1_878_982_656));
        assert_eq!(free(28_663, &[1_878_982_656]), Some(524_288));
        let all = Range { starts: [0; 2], count: u32::MAX.into() };
        assert_eq!(super::free(&[all], 5, &mut |_| true), None);
    }
}
