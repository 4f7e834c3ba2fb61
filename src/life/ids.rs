//! Which ids a container has: the maps of its user namespace, from what was written and from what this user may map.

use rustix::fs::{Access, CWD, access};

use crate::error::{Error, Result};
use crate::input::args::written::{Text, Written};
use crate::input::map::{around, subordinate};
use crate::input::user;
use crate::kernel::{file, identity};
use crate::plan::candidates;
use crate::plan::facts::Mapper;
use crate::spec::{Map, Range, User};
use crate::text::Word;

/// The maps of users and groups, and who writes them.
pub struct Ids {
    pub maps: [Map; 2],
    pub mapper: Mapper,
}

/// The caller's own ids.
pub fn own() -> [u32; 2] {
    [rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw()]
}

/// Decides for a container whose command runs as `user`; `ours` is the caller's environment.
pub fn ids(run: &Written, ours: &[Word], user: &User) -> Result<Ids> {
    let (own, administrator) = (own(), identity::is_administrator());
    let ids = match (run.text(Text::Users), &run.maps) {
        (None, [uids, gids]) if !(uids.is_empty() && gids.is_empty()) => {
            // One for both, as podman has it.
            let [uids, gids] =
                [[uids, gids], [gids, uids]].map(|[one, other]| if one.is_empty() { other } else { one });
            written([uids, gids], own, administrator, ours)?
        }
        (Some(_), [uids, gids]) if !(uids.is_empty() && gids.is_empty()) => {
            return Err(Error::usage("--userns and --uidmap, --gidmap exclude each other: leave one of them out"));
        }
        (None | Some("host"), _) if administrator => Ids { maps: [Map::NONE; 2], mapper: Mapper::Launcher },
        (Some("host"), _) => {
            let text = "--userns host: an ordinary user makes containers in user namespaces only";
            return Err(Error::new(text).with_hint("leave it out, or run contain as root"));
        }
        (Some(_), _) if administrator => return Err(Error::usage("--userns: as root, write host")),
        (kind, _) => {
            let keeps = kind == Some("keep-id");
            ranges(ours, own, if keeps { own } else { [0; 2] }).unwrap_or_else(|| {
                let inside = [user.uid, user.gid];
                let map = |kind: usize| Map::of(&around(own[kind], inside[kind], &[]));
                Ids { maps: [map(0), map(1)], mapper: Mapper::OwnIds }
            })
        }
    };
    check(user, &ids.maps, ids.mapper == Mapper::OwnIds)?;
    Ok(ids)
}

/// As asked for.
fn written(maps: [&Vec<Range>; 2], own: [u32; 2], administrator: bool, ours: &[Word]) -> Result<Ids> {
    let is_own =
        |kind: usize| matches!(maps[kind][..], [range] if range.count == 1 && range.outside == own[kind].into());
    let mapper = match administrator {
        true => Mapper::Launcher,
        false if is_own(0) && is_own(1) => Mapper::OwnIds,
        false => Mapper::Programs(programs(ours).ok_or_else(|| {
            Error::new("--uidmap: an ordinary user maps other ids than his own through newuidmap and newgidmap")
                .with_hint("they are not in PATH: install uidmap (shadow-utils)")
        })?),
    };
    let maps = maps.map(|ranges| Map::of(ranges));
    if mapper != Mapper::OwnIds && !maps.iter().all(|map| map.holds(0)) {
        return Err(Error::usage("--uidmap, --gidmap: map id 0, too: the container is set up as its root"));
    }
    Ok(Ids { maps, mapper })
}

/// All that this user may map, with his own ids as `at`; None where that is no more than these.
fn ranges(ours: &[Word], own: [u32; 2], at: [u32; 2]) -> Option<Ids> {
    let [users, groups] = [c"/etc/subuid", c"/etc/subgid"].map(|path| file::read_text(CWD, path).ok());
    let passwd = file::read_text(CWD, c"/etc/passwd").unwrap_or_default();
    let name = user::name(passwd.as_bytes(), own[0]);
    let [users, groups] = [subordinate(&users?, name, own[0]), subordinate(&groups?, name, own[0])];
    // Under no_new_privs the programs could do no more than this user.
    if users.is_empty() || groups.is_empty() || rustix::thread::no_new_privs() != Ok(false) {
        return None;
    }
    let mapper = Mapper::Programs(programs(ours)?);
    Some(Ids { maps: [Map::of(&around(own[0], at[0], &users)), Map::of(&around(own[1], at[1], &groups))], mapper })
}

/// Where newuidmap(1) and newgidmap(1) are.
pub fn programs(ours: &[Word]) -> Option<[Word; 2]> {
    let find = |name| candidates(name, ours).into_iter().find(|path| access(*path, Access::EXEC_OK).is_ok());
    Some([find(c"newuidmap")?, find(c"newgidmap")?])
}

/// Whether the maps have all that a user is.
pub fn check(user: &User, maps: &[Map; 2], keeps_groups: bool) -> Result<()> {
    let kinds = [("user", user.uid), ("group", user.gid)];
    let lacks = |what: &str, id: u32, map: Map| {
        let text = ["--user: ", what, " ", &id.to_string(), " is not in the container's map of ids, ", map.text()];
        Err(Error::new(text.concat()))
    };
    if maps[0].is_none() {
        return Ok(());
    }
    for ((what, id), map) in kinds.into_iter().zip(maps) {
        if !map.holds(id) {
            return lacks(what, id, *map);
        }
    }
    match user.groups.iter().find(|group| keeps_groups || !maps[1].holds(**group)) {
        Some(group) => lacks("supplementary group", *group, maps[1])
            .map_err(|error: Error| error.with_hint("name the group, as --user 1000:1000: then there is no other")),
        None => Ok(()),
    }
}
