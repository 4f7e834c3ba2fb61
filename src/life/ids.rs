//! Which ids a container has: the maps of its user namespace, from what was written and from what this user may map.

use crate::linux;
use crate::linux::fs::{Access, CWD, access};

use crate::error::{Error, Result};
use crate::input::args::written::{Text, Written};
use crate::input::map::{COUNT, free, given, ordinary};
use crate::input::user;
use crate::kernel::{file, identity, users};
use crate::packed::{Sentence, sentence, text};
use crate::plan::candidates;
use crate::plan::facts::Mapper;
use crate::spec::{Map, Range, Spec, User};
use crate::state::place::Places;
use crate::text::{Word, digits, kept_one, place};

/// The caller's own ids.
pub fn own() -> [u32; 2] {
    [linux::process::geteuid().as_raw(), linux::process::getegid().as_raw()]
}

/// Decides on the maps of users and groups for a container whose command runs as its user, and who writes them; `ours` is the
/// caller's environment, `id` the container's.
pub fn ids(run: &Written, ours: &[Word], id: &str, places: &Places, spec: &mut Spec) -> Result<Mapper> {
    let administrator = identity::is_administrator();
    let kind = place(KINDS, run.text(Text::Users).unwrap_or_default().as_bytes());
    let mut maps = run.maps;
    let written = maps.iter().any(|map| !map.is_none());
    let mut mapper = Mapper::Launcher;
    match kind {
        Some(_) if written => {
            return Err(Error::usage(sentence!(
                "--userns and --uidmap, --gidmap exclude each other: leave one of them out"
            )));
        }
        None if written => {
            // One for both, as podman has it.
            let [users, groups] = maps;
            maps = [if users.is_none() { groups } else { users }, if groups.is_none() { users } else { groups }];
            // Also where a user namespace around this one has given setgroups(2) up.
            if is_own(&maps) {
                mapper = Mapper::OwnIds;
            } else {
                if !administrator {
                    mapper = programs(ours).ok_or_else(|| Error::new(MORE).with_hint(INSTALL))?;
                }
                if !maps.iter().all(|map| map.holds(0)) {
                    let text = text!("--uidmap, --gidmap: map id 0, too: the container is set up as its root");
                    return Err(Error::usage(text));
                }
            }
        }
        None | Some(HOST) if administrator => {}
        Some(HOST) => return Err(Error::new(NOT_HOST).with_hint(sentence!("leave it out, or run contain as root"))),
        Some(KEEP) if administrator => return Err(Error::usage(NOT_KEEP)),
        Some(_) if administrator => maps = [unused(id, places)?; 2],
        _ => (maps, mapper) = of_ordinary(kind == Some(KEEP), &spec.user, ours),
    }
    check(&spec.user, &maps, mapper == Mapper::OwnIds)?;
    [spec.uids, spec.gids] = maps;
    Ok(mapper)
}

/// What `--userns` can be, and where two of them stand.
const KINDS: &str = "host\nkeep-id\nauto";
const HOST: usize = 0;
const KEEP: usize = 1;

const NOT_KEEP: Sentence = sentence!("--userns keep-id: root's own ids are the host's: write auto for others, or host");
const NOT_HOST: Sentence = sentence!("--userns host: an ordinary user makes containers in user namespaces only");
const MORE: Sentence =
    sentence!("--uidmap: only newuidmap and newgidmap map other ids than one's own for an ordinary user");
const INSTALL: Sentence = sentence!("they are not in PATH: install uidmap (shadow-utils)");

/// As many ids as a container takes, which nobody else has: none of the host's accounts, nobody to whom the host gives ranges, no
/// container that runs. Two that look at the same time do not get the same.
fn unused(id: &str, places: &Places) -> Result<Map> {
    let mut others = Vec::new();
    for (at, path) in FILES.iter().enumerate() {
        given(text(path), at > 1, &mut others);
    }
    if let Some(root) = places.find()? {
        root.each(&mut |entry| {
            if let Ok(record) = entry.record()
                && entry.is_alive()
            {
                others.extend(record.spec.uids.ranges());
                others.extend(record.spec.gids.ranges());
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
        (_, Some(errno)) => Err(Error::os(sentence!("--userns auto: hold ids"), errno)),
        (Some(start), None) => Ok(Map(kept_one(text!("0:%:%", digits(start), digits(COUNT)).as_bytes()))),
        (None, None) => Err(Error::new(sentence!("--userns auto: no 65536 ids from 524288 to 1879048191 are free"))
            .with_hint(sentence!("choose them yourself: --uidmap 0:FIRST:COUNT"))),
    }
}

/// Where the host says which ids are whose: those of accounts first, then ranges.
const FILES: [Word; 4] = [c"/etc/passwd", c"/etc/group", c"/etc/subuid", c"/etc/subgid"];

fn text(path: Word) -> &'static str {
    file::read_text(CWD, path).unwrap_or_default()
}

/// Whether the maps have the caller's own ids and nothing else.
fn is_own(maps: &[Map; 2]) -> bool {
    // More than one range is none.
    let is_own = |(map, own): (&Map, u32)| {
        Range::of(map.text()).is_some_and(|range| (range.starts[1], range.count) == (own.into(), 1))
    };
    maps.iter().zip(own()).all(is_own)
}

/// All that an ordinary user may map; his own ids only, where that is no more than these.
pub fn of_ordinary(keeps: bool, user: &User, ours: &[Word]) -> ([Map; 2], Mapper) {
    let own = own();
    let (passwd, uid) = (text(FILES[0]), digits(own[0].into()));
    let names = [user::name(passwd.as_bytes(), own[0]), uid];
    let map = |path, kind: usize, at| Map(kept_one(ordinary(text(path), names, own[kind], at).as_bytes()));
    let maps = |[users, groups]: [Word; 2], [uid, gid]: [u32; 2]| [map(users, 0, uid), map(groups, 1, gid)];
    // Under no_new_privs the programs could do no more than this user.
    if linux::thread::no_new_privs() == Ok(false)
        && let Some(mapper) = programs(ours)
    {
        let all = maps([FILES[2], FILES[3]], if keeps { own } else { [0; 2] });
        if all.iter().all(|map| Range::of(map.text()).is_none()) {
            return (all, mapper);
        }
    }
    // No file has that name.
    (maps([c""; 2], [user.uid, user.gid]), Mapper::OwnIds)
}

/// newuidmap(1) and newgidmap(1), where they are.
pub fn programs(ours: &[Word]) -> Option<Mapper> {
    let find = |name| candidates(name, ours).into_iter().find(|path| access(path, Access::EXEC_OK).is_ok());
    Some(Mapper::Programs(Box::leak(Box::new([find(c"newuidmap")?, find(c"newgidmap")?]))))
}

/// Whether the maps have all that a user is.
pub fn check(user: &User, maps: &[Map; 2], keeps_groups: bool) -> Result<()> {
    let has = |kind: usize, what: Sentence, id: u32, lost: bool, hint: Sentence| {
        let map = maps[kind];
        if map.is_none() || map.holds(id) && !lost {
            return Ok(());
        }
        let text = text!("% % is not in the container's map of ids, %", what.get(), digits(id.into()), map.text());
        Err(Error::new(text).with_hint(hint))
    };
    has(0, sentence!("--user: user"), user.uid, false, sentence!(""))?;
    has(1, sentence!("--user: group"), user.gid, false, sentence!(""))?;
    for group in user.groups {
        has(
            1,
            sentence!("--user, --group-add: supplementary group"),
            *group,
            keeps_groups,
            sentence!("name the group, as --user 1000:1000: then it is the only one"),
        )?;
    }
    Ok(())
}
