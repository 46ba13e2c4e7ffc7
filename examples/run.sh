#!/usr/bin/env bash
# Starts pulse with the demonstration, applies the example catalogue, imports the sample usage, prints what it costs and
# where to look, and stays up.
set -euo pipefail
cd "$(dirname "$0")/.."

: "${PULSE:=target/release/pulse}" "${PULSE_DATA_DIR:=./pulse-data}"
export PULSE_DATA_DIR
ready=$(mktemp -u "${TMPDIR:-/tmp}/pulse-ready.XXXXXX")
tree=$(mktemp "${TMPDIR:-/tmp}/pulse-tree.XXXXXX")

# The server gets a process group of its own: Ctrl-C reaches this script alone, which then stops the server once.
set -m
"$PULSE" up --demo --data-dir "$PULSE_DATA_DIR" --ready-file "$ready" > "$tree" &
server=$!
set +m
stop() {
    trap - EXIT INT TERM
    kill -TERM "$server" 2>/dev/null || true
    rm -f "$tree"
    wait "$server"
    exit
}
trap stop EXIT INT TERM
until [ -e "$ready" ]; do
    kill -0 "$server" 2>/dev/null || { wait "$server"; exit 1; }
    sleep 0.1
done

"$PULSE" catalog apply examples/catalog.yaml
"$PULSE" import examples/llm-usage.csv --tenant acme --source azure-llm-2023 \
    --time TIMESTAMP --metric ContextTokens=llm.input:token --metric GeneratedTokens=llm.output:token \
    --shift-to yesterday

echo
echo "What acme's usage costs:"
"$PULSE" query cost --tenant acme --from -48h --wait
cat "$tree"
echo "Stop with Ctrl-C; the data stays in $PULSE_DATA_DIR."
wait "$server"
