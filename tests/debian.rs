//! A real Debian, made by debootstrap, in the background: apt and dpkg, python3, an interactive bash with job control on a
//! terminal, and every command of a container's life. Nothing is written to the shared one: its root is read-only, or a
//! copy.

mod common;
use common::detached::Detached;
use common::home::Home;
use common::pty::{Pty, wait_for_foreground};
use common::{Scratch, below, command, feed, status, sum, wait_until};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

fn debian() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("build/debian");
    assert!(path.join("usr/bin/python3").exists(), "{} is missing: `make debian` as root makes it", path.display());
    path
}

/// One that nobody writes to, with a /tmp of its own.
fn read_only(flags: &[&str]) -> Detached {
    let flags = [&["--read-only", "--tmpfs", "/tmp", "--tmpfs", "/root", "--hostname", "box"], flags].concat();
    Detached::start_in(&debian(), &flags, &["sleep", "infinity"])
}

#[test]
fn apt_builds_installs_and_removes_packages() {
    const CONTROL: &str = "Package: greeting\nVersion: 1.0\nArchitecture: all\nMaintainer: Test <test@example.org>\n\
        Depends: bash, python3\nDescription: a greeting\n";
    let scratch = Scratch::new();
    let root = scratch.path().join("debian");
    let copied = Command::new("cp").arg("-a").args([&debian(), &root]).status().expect("cp");
    assert!(copied.success());
    scratch.file("debian/tmp/greeting/DEBIAN/control", CONTROL);
    scratch.executable("debian/tmp/greeting/DEBIAN/postinst", "#!/bin/sh\necho configured >/var/lib/greeting\n");
    scratch.executable("debian/tmp/greeting/DEBIAN/postrm", "#!/bin/sh\nrm -f /var/lib/greeting\n");
    scratch.executable("debian/tmp/greeting/usr/bin/greeting", "#!/usr/bin/python3\nprint('hello')\n");
    let container = Detached::start_in(&root, &["-w", "/tmp"], &["sleep", "infinity"]);
    let wants = |script: &str, wanted: &str| {
        let got = container.sh(&["-e", "LC_ALL=C"], script);
        assert!(got.text().contains(wanted), "{script}: {got:?}");
    };
    wants("apt-get check", "Reading package lists");
    wants("apt-cache depends bash", "PreDepends: libc6");
    wants("dpkg -s python3", "Status: install ok installed");
    wants("dpkg-deb --build --root-owner-group greeting x.deb", "building package 'greeting'");
    wants("apt-get install -y ./x.deb", "Setting up greeting (1.0)");
    wants("greeting; cat /var/lib/greeting; dpkg -V greeting", "hello\nconfigured");
    wants("dpkg -l greeting", "ii  greeting");
    // On a terminal too, where apt shows a bar and gives dpkg a terminal of its own.
    let mut pty = Pty::open();
    let mut child = pty.spawn(&container.command(&["-it"], &["apt", "reinstall", "./x.deb"]));
    pty.expect("Unpacking greeting (1.0) over (1.0)");
    assert_eq!(pty.wait(&mut child), 0, "{}", pty.seen);
    wants("apt-get purge -y greeting", "Removing greeting (1.0)");
    container.sh(&[], "command -v greeting; ls /var/lib/greeting 2>/dev/null; dpkg --audit").is(0, "");
}

