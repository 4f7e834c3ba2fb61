//! Sizes, counts, CPU bandwidth, CPU lists and durations as people write them. An error is the sentence's end: what is
//! wrong and what would be right; the caller puts the flag's name before it.

use crate::log::signals;
use crate::packed::{Sentence, sentence, text};
use crate::spec::MAX;
use crate::text::{after, before, decimal, digits, place, split, words};

pub type Parsed<T> = Result<T, &'static str>;

/// A complaint, and what would be right.
#[inline(never)]
pub fn wrong(what: Sentence, right: Sentence) -> &'static str {
    text!("%%", what.get(), right.get())
}

/// What a number counts, and how it is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Bytes.
    Size,
    /// Bytes, or `max`, or docker's `-1` for the same.
    Most,
    /// Bytes of a log file, which can hold a few lines at least.
    LogSize,
    /// Processes, or `max`.
    Pids,
    /// cpu.weight
    Weight,
    /// Milliseconds.
    Time,
    /// Milliseconds, which may be none.
    Wait,
    /// Lines or the like.
    Count,
    /// By number or name, with or without SIG.
    Signal,
}

/// In the unit of its kind: bytes, milliseconds, or a count.
pub fn number(kind: Kind, text: &str) -> Parsed<u64> {
    const TIME: Sentence = sentence!("is not a duration: write a number with ms, s, m, h or d, as 30s");
    // A thousand years of milliseconds: more than anyone waits, less than the clock's range.
    const AGES: u64 = 31_536_000_000_000;
    let (number, least, most, wrong) = match kind {
        Kind::Most | Kind::Pids if text == "max" => return Ok(MAX),
        Kind::Most if text == "-1" => return Ok(MAX),
        Kind::Size | Kind::Most => return size(text),
        Kind::LogSize => match size(text) {
            Err(what) if !text.starts_with('0') => return Err(what),
            size => (size.ok(), 4096, MAX, sentence!("is too little for a log file: write 4K or more, as in 1M")),
        },
        // PID_MAX_LIMIT of the kernel on 64 bits.
        Kind::Pids => {
            (decimal(text), 1, 4_194_304, sentence!("is not a count of processes: write 1 to 4194304, or max"))
        }
        Kind::Weight => {
            (decimal(text), 1, 10_000, sentence!("is not a CPU weight: write 1 to 10000; 100 is everyone's default"))
        }
        Kind::Time => (time(text), 1, AGES, TIME),
        Kind::Wait => (time(text), 0, AGES, TIME),
        Kind::Count => (decimal(text), 0, MAX, sentence!("is no number: write one, as 100")),
        Kind::Signal => (signal(text), 1, 64, sentence!("is no signal: write a name or number, as TERM or 15")),
    };
    match number {
        Some(number) if number >= least && number <= most => Ok(number),
        _ => Err(wrong.get()),
    }
}

