//! The texts of `contain help`. "Did you mean" reads the options off them.

/// The commands' names.
pub const COMMANDS: [&str; 5] = ["run", "init", "check", "help", "version"];

/// The options that stand before a command.
pub const GLOBAL: &str = "  -h, --help\n  -V, --version\n";

pub const OVERVIEW: &str = "\
contain: run a command in a container, or be the init of a machine

usage:
  contain run [OPTIONS] [--rootfs DIR] [--] COMMAND [ARG...]
  contain run [OPTIONS] DIR COMMAND [ARG...]
  contain check                  what this kernel and user can do
  contain init [--] COMMAND...   be a container's first process
  contain help [run|check|init]
  contain --version

As process 1 of a machine (/init of an initramfs) contain mounts what a system
needs, runs the words after `--` on the kernel command line, and powers off.

try: contain run --rootfs ./rootfs --memory 64M -- /bin/sh
";

pub const RUN: &str = "\
contain run: run a command in a new container

usage:
  contain run [OPTIONS] [--rootfs DIR] [--] COMMAND [ARG...]
  contain run [OPTIONS] DIR COMMAND [ARG...]

file system:
  --rootfs DIR            root file system (default: $CONTAIN_ROOTFS, ./rootfs)
  --read-only             mount it read-only
  -v, --volume SRC:DST[:ro,noexec,nosuid,nodev]
                          show a file or directory of the host inside
  --tmpfs DST[:size=64m]  mount an empty file system in memory
limits:
  -m, --memory SIZE       bytes, or with K, M, G, T: 64M
  --memory-swap SIZE      memory and swap together; max for no limit
  --memory-high SIZE      slow the container down from here on (cgroup v2)
  --cpu QUOTA[ PERIOD]    microseconds of CPU in each period: 50000
  --cpus N                the same as a number of CPUs: 0.5
  --cpu-weight N          share under contention, 1 to 10000 (default 100)
  --cpuset LIST           the CPUs to run on: 0-3,5
  --pids N|max            how many processes there may be
process:
  -e, --env KEY[=VALUE]   set a variable, or pass ours through
  --env-file FILE         a variable on each line
  -w, --workdir DIR       start here (default: /)
  -u, --user UID[:GID]|NAME[:GROUP]
                          run as this user of the container (default: 0:0)
  --hostname NAME         (default: the container's id)
  --init                  contain stays the first process inside: it forwards
                          signals and reaps zombies
  -t, --tty               give it a terminal (default: when stdin and stdout
                          are terminals)
  -T, --no-tty            give it none
  --timeout TIME          end it after 500ms, 30s, 5m: TERM, and KILL 5 s later
namespaces:
  --net none|host         (default none: only lo, up)
  --pid host  --ipc host  --uts host
                          share the host's
contain itself:
  --quiet                 tell errors and why it was killed, no more
  --verbose               tell each step (default: when stderr is a terminal)
  --dry-run               print the steps and do nothing
  -h, --help

exit status: the command's own; 128+N when signal N killed it; 124 timed out;
125 contain failed; 126 cannot be executed; 127 not found; 2 wrong usage
";

pub const CHECK: &str = "\
contain check: tell what this kernel and user can do

usage:
  contain check

One line each: yes or no, what it is for, and how to get what is missing.
exit status: 0 when `contain run` can work here, else 1
";

pub const INIT: &str = "\
contain init: be the first process of a container

usage:
  contain init [--] COMMAND [ARG...]

Runs COMMAND in a session of its own, passes every signal on to it, reaps every
process that is left behind, and ends with COMMAND's exit status. `contain run
--init` puts it there.
";

/// The flags that a help text lists: the words that begin with a dash at the start of its option lines.
pub fn flags(text: &'static str) -> impl Iterator<Item = &'static str> {
    let lines = text.lines().filter(|line| line.starts_with("  -"));
    lines.flat_map(|line| line.split([' ', ',', '['])).filter(|word| word.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_flags() {
        let all: Vec<_> = flags(RUN).collect();
        for flag in ["--rootfs", "-m", "--memory", "--volume", "--env", "--ipc", "--uts", "--dry-run", "--cpu", "-h"] {
            assert!(all.contains(&flag), "{flag} in {all:?}");
        }
    }

    #[test]
    fn texts_fit_a_terminal() {
        for text in [OVERVIEW, RUN, CHECK, INIT] {
            assert!(text.lines().all(|line| line.len() < 80), "{text}");
        }
    }
}
