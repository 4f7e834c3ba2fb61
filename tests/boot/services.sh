# Services of a machine, as services.conf has them: their order, what they get, how they are started again and ended, and what
# `contain service` says to whom. Runs as the machine's command, and as one of its services with `seen`.
if [ "$1" = seen ]; then
    id; echo "$A $HOME $PATH"; pwd; cat /proc/self/cgroup /proc/self/oom_score_adj; grep -E "Sig(Blk|Ign|Cgt)" /proc/self/status
    tty
    for n in 0 1 2; do readlink /proc/$$/fd/$n; done
    # The fourth is this script, the fifth the directory itself.
    set -- /proc/$$/fd/*; echo $#
    exec sleep 10000
fi
. /facts.sh

service() { contain service "$@"; }
state() { contain service ls | awk -v name="$1" '$1 == name { print $2 $3 }'; }
# is NAME STATE: as `ls` shows it, with the exit status behind.
is() { case $(state "$1") in "$2"*) ;; *) false ;; esac; }
pid() { contain service ls | awk -v name="$1" '$1 == name { print $3 }'; }
has() { grep -q "$1" "$2" 2>/dev/null; }

soon has started /tmp/web
fact order "$(cat /tmp/order) $([ "$(pid db)" -lt "$(pid web)" ] && echo then db, web)"
soon has '^5$' /run/contain/log/db.log
fact seen "$(cat /run/contain/log/db.log)"
fact broken "$(state broken) $(state never) $(state setup)"
soon is well 'ended(0)'
fact well "$(state well)"
outcome by-hand service start never
fact never "$(state never)"

again() { [ "$(wc -l </tmp/crash)" -ge 6 ]; }
soon again
fact crash "$(head -n 6 /tmp/crash)"
outcome crash.stop service stop crash
fact crash.state "$(state crash)"

for name in missing nobody nowhere; do soon is $name ended; done
fact missing "$(state missing) $(state nobody) $(state nowhere)"
outcome log service log web missing nobody box file kmsg ghost

soon has ready /tmp/deaf
start=$(cut -d . -f 1 /proc/uptime)
outcome deaf service stop deaf
fact deaf.took $(($(cut -d . -f 1 /proc/uptime) - start))
fact deaf.state "$(state deaf)"
outcome stopped service stop stopped
fact stopped.state "$(state stopped)"
left_over() { ps -o args | grep -c '^sleep 20000'; }
three() { [ "$(left_over)" = 3 ]; }
soon three
fact family.runs "$(left_over)"
outcome family service stop family
fact family.left "$(left_over)"
no_group() { [ ! -e /sys/fs/cgroup/family.service ]; }
soon no_group
fact family.group $?

before_=$(pid web)
outcome web.kill kill -9 "$before_"
other() { is web running && [ "$(pid web)" != "$before_" ]; }
soon other
fact web.again "$(state web)"
outcome box.exec contain exec box hostname
outcome box.restart service restart box
box_is_back() { contain exec box true 2>/dev/null; }
soon box_is_back
fact box.again $?
contain ps >/tmp/out
fact ps "$(awk '{ print $1 == "service" ? $1 : "container", $NF == "web" ? "web" : "", $0 ~ /box/ ? "box" : "" }' /tmp/out | sort | uniq -c | tr -s ' ')"
fact ps.rows "$(grep -E 'service.* (web|db|box|command) ' /tmp/out | awk '{ print $1, $3, $7 }')"
outcome json service ls --json
outcome ghost service stop wib
outcome twice service start web db
outcome verb service sotp web
outcome alone service stop
outcome named service ls web
outcome user su nobody -s /bin/sh -c 'contain service ls'
outcome nobody.there contain run --rootfs /r -v /bin/contain:/bin/contain -- contain service ls

n=0; while [ $n -lt 20 ]; do service restart file flood kmsg || break; n=$((n + 1)); done
fact often "$n $(state file) $(zombies)"
fact pss "$(awk '$1 == "Pss:" { print $2 }' /proc/1/smaps_rollup)"
fact adj "$(cat /proc/1/oom_score_adj)"
small() { [ "$(($(stat -c %s /run/contain/log/flood.log) + $(stat -c %s /run/contain/log/flood.log.1)))" -le 131072 ]; }
soon small
fact flood.size "$(($(stat -c %s /run/contain/log/flood.log) + $(stat -c %s /run/contain/log/flood.log.1)))"
fact flood.end "$(service log flood | tail -n 1)"
fact kmsg.line "$(dmesg | grep -c 'to the kernel')"
# Clients that hang and flood have the eight places; the next is heard when they are given up.
/probe clients 12 >/tmp/clients &
soon has ready /tmp/clients
outcome patient service restart web
fact fds "$(ls /proc/1/fd | wc -l)"
