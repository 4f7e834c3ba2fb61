//! What a launcher costs while its container runs: the proportional set size (PSS: private pages, plus each shared page
//! divided by its users) of every process that stays behind to wait, and the size of the launcher's file.

use crate::Result;
use crate::launchers::{Row, Way};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

#[derive(Clone, Default)]
pub struct Waiting {
    pub pss_kb: u64,
    pub processes: usize,
    pub file_bytes: u64,
    /// Whether the file needs shared libraries, which `file_bytes` does not count.
    pub dynamic: bool,
}

/// One answer for each row. Rows of one launcher have the same parent, but for an ordinary user's.
pub fn of_waiting_parents(rows: &mut [Row]) -> Result<Vec<Waiting>> {
    let mut known: HashMap<(&str, bool), Waiting> = HashMap::new();
    let mut answers = Vec::new();
    for row in rows {
        let kind = (row.launcher, row.way == Way::Rootless);
        let waiting = match known.get(&kind) {
            Some(waiting) => waiting.clone(),
            None => of_one(row)?,
        };
        known.insert(kind, waiting.clone());
        answers.push(waiting);
    }
    Ok(answers)
}

fn of_one(row: &mut Row) -> Result<Waiting> {
    let name = row.name();
    let view = row.view.clone();
    let _inside = view.as_deref().map(|view| view.enter()).transpose()?;
    let mut parent = row.hold.spawn().map_err(|e| format!("start {name}: {e}"))?;
    let parent_pid = parent.id();
    let result = family(parent_pid).and_then(|(payload, waiting)| {
        sleep(Duration::from_millis(50)); // a launcher may still be tidying up after its exec
        let pss_kb = waiting.iter().map(|&pid| pss(pid)).sum::<Result<u64>>();
        kill(payload);
        let (file_bytes, dynamic) = describe_file(&row.program)?;
        Ok(Waiting { pss_kb: pss_kb?, processes: waiting.len(), file_bytes, dynamic })
    });
    if result.is_err() {
        kill(parent_pid);
    }
    parent.wait().map_err(|e| format!("wait for {name}: {e}"))?;
    result.map_err(|why| format!("{name}: {why}"))
}

fn kill(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may be gone already, which is as good.
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// The payload's pid, and the pids of the launcher and of what it started, except the payload.
fn family(parent: u32) -> Result<(u32, Vec<u32>)> {
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        let everyone = processes()?;
        let mut waiting = vec![parent];
        let mut payload = None;
        let mut next = 0;
        while next < waiting.len() {
            for (pid, (ppid, comm)) in &everyone {
                if *ppid == waiting[next] {
                    match comm.as_str() {
                        "pause" => payload = Some(*pid),
                        _ => waiting.push(*pid),
                    }
                }
            }
            next += 1;
        }
        if let Some(payload) = payload {
            return Ok((payload, waiting));
        }
        sleep(Duration::from_millis(1));
    }
    Err("the payload did not start within 10 s".into())
}

/// Parent and name of every process.
fn processes() -> Result<HashMap<u32, (u32, String)>> {
    let mut found = HashMap::new();
    for entry in fs::read_dir("/proc").map_err(|e| format!("read /proc: {e}"))?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // It may have exited since /proc was listed.
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        // "PID (NAME) STATE PPID ...", and NAME may hold brackets itself.
        let (Some(open), Some(close)) = (stat.find('('), stat.rfind(')')) else {
            continue;
        };
        let Some(ppid) = stat[close + 1..].split_whitespace().nth(1).and_then(|word| word.parse().ok()) else {
            continue;
        };
        found.insert(pid, (ppid, stat[open + 1..close].to_string()));
    }
    Ok(found)
}

pub fn pss(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path).map_err(|e| format!("read {path}: {e}"))?;
    text.lines()
        .find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix(" kB")?.parse().ok())
        .ok_or_else(|| format!("{path} has no Pss line"))
}

/// Size, and whether the ELF names an interpreter (a PT_INTERP program header), as dynamic programs do.
fn describe_file(path: &Path) -> Result<(u64, bool)> {
    const PT_INTERP: u32 = 3;
    let file = fs::read(path).map_err(|e| format!("read {}: {e}", path.display()))?;
    let half = |at: usize| file.get(at..at + 2).map(|b| u16::from_le_bytes([b[0], b[1]]) as usize);
    let word = |at: usize| file.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let header = || Some((word(32)? as usize, half(54)?, half(56)?));
    let (offset, size, count) = header().ok_or_else(|| format!("{} is no 64-bit ELF", path.display()))?;
    let dynamic = (0..count).any(|n| word(offset + n * size) == Some(PT_INTERP));
    Ok((file.len() as u64, dynamic))
}
