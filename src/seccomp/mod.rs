//! Which system calls a container may make (seccomp(2)): the default profile, the reader of profiles in the format of docker
//! and podman, and the compiler that makes a program for the kernel of either. No system call here: a program is a value.

mod default;
pub mod names;
pub mod profile;
pub mod tree;

use crate::spec::Seccomp;

/// A program of classic BPF, an instruction a number: struct sock_filter as it lies in memory.
pub type Program = &'static [u64];

/// The program for a container with these capabilities, which the default profile goes by.
pub fn program(seccomp: Seccomp, capabilities: u64) -> Program {
    if seccomp.name == Seccomp::DEFAULT { default::program(capabilities) } else { seccomp.program }
}

#[cfg(test)]
mod tests;
