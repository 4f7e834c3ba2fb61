//! The stopwatch: rounds of launches in shuffled order, and what is said of the samples. A launch is timed from just
//! before posix_spawn until the launcher has been waited for, on CLOCK_MONOTONIC (what `Instant` reads).

use crate::Result;
use crate::launchers::Row;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What one row took, in microseconds.
#[derive(Clone, Copy)]
pub struct Times {
    pub p10: f64,
    pub median: f64,
    pub p90: f64,
}

/// Launches every row in each round, waiting `gap` before each launch; one result for each row.
///
/// Order is shuffled each round because the kernel frees a network namespace after the launcher has returned: whoever
/// runs next pays for it, and with a fixed order that would always be the same one.
pub fn rounds(rows: &mut [Row], rounds: usize, gap: Duration) -> Result<Vec<Times>> {
    let mut samples = vec![Vec::with_capacity(rounds); rows.len()];
    let turns = |(index, row): (usize, &Row)| std::iter::repeat_n(index, row.turns());
    let mut order: Vec<usize> = rows.iter().enumerate().flat_map(turns).collect();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..rounds {
        shuffle(&mut order, &mut random);
        for &index in &order {
            sleep(gap);
            let row = &mut rows[index];
            row.launches += 1;
            match launch(row) {
                Ok(took) => samples[index].push(took.as_secs_f64() * 1e6),
                Err(why) if row.must_work() => return Err(why),
                // A peer that fails now and then is not our failure; the report says how often it did.
                Err(_) => row.failures += 1,
            }
        }
    }
    let named = samples.into_iter().zip(rows);
    named.map(|(samples, row)| times(samples).ok_or_else(|| format!("{} never worked", row.name()))).collect()
}

fn launch(row: &mut Row) -> Result<Duration> {
    let name = row.name();
    let view = row.view.clone();
    let _inside = view.as_deref().map(|view| view.enter()).transpose()?;
    let start = Instant::now();
    let status = row.launch.spawn().and_then(|mut child| child.wait());
    let took = start.elapsed();
    match status {
        Ok(status) if status.success() => Ok(took),
        Ok(status) => Err(format!("{name} worked at first, then failed in the middle of the run: {status}")),
        Err(error) => Err(format!("start {name}: {error}")),
    }
}

/// Fisher and Yates, with Marsaglia's xorshift: the same orders in every run, and no crate for it.
fn shuffle(order: &mut [usize], random: &mut u64) {
    for last in (1..order.len()).rev() {
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        order.swap(last, (*random % (last as u64 + 1)) as usize);
    }
}

fn times(mut samples: Vec<f64>) -> Option<Times> {
    samples.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let last = samples.len().checked_sub(1)?;
        Some(samples[(last as f64 * share).round() as usize])
    };
    Some(Times { p10: at(0.1)?, median: at(0.5)?, p90: at(0.9)? })
}
