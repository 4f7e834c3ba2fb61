# What the machine takes away, one thing after the other: a namespace type, a writable cgroup, any cgroup. Each
# must be one clear sentence, and a container that asked for no limit must not mind the cgroups.
. /facts.sh

for kind in uts ipc net pid mnt cgroup; do
    file=/proc/sys/user/max_${kind}_namespaces
    was=$(cat "$file")
    echo 0 >"$file"
    outcome "without.$kind" box -- true
    echo "$was" >"$file"
done
outcome cpuset box --cpuset 99 -- true
outcome command contain run --rootfs /r -- /no/such/thing
echo text >/r/bin/text
outcome executable contain run --rootfs /r -- /bin/text

# The controllers that PID 1 enabled are switched off again at the root.
echo '-memory' >/sys/fs/cgroup/cgroup.subtree_control
outcome disabled box --memory 64M -- 'cat /sys/fs/cgroup/memory.max'
mount -o remount,ro /sys/fs/cgroup
outcome readonly.limit box --pids 8 -- true
outcome readonly.plain box -- 'echo ran'
umount /sys/fs/cgroup
outcome unmounted.limit box --pids 8 -- true
outcome unmounted.plain box -- 'echo ran'
outcome unmounted.check contain check
left after
