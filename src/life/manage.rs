//! The commands about containers that are there already: which file lives each.

use crate::error::Result;
use crate::input::args::Command;
use crate::input::args::written::{Flag, Number, Written};
use crate::life::boot::timeline::PATH as CHART;
use crate::life::{bootchart, complete, control, exec, forget, list, logs, service, stats, update};
use crate::state::place::Places;
use crate::text::Word;

/// How long `stop` and `rm -f` wait between SIGTERM and SIGKILL, in milliseconds, and what `kill` sends, where the user does not say.
const GRACE: u64 = 10_000;
const KILL: i32 = 9;

pub fn manage(command: Command, written: &'static Written, places: &Places, environment: &[Word]) -> Result<u8> {
    let targets = written.targets();
    // Where one container is wanted, there is one word.
    let target = targets.first().copied().unwrap_or_default();
    let grace = written.number(Number::Grace).unwrap_or(GRACE).saturating_mul(1000);
    match command {
        Command::Ps => list::ps(written, places),
        Command::Inspect => list::inspect(&targets, places),
        Command::Top => list::top(target, places),
        Command::Logs => logs::logs(target, written.has(Flag::Follow), written.number(Number::Tail), places),
        Command::Exec => exec::exec(written, places, environment),
        Command::Kill => {
            control::kill(&targets, written.number(Number::Signal).map_or(KILL, |number| number as i32), places)
        }
        Command::Stop => control::stop(&targets, grace, places),
        Command::Wait => control::wait(&targets, places),
        Command::Pause => control::pause(&targets, places),
        Command::Resume => control::resume(&targets, places),
        Command::Rm => forget::rm(&targets, written.has(Flag::Force).then_some(grace), places),
        Command::Prune => forget::prune(places),
        Command::Stats => stats::stats(&targets, !written.has(Flag::NoStream), written.has(Flag::Json), places),
        Command::Update => update::update(target, &written.limits, places),
        Command::Service => service::service(&targets, written.has(Flag::Json)),
        Command::Bootchart => {
            bootchart::bootchart(written.words.first().copied().unwrap_or(CHART), written.has(Flag::Svg))
        }
        Command::Completion => complete::script(target),
        _ => complete::complete(&written.words, places),
    }
}
