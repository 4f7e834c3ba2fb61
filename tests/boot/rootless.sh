# An ordinary user in a machine that contain has booted: nobody, who has no session and no ranges of ids.
. /facts.sh
chmod 755 /tmp; chmod 1777 /tmp

he() { su nobody -s /bin/sh -c "$1"; }
left before
outcome line su nobody -s /bin/sh -c 'contain run --rootfs /r -- /bin/sh -c "id; ps"'
outcome mounts he 'contain run --rootfs /r -- /bin/sh -c "cat /sys/fs/cgroup/cgroup.procs; touch /sys/x /sys/fs/cgroup/x; echo x >/dev/null; ls /sys/class/net"'
outcome readonly he 'contain run --rootfs /r --read-only --net host -- /bin/sh -c "touch /x /sys/x; ls /sys/class/net"'
outcome host he 'contain run --rootfs /r --pid host --ipc host --uts host -- /bin/sh -c "cat /proc/1/comm"'
outcome limit he 'contain run --rootfs /r --memory 64M -- true'
outcome began he 'contain run --rootfs /r -d --name web -- sleep 1000'
outcome exec he 'contain exec web -- id -u'
outcome removed he 'contain rm -f -t 0 web'
outcome check he 'contain check'
echo 0 >/proc/sys/user/max_user_namespaces
outcome knob he 'contain run --rootfs /r -- true'
echo 1000 >/proc/sys/user/max_user_namespaces
# Debian's own.
fact debian "$(cat /proc/sys/kernel/unprivileged_userns_clone)"
echo 0 >/proc/sys/kernel/unprivileged_userns_clone
outcome debians he 'contain run --rootfs /r -- true'
outcome debians.check he 'contain check'
left after
