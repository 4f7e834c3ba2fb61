# What is mounted and in use when the machine ends: a disk, a file system in a file on it, swap, a directory of it in a second
# place; and a process that writes until it is killed.
. /facts.sh
mount -t ext4 /dev/vda /mnt || fact disk failed
mkdir -p "/mnt/a dir" /mnt/sub /inner
modprobe loop
mount -t ext4 -o loop /mnt/image /inner || fact inner failed
dd if=/dev/zero of=/mnt/swap bs=1M count=4 2>/dev/null
chmod 600 /mnt/swap
mkswap /mnt/swap >/dev/null 2>&1 && swapon /mnt/swap
fact swaps "$(sed 1d /proc/swaps | wc -l)"
mount --bind /mnt/sub "/mnt/a dir"
(trap '' TERM; cd /inner; while :; do echo more >>/inner/log; echo more >>/mnt/log; done) &
echo kept >/mnt/kept
kill -USR2 1
while :; do sleep 1; done
