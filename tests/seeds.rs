//! Every command line of the five documents this program grew out of that starts a container, under the name
//! contain, from a directory with ./contain and ./rootfs in it as those documents have it.

mod common;
use common::{Live, Out, Scratch, contain, feed, finish, first_process, rootfs, status, wait_until};

/// A directory with the names the documents use, and `sudo` where the host has none.
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
        if finish(shell("command -v sudo")).code != 0 {
            here.executable("bin/sudo", "#!/bin/sh\nexec \"$@\"\n");
        }
        here.executable("bin/contain", format!("#!/bin/sh\nexec {} \"$@\"\n", contain().display()));
        Desk(here)
    }

    fn line(&self, line: &str) -> Out {
        self.typed(line, "")
    }

    /// A line that starts a shell, and what is typed into that shell.
    fn typed(&self, line: &str, input: &str) -> Out {
        let mut command = shell(line);
        command.current_dir(self.0.path()).env("PATH", self.path()).env_remove("CONTAIN_ROOTFS");
        feed(command, input.as_bytes())
    }

    fn path(&self) -> String {
        format!("{}:{}", self.0.at("bin"), std::env::var("PATH").unwrap())
    }
}

fn shell(line: &str) -> std::process::Command {
    let mut command = std::process::Command::new("bash");
    command.arg("-c").arg(line);
    command
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
    let mut line = shell("exec contain run rootfs sleep 4321");
    line.current_dir(desk.0.path()).env("PATH", desk.path()).env_remove("CONTAIN_ROOTFS");
    let live = Live::start(line);
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
