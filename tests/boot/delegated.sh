# cgroup v2 below another group than the top: root's choice of one, and what root has delegated to nobody, who sits in a
# leaf of it.
. /facts.sh
chmod 755 /tmp; chmod 1777 /tmp
cd /sys/fs/cgroup
subtree() { tr ' ' '\n' <"$1/cgroup.subtree_control" | sort | tr '\n' ' '; }
left before

outcome parent contain run --rootfs /r --cgroup-parent /a/b -m 64M --pids 9 -- /bin/sh -c 'cat /proc/self/cgroup /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max'
fact parent.enabled "$(subtree a)$(subtree a/b)"
# The initramfs's own file system maps no ids on this kernel.
outcome auto contain run --rootfs /r --userns auto -- true
outcome mapped contain run --rootfs /r --uidmap 0:0:1000 --cgroup-parent /a/b -m 64M -- cat /proc/self/cgroup /sys/fs/cgroup/memory.max /proc/self/uid_map
mkdir busy; echo $$ >busy/cgroup.procs
outcome busy contain run --rootfs /r --cgroup-parent /busy -m 64M -- true
outcome busy.plain contain run --rootfs /r --cgroup-parent /busy -- echo ran
echo $$ >cgroup.procs; rmdir busy a/b a

mkdir his his/leaf
chown -R nobody his
# within GROUP SCRIPT: as nobody, in that group.
within() { /bin/sh -c 'echo $$ >"$0/cgroup.procs"; exec su nobody -s /bin/sh -c "$1"' "$1" "$2"; }
he() { within his/leaf "$1"; }
outcome plain he 'contain run --rootfs /r -- cat /proc/self/cgroup'
outcome limits he 'contain run --rootfs /r -m 64M --pids 9 -- /bin/sh -c "cat /proc/self/cgroup /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max; touch /sys/fs/cgroup/x"'
fact limits.enabled "$(subtree his)"
outcome named he 'contain run --rootfs /r --cgroup-parent /his/web -m 64M -- cat /sys/fs/cgroup/memory.max'
fact named.enabled "$(subtree his/web)"

outcome began he 'contain run --rootfs /r -d -m 64M --name web -- sleep 1000'
id=$(cat /tmp/out)
fact began.procs "$(wc -l <"his/contain-$id/cgroup.procs")"
outcome exec he 'contain exec web -- cat /proc/self/cgroup'
outcome stats he 'contain stats --no-stream --json web'
outcome pause he 'contain pause web'
fact pause.frozen "$(grep frozen "his/contain-$id/cgroup.events")"
outcome resume he 'contain resume web'
outcome update he 'contain update -m 32M --cpu-weight 50 web'
fact update.files "$(cat "his/contain-$id/memory.max" "his/contain-$id/cpu.weight")"
outcome exec.outside within . 'contain exec web -- true'
outcome rm he 'contain rm -f -t 0 web'
fact rm.left "$(ls -d his/contain-* 2>/dev/null)"

# Killed, and looked for from another place.
outcome killed he 'contain run --rootfs /r -d -m 64M --rm -- sleep 1000'
id=$(cat /tmp/out)
kill -9 $(sed -n 's/.*"supervisor_pid": \([0-9]*\).*/\1/p' "/tmp/contain-65534/$id/metadata.json")
swept() { within . 'contain ps' >/dev/null; [ ! -e "his/contain-$id" ]; }
fact killed.left "$(soon swept && ls /tmp/contain-65534)"

outcome outside within . 'contain run --rootfs /r --cgroup-parent /his/web -m 64M -- true'
outcome nothing within . 'contain run --rootfs /r -m 64M -- true'
outcome nothing.plain within . 'contain run --rootfs /r -- echo ran'
outcome roots he 'contain run --rootfs /r --cgroup-parent /elsewhere -m 64M -- true'
echo -memory -pids -cpu >his/web/cgroup.subtree_control; echo -memory -pids -cpu >his/cgroup.subtree_control
outcome top within his 'contain run --rootfs /r -m 64M -- true'
outcome top.plain within his 'contain run --rootfs /r -- echo ran'
echo -cpuset >cgroup.subtree_control
outcome ungiven he 'contain run --rootfs /r --cpuset 0 -- true'
echo +cpuset >cgroup.subtree_control
rmdir his/web his/leaf his
left after
