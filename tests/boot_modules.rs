//! What a machine brings with it, as contain finds and uses it at boot: modules, a watchdog, a clock, randomness; and the chart
//! of that boot (tests/boot/modules.sh, worse.sh, hang.sh).

mod common;
use std::path::PathBuf;
use std::sync::LazyLock;

use common::machine::{Boot, boot_anyhow, made, probe};

/// A directory to lay over the initramfs, with a seed of a boot before.
fn with_seed() -> PathBuf {
    let directory = made("seed");
    std::fs::write(directory.join("seed"), "a".repeat(32)).unwrap();
    directory
}

/// A boot with a virtio-rng and a clock from the future. Time in it counts instructions, so that no watchdog barks because
/// this machine is busy.
static MACHINE: LazyLock<Boot> = LazyLock::new(|| {
    let words = "contain.modules=softdog,xfs,no_such,ext4,loop loop.max_loop=5 contain.watchdog=6s contain.seed=/seed \
                 contain.bootchart=1";
    let seed = with_seed();
    let modules = "virtio-rng softdog xfs";
    let devices = "-device virtio-rng-pci -rtc base=2030-05-01T00:00:00";
    let overlay = seed.to_str().unwrap();
    probe("modules", &["--icount", "--modules", modules, "--qemu", devices, "--overlay", overlay, "--words", words])
});

/// A machine that early.sh has made worse: see there.
static WORSE: LazyLock<Boot> = LazyLock::new(|| {
    let words = "rdinit=/early.sh contain.modules=none,loop contain.watchdog=30s contain.seed=/seed random.trust_cpu=off \
                 random.trust_bootloader=off";
    let seed = with_seed();
    let devices = "-device virtio-rng-pci -rtc base=2030-05-01T00:00:00";
    let options = ["--modules", "virtio-rng", "--qemu", devices, "--overlay", seed.to_str().unwrap(), "--words", words];
    probe("worse", &options)
});

#[test]
fn modules_are_loaded_by_name_and_for_devices() {
    let loaded: Vec<&str> = MACHINE.fact("modules").split(' ').collect();
    // Those that are named, and what they need; then the device on the bus that a module has brought.
    for module in ["softdog", "watchdog", "xfs", "libcrc32c", "loop", "virtio_pci", "virtio_ring", "virtio_rng"] {
        assert!(loaded.contains(&module), "{module} is not loaded: {loaded:?}");
    }
    assert!(!loaded.contains(&"overlay"), "nobody has asked for overlay: {loaded:?}");
    MACHINE.is("parameter", "5");
    MACHINE.is("hardware", "virtio_rng.0");
    let complaints: Vec<&str> = MACHINE.console.lines().filter(|line| line.contains("load the module")).collect();
    let [complaint] = complaints[..] else { panic!("one module cannot be loaded: {}", MACHINE.console) };
    assert!(complaint.contains("contain: load the module no_such: there is none below /lib/modules/6."), "{complaint}");
}

#[test]
fn a_compressed_module_needs_a_kernel_that_unpacks_it() {
    WORSE.is("modules", "");
    let text = "/kernel/drivers/block/loop.ko.gz: this kernel does not unpack it, for which it needs \
                CONFIG_MODULE_DECOMPRESS (Linux 5.17)";
    assert!(WORSE.console.contains(text), "{}", WORSE.console);
}

#[test]
fn the_clock_is_stepped_where_nobody_set_it() {
    MACHINE.is("year", "2030");
    assert!(!MACHINE.console.contains("contain: the clock"), "{}", MACHINE.console);
    WORSE.is("year", "2030");
    assert!(WORSE.console.contains("contain: the clock was not set: set by /dev/rtc0"), "{}", WORSE.console);
}

#[test]
fn a_seed_counts_once() {
    MACHINE.is("seed", "32 600 new");
    WORSE.is("entropy", "256");
}

#[test]
fn the_watchdog_is_fed_and_handed_over() {
    MACHINE.is("watchdog", "active 6");
    // It has been for longer than that.
    MACHINE.fact("lived");
    // contain.grace= and ten minutes.
    MACHINE.is("handed", "605");
    assert!(!MACHINE.console.contains("did not stop"), "{}", MACHINE.console);
    assert_eq!(MACHINE.status, 0);
    let text = "contain: set /dev/watchdog for contain.watchdog=: ENOENT (No such file or directory)";
    assert!(WORSE.console.contains(text), "{}", WORSE.console);
}

#[test]
fn the_watchdog_resets_a_machine_whose_init_hangs() {
    let words = "contain.modules=softdog contain.watchdog=6s";
    let options = ["--icount", "--modules", "softdog", "--words", words, "--", "/bin/sh", "/hang.sh"];
    let (boot, errors) = boot_anyhow(&options);
    boot.is("watchdog", "active");
    assert!(boot.console.contains("softdog: Initiating system reboot"), "{}", boot.console);
    assert!(boot.status == 125 && errors.contains("the console never told an exit status"), "{errors}");
}

#[test]
fn the_boot_is_charted() {
    let chart = MACHINE.output("chart");
    let names: Vec<&str> = chart.split('|').filter_map(|line| line.split_once(" ms  ")).map(|(_, name)| name).collect();
    for stage in ["kernel", "early mounts", "console", "settings", "modules", "watchdog", "boot", "command"] {
        assert!(names.contains(&stage), "{stage} is not in {chart}");
    }
    let svg = MACHINE.output("svg");
    assert!(svg.starts_with("<svg ") && svg.contains(">modules ") && svg.ends_with("</svg>"), "{svg}");
}
