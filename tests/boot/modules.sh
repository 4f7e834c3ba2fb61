# The boot with what a machine brings: its modules, watchdog, clock, seed, and the chart of it.
. /facts.sh

fact modules "$(cut -d ' ' -f 1 /proc/modules | sort | tr '\n' ' ')"
fact parameter "$(cat /sys/module/loop/parameters/max_loop)"
fact hardware "$(cat /sys/class/misc/hw_random/rng_current)"
fact year "$(date -u +%Y)"
fact seed "$(stat -c '%s %a' /seed) $(grep -q ^aaaaaaaa /seed || echo new)"
fact watchdog "$(cat /sys/class/watchdog/watchdog0/state) $(cat /sys/class/watchdog/watchdog0/timeout)"
outcome chart contain bootchart
outcome svg contain bootchart --svg
# Longer than the watchdog waits: it is fed.
sleep 10
fact lived "$(cut -d . -f 1 /proc/uptime)"
# The end of the machine asks it to end, after the session has.
(
    trap '' HUP
    trap 'fact handed "$(cat /sys/class/watchdog/watchdog0/timeout)"; exit' TERM
    touch /tmp/ready
    while :; do sleep 1; done
) &
ready() { [ -e /tmp/ready ]; }
soon ready
