//! What is to be mounted how, in the words of mount(8).

use crate::text::{lines, place, split};

/// Words as mount(2) takes them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// MS_* flags.
    pub flags: u32,
    /// What is not a flag, for the file system, commas between.
    pub data: String,
    /// Wait for the device.
    pub wait: bool,
}

pub const READ_ONLY: u32 = 1;
pub const REMOUNT: u32 = 1 << 5;
pub const BIND: u32 = 1 << 12;
pub const MOVE: u32 = 1 << 13;
const REC: u32 = 1 << 14;
/// unbindable, private, slave, shared: each a call of its own.
pub const PROPAGATION: u32 = 15 << 17;

/// The flags in the order of their bits, from the lowest on, and the words that take them back.
const FLAGS: &str = "ro\nnosuid\nnodev\nnoexec\nsync\nremount\n\ndirsync\nnosymfollow\n\nnoatime\nnodiratime\nbind\nmove\n\n\n\n\
    unbindable\nprivate\nslave\nshared\nrelatime\n\n\nstrictatime\nlazytime";
const TAKEN_BACK: &str = "rw\nsuid\ndev\nexec\nasync";
/// Of fstab(5), for others.
const IGNORED: &str = "\ndefaults\nauto\nnofail\n_netdev";

impl Options {
    pub fn parse(text: &str) -> Options {
        let mut options = Options::default();
        for word in split(text, b',') {
            let bit =
                |names, word: &str| place(names, word.as_bytes()).filter(|_| !word.is_empty()).map(|at| 1u32 << at);
            // rbind, rshared and their like.
            let all =
                word.strip_prefix('r').and_then(|word| bit(FLAGS, word)).filter(|it| it & (BIND | PROPAGATION) != 0);
            if let Some(flag) = bit(FLAGS, word) {
                options.flags |= flag;
            } else if let Some(flag) = all {
                options.flags |= flag | REC;
            } else if let Some(flag) = bit(TAKEN_BACK, word) {
                options.flags &= !flag;
            } else if word == "wait" {
                options.wait = true;
            } else if !lines(IGNORED).any(|it| it == word) {
                if !options.data.is_empty() {
                    options.data.push(',');
                }
                options.data.push_str(word);
            }
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linux_raw_sys::general as raw;

    #[test]
    fn words_are_the_kernels_flags() {
        for (word, flag) in [
            ("ro", raw::MS_RDONLY),
            ("nosuid", raw::MS_NOSUID),
            ("nodev", raw::MS_NODEV),
            ("noexec", raw::MS_NOEXEC),
            ("sync", raw::MS_SYNCHRONOUS),
            ("remount", raw::MS_REMOUNT),
            ("dirsync", raw::MS_DIRSYNC),
            ("noatime", raw::MS_NOATIME),
            ("nodiratime", raw::MS_NODIRATIME),
            ("bind", raw::MS_BIND),
            ("rbind", raw::MS_BIND | raw::MS_REC),
            ("move", raw::MS_MOVE),
            ("private", raw::MS_PRIVATE),
            ("rshared", raw::MS_SHARED | raw::MS_REC),
            ("slave", raw::MS_SLAVE),
            ("unbindable", raw::MS_UNBINDABLE),
            ("relatime", raw::MS_RELATIME),
            ("strictatime", raw::MS_STRICTATIME),
            ("lazytime", raw::MS_LAZYTIME),
            ("ro,rw", 0),
            ("nosuid,suid,noexec,exec,nodev,dev,sync,async", 0),
            ("defaults,,nofail", 0),
        ] {
            assert_eq!(Options::parse(word), Options { flags: flag, ..Options::default() }, "{word}");
        }
        assert_eq!(PROPAGATION, raw::MS_PRIVATE | raw::MS_SLAVE | raw::MS_SHARED | raw::MS_UNBINDABLE);
    }

    #[test]
    fn other_words_are_the_file_systems() {
        let expected = Options { flags: 3, data: "size=64m,mode=1777,rest".into(), wait: true };
        assert_eq!(Options::parse("size=64m,ro,wait,mode=1777,nosuid,rest"), expected);
    }
}
