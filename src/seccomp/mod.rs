//! Which system calls a container may make (seccomp(2)): the default profile, the reader of profiles in the format of docker
//! and podman, and the compiler that makes a program for the kernel of either. No system call here: a program is a value.

mod default;
pub mod names;
pub mod profile;
pub mod tree;

use crate::spec::Seccomp;

/// A program of classic BPF, an instruction a number: struct sock_filter as it lies in memory.
pub type Program = &'static [u64];

/// With the program that the default profile is for a container with these capabilities.
pub fn whole(seccomp: Seccomp, capabilities: u64) -> Seccomp {
    match seccomp.name == Seccomp::DEFAULT {
        true => Seccomp { program: default::program(capabilities), ..seccomp },
        false => seccomp,
    }
}

#[cfg(test)]
mod tests;
