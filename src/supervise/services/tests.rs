//! The table against what its services are meant to do: cases by hand, and a random walk against rules of its own.

use super::*;
use crate::text::Word;

fn service(name: &'static str, kind: Kind, restart: Restart, after: &'static [&'static str]) -> Service {
    Service {
        name,
        command: &[c"/bin/true"],
        options: &[],
        kind,
        restart,
        backoff: [SECOND, 30 * SECOND],
        after,
        user: "",
        environment: &[] as &[Word],
        log: c"none",
        place: "test:1",
    }
}

/// A table, and what was told while it was made.
fn table(services: Vec<Service>) -> (Table, Vec<(&'static str, &'static str)>) {
    let mut told = Vec::new();
    let table =
        Table::new(&services.leak().iter().collect::<Vec<_>>(), &mut |service, name| told.push((service.name, name)));
    (table, told)
}

/// Starts all that can be, with 100 and its place as the process.
fn pass(table: &mut Table, now: Time) -> Vec<(&'static str, Act)> {
    let mut done = Vec::new();
    for place in 0..table.entries.len() {
        if let Some(act) = table.step(place, now) {
            done.push((table.entries[place].service.name, act));
            if act == Act::Start {
                table.started(place, pid(place), now);
            }
        }
    }
    done
}

fn pid(place: usize) -> Option<Pid> {
    Pid::from_raw(100 + place as i32)
}

fn end(table: &mut Table, name: &str, outcome: Outcome, now: Time) {
    let place = table.find(name).unwrap();
    assert_eq!(table.exited(pid(place).unwrap(), outcome, now), Some(place), "{name}");
}

fn state(table: &Table, name: &str) -> State {
    table.entries[table.find(name).unwrap()].state
}

const WELL: Outcome = Outcome::Exited(0);

#[test]
fn they_start_in_order() {
    let services = vec![
        service("web", Kind::Service, Restart::Always, &["db", "setup"]),
        service("db", Kind::Service, Restart::Always, &["setup"]),
        service("setup", Kind::Task, Restart::No, &[]),
        service("command", Kind::Command, Restart::No, &[]),
        service("key", Kind::CtrlAltDel, Restart::No, &[]),
    ];
    let (mut table, told) = table(services);
    assert!(told.is_empty());
    assert_eq!(pass(&mut table, 0), [("setup", Act::Start)]);
    assert_eq!(pass(&mut table, 1), []);
    end(&mut table, "setup", WELL, 2);
    assert_eq!(pass(&mut table, 2), [("db", Act::Start), ("web", Act::Start), ("command", Act::Start)]);
    assert_eq!((table.over(), table.next_due()), (None, NEVER));
    end(&mut table, "command", Outcome::Killed(9), 3);
    assert_eq!(table.over(), Some(Outcome::Killed(9)));
    assert!(table.begin(Kind::CtrlAltDel) && !table.begin(Kind::Shutdown));
    assert_eq!(pass(&mut table, 3), [("key", Act::Start)]);
}

#[test]
fn what_comes_after_a_failed_task_is_not_started() {
    let services = vec![
        service("setup", Kind::Task, Restart::No, &[]),
        service("web", Kind::Service, Restart::Always, &["setup"]),
        service("command", Kind::Command, Restart::No, &[]),
    ];
    let (mut table, _) = table(services);
    pass(&mut table, 0);
    end(&mut table, "setup", Outcome::Exited(1), 1);
    assert_eq!(pass(&mut table, 1), [("command", Act::Start)]);
    assert_eq!((state(&table, "setup"), state(&table, "web")), (State::Ended, State::Waiting));
    // By hand it is.
    let web = table.find("web").unwrap();
    table.entries[web].start();
    assert_eq!(pass(&mut table, 1), [("web", Act::Start)]);
}

#[test]
fn names_that_cannot_be_waited_for_are_told() {
    let services = vec![
        service("a", Kind::Service, Restart::No, &["b", "a"]),
        service("b", Kind::Service, Restart::No, &["c"]),
        service("c", Kind::Service, Restart::No, &["a", "nobody"]),
        service("d", Kind::Service, Restart::No, &["nobody"]),
    ];
    let (mut table, told) = table(services);
    assert_eq!(told, [("d", "nobody"), ("a", "b"), ("a", "a"), ("c", "nobody")]);
    let started: Vec<_> = pass(&mut table, 0).into_iter().map(|(name, _)| name).collect();
    assert_eq!(started, ["d", "a", "c", "b"]);
}

#[test]
fn pauses_double_up_to_the_most() {
    let (mut table, _) = table(vec![service("web", Kind::Service, Restart::OnFailure, &[])]);
    let mut time = 0;
    for pause in [1, 2, 4, 8, 16, 30, 30] {
        assert_eq!(pass(&mut table, time), [("web", Act::Start)]);
        end(&mut table, "web", Outcome::Exited(1), time);
        assert_eq!((state(&table, "web"), table.next_due()), (State::Pausing, time + pause * SECOND));
        assert_eq!(pass(&mut table, time + pause * SECOND - 1), []);
        time += pause * SECOND;
    }
    // One that ran longer than that begins anew.
    pass(&mut table, time);
    time += 31 * SECOND;
    end(&mut table, "web", Outcome::Killed(11), time);
    assert_eq!(table.next_due(), time + SECOND);
    pass(&mut table, time + SECOND);
    end(&mut table, "web", WELL, time);
    assert_eq!((state(&table, "web"), table.next_due()), (State::Ended, NEVER));
}

#[test]
fn what_does_not_end_is_killed() {
    let (mut table, _) = table(vec![service("web", Kind::Service, Restart::Always, &[])]);
    pass(&mut table, 0);
    assert!(table.entries[0].stop(5 * SECOND) && !table.entries[0].stop(9 * SECOND));
    assert!(!table.entries[0].is_settled());
    assert_eq!((pass(&mut table, 4 * SECOND), table.next_due()), (vec![], 5 * SECOND));
    assert_eq!(pass(&mut table, 5 * SECOND), [("web", Act::Kill)]);
    assert_eq!((pass(&mut table, 5 * SECOND), pass(&mut table, 6 * SECOND)), (vec![], vec![("web", Act::Kill)]));
    end(&mut table, "web", Outcome::Killed(9), 6 * SECOND);
    assert_eq!((state(&table, "web"), table.next_due()), (State::Stopped, NEVER));
    // Somebody wants it again, and once more from the start.
    table.entries[0].start();
    assert_eq!(pass(&mut table, 7 * SECOND), [("web", Act::Start)]);
    assert!(table.entries[0].restart(12 * SECOND));
    assert_eq!(pass(&mut table, 7 * SECOND), []);
    end(&mut table, "web", Outcome::Killed(15), 7 * SECOND);
    assert_eq!(pass(&mut table, 7 * SECOND), [("web", Act::Start)]);
    assert!(table.entries[0].is_settled() && table.entries[0].starts == 3);
}

#[test]
fn where_no_process_can_be_made_it_is_tried_again() {
    let (mut table, _) = table(vec![service("web", Kind::Service, Restart::Always, &[])]);
    assert_eq!(table.step(0, 0), Some(Act::Start));
    table.started(0, None, 0);
    assert_eq!((state(&table, "web"), table.next_due()), (State::Pausing, SECOND));
    assert_eq!(table.entries[0].outcome, Some(Outcome::Exited(125)));
}

/// Whatever comes, and in whatever order: no service has two processes, none is started earlier than it may be, none that was
/// stopped runs, and what was asked to end is killed in time.
#[test]
fn a_random_walk_keeps_the_rules() {
    const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
    let mut seed = 1u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % below
    };
    for _ in 0..300 {
        let mut services = Vec::new();
        for name in NAMES {
            let kind = [Kind::Service, Kind::Task, Kind::Ask][random(3) as usize];
            let restart = [Restart::No, Restart::OnFailure, Restart::Always][random(3) as usize];
            let after: Vec<_> = NAMES.into_iter().filter(|_| random(5) == 0).collect();
            services.push(service(name, kind, restart, after.leak()));
        }
        let (mut table, mut now) = (table(services).0, 0);
        // What this test knows of each: its process, when it may start by itself, since when it has been asked to end.
        let mut runs = [None::<Pid>; 6];
        let (mut earliest, mut forced) = ([0; 6], [false; 6]);
        let (mut asked, mut unwanted) = ([None::<Time>; 6], [false; 6]);
        let (mut was_started, mut was_done) = ([false; 6], [false; 6]);
        let mut next = 1000;
        for _ in 0..300 {
            now += random(3 * SECOND);
            for place in 0..6 {
                match table.step(place, now) {
                    Some(Act::Start) => {
                        assert!(runs[place].is_none() && !unwanted[place]);
                        assert!(now >= earliest[place] || forced[place]);
                        let is_up = |other: &usize| match table.entries[*other].service.kind {
                            Kind::Task => was_done[*other],
                            _ => was_started[*other],
                        };
                        assert!(was_started[place] || forced[place] || table.entries[place].after.iter().all(is_up));
                        (was_started[place], forced[place]) = (true, false);
                        next += 1;
                        runs[place] = Pid::from_raw(next).filter(|_| random(20) > 0);
                        table.started(place, runs[place], now);
                        if runs[place].is_none() {
                            earliest[place] = now + SECOND;
                        }
                    }
                    Some(Act::Kill) => {
                        assert!(asked[place].is_some_and(|by| by <= now) && runs[place].is_some());
                        asked[place] = Some(now + SECOND);
                    }
                    None => assert!(asked[place].is_none_or(|by| by > now), "{place} lives on"),
                }
            }
            let place = random(6) as usize;
            let entry = &mut table.entries[place];
            match random(8) {
                0 => {
                    let was_asked = entry.stop(now + 5 * SECOND);
                    assert_eq!(was_asked, runs[place].is_some() && asked[place].is_none());
                    (unwanted[place], forced[place]) = (true, false);
                    if was_asked {
                        asked[place] = Some(now + 5 * SECOND);
                    }
                }
                1 => {
                    entry.start();
                    (unwanted[place], forced[place]) = (false, runs[place].is_none() || asked[place].is_some());
                }
                2 if entry.restart(now + 5 * SECOND) => {
                    (asked[place], forced[place], unwanted[place]) = (Some(now + 5 * SECOND), true, false);
                }
                2 => (unwanted[place], forced[place]) = (false, true),
                _ => {
                    let outcome = [WELL, Outcome::Exited(1), Outcome::Killed(9)][random(3) as usize];
                    let Some(pid) = runs[place].take() else { continue };
                    assert_eq!(table.exited(pid, outcome, now), Some(place));
                    assert_eq!(table.exited(pid, outcome, now), None);
                    was_done[place] |= outcome == WELL;
                    (asked[place], earliest[place]) = (None, now + SECOND);
                }
            }
            let due = table.entries.iter().filter(|entry| entry.state == State::Stopping).map(|entry| entry.due).min();
            assert!(due.is_none_or(|due| table.next_due() <= due));
        }
    }
}

#[test]
fn a_step_holds_nobody_up_when_it_fails() {
    for (kind, held) in [(Kind::Step, false), (Kind::Task, true)] {
        let first = service("first", kind, Restart::No, &[]);
        let (mut table, _) = table(vec![first, service("second", Kind::Service, Restart::No, &["first"])]);
        assert_eq!(pass(&mut table, 0), [("first", Act::Start)]);
        table.exited(pid(0).unwrap(), Outcome::Exited(1), 1);
        assert_eq!(pass(&mut table, 2).is_empty(), held, "{kind:?}");
    }
}
