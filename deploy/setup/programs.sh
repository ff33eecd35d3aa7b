#!/usr/bin/env bash
# programs.sh test|demo|bench: sees to the programs that pip cannot install. Refuses to know versions: any will do.
# The demo goes on without a broker, for it also reports on a serial status line; the others stop.
set -euo pipefail
cd "$(dirname "$0")/../.."
PATH=$PATH:/usr/sbin:/usr/local/sbin # where Debian puts mosquitto, and a user's path does not look

has_header() { echo '#include <mosquitto.h>' | gcc -E -x c - >/dev/null 2>&1; }

case $1 in
    test)
        missing=()
        command -v mosquitto >/dev/null || missing+=(mosquitto)
        command -v systemd-analyze >/dev/null || missing+=(systemd) # for its judgement on our units; nothing is started
        [ ${#missing[@]} = 0 ] || deploy/setup/packages.sh "make test" "${missing[@]}"
        ;;
    demo)
        if command -v mosquitto >/dev/null; then exit 0; fi
        [ "$(id -u)" = 0 ] && deploy/setup/packages.sh "make demo" mosquitto \
            || echo "Without the package mosquitto: the demo goes on without MQTT, on the serial status line alone."
        ;;
    bench)
        missing=()
        command -v gcc >/dev/null || missing+=(gcc libc6-dev)
        command -v mosquitto >/dev/null || missing+=(mosquitto)
        has_header || missing+=(libmosquitto-dev)
        [ ${#missing[@]} = 0 ] || deploy/setup/packages.sh "make bench" "${missing[@]}"
        ;;
    *) echo "usage: programs.sh test|demo|bench" >&2; exit 2 ;;
esac
