//! Sizes, counts, CPU bandwidth, CPU lists and durations as people write them. An error is the sentence's end: what is
//! wrong and what would be right; the caller puts the flag's name before it.

use std::time::Duration;

use crate::spec::{Bound, Cpu};

type Parsed<T> = Result<T, String>;

/// Digits only: the `+` that Rust would take is none of the kernel's.
fn plain<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
}

/// A size in bytes: `67108864`, `64M`, `64MiB`, `1G`, `512K`. The units are powers of 1024, as in cgroups(7).
pub fn size(text: &str) -> Parsed<u64> {
    const RIGHT: &str = "write bytes, or a number with K, M, G or T, as in 64M";
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.strip_suffix("iB").or(unit.strip_suffix('B')).unwrap_or(unit);
    let shift = match unit {
        "" => 0,
        "K" | "k" => 10,
        "M" | "m" => 20,
        "G" | "g" => 30,
        "T" | "t" => 40,
        _ => return Err(format!("is not a size: {RIGHT}")),
    };
    if number.is_empty() {
        return Err(format!("is not a size: {RIGHT}"));
    }
    let bytes = number.parse::<u64>().ok().and_then(|n| n.checked_mul(1 << shift)).filter(|n| *n < 1 << 63);
    match bytes {
        None => Err("is more than the kernel can count: write less than 8388608T".into()),
        Some(0) => Err(format!("would leave no memory at all: {RIGHT}")),
        Some(bytes) => Ok(bytes),
    }
}

/// A size, or `max`, or docker's `-1` for the same.
pub fn size_or_max(text: &str) -> Parsed<Bound> {
    match text {
        "max" | "-1" => Ok(Bound::Max),
        _ => size(text).map(Bound::At),
    }
}

/// A count of processes, or `max`.
pub fn pids(text: &str) -> Parsed<Bound> {
    match plain::<u64>(text) {
        _ if text == "max" => Ok(Bound::Max),
        // PID_MAX_LIMIT of the kernel on 64 bits.
        Some(count @ 1..=4_194_304) => Ok(Bound::At(count)),
        _ => Err("is not a count of processes: write 1 to 4194304, or max".into()),
    }
}

/// `QUOTA` or `QUOTA PERIOD` in microseconds, as cpu.max has them; the period is 100000 where none is given.
pub fn cpu(text: &str) -> Parsed<Cpu> {
    const RIGHT: &str = "write microseconds of run time in each 100000, as 50000, or \"50000 100000\"";
    let mut words = text.split_ascii_whitespace();
    let mut number = || words.next().map(plain::<u64>);
    let (quota, period) = match (number(), number(), number()) {
        (Some(Some(quota)), None, None) => (quota, 100_000),
        (Some(Some(quota)), Some(Some(period)), None) => (quota, period),
        _ => return Err(format!("is not a CPU quota: {RIGHT}")),
    };
    // The kernel's own bounds, answered by EINVAL otherwise: a quota of 1 ms at least, a period of 1 ms to 1 s.
    if quota < 1000 {
        return Err(format!("is less than the kernel's least quota of 1000 microseconds: {RIGHT}"));
    }
    if !(1000..=1_000_000).contains(&period) {
        return Err("has a period outside 1000 to 1000000 microseconds: 100000 is usual".into());
    }
    // max_bw_quota_period_us of the kernel.
    if quota >= 1 << 44 {
        return Err(format!("is more than the kernel can count: {RIGHT}"));
    }
    Ok(Cpu { quota, period })
}

/// A number of CPUs with up to five decimals, as `0.5` or `2`, as a quota in the usual period of 100000.
pub fn cpus(text: &str) -> Parsed<Cpu> {
    const RIGHT: &str = "write how many CPUs at most, as 0.5 or 2";
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || whole.len() + fraction.len() == 0 {
        return Err(format!("is not a number of CPUs: {RIGHT}"));
    }
    if whole.len() > 6 || fraction.len() > 5 {
        return Err(format!("has more digits than a CPU count needs: {RIGHT}"));
    }
    let quota = format!("{:0>1}{fraction:0<5}", whole).parse().unwrap_or(0);
    if quota < 1000 {
        return Err(format!("is less than the kernel's least quota, 0.01 CPUs: {RIGHT}"));
    }
    Ok(Cpu { quota, period: 100_000 })
}

