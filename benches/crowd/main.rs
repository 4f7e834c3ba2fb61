//! The second half of `make bench`: many containers at once. What `exec` takes next to crun and runc; what `ps` takes with
//! 1,000 containers next to a C program that only reads the same files; what a launch takes while 100 and 500 others run,
//! next to the C floor, so that the kernel's part of what it takes longer can be told; and what the waiting parents hold in
//! memory. What is compared is measured in turn. State is written to memory, as in the first half. This file tells the
//! order of events and prints; exec.rs and many.rs measure, clean.rs clears up.
//!
//! Environment: CONTAIN, BENCH_ROUNDS and BENCH_PUBLISH as there.

mod clean;
mod exec;
#[path = "../launch/launchers.rs"]
#[allow(dead_code)] // The first half uses the rest.
mod launchers;
mod many;
#[path = "../launch/memory.rs"]
#[allow(dead_code)]
mod memory;
#[path = "../launch/stage.rs"]
#[allow(dead_code)]
mod stage;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use clean::Cleaner;
use stage::state;

type Result<T> = std::result::Result<T, String>;

const ROUNDS: usize = 100;
const GOAL_PS: f64 = 3.0;
const GOAL_LAUNCH: f64 = 1.2;
const GOAL_PSS_KB: f64 = 150.0;

fn main() -> ExitCode {
    match bench(Path::new(env!("CARGO_MANIFEST_DIR"))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("bench: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn bench(repo: &Path) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Err("must be root: crun and runc make namespaces without a user namespace".into());
    }
    let contain = stage::contain(repo)?;
    let rounds = stage::rounds(ROUNDS)?;
    // Another load on the machine would delay what takes long more often than what takes little.
    rustix::process::setpriority_process(None, -20).map_err(|e| format!("raise the priority: {e}"))?;
    let stage = stage::prepare(&repo.join("build/bench"))?;
    let contain = Contain { path: contain, rootfs: stage.rootfs.to_string_lossy().into_owned() };

    let cleaner = Cleaner::start(&contain.path)?;
    let execs = exec::latency(&contain, &stage, rounds);
    // Nothing else shall run beside what is measured next.
    let crowd = execs.and_then(|execs| Ok((execs, many::measure(&contain, &stage, rounds)?)));
    let cleaned = cleaner.clean();
    let table = report(&crowd?, rounds);
    cleaned?;

    print!("{table}");
    let publish = env::var_os("BENCH_PUBLISH").is_some_and(|value| value == "1");
    for folder in ["build", "docs"].into_iter().take(if publish { 2 } else { 1 }) {
        write(&repo.join(folder).join("bench-crowd.tsv"), &table)?;
        println!("wrote {folder}/bench-crowd.tsv");
    }
    Ok(())
}

/// A line for each figure: what, the median in microseconds or KB, its ratio to the first of its kind, and the goal.
fn report((execs, crowd): &(Vec<exec::Took>, many::Crowd), rounds: usize) -> String {
    let mut lines = vec![
        format!("# {rounds} rounds; medians in microseconds; state in memory; floor: a bare C launcher"),
        "what\tmedian\tratio\tgoal".into(),
    ];
    for (launcher, took) in execs {
        lines.push(format!("exec of a static true: {launcher}\t{took:.0}\t{:.2}\t", took / execs[0].1));
    }
    let [gaps, together] = &crowd.launches;
    let [floor_gaps, floor_together] = &crowd.floors;
    for (what, figures) in [
        ("launch, 25 ms after the one before,", gaps),
        ("the floor, 25 ms after the one before,", floor_gaps),
        ("launch back to back", together),
        ("the floor back to back", floor_together),
    ] {
        for (running, took) in figures {
            let ratio = took / figures[0].1;
            let judged = what.starts_with("launch") && *running == 500;
            let met = if judged { verdict(ratio <= GOAL_LAUNCH, GOAL_LAUNCH) } else { String::new() };
            lines.push(format!("{what} with {running} running\t{took:.0}\t{ratio:.2}\t{met}"));
        }
    }
    for (running, took) in &crowd.starts {
        lines.push(format!("run -d with {running} running\t{took:.0}\t{:.2}\t", took / crowd.starts[0].1));
    }
    let (bare, ps, count) = (crowd.bare, crowd.ps, many::CROWD);
    lines.push(format!("a bare read of {count} records, in C\t{bare:.0}\t1.00\t"));
    lines.push(format!(
        "ps with {count} running\t{ps:.0}\t{:.2}\t{}",
        ps / bare,
        verdict(ps / bare <= GOAL_PS, GOAL_PS)
    ));
    let met = verdict(crowd.alone <= GOAL_PSS_KB, GOAL_PSS_KB);
    lines.push(format!("PSS of a waiting parent alone, KB\t{:.0}\t\t{met}", crowd.alone));
    let met = verdict(crowd.largest <= GOAL_PSS_KB, GOAL_PSS_KB);
    lines.push(format!("PSS of {count} waiting parents, KB: median\t{:.0}\t\t", crowd.middle));
    lines.push(format!("PSS of {count} waiting parents, KB: largest\t{:.0}\t\t{met}", crowd.largest));
    lines.iter().flat_map(|line| [line, "\n"]).collect()
}

fn verdict(met: bool, goal: f64) -> String {
    format!("{} (at most {goal})", if met { "PASS" } else { "FAIL" })
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|e| format!("write {}: {e}", path.display()))
}

pub struct Contain {
    path: PathBuf,
    rootfs: String,
}

impl Contain {
    pub fn command(&self, words: &[&str]) -> Command {
        quiet(&self.path, words)
    }

    /// Starts a container in the background and tells its id, and what that took.
    pub fn start(&self) -> Result<(String, Duration)> {
        let mut command = self.command(&["run", "-d", "--rootfs", &self.rootfs, "--", "/bin/pause"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let start = Instant::now();
        let output = command.output().map_err(|e| format!("start contain: {e}"))?;
        let took = start.elapsed();
        match output.status.success() {
            true => Ok((String::from_utf8_lossy(&output.stdout).trim().into(), took)),
            false => Err(format!("contain run -d: {}", String::from_utf8_lossy(&output.stderr))),
        }
    }

    /// Ends and forgets containers.
    pub fn remove(&self, ids: &[String]) -> Result<()> {
        for some in ids.chunks(100) {
            let words: Vec<&str> = ["rm", "-f"].into_iter().chain(some.iter().map(String::as_str)).collect();
            timed(&mut self.command(&words))?;
        }
        Ok(())
    }
}

pub fn quiet(program: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(words).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("CONTAIN_ROOT", state("contain"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// From just before the start of a command until it has been waited for.
pub fn timed(command: &mut Command) -> Result<Duration> {
    let start = Instant::now();
    let status = command.spawn().and_then(|mut child| child.wait());
    let took = start.elapsed();
    match status {
        Ok(status) if status.success() => Ok(took),
        Ok(status) => Err(format!("{command:?}: {status}")),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}

/// In microseconds.
pub fn median(samples: &[Duration]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).map_or(0.0, |middle| middle.as_secs_f64() * 1e6)
}
