//! The third part of `make bench`: the boot. Guest time from the kernel's "Run /init" to the workload's first instruction,
//! and from the workload's end to power-off, for contain, busybox init, a shell script, and tini, catatonit and dumb-init
//! below one; what process 1 holds in memory; and how large an initramfs of each is. Under QEMU with -icount, where guest
//! time counts instructions and does not depend on how busy this machine is. Each makes the mounts that contain makes: the
//! others read them from an fstab, which is made of what contain's boot showed. inits.rs has the trees.
//!
//! Environment: CONTAIN and BENCH_PUBLISH as in the first part.

mod inits;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs};

use inits::Init;

type Result<T> = std::result::Result<T, String>;

/// Each is booted so often; the medians are compared.
const ROUNDS: usize = 3;
const GOAL_START: f64 = 0.5;
const GOAL_END: f64 = 1.0;
const GOAL_PSS_KB: u64 = 200;
const GOAL_INITRAMFS_KB: u64 = 150;

fn main() -> ExitCode {
    match bench(Path::new(env!("CARGO_MANIFEST_DIR"))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("bench: {sentence}");
            ExitCode::FAILURE
        }
    }
}

/// What one boot showed: microseconds and kilobytes.
struct Seen {
    start: u64,
    end: u64,
    pss: u64,
    mounts: Vec<String>,
}

struct Line {
    name: &'static str,
    start: u64,
    end: u64,
    pss: u64,
    initramfs: u64,
}

fn bench(repo: &Path) -> Result<()> {
    let contain = env::var_os("CONTAIN").map_or_else(|| repo.join("build/contain"), PathBuf::from);
    let work = repo.join("build/bench/boot");
    fs::create_dir_all(&work).map_err(|e| format!("create {}: {e}", work.display()))?;
    let stamp = inits::compile(repo, &work)?;
    let mut lines = Vec::new();
    let mut mounts = Vec::new();
    for init in inits::ALL {
        let tree = work.join(init.name.replace(' ', "-"));
        inits::lay(init, &tree, &contain, &stamp, &mounts)?;
        let packed = inits::pack(repo, &tree)?;
        let mut seen = (0..ROUNDS).map(|_| boot(repo, &packed, init)).collect::<Result<Vec<_>>>()?;
        if mounts.is_empty() {
            mounts = std::mem::take(&mut seen[0].mounts);
        } else {
            let count = |mounts: &[String]| mounts.iter().filter(|mount| !mount.starts_with("rootfs ")).count();
            if count(&seen[0].mounts) != count(&mounts) {
                return Err(format!("{} did not make the mounts that contain makes: {:?}", init.name, seen[0].mounts));
            }
        }
        let median = |of: fn(&Seen) -> u64| {
            let mut all: Vec<u64> = seen.iter().map(of).collect();
            all.sort_unstable();
            all[all.len() / 2]
        };
        lines.push(Line {
            name: init.name,
            start: median(|seen| seen.start),
            end: median(|seen| seen.end),
            pss: median(|seen| seen.pss),
            initramfs: fs::metadata(&packed).map_err(|e| format!("{}: {e}", packed.display()))?.len(),
        });
    }
    let table = report(&lines);
    print!("{table}");
    let publish = env::var_os("BENCH_PUBLISH").is_some_and(|value| value == "1");
    for folder in ["build", "docs"].into_iter().take(if publish { 2 } else { 1 }) {
        let path = repo.join(folder).join("bench-boot.tsv");
        fs::write(&path, &table).map_err(|e| format!("write {}: {e}", path.display()))?;
        println!("wrote {folder}/bench-boot.tsv");
    }
    Ok(())
}

/// One boot, judged by what the workload told and by the kernel's last line.
fn boot(repo: &Path, initramfs: &Path, init: &Init) -> Result<Seen> {
    let facts = initramfs.with_extension("facts");
    let mut command = Command::new(repo.join("qemu/run"));
    command.args(["--icount", "--limit", "300", "--initramfs"]).arg(initramfs).arg("--facts").arg(&facts);
    // Others than contain tell no exit status at the end, which qemu/run calls a failure; the facts are what counts.
    let out = command.args(["--", "/stamp"]).stdin(Stdio::null()).output().map_err(|e| format!("qemu/run: {e}"))?;
    let console = String::from_utf8_lossy(&out.stdout).replace('\r', "");
    let text = fs::read_to_string(&facts).unwrap_or_default().replace('\r', "");
    let missing = |what: &str| format!("{}: the boot told no {what}; its console:\n{console}\n{text}", init.name);
    let fact = |name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value.and_then(|value| value.trim().parse::<u64>().ok()).ok_or_else(|| missing(name))
    };
    let down = console.lines().rev().find_map(|line| {
        let time = line.strip_suffix("reboot: Power down")?.trim().strip_prefix('[')?.strip_suffix(']')?;
        Some((time.trim().parse::<f64>().ok()? * 1e6).round() as u64)
    });
    Ok(Seen {
        start: fact("start")?.checked_sub(fact("run")?).ok_or_else(|| missing("start after run"))?,
        end: down.ok_or_else(|| missing("power-off"))?.checked_sub(fact("end")?).ok_or_else(|| missing("end"))?,
        pss: fact("pss")?,
        mounts: text.lines().filter(|line| line.split(' ').count() == 6).map(str::to_string).collect(),
    })
}

/// A line for each init; ratios are to busybox init, the second.
fn report(lines: &[Line]) -> String {
    let mut text = format!(
        "# {ROUNDS} boots each, medians; guest time under QEMU with -icount shift=1; initramfs: with one static payload, xz\n\
         init\tto workload us\tratio\tto power-off us\tratio\tPSS KB\tinitramfs KB\n"
    );
    let base = &lines[1];
    for line in lines {
        text += &format!(
            "{}\t{}\t{:.2}\t{}\t{:.3}\t{}\t{:.0}\n",
            line.name,
            line.start,
            line.start as f64 / base.start as f64,
            line.end,
            line.end as f64 / base.end as f64,
            line.pss,
            line.initramfs as f64 / 1024.0
        );
    }
    let ours = &lines[0];
    let mut judge = |met: bool, what: String| text += &format!("# {}: {what}\n", if met { "PASS" } else { "FAIL" });
    let (start, end) = (ours.start as f64 / base.start as f64, ours.end as f64 / base.end as f64);
    judge(start <= GOAL_START, format!("to the workload {start:.2} times busybox init (goal {GOAL_START})"));
    judge(end <= GOAL_END, format!("to power-off {end:.3} times busybox init (goal {GOAL_END})"));
    judge(ours.pss <= GOAL_PSS_KB, format!("PSS of process 1 {} KB (goal {GOAL_PSS_KB})", ours.pss));
    let size = ours.initramfs as f64 / 1024.0;
    judge(ours.initramfs <= GOAL_INITRAMFS_KB * 1024, format!("initramfs {size:.0} KB (goal {GOAL_INITRAMFS_KB})"));
    text
}
