//! Which ids a container has: the maps of its user namespace, from what was written and from what this user may map.

use rustix::fs::{Access, CWD, access};

use crate::error::{Error, Result};
use crate::input::args::written::{Text, Written};
use crate::input::map::{COUNT, free, given, ordinary};
use crate::input::user;
use crate::kernel::{file, identity, users};
use crate::plan::candidates;
use crate::plan::facts::Mapper;
use crate::spec::{Map, Range, User};
use crate::state::place::Places;
use crate::text::{Word, digits, fill, kept};

/// The caller's own ids.
pub fn own() -> [u32; 2] {
    [rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw()]
}

/// The maps of users and groups, and who writes them, for a container whose command runs as `user`; `ours` is the caller's
/// environment, `id` the container's.
pub fn ids(run: &Written, ours: &[Word], user: &User, id: &str, places: &Places) -> Result<([Map; 2], Mapper)> {
    let (administrator, kind) = (identity::is_administrator(), run.text(Text::Users));
    // One for both, as podman has it.
    let [users, groups] = run.maps;
    let asked = [if users.is_none() { groups } else { users }, if groups.is_none() { users } else { groups }];
    let (maps, mapper) = match (asked[0].is_none(), kind) {
        (false, Some(_)) => {
            return Err(Error::usage("--userns and --uidmap, --gidmap exclude each other: leave one of them out"));
        }
        // Also where a user namespace around this one has given setgroups(2) up.
        (false, None) if is_own(&asked) => (asked, Mapper::OwnIds),
        (false, None) if administrator => (asked, Mapper::Launcher),
        (false, None) => (asked, programs(ours).ok_or_else(|| Error::new(MORE).with_hint(INSTALL))?),
        (true, None | Some("host")) if administrator => (asked, Mapper::Launcher),
        (true, Some("host")) => return Err(Error::new(HOST).with_hint("leave it out, or run contain as root")),
        (true, Some("keep-id")) if administrator => return Err(Error::usage(KEEP)),
        (true, Some(_)) if administrator => ([unused(id, places)?; 2], Mapper::Launcher),
        _ => of_ordinary(kind == Some("keep-id"), user, ours),
    };
    if !asked[0].is_none() && mapper != Mapper::OwnIds && !maps.iter().all(|map| map.holds(0)) {
        return Err(Error::usage("--uidmap, --gidmap: map id 0, too: the container is set up as its root"));
    }
    check(user, &maps, mapper == Mapper::OwnIds)?;
    Ok((maps, mapper))
}

const KEEP: &str = "--userns keep-id: root's own ids are the host's: write auto for others, or host";
const HOST: &str = "--userns host: an ordinary user makes containers in user namespaces only";
const MORE: &str = "--uidmap: only newuidmap and newgidmap map other ids than one's own for an ordinary user";
const INSTALL: &str = "they are not in PATH: install uidmap (shadow-utils)";

/// As many ids as a container takes, which nobody else has: none of the host's accounts, nobody to whom the host gives ranges, no
/// container that runs. Two that look at the same time do not get the same.
fn unused(id: &str, places: &Places) -> Result<Map> {
    let mut others = Vec::new();
    for (path, ranges) in
        [(c"/etc/passwd", false), (c"/etc/group", false), (c"/etc/subuid", true), (c"/etc/subgid", true)]
    {
        given(&file::read_text(CWD, path).unwrap_or_default(), ranges, &mut others);
    }
    if let Some(root) = places.find()? {
        root.each(&mut |entry| {
            if let Ok(record) = entry.record()
                && entry.is_alive()
            {
                others.extend(record.spec.uids.ranges().chain(record.spec.gids.ranges()));
            }
        })?;
    }
    let drawn = id.bytes().fold(0, |drawn: u64, byte| drawn.wrapping_mul(31).wrapping_add(byte.into()));
    let mut refused = None;
    let found = free(&others, drawn, &mut |start| {
        users::hold(start).unwrap_or_else(|errno| {
            refused = Some(errno);
            true
        })
    });
    match (found, refused) {
        (_, Some(errno)) => Err(Error::os("--userns auto: hold ids", errno)),
        (Some(start), None) => Ok(Map(kept(&[fill("0:%:%", &[digits(start), digits(COUNT)]).as_bytes()]))),
        (None, None) => Err(Error::new("--userns auto: no 65536 ids from 524288 to 1879048191 are free")
            .with_hint("choose them yourself: --uidmap 0:FIRST:COUNT")),
    }
}

/// Whether the maps have the caller's own ids and nothing else.
fn is_own(maps: &[Map; 2]) -> bool {
    let own = own();
    // More than one range is none.
    let is_own = |kind: usize| {
        Range::of(maps[kind].text()).is_some_and(|range| (range.starts[1], range.count) == (own[kind].into(), 1))
    };
    is_own(0) && is_own(1)
}

/// All that an ordinary user may map; his own ids only, where that is no more than these.
pub fn of_ordinary(keeps: bool, user: &User, ours: &[Word]) -> ([Map; 2], Mapper) {
    let own = own();
    let text = |path| file::read_text(CWD, path).unwrap_or_default();
    let (passwd, uid) = (text(c"/etc/passwd"), digits(own[0].into()));
    let names = [user::name(passwd.as_bytes(), own[0]), uid];
    let map = |path, kind: usize, at| Map(kept(&[ordinary(&text(path), names, own[kind], at).as_bytes()]));
    // Under no_new_privs the programs could do no more than this user.
    if rustix::thread::no_new_privs() == Ok(false)
        && let Some(mapper) = programs(ours)
    {
        let [uid, gid] = if keeps { own } else { [0; 2] };
        let all = [map(c"/etc/subuid", 0, uid), map(c"/etc/subgid", 1, gid)];
        if all.iter().all(|map| Range::of(map.text()).is_none()) {
            return (all, mapper);
        }
    }
    // No file has that name.
    ([map(c"", 0, user.uid), map(c"", 1, user.gid)], Mapper::OwnIds)
}

/// newuidmap(1) and newgidmap(1), where they are.
pub fn programs(ours: &[Word]) -> Option<Mapper> {
    let find = |name| candidates(name, ours).into_iter().find(|path| access(*path, Access::EXEC_OK).is_ok());
    Some(Mapper::Programs([find(c"newuidmap")?, find(c"newgidmap")?]))
}

/// Whether the maps have all that a user is.
pub fn check(user: &User, maps: &[Map; 2], keeps_groups: bool) -> Result<()> {
    let has = |kind: usize, what: &str, id: u32, lost: bool, hint: &str| {
        let map = maps[kind];
        if map.is_none() || map.holds(id) && !lost {
            return Ok(());
        }
        let text = fill("% % is not in the container's map of ids, %", &[what, digits(id.into()), map.text()]);
        Err(Error::new(text).with_hint(hint))
    };
    has(0, "--user: user", user.uid, false, "")?;
    has(1, "--user: group", user.gid, false, "")?;
    for group in user.groups {
        has(
            1,
            "--user, --group-add: supplementary group",
            *group,
            keeps_groups,
            "name the group, as --user 1000:1000: then it is the only one",
        )?;
    }
    Ok(())
}
