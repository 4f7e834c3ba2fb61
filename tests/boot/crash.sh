# A fault of process 1, as if it had made one; what survives it tells whether a shell comes, and asks for the end by the second
# word: a signal.
. /facts.sh
trap '' HUP
(
    until ps -o pid,ppid,args >/tmp/ps && grep -q '^ *[0-9]* *1 /bin/sh$' /tmp/ps; do sleep 0.1; done
    shell=$(sed -n 's/^ *\([0-9]*\) *1 \/bin\/sh$/\1/p' /tmp/ps)
    fact shell.terminal "$(cut -d ' ' -f 7 "/proc/$shell/stat")"
    fact shell.parent "$(tr '\0' '|' </proc/1/cmdline)"
    fact shell.runs "$(mount | grep -c ' on /run ')"
    dmesg >/tmp/log
    fact log.fault "$(grep -c 'contain: .*SIG' /tmp/log)"
    fact log.again "$(grep -c 'contain: process 1 has failed' /tmp/log)"
    kill "-$2" 1
) &
kill "-$1" 1
while :; do sleep 1; done
