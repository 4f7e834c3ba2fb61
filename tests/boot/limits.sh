# The first boot: the machine as contain set it up, a container from the initramfs itself, and the memory and pid
# limits in the kernel's own numbers, under cgroup v2.
. /facts.sh

fact boot.pid1 "$(tr '\0' ' ' </proc/1/cmdline)"
fact boot.args "$*"
fact boot.controllers "$(cat /sys/fs/cgroup/cgroup.controllers)"
fact boot.enabled "$(cat /sys/fs/cgroup/cgroup.subtree_control)"
for path in / /dev /proc /sys /dev/pts /dev/shm /run /tmp /sys/fs/cgroup; do
    # Of two mounts on one path, the later one is seen.
    fact "boot.mount.$path" "$(awk -v path="$path" '$5 == path { for (i = 7; i < NF; i++) if ($i == "-") type = $(i + 1) } END { print type }' /proc/self/mountinfo)"
done
fact boot.umask "$(umask)"
fact boot.cwd "$(pwd)"
fact boot.terminal "$(cut -d ' ' -f 7 /proc/self/stat)"
fact boot.signals "$(grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -s '\t\n' '  ')"
fact boot.fds "$(sh -c 'exec 3>&-; echo /proc/self/fd/*')"
fact boot.lo "$(ip link show lo | head -n 1)"
outcome boot.check contain check
left before

# What a container sees. The words are the same as on any host.
outcome first box --memory 64M --hostname box -- '
    hostname; ls /; cat /proc/self/cgroup; cat /sys/fs/cgroup/memory.max; ls /proc/self/fd; 
    tr "\0" " " </proc/1/cmdline | head -n 1; exit'
outcome readonly box --memory 64M -- 'echo max >/sys/fs/cgroup/memory.max'
outcome files box --memory 64M --memory-high 48M --memory-swap 96M --pids 32 --cpu 50000 --cpu-weight 50 --cpuset 0 -- '
    cd /sys/fs/cgroup
    for file in memory.max memory.high memory.swap.max pids.max cpu.max cpu.weight cpuset.cpus; do
        echo "$file $(cat $file)"
    done'
outcome none box -- 'cat /proc/self/cgroup'
outcome plan contain run --dry-run --rootfs /r --memory 64M -- /bin/true

# From outside: where the leaf is, who is in it, and what its mount namespace has for a root. setns moves a process
# to that root, so a container that had only been chrooted would show the machine's /init here.
contain run --rootfs /r --memory 64M --pids 16 -- /bin/sleep 1000 >/tmp/out 2>&1 &
contain=$!
soon pidof sleep >/dev/null
pid=$(pidof sleep)
leaf=$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
fact outside.leaf "$leaf"
fact outside.procs "$([ "$(cat "/sys/fs/cgroup$leaf/cgroup.procs")" = "$pid" ] && echo "the command alone")"
fact outside.max "$(cat "/sys/fs/cgroup$leaf/memory.max") $(cat "/sys/fs/cgroup$leaf/pids.max")"
fact outside.root "$(nsenter -t "$pid" -m /bin/ls / | tr '\n' ' ')"
fact outside.mounts "$(awk '{ print $5 }' "/proc/$pid/mountinfo" | sort | tr '\n' ' ')"
kill -9 "$pid"
wait "$contain"
fact outside.killed $?

# Over the memory limit. The kernel's log says which cgroup was full.
dmesg -c >/dev/null
outcome oom contain run --rootfs /r --memory 64M -- /bin/dd if=/dev/zero of=/dev/null bs=100M count=1
fact oom.kernel "$(dmesg | sed -n 's/.*constraint=\(CONSTRAINT_MEMCG\).*oom_memcg=\(\/contain-[0-9a-f]*\),.*task=\([a-z]*\),.*/\1 \2 \3/p')"
outcome under contain run --rootfs /r --memory 64M -- /bin/dd if=/dev/zero of=/dev/null bs=32M count=1

# At the pid limit. The shell gives up at the first fork that fails, so a subshell tries, and the rest is done
# without forking: the files are read by the shell itself. By then the subshell is gone, so 7 are left.
outcome pids box --pids 8 -- '
    (i=0; while [ $i -lt 20 ]; do sleep 1000 & i=$((i + 1)); done)
    echo "tried $?"
    read current </sys/fs/cgroup/pids.current; echo "current $current"
    read event times </sys/fs/cgroup/pids.events; [ "$times" -gt 0 ] && echo "$event hit"
    kill -9 -1'

# contain itself killed: its container dies with it, and the next one removes the cgroup.
contain run --rootfs /r --memory 64M -- /bin/sleep 1000 >/tmp/out 2>&1 &
contain=$!
soon pidof sleep >/dev/null
pid=$(pidof sleep)
kill -9 "$contain"
wait "$contain" 2>/dev/null
soon gone "$pid"
fact orphaned.pid "$(gone "$pid" && echo gone)"
box -- true
fact orphaned.leaves "$(leaves)"

# A fault of its own, as if: it is told by the name of the signal, which then takes its course.
for signal in ILL SEGV BUS FPE TRAP; do
    contain run --rootfs /r -- /bin/sleep 1000 >/tmp/out 2>/tmp/err &
    contain=$!
    soon pidof sleep >/dev/null
    pid=$(pidof sleep)
    kill -$signal "$contain"
    wait "$contain" 2>/dev/null
    fact "fault.$signal" "$? $(grep -o 'internal error.*' /tmp/err)"
    soon gone "$pid"
done

outcome timeout contain run --rootfs /r --memory 64M --timeout 1s --init -- /bin/sleep 1000
left after
exit 7
