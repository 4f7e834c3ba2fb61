//! One file for each command and each life: they alone know how the parts play together.

pub mod boot;
pub mod check;
pub mod init;
pub mod mean;
pub mod output;
pub mod run;
