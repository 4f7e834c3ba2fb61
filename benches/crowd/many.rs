//! Launches beside 0, 100 and 500 running containers, and `ps` and the waiting parents' memory with 1,000.

use crate::stage::{self, Stage, state};
use crate::{Contain, Result, median, memory, quiet, timed};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

pub const CROWD: usize = 1000;
const RUNNING: [usize; 3] = [0, 100, 500];
/// The crowd grows and goes this often, so that another load on the machine meets all its sizes.
const CYCLES: usize = 5;
/// As in the first half: what the kernel still frees of one launch would otherwise be the next one's cost.
const GAP: Duration = Duration::from_millis(25);

/// How long the kernel may take to free the network namespaces of a crowd that has gone, which it does aside.
const REST: Duration = Duration::from_secs(2);

pub struct Crowd {
    /// How many run, and the median of contain's launch and of the floor's, after a gap and back to back; of contain's into
    /// the background.
    pub launches: [Vec<(usize, f64)>; 2],
    pub floors: [Vec<(usize, f64)>; 2],
    pub starts: Vec<(usize, f64)>,
    pub ps: f64,
    pub bare: f64,
    /// The PSS of a parent beside no others, and of the middle and the largest of very many, in KB.
    pub alone: f64,
    pub middle: f64,
    pub largest: f64,
}

pub fn measure(contain: &Contain, stage: &Stage, rounds: usize) -> Result<Crowd> {
    let mut ours = contain.command(&["run", "--rootfs", &contain.rootfs, "--", "/bin/true"]);
    let mut floor = quiet(&stage.floor, &[&contain.rootfs, "/bin/true"]);
    let mut launches = [GAP, Duration::ZERO].map(|_| RUNNING.map(|running| (running, Vec::new())));
    let mut floors = launches.clone();
    let mut ids = Vec::new();
    let mut starts = Vec::new();
    for _ in 0..CYCLES {
        contain.remove(&ids)?;
        ids.clear();
        sleep(REST);
        for (at, running) in RUNNING.into_iter().enumerate() {
            grow(contain, running, &mut ids, &mut starts)?;
            for (way, gap) in [GAP, Duration::ZERO].into_iter().enumerate() {
                for _ in 0..rounds.div_ceil(CYCLES) {
                    let pair = [(&mut floor, &mut floors[way][at].1), (&mut ours, &mut launches[way][at].1)];
                    for (command, samples) in pair {
                        sleep(gap);
                        samples.push(timed(command)?);
                    }
                }
            }
        }
    }
    grow(contain, CROWD, &mut ids, &mut starts)?;
    let mut ps = contain.command(&["ps"]);
    let mut bare = quiet(&reader(&stage.floor)?, &[&state("contain"), &CROWD.to_string()]);
    let (mut ps_times, mut bare_times) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        bare_times.push(timed(&mut bare)?);
        ps_times.push(timed(&mut ps)?);
    }
    let all = parents(&state("contain"))?;
    contain.remove(&ids)?;
    contain.start()?;
    // It looks around for a while before it sits down to wait (src/supervise/mod.rs).
    sleep(Duration::from_millis(100));
    let alone = parents(&state("contain"))?;
    let of = |(running, samples): &(usize, Vec<Duration>)| (*running, median(samples));
    let between = |from: usize, to: usize| {
        let some = starts.iter().filter(|(running, _)| (from..to).contains(running));
        (from, median(&some.map(|(_, took)| *took).collect::<Vec<_>>()))
    };
    Ok(Crowd {
        launches: launches.map(|sizes| sizes.iter().map(of).collect()),
        floors: floors.map(|sizes| sizes.iter().map(of).collect()),
        starts: [0, 100, 400, 900].map(|from| between(from, from + 100)).to_vec(),
        ps: median(&ps_times),
        bare: median(&bare_times),
        alone: alone[0],
        middle: all[all.len() / 2],
        largest: all[all.len() - 1],
    })
}

/// Starts containers until so many run, and notes how many did, and what one more took.
fn grow(contain: &Contain, to: usize, ids: &mut Vec<String>, starts: &mut Vec<(usize, Duration)>) -> Result<()> {
    while ids.len() < to {
        let (id, took) = contain.start()?;
        starts.push((ids.len(), took));
        ids.push(id);
    }
    Ok(())
}

/// The bare read, in C: a process as `ps` is one, so that it has to wait for a processor as often.
fn reader(floor: &Path) -> Result<PathBuf> {
    let (source, program) = ("benches/read.c", floor.with_file_name("read"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
    stage::compile(&"musl-gcc".into(), stage::FLOOR_FLAGS, &source, &program).map(|()| program)
}

/// The PSS of every supervisor that the records name, the smallest first.
fn parents(root: &str) -> Result<Vec<f64>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(root).map_err(|e| format!("read {root}: {e}"))?.flatten() {
        let Ok(text) = fs::read_to_string(entry.path().join("metadata.json")) else { continue };
        let pid = text.lines().find_map(|line| line.trim().strip_prefix("\"supervisor_pid\": "));
        let pid = pid.and_then(|pid| pid.trim_end_matches(',').parse().ok());
        all.push(memory::pss(pid.ok_or("a record names no supervisor")?)? as f64);
    }
    all.sort_by(f64::total_cmp);
    if all.is_empty() { Err(format!("{root} has no records")) } else { Ok(all) }
}
