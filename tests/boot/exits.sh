# How a command's end comes out: every exit code, and every signal, with contain as PID 1 of the container so that
# the command is not the one process that the kernel protects from its own signals.
. /facts.sh

cp /probe /r/
left before
code=0
while [ $code -le 255 ]; do
    contain run --rootfs /r -- /probe exit $code 2>/dev/null
    fact "exit.$code" $?
    code=$((code + 1))
done
# 17 to 23 and 28 do not end a process by themselves; those that are ignored let it live, those that stop it are
# for a terminal's tests.
for signal in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 23 24 25 26 27 28 29 30 31 $(seq 32 64); do
    contain run --rootfs /r --init -- /probe die $signal 2>/dev/null
    fact "signal.$signal" $?
done
left after
kill -SEGV $$
