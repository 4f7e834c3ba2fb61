# Layers and images under an older kernel, with what its modules bring. Runs as the machine's only command.
. /facts.sh
chmod 755 /tmp; chmod 1777 /tmp

sum() { (cd "$1" && find . -exec stat -c '%n %f %u %g %s %Y' {} + | sort && find . -type f -exec cat {} + | sha256sum) | sha256sum; }
he() { su nobody -s /bin/sh -c "$1"; }
base=$(sum /r)
left before
outcome unloaded contain run --rootfs /r.squashfs -- true
modprobe loop
outcome memory box --overlay -- 'rm -r /bin/vi /home; mkdir /home; echo x >/x; ls / /home; grep -o "^[^ ]* / [a-z]*" /proc/mounts'
change='rm -r /bin/vi /home; mkdir /home; echo kept >/x'
outcome change box --overlay=/kept -- "$change"
outcome kept box --overlay=/kept -- 'cat /x; ls /home /bin/vi'
mkdir -p '/a:b,c\d/etc'; echo top >'/a:b,c\d/etc/top'
outcome layers contain run --rootfs /r --rootfs '/a:b,c\d' -- /bin/sh -c 'cat /etc/top; echo x >/x'
outcome image contain run --rootfs /r.squashfs -- /bin/sh -c 'ls -d /bin/sh; echo x >/x'
outcome above contain run --rootfs /r.squashfs --rootfs '/a:b,c\d' --overlay -- /bin/sh -c 'cat /etc/top; echo x >/x; cat /x'
outcome user he "contain run --rootfs /r --overlay -- /bin/sh -c 'id -u; echo x >/x; cat /x; grep -o userxattr /proc/mounts'"
mkdir /his; chown nobody /his
outcome his he "contain run --rootfs /r --overlay=/his/kept -- /bin/sh -c 'mkdir /new; echo x >/x'; contain run --rootfs /r --overlay=/his/kept -- cat /x"
outcome image.user he 'contain run --rootfs /r.squashfs -- true'
soon [ ! -e /sys/block/loop0/loop/backing_file ]
fact loop "$(cat /sys/block/loop*/loop/backing_file 2>/dev/null)"
[ "$(sum /r)" = "$base" ]
fact same $?
left after
