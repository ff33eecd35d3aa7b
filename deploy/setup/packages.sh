#!/usr/bin/env bash
# packages.sh PURPOSE PACKAGE...: installs Debian or Ubuntu packages when it may, and names them when it may not.
# Refuses to know why they are needed: PURPOSE is the word for it. What apt says goes to build/apt.log.
set -euo pipefail
cd "$(dirname "$0")/../.."

purpose=$1
shift
log=build/apt.log
mkdir -p build

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "pumpctl: $purpose needs $*, which is not here; install it (on Debian or Ubuntu, as root: apt-get install $*) and run this again" >&2
    exit 1
fi
echo "Installing $* for $purpose (what apt says is in $log)"
export DEBIAN_FRONTEND=noninteractive
# An outdated list names files that the mirror no longer has, so it is renewed first.
if ! { apt-get update && apt-get install -y --no-install-recommends "$@"; } >"$log" 2>&1 </dev/null; then
    tail -n 15 "$log" >&2
    echo "pumpctl: apt-get could not install $* for $purpose; its last lines are above, the rest is in $log" >&2
    exit 1
fi
