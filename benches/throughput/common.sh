# What `run` and `faces` share. To be sourced in the root of the repository, with `set -euo pipefail` and `here`, `rounds` and
# `seconds` set.

lines=$(mktemp -d)
started=()
stop() {
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
    rm -rf "$lines"
}
trap stop EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# answers URL BODY: waits until it does, and leaves the answer in $lines/answer.
answers() {
    for _ in $(seq 200); do
        curl --silent --fail --output "$lines/answer" --json "@$2" "$1" && return
        sleep 0.1
    done
    echo "throughput: nothing answers at $1: $(curl --silent --json "@$2" "$1")" >&2
    exit 1
}

# measure: asks all `names` in turn at their `url` with their `body`, and leaves a line for each round in $lines/measured.
measure() {
    local round name
    for round in $(seq "$rounds"); do
        for name in "${names[@]}"; do
            echo "throughput: round $round of $rounds: $name" >&2
            BODY=${body[$name]} wrk --threads 1 --connections 32 --duration "${seconds}s" --latency --script $here/post.lua \
                "${url[$name]}" | tail -1 | jq --compact-output --arg name "$name" '{name: $name} + .' >>"$lines/measured"
        done
    done
}
