#!/bin/sh
# Runs azure_sdk.py against `examples/azure_hub`: Microsoft's device and service packages, over TLS.
#
# Needs openssl, python3 with venv, a package index for `azure-iot-device` and `azure-iot-hub` (the environment is
# kept in $AZURE_SDK_VENV, default target/azure-sdk-venv), and port 8883 of localhost, which the device package
# does not let one choose. Everything else lives in a temporary directory.
#
#   tests/peers/run_azure_sdk.sh                 the service of this checkout
#   AZURE_HUB="CMD" tests/peers/run_azure_sdk.sh another one; it gets azure_hub's options and prints `ready …`
#
# Exit code: 0 all checks passed, 1 a check failed, 2 the set-up failed.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
venv=${AZURE_SDK_VENV:-$root/target/azure-sdk-venv}
service=${AZURE_HUB:-cargo run --quiet --release --manifest-path "$root/Cargo.toml" --example azure_hub --}
work=$(mktemp -d)
service_pid=

give_up() {
    echo "set-up failed: $1" >&2
    for log in "$work"/*.log; do
        [ -e "$log" ] && sed "s|^|$(basename "$log"): |" "$log" | tail -n 20 >&2
    done
    exit 2
}

stop_all() {
    status=$?
    trap - EXIT INT TERM
    if [ -n "$service_pid" ]; then
        kill "$service_pid" 2>/dev/null || :
        wait "$service_pid" 2>/dev/null || :
    fi
    rm -rf "$work"
    exit "$status"
}
trap stop_all EXIT INT TERM

command -v openssl >/dev/null || give_up "openssl is not installed"
if ! "$venv/bin/python" -c 'import azure.iot.device, azure.iot.hub, six' 2>/dev/null; then
    # azure-iot-hub does not say that it needs six.
    { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet azure-iot-device azure-iot-hub six; } \
        >"$work/venv.log" 2>&1 || give_up "no azure-iot-device and azure-iot-hub"
fi

(
    cd "$work"
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=twinsync test CA" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
        -keyout ca.key -out ca.pem
    openssl req -newkey rsa:2048 -nodes -subj "/CN=localhost" -keyout server.key -out server.csr
    {
        echo "basicConstraints=CA:FALSE"
        echo "extendedKeyUsage=serverAuth"
        echo "subjectAltName=DNS:localhost,IP:127.0.0.1"
    } >server.ext
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
        -extfile server.ext -out server.pem
) >"$work/openssl.log" 2>&1 || give_up "certificates"

$service --listen 127.0.0.1:8883 --http 127.0.0.1:0 --tls-cert "$work/server.pem" --tls-key "$work/server.key" \
    >"$work/service.log" 2>&1 &
service_pid=$!
# The first run may have to build the example.
tries=$((${READY_TIMEOUT:-600} * 10))
while ! grep -q '^ready' "$work/service.log"; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] && kill -0 "$service_pid" 2>/dev/null || give_up "the service is not ready"
    sleep 0.1
done
port=$(sed -n -E 's#^ready .*https://[^ ]*:([0-9]+)$#\1#p' "$work/service.log")

failed=0
"$venv/bin/python" "$here/azure_sdk.py" --ca "$work/ca.pem" --http "localhost:$port" || failed=1
kill -0 "$service_pid" 2>/dev/null || { echo "FAIL the service did not survive"; failed=1; }
[ "$failed" -eq 0 ] || tail -n 20 "$work/service.log" >&2
exit "$failed"
