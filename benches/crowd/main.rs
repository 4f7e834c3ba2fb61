//! The second half of `make bench`: many containers at once. What `exec` takes next to crun and runc; what `ps` takes with
//! 1,000 containers next to a bare read of the same files; what a launch takes while 100 and 500 others run; and what the
//! waiting parents hold in memory. State is written to memory, as in the first half.
//!
//! Environment: CONTAIN, BENCH_ROUNDS and BENCH_PUBLISH as there.

#[path = "../launch/launchers.rs"]
#[allow(dead_code)] // The first half uses the rest.
mod launchers;
#[path = "../launch/memory.rs"]
#[allow(dead_code)]
mod memory;
#[path = "../launch/stage.rs"]
mod stage;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use launchers::{View, find};
use stage::{Stage, state};

type Result<T> = std::result::Result<T, String>;

const ROUNDS: usize = 60;
const CROWD: usize = 1000;
const GOAL_PS: f64 = 3.0;
const GOAL_LAUNCH: f64 = 1.2;
const GOAL_PSS_KB: f64 = 150.0;

fn main() -> ExitCode {
    let done = bench(Path::new(env!("CARGO_MANIFEST_DIR")));
    stage::remove_state();
    match done {
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
    let contain = env::var_os("CONTAIN").map_or_else(|| repo.join("build/contain"), PathBuf::from);
    let contain = fs::canonicalize(&contain)
        .map_err(|e| format!("{}: {e} (run `make` first, or name the binary in CONTAIN)", contain.display()))?;
    let rounds = env::var("BENCH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    let stage = stage::prepare(&repo.join("build/bench"))?;
    let contain = Contain { path: contain, rootfs: stage.rootfs.to_string_lossy().into_owned() };

    let mut table = String::new();
    let mut say = |line: String| {
        println!("{line}");
        table.push_str(&line);
        table.push('\n');
    };
    say(format!("# {rounds} rounds; medians in microseconds; state in memory"));
    say("what\tmedian\tratio\tgoal".into());
    let execs = exec_latency(&contain, &stage, rounds)?;
    let own = execs[0].1;
    for (launcher, took) in &execs {
        say(format!("exec of a static true: {launcher}\t{took:.0}\t{:.2}\t", took / own));
    }
    let crowd = with_a_crowd(&contain, &stage, rounds)?;
    for (running, launch, floor) in &crowd.launches {
        let ratio = launch / crowd.launches[0].1;
        let met = if *running == 500 { verdict(ratio <= GOAL_LAUNCH, GOAL_LAUNCH) } else { String::new() };
        say(format!("launch with {running} running\t{launch:.0}\t{ratio:.2}\t{met}"));
        say(format!("the C floor with {running} running\t{floor:.0}\t{:.2}\t", floor / crowd.launches[0].2));
    }
    let (ps, bare) = (crowd.ps, crowd.bare);
    say(format!("a bare read of {CROWD} records\t{bare:.0}\t1.00\t"));
    say(format!("ps with {CROWD} running\t{ps:.0}\t{:.2}\t{}", ps / bare, verdict(ps / bare <= GOAL_PS, GOAL_PS)));
    let (mean, most) = crowd.pss;
    say(format!("PSS of {CROWD} waiting parents, KB: mean\t{mean:.0}\t\t"));
    say(format!(
        "PSS of {CROWD} waiting parents, KB: largest\t{most:.0}\t\t{}",
        verdict(most <= GOAL_PSS_KB, GOAL_PSS_KB)
    ));

    let publish = env::var_os("BENCH_PUBLISH").is_some_and(|value| value == "1");
    for folder in ["build", "docs"].into_iter().take(if publish { 2 } else { 1 }) {
        write(&repo.join(folder).join("bench-crowd.tsv"), &table)?;
        println!("wrote {folder}/bench-crowd.tsv");
    }
    Ok(())
}

fn verdict(met: bool, goal: f64) -> String {
    format!("{} (at most {goal})", if met { "PASS" } else { "FAIL" })
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|e| format!("write {}: {e}", path.display()))
}

struct Contain {
    path: PathBuf,
    rootfs: String,
}

impl Contain {
    fn command(&self, words: &[&str]) -> Command {
        quiet(&self.path, words)
    }

    /// Starts a container in the background and tells its id.
    fn start(&self) -> Result<String> {
        let mut command = self.command(&["run", "-d", "--rootfs", &self.rootfs, "--", "/bin/pause"]);
        let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output();
        let output = output.map_err(|e| format!("start contain: {e}"))?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).trim().into()),
            false => Err(format!("contain run -d: {}", String::from_utf8_lossy(&output.stderr))),
        }
    }

    /// Ends and forgets containers.
    fn remove(&self, ids: &[String]) -> Result<()> {
        for some in ids.chunks(100) {
            let words: Vec<&str> = ["rm", "-f"].into_iter().chain(some.iter().map(String::as_str)).collect();
            timed(&mut self.command(&words))?;
        }
        Ok(())
    }
}

