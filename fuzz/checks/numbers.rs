//! Any text as a size, a count, a time, a share of CPUs or ranges of ids: what is taken is within the kernel's bounds, and is
//! what long arithmetic makes of it.

use crate::input::map::{add, ordinary};
use crate::input::number::{Kind, cpu, cpu_list, cpus, number, readable};
use crate::spec::{MAX, Map, Range};

pub fn check(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    counts(text);
    bandwidths(text);
    ids(text);
}

fn counts(text: &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = (1..=30).contains(&digits).then(|| text[..digits].parse::<u128>().unwrap());
    let unit = text[digits..].to_string();
    let size = number(Kind::Size, text).ok();
    let bare = unit.strip_suffix('B').map_or(&*unit, |bare| bare.strip_suffix('i').unwrap_or(bare));
    let scale = ["", "K", "M", "G", "T"].iter().position(|name| name.eq_ignore_ascii_case(bare));
    if digits <= 30 {
        let bytes = whole.zip(scale).map(|(number, power)| number << (10 * power));
        assert_eq!(size.map(u128::from), bytes.filter(|bytes| (1..1 << 63).contains(bytes)), "{text:?}");
    }
    if let Some(size) = size {
        // Never more than it is.
        let shown = readable(size);
        let (number, unit) = shown.split_at(shown.len() - 1);
        let scale = 1u64 << (10 * "BKMG".find(unit).unwrap());
        assert!(number.parse::<f64>().unwrap() * scale as f64 <= size as f64 * 1.000_001, "{size} as {shown}");
    }
    assert_eq!(number(Kind::Most, text).ok(), if ["max", "-1"].contains(&text) { Some(MAX) } else { size });
    assert_eq!(number(Kind::LogSize, text).ok(), size.filter(|size| *size >= 4096), "{text:?}");
    for (kind, least, most) in [(Kind::Pids, 1, 4_194_304), (Kind::Weight, 1, 10_000), (Kind::Count, 0, u64::MAX)] {
        let plain = whole.filter(|number| unit.is_empty() && (least..=most.into()).contains(number));
        match (kind, number(kind, text).ok()) {
            (Kind::Pids, Some(MAX)) => assert_eq!(text, "max"),
            (_, got) => assert!(digits > 30 || got.map(u128::from) == plain, "{text:?}: {got:?}"),
        }
    }
    let units = [("ms", 1), ("", 1000), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    let millis = whole.zip(units.iter().find(|(name, _)| *name == unit)).map(|(number, (_, scale))| number * scale);
    let millis = millis.filter(|millis| *millis <= 31_536_000_000_000);
    if digits <= 30 {
        assert_eq!(number(Kind::Wait, text).ok().map(u128::from), millis, "{text:?}");
        assert_eq!(number(Kind::Time, text).ok().map(u128::from), millis.filter(|millis| *millis > 0), "{text:?}");
    }
    assert!(
        number(Kind::Signal, text).is_ok_and(|number| (1..=64).contains(&number))
            || number(Kind::Signal, text).is_err()
    );
}

fn bandwidths(text: &str) {
    if let Ok([quota, period]) = cpu(text) {
        assert!((1000..1 << 44).contains(&quota) && (1000..=1_000_000).contains(&period), "{text:?}");
        let mut words = text.split_ascii_whitespace().map(|word| word.parse::<u64>().unwrap());
        assert_eq!((words.next(), words.next().unwrap_or(100_000)), (Some(quota), period), "{text:?}");
    }
    if let Ok([quota, period]) = cpus(text) {
        assert_eq!(
            (quota as f64 / period as f64 * 1e5).round(),
            (text.trim_end_matches('.').parse::<f64>().unwrap() * 1e5).round()
        );
        assert!(quota >= 1000 && period == 100_000, "{text:?}");
    }
    let plain = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let number = |text: &str| text.parse::<u64>().ok().filter(|number| digits(text) && *number <= 65_535);
        number(first).zip(number(last)).is_some_and(|(first, last)| first <= last)
    };
    assert_eq!(cpu_list(text).is_ok(), text.split(',').all(plain), "{text:?}");
}

fn ids(text: &str) {
    const END: u64 = 0xffff_ffff;
    let mut map = Map::NONE;
    let mut taken = Vec::new();
    for word in text.split_ascii_whitespace() {
        if add(&mut map, word).is_ok() {
            taken.push(word);
        }
    }
    assert_eq!(map.text(), taken.join(" "));
    let ranges = map.ranges();
    assert_eq!(ranges.len(), taken.len(), "{taken:?}");
    for at in 0..2 {
        disjoint(&ranges.iter().map(|range| (range.starts[at], range.count)).collect::<Vec<_>>());
        assert!(ranges.iter().all(|range| range.starts[at] + range.count <= END), "{taken:?}");
    }

    // What the file gives, in its order.
    let lines =
        text.split('\n').filter_map(|line| line.split_once(':')).filter(|(whose, _)| ["ann", "1000"].contains(whose));
    let given: Vec<Range> = lines.filter_map(|(_, range)| Range::of(&format!("0:{range}"))).collect();
    let total: u64 = given.iter().map(|range| range.count).sum();
    for at in [0, 5, 1000, u32::MAX - 1] {
        let map = ordinary(text, ["ann", "1000"], 1000, at);
        let number = |number: &str| number.parse::<u64>().unwrap();
        let shown: Vec<Vec<u64>> = map.split(' ').map(|range| range.split(':').map(number).collect()).collect();
        assert_eq!(shown.iter().map(|range| range[2]).sum::<u64>(), total + 1, "{map}");
        if total > 10_000 {
            continue;
        }
        // Each id inside with the one outside: the given ones from 0 on, and the caller's own among them or after them.
        let mut wanted: Vec<u64> =
            given.iter().flat_map(|range| range.starts[1]..range.starts[1] + range.count).collect();
        let place = wanted.len().min(at as usize);
        wanted.insert(place, 1000);
        let mut wanted: Vec<(u64, u64)> = std::iter::zip(0.., wanted).collect();
        wanted[place].0 = at.into();
        let ids = shown.iter().flat_map(|range| std::iter::zip(range[0].., range[1]..range[1] + range[2]));
        assert_eq!(ids.collect::<Vec<_>>(), wanted, "{map}");
    }
}

/// Starts and counts that do not meet.
fn disjoint(all: &[(u64, u64)]) {
    for (index, (start, count)) in all.iter().enumerate() {
        assert!(
            all[..index].iter().all(|(other, length)| start + count <= *other || other + length <= *start),
            "{all:?}"
        );
    }
}
