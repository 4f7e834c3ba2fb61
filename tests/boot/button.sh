# Waits for somebody outside to press a key; SIGTERM tells that it was heard.
. /facts.sh
trap 'fact term seen; exit' TERM
echo ready for the key
while :; do sleep 0.1; done
