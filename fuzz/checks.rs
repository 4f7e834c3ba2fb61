//! What has to hold for any bytes, one file for each kind of them in checks/. Fuzzed by fuzz_targets/; a test of contain's
//! runs it on the seeds and on what is a step away from them.
#![allow(dead_code, unexpected_cfgs, unused_imports)] // Only a part of each file of contain's is used here.

#[macro_use]
#[path = "../src/weak.rs"]
mod weak;
#[path = "../src/dhcp.rs"]
mod dhcp;
#[path = "../src/error.rs"]
mod error;
#[path = "../src/input/mod.rs"]
mod input;
#[path = "../src/json.rs"]
mod json;
#[path = "../src/kernel"]
mod kernel {
    pub mod file;
    pub mod walk;
}
#[path = "../src/linux.rs"]
mod linux;
#[path = "../src/log.rs"]
mod log;
#[path = "../src/machine.rs"]
mod machine;
#[path = "../src/packed.rs"]
mod packed;
#[path = "../tests/common/json.rs"]
mod plain_json;
#[path = "../src/plan/mod.rs"]
mod plan;
#[path = "../src/seccomp/mod.rs"]
mod seccomp;
#[path = "../src/spec.rs"]
mod spec;
#[path = "../src/state"]
mod state {
    pub mod record;
}
#[path = "../src/sys"]
mod sys {
    pub mod arch;
    pub mod thin;
}
#[path = "../src/text.rs"]
mod text;

pub mod checks {
    pub mod dhcp;
    pub mod machine;
    pub mod numbers;
    pub mod record;
    pub mod seccomp;
    pub mod users;
    pub mod volumes;
    pub mod walk;
    pub mod words;
}

type Check = fn(&[u8]);

const ALL: [(&str, Check); 9] = [
    ("dhcp", checks::dhcp::check),
    ("machine", checks::machine::check),
    ("numbers", checks::numbers::check),
    ("record", checks::record::check),
    ("seccomp", checks::seccomp::check),
    ("users", checks::users::check),
    ("volumes", checks::volumes::check),
    ("walk", checks::walk::check),
    ("words", checks::words::check),
];

/// As a test: every seed, cut short at every place, and with every byte gone or another one.
pub fn main() {
    let seeds = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let kinds = std::fs::read_dir(&seeds).expect("fuzz/seeds").count();
    assert_eq!(kinds, ALL.len(), "each kind of check has seeds in {}, and each kind of seeds a check", seeds.display());
    for (name, check) in ALL {
        let mut count = 0;
        let mut step = |bytes: &[u8]| {
            count += 1;
            std::panic::catch_unwind(|| check(bytes)).unwrap_or_else(|panic| {
                eprintln!("fuzz/checks/{name}.rs: this breaks it: {}", bytes.escape_ascii());
                std::panic::resume_unwind(panic)
            });
        };
        for seed in std::fs::read_dir(seeds.join(name)).expect("seeds") {
            let seed = std::fs::read(seed.expect("a seed").path()).expect("a seed");
            step(&seed);
            for at in 0..seed.len() {
                step(&seed[..at]);
                step(&[&seed[..at], &seed[at + 1..]].concat());
                for byte in [0, b'\n', b'/', b'9', 0xff] {
                    step(&[&seed[..at], &[byte], &seed[at + 1..]].concat());
                }
            }
        }
        assert!(count > 100, "{name}: only {count} inputs");
        println!("{name}: {count} inputs");
    }
}
