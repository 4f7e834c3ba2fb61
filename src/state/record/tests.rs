//! What is written is read, whole or at a glance; and what was spoilt is refused.

use super::*;
use crate::spec::{Map, Seccomp, Share, User};

fn full() -> Record {
    Record {
        id: "0123456789abcdef",
        name: Some("web"),
        spec: Spec {
            rootfs: c"/srv/\xff\"root",
            command: &[c"/bin/sh", c"-c", c"echo \x1b[2J"],
            hostname: "box",
            limits: Limits {
                numbers: [64 << 20, MAX, 1 << 20, 50_000, 10, 0, 64, 100_000].map(|n| (n > 0).then_some(n)),
                cpuset: Some("0-1"),
            },
            environment: &[c"A=b"],
            workdir: c"/",
            user: User { uid: 1, gid: 2, groups: &[3, 4] },
            capabilities: 1 << 40 | 1,
            ulimits: &[c"nofile=1024:unlimited"],
            oom_score_adj: c"-5",
            new_privileges: true,
            uids: Map(c"0:5:1"),
            gids: Map(c"0:6:1"),
            seccomp: Seccomp { name: c"/etc/\xff.json", program: &[0x06, u64::MAX] },
            share: Share { pid: true, net: false, ipc: true, uts: false },
            init: true,
            ..Spec::NONE
        },
        status: Status::Stopped,
        process: Process { pid: 12, start: 34 },
        supervisor: Process { pid: 11, start: 33 },
        created: 1_764_000_000,
        finished: Some(1_764_000_001),
        exit_code: Some(137),
        oom: true,
        cgroups: &[c"/sys/fs/cgroup/contain-0123456789abcdef"],
        log: true,
        keep: true,
    }
}

impl Record {
    fn read(text: &[u8]) -> Result<Record, Wrong> {
        let mut record = Record::default();
        record.fill(text, false).map(|()| record)
    }
}

#[test]
fn what_was_written_is_read() {
    for record in [full(), Record::default()] {
        assert_eq!(Record::read({ record }.write().as_bytes()), Ok(record));
    }
}

/// A list reads as much as it needs, but sees when something is missing.
#[test]
fn a_glance_is_enough_for_a_list() {
    let (text, mut brief) = (full().write(), Record::default());
    assert_eq!(brief.fill(text.as_bytes(), true), Ok(()));
    let Record { id, name, status, spec, process, created, exit_code, oom, .. } = full();
    let spec = Spec { command: spec.command, ..Spec::NONE };
    let process = Process { start: 0, ..process };
    let wanted = Record { id, name, status, spec, process, created, exit_code, oom, ..Record::default() };
    assert_eq!(brief, wanted);
    for length in 0..text.len() - 2 {
        assert!(Record::default().fill(&text.as_bytes()[..length], true).is_err(), "cut at {length}");
    }
    // Of another order, or not ours at all.
    let mut other = Record::default();
    assert_eq!(other.fill(br#"{"oom": true, "x": {"y": []}, "pid": 7, "rootfs": 1}"#, true), Ok(()));
    assert!(other.oom && other.process.pid == 7);
}

/// A record cut off at any byte, or with any byte changed, is read or refused, and never worse.
#[test]
fn a_damaged_record_is_refused_or_read() {
    let text = full().write().into_bytes();
    for length in 0..text.len() - 2 {
        assert!(Record::read(&text[..length]).is_err(), "cut at {length}");
    }
    for at in 0..text.len() {
        for byte in [0, b'"', b'{', b'}', b'[', b',', b'9', 0xff] {
            let mut changed = text.clone();
            changed[at] = byte;
            stands(&changed);
        }
    }
    for text in ["{\"pid\": 2147483648}", "{\"supervisor_pid\": 4294967295}", "{\"pid\": -1}", "{\"uid\": 4294967296}"]
    {
        assert!(Record::read(text.as_bytes()).is_err(), "{text}");
    }
}

/// What holds of any text: it is refused or read; where it is read it can be written, and is read again as it was. A
/// glance refuses nothing that a whole look takes.
fn stands(text: &[u8]) {
    let glance = Record::default().fill(text, true);
    if let Ok(record) = Record::read(text) {
        assert!(glance.is_ok(), "{}", String::from_utf8_lossy(text));
        assert_eq!(Record::read({ record }.write().as_bytes()), Ok(record), "{}", String::from_utf8_lossy(text));
    }
}

/// Pieces of a record, in any order and number, as no fault of a disk would ever have them. `make fuzz` goes further.
#[test]
fn a_record_shuffled_is_refused_or_read() {
    const TOKENS: [&[u8]; 22] = [
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\"",
        b"\\",
        b"\\u",
        b"\\ud83e",
        b"\\udcff",
        b"null",
        b"true",
        b"-",
        b"0",
        b"9999999999",
        b"1e9",
        b"\xff\xc3",
        b"\0",
        b"\"pid\"",
        b"\"limits\": {",
        b"\"max\"",
    ];
    let whole = full().write().into_bytes();
    let mut seed = 20_260_712u64;
    let mut draw = |below: usize| {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) as usize % below
    };
    let mut read = 0;
    for _ in 0..5_000 {
        let mut text = whole.clone();
        for _ in 0..1 + draw(4) {
            let (from, to) = (draw(text.len() + 1), draw(text.len() + 1));
            let range = from.min(to)..(from.min(to) + draw(40)).min(text.len());
            let piece = match draw(3) {
                0 => TOKENS[draw(TOKENS.len())].to_vec(),
                1 => text[range.clone()].to_vec(),
                _ => Vec::new(),
            };
            let at = draw(text.len() + 1);
            match draw(2) {
                0 => drop(text.splice(at..at, piece)),
                _ => drop(text.splice(range, piece)),
            }
        }
        read += usize::from(Record::read(&text).is_ok());
        stands(&text);
    }
    assert!(read > 10, "none of them could be read: {read}");
}
