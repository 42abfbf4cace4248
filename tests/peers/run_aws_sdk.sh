#!/bin/sh
# Runs aws_sdk.py against `examples/shadow_service`: V1 and V2 clients, each over MQTT 3.1.1 and 5, mutual TLS.
#
# Needs mosquitto, openssl, python3 with venv, and a package index for `awsiotsdk` (the environment is kept in
# $AWS_SDK_VENV, default target/aws-sdk-venv). Everything else lives in a temporary directory and on free ports.
#
#   tests/peers/run_aws_sdk.sh                      the service of this checkout
#   SHADOW_SERVICE="CMD" tests/peers/run_aws_sdk.sh another one; it gets `--broker HOST:PORT` and prints `ready`
#
# Exit code: 0 all checks passed, 1 a check failed, 2 the set-up failed.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
venv=${AWS_SDK_VENV:-$root/target/aws-sdk-venv}
service=${SHADOW_SERVICE:-cargo run --quiet --release --manifest-path "$root/Cargo.toml" --example shadow_service --}
# Debian keeps the broker where only root's PATH looks.
PATH=$PATH:/usr/sbin:/usr/local/sbin
work=$(mktemp -d)
broker_pid=
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
    for pid in $service_pid $broker_pid; do
        kill "$pid" 2>/dev/null || :
        wait "$pid" 2>/dev/null || :
    done
    rm -rf "$work"
    exit "$status"
}
trap stop_all EXIT INT TERM

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Waits up to $3 seconds for the line $2 in file $1, as long as process $4 lives.
await_line() {
    tries=$(($3 * 10))
    while ! grep -q "$2" "$1" 2>/dev/null; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        kill -0 "$4" 2>/dev/null || return 1
        sleep 0.1
    done
}

command -v mosquitto >/dev/null || give_up "mosquitto is not installed"
command -v openssl >/dev/null || give_up "openssl is not installed"

if ! "$venv/bin/python" -c 'import awsiot' 2>/dev/null; then
    { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet awsiotsdk; } >"$work/venv.log" 2>&1 ||
        give_up "no awsiotsdk"
fi

# A certificate authority, a server certificate for localhost, a client certificate.
(
    cd "$work"
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=twinsync test CA" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
        -keyout ca.key -out ca.pem
    for name in server client; do
        openssl req -newkey rsa:2048 -nodes -subj "/CN=$name" -keyout "$name.key" -out "$name.csr"
        {
            echo "basicConstraints=CA:FALSE"
            echo "extendedKeyUsage=${name}Auth"
            [ "$name" = client ] || echo "subjectAltName=DNS:localhost,IP:127.0.0.1"
        } >"$name.ext"
        openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
            -extfile "$name.ext" -out "$name.pem"
    done
) >"$work/openssl.log" 2>&1 || give_up "certificates"

plain_port=$(free_port)
tls_port=$(free_port)
cat >"$work/mosquitto.conf" <<CONF
persistence false
allow_anonymous true
max_queued_messages 10000

listener $plain_port 127.0.0.1

listener $tls_port 127.0.0.1
cafile $work/ca.pem
certfile $work/server.pem
keyfile $work/server.key
require_certificate true
CONF
# mosquitto drops to an own user when started by root, and must still read its keys.
[ "$(id -u)" -ne 0 ] || echo "user root" >>"$work/mosquitto.conf"
mosquitto -c "$work/mosquitto.conf" >"$work/mosquitto.log" 2>&1 &
broker_pid=$!
await_line "$work/mosquitto.log" " running" 10 "$broker_pid" || give_up "mosquitto"

$service --broker "127.0.0.1:$plain_port" >"$work/service.log" 2>&1 &
service_pid=$!
# The first run may have to build the example.
await_line "$work/service.log" "^ready" "${READY_TIMEOUT:-600}" "$service_pid" || give_up "the service is not ready"

failed=0
for client in v1 v2; do
    for mqtt in 3 5; do
        "$venv/bin/python" "$here/aws_sdk.py" --host localhost --port "$tls_port" --ca "$work/ca.pem" \
            --cert "$work/client.pem" --key "$work/client.key" --client "$client" --mqtt "$mqtt" || failed=1
    done
done
kill -0 "$service_pid" 2>/dev/null || { echo "FAIL the service did not survive"; failed=1; }
[ "$failed" -eq 0 ] || tail -n 20 "$work/service.log" >&2
exit "$failed"
