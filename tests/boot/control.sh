# Containers that are there, under cgroup v2: paused, updated, stopped, killed, removed, and cleared away when their
# contain was killed. The state is in /run, the groups are looked at from the machine.
. /facts.sh

detached() { contain run -d --rootfs /r "$@" >/tmp/id 2>/tmp/err; cat /tmp/id /tmp/err; }
group() { echo "/sys/fs/cgroup/contain-$1"; }
lines() { wc -l <"/run/contain/$1/stdout.log"; }
frozen() { grep frozen "$(group "$1")/cgroup.events"; }
more() { [ "$(lines "$1")" -gt "$2" ]; }
listed() { contain ps -a --no-trunc | grep -c "^$1.*$2"; }
left before

# Paused and going on.
id=$(detached -- /bin/sh -c 'i=0; while :; do i=$((i + 1)); echo $i; done')
soon more "$id" 100
outcome pause contain pause "$id"
fact pause.id "$id"
fact pause.frozen "$(frozen "$id")"
fact pause.listed "$(listed "$id" paused)"
count=$(lines "$id")
outcome pause.again contain pause "$id"
sleep 1
fact pause.still "$([ "$(lines "$id")" = "$count" ] && echo still)"
outcome resume contain resume "$id"
fact resume.frozen "$(frozen "$id")"
fact resume.on "$(soon more "$id" "$count" && echo on)"
outcome resume.again contain resume "$id"

# Limits that it was not begun with, and then other ones.
outcome update contain update --memory 64M --memory-swap 96M --memory-high 48M --pids 9 --cpu '20000 50000' --cpu-weight 50 --cpuset 0 "$id"
fact update.files "$(cd "$(group "$id")" && cat memory.max memory.oom.group memory.swap.max memory.high pids.max cpu.max cpu.weight cpuset.cpus)"
# Swap is what is above the memory.
outcome update.memory contain update --memory 80M "$id"
fact update.swap "$(cat "$(group "$id")/memory.max" "$(group "$id")/memory.swap.max")"
outcome update.wrong contain update --memory 100M "$id"
contain inspect "$id" >/tmp/inspected
fact update.noted "$(grep -E '"(memory|memory_swap|pids)"' /tmp/inspected | tr -d ' ')"
outcome stop contain stop "$id"
fact stop.listed "$(listed "$id" 'stopped (143)')"
fact stop.leaves "$(leaves)"
outcome rm contain rm "$id"

# Less than it uses: the kernel would kill it.
id=$(detached --memory 64M -- /bin/sh -c 'dd if=/dev/zero of=/dev/shm/x bs=1M count=24; echo full; exec sleep 1000')
soon more "$id" 0
outcome below contain update --memory 8M --pids 33 "$id"
fact below.files "$(cat "$(group "$id")/memory.max" "$(group "$id")/pids.max")"
fact below.listed "$(listed "$id" running)"
contain rm -f "$id" >/dev/null

# One that ignores SIGTERM, paused: thawed for the signal, killed after the grace.
id=$(detached -- /bin/sh -c 'trap "" TERM; echo ready; while :; do sleep 1; done')
soon more "$id" 0
contain pause "$id" >/dev/null
outcome deaf contain stop -t 1 "$id"
fact deaf.listed "$(listed "$id" 'stopped (137)')"
outcome deaf.wait contain wait "$id"

# Paused ones that are killed and removed; one without a pid namespace.
id=$(detached -- sleep 1000)
contain pause "$id" >/dev/null
outcome killed contain kill "$id"
fact killed.listed "$(listed "$id" 'stopped (137)')"
id=$(detached --pid host -- /bin/sh -c 'setsid sleep 1000 & echo $!; exec sleep 1000')
soon more "$id" 0
pid=$(cat "/run/contain/$id/stdout.log")
contain pause "$id" >/dev/null
outcome forced contain rm -f "$id"
fact forced.pid "$(soon gone "$pid" && echo gone)"

# One more command in a container: it is born in its group, held by its limits, and ends with it.
id=$(detached --memory 64M --pids 16 -- sleep 1000)
outcome exec contain exec "$id" -- sh -c 'cat /proc/self/cgroup /sys/fs/cgroup/memory.max; tr "\0" " " </proc/1/cmdline'
outcome stats contain stats --no-stream --json "$id"
outcome exec.left contain exec -d "$id" -- sleep 1000
fact exec.procs "$(wc -l <"$(group "$id")/cgroup.procs")"
contain exec "$id" -- sh -c 'i=0; while [ $i -lt 40 ]; do sleep 1000 & i=$((i + 1)); done' >/tmp/out 2>&1
fact exec.bomb "$? $(wc -l <"$(group "$id")/cgroup.procs")"
outcome exec.last contain exec -d "$id" -- sleep 1000
outcome exec.full contain exec -d "$id" -- sleep 1000
outcome exec.rm contain rm -f "$id"
fact exec.leaves "$(leaves)"

# Its contain killed while it is paused.
id=$(detached --name lost -- sleep 1000)
contain pause lost >/dev/null
contain inspect lost >/tmp/inspected
kill -9 "$(sed -n 's/.*"supervisor_pid": \([0-9]*\),.*/\1/p' /tmp/inspected)"
soon contain prune >/dev/null
fact lost.left "$(contain ps -a -q | wc -l) $(ls /run/contain/names | wc -l) $(leaves)"
left after