/// cpu.weight: 1 to 10000.
pub fn weight(text: &str) -> Parsed<u32> {
    match plain(text) {
        Some(weight @ 1..=10_000) => Ok(weight),
        _ => Err("is not a CPU weight: write 1 to 10000; 100 is everyone's default".into()),
    }
}

/// A list of CPUs in cpuset(7)'s list format: `0-3,5`.
pub fn cpu_list(text: &str) -> Parsed<String> {
    let range = |part: &str| match part.split_once('-') {
        Some((first, last)) => plain::<u16>(first).is_some_and(|f| plain(last).is_some_and(|l| f <= l)),
        None => plain::<u16>(part).is_some(),
    };
    match text.split(',').all(range) {
        true => Ok(text.into()),
        false => Err("is not a list of CPUs: write numbers and ranges, as 0-3,5".into()),
    }
}

/// A time as `10`, `10s`, `500ms`, `5m`, `2h`; a bare number counts seconds.
pub fn duration(text: &str) -> Parsed<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale = match unit {
        "ms" => 1,
        "" | "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => 0,
    };
    // A thousand years of milliseconds: more than anyone waits, less than the clock's range.
    match number.parse::<u64>().ok().and_then(|n| n.checked_mul(scale)) {
        Some(millis @ 1..=31_536_000_000_000) => Ok(Duration::from_millis(millis)),
        _ => Err("is not a duration: write a number with ms, s, m, h or d, as 30s".into()),
    }
}

/// Bytes for people: `64M`, `63.9M`, `512K`, `100B`; one decimal, rounded down so that a limit is never overstated.
pub fn readable(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..1024 => return format!("{bytes}B"),
        1024..1_048_576 => (1024, 'K'),
        1_048_576..1_073_741_824 => (1_048_576, 'M'),
        _ => (1_073_741_824, 'G'),
    };
    match (bytes / unit, bytes % unit * 10 / unit) {
        (whole, 0) => format!("{whole}{name}"),
        (whole, tenth) => format!("{whole}.{tenth}{name}"),
    }
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
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["0", "0M", "-1", "64Q", "1e9", "", "99999999999G", "M", "6 4M", "+4", "0x10", "64MiBB", "９M"] {
            assert!(size(text).is_err(), "{text}");
        }
        assert_eq!(size_or_max("max"), Ok(Bound::Max));
        assert_eq!(size_or_max("1K"), Ok(Bound::At(1024)));
    }

    #[test]
    fn cpu_bandwidth() {
        let half = Cpu { quota: 50_000, period: 100_000 };
        for text in ["50000", "50000 100000", " 50000  100000 "] {
            assert_eq!(cpu(text), Ok(half), "{text}");
        }
        for text in ["0", "abc", "1 2 3", "-1", "", "999", "50000 999", "50000 1000001", "99999999999999999999"] {
            assert!(cpu(text).is_err(), "{text}");
        }
        assert_eq!(cpus("0.5"), Ok(half));
        assert_eq!(cpus(".5"), Ok(half));
        assert_eq!(cpus("2"), Ok(Cpu { quota: 200_000, period: 100_000 }));
        assert_eq!(cpus("1.00001"), Ok(Cpu { quota: 100_001, period: 100_000 }));
        for text in ["0", "0.001", "abc", "-1", "", ".", "1.000001", "99999999", "1,5"] {
            assert!(cpus(text).is_err(), "{text}");
        }
    }

    #[test]
    fn counts_lists_and_weights() {
        assert_eq!(pids("64"), Ok(Bound::At(64)));
        assert_eq!(pids("max"), Ok(Bound::Max));
        for text in ["0", "-1", "+5", "", "64M", "4194305"] {
            assert!(pids(text).is_err(), "{text}");
        }
        for text in ["0", "0-3", "0-3,5", "7,1"] {
            assert_eq!(cpu_list(text).as_deref(), Ok(text));
        }
        for text in ["", "a", "3-1", "1-", "1,,2", "0 1"] {
            assert!(cpu_list(text).is_err(), "{text}");
        }
        assert_eq!(weight("100"), Ok(100));
        assert!(weight("0").is_err() && weight("10001").is_err());
    }

    #[test]
    fn durations() {
        for (text, millis) in [("10", 10_000), ("10s", 10_000), ("500ms", 500), ("5m", 300_000), ("2h", 7_200_000)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "0", "s", "-1", "1.5s", "10 s", "5y", "99999999999999999999"] {
            assert!(duration(text).is_err(), "{text}");
        }
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
