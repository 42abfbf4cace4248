#!/bin/sh
# Runs coap_aiocoap.py against `examples/coap_hub`, with large and with small blocks.
#
# Needs python3 with venv, and a package index for `aiocoap` (the environment is kept in $AIOCOAP_VENV, default
# target/aiocoap-venv).
#
#   tests/peers/run_aiocoap.sh                the hub of this checkout
#   COAP_HUB="CMD" tests/peers/run_aiocoap.sh another one; it gets `--listen HOST:PORT` and prints `ready coap://...`
#
# Exit code: 0 all checks passed, 1 a check failed, 2 the set-up failed.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
venv=${AIOCOAP_VENV:-$root/target/aiocoap-venv}
hub=${COAP_HUB:-cargo run --quiet --release --manifest-path "$root/Cargo.toml" --example coap_hub --}
work=$(mktemp -d)
hub_pid=

give_up() {
    echo "set-up failed: $1" >&2
    for log in "$work"/*.log; do
        [ -e "$log" ] && tail -n 20 "$log" >&2
    done
    exit 2
}

stop_all() {
    status=$?
    trap - EXIT INT TERM
    if [ -n "$hub_pid" ]; then
        kill "$hub_pid" 2>/dev/null || :
        wait "$hub_pid" 2>/dev/null || :
    fi
    rm -rf "$work"
    exit "$status"
}
trap stop_all EXIT INT TERM

if ! "$venv/bin/python" -c 'import aiocoap' 2>/dev/null; then
    { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet aiocoap; } >"$work/venv.log" 2>&1 ||
        give_up "no aiocoap"
fi

failed=0
for size in 1024 64; do
    port=$(python3 -c 'import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    $hub --listen "127.0.0.1:$port" --block-size "$size" >"$work/hub.log" 2>&1 &
    hub_pid=$!
    # The first run may have to build the example.
    tries=$((${READY_TIMEOUT:-600} * 10))
    while ! grep -q "^ready coap://" "$work/hub.log" 2>/dev/null; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || give_up "the hub is not ready"
        kill -0 "$hub_pid" 2>/dev/null || give_up "the hub ended"
        sleep 0.1
    done
    echo "-- blocks of $size bytes"
    "$venv/bin/python" "$here/coap_aiocoap.py" "coap://127.0.0.1:$port/twins/heater" || failed=1
    kill -0 "$hub_pid" 2>/dev/null || { echo "FAIL the hub did not survive"; failed=1; }
    kill "$hub_pid" 2>/dev/null || :
    wait "$hub_pid" 2>/dev/null || :
    hub_pid=
done
exit "$failed"
