# Process 1 hangs: the watchdog is not fed any more.
. /facts.sh

fact watchdog "$(cat /sys/class/watchdog/watchdog0/state)"
/probe hold 1 &
wait
fact survived "$(cat /proc/uptime)"
