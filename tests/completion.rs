//! Completion, in the shells themselves: the scripts that contain prints, and what `__complete` answers them with.

mod common;
use std::process::Command;

use common::pty::Pty;
use common::{Live, Scratch, command, contain, finish, host, rootfs};

/// A root for containers of this test's own, and a `contain` to type: what completes a line asks the real one, and a
/// line that is entered says what it became.
struct Desk(Scratch);

impl Desk {
    fn new() -> Desk {
        let here = Scratch::new();
        here.file("files/a-file", "");
        let real = contain().display();
        let typed = format!("case $1 in __complete | completion) exec {real} \"$@\" ;; esac\necho \"got: $*.\"\n");
        here.executable("bin/contain", format!("#!/bin/sh\n{typed}"));
        Desk(here)
    }

    /// A shell in a directory with one file.
    fn shell(&self, words: &[&str]) -> Command {
        let found = host(&format!("command -v {}", words[0]));
        assert_eq!(found.code, 0, "{} is missing: `make setup` installs it", words[0]);
        let mut command = Command::new("env");
        command.arg("--chdir").arg(self.0.at("files"));
        command.arg(format!("PATH={}:{}", self.0.at("bin"), std::env::var("PATH").unwrap()));
        command.arg(format!("CONTAIN_ROOT={}", self.0.at("root"))).arg(format!("HOME={}", self.0.at("files")));
        command.args(words);
        command
    }

    /// The candidates for the last of these words.
    fn candidates(&self, words: &[&str]) -> String {
        let mut command = command(&[&["__complete"], words].concat());
        command.env("CONTAIN_ROOT", self.0.at("root"));
        let got = finish(command);
        assert_eq!((got.code, got.err.as_str()), (0, ""), "{words:?}");
        got.out.lines().collect::<Vec<_>>().join(" ")
    }

    /// A container that runs until its input is closed, and its id.
    fn start(&self, name: &str) -> (Live, String) {
        let words = ["run", "--name", name, "--rootfs", rootfs(), "--", "/bin/sh", "-c"];
        let mut command = command(&[&words[..], &["hostname; exec cat"]].concat());
        command.env("CONTAIN_ROOT", self.0.at("root"));
        let mut live = Live::start(command);
        let id = live.line();
        assert_eq!(id.len(), 16, "no id: {id:?}");
        (live, id)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let (contain, root) = (contain().display(), self.0.at("root"));
        host(&format!("export CONTAIN_ROOT={root}; {contain} ps -aq | xargs -r {contain} rm -f"));
    }
}

#[test]
fn candidates_for_each_kind_of_word() {
    let desk = Desk::new();
    for (words, wanted) in [
        // What an option is for.
        (&["run", "--cap-add", "NET_"][..], "NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW"),
        (&["run", "--ulimit", "no"], "nofile"),
        (&["run", "--security", ""], "no-new-privs new-privs"),
        // Commands.
        (&["r"][..], "run rm resume reboot"),
        (&["__"], ""),
        (&["help", "pr"], "prune"),
        (&["--root", "/nowhere", "ex"], "exec"),
        // Options, of the command.
        (&["--"], "--help --version --root"),
        (&["ps", "--"], "--quiet --all --json --no-trunc"),
        (&["run", "-m", "64M", "--pi"], "--pids --pid"),
        (&["run", "--rm"], "--rm"),
        (&["exec", "-it", "--e"], "--env --env-file"),
        (&["nosuch", "-"], ""),
        // Values of options, in zsh's words and in bash's.
        (&["run", "--net", ""], "none host"),
        (&["run", "--net", "=", "h"], "host"),
        (&["run", "--net", "="], "none host"),
        (&["update", "--pids", ""], "max"),
        (&["kill", "-s", "T"], "TRAP TERM TSTP TTIN TTOU"),
        (&["completion", ""], "bash zsh fish"),
        // What the shell completes itself: files, and the container's command.
        (&["run", ""], ""),
        (&["run", "--rootfs", ""], ""),
        (&["run", "-v", ""], ""),
        (&["run", "--env-file", ""], ""),
        (&["run", "rootfs", "ls", "--"], ""),
        (&["run", "--", "-"], ""),
        (&["exec", "some", ""], ""),
        (&["exec", "some", "--", "--"], ""),
        (&["init", "ls", "-"], ""),
        (&[], ""),
        (&["service", ""], "ls start stop restart log"),
        (&["service", "re"], "restart"),
        (&["service", "stop", ""], ""),
        // No container was ever written down here.
        (&["kill", ""], ""),
    ] {
        assert_eq!(desk.candidates(words), wanted, "{words:?}");
    }
    let all = desk.candidates(&[""]);
    for name in all.split(' ') {
        assert_eq!(desk.candidates(&["help", name]), desk.candidates(&[name]), "{name}");
        let help = finish(command(&["help", name]));
        assert!(help.code == 0 && help.out.contains("usage"), "{name}: {help:?}");
    }
    let mut all: Vec<&str> = all.split(' ').collect();
    all.sort();
    let wanted = "bootchart check completion dhcp exec halt help init inspect kill list logs pause poweroff prune ps reboot resume rm run service stats stop top \
        unpause update version wait";
    assert_eq!(all.join(" "), wanted);
}

