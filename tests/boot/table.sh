# One line of an inittab: notes its name, in the order in which they get here, and ends as it is told.
mkdir -p /run/started
echo "$1" >>/run/started/order
case $1 in
    login) tr '\0' ' ' </proc/$$/cmdline >/run/started/login ;;
    last)
        . /facts.sh
        tries=100
        until [ -e /run/started/login ] && [ "$(grep -c again /run/started/order)" -gt 1 ] || [ $tries = 0 ]; do
            sleep 0.1
            tries=$((tries - 1))
        done
        fact order "$(cat /run/started/order)"
        fact login "$(cat /run/started/login)"
        kill -USR2 1
        sleep 1000
        ;;
esac
exit "${2:-0}"
