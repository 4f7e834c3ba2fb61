//! `--user`, /etc/passwd and /etc/group, with NULs between: what comes of them is what a plain reading of passwd(5) and
//! group(5) comes to, and never root by mistake.

use crate::input::user::{self, Account, Who};
use crate::spec::User;

pub fn check(bytes: &[u8]) {
    let mut parts = bytes.splitn(3, |b| *b == 0);
    let mut part = || parts.next().unwrap_or_default();
    let (Ok(text), passwd, group) = (String::from_utf8(part().to_vec()), part(), part()) else { return };
    let text = text.leak();
    let mut ids = text.split(':');
    let plain = |word: &str| match id(word.as_bytes()) {
        Some(id) => Some(Who::Number(id)),
        None if word.is_empty() || word.bytes().all(|b| b.is_ascii_digit()) => None,
        None if word.starts_with(['-', '+']) || word.bytes().any(|b| b.is_ascii_control()) => None,
        None => Some(Who::Name(word.to_string().leak())),
    };
    let wanted = (ids.next().map(plain), ids.next().map(plain), ids.next());
    let Ok(written) = user::parse(text) else {
        assert!(!matches!(wanted, (Some(Some(_)), None | Some(Some(_)), None)), "{text:?} is refused");
        return;
    };
    assert_eq!((Some(Some(written.user)), written.group.map(Some), None), wanted, "{text:?}");
    let looked_up = user::look_up(&written, passwd, group);
    assert_eq!(looked_up.as_deref().ok(), naive(written.user, written.group, passwd, group).as_ref(), "{text:?}");
    if let (Who::Number(uid), Ok(found)) = (written.user, looked_up) {
        assert_eq!(found.user.uid, uid);
        let _name = user::name(passwd, uid);
    }
}

fn id(field: &[u8]) -> Option<u32> {
    let digits = !field.is_empty() && field.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(field).ok().filter(|_| digits)?.parse::<u32>().ok()?;
    (number != u32::MAX).then_some(number)
}

fn entries(text: &[u8], count: usize) -> Vec<(u32, Vec<&[u8]>)> {
    let lines = text.split(|b| *b == b'\n').filter(|line| line.first() != Some(&b'#'));
    let fields = lines.map(|line| line.split(|b| *b == b':').collect::<Vec<_>>()).filter(|line| line.len() == count);
    fields.filter_map(|fields| Some((id(fields[2])?, fields))).collect()
}

fn naive(user: Who, group: Option<Who>, passwd: &[u8], file: &[u8]) -> Option<Account> {
    let is = |who: Who, id: u32, name: &[u8]| match who {
        Who::Number(number) => number == id,
        Who::Name(called) => called.as_bytes() == name,
    };
    let (passwd, file) = (entries(passwd, 7), entries(file, 4));
    let account = passwd.iter().find(|(uid, fields)| is(user, *uid, fields[0]));
    let uid = match user {
        Who::Number(uid) => uid,
        Who::Name(_) => account?.0,
    };
    let (gid, groups) = match (group, account) {
        (Some(Who::Number(gid)), _) => (gid, Vec::new()),
        (Some(name), _) => (file.iter().find(|(_, fields)| is(name, u32::MAX, fields[0]))?.0, Vec::new()),
        (None, None) => (0, Vec::new()),
        (None, Some((_, account))) => {
            let member = |fields: &[&[u8]]| fields[3].split(|b| *b == b',').any(|name| name == account[0]);
            let groups = file.iter().filter(|(_, fields)| member(fields)).map(|(gid, _)| *gid);
            (id(account[3]).unwrap_or(0), groups.take(1024).collect())
        }
    };
    let home = account.and_then(|(_, fields)| String::from_utf8(fields[5].to_vec()).ok());
    let home = home.filter(|home| home.starts_with('/') && !home.contains('\0')).unwrap_or("/".into());
    Some(Account { user: User { uid, gid, groups: groups.leak() }, home: home.leak() })
}
