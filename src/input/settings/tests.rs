//! What is written, whole, and what it comes to.

use super::*;
use crate::input::conf;
use crate::machine::{Address, Net, OnExit, OnFail, SECOND};

/// What a file and a command line come to, and what is told about them.
pub fn read(file: &'static str, line: &str) -> (&'static Machine, Vec<&'static str>) {
    let mut told = Vec::new();
    let tell = &mut |error: Error| told.push(error.sentence());
    let mut settings = Settings::new(tell);
    conf::read(&mut settings, "/f", file.as_bytes());
    settings.read_line(&CommandLine::parse(line.as_bytes()));
    let machine = settings.decide();
    (machine, told)
}

/// Of what nothing is to be told.
fn fine(file: &'static str, line: &str) -> &'static Machine {
    let (machine, told) = read(file, line);
    assert_eq!(told, [""; 0], "{file:?} {line:?}");
    machine
}

#[test]
fn standard_words() {
    let line = "BOOT_IMAGE=/vmlinuz root=UUID=a-b rootfstype=ext4,xfs rootflags=noatime,data=ordered rootwait=5 rootdelay=2 \
                ro rw init=/bin/other console=ttyS0 quiet panic=-1 ip=eth0:dhcp hostname=box single foo.bar ro.x";
    let machine = fine("", line);
    assert_eq!(machine.texts, ["UUID=a-b", "ext4,xfs", "noatime,data=ordered", "", "/bin/other", "box", ""]);
    assert_eq!(machine.times, [5 * SECOND, 2 * SECOND, 5 * SECOND, 0]);
    assert_eq!((machine.mode(), machine.tells(), machine.command.len()), (Mode::Switch, false, 0));
    assert!(machine.is(Choice::Panics) && machine.is(Choice::Single) && !machine.is(Choice::ReadOnly));
    let place = "kernel command line";
    assert_eq!(machine.nets, [Net { interface: "eth0", address: Address::Dhcp, servers: [[0; 4]; 2], place }]);
    assert_eq!(fine("", "rootwait").time(Time::RootWait), FOR_EVER);
    assert_eq!(fine("", "ip=10.0.0.2::::named").text(Text::Hostname), "named");
    assert_eq!(fine("", "hostname=box ip=10.0.0.2::::named").text(Text::Hostname), "box");
}

#[test]
fn words_of_our_own() {
    let line = "contain.log=debug contain.overlay=/dev/vdb contain.modules=loop,virtio_net contain.modules=loop,overlay \
                contain.exit=vsock:9 contain.onexit=respawn contain.onfail=panic contain.grace=1500ms contain.watchdog=30s \
                contain.bootchart=1 contain.exec=\"/bin/sh -c 'echo  \\\"a\\\" #'\"";
    let machine = fine("", &line.replace("\\\"", ""));
    assert_eq!((machine.choice(Choice::Log), machine.text(Text::Overlay)), (2, "/dev/vdb"));
    assert!(machine.is(Choice::Chart));
    assert_eq!(machine.modules, ["loop", "virtio_net", "loop", "overlay"]);
    assert_eq!(
        (machine.report, machine.on_exit(), machine.on_fail()),
        (Report::Vsock(9), OnExit::Respawn, Some(OnFail::Panic))
    );
    assert_eq!((machine.time(Time::Grace), machine.time(Time::Watchdog)), (1_500_000, 30 * SECOND));
    assert_eq!(machine.command, [c"/bin/sh", c"-c", c"echo  a #"]);
    assert_eq!(machine.mode(), Mode::Services);
    for (text, report) in [
        ("auto", Report::Auto),
        ("off", Report::Off),
        ("serial", Report::Serial),
        ("virtio:out.0", Report::Virtio("out.0")),
        ("isa:0xf4", Report::Isa(0xf4)),
        ("isa:0xFFFF", Report::Isa(0xffff)),
    ] {
        assert_eq!(fine("", &format!("contain.exit={text}")).report, report);
    }
    assert_eq!(fine("", "contain.watchdog=0").time(Time::Watchdog), 0);
    assert!(!fine("bootchart", "contain.bootchart=0").is(Choice::Chart));
}

#[test]
fn what_makes_no_sense_is_told_and_left_out() {
    for (line, sentence) in [
        ("contain.grace=soon", "contain.grace=soon is not a duration: write a number with ms, s, m, h or d, as 30s"),
        ("contain.grace", "contain.grace needs a value"),
        ("contain.mode=walk", "contain.mode=walk is not known: write one of run, switch, services"),
        ("contain.onexit=", "contain.onexit= is not known: write one of poweroff, reboot, halt, respawn, shell"),
        ("contain.onfail=x", "contain.onfail=x is not known: write one of shell, reboot, poweroff, panic"),
        ("contain.log=loud", "contain.log=loud is not known: write one of error, info, debug"),
        ("contain.bootchart=2", "contain.bootchart=2 is not known: write one of 0, 1"),
        (
            "contain.exit=isa:f4",
            "contain.exit=isa:f4 is not known: write auto, off, serial, virtio:NAME, vsock:PORT or isa:0xf4",
        ),
        (
            "contain.exit=isa:0x10000",
            "contain.exit=isa:0x10000 is not known: write auto, off, serial, virtio:NAME, vsock:PORT or isa:0xf4",
        ),
        (
            "contain.exit=vsock:4294967296",
            "contain.exit=vsock:4294967296 is not known: write auto, off, serial, virtio:NAME, vsock:PORT or isa:0xf4",
        ),
        ("contain.exec=", "contain.exec= names no program: write one, as /bin/sh"),
        ("contain.exec=\"it's\"", "contain.exec=it's has a quote that does not end: write another one"),
        ("contain.onexti=halt", "contain.onexti=halt is not known: did you mean contain.onexit?"),
        ("contain.memroy=64M", "contain.memroy=64M is not known: did you mean contain.memory?"),
        ("contain.zzzzzzzzz", "contain.zzzzzzzzz is not known"),
        ("contain.", "contain. is not known"),
        (
            "contain.memory=64X",
            "contain.memory=64X makes no sense: --memory 64X is not a size: write bytes, or a number with K, M, G or T, as in 64M",
        ),
        ("contain.memory", "contain.memory makes no sense: --memory needs a value"),
        ("contain.read-only=yes", "contain.read-only=yes makes no sense: --read-only takes no value, but has yes"),
        ("contain.memory=64M", ""),
        ("ip=nowhere", "ip=nowhere has nowhere, which is no IPv4 address: write one, as 10.0.2.15"),
        ("rootdelay=x", "rootdelay=x is not a duration: write a number with ms, s, m, h or d, as 30s"),
        ("init=sh", "init=sh is no absolute path: write one that begins with /"),
        ("hostname=a/b", "hostname=a/b has a character that no host name may hold: use letters, digits, - and ."),
    ] {
        let (machine, told) = read("", line);
        match sentence {
            "" => assert_eq!(
                told,
                ["--memory=64M is for a container, and there is none: name its root file system, contain.rootfs=DIR"]
            ),
            _ => assert_eq!(told, [format!("kernel command line: {sentence}")]),
        }
        assert_eq!((machine.mode(), machine.time(Time::Grace)), (Mode::Services, 5 * SECOND));
        assert_eq!((machine.on_exit(), machine.on_fail()), (OnExit::PowerOff, None));
    }
    let mut told = Vec::new();
    let tell = &mut |error: Error| told.push(error.sentence());
    let mut settings = Settings::new(tell);
    settings.read_line(&CommandLine::parse(b"root=\xff contain.mode=\xff contain.grace=1s"));
    assert_eq!(settings.decide().time(Time::Grace), SECOND);
    assert_eq!(told, ["kernel command line: contain.mode=\u{fffd} is not known: write one of run, switch, services"]);
}

#[test]
fn the_command_line_wins() {
    let file = "hostname file\ngrace 1s\nmode services\nexec /bin/file\nmodules a b,c\nroot /dev/a\nnet eth0 dhcp\nnet eth1 dhcp\n";
    let said = |machine: &Machine| (machine.text(Text::Hostname), machine.time(Time::Grace), machine.text(Text::Root));
    let machine = fine(file, "");
    assert_eq!(said(machine), ("file", SECOND, "/dev/a"));
    assert_eq!((machine.command.clone(), machine.modules.clone()), (vec![c"/bin/file"], vec!["a", "b", "c"]));
    let devices = |line| fine(file, line).nets.iter().map(|net| net.interface).collect::<Vec<_>>();
    assert_eq!(devices(""), ["eth0", "eth1"]);
    assert_eq!(devices("ip=eth1:dhcp"), ["eth0", "eth1"]);
    assert_eq!(devices("ip=dhcp"), [""]);
    assert_eq!(devices("ip=off"), [""; 0]);
    let machine = fine(file, "hostname=line contain.grace=2s contain.mode=switch root=/dev/b -- /bin/line --");
    assert_eq!(said(machine), ("line", 2 * SECOND, "/dev/b"));
    assert_eq!((machine.command.clone(), machine.mode()), (vec![c"/bin/line", c"--"], Mode::Switch));
    assert_eq!(fine(file, "contain.exec=/bin/this -- /bin/that").command, [c"/bin/that"]);

    let file = "run rootfs=/a rootfs=/b memory=64M read-only -- /bin/app x\n";
    let machine = fine(file, "");
    assert_eq!(machine.options, [c"--rootfs=/a", c"--rootfs=/b", c"--memory=64M", c"--read-only"]);
    assert_eq!((machine.command.clone(), machine.mode()), (vec![c"/bin/app", c"x"], Mode::Run));
    let machine = fine(file, "contain.rootfs=/c contain.memory=32M contain.read-only=1 contain.init -- /bin/sh");
    assert_eq!(machine.options, [c"--rootfs=/c", c"--memory=32M", c"--read-only", c"--init"]);
    assert_eq!((machine.command.clone(), machine.mode()), (vec![c"/bin/sh"], Mode::Run));
}

#[test]
fn the_mode_where_nobody_says_it() {
    for (file, line, mode) in [
        ("", "", Mode::Services),
        ("", "root=/dev/vda", Mode::Switch),
        ("", "root=/dev/vda -- /bin/sh", Mode::Services),
        ("", "root=/dev/vda contain.exec=/bin/sh", Mode::Services),
        ("service a /bin/a", "root=/dev/vda", Mode::Services),
        ("service a /bin/a", "root=/dev/vda contain.mode=switch", Mode::Switch),
        ("", "contain.rootfs=/dev/vda -- /bin/sh", Mode::Run),
        ("", "contain.mode=run", Mode::Run),
        ("rootfs /r\nmemory 64M", "", Mode::Run),
        ("run rootfs=/r /bin/a", "contain.mode=services contain.rootfs=/r root=/dev/vda", Mode::Services),
    ] {
        assert_eq!(read(file, line).0.mode(), mode, "{file} {line}");
    }
}
