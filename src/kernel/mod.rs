//! One file per subject of the kernel's; each function is one thing asked of it. No policy here: what to do stands in
//! the plan.

pub mod cgroup;
pub mod child;
pub mod clock;
pub mod console;
pub mod device;
pub mod disk;
pub mod file;
pub mod identity;
pub mod layer;
pub mod module;
pub mod mount;
pub mod namespace;
pub mod net;
pub mod power;
pub mod proc;
pub mod program;
pub mod random;
pub mod rlimit;
pub mod root;
pub mod spread;
pub mod superblock;
pub mod switch;
pub mod terminal;
pub mod users;
pub mod walk;
