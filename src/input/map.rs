//! Maps of ids as written: `--uidmap` and `--gidmap`, and the host's subuid(5) and subgid(5).

use crate::input::number::Parsed;
use crate::spec::Range;
use crate::text::{cut, decimal, lines};

/// One past the largest id: the kernel keeps that for "none".
const END: u64 = 0xffff_ffff;

/// `INSIDE:OUTSIDE:COUNT`, beside those that are there already.
pub fn range(text: &str, others: &[Range]) -> Parsed<Range> {
    let Some(range) = Range::of(text) else {
        return Err("is no range of ids: write INSIDE:OUTSIDE:COUNT, as 0:100000:65536");
    };
    let fits = |start: u64| start < END && range.count <= END - start;
    if range.count == 0 || !fits(range.inside) || !fits(range.outside) {
        return Err("is a range of no ids, or goes beyond 4294967294, the largest");
    }
    let meet = |one: u64, other: u64, count: u64| one < other + count && other < one + range.count;
    match others
        .iter()
        .any(|other| meet(range.inside, other.inside, other.count) || meet(range.outside, other.outside, other.count))
    {
        true => Err("has ids that an earlier range has: the kernel takes each once, inside and outside"),
        false => Ok(range),
    }
}

/// The ranges that a subuid(5) file gives to a user, whom it may call by name or by number: starts and counts.
pub fn subordinate(file: &str, name: &str, uid: u32) -> Vec<(u64, u64)> {
    let mut found = Vec::new();
    for line in lines(file) {
        if let Some((whose, range)) = cut(line, b':')
            && (whose == name || decimal(whose) == Some(uid.into()))
            && let Some((start, count)) = cut(range, b':')
            && let (Some(start), Some(count)) = (decimal(start), decimal(count.trim_ascii()))
            && start < END
            && (1..=END - start).contains(&count)
        {
            found.push((start, count));
        }
    }
    found
}

/// The caller's own id `own` as `at`, and the others from 0 on in the order of his ranges.
pub fn around(own: u32, at: u32, ranges: &[(u64, u64)]) -> Vec<Range> {
    let (mut map, mut inside) = (Vec::new(), 0);
    let (own, at) = (Range { inside: at.into(), outside: own.into(), count: 1 }, u64::from(at));
    for &(mut outside, mut count) in ranges {
        while count > 0 {
            if inside == at {
                map.push(own);
                inside += 1;
            }
            let part = if inside < at { count.min(at - inside) } else { count };
            map.push(Range { inside, outside, count: part });
            (inside, outside, count) = (inside + part, outside + part, count - part);
        }
    }
    if inside <= at {
        map.push(own);
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Map;

    #[test]
    fn ranges_as_written() {
        let first = Range { inside: 0, outside: 1000, count: 1 };
        for (text, wanted) in [
            ("1:100000:65536", Ok((1, 100_000, 65_536))),
            ("4294967294:4294967294:1", Ok((4_294_967_294, 4_294_967_294, 1))),
            ("1:100000", Err("is no range")),
            ("1:100000:1:1", Err("is no range")),
            ("-1:5:1", Err("is no range")),
            ("", Err("is no range")),
            ("1:5:0", Err("of no ids")),
            ("4294967295:5:1", Err("beyond")),
            ("1:4294967294:2", Err("beyond")),
            ("1:5:18446744073709551615", Err("beyond")),
            ("0:5:1", Err("earlier")),
            ("1:999:2", Err("earlier")),
        ] {
            match (range(text, &[first]), wanted) {
                (Ok(range), Ok(wanted)) => assert_eq!((range.inside, range.outside, range.count), wanted, "{text}"),
                (Err(what), Err(wanted)) => assert!(what.contains(wanted), "{text} {what}"),
                (got, _) => panic!("{text}: {got:?}"),
            }
        }
    }

    #[test]
    fn ranges_of_a_user() {
        let file =
            "ann:100000:65536\n# ann:1:1\nbob:200000:10\n1000:300000:5\nann:x:1\nann:1\nann:7:0\nann:4294967294:2\n";
        assert_eq!(subordinate(file, "ann", 1000), [(100_000, 65_536), (300_000, 5)]);
        assert_eq!(subordinate(file, "", 7), []);
    }

    #[test]
    fn maps_around_the_caller() {
        let map = |at, ranges: &[_]| Map::of(&around(1000, at, ranges)).text();
        assert_eq!(map(0, &[]), "0:1000:1");
        assert_eq!(map(1000, &[]), "1000:1000:1");
        assert_eq!(map(0, &[(5000, 10), (9000, 3)]), "0:1000:1 1:5000:10 11:9000:3");
        assert_eq!(map(4, &[(5000, 10)]), "0:5000:4 4:1000:1 5:5004:6");
        assert_eq!(map(10, &[(5000, 10)]), "0:5000:10 10:1000:1");
        assert_eq!(map(10, &[(5000, 10), (9000, 1)]), "0:5000:10 10:1000:1 11:9000:1");
        assert_eq!(map(12, &[(5000, 10)]), "0:5000:10 12:1000:1");
    }
}