/// The digits that a text begins with.
fn leading(text: &str) -> &str {
    let end = text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// A size in bytes: `67108864`, `64M`, `64MiB`, `1G`, `512K`. The units are powers of 1024, as in cgroups(7).
fn size(text: &str) -> Parsed<u64> {
    let number = leading(text);
    let unit = text.strip_prefix(number).unwrap_or_default();
    let letter = unit.strip_suffix('B').map_or(unit, |unit| unit.strip_suffix('i').unwrap_or(unit));
    match place("\nK\nM\nG\nT", letter.to_ascii_uppercase().as_bytes()) {
        Some(power) if !number.is_empty() => {
            match decimal(number).and_then(|number| number.checked_mul(1 << (10 * power))) {
                Some(0) => {
                    Err(text!("would leave no memory at all: write bytes, or a number with K, M, G or T, as in 64M"))
                }
                Some(bytes) if bytes < 1 << 63 => Ok(bytes),
                _ => Err(text!("is more than the kernel can count: write less than 8388608T")),
            }
        }
        _ => Err(text!("is not a size: write bytes, or a number with K, M, G or T, as in 64M")),
    }
}

/// A time as `10`, `10s`, `500ms`, `5m`, `2h`, in milliseconds; a bare number counts seconds.
fn time(text: &str) -> Option<u64> {
    let number = leading(text);
    let unit = place("ms\n\ns\nm\nh\nd", text.strip_prefix(number)?.as_bytes())?;
    decimal(number)?.checked_mul([1, 1000, 1000, 60_000, 3_600_000, 86_400_000][unit])
}

fn signal(text: &str) -> Option<u64> {
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    signals().position(|known| known == name).map_or_else(|| decimal(text), |index| Some(index as u64 + 1))
}

/// `QUOTA` or `QUOTA PERIOD` in microseconds, as cpu.max has them; the period is 100000 where none is given.
pub fn cpu(text: &str) -> Parsed<[u64; 2]> {
    const RIGHT: Sentence = sentence!("write microseconds of run time in each 100000, as 50000, or \"50000 100000\"");
    let (quota, period) = match *words(text) {
        [quota] => (decimal(quota), Some(100_000)),
        [quota, period] => (decimal(quota), decimal(period)),
        _ => (None, None),
    };
    // The kernel's own bounds, answered by EINVAL otherwise: a quota of 1 ms at least, a period of 1 ms to 1 s; and
    // max_bw_quota_period_us.
    match (quota, period) {
        (None, _) | (_, None) => Err(wrong(sentence!("is not a CPU quota: "), RIGHT)),
        (Some(..1000), _) => {
            Err(wrong(sentence!("is less than the kernel's least quota of 1000 microseconds: "), RIGHT))
        }
        (Some(0x1000_0000_0000..), _) => Err(wrong(sentence!("is more than the kernel can count: "), RIGHT)),
        (Some(quota), Some(period @ 1000..=1_000_000)) => Ok([quota, period]),
        _ => Err(text!("has a period outside 1000 to 1000000 microseconds: 100000 is usual")),
    }
}

/// A number of CPUs with up to five decimals, as `0.5` or `2`, as a quota in the usual period of 100000.
pub fn cpus(text: &str) -> Parsed<[u64; 2]> {
    const RIGHT: Sentence = sentence!("write how many CPUs at most, as 0.5 or 2");
    let (whole, fraction) = (before(text, b'.'), after(text, b'.').unwrap_or_default());
    let digits = text!("%%", whole, fraction);
    if decimal(digits).is_none() && digits.len() < 12 {
        return Err(wrong(sentence!("is not a number of CPUs: "), RIGHT));
    }
    if whole.len() > 6 || fraction.len() > 5 {
        return Err(wrong(sentence!("has more digits than a CPU count needs: "), RIGHT));
    }
    let mut quota = decimal(digits).unwrap_or(0);
    for _ in fraction.len()..5 {
        quota *= 10;
    }
    match quota {
        1000.. => Ok([quota, 100_000]),
        _ => Err(wrong(sentence!("is less than the kernel's least quota, 0.01 CPUs: "), RIGHT)),
    }
}

/// Checks a list of CPUs in cpuset(7)'s list format: `0-3,5`.
pub fn cpu_list(text: &str) -> Parsed<()> {
    for part in split(text, b',') {
        match (decimal(before(part, b'-')), decimal(after(part, b'-').unwrap_or(part))) {
            (Some(first), Some(last)) if first <= last && last <= u16::MAX.into() => {}
            _ => return Err(text!("is not a list of CPUs: write numbers and ranges, as 0-3,5")),
        }
    }
    Ok(())
}

/// Bytes for people: `64M`, `63.9M`, `512K`, `100B`; one decimal, rounded down so that a limit is never overstated.
pub fn readable(bytes: u64) -> &'static str {
    let (shift, name) = match bytes {
        0..1024 => (0, "B"),
        1024..1_048_576 => (10, "K"),
        1_048_576..1_073_741_824 => (20, "M"),
        _ => (30, "G"),
    };
    let (whole, rest) = (bytes >> shift, bytes & ((1 << shift) - 1));
    let mut text = String::from(digits(whole));
    let tenth = (rest * 10) >> shift;
    if tenth > 0 {
        text.push('.');
        text.push(char::from(b'0' + tenth as u8));
    }
    text.push_str(name);
    text.leak()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let good: [(&str, u64); 11] = [
            ("64M", 67_108_864),
            ("1G", 1_073_741_824),
            ("512K", 524_288),
            ("1048576", 1_048_576),
            ("67108864", 67_108_864),
            ("64MiB", 67_108_864),
            ("64MB", 67_108_864),
            ("64m", 67_108_864),
            ("1T", 1 << 40),
            ("1", 1),
            ("4B", 4),
        ];
        for (text, bytes) in good {
            assert_eq!(number(Kind::Size, text), Ok(bytes), "{text}");
        }
        for text in ["0", "0M", "-1", "64Q", "1e9", "", "99999999999G", "M", "6 4M", "+4", "0x10", "64MiBB", "９M"] {
            assert!(number(Kind::Size, text).is_err(), "{text}");
        }
        assert_eq!(number(Kind::Most, "max"), Ok(MAX));
        assert_eq!(number(Kind::Most, "-1"), Ok(MAX));
        assert_eq!(number(Kind::Most, "1K"), Ok(1024));
        assert_eq!(number(Kind::LogSize, "4K"), Ok(4096));
        for (text, part) in [("0", "too little"), ("4095", "too little"), ("x", "not a size")] {
            assert!(number(Kind::LogSize, text).is_err_and(|what| what.contains(part)), "{text}");
        }
    }

    #[test]
    fn cpu_bandwidth() {
        let half = [50_000, 100_000];
        for text in ["50000", "50000 100000", " 50000  100000 "] {
            assert_eq!(cpu(text), Ok(half), "{text}");
        }
        for text in ["0", "abc", "1 2 3", "-1", "", "999", "50000 999", "50000 1000001", "99999999999999999999"] {
            assert!(cpu(text).is_err(), "{text}");
        }
        assert_eq!(cpus("0.5"), Ok(half));
        assert_eq!(cpus(".5"), Ok(half));
        assert_eq!(cpus("2"), Ok([200_000, 100_000]));
        assert_eq!(cpus("1.00001"), Ok([100_001, 100_000]));
        for text in ["0", "0.001", "abc", "-1", "", ".", "1.000001", "99999999", "1,5"] {
            assert!(cpus(text).is_err(), "{text}");
        }
    }

    #[test]
    fn counts_lists_and_weights() {
        assert_eq!(number(Kind::Pids, "64"), Ok(64));
        assert_eq!(number(Kind::Pids, "max"), Ok(MAX));
        for text in ["0", "-1", "+5", "", "64M", "4194305"] {
            assert!(number(Kind::Pids, text).is_err(), "{text}");
        }
        for text in ["0", "0-3", "0-3,5", "7,1"] {
            assert_eq!(cpu_list(text), Ok(()), "{text}");
        }
        for text in ["", "a", "3-1", "1-", "1,,2", "0 1"] {
            assert!(cpu_list(text).is_err(), "{text}");
        }
        assert_eq!(number(Kind::Weight, "100"), Ok(100));
        assert!(number(Kind::Weight, "0").is_err() && number(Kind::Weight, "10001").is_err());
        for (text, signal) in [("TERM", 15), ("sigkill", 9), ("64", 64)] {
            assert_eq!(number(Kind::Signal, text), Ok(signal));
        }
        assert!(number(Kind::Signal, "0").is_err() && number(Kind::Signal, "65").is_err());
    }

    #[test]
    fn durations() {
        for (text, millis) in [("10", 10_000), ("10s", 10_000), ("500ms", 500), ("5m", 300_000), ("2h", 7_200_000)] {
            assert_eq!(number(Kind::Time, text), Ok(millis), "{text}");
        }
        for text in ["", "0", "s", "-1", "1.5s", "10 s", "5y", "99999999999999999999"] {
            assert!(number(Kind::Time, text).is_err(), "{text}");
        }
        assert_eq!(number(Kind::Wait, "0"), Ok(0));
    }

    #[test]
    fn sizes_for_people() {
        for (bytes, text) in [(67_108_864, "64M"), (67_004_000, "63.8M"), (1023, "1023B"), (524_288, "512K"), (0, "0B")]
        {
            assert_eq!(readable(bytes), text);
        }
        assert_eq!(readable(3 << 29), "1.5G");
    }
}
