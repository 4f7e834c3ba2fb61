//! Every command line of the five documents this program grew out of that starts a container or manages one, under the
//! name contain, from a directory with ./contain and ./rootfs in it as those documents have it.

mod common;
use common::{Live, Out, Scratch, contain, feed, first_process, rootfs, status, wait_until};

/// A directory with the names the documents use, `sudo` also where the host has none, and a root for containers that are
/// written down.
struct Desk(Scratch);

impl Desk {
    fn new() -> Desk {
        let here = Scratch::new();
        let root = here.root("rootfs");
        // Two of the documents look at an Alpine release file; any root file system has one of its own.
        std::fs::write(root.join("etc/os-release"), "NAME=\"Alpine Linux\"\n").unwrap();
        std::fs::create_dir_all(here.at("target/release")).unwrap();
        std::fs::create_dir_all(here.at("target/debug")).unwrap();
        for name in ["contain", "target/release/contain", "target/debug/contain"] {
            std::os::unix::fs::symlink(contain(), here.at(name)).unwrap();
        }
        // A real sudo passes no variables on.
        let real = "PATH=${PATH#*:}; command -v sudo >/dev/null && exec sudo CONTAIN_ROOT=\"$CONTAIN_ROOT\" \"$@\"";
        here.executable("bin/sudo", format!("#!/bin/sh\n{real}\nexec \"$@\"\n"));
        here.executable("bin/contain", format!("#!/bin/sh\nexec {} \"$@\"\n", contain().display()));
        Desk(here)
    }

    fn line(&self, line: &str) -> Out {
        self.typed(line, "")
    }

    /// A line that starts a shell, and what is typed into that shell.
    fn typed(&self, line: &str, input: &str) -> Out {
        feed(self.shell(line), input.as_bytes())
    }

    fn shell(&self, line: &str) -> std::process::Command {
        let mut command = std::process::Command::new("bash");
        command.arg("-c").arg(line).current_dir(self.0.path());
        command.env("PATH", format!("{}:{}", self.0.at("bin"), std::env::var("PATH").unwrap()));
        command.env("CONTAIN_ROOT", self.0.at("state")).env_remove("CONTAIN_ROOTFS");
        command
    }

