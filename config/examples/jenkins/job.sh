#!/bin/sh
# job.sh COMMAND…: a whole build in one step. What it began is committed when the command succeeds, and rolled back when it fails or is
# ended. While it runs no other build can begin on this slave, also where slaves have several executors.
set -u
here=$(dirname "$0")
trap '"$here/rollback.sh"' EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
trap 'exit 129' HUP
"$here/begin.sh" --pid $$ || exit
"$@" || exit
"$here/commit.sh"
