# Process 1 under load: a thousand services, ten thousand zombies and orphans, kills, crashes, no room and no memory. It holds,
# and needs no more memory than before.
. /facts.sh

service() { contain service "$@"; }
state() { service ls | awk -v name="$1" '$1 == name { print $2 $3 }'; }
# count STATUS: how many of the thousand are so.
count() { service ls | grep -c "^n[0-9]* *$1"; }
names() { i=0; while [ $i -lt 1000 ]; do echo n$i; i=$((i + 1)); done; }
memory() { awk '/^RssAnon|^VmData/ { print $2 }' /proc/1/status | tr '\n' ' '; }
groups() { find /sys/fs/cgroup -name 'n*.service' -type d | wc -l; }

all() { [ "$(count running)" = 1000 ]; }
soon all
fact started "$(count running) $(groups)"
service stop $(names)
none() { [ "$(groups)" = 0 ]; }
soon none
fact stopped "$(count 'stopped (143)') $(groups) $(zombies)"
service start $(names)
soon all
service stop $(names)
soon none
fact again "$(count 'stopped (143)') $(groups) $(zombies)"
before=$(memory)

# A machine of this size has fewer by itself.
echo 30000 >/proc/sys/kernel/threads-max
# Zombies of a service, which are process 1's when it is stopped; and orphans.
service start zombies
ready() { grep -q ready /tmp/zombies; }
soon ready
fact zombies "$(zombies)"
service stop zombies
clean() { [ "$(zombies)" = 0 ]; }
soon clean
fact zombies.after "$(zombies) $(state zombies)"
/probe orphans 20
fact orphans $?
soon clean
fact orphans.after "$(zombies)"

# A service that is killed again and again, beside one that ends by itself as soon as it is started.
service start storm fast
n=0
while [ $n -lt 100 ]; do
    old=$(cat /tmp/storm)
    kill -9 "$old"
    new() { new=$(cat /tmp/storm); [ -n "$new" ] && [ "$new" != "$old" ]; }
    soon new || break
    n=$((n + 1))
done
fact storm $n
often() { [ "$(wc -c </tmp/fast)" -ge 300 ]; }
soon often
service stop storm fast
fact fast "$([ "$(wc -c </tmp/fast)" -ge 300 ] && echo often) $(state storm) $(state fast)"

# No room in /run, nor for logs.
dd if=/dev/zero of=/run/full bs=64k 2>/dev/null; dd if=/dev/zero of=/run/contain/log/full bs=64k 2>/dev/null
outcome full service restart writer
fact full.state "$(service ls | awk '$1 == "writer" { print $2, $4 }')"
rm /run/full /run/contain/log/full
service restart writer
written() { grep -q written /run/contain/log/writer.log; }
soon written
outcome room service log writer

# No memory: whoever takes it is killed.
service start hog
ended() { case $(state hog) in ended*) ;; *) false ;; esac; }
soon ended
fact hog "$(state hog)"
fact alive "$(tr '\0' ' ' </proc/1/cmdline | head -c 5) $(state writer | tr -d '0-9')"
fact memory "$before$(memory)"
exit 7
