//! `make bench`: how long a container takes to start, next to a bare C launcher ("the floor") and to bwrap, crun,
//! runc and unshare where they are installed. This file tells the order of events; stage.rs prepares the disk,
//! launchers.rs holds every command line, measure.rs the stopwatch, memory.rs the waiting parent's memory,
//! report.rs the tables and goals, chart.rs the SVG.
//!
//! Environment: CONTAIN names the binary (default build/contain), BENCH_ROUNDS the number of rounds, and with
//! BENCH_PUBLISH=1 the results are also written to docs/, where the README shows them.

mod chart;
mod launchers;
mod measure;
mod memory;
mod report;
mod stage;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs};

type Result<T> = std::result::Result<T, String>;

const GAP: Duration = Duration::from_millis(25);
const ROUNDS: usize = 120;

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
        return Err("must be root: the floor, crun and runc make namespaces without a user namespace".into());
    }
    let contain = stage::contain(repo)?;
    let rounds = stage::rounds(ROUNDS)?;

    let stage = stage::prepare(&repo.join("build/bench"))?;
    let mut rows = launchers::present(&contain, &stage)?;
    measure::rounds(&mut rows, rounds.div_ceil(20).max(3), Duration::ZERO)?; // warms the page cache, is thrown away
    if rows.iter().any(|row| (row.launcher, row.way) == ("crun", launchers::Way::Walls)) {
        let kept = Path::new(&stage::state("crun")).join(".cache/seccomp").is_dir();
        let how = if kept { "reads its filter from a cache, which is warm" } else { "compiles its filter each time" };
        println!("note: crun + walls: this version {how}");
    }
    let back_to_back = measure::rounds(&mut rows, rounds, Duration::ZERO)?;
    let with_gaps = measure::rounds(&mut rows, rounds, GAP)?;
    for row in rows.iter().filter(|row| row.failures > 0) {
        println!("note: {} failed {} of {} launches", row.name(), row.failures, row.launches);
    }
    let memory = memory::of_waiting_parents(&mut rows)?;
    stage::remove_state();

    let report = report::Report::new(&rows, &back_to_back, &with_gaps, &memory, rounds, repo);
    print!("{}", report.table());
    print!("{}", report.goals());
    let mut folders = vec!["build"];
    if env::var_os("BENCH_PUBLISH").is_some_and(|value| value == "1") {
        folders.push("docs");
    }
    for folder in folders {
        write(&repo.join(folder).join("bench.tsv"), &report.tsv())?;
        write(&repo.join(folder).join("bench.svg"), &chart::draw(&report))?;
        println!("wrote {folder}/bench.tsv and {folder}/bench.svg");
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|e| format!("write {}: {e}", path.display()))
}
