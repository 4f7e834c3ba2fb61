# What a root on a disk looks like from inside; the arguments are facts too.
. /facts.sh
fact args "$*"
root() { awk '$5 == "/" { print $(NF - 2), $(NF - 1), $6 }' /proc/self/mountinfo | tail -n 1; }
fact root "$(root)"
fact init "$(readlink /proc/1/exe)"
fact limits "$(awk '/^Max open files/ { print $4, $5 }' /proc/self/limits)"
# An initramfs that is not deleted stays in memory that cannot be paged out.
fact unevictable "$(awk '/^Unevictable/ { print $2 }' /proc/meminfo)"
for path in / /dev /dev/pts /proc /sys /run /tmp /sys/fs/cgroup; do
    fact "mounts.$path" "$(awk -v path="$path" '$5 == path { count++ } END { print count + 0 }' /proc/self/mountinfo)"
done
awk '{ print $5, $6, $(NF - 2), $(NF - 1) }' /proc/self/mountinfo >/run/mounts
while read -r path options kind source; do
    fact "mount.$path" "$kind $source $options"
done </run/mounts
outcome write sh -c "cat /written 2>/dev/null; echo $1 >>/written && sync"
outcome contained contain run --rootfs / -- /bin/true
outcome box contain run --rootfs /r -- /bin/sh -c 'ls /'
