//! What the user wrote, word by word, turned into values. Pure: nothing here touches the system.

pub mod args;
pub mod cmdline;
pub mod conf;
pub mod env;
pub mod help;
pub mod inittab;
pub mod ip;
pub mod map;
pub mod mount;
pub mod near;
pub mod number;
pub mod privilege;
pub mod services;
pub mod settings;
pub mod texts;
pub mod user;
pub mod volume;
