//! One file for each command and each life: they alone know how the parts play together.

pub mod ask;
pub mod boot;
pub mod check;
pub mod complete;
pub mod control;
pub mod detach;
pub mod devices;
pub mod exec;
pub mod forget;
pub mod ids;
pub mod init;
pub mod list;
pub mod logs;
pub mod manage;
pub mod mean;
pub mod output;
pub mod remember;
pub mod rootfs;
pub mod run;
pub mod running;
pub mod service;
pub mod stats;
pub mod streams;
pub mod table;
pub mod tini;
pub mod update;