/// A hundred containers side by side over one Debian, each with changes of its own.
#[test]
fn a_hundred_overlays_leave_their_base_as_it_is() {
    let debian = debian();
    let before = sum(&debian);
    let script = "set -e; n=$1; test ! -e /n; echo $n >/n; dpkg -r --force-all python3-minimal >/dev/null 2>&1
        ! dpkg -s python3-minimal >/dev/null 2>&1; rm -r /usr/share/doc; mkdir /usr/share/doc; echo $n >/usr/share/doc/n
        mv /etc/apt /etc/apt.$n; chown -R 7:7 /home; chmod 711 /var/lib; echo x >>/etc/passwd; setfattr -n user.n -v $n /root 2>/dev/null || :
        sync; cat /n /usr/share/doc/n; ls -d /etc/apt.$n";
    let start = |number: usize| {
        let number = number.to_string();
        let words =
            ["run", "--rootfs", debian.to_str().unwrap(), "--overlay", "--", "bash", "-c", script, "-", &number];
        command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    for batch in 0..20 {
        let all: Vec<_> = (0..5).map(|number| (batch * 5 + number, start(batch * 5 + number))).collect();
        for (number, one) in all {
            let ended = one.wait_with_output().unwrap();
            let wanted = format!("{number}\n{number}\n/etc/apt.{number}\n");
            assert_eq!(String::from_utf8_lossy(&ended.stdout), wanted, "{}", String::from_utf8_lossy(&ended.stderr));
        }
    }
    assert_eq!(sum(&debian), before);
}

#[test]
fn python_has_processes_threads_and_sockets() {
    const SCRIPT: &str = r#"
import multiprocessing, os, pty, queue, signal, socket, sqlite3, subprocess, tempfile, threading

# A server in a thread, and clients in others and in a program of its own, over loopback.
server = socket.create_server(("127.0.0.1", 0))
port = server.getsockname()[1]
def serve():
    for _ in range(9):
        peer, _ = server.accept()
        with peer:
            peer.sendall(peer.recv(100).upper())
answers = queue.Queue()
def ask(number):
    with socket.create_connection(("localhost", port)) as link:
        link.sendall(b"thread %d" % number)
        answers.put(link.recv(100))
threads = [threading.Thread(target=serve)] + [threading.Thread(target=ask, args=(n,)) for n in range(8)]
for thread in threads: thread.start()
client = f"exec 3<>/dev/tcp/127.0.0.1/{port}; printf bash >&3; cat <&3"
print(subprocess.run(["bash", "-c", client], capture_output=True, check=True, text=True).stdout)
for thread in threads: thread.join()
print(sorted(answers.queue) == [b"THREAD %d" % n for n in range(8)])

# Processes, with semaphores in /dev/shm; and how one ends.
with multiprocessing.Pool(4) as pool:
    print(sum(pool.map(abs, range(-100, 0))))
print(subprocess.run(["sleep", "100"], preexec_fn=lambda: os.kill(os.getpid(), signal.SIGTERM)).returncode)

# Files, a terminal of its own, and a signal to itself.
with tempfile.TemporaryDirectory() as place:
    base = sqlite3.connect(os.path.join(place, "base"))
    base.execute("create table t (x)")
    base.execute("insert into t values (42)")
    print(base.execute("select x from t").fetchone()[0])
ends = pty.openpty()
print(os.ttyname(ends[1]).startswith("/dev/pts/"))
signal.signal(signal.SIGALRM, lambda *_: print("alarm"))
signal.setitimer(signal.ITIMER_REAL, 0.001)
signal.pause()
raise SystemExit(5)
"#;
    for flags in [&[] as &[&str], &["--user", "nobody"]] {
        let container = read_only(flags);
        let got = feed(container.command(&["-i"], &["python3", "-"]), SCRIPT.as_bytes());
        assert_eq!(got.err, "", "{flags:?}");
        got.is(5, "BASH\nTrue\n5050\n-15\n42\nTrue\nalarm\n");
    }
    let container = read_only(&[]);
    let mut pty = Pty::open();
    let mut child = pty.spawn(&container.command(&["-it"], &["python3", "-q"]));
    pty.expect(">>> ");
    pty.send("6 * 7\n");
    pty.expect("42\r\n>>> ");
    wait_until_it_reads(wait_for(&child, "python3"));
    pty.send("\x03");
    pty.expect("KeyboardInterrupt");
    pty.expect(">>> ");
    pty.send("\x04");
    assert_eq!(pty.wait(&mut child), 0, "{}", pty.seen);
}

fn wait_for(parent: &Child, name: &str) -> i32 {
    let mut found = None;
    wait_until(name, || {
        let all = below(parent.id() as i32);
        found = all.into_iter().find(|&pid| status(pid, "Name").as_deref() == Some(name));
        found.is_some()
    });
    found.unwrap()
}

/// readline(3) can miss a ^C that comes between its last look at a signal and its read: then it reads on.
fn wait_until_it_reads(pid: i32) {
    // read, poll, select, pselect6, ppoll
    let reading = ["0 ", "7 ", "23 ", "270 ", "271 "];
    wait_until("it to read", || {
        let call = std::fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
        reading.iter().any(|number| call.starts_with(number))
    });
}

/// As people start it: with its own prompt and line editing.
#[test]
fn bash_on_a_terminal_has_job_control() {
    let container = read_only(&["--init"]);
    for (flags, prompt) in [(&[] as &[&str], "root@box:/# "), (&["-u", "www-data"], "www-data@box:/$ ")] {
        let mut pty = Pty::open();
        let before = pty.modes();
        pty.resize(100, 40);
        let mut child = pty.spawn(&container.command(&[&["-it"], flags].concat(), &["bash"]));
        let started = pty.expect(prompt);
        assert!(!started.contains("no job control") && !started.contains("cannot"), "{started:?}");
        // What a command shows until the prompt comes again.
        let mut says = |keys: &str| {
            pty.send(keys);
            pty.expect(prompt)
        };
        assert!(says("tty; stty size\n").contains("/dev/pts/0\r\n40 100\r\n"));
        says("sleep 100 &\n");
        assert!(says("jobs\n").contains("[1]+  Running                 sleep 100 &"));
        let sleeper = wait_for(&child, "sleep");
        for _ in 0..2 {
            pty.send("fg\n");
            wait_for_foreground(sleeper, flags);
            pty.send("\x1a");
            pty.expect("[1]+  Stopped                 sleep 100");
            pty.expect(prompt);
            assert!(status(sleeper, "State").unwrap().starts_with('T'));
        }
        let mut says = |keys: &str| {
            pty.send(keys);
            pty.expect(prompt)
        };
        assert!(says("bg\n").contains("[1]+ sleep 100 &"));
        assert!(says("jobs\n").contains("Running"));
        let gone = says("kill %1; wait %1; echo status$?\n");
        assert!(gone.contains("status143") && gone.contains("Terminated"), "{gone:?}");
        assert_eq!(status(sleeper, "State"), None);
        // A pipe of two is one job, and ^C ends both.
        pty.send("sleep 101 | cat\n");
        // A child of bash that is not yet what it shall be takes ^C as bash does: it goes on.
        wait_for(&child, "sleep");
        wait_for_foreground(wait_for(&child, "cat"), flags);
        pty.send("\x03");
        pty.expect(prompt);
        pty.send("echo status$?,${PIPESTATUS[0]}; jobs\n");
        assert!(pty.expect(prompt).contains(&format!("\r\nstatus130,130\r\n{prompt}")));
        pty.resize(132, 43);
        pty.send("until [ \"$(stty size)\" = '43 132' ]; do :; done; echo wi$((1 + 1))er\n");
        pty.expect("wi2er");
        pty.expect(prompt);
        pty.send("echo $COLUMNS\n");
        pty.expect("\r\n132\r\n");
        pty.expect(prompt);
        // Half a line is given up.
        pty.send("exit 9");
        pty.expect("exit 9");
        wait_until_it_reads(wait_for(&child, "bash"));
        pty.send("\x03");
        pty.expect(prompt);
        pty.send("exit 7\n");
        assert_eq!(pty.wait(&mut child), 7, "{}", pty.seen);
        pty.resize(80, 24);
        assert_eq!(pty.modes(), before);
    }
    assert!(container.lives());
}

#[test]
fn it_is_listed_read_watched_and_stopped() {
    let home = Home::new();
    let script = "trap 'echo bye; exit 3' TERM; echo up; sleep infinity & wait";
    let rootfs = debian();
    let rootfs = rootfs.to_str().unwrap();
    let flags = ["--read-only", "--memory", "128M", "--pids", "50"];
    let words = [&["run", "-d", "--name", "deb", "--rootfs", rootfs], &flags as &[&str], &["--", "bash", "-c", script]];
    let id = home.contain(&words.concat()).text().to_string();
    wait_until("the first line of the log", || home.log(&id) == "up\n");
    let says = |words: &[&str]| home.contain(words).text().to_string();
    assert!(says(&["ps"]).contains(&id) && says(&["ps"]).contains("deb"));
    assert_eq!(says(&["logs", "deb"]), "up");
    wait_until("both processes", || says(&["top", "deb"]).contains("sleep infinity"));
    assert!(says(&["stats", "--no-stream", "deb"]).contains("/128M"), "{}", says(&["stats", "--no-stream", "deb"]));
    assert!(says(&["inspect", "deb"]).contains(&format!("\"rootfs\": \"{rootfs}\"")));
    says(&["pause", "deb"]);
    assert_eq!(home.status(&id), "paused");
    says(&["resume", "deb"]);
    says(&["update", "--memory", "256M", "deb"]);
    assert!(says(&["stats", "--no-stream", "deb"]).contains("/256M"));
    assert_eq!(says(&["exec", "deb", "cat", "/etc/debian_version"]).split('.').next(), Some("12"));
    assert_eq!(says(&["exec", "-u", "www-data", "deb", "id", "-un"]), "www-data");
    // su starts a session of its own, and asks the accounts.
    assert_eq!(says(&["exec", "deb", "su", "nobody", "-s", "/bin/sh", "-c", "id -un"]), "nobody");
    says(&["exec", "-d", "deb", "sleep", "1000"]);
    wait_until("the guest", || says(&["top", "deb"]).contains("sleep 1000"));
    says(&["stop", "deb"]);
    assert_eq!(home.status(&id), "stopped (3)");
    assert_eq!(says(&["logs", "deb"]), "up\nbye");
    says(&["rm", "deb"]);
    assert_eq!(home.entries(), [] as [&str; 0]);
}
