#!/usr/bin/env bash
# Prints the path of the Python to build with. Refuses to know what is built.
#
# $1 or, when it is empty, the newest of 3.14 to 3.11 and python3 that really runs: a version switcher leaves names on
# the path that only print an error. One that can make virtual environments wins over a newer one that cannot.
set -euo pipefail

at_least_3_11='import sys; sys.exit(sys.version_info < (3, 11))'
can_make_environments='import ensurepip, venv'

runs() { command -v "$1" >/dev/null && "$1" -c "$2" >/dev/null 2>&1; }

if [ -n "${1:-}" ]; then
    runs "$1" "$at_least_3_11" && { command -v "$1"; exit 0; }
    echo "pumpctl: PYTHON=$1 is not a Python of 3.11 or newer that runs here; name another one" >&2
    exit 1
fi

names="python3.14 python3.13 python3.12 python3.11 python3"
for wanted in "$can_make_environments; $at_least_3_11" "$at_least_3_11"; do
    for name in $names; do
        runs "$name" "$wanted" && { command -v "$name"; exit 0; }
    done
done
echo "pumpctl: no Python of 3.11 or newer found (looked for: $names); install one or name it: make PYTHON=/path/to/python" >&2
exit 1
