//! What `exec` of a static `true` takes in a container that runs already: contain's, crun's and runc's, in turn.

use crate::launchers::{View, find};
use crate::stage::{Stage, state};
use crate::{Contain, Result, median, quiet, timed};
use std::process::Command;
use std::time::Duration;

/// A launcher, and its median in microseconds.
pub type Took = (&'static str, f64);

/// A container of one of the launchers that runs `pause`, and the command that executes `true` in it.
struct Target {
    launcher: &'static str,
    exec: Command,
    end: Command,
    view: Option<View>,
    samples: Vec<Duration>,
}

/// Ours first.
pub fn latency(contain: &Contain, stage: &Stage, rounds: usize) -> Result<Vec<Took>> {
    let (id, _) = contain.start()?;
    let mut targets = vec![Target {
        launcher: "contain",
        exec: contain.command(&["exec", &id, "--", "/bin/true"]),
        end: contain.command(&["rm", "-f", &id]),
        view: None,
        samples: Vec::new(),
    }];
    for launcher in ["crun", "runc"] {
        match oci(launcher, stage) {
            Ok(target) => targets.push(target),
            Err(why) => println!("missing: {launcher}: {why}"),
        }
    }
    for _ in 0..rounds {
        for target in &mut targets {
            let _inside = target.view.as_ref().map(View::enter).transpose()?;
            target.samples.push(timed(&mut target.exec)?);
        }
        // Nobody always comes after the same one.
        targets.reverse();
    }
    targets.sort_by_key(|target| ["contain", "crun", "runc"].iter().position(|name| *name == target.launcher));
    for target in &mut targets {
        let _inside = target.view.as_ref().map(View::enter).transpose()?;
        timed(&mut target.end)?;
    }
    Ok(targets.iter().map(|target| (target.launcher, median(&target.samples))).collect())
}

fn oci(launcher: &'static str, stage: &Stage) -> Result<Target> {
    let program = find(launcher).ok_or("not in PATH")?;
    let (root, bundle) = (state(launcher), stage.bundle_pause.to_string_lossy().into_owned());
    let id = format!("bench-exec-{}", std::process::id());
    let command = |words: &[&str]| quiet(&program, &[&["--root", &root], words].concat());
    let mut run = command(&["run", "--detach", "--bundle", &bundle, &id]);
    // crun refuses a host with both cgroup versions: see launchers.rs, View.
    let view = match timed(&mut run) {
        Ok(_) => None,
        Err(_) => {
            let view = View::without_unified()?;
            let inside = view.enter()?;
            timed(&mut run)?;
            drop(inside);
            Some(view)
        }
    };
    let exec = command(&["exec", &id, "/bin/true"]);
    let end = command(&["delete", "--force", &id]);
    Ok(Target { launcher, exec, end, view, samples: Vec::new() })
}
