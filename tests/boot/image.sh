# What an image looks like from inside once its services are up; then it is powered off.
. /facts.sh
fact root "$(awk '$5 == "/" { print $(NF - 2), $(NF - 1), $6 }' /proc/self/mountinfo | tail -n 1)"
fact hostname "$(cat /proc/sys/kernel/hostname)"
if [ -e /etc/contain.conf ]; then
    fetch() {
        if [ -x /usr/bin/python3 ]; then
            python3 -c 'import urllib.request as it; print(it.urlopen("http://127.0.0.1:8000/page").read().decode())'
        else
            wget -q -O - http://127.0.0.1:8000/page
        fi 2>/dev/null >/tmp/page
    }
    soon fetch
    fact page "$(head -n 1 /tmp/page)"
    soon [ -s /var/log/ticks ]
    fact ticks $?
    fact services "$(/sbin/init service ls 2>&1)"
else
    fact rcS "$(cat /run/rcS)"
    fact mnt "$(grep -c ' /mnt tmpfs ' /proc/mounts)"
    poweroff
    sleep 60
fi
