//! Every boot test once more, in a machine that is an aarch64: what is in these files holds on both. Here each is a module, so
//! that `cargo test --test aarch64 boot_storage` is one of them; tests/common/machine.rs asks which one is meant. A file that is
//! missing here fails in tests/tidy.rs. But for the attack suite, which takes an emulated aarch64 ten minutes and longer:
//! `cargo test --test boot_attack` holds for x86_64 alone.
#![allow(clippy::duplicate_mod)] // Each has what the tests share as a module of its own, as it must have by itself.

#[path = "boot.rs"]
mod boot;
#[path = "boot_delegated.rs"]
mod boot_delegated;
#[path = "boot_end.rs"]
mod boot_end;
#[path = "boot_exit.rs"]
mod boot_exit;
#[path = "boot_images.rs"]
mod boot_images;
#[path = "boot_modules.rs"]
mod boot_modules;
#[path = "boot_network.rs"]
mod boot_network;
#[path = "boot_root.rs"]
mod boot_root;
#[path = "boot_rootless.rs"]
mod boot_rootless;
#[path = "boot_services.rs"]
mod boot_services;
#[path = "boot_settings.rs"]
mod boot_settings;
#[path = "boot_storage.rs"]
mod boot_storage;
