# What became of the interfaces that were wanted. Runs as the machine's only command.
. /facts.sh

words() { printf '%s' "$1" | tr -s '\n' ' '; }
addresses() { ip -4 -o addr show dev "$1" | sed 's/.* inet //; s/ .*//'; }
fact hostname "$(hostname)"
fact lo "$(addresses lo)"
for interface in eth0 eth1 eth2 bond0; do
    [ -e /sys/class/net/$interface ] || continue
    fact $interface.addresses "$(words "$(addresses $interface)")"
    fact $interface.state "$(cat /sys/class/net/$interface/operstate)"
done
fact broadcast "$(ip -4 -o addr show dev eth0 | sed -n 's/.* brd \([0-9.]*\) .*/\1/p')"
fact routes "$(ip route)"
fact resolv "$(cat /etc/resolv.conf)"
outcome ping ping -c 1 -W 10 10.0.2.2

# What keeps the lease is a process of process 1's, and comes back.
clients() {
    for pid in $(pidof contain); do
        printf '%s ' "$(tr '\0' ' ' <"/proc/$pid/cmdline")" "$(grep PPid "/proc/$pid/status")"
        echo "$pid"
    done | grep 'dhcp eth0'
}
old=$(clients)
fact clients "$old"
[ -n "$old" ] || exit 0
old=${old##* }
kill -9 "$old"
again() { new=$(clients) && [ "${new##* }" != "$old" ]; }
soon again
fact again $?
fact kept "$(addresses eth0)"