fn quiet(program: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(words).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("CONTAIN_ROOT", state("contain"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn timed(command: &mut Command) -> Result<Duration> {
    let start = Instant::now();
    let status = command.spawn().and_then(|mut child| child.wait());
    let took = start.elapsed();
    match status {
        Ok(status) if status.success() => Ok(took),
        Ok(status) => Err(format!("{command:?}: {status}")),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}

fn median(mut samples: Vec<Duration>) -> f64 {
    samples.sort_unstable();
    samples.get(samples.len() / 2).map_or(0.0, |middle| middle.as_secs_f64() * 1e6)
}

/// A container of one of the launchers that runs `pause`, and the command that executes `true` in it.
struct Target {
    launcher: &'static str,
    exec: Command,
    end: Command,
    view: Option<View>,
    samples: Vec<Duration>,
}

/// The median of each launcher's exec, ours first.
fn exec_latency(contain: &Contain, stage: &Stage, rounds: usize) -> Result<Vec<(&'static str, f64)>> {
    let id = contain.start()?;
    let mut targets = vec![Target {
        launcher: "contain",
        exec: contain.command(&["exec", &id, "--", "/bin/true"]),
        end: contain.command(&["rm", "-f", &id]),
        view: None,
        samples: Vec::new(),
    }];
    for launcher in ["crun", "runc"] {
        match oci_target(launcher, stage) {
            Ok(target) => targets.push(target),
            Err(why) => println!("missing: {launcher}: {why}"),
        }
    }
    for _ in 0..rounds {
        for target in &mut targets {
            let _inside = target.view.as_ref().map(View::enter).transpose()?;
            target.samples.push(timed(&mut target.exec)?);
        }
    }
    for target in &mut targets {
        let _inside = target.view.as_ref().map(View::enter).transpose()?;
        timed(&mut target.end)?;
    }
    Ok(targets.into_iter().map(|target| (target.launcher, median(target.samples))).collect())
}

fn oci_target(launcher: &'static str, stage: &Stage) -> Result<Target> {
    let program = find(launcher).ok_or("not in PATH")?;
    let (root, bundle) = (state(launcher), stage.bundle_pause.to_string_lossy().into_owned());
    let id = format!("bench-exec-{}", std::process::id());
    let command = |words: &[&str]| quiet(&program, &[&["--root", &root], words].concat());
    let mut run = command(&["run", "--detach", "--bundle", &bundle, &id]);
    // crun refuses a host with both cgroup versions: see launchers.rs, View.
    let view = match timed(&mut run) {
        Ok(_) => None,
        Err(_) => {
            let view = View::without_unified()?;
            let inside = view.enter()?;
            timed(&mut run)?;
            drop(inside);
            Some(view)
        }
    };
    let exec = command(&["exec", &id, "/bin/true"]);
    let end = command(&["delete", "--force", &id]);
    Ok(Target { launcher, exec, end, view, samples: Vec::new() })
}

struct Crowd {
    /// How many run, and the medians of contain's launch and of the floor's.
    launches: Vec<(usize, f64, f64)>,
    ps: f64,
    bare: f64,
    /// Mean and largest, in KB.
    pss: (f64, f64),
}

fn with_a_crowd(contain: &Contain, stage: &Stage, rounds: usize) -> Result<Crowd> {
    let mut ids = Vec::new();
    let measured = grow(contain, stage, rounds, &mut ids);
    let removed = contain.remove(&ids);
    let crowd = measured?;
    removed.map(|()| crowd)
}

fn grow(contain: &Contain, stage: &Stage, rounds: usize, ids: &mut Vec<String>) -> Result<Crowd> {
    let mut launches = Vec::new();
    for running in [0, 100, 500] {
        while ids.len() < running {
            ids.push(contain.start()?);
        }
        let mut ours = contain.command(&["run", "--rootfs", &contain.rootfs, "--", "/bin/true"]);
        let mut floor = quiet(&stage.floor, &[&contain.rootfs, "/bin/true"]);
        let (mut launch_times, mut floor_times) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            for (command, samples) in [(&mut ours, &mut launch_times), (&mut floor, &mut floor_times)] {
                std::thread::sleep(Duration::from_millis(5));
                samples.push(timed(command)?);
            }
        }
        launches.push((running, median(launch_times), median(floor_times)));
    }
    while ids.len() < CROWD {
        ids.push(contain.start()?);
    }
    let mut ps = contain.command(&["ps"]);
    let (mut ps_times, mut bare_times) = (Vec::new(), Vec::new());
    for _ in 0..rounds.min(30) {
        ps_times.push(timed(&mut ps)?);
        bare_times.push(bare_read(&state("contain"))?);
    }
    Ok(Crowd { launches, ps: median(ps_times), bare: median(bare_times), pss: parents(&state("contain"))? })
}

/// Lists the directory and reads every record in it, as directly as it can be done.
fn bare_read(root: &str) -> Result<Duration> {
    let failed = |e: std::io::Error| format!("read {root}: {e}");
    let mut buffer = vec![0; 1 << 16];
    let (start, mut records) = (Instant::now(), 0);
    for entry in fs::read_dir(root).map_err(failed)?.flatten() {
        let path = entry.path().join("metadata.json");
        // `names` has none.
        let Ok(mut file) = fs::File::options().read(true).open(path) else { continue };
        while file.read(&mut buffer).map_err(failed)? > 0 {}
        records += 1;
    }
    match records {
        CROWD => Ok(start.elapsed()),
        other => Err(format!("{root} has {other} records, not {CROWD}")),
    }
}

/// The PSS of every supervisor that the records name.
fn parents(root: &str) -> Result<(f64, f64)> {
    let (mut all, mut most, mut count) = (0, 0, 0);
    for entry in fs::read_dir(root).map_err(|e| format!("read {root}: {e}"))?.flatten() {
        let Ok(text) = fs::read_to_string(entry.path().join("metadata.json")) else { continue };
        let pid = text.lines().find_map(|line| line.trim().strip_prefix("\"supervisor_pid\": "));
        let pid = pid.and_then(|pid| pid.trim_end_matches(',').parse().ok());
        let pss = memory::pss(pid.ok_or("a record names no supervisor")?)?;
        (all, most, count) = (all + pss, most.max(pss), count + 1);
    }
    Ok((all as f64 / f64::from(count.max(1)), most as f64))
}
