//! Maps of ids as written: `--uidmap` and `--gidmap`, and the host's subuid(5) and subgid(5).

use crate::input::number::Parsed;
use crate::spec::{Map, Range};
use crate::text::{cut, kept, lines};

/// Adds a range `INSIDE:OUTSIDE:COUNT` to a map.
pub fn add(map: &mut Map, text: &str) -> Parsed<()> {
    let Some(new) = Range::of(text) else {
        return Err("is no range of ids: write INSIDE:OUTSIDE:COUNT, as 0:100000:65536");
    };
    let meets = |old: Range| {
        (0..2).any(|at| new.starts[at] < old.starts[at] + old.count && old.starts[at] < new.starts[at] + new.count)
    };
    if map.ranges().any(meets) {
        return Err("has ids that an earlier range has: each goes once, inside and outside");
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
            let [first, second, third] = [*inside, outside, count].map(|number| number.to_string());
            map.extend([if map.is_empty() { "" } else { " " }, &first, ":", &second, ":", &third]);
        }
        *inside += count;
    };
    for line in lines(file) {
        if let Some((whose, range)) = cut(line, b':')
            && names.contains(&whose)
            && !whose.is_empty()
            && let Some(Range { starts: [_, mut outside], mut count }) = Range::of(&["0:", range].concat())
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
}
