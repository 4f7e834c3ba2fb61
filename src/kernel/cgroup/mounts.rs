//! Where this machine's cgroups are mounted, and which controllers they have.

use crate::linux::fs::{Access, CWD, access, statfs};
use crate::linux::io::Result;

use crate::kernel::file::{self, read_text};
use crate::kernel::mount;
use crate::packed::text;
use crate::text::{Word, kept_below, kept_one, lines, split};

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
    V2(&'static str),
}

/// Looks at the usual place first, since reading mountinfo costs as much as there are mounts.
pub fn find() -> Mounted {
    if kind(USUAL) == Some(CGROUP2) {
        return Mounted::V2(USUAL);
    }
    for name in CONTROLLERS {
        if kind(usual(name)) == Some(CGROUP1) {
            return Mounted::V1;
        }
    }
    let mut found = Mounted::Nothing;
    mount::each(&mut |fields| match (read(fields), &found) {
        (Some((_, "cgroup", options)), _) if split(options, b',').any(|option| CONTROLLERS.contains(&option)) => {
            found = Mounted::V1;
        }
        (Some((point, "cgroup2", _)), Mounted::Nothing) => found = Mounted::V2(unescape(point)),
        _ => {}
    });
    found
}

/// Every controller that contain makes groups in. A frozen process dies of no signal: with the freezer's groups first, the
/// others have nobody in them.
const ALL: [&str; 6] = ["freezer", "memory", "pids", "cpu", "cpuacct", "cpuset"];
/// Those that tell a v1 system.
const CONTROLLERS: &[&str] = ALL.split_at(1).1;

/// Where v1 hierarchies usually are, mounted or not.
pub fn usual_v1() -> [&'static str; ALL.len()] {
    ALL.map(usual)
}

fn usual(name: &str) -> &'static str {
    text!("%/%", USUAL, name)
}

/// Where the v1 hierarchy with this controller is mounted.
pub fn controller(name: &str) -> Option<&'static str> {
    let usual = usual(name);
    if kind(usual) == Some(CGROUP1) {
        return Some(usual);
    }
    let mut found = None;
    mount::each(&mut |fields| match read(fields) {
        Some((point, "cgroup", options)) if found.is_none() && split(options, b',').any(|option| option == name) => {
            found = Some(unescape(point));
        }
        _ => {}
    });
    found
}

/// The text of one file of a group, empty where there is none.
pub fn file(group: Word, file: &str) -> &'static str {
    read_text(CWD, kept_below(group.to_bytes(), file.as_bytes())).unwrap_or_default()
}

/// The path of this process's own v2 group, empty where it is not below what is seen here (cgroups(7)).
pub fn own_group() -> String {
    let text = read_text(CWD, c"/proc/self/cgroup").unwrap_or_default();
    let own = lines(text).find_map(|line| line.strip_prefix("0::")).unwrap_or_default();
    if own.starts_with("/..") { String::new() } else { own.into() }
}

/// Which directory a path leads to, links followed.
pub fn place(mount: &str) -> Option<(u64, u64)> {
    file::place(kept_one(mount.as_bytes()))
}

/// Whether groups can be made in this one.
pub fn writable(group: Word) -> Result<()> {
    access(group, Access::WRITE_OK)
}

fn kind(mount: &str) -> Option<i64> {
    statfs(kept_one(mount.as_bytes())).ok().map(|found| found.f_type)
}

/// From the fields of one line of mountinfo the mount point, the file system, and its options, which for v1 have the
/// controllers. A varying number of optional fields ends with a lone hyphen.
fn read<'a>(fields: &[&'a str]) -> Option<(&'a str, &'a str, &'a str)> {
    let hyphen = fields.iter().position(|field| *field == "-")?;
    Some((fields.get(4)?, fields.get(hyphen + 1)?, fields.get(hyphen + 3)?))
}

/// Blanks and the like stand as three octal digits after a backslash.
pub fn unescape(text: &str) -> &'static str {
    let mut plain = String::new();
    for (number, part) in split(text, b'\\').enumerate() {
        match part.as_bytes() {
            [a @ b'0'..=b'7', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] if number > 0 => {
                plain.push(char::from(a << 6 | (b & 7) << 3 | c & 7));
                plain.push_str(part.get(3..).unwrap_or_default());
            }
            _ => plain.extend([if number > 0 { "\\" } else { "" }, part]),
        }
    }
    plain.leak()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_line_of_mountinfo() {
        let line = "51 47 0:32 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct";
        let read = |line: &'static str| read(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(read(line), Some(("/sys/fs/cgroup/cpu,cpuacct", "cgroup", "rw,cpu,cpuacct")));
        assert!(read("").is_none() && read("1 2 3 - x").is_none());
        assert_eq!(unescape("/a\\040b\\134\\011"), "/a b\\\t");
    }
}