    /// A line that starts a container in the background, and the container's id.
    fn detached(&self, line: &str) -> String {
        let id = self.line(line).text().to_string();
        assert!(id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{line}: no id but {id:?}");
        id
    }

    /// The rows that `ps` or `list` shows below its header, each cut at two blanks and more.
    fn rows(&self, line: &str) -> Vec<Vec<String>> {
        let got = self.line(line);
        assert_eq!(got.code, 0, "{line}: {got:?}");
        let mut rows = got.out.lines().map(|row| {
            let cells = row.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
            cells.map(String::from).collect::<Vec<_>>()
        });
        assert_eq!(rows.next().unwrap_or_default(), HEADER, "{line}: {got:?}");
        rows.collect()
    }
}

#[test]
fn command_lines_that_say_something() {
    let desk = Desk::new();
    let table = [
        // "contain"
        (
            "sudo ./contain run --rootfs ./rootfs --hostname mycontainer -- /bin/echo \"hello from container\"",
            "hello from container\n",
        ),
        ("./contain run --rootfs ./rootfs --hostname testbox -- /bin/hostname", "testbox\n"),
        // CrateRun
        (
            "sudo ./target/release/contain run \\\n    --rootfs ./rootfs \\\n    -- /bin/sh -c 'echo \"Hello from container!\"'",
            "Hello from container!\n",
        ),
        (
            "sudo ./target/release/contain run \\\n    --rootfs ./rootfs \\\n    --memory 67108864 \\\n    --pids 50 \\\n    \
            --cpu \"50000 100000\" \\\n    --hostname mycontainer \\\n    -- /bin/sh -c 'echo \"limited!\"'",
            "limited!\n",
        ),
        // Crab-Can: run <image_path> <command>
        (
            "contain run ./rootfs /bin/hostname --help >/dev/null 2>&1; contain run ./rootfs /bin/echo jailed",
            "jailed\n",
        ),
        ("contain run rootfs echo jailed", "jailed\n"),
        // The talk: run <image> <command> <argv>
        ("contain run rootfs /bin/sh -c 'echo $$'", "1\n"),
        ("contain run --hostname other rootfs /bin/sh -c hostname", "other\n"),
        ("contain run -t rootfs echo a terminal was asked for 2>&1 | tr -d '\\r'", "a terminal was asked for\n"),
        // Carapace: run <command>, with ./rootfs
        ("contain run /bin/hostname >/dev/null && echo ran", "ran\n"),
        ("contain run /bin/cat /etc/os-release", "NAME=\"Alpine Linux\"\n"),
    ];
    for (line, wanted) in table {
        let got = desk.line(line);
        assert_eq!((got.code, got.out.as_str()), (0, wanted), "{line}: {got:?}");
    }
}

#[test]
fn shells_that_are_typed_into() {
    let desk = Desk::new();
    let lines = [
        "sudo ./contain run --rootfs ./rootfs -- /bin/sh",
        "sudo ./contain run --rootfs ./rootfs --memory 64M -- /bin/sh",
        "sudo ./contain run --rootfs ./rootfs --memory 128M --cpu 50000 --pids 64 -- /bin/sh",
        "sudo ./contain run --rootfs ./rootfs --memory 64M --hostname sandbox -- /bin/sh",
        "sudo ./target/debug/contain run /bin/sh",
        "contain run /bin/sh",
        "contain run ./rootfs /bin/sh",
    ];
    for line in lines {
        // As in "Check Process Isolation" and "Check Filesystem Isolation".
        let got = desk.typed(line, "ps\nls /\ncat /etc/os-release\nls /home/ubuntu\nmount\nexit 0\n");
        assert!(got.code == 0 && got.out.contains("    1 root") && got.out.contains("/bin/sh"), "{line}: {got:?}");
        assert!(
            got.out.contains("usr\n")
                && got.out.contains("Alpine Linux")
                && got.out.contains("proc on /proc type proc"),
            "{got:?}"
        );
        assert_eq!(
            got.out.lines().filter(|line| line.contains("root ")).count(),
            2,
            "sh and ps are the only processes: {got:?}"
        );
        assert!(got.err.contains("/home/ubuntu"), "{got:?}");
    }
}

#[test]
fn the_expected_session_of_the_contain_document() {
    let desk = Desk::new();
    let session = "hostname\nps aux\ncat /proc/self/cgroup\nls /\nexit\n";
    let got = desk
        .typed("sudo ./contain run --verbose --rootfs ./rootfs --memory 64M --hostname sandbox -- /bin/sh", session);
    assert!(got.code == 0 && got.out.starts_with("sandbox\nPID   USER "), "{got:?}");
    // Busybox prints no TIME where it was built without; the processes are the two of the document.
    assert!(got.out.contains("\n    1 root ") && got.out.contains("\n0::/\n"), "{got:?}");
    for name in "bin etc home lib proc root sys tmp usr dev".split(' ') {
        assert!(got.out.lines().any(|line| line == name), "{name}: {got:?}");
    }
    let mut rest = got.err.as_str();
    for line in [
        "[contain] creating namespaces: pid uts mnt",
        "[contain] setting hostname: sandbox\n",
        "[contain] setting up rootfs: ./rootfs\n",
        "[contain] pivoting root\n",
        "[contain] mounting /proc\n",
        "[contain] applying cgroup limits: memory=64M\n",
        "[contain] running: /bin/sh\n",
        "[contain] container exited: exit status 0\n",
        "[contain] cleaning up cgroups\n",
    ] {
        let at = rest.find(line).unwrap_or_else(|| panic!("{line:?} is not there, or not in its place: {}", got.err));
        rest = &rest[at + line.len()..];
    }
}

#[test]
fn limits_are_tried_as_the_documents_try_them() {
    let desk = Desk::new();
    // Carapace: five processes, six jobs.
    let got = desk.typed("contain run --pids 5 /bin/sh", "for i in $(seq 1 6); do sleep 100 & done\n");
    assert!(got.err.contains("can't fork: Resource temporarily unavailable"), "{got:?}");
    // "contain": a hundred jobs against --pids 64.
    let got = desk.typed(
        "sudo ./contain run --rootfs ./rootfs --memory 128M --cpu 50000 --pids 64 -- /bin/sh",
        "for i in $(seq 1 100); do sleep 100 & done\n",
    );
    assert!(got.err.contains("can't fork: Resource temporarily unavailable"), "{got:?}");
    // "contain": this dd uses one megabyte at a time and so is not killed; with the whole as one block it is.
    let line = "sudo ./contain run --rootfs ./rootfs --memory 64M -- /bin/sh";
    assert_eq!(desk.typed(line, "dd if=/dev/zero of=/dev/null bs=1M count=200 2>/dev/null\n").code, 0);
    let got = desk.typed(line, "dd if=/dev/zero of=/dev/null bs=200M count=1\n");
    assert!(got.code == 137 && got.err.contains("killed: out of memory (limit 64M, peak "), "{got:?}");
    // CrateRun's limits, read where "contain" reads them.
    let got = desk.typed("./contain run --memory 67108864 --pids 50 --cpu \"50000 100000\" /bin/sh",
        "cd /sys/fs/cgroup; cat memory.max memory/memory.limit_in_bytes pids.max pids/pids.max 2>/dev/null\nls -la /proc/self/ns/\n");
    assert!(got.out.starts_with("67108864\n50\n") && got.out.contains("pid:["), "{got:?}");
}

#[test]
fn a_sleeper_is_seen_from_outside() {
    // The talk: make a process sleep, find it from another terminal, look at its namespaces.
    let desk = Desk::new();
    let live = Live::start(desk.shell("exec contain run rootfs sleep 4321"));
    wait_until("the sleeper", || {
        first_process(live.pid()).is_some_and(|pid| status(pid, "Name").as_deref() == Some("sleep"))
    });
    let sleeper = first_process(live.pid()).unwrap();
    for name in ["pid", "mnt", "uts", "ipc", "net"] {
        let [theirs, ours] = [format!("/proc/{sleeper}/ns/{name}"), format!("/proc/self/ns/{name}")];
        assert_ne!(std::fs::read_link(theirs).unwrap(), std::fs::read_link(ours).unwrap());
    }
    assert_eq!(status(sleeper, "NSpid").unwrap().split_whitespace().last(), Some("1"));
    live.signal(15);
    live.end().is(143, "");
}

#[test]
fn the_integration_script_of_the_contain_document() {
    let desk = Desk::new();
    let script = r#"#!/bin/bash
# integration_test.sh — run in a VM with root
OUTPUT=$(sudo ./contain run --rootfs ./rootfs --hostname testbox -- /bin/hostname)
if [ "$OUTPUT" != "testbox" ]; then
    echo "FAIL: expected 'testbox', got '$OUTPUT'"
    exit 1
fi
echo "PASS"
"#;
    desk.0.executable("integration_test.sh", script);
    let got = desk.line("./integration_test.sh");
    assert!(got.code == 0 && got.out == "PASS\n" && got.err.is_empty(), "{got:?}");
    // And as root without sudo, which is how this machine's own users would write it.
    desk.0.executable("plain.sh", script.replace("sudo ", ""));
    assert_eq!(desk.line("./plain.sh").text(), "PASS");
    assert!(std::path::Path::new(rootfs()).is_dir());
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.line("contain ps -aq | xargs -r contain rm -f");
    }
}

