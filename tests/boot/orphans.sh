# Twenty thousand processes whose parent dies before it waited: contain reaps them as PID 1 of a container, and
# some more as PID 1 of the machine. They come a thousand at a time, and the kernel's own count of pids tells that
# they were there.
. /facts.sh

left before
cp /probe /r/
outcome inside box --init -- '
    /probe orphans 20 || exit
    read a b c d last </proc/loadavg; [ "$last" -gt 20000 ] && echo "20000 and more"
    tries=100
    until ! cat /proc/[0-9]*/stat 2>/dev/null | grep -q ") Z " || [ $tries = 0 ]; do sleep 0.1; tries=$((tries - 1)); done
    [ $tries -gt 0 ] && echo "no zombies"
    tr "\0" " " </proc/1/cmdline | head -n 1
    exit 3'
/probe orphans 5
fact outside.status $?
clean() { [ "$(zombies)" = 0 ]; }
soon clean
left after
