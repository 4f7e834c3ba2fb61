# Everything but process 1 is killed again and again while it writes; what is meant to run comes again. Then this, too.
. /facts.sh
fact root "$(awk '$5 == "/" { print $(NF - 2), $(NF - 1), $6 }' /proc/self/mountinfo | tail -n 1)"
written() { [ "$(wc -c </written 2>/dev/null)" -gt "${1:-0}" ]; }
for round in 1 2 3 4 5; do
    size=$(wc -c </written 2>/dev/null || echo 0)
    soon written "$size"
    fact "round.$round" $?
    kill -9 -1
done
soon written "$(wc -c </written)"
kill -9 $$
