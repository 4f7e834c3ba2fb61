//! What the launches need on disk, all of it under build/bench: the floor, a root filesystem that holds nothing but
//! the two payloads, and OCI bundles for crun and runc; and which binary is measured how often. Knows nothing of the
//! launchers themselves.

#[path = "../../tests/common/json.rs"]
#[allow(dead_code)]
mod json;
#[path = "../../tests/common/podmans.rs"]
mod podmans;

use crate::{Result, write};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

pub struct Stage {
    pub floor: PathBuf,
    pub rootfs: PathBuf,
    /// Bundles that run `true`, `true` with limits, and `pause`.
    pub bundle: PathBuf,
    pub bundle_limits: PathBuf,
    pub bundle_pause: PathBuf,
    /// One that runs `true` behind podman's walls, where its profile is there.
    pub bundle_walls: Option<PathBuf>,
}

/// Where a launcher writes down its containers: for all of them in memory, as /run is on nearly every machine, whatever
/// it is on this one.
pub fn state(launcher: &str) -> String {
    format!("/dev/shm/contain-bench-{}-{launcher}", std::process::id())
}

/// Removes what [`state`] named.
pub fn remove_state() {
    for launcher in ["contain", "contain-rootless", "crun", "runc"] {
        // It may never have been made.
        let _none = fs::remove_dir_all(state(launcher));
    }
}

/// Flags that leave nothing in the file but one segment of code: 512 bytes on x86_64.
const PAYLOAD_FLAGS: &[&str] = &[
    "-Os",
    "-static",
    "-nostdlib",
    "-ffreestanding",
    "-fno-pie",
    "-no-pie",
    "-fno-asynchronous-unwind-tables",
    "-fno-stack-protector",
    "-Wl,--build-id=none,-z,norelro,-z,noseparate-code,-s",
];

/// As those of a program that is to be as quick as C can be.
pub const FLOOR_FLAGS: &[&str] = &["-std=gnu11", "-static", "-O2", "-s", "-Wall", "-Wextra", "-Werror"];

pub fn prepare(dir: &Path) -> Result<Stage> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches");
    let rootfs = dir.join("rootfs");
    for sub in ["bin", "etc", "proc", "dev", "sys"] {
        fs::create_dir_all(rootfs.join(sub)).map_err(|e| format!("create {}/{sub}: {e}", rootfs.display()))?;
    }
    let cc = env::var_os("CC").unwrap_or_else(|| "cc".into());
    compile(&cc, PAYLOAD_FLAGS, &sources.join("true.c"), &rootfs.join("bin/true"))?;
    let pause_flags: Vec<&str> = PAYLOAD_FLAGS.iter().copied().chain(["-DPAUSE"]).collect();
    compile(&cc, &pause_flags, &sources.join("true.c"), &rootfs.join("bin/pause"))?;
    let floor = dir.join("floor");
    compile(&"musl-gcc".into(), FLOOR_FLAGS, &sources.join("floor.c"), &floor)?;

    Ok(Stage {
        floor,
        bundle: bundle(&dir.join("oci-true"), &rootfs, "/bin/true", ["", ""])?,
        bundle_limits: bundle(&dir.join("oci-limits"), &rootfs, "/bin/true", ["", RESOURCES])?,
        bundle_pause: bundle(&dir.join("oci-pause"), &rootfs, "/bin/pause", ["", ""])?,
        bundle_walls: match fs::read_to_string(podmans::PODMANS) {
            Ok(profile) => {
                let [process, linux] = walls(&profile);
                Some(bundle(&dir.join("oci-walls"), &rootfs, "/bin/true", [&process, &linux])?)
            }
            Err(_) => None,
        },
        rootfs,
    })
}

pub fn compile(compiler: &OsString, flags: &[&str], source: &Path, output: &Path) -> Result<()> {
    let name = compiler.to_string_lossy();
    let result = Command::new(compiler)
        .args(flags)
        .arg("-o")
        .args([output, source])
        .output()
        .map_err(|e| format!("{name}: {e} (apt-get install gcc musl-tools)"))?;
    if result.status.success() {
        return Ok(());
    }
    Err(format!("{name} on {}: {}", source.display(), String::from_utf8_lossy(&result.stderr)))
}

const RESOURCES: &str = r#",
    "resources": {
      "memory": { "limit": 67108864 },
      "cpu": { "quota": 50000, "period": 100000 },
      "pids": { "limit": 64 }
    }"#;

/// What a default container of podman's has beside: for `process` and for `linux`.
fn walls(profile: &str) -> [String; 2] {
    let capabilities = format!("{:?}", podmans::CAPABILITIES);
    let sets = ["bounding", "effective", "permitted"].map(|set| format!("\"{set}\": {capabilities}"));
    let list = |names: &str| format!("{:?}", names.split(' ').map(|name| format!("/proc/{name}")).collect::<Vec<_>>());
    [
        format!(",\n    \"noNewPrivileges\": true,\n    \"capabilities\": {{ {} }}", sets.join(", ")),
        format!(
            ",\n    \"maskedPaths\": {},\n    \"readonlyPaths\": {},\n    \"seccomp\": {}",
            list("acpi asound kcore keys latency_stats timer_list timer_stats sched_debug scsi interrupts"),
            list("bus fs irq sys sysrq-trigger"),
            podmans::translated(profile)
        ),
    ]
}

/// The shortest config.json that does what the floor does: the same five namespaces, /proc and a tmpfs /dev, into which
/// crun and runc put the device nodes on their own. No seccomp, capabilities, masks or further mounts, unless `more` says
/// so, so this is their best case; `contain` does those things in every row.
fn bundle(dir: &Path, rootfs: &Path, command: &str, more: [&str; 2]) -> Result<PathBuf> {
    let [process, linux] = more;
    let rootfs = rootfs.to_str().ok_or("the path of the repository must be UTF-8")?;
    let config = format!(
        r#"{{
  "ociVersion": "1.0.0",
  "process": {{
    "terminal": false,
    "user": {{ "uid": 0, "gid": 0 }},
    "args": ["{command}"],
    "env": ["PATH=/bin"],
    "cwd": "/"{process}
  }},
  "root": {{ "path": {rootfs:?} }},
  "hostname": "bench",
  "mounts": [
    {{ "destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"] }},
    {{ "destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"] }}
  ],
  "linux": {{
    "namespaces": [
      {{ "type": "pid" }}, {{ "type": "uts" }}, {{ "type": "mount" }}, {{ "type": "ipc" }}, {{ "type": "network" }}
    ]{linux}
  }}
}}
"#
    );
    fs::create_dir_all(dir).map_err(|e| format!("create {}: {e}", dir.display()))?;
    write(&dir.join("config.json"), &config)?;
    Ok(dir.to_path_buf())
}

/// The binary that is measured: that of CONTAIN, or build/contain.
pub fn contain(repo: &Path) -> Result<PathBuf> {
    let contain = env::var_os("CONTAIN").map_or_else(|| repo.join("build/contain"), PathBuf::from);
    fs::canonicalize(&contain)
        .map_err(|e| format!("{}: {e} (run `make` first, or name the binary in CONTAIN)", contain.display()))
}

/// How many rounds to measure: as many as BENCH_ROUNDS says, or as usual.
pub fn rounds(usual: usize) -> Result<usize> {
    match env::var("BENCH_ROUNDS") {
        Err(_) => Ok(usual),
        Ok(text) => match text.parse() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(format!("BENCH_ROUNDS must be a number above zero, not {text:?}")),
        },
    }
}
