//! CVE-2019-5736: a container gets hold of the host's own program while that runs inside, and writes into it once nobody
//! executes it any more.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::common::{Live, wait_until};
use crate::stage::{EXEC, NOBODY, RUN, Stage, Who, attacker, held_by, ordered, with_program};

/// The same command line with a binary of its own, which nobody else executes.
fn with_victim(stage: &Stage, line: Command) -> Command {
    let victim = stage.at("victim");
    if !fs::exists(&victim).unwrap() {
        let path = stage.here.executable("victim", fs::read(stage.at("contain")).unwrap());
        stage.hand_over(&path);
    }
    let mut other = with_program(victim, &line);
    if stage.row.0 == Who::Nobody {
        other.uid(NOBODY).gid(NOBODY);
    }
    other
}

fn is_overwritten(stage: &Stage) -> bool {
    fs::read(stage.at("victim")).unwrap() != fs::read(stage.at("contain")).unwrap()
}

#[test]
fn the_program_of_a_guest_is_overwritten() {
    held_by("weak-sealed", EXEC, |stage| {
        let (order, down) = (ordered("overwrite /tmp/found"), stage.down());
        let flags = [&attacker(), &["-e", &order, "-e", &down][..]].concat();
        let container = stage.detached(&flags, &["/attacker"]);
        let guest =
            container.line(&[], &["/proc/self/exe", "init", "--", "sh", "-c", "until [ -s /tmp/found ]; do :; done"]);
        stage.finish(with_victim(stage, guest)).is(0, "");
        let status = stage.contain(&["wait", &container.id]);
        let found = fs::read_to_string(stage.root.join("tmp/found")).unwrap();
        assert!(!stage.is_whole() || found == "/memfd:contain (deleted)", "{found}");
        assert_eq!(status.out == "0\n", is_overwritten(stage), "{status:?}");
        is_overwritten(stage)
    });
}

/// Two containers have a directory in common. In one of them contain itself is the first process, by `--init` or since the
/// image says so; it sends that program to the other, which waits for its end.
#[test]
fn the_program_of_a_first_process_is_overwritten() {
    for init in [&["--init", "/attacker"] as &[&str], &["/proc/self/exe", "init", "--", "/attacker"]] {
        held_by("weak-sealed", RUN, |stage| {
            fs::create_dir(stage.at("share")).unwrap();
            stage.hand_over(stage.here.path());
            let line = |order: &str, inside: &[&str]| {
                let (share, order, down) = (format!("{}:/share", stage.at("share")), ordered(order), stage.down());
                let (more, inside) = inside.split_at(usize::from(inside[0] == "--init"));
                let flags = [&attacker(), &["-v", &share, "-e", &order, "-e", &down][..], more].concat();
                stage.run(&flags, inside)
            };
            let mut keeping = Live::start(line("keep-exe /share/socket", &["/attacker"]));
            assert_eq!(keeping.line(), "ready");
            wait_until("the socket", || fs::exists(stage.at("share/socket")).unwrap());
            let gave = stage.finish(with_victim(stage, line("give-exe /share/socket", init)));
            if gave.code != 0 {
                keeping.signal(9);
            }
            let kept = keeping.end();
            assert_eq!(kept.code == 0, is_overwritten(stage), "{kept:?} {gave:?}");
            is_overwritten(stage)
        });
    }
}