/// The header that CrateRun's document shows, and the column that names need.
const HEADER: [&str; 6] = ["CONTAINER ID", "PID", "STATUS", "CREATED", "NAME", "COMMAND"];

/// CrateRun's document has `a1b2c3d4e5f67890   -        stopped    2025-06-15 10:30:00 UTC  /bin/sh -c echo Hello...`.
fn check_stopped(row: &[String], id: &str, code: &str, command: &str) {
    let [shown, pid, status, created, name, shown_command] = row else { panic!("not six cells: {row:?}") };
    assert_eq!([shown, pid, status, name], [id, "-", &format!("stopped ({code})"), "-"], "{row:?}");
    assert_eq!(shown_command, command);
    let like = "2025-06-15 10:30:00 UTC";
    let kind = |c: char| if c.is_ascii_digit() { '0' } else { c };
    assert!(created.chars().map(kind).eq(like.chars().map(kind)), "{created} is not written as {like}");
}

#[test]
fn a_container_that_has_ended_as_in_the_craterun_document() {
    let desk = Desk::new();
    // "Run a container", in the background: it prints the id, and its output goes to files.
    let id = desk.detached(
        "sudo ./target/release/contain run -d \\\n    --rootfs ./rootfs \\\n    \
        -- /bin/sh -c 'echo \"Hello from container!\"; no; exit 3'",
    );
    desk.line(&format!("contain wait {id}")).is(0, "3\n");
    // "List containers": a stopped one has - for its PID.
    let rows = desk.rows("sudo ./target/release/contain ps -a");
    assert_eq!(rows.len(), 1, "{rows:?}");
    // The document's row ends with dots, too: `/bin/sh -c echo Hello...`.
    check_stopped(&rows[0], &id, "3", "/bin/sh -c 'echo \"Hello from container!\"; no;...");
    // "View logs", by the first eight digits.
    let short = &id[..8];
    let logs = desk.line(&format!("sudo ./target/release/contain logs {short}"));
    assert_eq!((logs.code, &*logs.out, &*logs.err), (0, "Hello from container!\n", "/bin/sh: no: not found\n"));
    // "Container State".
    let state = desk.0.at(&format!("state/{id}"));
    for name in ["metadata.json", "stdout.log", "stderr.log"] {
        assert!(std::path::Path::new(&state).join(name).is_file(), "{name}");
    }
    let metadata = std::fs::read_to_string(format!("{state}/metadata.json")).unwrap();
    for member in ["id", "rootfs", "command", "pid", "status", "created", "finished", "limits"] {
        assert!(metadata.contains(&format!("\"{member}\":")), "{member} is not in {metadata}");
    }
    // "Remove a container".
    assert_eq!(desk.line(&format!("sudo ./target/release/contain rm {short}")).code, 0);
    assert!(!std::path::Path::new(&state).exists());
    assert!(desk.rows("sudo ./target/release/contain ps -a").is_empty());
    // In the foreground its output is the caller's, its exit status too, and it is remembered if that is asked for.
    let ran =
        "sudo ./target/release/contain run --keep --log --rootfs ./rootfs -- /bin/sh -c 'echo \"Hello...\"; exit 4'";
    desk.line(ran).is(4, "Hello...\n");
    let rows = desk.rows("sudo ./target/release/contain ps -a");
    let id = rows[0][0].clone();
    check_stopped(&rows[0], &id, "4", "/bin/sh -c 'echo \"Hello...\"; exit 4'");
    desk.line(&format!("contain logs {id}")).is(0, "Hello...\n");
    assert_eq!(desk.line(&format!("contain rm {id}")).code, 0);
}

