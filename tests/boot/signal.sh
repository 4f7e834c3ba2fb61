# Sends process 1 a signal, beside a process that is stopped. On SIGTERM this shell tells so, and ends; or it `stays` and sends
# the signal once more.
. /facts.sh
how=$1 hup=''
shift
sleep 1000 &
kill -STOP $!
case $how in
    ends) trap 'fact term seen; exit 7' TERM ;;
    stays) trap 'fact term seen; kill -$1 1' TERM ;;
esac
# None of these is the end.
trap 'fact hup seen; hup=yes' HUP
trap 'fact usr1 seen' USR1
kill -WINCH 1
kill -CHLD 1
kill -URG 1
kill -HUP 1
# A signal that comes meanwhile would interrupt the shell as it tells so, and it does not try again.
heard() { [ -n "$hup" ]; }
soon heard
for signal in "$@"; do kill "-$signal" 1; done
while :; do sleep 0.1; done
