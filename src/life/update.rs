//! `contain update`: the limits of a running container are changed in the kernel, and written down.

use crate::linux::io::Errno;

use crate::error::{Error, Result};
use crate::input::number::readable;
use crate::kernel::cgroup::Group;
use crate::launch::limit_hint;
use crate::life::control::note;
use crate::life::output;
use crate::life::running::{self, Running, about, not_running, running};
use crate::packed::{sentence, text};
use crate::plan::limits::{LIMITS, Write, changes};
use crate::spec::Limits;
use crate::state::place::Places;
use crate::text::{decimal, digits, shown};

pub fn update(target: &'static str, asked: &Limits, places: &Places) -> Result<u8> {
    let Running { entry, record, process } = running(places, target)?;
    let group = Group::open(record.cgroups);
    let mut result = Ok(());
    // Under the record's lock: what is set last is what is written down last.
    note(target, entry, &mut |record| {
        result = change(target, &group, asked, &mut record.spec.limits);
        true
    })?;
    match result {
        Err(_) if running::has_ended(process) => Err(not_running(target)),
        Err(error) => Err(error),
        Ok(()) => output::print(text!("%\n", target)),
    }
}

/// Sets what is asked for. What could be set stands in `limits` then.
fn change(word: &str, group: &Group, asked: &Limits, limits: &mut Limits) -> Result<()> {
    let writes = changes(limits, asked, group.is_v2())?;
    let (mut failed, mut refused) = (0, None);
    // Twice: memory may have to wait until swap is raised, or swap until memory is lowered.
    for _turn in 0..2 {
        (failed, refused) = (0, None);
        for write in &writes {
            if let Err(error) = set(word, group, write) {
                failed |= 1 << write.limit;
                refused.get_or_insert(error);
            }
        }
        if failed == 0 {
            break;
        }
    }
    let done = asked.asked() & !failed;
    limits.take(asked, done);
    match refused {
        None => Ok(()),
        Some(error) if done == 0 => Err(error),
        Some(error) => {
            let mut text = String::from(error.sentence()) + text!("; changed:");
            for (number, (flag, ..)) in LIMITS.iter().enumerate() {
                if done & 1 << number != 0 {
                    text.push(' ');
                    text.push_str(flag);
                }
            }
            Err(Error::new(&*text.leak()).with_hint(error.hint()))
        }
    }
}

fn set(word: &str, group: &Group, write: &Write) -> Result<()> {
    let Write { limit, file, value } = write;
    let (flag, controller) = (LIMITS[*limit].0, LIMITS[*limit].1.name());
    let used = || group.memory().unwrap_or(0);
    if let Some(limit) = decimal(value)
        && *file == c"memory.max"
        && used() > limit
    {
        // v1 reclaims what it can, or refuses; v2 would rather kill, so it is asked to reclaim first (Linux 5.19).
        let _some = group.set(c"memory.reclaim", digits(used().saturating_sub(limit)));
        let used = used();
        if used > limit {
            let (limit, used) = (readable(limit), readable(used));
            let text = text!(": % % is less than the % that it uses", flag, &limit, &used);
            return Err(about(word, text)
                .with_hint(sentence!("the kernel would kill it: free memory inside first, or choose more")));
        }
    }
    let mut written = group.set(file, value);
    if written == Err(Errno::NOENT) && group.is_v2() {
        written = group.set(c"../cgroup.subtree_control", text!("+%", controller));
        written = written.and_then(|()| group.set(file, value));
    }
    written.map_err(|errno| {
        let hint: &str = match errno {
            Errno::BUSY if controller == "memory" => {
                text!("it uses % of memory, and no less can be had: choose more", &readable(used()))
            }
            Errno::NOENT if !group.has(controller) => {
                text!("it has no % group: start it with %, and it can be changed", controller, flag)
            }
            errno => limit_hint(file, errno),
        };
        let file = shown(file);
        Error::os(text!("container %: %: write % to %", word, flag, value, &file), errno).with_hint(hint)
    })
}
