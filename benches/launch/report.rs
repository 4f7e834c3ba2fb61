//! The results in words: the table and goals on the terminal, and the TSV. Pure text; chart.rs draws the same lines.

use crate::launchers::{Row, Way, is_ours};
use crate::measure::Times;
use crate::memory::Waiting;
use std::fmt::Write;
use std::fs;
use std::path::Path;

pub struct Report {
    pub lines: Vec<Line>,
    pub rounds: usize,
    /// For example "Linux 6.1, 2 cores, cgroup v2".
    pub machine: String,
}

pub struct Line {
    pub launcher: &'static str,
    pub way: Way,
    pub back_to_back: Times,
    pub with_gaps: Times,
    /// The medians, over those of the floor without limits.
    pub ratio_back_to_back: f64,
    pub ratio: f64,
    pub memory: Waiting,
    command: String,
}

impl Line {
    pub fn name(&self) -> String {
        let plain = match (self.launcher, self.way) {
            ("floor", _) => "C floor",
            ("contain", Way::Plain) => "contain, all walls",
            (launcher, _) => launcher,
        };
        [plain, self.way.names().1].concat()
    }
}

/// The goals: launch times as multiples of the floor without limits, then kilobytes.
const GOAL: f64 = 1.15;
const GOAL_LIMITS: f64 = 1.3;
const GOAL_PSS_KB: u64 = 150;
const GOAL_FILE_KB: u64 = 260;

impl Report {
    pub fn new(
        rows: &[Row],
        back_to_back: &[Times],
        with_gaps: &[Times],
        memory: &[Waiting],
        rounds: usize,
        repo: &Path,
    ) -> Report {
        // The first row is the floor without limits: see launchers.rs, which fails when it does not run.
        let (floor_back_to_back, floor) = (back_to_back[0].median, with_gaps[0].median);
        let repo = format!("{}/", repo.display());
        let lines = rows.iter().enumerate().map(|(index, row)| Line {
            launcher: row.launcher,
            way: row.way,
            back_to_back: back_to_back[index],
            with_gaps: with_gaps[index],
            ratio_back_to_back: back_to_back[index].median / floor_back_to_back,
            ratio: with_gaps[index].median / floor,
            memory: memory[index].clone(),
            // The TSV is published, so it names files as seen from the repository.
            command: row.words.join(" ").replace(&repo, ""),
        });
        Report { lines: lines.collect(), rounds, machine: machine() }
    }

    fn line(&self, launcher: &str, way: Way) -> Option<&Line> {
        self.lines.iter().find(|line| line.launcher == launcher && line.way == way)
    }

    pub fn table(&self) -> String {
        let mut text = format!(
            "\nLaunches of a static `true`, {} rounds, shuffled; {}. µs; ratio to the C floor without limits.\n\n",
            self.rounds, self.machine
        );
        let _ = writeln!(
            text,
            "{:19}{:^33}   {:^33}   {:^10}   {:^17}",
            "", "25 ms between launches", "back to back", "waiting", "launcher's file"
        );
        let head = format!("{:>7} {:>8} {:>8} {:>7}", "p10", "median", "p90", "ratio");
        let _ = writeln!(text, "{:19}{head}   {head}   {:>10}   {:>17}", "", "PSS KB", "KB");
        for line in &self.lines {
            let times = |t: Times, ratio: f64| format!("{:7.0} {:8.0} {:8.0} {:7.2}", t.p10, t.median, t.p90, ratio);
            let _ = writeln!(
                text,
                "{:19}{}   {}   {:>10}   {:>17}",
                line.name(),
                times(line.with_gaps, line.ratio),
                times(line.back_to_back, line.ratio_back_to_back),
                line.memory.pss_kb,
                format!(
                    "{:.0} {}",
                    line.memory.file_bytes as f64 / 1024.0,
                    if line.memory.dynamic { "+ libraries" } else { "static     " }
                ),
            );
        }
        text
    }

    pub fn goals(&self) -> String {
        let mut text = String::from("\n");
        let mut judge = |met: bool, what: String| {
            let _ = writeln!(text, "{}  {what}", if met { "PASS" } else { "FAIL" });
        };
        if let Some(line) = self.line("contain", Way::Plain) {
            let (gaps, none) = (line.ratio, line.ratio_back_to_back);
            judge(gaps <= GOAL, format!("contain/floor, 25 ms gaps: {gaps:.2} (goal {GOAL}; back to back: {none:.2})"));
        }
        if let (Some(line), Some(floor)) = (self.line("contain", Way::Limits), self.line("floor", Way::Limits)) {
            let like = line.ratio / floor.ratio;
            let what = format!(
                "contain/floor, both with limits, 25 ms gaps: {like:.2} (goal {GOAL_LIMITS}; to the floor without: {:.2})",
                line.ratio
            );
            judge(like <= GOAL_LIMITS, what);
        }
        for peer in self.lines.iter().filter(|line| !is_ours(line.launcher)) {
            // All of contain's walls are up in its plain row.
            let way = if peer.way == Way::Walls { Way::Plain } else { peer.way };
            let Some(contain) = self.line("contain", way) else {
                continue;
            };
            let (gaps, none) = (peer.ratio / contain.ratio, peer.ratio_back_to_back / contain.ratio_back_to_back);
            let what = format!(
                "{} takes {gaps:.1} times as long as contain, back to back {none:.1} (goal above 1)",
                peer.name()
            );
            judge(gaps > 1.0 && none > 1.0, what);
        }
        if let Some(Line { memory, .. }) = self.line("contain", Way::Plain) {
            judge(
                memory.pss_kb <= GOAL_PSS_KB,
                format!("PSS of the waiting contain: {} KB (goal {GOAL_PSS_KB})", memory.pss_kb),
            );
            judge(
                memory.file_bytes <= GOAL_FILE_KB * 1024 && !memory.dynamic,
                format!("size of contain: {:.0} KB (goal {GOAL_FILE_KB})", memory.file_bytes as f64 / 1024.0),
            );
        }
        text.push('\n');
        text
    }

    pub fn tsv(&self) -> String {
        let mut text = format!("# {}; {} rounds; times in microseconds\n", self.machine, self.rounds);
        text.push_str(
            "launcher\tway\tgap_ms\tp10\tmedian\tp90\tratio_to_floor\tpss_kb\tprocesses\tfile_bytes\tcommand\n",
        );
        for line in &self.lines {
            for (gap, t, ratio) in [(25, line.with_gaps, line.ratio), (0, line.back_to_back, line.ratio_back_to_back)] {
                let _ = writeln!(
                    text,
                    "{}\t{}\t{gap}\t{:.0}\t{:.0}\t{:.0}\t{ratio:.3}\t{}\t{}\t{}\t{}",
                    line.launcher,
                    line.way.names().0,
                    t.p10,
                    t.median,
                    t.p90,
                    line.memory.pss_kb,
                    line.memory.processes,
                    line.memory.file_bytes,
                    line.command
                );
            }
        }
        text
    }
}

/// What a reader needs to know of the machine, and no more: the kernel's numbers without the vendor's suffix.
fn machine() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = release.split(|c: char| c != '.' && !c.is_ascii_digit()).next().unwrap_or("?");
    let cores = std::thread::available_parallelism().map_or(1, |number| number.get());
    let v2 = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    format!("Linux {kernel}, {cores} cores, cgroup {}", if v2 { "v2" } else { "v1" })
}
