# The command that stands in contain.exec= instead of after the dashes.
. /facts.sh

fact args "$*"
exit 5
