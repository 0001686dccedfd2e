#!/bin/sh
# Runs Towpath next to the user's shell pipeline, on the same git server in the
# same run, and prints both and a table of what the ratios must be. Some minutes.
# Flags are handed on: scripts/bench.sh -h lists them.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
"$root/scripts/tools.sh" kustomize helm
cd "$root"
PATH=${TOWPATH_TOOLS:-$root/bin}:$PATH exec go run ./internal/bench "$@"
