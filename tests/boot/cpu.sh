# A fifth of a CPU. Runs with a clock that counts instructions, so that a busy host changes no number.
. /facts.sh

# The shell would tell that its child was ended, and its standard error has to stay empty.
spin='
    exec 2>/dev/null
    read start rest </proc/uptime
    timeout 3 sh -c "while :; do :; done"
    read end rest </proc/uptime
    echo "start $start"; echo "end $end"; cat /sys/fs/cgroup/cpu.stat'
outcome fifth box --cpu 20000 -- "$spin"
outcome half box --cpus 0.5 -- "$spin"
outcome whole box --cpu-weight 100 -- "$spin"
