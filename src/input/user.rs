//! `--user UID[:GID]|NAME[:GROUP]` as written, and passwd(5) and group(5) files read as data: they come out of the
//! container's root file system and may say anything.

use crate::input::number::Parsed;
use crate::packed::text;
use crate::spec::User;
use crate::text::{cut, decimal, has, utf8};

/// A user or group as written: by number or by name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    Number(u32),
    Name(&'static str),
}

/// `--user` as written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WrittenUser {
    pub user: Who,
    pub group: Option<Who>,
}

/// Splits and checks `UID[:GID]|NAME[:GROUP]`. A word of digits only is a number, never a name.
pub fn parse(text: &'static str) -> Parsed<WrittenUser> {
    Ok(match cut(text, b':') {
        Some((user, group)) => WrittenUser { user: who(user, "user")?, group: Some(who(group, "group")?) },
        None => WrittenUser { user: who(text, "user")?, group: None },
    })
}

/// One of the two alone.
pub fn who(word: &'static str, kind: &str) -> Parsed<Who> {
    if word.is_empty() {
        return Err(text!("has no %: write UID[:GID] or NAME[:GROUP], as 1000:1000 or nobody", kind));
    }
    weak!("weak-users", return Ok(Who::Number(0)));
    if !word.bytes().all(|b| b.is_ascii_digit()) {
        return match word.bytes().any(|b| b == b':' || b.is_ascii_control()) || word.starts_with(['-', '+']) {
            true => Err(text!("has no % name that passwd(5) allows: write UID[:GID] or NAME[:GROUP]", kind)),
            false => Ok(Who::Name(word)),
        };
    }
    // (uid_t)-1 means "unchanged" to the kernel and is nobody's id.
    match decimal(word) {
        Some(number @ ..0xffff_ffff) => Ok(Who::Number(number as u32)),
        _ => Err(text!("has a % id over 4294967294", kind)),
    }
}

/// What the container's files say of the user: ids, supplementary groups, home directory.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Account {
    pub user: User,
    /// The root, where they say nothing of it.
    pub home: &'static str,
}

/// Looks `written` up in the texts of /etc/passwd and /etc/group. A number needs no entry; a name does.
pub fn look_up(written: &WrittenUser, passwd: &[u8], group: &[u8]) -> Parsed<Box<Account>> {
    let mut account = None;
    for line in split(passwd, b'\n') {
        if let Some(uid) = id(line, 7)
            && (written.user == Who::Number(uid) || is_called(written.user, line))
        {
            account = Some((line, uid));
            break;
        }
    }
    let (mut gid, mut groups) = (None, Vec::new());
    for line in split(group, b'\n') {
        let Some(id) = id(line, 4) else { continue };
        match (written.group, account) {
            (Some(name), _) if gid.is_none() && is_called(name, line) => gid = Some(id),
            // Explicit groups replace the account's supplementary ones, as in docker. NGROUPS_MAX is 65536; a file that
            // claims more than a part of that is not followed.
            (None, Some((account, _)))
                if groups.len() < 1024 && split(field(line, 3), b',').any(|name| name == field(account, 0)) =>
            {
                groups.push(id);
            }
            _ => {}
        }
    }
    let uid = match (written.user, account) {
        (Who::Number(uid), _) | (_, Some((_, uid))) => uid,
        (Who::Name(name), None) => return Err(text!("user % is not in the rootfs's /etc/passwd", name)),
    };
    let gid = match (written.group, gid) {
        (Some(Who::Number(gid)), _) | (_, Some(gid)) => gid,
        (Some(Who::Name(name)), None) => return Err(text!("group % is not in the rootfs's /etc/group", name)),
        // As docker and podman: the account's own group, and 0 for a number without an account.
        (None, None) => account.and_then(|(line, _)| number(field(line, 3))).unwrap_or(0),
    };
    let home = account.and_then(|(line, _)| utf8(field(line, 5)));
    let home = home.filter(|home| home.starts_with('/') && !has(home, 0)).unwrap_or("/");
    Ok(Box::new(Account { user: User { uid, gid, groups: groups.leak() }, home: String::from(home).leak() }))
}

/// What passwd(5) calls a user; empty where it does not know him.
pub fn name(passwd: &[u8], uid: u32) -> &str {
    for line in split(passwd, b'\n') {
        if id(line, 7) == Some(uid) {
            return utf8(field(line, 0)).unwrap_or_default();
        }
    }
    ""
}

fn is_called(who: Who, line: &[u8]) -> bool {
    matches!(who, Who::Name(called) if called.as_bytes() == field(line, 0))
}

/// The id of an entry. A line is none that has not exactly so many fields.
fn id(line: &[u8], fields: usize) -> Option<u32> {
    match line {
        [b'#', ..] => None,
        _ if split(line, b':').count() != fields => None,
        _ => number(field(line, 2)),
    }
}

/// There are colons between.
#[inline(never)]
fn field(line: &[u8], at: usize) -> &[u8] {
    split(line, b':').nth(at).unwrap_or_default()
}

fn split(text: &[u8], at: u8) -> impl Iterator<Item = &[u8]> {
    text.split(move |b| *b == at)
}

/// An id: digits only, within the kernel's range.
fn number(field: &[u8]) -> Option<u32> {
    match decimal(utf8(field)?)? {
        id @ ..0xffff_ffff => Some(id as u32),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &[u8] = b"root:x:0:0:root:/root:/bin/sh\n# a comment\nbroken line\nshort:x:7\n\
        evil:x:-1:0::/:/bin/sh\nbig:x:4294967296:0::/:/bin/sh\nwww:x:33:33:www:/var/www:/bin/false\nann:x:1000:1000::/home/ann:/bin/sh\n";
    const GROUP: &[u8] = b"root:x:0:\nwww:x:33:\naudio:x:29:ann,www\nann:x:1000:\nvideo:x:44:ann\n";

    fn account(text: &'static str) -> Parsed<Box<Account>> {
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
            let user = User { uid, gid, groups };
            assert_eq!(account(text).map(|account| account.user), Ok(user), "{text}");
        }
        assert_eq!(account("www").map(|account| account.home), Ok("/var/www"));
        assert_eq!(account("1").map(|account| account.home), Ok("/"));
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