#[test]
fn containers_by_id_and_name() {
    let desk = Desk::new();
    let (web, web_id) = desk.start("web");
    // No id begins as this name does.
    let (sql, sql_id) = desk.start("sql");
    // In no order; the shells sort.
    let sorted = |words: &[&str]| {
        let found = desk.candidates(words);
        let mut found: Vec<String> = found.split(' ').map(String::from).collect();
        found.sort();
        found
    };
    let mut both = vec![web_id.clone(), sql_id.clone(), "sql".into(), "web".into()];
    both.sort();
    for command in ["exec", "kill", "stop", "top", "stats", "pause", "update", "wait", "logs", "rm", "inspect"] {
        assert_eq!(sorted(&[command, ""]), both, "{command}");
    }
    assert_eq!(desk.candidates(&["kill", "w"]), "web");
    assert_eq!(desk.candidates(&["stop", "-t", "5", "web", &sql_id[..8]]), sql_id);
    assert_eq!(desk.candidates(&["logs", "-n", ""]), "", "a number is wanted");
    // Another root is asked where another is named.
    let root = desk.0.at("root");
    for words in [["--root", "/nowhere"].as_slice(), &["--root=/nowhere"], &["--root", "=", "/nowhere"]] {
        assert_eq!(desk.candidates(&[words, &["kill", ""]].concat()), "", "{words:?}");
    }
    assert_eq!(desk.candidates(&["kill", "--root", &root, "s"]), "sql");
    // One that has ended is no one's to enter, but has logs.
    assert_eq!(web.end().code, 0);
    assert_eq!(desk.candidates(&["exec", ""]), format!("{sql_id} sql"));
    assert_eq!(desk.candidates(&["logs", "w"]), "web");
    // Nothing in the directory is believed to be harmless.
    let record = desk.0.at(&format!("root/{web_id}/metadata.json"));
    let text = std::fs::read_to_string(&record).unwrap();
    for name in ["$(reboot)", "a b", "x\\ny", "\\u001b[2J"] {
        std::fs::write(&record, text.replace("\"web\"", &format!("\"{name}\""))).unwrap();
        let mut plain = both.clone();
        plain.retain(|word| word != "web");
        assert_eq!(sorted(&["rm", ""]), plain, "{name}");
    }
    std::fs::write(&record, "no record").unwrap();
    assert_eq!(desk.candidates(&["rm", &web_id[..15]]), web_id);
    assert_eq!(sql.end().code, 0);
}

