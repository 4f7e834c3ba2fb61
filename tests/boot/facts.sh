# What every probe begins with. A fact is a line NAME=VALUE on the second serial port, where no other output can
# get between; tests/boot.rs reads them. Runs in the guest, by busybox sh.
case $(uname -m) in
    aarch64) port=/dev/ttyS0 ;; # The first one there is ttyAMA0.
    *) port=/dev/ttyS1 ;;
esac
exec 3>$port

# fact NAME VALUE: lines of a value are joined with `|`.
fact() { printf '%s=%s\n' "$1" "$(printf '%s' "$2" | tr '\n' '|')" >&3; }

# outcome NAME COMMAND...: its exit status, standard output and standard error, as three facts.
outcome() {
    name=$1
    shift
    "$@" >/tmp/out 2>/tmp/err </dev/null
    fact "$name.status" $?
    fact "$name.out" "$(cat /tmp/out)"
    fact "$name.err" "$(cat /tmp/err)"
}

# box FLAGS... -- SCRIPT: a shell script in a container whose root is /r.
box() {
    flags=
    while [ "$1" != -- ]; do flags="$flags $1"; shift; done
    contain run --rootfs /r $flags -- /bin/sh -c "$2"
}

# soon COMMAND...: waits for it to succeed; ten seconds are for a machine that is broken.
soon() {
    tries=100
    until "$@"; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.1
    done
}
gone() { [ ! -e "/proc/$1" ]; }

zombies() { cat /proc/[0-9]*/stat 2>/dev/null | grep -c '^[0-9]* (.*) Z'; }
# Kernel threads are children of process 2; what is left are the processes that somebody started. No pipe, of which
# ps would see one end or both.
processes() {
    ps -o pid,ppid >/tmp/processes
    awk '$1 != 2 && $2 != 2 { count++ } END { print count }' /tmp/processes
}
leaves() { find /sys/fs/cgroup -name 'contain-*' -type d | wc -l; }
mounts() { wc -l </proc/self/mountinfo; }

# left before|after: what must be the same at both times.
before=1000
settled() { [ "$(processes)" -le "$before" ]; }
left() {
    # A process that was killed goes in its own time, but it goes.
    soon settled
    before=$(processes)
    fact "$1.processes" "$before"
    fact "$1.zombies" "$(zombies)"
    fact "$1.leaves" "$(leaves)"
    fact "$1.mounts" "$(mounts)"
}
