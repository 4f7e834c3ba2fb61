//! What `contain help` says of each command. help.rs reads off these texts which options a command takes.

macro_rules! topics {
    ($($(#[$doc:meta])* $topic:ident $text:literal;)*) => {
        /// What there is a text of.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Topic { $($(#[$doc])* $topic),* }

        pub const TEXTS: &str = concat!($($text, "\0"),*);
        #[cfg(test)]
        pub const TOPICS: &[Topic] = &[$(Topic::$topic),*];
    };
}

topics! {
    /// The options that stand before a command.
    Global "  -h, --help\n  -V, --version\n  --root DIR\n";

    Overview "\
contain: run a command in a container, or be the init of a machine

usage: contain [--root DIR] COMMAND

  run [OPTIONS] [--rootfs DIR] [--] COMMAND [ARG...]
                      run a command in a new container; -d in the background
  ps, list [-a]       list containers
  exec ID COMMAND...  run a command in a running container
  logs [-f] ID        show what a container printed
  stop, kill, rm, wait, pause, resume ID...
                      end, signal, forget, wait for, freeze, thaw containers
  prune               forget all that have ended
  top, inspect, stats, update ID
                      processes, facts, figures, new limits of a container
  service ls|start|stop|restart|log [NAME]
                      what process 1 starts, where that is contain
  completion bash|zsh|fish
                      a script that completes these words in a shell
  bootchart [FILE]    what of this machine's boot took how long
  check               what this kernel and user can do
  init [--] COMMAND...
                      be a container's first process
  dhcp [INTERFACE]    configure a network interface
  poweroff, reboot, halt [-f]
                      end this machine
  help [COMMAND]

As process 1 of a machine (/init of an initramfs) contain mounts what a system
needs, runs the words after `--` on the kernel command line, and powers off.

try: contain run --rootfs ./rootfs --memory 64M -- /bin/sh
";

    Run "\
contain run: run a command in a new container

usage:
  contain run [OPTIONS] [--rootfs DIR] [--] COMMAND [ARG...]
  contain run [OPTIONS] DIR COMMAND [ARG...]

file system:
  --rootfs DIR|IMAGE      root file system (default: $CONTAIN_ROOTFS, ./rootfs)
                          several are layers, the last on top
  --overlay[=DIR]         what is written goes into memory, or is kept in DIR
  --read-only             mount it read-only
  -v, --volume SRC:DST[:ro,noexec,nosuid,nodev,bind,slave,shared,idmap]
                          show a file or directory of the host inside
  --tmpfs DST[:size=64m]  mount an empty file system in memory
  --mount type=bind|tmpfs,source=SRC,target=DST[,readonly]
                          the same as docker and podman spell it
limits:
  -m, --memory SIZE       bytes, or with K, M, G, T: 64M
  --memory-swap SIZE      memory and swap together; max for no limit
  --memory-high SIZE      slow the container down from here on (cgroup v2)
  --cpu QUOTA[ PERIOD]    microseconds of CPU in each period: 50000
  --cpus N                the same as a number of CPUs: 0.5
  --cpu-weight N          share under contention, 1 to 10000 (default 100)
  --cpuset LIST           the CPUs to run on: 0-3,5
  --pids N|max            how many processes there may be
  --cgroup-parent PATH    make its control group below this one: /user/web
process:
  -e, --env KEY[=VALUE]   set a variable, or pass ours through
  --env-file FILE         a variable on each line
  -w, --workdir DIR       start here (default: /)
  -u, --user UID[:GID]|NAME[:GROUP]
                          run as this user of the container (default: 0:0)
  --hostname NAME         (default: the container's id)
  --init                  contain stays the first process inside: it forwards
                          signals and reaps zombies
  -i, --interactive       pass standard input on (it is, unless -d)
  -t, --tty               give it a terminal (default: when stdin and stdout
                          are terminals)
  -T, --no-tty            give it none
  --timeout TIME          end it after 500ms, 30s, 5m: TERM, and KILL 5 s later
  --domainname NAME       the NIS domain (default: the host's)
  --group-add GROUP       a further group of the user, by number or name
what it may do:
  --cap-add CAPABILITY,...
                          more than podman's default eleven: NET_ADMIN, or ALL
  --cap-drop CAPABILITY,...
                          less than these, or ALL; then --cap-add adds
  --device HOST[:INSIDE]  a device of the host, in /dev
  --ulimit LIMIT=SOFT[:HARD]
                          a limit of each process: nofile=1024:4096
  --oom-score-adj N       how soon it is killed for memory: to 1000 sooner,
                          to -1000 later
  --sysctl KEY=VALUE      kernel.msgmax and its like, fs.mqueue.*, net.*
  --shm-size SIZE         of /dev/shm (default: 64M)
  --security no-new-privs|new-privs
                          whether setuid programs inside have no effect
                          (default: they have none)
  --privileged            all that this user may: every capability, the host's
                          devices, setuid programs, nothing masked or read-only
  --seccomp default|unconfined|FILE
                          which system calls it may make; FILE as docker has it
remembering:
  -d, --detach            run in the background and print the container's id
  --name NAME             another name for it than its id
  --keep                  remember it when it has ended, until `contain rm`
                          (so with -d or --name)
  --rm                    forget it when it has ended
  --log                   keep what it prints in files, too (so with -d)
  --log-max SIZE          rotate each of them once when it gets this large
  --root DIR              where containers are written down (default:
                          $CONTAIN_ROOT, /run/contain, /tmp/contain-UID)
namespaces:
  --net none|host         (default none: only lo, up)
  --pid host  --ipc host  --uts host
                          share the host's
  --userns auto|keep-id|host
                          ids as an ordinary user: those that /etc/subuid and
                          newuidmap give, else one; keep-id: ours stay ours;
                          auto as root: 65536 that nobody has
  --uidmap INSIDE:OUTSIDE:COUNT
  --gidmap INSIDE:OUTSIDE:COUNT
                          map these ids into a user namespace
contain itself:
  -q, --quiet             tell errors and why it was killed, no more
  --verbose               tell each step (default: when stderr is a terminal)
  --dry-run               print the steps and do nothing
  -h, --help

exit status: the command's own; 128+N when signal N killed it; 124 timed out;
125 contain failed; 126 cannot be executed; 127 not found; 2 wrong usage
";

    Check "\
contain check: tell what this kernel and user can do

usage:
  contain check

One line each: yes or no, what it is for, and how to get what is missing.
exit status: 0 when `contain run` can work here, else 1
";

    Dhcp "\
contain dhcp: have a network interface configured by a DHCP server

usage:
  contain dhcp [--once] [INTERFACE]

  --once   end when it is configured; else the lease is renewed until SIGTERM
           comes, and given back then

INTERFACE is by default the first that is a network card's. It gets address,
routes and MTU; /etc/resolv.conf the name servers; and the machine a name where
it has none.
";

    Init "\
contain init: be the first process of a container

usage:
  contain init [--] COMMAND [ARG...]

Runs COMMAND in a session of its own, passes every signal on to it, reaps every
process that is left behind, and ends with COMMAND's exit status. `contain run
--init` puts it there.
";

    PowerOff "\
contain poweroff, reboot, halt: end this machine

usage:
  contain poweroff|reboot|halt [-fn]

  -f, --force     at once, with no process ended and nothing unmounted
  -n, --no-sync   not even what is to be written to the disks is, with -f

They send process 1 the signal that asks for it. The names poweroff, reboot and
halt, as links to contain, do the same.
";

    Tini "\
tini: run a command in a container as its init; here contain does

usage: tini [OPTIONS] [--] COMMAND [ARG...]

  -s            reap orphans where this is not process 1 (TINI_SUBREAPER)
  -g            signals go to its whole process group (TINI_KILL_PROCESS_GROUP)
  -e STATUS     an exit status that is told as 0; may be given several times
  -p SIGNAL     what this process gets when its parent ends: SIGKILL
  -w            tell each process that is reaped
  -v            (TINI_VERBOSITY) is taken, and tells no more
  --version  -h

exit status: the command's own; 128+N when signal N ended it; 126 cannot be
executed; 127 not found; 1 wrong usage
";

    Ps "\
contain ps: list containers

usage:
  contain ps [OPTIONS]        (or: contain list)

  -a, --all      those that have ended, too
  -q, --quiet    ids only
  --json         as JSON, one array
  --no-trunc     whole commands, however wide
";

    Logs "\
contain logs: show what a container printed

usage:
  contain logs [OPTIONS] ID

  -f, --follow   go on until the container ends
  -n, --tail N   the last N lines only

Its standard output goes to standard output, its standard error to standard
error.
";

    Exec "\
contain exec: run a command in a running container

usage:
  contain exec [OPTIONS] ID [--] COMMAND [ARG...]

  -i, --interactive   pass standard input on (it is, unless -d)
  -t, --tty           give it a terminal (default: when stdin and stdout are
                      terminals)
  -T, --no-tty        give it none
  -d, --detach        do not wait for it
  -e, --env KEY[=VALUE]
  --env-file FILE
  -w, --workdir DIR   start here (default: the container's)
  -u, --user UID[:GID]|NAME[:GROUP]
                      run as this user (default: the container's)

exit status: as that of `contain run`
";

    Top "\
contain top: list the processes of a container

usage:
  contain top ID
";

    Kill "\
contain kill: send a signal to containers

usage:
  contain kill [-s SIGNAL] ID...

  -s, --signal SIGNAL   by name or number (default: KILL)
";

    Stop "\
contain stop: end containers, first with SIGTERM, then with SIGKILL

usage:
  contain stop [-t TIME] ID...

  -t, --time TIME   how long to wait between the two: 5, 500ms (default: 10)
";

    Rm "\
contain rm: forget containers that have ended

usage:
  contain rm [-f] [-t TIME] ID...

  -f, --force       end those that run first, as `contain stop` does
  -t, --time TIME   how long to wait for that: 5, 500ms (default: 10)
";

    Prune "\
contain prune: forget every container that has ended, and remove what is left

usage:
  contain prune
";

    Wait "\
contain wait: wait until containers have ended, and print their exit status

usage:
  contain wait ID...
";

    Pause "\
contain pause: freeze all processes of containers

usage:
  contain pause ID...
";

    Resume "\
contain resume: let paused containers go on

usage:
  contain resume ID...
";

    Inspect "\
contain inspect: print all that is known of containers, as JSON

usage:
  contain inspect ID...
";

    Stats "\
contain stats: show what containers use

usage:
  contain stats [OPTIONS] [ID...]

  --no-stream    once, not every second
  --json         as JSON
";

    Update "\
contain update: change the limits of a running container

usage:
  contain update OPTIONS ID

  -m, --memory SIZE
  --memory-swap SIZE|max
  --memory-high SIZE
  --cpu QUOTA[ PERIOD]
  --cpus N
  --cpu-weight N
  --cpuset LIST
  --pids N|max
";

    Service "\
contain service: what process 1 of a machine starts, where that is contain

usage:
  contain service [ls] [--json]
  contain service start|stop|restart|log NAME...

  --json    as JSON, one array

ls lists them, start, stop and restart wait until that is done, and log shows
what one printed, where it has a log file.
";

    Bootchart "\
contain bootchart: draw what of a boot took how long

usage:
  contain bootchart [--svg] [FILE]

  --svg   as a picture

FILE is what contain wrote as process 1 of a machine, with contain.bootchart=1
on the kernel command line (default: /run/contain/bootchart).
";

    Completion "\
contain completion: print a script that completes contain's words in a shell

usage:
  contain completion bash|zsh|fish

bash: put `eval \"$(contain completion bash)\"` into ~/.bashrc
zsh:  put `eval \"$(contain completion zsh)\"` into ~/.zshrc, after compinit
fish: contain completion fish > ~/.config/fish/completions/contain.fish
";
}