#[test]
fn paused_ones_are_offered_to_resume() {
    let desk = Desk::new();
    let ask = |words: &[&str]| {
        let mut command = command(words);
        command.env("CONTAIN_ROOT", desk.0.at("root"));
        let got = finish(command);
        assert_eq!(got.code, 0, "{words:?}: {got:?}");
    };
    // One in the background can be frozen on cgroup v1, too.
    ask(&["run", "-d", "--name", "paused", "--rootfs", rootfs(), "--", "/bin/sleep", "1000"]);
    assert_eq!(desk.candidates(&["resume", ""]), "");
    ask(&["pause", "paused"]);
    assert_eq!(desk.candidates(&["resume", "p"]), "paused");
    assert_eq!(desk.candidates(&["unpause", "p"]), "paused");
    ask(&["resume", "paused"]);
    assert_eq!(desk.candidates(&["resume", ""]), "");
}

/// Types into an interactive shell that has read its script.
fn types(desk: &Desk, shell: &[&str], source: &str) {
    let (live, id) = desk.start("web");
    let mut pty = Pty::open();
    let mut child = pty.spawn(&desk.shell(shell));
    pty.send(&format!("{source}; echo 'rea'dy\n"));
    pty.expect("ready\r\n");
    for (typed, became) in [
        ("contain insp\t\n", "got: inspect."),
        ("contain kill w\t\n", "got: kill web."),
        (&format!("contain --root {} kill {}\t\n", desk.0.at("root"), &id[..6]), &format!("kill {id}.")),
        ("contain --root /nowhere kill w\t\n", "kill w."),
        ("contain run --no-t\t--dr\t\n", "got: run --no-tty --dry-run."),
        ("contain run -v a-f\t\n", "got: run -v a-file."),
        ("contain exec web a-f\t\n", "got: exec web a-file."),
        (&format!("{}/contain stats --no-s\t\n", desk.0.at("bin")), "got: stats --no-stream."),
    ] {
        pty.send(typed);
        pty.expect(became);
    }
    pty.send("exit\n");
    assert_eq!(pty.wait(&mut child), 0);
    assert_eq!(live.end().code, 0);
}

#[test]
fn bash_completes() {
    let desk = Desk::new();
    let read = "source <(contain completion bash)";
    types(&desk, &["bash", "--norc", "--noprofile", "-i"], read);
    // `=` is a word to bash.
    let script = format!(
        "{read}; COMP_WORDS=(contain run --net = h) COMP_CWORD=4; _contain contain; echo \"${{COMPREPLY[@]}}\"
        COMP_WORDS=(contain co); COMP_CWORD=1; _contain contain; echo \"${{COMPREPLY[@]}}\"; _contain nosuch; echo \"${{#COMPREPLY[@]}}\""
    );
    assert_eq!(finish(desk.shell(&["bash", "-c", &script])).text(), "host\ncompletion\n0");
}

#[test]
fn zsh_completes() {
    let read = "autoload -Uz compinit; compinit -D; eval \"$(contain completion zsh)\"";
    types(&Desk::new(), &["zsh", "-f", "-i"], read);
}

#[test]
fn fish_completes() {
    let desk = Desk::new();
    let (live, id) = desk.start("web");
    let root = desk.0.at("root");
    for (line, wanted) in [
        ("contain insp", "inspect"),
        ("contain kill w", "web"),
        (&format!("contain --root {root} kill {}", &id[..6]), &id),
        ("contain --root /nowhere kill a", "a-file"),
        ("contain run --no-tty --dr", "--dry-run"),
        ("contain run -v ", "a-file"),
        ("contain exec web a-f", "a-file"),
        ("contain completion ", "bash\nfish\nzsh"),
    ] {
        let script = format!("contain completion fish | source; complete -C '{line}'");
        let got = finish(desk.shell(&["fish", "-c", &script]));
        let mut found: Vec<&str> = got.text().lines().filter(|line| !line.starts_with('.')).collect();
        found.sort();
        assert_eq!(found.join("\n"), wanted, "{line}: {got:?}");
    }
    assert_eq!(live.end().code, 0);
}
