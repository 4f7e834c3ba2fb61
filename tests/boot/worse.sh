# After early.sh.
. /facts.sh

fact modules "$(cut -d ' ' -f 1 /proc/modules | tr '\n' ' ')"
fact entropy "$(cat /proc/sys/kernel/random/entropy_avail)"
fact year "$(date -u +%Y)"
