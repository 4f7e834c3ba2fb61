//! What is written, whole, and what it comes to.

use super::*;
use crate::error::Error;

/// One whose streams are the console's.
fn plain(name: &'static str, kind: Kind, place: &'static str) -> Service {
    Service { log: c"console", ..*Service::plain(name, kind, place) }
}

fn read_file(text: &'static str) -> (Vec<Service>, Vec<&'static str>) {
    let mut told = Vec::new();
    let tell = &mut |error: Error| told.push(error.sentence());
    let mut settings = Settings::new(tell);
    read(&mut settings, "/t", text.as_bytes());
    (settings.decide().services.iter().map(|service| **service).collect(), told)
}

/// As Buildroot has it, in another order.
const BUILDROOT: &str = "\
# /etc/inittab
console::respawn:/sbin/getty -L  console 0 vt100 # GENERIC_SERIAL
tty1:5:askfirst:-/bin/sh
::wait:/bin/one
::sysinit:/bin/mount -t proc proc /proc
null::sysinit:/bin/ln -sf /proc/self/fd /dev/fd
/dev/ttyS1::once:-echo \"a:b\" >/tmp/x

::ctrlaltdel:/sbin/reboot
::shutdown:/bin/umount -a -r
::restart:/sbin/init
";

#[test]
fn lines_become_services_in_busyboxs_order() {
    let (services, told) = read_file(BUILDROOT);
    assert_eq!(told, [""; 0]);
    let wanted = [
        Service { command: &[c"/bin/mount", c"-t", c"proc", c"proc", c"/proc"], ..plain("mount", Kind::Step, "/t:5") },
        Service {
            command: &[c"/bin/ln", c"-sf", c"/proc/self/fd", c"/dev/fd"],
            after: &["mount"],
            log: c"/dev/null",
            ..plain("ln", Kind::Step, "/t:6")
        },
        Service { command: &[c"/bin/one"], after: &["ln"], ..plain("one", Kind::Step, "/t:4") },
        Service {
            command: &[c"/sbin/getty", c"-L", c"console", c"0", c"vt100"],
            after: &["one"],
            log: c"/dev/console",
            ..plain("getty", Kind::Service, "/t:2")
        },
        Service { command: &[c"-/bin/sh"], after: &["one"], log: c"/dev/tty1", ..plain("sh", Kind::Ask, "/t:3") },
        Service {
            command: &[c"-/bin/sh", c"-c", c"exec echo \"a:b\" >/tmp/x"],
            after: &["one"],
            log: c"/dev/ttyS1",
            ..plain("echo", Kind::Task, "/t:7")
        },
        Service { command: &[c"/sbin/reboot"], ..plain("reboot", Kind::CtrlAltDel, "/t:9") },
        Service { command: &[c"/bin/umount", c"-a", c"-r"], ..plain("umount", Kind::Shutdown, "/t:10") },
    ];
    assert_eq!(services, wanted);
}

#[test]
fn each_name_is_there_once() {
    let (services, told) = read_file("::wait:/bin/sh a\n::wait:/bin/sh b\n::respawn:.x y\n");
    assert_eq!(told, [""; 0]);
    assert_eq!(services.iter().map(|service| service.name).collect::<Vec<_>>(), ["sh", "sh-1", "inittab"]);
    assert_eq!(services[1].after, ["sh"]);
}

const NO_ACTION: &str = " has no action: write ID:RUNLEVELS:ACTION:PROCESS, as ttyS0::respawn:/sbin/getty -L ttyS0";

#[test]
fn a_line_that_is_wrong_is_told() {
    let (services, told) = read_file("a\n::boot:/bin/a\n::respawn:\n::respawn:-\n:::\n::once:/bin/b\n\0\n");
    assert_eq!(services.len(), 1);
    assert_eq!(
        told,
        [
            &["/t:1: a", NO_ACTION].concat(),
            &["/t:2: ::boot:/bin/a", NO_ACTION].concat(),
            "/t:3: ::respawn: names no program: write its path at the end, as /bin/sh",
            "/t:4: ::respawn:- names no program: write its path at the end, as /bin/sh",
            &["/t:5: :::", NO_ACTION].concat(),
            "/t:7: this line is no text: write UTF-8",
        ]
    );
}
