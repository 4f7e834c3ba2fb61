//! `--user UID[:GID]|NAME[:GROUP]` as written, and passwd(5) and group(5) files read as data: they come out of the
//! container's root file system and may say anything.

use crate::spec::User;

/// A user or group as written: by number or by name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Who {
    Number(u32),
    Name(String),
}

/// `--user` as written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WrittenUser {
    pub user: Who,
    pub group: Option<Who>,
}

/// Splits and checks `UID[:GID]|NAME[:GROUP]`. A word of digits only is a number, never a name.
pub fn parse(text: &str) -> Result<WrittenUser, String> {
    let (user, group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    };
    let group = group.map(|group| who(group, "group")).transpose()?;
    Ok(WrittenUser { user: who(user, "user")?, group })
}

fn who(word: &str, kind: &str) -> Result<Who, String> {
    if word.is_empty() {
        return Err(format!("has no {kind}: write UID[:GID] or NAME[:GROUP], as 1000:1000 or nobody"));
    }
    if !word.bytes().all(|b| b.is_ascii_digit()) {
        return match word.bytes().any(|b| b == b':' || b.is_ascii_control()) || word.starts_with(['-', '+']) {
            true => Err(format!("has no {kind} name that passwd(5) allows: write UID[:GID] or NAME[:GROUP]")),
            false => Ok(Who::Name(word.into())),
        };
    }
    // (uid_t)-1 means "unchanged" to the kernel and is nobody's id.
    match word.parse::<u32>() {
        Ok(number) if number != u32::MAX => Ok(Who::Number(number)),
        _ => Err(format!("has a {kind} id over 4294967294")),
    }
}

/// What the container's files say of the user: ids, supplementary groups, home directory.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Account {
    pub user: User,
    pub home: Option<String>,
}

/// Looks `written` up in the texts of /etc/passwd and /etc/group. A number needs no entry; a name does.
pub fn look_up(written: &WrittenUser, passwd: &[u8], group: &[u8]) -> Result<Account, String> {
    let entry = fields::<7>(passwd).find(|entry| match &written.user {
        Who::Number(uid) => number(entry[2]) == Some(*uid),
        Who::Name(name) => entry[0] == name.as_bytes() && number(entry[2]).is_some(),
    });
    let uid = match (&written.user, entry) {
        (Who::Number(uid), _) => *uid,
        (Who::Name(_), Some(entry)) => number(entry[2]).unwrap_or(0),
        (Who::Name(name), None) => return Err(format!("user {name} is not in the rootfs's /etc/passwd")),
    };
    let gid = match &written.group {
        Some(Who::Number(gid)) => *gid,
        Some(Who::Name(name)) => fields::<4>(group)
            .find(|entry| entry[0] == name.as_bytes())
            .and_then(|entry| number(entry[2]))
            .ok_or_else(|| format!("group {name} is not in the rootfs's /etc/group"))?,
        // As docker and podman: the account's own group, and 0 for a number without an account.
        None => entry.and_then(|entry| number(entry[3])).unwrap_or(0),
    };
    let mut groups = Vec::new();
    // Explicit groups replace the account's supplementary ones, as in docker.
    if let (Some(entry), None) = (entry, &written.group) {
        let member = |list: &[u8]| list.split(|b| *b == b',').any(|name| name == entry[0]);
        let of_user = fields::<4>(group).filter(|entry| member(entry[3])).filter_map(|entry| number(entry[2]));
        // NGROUPS_MAX is 65536; a file that claims more is not followed.
        groups = of_user.take(1024).collect();
    }
    let home = entry.and_then(|entry| std::str::from_utf8(entry[5]).ok());
    let home = home.filter(|home| home.starts_with('/') && !home.contains('\0')).map(String::from);
    Ok(Account { user: User { uid, gid, groups }, home })
}

/// The lines of a colon-separated file that have exactly `N` fields; any other line is no entry.
fn fields<const N: usize>(text: &[u8]) -> impl Iterator<Item = [&[u8]; N]> {
    text.split(|b| *b == b'\n').filter(|line| !line.starts_with(b"#")).filter_map(|line| {
        let mut parts = line.split(|b| *b == b':');
        let mut entry = [&line[..0]; N];
        for field in &mut entry {
            *field = parts.next()?;
        }
        parts.next().is_none().then_some(entry)
    })
}

/// An id: digits only, within the kernel's range.
fn number(field: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(field).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
    text.parse().ok().filter(|id| *id != u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &[u8] = b"root:x:0:0:root:/root:/bin/sh\n# a comment\nbroken line\nshort:x:7\n\
        evil:x:-1:0::/:/bin/sh\nbig:x:4294967296:0::/:/bin/sh\nwww:x:33:33:www:/var/www:/bin/false\nann:x:1000:1000::/home/ann:/bin/sh\n";
    const GROUP: &[u8] = b"root:x:0:\nwww:x:33:\naudio:x:29:ann,www\nann:x:1000:\nvideo:x:44:ann\n";

    fn account(text: &str) -> Result<Account, String> {
        look_up(&parse(text)?, PASSWD, GROUP)
    }

    #[test]
    fn by_number_and_by_name() {
        for (text, uid, gid, groups) in [
            ("0", 0, 0, &[][..]),
            ("1", 1, 0, &[]),
            ("1000", 1000, 1000, &[29, 44]),
            ("1000:5", 1000, 5, &[]),
            ("ann", 1000, 1000, &[29, 44]),
            ("ann:audio", 1000, 29, &[]),
            ("www:0", 33, 0, &[]),
            ("4294967294:4294967294", 4_294_967_294, 4_294_967_294, &[]),
        ] {
            let user = User { uid, gid, groups: groups.to_vec() };
            assert_eq!(account(text).map(|account| account.user), Ok(user), "{text}");
        }
        assert_eq!(account("www").map(|account| account.home), Ok(Some("/var/www".into())));
        assert_eq!(account("1").map(|account| account.home), Ok(None));
    }

    #[test]
    fn never_root_by_mistake() {
        for text in [
            "",
            ":",
            "1:",
            ":1",
            "-1",
            "+0",
            "4294967295",
            "4294967296",
            "evil",
            "big",
            "short",
            "nosuch",
            "0x0",
            "ann:nosuch",
        ] {
            assert!(account(text).is_err(), "{text}");
        }
    }
}
