//! Where this machine's cgroups are mounted, and which controllers they have.

use std::ffi::CString;

use rustix::fs::{CWD, statfs};

use crate::kernel::file::read_text;

/// CGROUP2_SUPER_MAGIC and CGROUP_SUPER_MAGIC of statfs(2).
const CGROUP2: i64 = 0x6367_7270;
const CGROUP1: i64 = 0x0027_e0eb;

/// Where cgroups usually are.
const USUAL: &str = "/sys/fs/cgroup";

/// What is mounted.
#[derive(Debug, PartialEq, Eq)]
pub enum Mounted {
    Nothing,
    /// v1, with v2 beside it or not: controllers are found by [`controller`].
    V1,
    /// v2 alone, at this path.
    V2(String),
}

/// Looks at the usual place first, since reading mountinfo costs as much as there are mounts.
pub fn find() -> Mounted {
    match kind(USUAL) {
        Some(CGROUP2) => return Mounted::V2(USUAL.into()),
        _ if CONTROLLERS.iter().any(|name| kind(&format!("{USUAL}/{name}")) == Some(CGROUP1)) => return Mounted::V1,
        _ => {}
    }
    let mounts = mountinfo();
    if mounts.iter().any(|mount| {
        mount.filesystem == "cgroup" && mount.options.split(',').any(|option| CONTROLLERS.contains(&option))
    }) {
        return Mounted::V1;
    }
    match mounts.into_iter().find(|mount| mount.filesystem == "cgroup2") {
        Some(mount) => Mounted::V2(mount.point),
        None => Mounted::Nothing,
    }
}

/// Every controller that contain makes groups in.
const CONTROLLERS: [&str; 5] = ["memory", "pids", "cpu", "cpuacct", "cpuset"];

/// Where v1 hierarchies usually are, mounted or not.
pub fn usual_v1() -> impl Iterator<Item = String> {
    CONTROLLERS.iter().map(|name| format!("{USUAL}/{name}"))
}

/// Where the v1 hierarchy with this controller is mounted.
pub fn controller(name: &str) -> Option<String> {
    let usual = format!("{USUAL}/{name}");
    if kind(&usual) == Some(CGROUP1) {
        return Some(usual);
    }
    let has = |mount: &Mount| mount.filesystem == "cgroup" && mount.options.split(',').any(|option| option == name);
    mountinfo().into_iter().find(has).map(|mount| mount.point)
}

/// The text of one file of a v2 or v1 hierarchy's top, empty where there is none.
pub fn top_file(mount: &str, file: &str) -> String {
    let path = CString::new([mount, "/", file].concat()).unwrap_or_default();
    read_text(CWD, &path).unwrap_or_default()
}

/// Which directory a path leads to, links followed.
pub fn place(path: &str) -> Option<(u64, u64)> {
    rustix::fs::stat(path).ok().map(|found| (found.st_dev, found.st_ino))
}

/// Whether groups can be made there.
pub fn is_writable(mount: &str) -> bool {
    rustix::fs::access(mount, rustix::fs::Access::WRITE_OK).is_ok()
}

fn kind(path: &str) -> Option<i64> {
    statfs(path).ok().map(|found| found.f_type)
}

/// One line of /proc/self/mountinfo (proc_pid_mountinfo(5)).
struct Mount {
    point: String,
    filesystem: String,
    /// Per superblock: for v1 the controllers.
    options: String,
}

fn mountinfo() -> Vec<Mount> {
    let text = read_text(CWD, c"/proc/self/mountinfo").unwrap_or_default();
    text.lines().filter_map(mount).collect()
}

fn mount(line: &str) -> Option<Mount> {
    let fields: Vec<&str> = line.split(' ').collect();
    // A varying number of optional fields ends with a lone hyphen.
    let hyphen = fields.iter().position(|field| *field == "-")?;
    let (point, filesystem, options) = (fields.get(4)?, fields.get(hyphen + 1)?, fields.get(hyphen + 3)?);
    Some(Mount { point: unescape(point), filesystem: (*filesystem).into(), options: (*options).into() })
}

/// Blanks and the like stand as three octal digits after a backslash.
fn unescape(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut plain = String::from(parts.next().unwrap_or_default());
    for part in parts {
        let code = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        plain.push(code.map_or('\\', char::from));
        plain.push_str(if code.is_some() { &part[3..] } else { part });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_line_of_mountinfo() {
        let line = "51 47 0:32 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct";
        let found = mount(line).unwrap();
        assert_eq!((found.point.as_str(), found.filesystem.as_str()), ("/sys/fs/cgroup/cpu,cpuacct", "cgroup"));
        assert!(found.options.split(',').any(|option| option == "cpuacct"));
        assert!(mount("").is_none() && mount("1 2 3 - x").is_none());
        assert_eq!(unescape("/a\\040b\\134\\011"), "/a b\\\t");
    }
}
