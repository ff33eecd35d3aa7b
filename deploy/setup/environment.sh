#!/usr/bin/env bash
# environment.sh run|dev [PYTHON]: makes .venv hold exactly what the lock file of that use names, then the project.
# Refuses to know who downloads from where: pip's own settings say that. A stamp with the content of the inputs makes
# a second run quick and a changed lock file count. What pip says goes to build/setup.log.
set -euo pipefail
cd "$(dirname "$0")/../.."

use=$1
asked_python=${2:-}
log=build/setup.log
case $use in
    run) lock=requirements.lock peers= ;;
    dev) lock=requirements-dev.lock peers=requirements-interop.lock ;;
    *) echo "usage: environment.sh run|dev [PYTHON]" >&2; exit 2 ;;
esac

inputs() { pwd; sha256sum "$@" pyproject.toml; }
is_current() { [ -f ".venv/$1.stamp" ] && [ "$(cat ".venv/$1.stamp")" = "$(inputs "${@:2}")" ]; }
version() { "$1" -c 'import sys; print(*sys.version_info[:2])' 2>/dev/null; }

# Usable: it runs, is new enough, has pip, was made at this path, and is of the version asked for.
is_usable() {
    .venv/bin/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || return 1
    grep -qF "$PWD/.venv/bin/" .venv/bin/pip || return 1
    [ -z "$asked_python" ] || [ "$(version "$asked_python")" = "$(version .venv/bin/python)" ]
}

make_environment() {
    local python
    python=$(deploy/setup/find_python.sh "$asked_python")
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        deploy/setup/packages.sh "the virtual environment of $python" \
            "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    fi
    rm -rf .venv
    "$python" -m venv .venv
}

install() {
    export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
    .venv/bin/python -m pip install --require-hashes -r "$lock"
    .venv/bin/python -m pip install --no-deps --no-build-isolation -e .
    # Programs of others that tests/interop runs: each alone, without what it names as dependencies (pyproject.toml).
    [ -z "$peers" ] || .venv/bin/python -m pip install --no-deps --no-build-isolation --require-hashes -r "$peers"
}

if is_usable; then
    if is_current dev requirements-dev.lock requirements-interop.lock; then exit 0; fi
    if is_current "$use" "$lock" ${peers:+"$peers"}; then exit 0; fi
fi
mkdir -p build
echo "Setting up .venv from $lock (the first time takes a minute or two; what pip says is in $log)"
is_usable || make_environment
rm -f .venv/run.stamp .venv/dev.stamp
if ! install >"$log" 2>&1 </dev/null; then
    tail -n 15 "$log" >&2
    echo "pumpctl: pip could not install $lock; its last lines are above, the rest is in $log" >&2
    exit 1
fi
inputs "$lock" ${peers:+"$peers"} >".venv/$use.stamp"