#[test]
fn a_container_that_runs_as_in_the_craterun_document() {
    let desk = Desk::new();
    let sleeper = "sudo ./target/release/contain run -d --rootfs ./rootfs --memory 67108864 --pids 50 \
        --cpu \"50000 100000\" --hostname mycontainer -- /bin/sleep 4321";
    let id = desk.detached(sleeper);
    let rows = desk.rows("sudo ./target/release/contain ps");
    assert_eq!(rows.len(), 1, "{rows:?}");
    let header = desk.line("sudo ./target/release/contain ps").out;
    // In the document's own places.
    assert!(header.starts_with("CONTAINER ID       PID      STATUS     CREATED                  "), "{header}");
    let pid: i32 = rows[0][1].parse().unwrap();
    assert_eq!((&*rows[0][0], &*rows[0][2], &*rows[0][5]), (&*id, "running", "/bin/sleep 4321"));
    assert_eq!(status(pid, "Name").as_deref(), Some("sleep"));
    // "Exec into a running container": its shell, typed into.
    let entered = format!("sudo ./target/release/contain exec {} -- /bin/sh", &id[..8]);
    let got = desk.typed(&entered, "hostname\nps\ncat /proc/1/cmdline | tr '\\0' ' '\nexit 5\n");
    assert!(got.code == 5 && got.out.starts_with("mycontainer\nPID "), "{got:?}");
    assert!(got.out.ends_with("/bin/sleep 4321 ") && got.out.contains("    1 root "), "{got:?}");
    // "Remove a container": not while it runs, but by force.
    let refused = desk.line(&format!("sudo ./target/release/contain rm {id}"));
    refused.fails(125, &[&id, "running", "-f"]);
    assert_eq!(desk.line(&format!("sudo ./target/release/contain rm --force {}", &id[..8])).code, 0);
    assert!(first_process(pid).is_none() && status(pid, "Name").as_deref() != Some("sleep"));
    assert!(desk.rows("sudo ./target/release/contain ps -a").is_empty());
    desk.line(&format!("contain logs {id}")).fails(125, &[&id, "no such container"]);
}

#[test]
fn list_and_kill_as_the_contain_document_names_them() {
    let desk = Desk::new();
    let [one, two] = ["one", "two"].map(|name| {
        desk.detached(&format!("sudo ./contain run -d --name {name} --rootfs ./rootfs --memory 64M -- /bin/sleep 4321"))
    });
    let mut names: Vec<String> = desk.rows("sudo ./contain list").into_iter().map(|row| row[4].clone()).collect();
    names.sort();
    assert_eq!(names, ["one", "two"]);
    assert_eq!(desk.line("sudo ./contain kill one").code, 0);
    let rows = desk.rows("sudo ./contain list");
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!((&*rows[0][0], &*rows[0][4]), (&*two, "two"));
    let all = desk.rows("sudo ./contain list -a");
    let ended = all.iter().find(|row| row[0] == one).unwrap();
    assert_eq!((&*ended[1], &*ended[2], &*ended[4]), ("-", "stopped (137)", "one"));
    assert_eq!(desk.line(&format!("sudo ./contain kill {two}; sudo ./contain rm one two")).code, 0);
    assert!(desk.rows("sudo ./contain list -a").is_empty());
    // Nothing of either is left: "if your program crashes, leftover cgroup directories need manual removal".
    let left = host_find(&[&one, &two]);
    assert!(left.is_empty(), "{left:?}");
}

/// Directories of groups with one of these ids.
fn host_find(ids: &[&str]) -> Vec<String> {
    let mut find = std::process::Command::new("find");
    find.args(["/sys/fs/cgroup", "-name", "contain-*"]);
    let found = common::finish(find).out;
    found.lines().filter(|line| ids.iter().any(|id| line.contains(id))).map(String::from).collect()
}
